"""The commands as a user types them, in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from brokers import Mosquitto, free_port
from promptly import NEVER_S, promptly
from pydantic import BaseModel

from streamaqa.delivery.messages import FeedbackMessage, RepMessage, SetMessage, StateMessage
from streamaqa.sources.pose_track import save_track
from streamaqa.sources.synthetic import poses

ROOT = Path(__file__).resolve().parents[1]
SQUATS = "synthetic:squat?reps=2&seed=1&faults=knees_inward&view=0"


def command(*arguments: str | Path) -> list[str]:
    return [str(Path(sys.executable).with_name("streamaqa")), *map(str, arguments)]


def run(*arguments: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "COLUMNS": "160", **environ},
    )


@pytest.fixture(scope="module")
def track(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tracks") / "squats.npz"
    save_track(path, poses(SQUATS, fps=30))
    return path


def test_replay_counts_a_real_clip(shared: Path, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    clip = shared / "clips" / "squat_dumbbell_front_5reps.mp4"
    done = run("replay", clip, "--fast", "--events", events)
    assert done.returncode == 0, done.stderr
    assert "5 reps in 365 frames" in done.stdout
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    by_topic: dict[str, list[dict[str, object]]] = {}
    for line in lines:
        by_topic.setdefault(line["topic"].rpartition("/")[2], []).append(line["payload"])
    models: dict[str, type[BaseModel]] = {
        "rep": RepMessage,
        "feedback": FeedbackMessage,
        "set": SetMessage,
        "state": StateMessage,
    }
    for what, model in models.items():
        for payload in by_topic[what]:
            model.model_validate(payload)
    assert [payload["rep"] for payload in by_topic["rep"]] == [1, 2, 3, 4, 5]
    assert [payload["rep"] for payload in by_topic["feedback"]] == [1, 2, 3, 4, 5]
    assert len(by_topic["set"]) == 1


def test_replay_of_the_same_track_says_the_same(track: Path, tmp_path: Path) -> None:
    said = []
    for name in ("one.jsonl", "two.jsonl"):
        done = run("replay", track, "--fast", "--events", tmp_path / name)
        assert done.returncode == 0, done.stderr
        lines = [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
        for line in lines:
            if isinstance(line["payload"], dict):
                for varying in ("id", "session", "latency_ms", "at", "started_at", "ended_at", "expires_at"):
                    line["payload"].pop(varying, None)
        said.append(lines)
    assert said[0] == said[1]
    assert any(line["topic"].endswith("/feedback") and line["payload"]["errors"] for line in said[0])


def test_run_publishes_to_a_broker_and_listen_reads_it(mosquitto: Mosquitto, tmp_path: Path) -> None:
    environ = {
        "STREAMAQA_MQTT__HOST": "127.0.0.1",
        "STREAMAQA_MQTT__PORT": str(mosquitto.port),
        "STREAMAQA_OUTBOX__FOLDER": str(tmp_path),
    }
    broker = f"mqtt://127.0.0.1:{mosquitto.port}"
    listening = subprocess.Popen(command("listen", "--broker", broker), stdout=subprocess.PIPE, text=True)
    try:
        time.sleep(2.0)  # it has no way to tell that it has subscribed
        done = run("run", SQUATS, **environ)
        assert done.returncode == 0, done.stderr
        assert "2 reps" in done.stdout
    finally:
        listening.send_signal(signal.SIGINT)
        heard, _ = listening.communicate(timeout=20)
    assert listening.returncode == 0
    for line in (
        "online",
        "set 1 rep 1  squat",
        "set 1 rep 2  squat",
        "knees_inward",
        "set 1 over",
        "stopped",
    ):
        assert line in heard


def test_ctrl_c_leaves_the_demo_cleanly_and_at_once() -> None:
    demo = subprocess.Popen(command("demo"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    before = []
    for line in demo.stdout:
        before.append(line)
        if "rep 1" in line:
            break
    cameras = psutil.Process(demo.pid).children(recursive=True)
    assert cameras, "the demo's camera never started"
    with promptly():  # a second on an idle machine
        demo.send_signal(signal.SIGINT)
        out, err = demo.communicate(timeout=NEVER_S)
    out = "".join(before) + out
    assert demo.returncode == 0
    assert "Traceback" not in out + err
    assert "mosquitto_sub -h 127.0.0.1 -p" in out
    _, alive = psutil.wait_procs(cameras, NEVER_S)
    assert alive == []


def test_check_says_what_would_run() -> None:
    done = run("check", ROOT / "edge_configs" / "laptop.yaml")
    assert done.returncode == 0, done.stderr
    assert "broker" in done.stdout
    assert json.loads(run("check", ROOT / "edge_configs" / "laptop.yaml", "--json").stdout)["site"]


def test_models_pull_says_where_the_model_is(pose_model: Path) -> None:
    done = run("models", "pull")
    assert done.returncode == 0, done.stderr
    assert str(pose_model) in done.stdout


def test_every_command_shows_an_example() -> None:
    for words in ("demo", "run", "replay", "listen", "check", "models pull"):
        assert f"Example: streamaqa {words}" in run(*words.split(), "--help").stdout
    for what in ("pose", "segment", "replay", "render"):
        assert f"Example: streamaqa bench {what}" in run("bench", what, "--help").stdout


def one_line(done: subprocess.CompletedProcess[str], *wanted: str) -> None:
    """Exit code 2 and one line on standard error that says what to do."""
    assert done.returncode == 2, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("streamaqa: ")
    for word in wanted:
        assert word in lines[0]


def test_a_file_that_is_no_video_is_one_line(tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("no video\n" * 100)
    one_line(run("replay", text, "--fast"), "notes.mp4", "not a video")
    one_line(run("replay", tmp_path / "nowhere.mp4", "--fast"), "no such file")
    empty = tmp_path / "empty.mp4"
    empty.touch()
    one_line(run("replay", empty, "--fast"), "empty.mp4")


def test_a_video_that_was_cut_off_is_one_line_after_its_reps(shared: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.mp4"
    clip = shared / "clips" / "squat_dumbbell_front_5reps.mp4"
    remux = ["ffmpeg", "-v", "error", "-i", str(clip), "-c", "copy", "-movflags", "+faststart", str(whole)]
    subprocess.run(remux, check=True)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    events = tmp_path / "events.jsonl"
    done = run("replay", cut, "--fast", "--events", events)
    one_line(done, "cut.mp4", "cut off")
    topics = [json.loads(line)["topic"].rpartition("/")[2] for line in events.read_text().splitlines()]
    assert topics.count("feedback") == topics.count("rep") >= 2


def test_a_broker_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    port = str(free_port())
    environ = {"STREAMAQA_MQTT__HOST": "127.0.0.1", "STREAMAQA_MQTT__PORT": port}
    one_line(run("run", SQUATS, **environ), "127.0.0.1", port)
    one_line(run("listen", **environ), port)


def test_a_broker_that_refuses_is_one_line_without_the_password(
    locked_mosquitto: Mosquitto, tmp_path: Path
) -> None:
    done = run(
        "run",
        SQUATS,
        STREAMAQA_MQTT__HOST="127.0.0.1",
        STREAMAQA_MQTT__PORT=str(locked_mosquitto.port),
        STREAMAQA_MQTT__USERNAME="gym",
        STREAMAQA_MQTT__PASSWORD="hunter2",
    )
    one_line(done, "password")
    assert "hunter2" not in done.stdout + done.stderr


def test_a_model_file_with_the_wrong_hash_is_one_line(tmp_path: Path) -> None:
    wrong = tmp_path / "pose.task"
    wrong.write_bytes(b"not the model")
    environ = {"STREAMAQA_POSE_MODEL": str(wrong)}
    one_line(run("models", "pull", **environ), "pose.task", "sha256")
    one_line(run("run", SQUATS, **environ), "pose.task")
    one_line(run("demo", **environ), "pose.task")


def test_a_configuration_with_unknown_keys_names_each_with_its_line(tmp_path: Path) -> None:
    config = tmp_path / "gym.yaml"
    config.write_text("site: gym\nmqtt:\n  prot: 1883\n")
    one_line(run("check", config), "gym.yaml:3", "mqtt.prot", "port")
    one_line(run("run", SQUATS, "--config", config), "gym.yaml:3")


def test_no_source_at_all_is_one_line() -> None:
    one_line(run("run"), "no camera")
    one_line(run("replay", "synthetic:snatch"), "snatch")
    one_line(run("replay", SQUATS, "--exercise", "snatch"), "exercise", "snatch")


def test_a_password_in_an_address_is_refused_and_not_shown(tmp_path: Path) -> None:
    config = tmp_path / "gym.yaml"
    config.write_text("cameras:\n  - {name: rack, source: 'synthetic:squat'}\n")
    for options in ([], ["--config", str(config)]):
        done = run("run", "rtsp://coach:hunter2@camera/stream", *options)
        one_line(done, "password")
        assert "hunter2" not in done.stdout + done.stderr


def test_a_reader_that_goes_away_ends_the_run_without_a_traceback(track: Path) -> None:
    replaying = subprocess.Popen(
        command("replay", track, "--speed", "4"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert replaying.stdout is not None
    assert replaying.stderr is not None
    assert replaying.stdout.readline()
    replaying.stdout.close()
    complaints = replaying.stderr.read()
    replaying.stderr.close()
    replaying.wait(timeout=20)
    assert complaints == ""


def test_a_topic_filter_that_is_none_is_one_line(mosquitto: Mosquitto) -> None:
    broker = f"mqtt://127.0.0.1:{mosquitto.port}"
    one_line(run("listen", "--broker", broker, "--topic", "a/#/b"), "a/#/b")


def test_the_embedded_broker_takes_a_free_port_if_its_own_is_taken(mosquitto: Mosquitto, track: Path) -> None:
    done = run("run", track, STREAMAQA_MQTT__PORT=str(mosquitto.port))
    assert done.returncode == 0, done.stderr
    assert "MQTT broker on 127.0.0.1" in done.stdout
    assert f"port {mosquitto.port}" not in done.stdout


def test_each_command_that_says_messages_says_them_as_json_lines(track: Path, tmp_path: Path) -> None:
    for words in (("replay", track, "--fast"), ("run", track)):
        done = run(*words, "--json", STREAMAQA_OUTBOX__FOLDER=str(tmp_path))
        assert done.returncode == 0, done.stderr
        said = [json.loads(line) for line in done.stdout.splitlines()]
        topics = [message["topic"].rpartition("/")[2] for message in said]
        assert topics.count("rep") == topics.count("feedback") == 2
        assert topics.count("set") == 1
    assert json.loads(run("models", "pull", "--json").stdout)["variant"] == "full"


def test_messages_are_never_written_over_the_recording(track: Path) -> None:
    before = track.read_bytes()
    one_line(run("replay", track, "--fast", "--events", track), "name another file")
    assert track.read_bytes() == before


def test_a_full_disk_for_the_messages_is_one_line(track: Path) -> None:
    one_line(run("replay", track, "--fast", "--events", "/dev/full"), "/dev/full")
    one_line(run("replay", track, "--fast", "--events", "/nowhere/out.jsonl"), "/nowhere/out.jsonl")
