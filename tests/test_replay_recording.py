"""A recorded session is a regression test: replayed, it says the same."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brokers import free_port
from rich.console import Console

from streamaqa.assessment import Assessor
from streamaqa.config import CameraSettings, Config
from streamaqa.delivery.commands import (
    AthleteCommand,
    EngineCommand,
    ExerciseCommand,
    PauseCommand,
    ResetCommand,
    ResumeCommand,
)
from streamaqa.delivery.outlet import Outlet
from streamaqa.delivery.topics import Topics
from streamaqa.engine import build, new_session
from streamaqa.errors import DeliveryError, SourceError, UsageError
from streamaqa.pose import PoseEstimator
from streamaqa.recording import RecordingSettings, lines, session
from streamaqa.recording.poses import HEADER_BYTES, RECORD
from streamaqa.replaying import Beginning, Kept, replay
from streamaqa.sessions import recording, sinks_of
from streamaqa.sources import PoseSource, Source
from streamaqa.sources.base import CAMERA_LOST, SourceInfo
from streamaqa.sources.pose_track import save_track
from streamaqa.sources.synthetic import from_spec, poses
from streamaqa.types import Assessment, AssessorInfo, Evidence, Finding, Frame, Pose
from streamaqa.windows import WindowPlan

SQUATS = "synthetic:squat?reps=3&seed=1&faults=knees_inward&view=0"
CAMERA = CameraSettings(name="rack", source="-", athlete="Ada", height_m=1.7)


class Track:
    """A source of poses out of a list."""

    def __init__(self, track: Sequence[Pose], *, live: bool = False) -> None:
        self.info = SourceInfo("track", live, track[0].size, 30.0, len(track))
        self.passed: Callable[[float], None] = lambda at: None
        """Told of each time that is reached, in the thread that reads."""
        self._track = track
        self._closed = False

    def poses(self) -> Iterator[Pose]:
        for pose in self._track:
            if self._closed:
                return
            self.passed(pose.time)
            if self.info.live:
                time.sleep(0.001)  # else nearly all would be dropped
            yield pose

    def close(self) -> None:
        self._closed = True


class Lens:
    """A live source of small frames that comes too fast, and goes away for a while once."""

    def __init__(self, track: Sequence[Pose], *, away_after: int) -> None:
        self.info = SourceInfo("lens", True, track[0].size, 30.0)
        self.notices: frozenset[str] = frozenset()
        self.counts: dict[str, int] = {}
        self._track, self._away_after = track, away_after
        self._closed = False

    def frames(self) -> Iterator[Frame]:
        for number, pose in enumerate(self._track):
            if self._closed:
                return
            if number == self._away_after:
                self.notices = frozenset({CAMERA_LOST})
                time.sleep(1.6)  # long enough for a state while there are no frames
            elif number > self._away_after:
                self.notices = frozenset()
            time.sleep(0.0005)
            yield Frame(number, np.zeros((48, 36, 3), np.uint8), pose.time, time.monotonic())

    def close(self) -> None:
        self._closed = True


class Known:
    """Finds the poses it was told, and takes its time."""

    def __init__(self, track: Sequence[Pose]) -> None:
        self._track = track

    def estimate(self, frame: Frame) -> Pose:
        time.sleep(0.001)
        return self._track[frame.number]

    def close(self) -> None:
        pass


class Model:
    """An assessor of another kind: its answers do not follow from the poses, and some come late or not."""

    info = AssessorInfo("llava", "7", calibrated=True)
    plan: WindowPlan | None = None

    def __init__(self) -> None:
        self._rng = np.random.default_rng(5)

    async def assess(self, evidence: Evidence) -> Assessment:
        rep = evidence.rep
        if rep.number == 2:
            raise DeliveryError("the worker is gone")
        await asyncio.sleep(0.05)
        finding = Finding("shallow", 0.5 + float(self._rng.random()) / 2, rep.start, rep.end)
        return Assessment(rep.exercise, 0.9, (finding,), ("knees_inward",), self.info)


async def record(
    folder: Path,
    source: Source | PoseSource,
    *,
    commands: Mapping[float, EngineCommand] | None = None,
    assessor: Assessor | None = None,
    estimator: PoseEstimator | None = None,
    seq: int = 0,
) -> Path:
    """Run a session and record it; commands come while the stream times they stand under are read."""
    settings = RecordingSettings(folder=folder, min_free_mib=0)
    config = Config(site="gym", recording=settings)
    begun = new_session(config, CAMERA)
    async with recording(config, CAMERA, begun, source) as recorder, asyncio.TaskGroup() as displays:
        assert recorder is not None
        pipeline = await build(
            config,
            CAMERA,
            source,
            Outlet(Topics("gym", CAMERA.name), sinks_of(recorder)).say,
            session=begun,
            assessor=assessor,
            estimator=estimator,
            recorder=recorder,
            seq=seq,
        )
        waiting = sorted((commands or {}).items())
        loop = asyncio.get_running_loop()

        async def ask(command: EngineCommand) -> None:
            with contextlib.suppress(DeliveryError):
                await pipeline.command(command)

        def passed(at: float) -> None:
            while waiting and waiting[0][0] <= at:
                loop.call_soon_threadsafe(displays.create_task, ask(waiting.pop(0)[1]))

        if isinstance(source, Track):
            source.passed = passed
        await pipeline.run()
    assert not waiting
    return recorder.folder


async def again(
    folder: Path,
    *,
    beginning: Beginning | None = None,
    config: Config | None = None,
    events: Path | None = None,
) -> tuple[int, str]:
    """Replay and compare: the exit code, and what was said of it."""
    console = Console(file=io.StringIO(), width=200)
    code = await replay(
        folder,
        config or Config(),
        CameraSettings(name="replay", source=str(folder)),
        console,
        speed=None,
        check=True,
        beginning=beginning,
        own_settings=config is not None,
        events=events,
    )
    assert isinstance(console.file, io.StringIO)
    return code, console.file.getvalue()


@pytest.fixture(scope="module")
def squats() -> list[Pose]:
    return poses(SQUATS, fps=30, noise=0.005)


def of(folder: Path, topic: str) -> list[Any]:
    events = lines.read(folder / session.EVENTS)
    return [event["payload"] for event in events if event["topic"].endswith(f"/{topic}")]


async def test_a_recorded_session_says_the_same_again(tmp_path: Path, squats: list[Pose]) -> None:
    folder = await record(tmp_path / "sessions", Track(squats), seq=41)
    events = tmp_path / "again.jsonl"
    code, said = await again(folder, events=events)
    assert (code, f"no differences in {len(lines.read(folder / session.EVENTS))} messages" in said) == (
        0,
        True,
    )
    recorded, replayed = lines.read(folder / session.EVENTS), lines.read(events)
    for one, other in zip(recorded, replayed, strict=True):
        assert one["topic"] == other["topic"], "also the order between topics"
        if isinstance(one["payload"], dict):
            for varying in ("id", "latency_ms"):
                one["payload"].pop(varying, None)
                other["payload"].pop(varying, None)
        assert one["payload"] == other["payload"]
    assert [payload["athlete"] for payload in of(folder, "feedback")] == ["Ada"] * 3
    assert [payload["seq"] for payload in of(folder, "set")] == [48]


@pytest.mark.parametrize("live", [False, True])
async def test_commands_come_again_at_their_place(tmp_path: Path, squats: list[Pose], live: bool) -> None:
    later = [dataclasses.replace(pose, time=pose.time + 30) for pose in squats]
    commands: dict[float, EngineCommand] = {
        0.0: ExerciseCommand(exercise="snatch"),  # refused, and so the second time
        1.0: ExerciseCommand(exercise="squat"),
        4.0: PauseCommand(),
        30.0: ResumeCommand(),
        31.0: AthleteCommand(athlete="Grace"),
        36.0: ResetCommand(),
    }
    folder = await record(tmp_path, Track([*squats, *later], live=live), commands=commands)
    assert len(lines.read(folder / session.SCRIPT)) == len(commands)
    assert {payload["athlete"] for payload in of(folder, "set")} == {"Ada", "Grace"}
    code, said = await again(folder)
    assert code == 0, said


async def test_frames_that_a_live_source_dropped_change_nothing(tmp_path: Path, squats: list[Pose]) -> None:
    source = Lens(squats, away_after=len(squats) // 2)
    folder = await record(tmp_path, source, estimator=Known(squats))
    frames = lines.read(folder / session.FRAMES)
    lost = [line["n"] for line in frames if not line["used"]]
    assert lost
    assert sorted(line["n"] for line in frames) == list(range(len(squats)))
    ended = session.read(folder).ended
    assert ended is not None
    assert (ended.frames, ended.dropped) == (len(squats) - len(lost), len(lost))
    assert any("camera_lost" in payload["advice"] for payload in of(folder, "state"))
    assert any(line.get("at") is not None for line in lines.read(folder / session.SCRIPT))
    code, said = await again(folder)
    assert code == 0, said


@pytest.mark.parametrize("live", [False, True])
async def test_answers_of_a_model_are_those_that_were_recorded(
    tmp_path: Path, squats: list[Pose], live: bool
) -> None:
    folder = await record(tmp_path, Track(squats, live=live), assessor=Model())
    feedback = of(folder, "feedback")
    assert [payload["assessor"]["name"] for payload in feedback] == ["llava", "kinematic", "llava"]
    assert [payload["degraded"] for payload in feedback] == [False, True, False]
    code, said = await again(folder)
    assert code == 0, said


async def test_a_full_disk_is_said_and_costs_no_repetition(tmp_path: Path, squats: list[Pose]) -> None:
    source, said = Track(squats), Kept()
    config = Config(recording=RecordingSettings(folder=tmp_path, min_free_mib=1e12))
    begun = new_session(config, CAMERA)
    async with recording(config, CAMERA, begun, source) as recorder:
        outlet = Outlet(Topics("gym", CAMERA.name), [said, *sinks_of(recorder)])
        pipeline = await build(config, CAMERA, source, outlet.say, session=begun, recorder=recorder)
        await pipeline.run()
    by_topic = [(message["topic"].rpartition("/")[2], message["payload"]) for message in said.messages]
    assert [topic for topic, _ in by_topic].count("feedback") == 3
    states = [payload for topic, payload in by_topic if topic == "state"]
    assert all("recording_stopped" in state["advice"] for state in states)
    assert "The recording has stopped" in states[0]["text"]
    assert folders(tmp_path) == []


def folders(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_other_settings_show_what_they_change(tmp_path: Path, squats: list[Pose]) -> None:
    folder = await record(tmp_path, Track(squats))
    stricter = Config.model_validate({"feedback": {"lang": "de"}})
    code, said = await again(folder, config=stricter)
    assert code == 1
    assert "feedback of set 1, rep 1" in said
    assert "lang" in said


async def test_a_killed_recording_replays_up_to_its_end(tmp_path: Path, squats: list[Pose]) -> None:
    folder = await record(tmp_path, Track(squats))
    told = session.read(folder)
    session.write(folder, told.model_copy(update={"ended": None}))
    whole = {name: (folder / name).read_bytes() for name in (session.POSES, session.EVENTS, session.FRAMES)}
    rng = np.random.default_rng(3)
    for _ in range(12):
        count = int(rng.integers(1, len(squats)))
        cut = HEADER_BYTES + count * RECORD.itemsize + int(rng.integers(0, RECORD.itemsize))
        (folder / session.POSES).write_bytes(whole[session.POSES][:cut])
        until = squats[count - 1].time
        said = [line for line in lines.parse(whole[session.EVENTS]) if _said_by(line, until)]
        events = b"".join(map(lines.render, said[: len(said) - int(rng.integers(0, 3))]))
        (folder / session.EVENTS).write_bytes(events + b'{"topic":"streamaqa/gym/ra')
        (folder / session.FRAMES).write_bytes(whole[session.FRAMES][: int(rng.integers(0, 5000))])
        code, text = await again(folder)
        assert code == 0, text


def _said_by(line: Mapping[str, Any], until: float) -> bool:
    """Whether a message was said by the pose at `until`; cues have no time and are left out."""
    return isinstance(line["payload"], dict) and line["payload"]["at_s"] <= until - 0.001


async def test_a_tampered_recording_is_told_field_by_field(tmp_path: Path, squats: list[Pose]) -> None:
    folder = await record(tmp_path, Track(squats))
    events = lines.read(folder / session.EVENTS)
    second = [event["payload"] for event in events if event["topic"].endswith("/rep")][1]
    second["tempo"]["pause_s"] += 0.001
    events.remove(next(event for event in events if event["topic"].endswith("/set")))
    (folder / session.EVENTS).write_bytes(b"".join(map(lines.render, events)))
    code, said = await again(folder)
    assert code == 1
    assert "rep of set 1, rep 2" in said
    assert "tempo.pause_s" in said
    assert f"2 differences in {len(events)} messages" in said


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory, pose_model: Path) -> Path:
    """A short session of drawn frames through the real pose model."""
    source = from_spec("synthetic:squat?reps=1&seed=1&view=0&fps=15&size=240x320")
    return asyncio.run(record(tmp_path_factory.mktemp("pictures"), source))


async def test_real_frames_replay_exactly_from_poses(pictures: Path) -> None:
    assert session.read(pictures).video == "encoded"
    assert len(of(pictures, "rep")) == 1
    code, said = await again(pictures)
    assert code == 0, said


async def test_real_frames_replay_within_a_frame_from_video(pictures: Path) -> None:
    code, said = await again(pictures, beginning="video")
    assert code == 0, said
    assert "1 rep in" in said


async def test_a_replay_may_be_recorded_and_is_the_same_session(tmp_path: Path, squats: list[Pose]) -> None:
    folder = await record(tmp_path / "first", Track(squats), commands={3.0: AthleteCommand(athlete="Grace")})
    settings = RecordingSettings(folder=tmp_path / "second", min_free_mib=0)
    code, said = await again(folder, config=Config(recording=settings))
    assert code == 0, said
    (second,) = folders(tmp_path / "second")
    assert second.name == folder.name
    for name in (session.POSES, session.SCRIPT):
        assert (second / name).read_bytes() == (folder / name).read_bytes()
    code, said = await again(second)
    assert code == 0, said


async def test_what_cannot_be_replayed_is_one_line(tmp_path: Path, squats: list[Pose]) -> None:
    folder = await record(tmp_path / "sessions", Track(squats))
    with pytest.raises(SourceError, match="without video"):
        await again(folder, beginning="video")
    with pytest.raises(SourceError, match="the newest is rack-"):
        await again(folder.parent)
    save_track(tmp_path / "set.npz", squats)
    with pytest.raises(UsageError, match="only a recorded session can be compared"):
        await again(tmp_path / "set.npz")
    record_of = json.loads((folder / session.SESSION).read_text())
    record_of["settings"]["segmenter"]["magic"] = 3
    (folder / session.SESSION).write_text(json.dumps(record_of))
    with pytest.raises(SourceError, match=r"segmenter\.magic"):
        await again(folder)


# --- as a user types it ----------------------------------------------------------------------------------


def run(*arguments: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("streamaqa")), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "COLUMNS": "160", **environ},
    )


def test_run_records_its_camera_and_replay_compares(tmp_path: Path) -> None:
    save_track(tmp_path / "set.npz", poses("synthetic:squat?reps=1&seed=1&view=0", fps=30))
    config = tmp_path / "gym.yaml"
    config.write_text("site: gym\ncameras:\n- {name: rack, source: set.npz, exercise: squat}\n")
    sessions = tmp_path / "sessions"
    done = run("run", tmp_path / "set.npz", "--config", config, "--record", sessions, **outbox(tmp_path))
    assert done.returncode == 0, done.stderr
    (folder,) = sessions.iterdir()
    told = session.read(folder)
    assert (told.site, told.camera, told.settings["exercise"]) == ("gym", "rack", "squat")
    assert told.ended is not None
    assert told.ended.reason is None
    events = tmp_path / "again.jsonl"
    done = run("replay", folder, "--fast", "--compare", "--events", events)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no differences in" in done.stdout
    assert {line["topic"].rpartition("/")[0] for line in lines.read(events)} == {"streamaqa/gym/rack"}
    with (folder / session.EVENTS).open("ab") as file:
        file.write(lines.render({"topic": "streamaqa/gym/rack/cue", "payload": "Jump"}))
    done = run("replay", folder, "--fast", "--compare")
    assert done.returncode == 1, done.stderr
    assert "1 difference in" in done.stdout


def outbox(folder: Path) -> dict[str, str]:
    return {"STREAMAQA_OUTBOX__FOLDER": str(folder / "outbox"), "STREAMAQA_MQTT__PORT": str(free_port())}


def test_a_folder_without_a_session_is_one_line_and_exit_2(tmp_path: Path) -> None:
    done = run("replay", tmp_path, "--compare")
    assert done.returncode == 2
    assert done.stderr.strip() == f"streamaqa: {tmp_path}: no recorded session: session.json is missing"
