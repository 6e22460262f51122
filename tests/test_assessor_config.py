"""The section `assessor`: who judges, where the worker is, and what must not stand in a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from streamaqa.assessment import KinematicAssessor
from streamaqa.config import Config, describe, dump, load
from streamaqa.engine import new_session
from streamaqa.errors import ConfigError, UsageError
from streamaqa.sessions import describe as describe_session
from streamaqa.sources.pose_track import PoseTrackSource, save_track
from streamaqa.sources.synthetic import poses


def read(folder: Path, text: str, **environ: str) -> Config:
    path = folder / "gym.yaml"
    path.write_text(text)
    return load(path, environ)


def complaint(folder: Path, text: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as told:
        read(folder, text, **environ)
    return str(told.value)


def test_the_default_judges_by_pose_and_needs_no_worker() -> None:
    assert Config().assessor.kind == "kinematic"
    assert dict(describe(Config()))["assessor"] == "kinematic"


def test_one_word_is_enough(tmp_path: Path) -> None:
    assert read(tmp_path, "assessor: llava\n").assessor.kind == "llava"
    assert load(None, {"STREAMAQA_ASSESSOR": "llava"}).assessor.kind == "llava"
    assert "'kinematic' or 'llava', not 'llawa'" in complaint(tmp_path, "assessor: llawa\n")


def test_a_variable_may_add_to_a_section_given_as_one_word(tmp_path: Path) -> None:
    url = {"STREAMAQA_ASSESSOR__URL": "http://127.0.0.1:8040"}
    for assessor in (
        read(tmp_path, "assessor: llava\n", **url).assessor,
        load(None, {"STREAMAQA_ASSESSOR": "llava", **url}).assessor,
    ):
        assert (assessor.kind, str(assessor.url)) == ("llava", "http://127.0.0.1:8040")
    assert "gym.yaml:1: " in complaint(tmp_path, "assessor: llawa\n", **url)


def test_the_stand_ins_keys_hold_beside_the_workers(tmp_path: Path) -> None:
    text = "assessor: {kind: llava, min_duration: 0.3, deadline_s: 2, frames: [8, 32, 16]}\n"
    assessor = read(tmp_path, text).assessor
    assert (assessor.min_duration, assessor.deadline_s, assessor.frames) == (0.3, 2.0, (32, 16, 8))
    KinematicAssessor(assessor)


@pytest.mark.parametrize(
    "url",
    [
        "http://gpu.local:8040",
        "http://192.168.1.5:8040",
        "http://localhost.example.com",
        "http://127.0.0.1@gpu.local/",
        "https://token@gpu.local",
        "https://gpu.local/?token=x",
        "https://gpu.local/path",
        "ftp://127.0.0.1",
        "gpu.local:8040",
        "http://[::1",
        "https://gpu.local:99999",
    ],
)
def test_pictures_and_tokens_go_nowhere_in_the_clear(tmp_path: Path, url: str) -> None:
    assert "assessor.url" in complaint(tmp_path, f"assessor: {{kind: llava, url: '{url}'}}\n")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8040", "http://[::1]:8040", "http://localhost:8040/", "https://gpu.local"]
)
def test_this_machine_and_tls_are_fine(tmp_path: Path, url: str) -> None:
    found = read(tmp_path, f"assessor: {{kind: llava, url: '{url}'}}\n").assessor.url
    assert found == url.rstrip("/")


def test_a_token_in_the_file_is_refused_and_one_in_the_environment_is_never_shown(tmp_path: Path) -> None:
    said = complaint(tmp_path, "assessor: {kind: llava, token: hush-hush}\n")
    assert "hush-hush" not in said
    assert "STREAMAQA_ASSESSOR__TOKEN" in said
    assert "assessor.token_file" in said

    text = "assessor: {kind: llava, url: 'https://gpu.local'}\n"
    config = read(tmp_path, text, STREAMAQA_ASSESSOR__TOKEN="hush-hush")
    assert config.assessor.secret() == "hush-hush"
    assert "hush-hush" not in dump(config) + repr(config) + str(describe(config))


def test_a_recorded_session_knows_neither_token_nor_address(tmp_path: Path) -> None:
    text = "assessor: {kind: llava, url: 'https://gpu.local', weights: /srv/secret-project}\n"
    config = read(tmp_path, text, STREAMAQA_ASSESSOR__TOKEN="hush-hush")
    save_track(tmp_path / "set.npz", poses("synthetic:squat?reps=1", fps=5))
    camera = load(None, {"STREAMAQA_CAMERAS": '[{"name": "rack", "source": "0"}]'}).cameras[0]
    source = PoseTrackSource(tmp_path / "set.npz")
    record = json.dumps(describe_session(config, camera, new_session(config, camera), source).settings)
    source.close()
    assert not any(word in record for word in ("hush", "gpu.local", "secret-project", "*"))
    assert "deadline_s" in record


def test_two_tokens_and_an_unreadable_file_are_said(tmp_path: Path) -> None:
    text = "assessor: {kind: llava, token_file: /none/there}\n"
    assert "not both" in complaint(tmp_path, text, STREAMAQA_ASSESSOR__TOKEN="x")
    with pytest.raises(UsageError, match=r"cannot read assessor\.token_file /none/there"):
        read(tmp_path, text).assessor.secret()


def test_stale_before_the_deadline_makes_no_sense(tmp_path: Path) -> None:
    said = complaint(tmp_path, "assessor: {kind: llava, deadline_s: 5, stale_s: 4}\n")
    assert "stale_s should not be less than deadline_s" in said


def test_check_says_where_the_worker_is(tmp_path: Path) -> None:
    rows = dict(describe(read(tmp_path, "assessor: {kind: llava, weights: models/coach, frames: [32, 8]}\n")))
    assert (
        rows["assessor"]
        == "llava, worker started here with weights models/coach, answer within 3 s, 32 or 8 frames"
    )


def test_the_command_line_chooses_too_and_refuses_what_it_cannot_judge(tmp_path: Path) -> None:
    save_track(tmp_path / "set.npz", poses("synthetic:squat?reps=1&seed=1", fps=15))
    environ = os.environ | {"STREAMAQA_ASSESSOR__URL": "http://127.0.0.1:9"}
    command = [sys.executable, "-m", "streamaqa", "replay", str(tmp_path / "set.npz"), "--fast"]
    for choice, told in (("llava", "holds poses only"), ("llawa", "'llawa' is not one of")):
        ran = subprocess.run([*command, "--assessor", choice], env=environ, capture_output=True, text=True)
        assert ran.returncode == 2
        assert told in ran.stderr
        assert "Traceback" not in ran.stderr
