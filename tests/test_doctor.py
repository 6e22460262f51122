"""The doctor says what is missing, and the command that mends it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from brokers import Mosquitto, free_port
from rich.console import Console

from streamaqa import doctor
from streamaqa.config import BrokerSettings, CameraSettings, Config
from streamaqa.doctor import Finding, examine, table


def found(config: Config, what: str) -> Finding:
    (finding,) = [finding for finding in examine(config) if finding.what == what]
    return finding


def broker(**fields: object) -> BrokerSettings:
    return BrokerSettings.model_validate({"host": "127.0.0.1", "embedded": False, **fields})


def test_a_sound_machine_has_nothing_to_mend(pose_model: Path) -> None:
    findings = examine(Config())
    assert not [finding for finding in findings if finding.verdict == "bad"]
    assert {"Python", "packages", "cores", "memory", "pose model", "broker", "port"} <= {
        f.what for f in findings
    }
    shown = Console(width=100, record=True, quiet=True)
    with shown.capture() as captured:
        shown.quiet = False
        shown.print(table(findings))
    assert "This machine" in captured.get()


def test_a_broker_that_does_not_answer_is_named_with_what_to_do() -> None:
    port = free_port()
    finding = found(Config(mqtt=broker(port=port)), "broker")
    assert finding.verdict == "bad"
    assert str(port) in finding.found
    assert "apt-get install mosquitto" in finding.mend


def test_a_broker_that_answers_is_good(mosquitto: Mosquitto) -> None:
    assert found(Config(mqtt=broker(port=mosquitto.port)), "broker").verdict == "good"


def test_a_taken_port_is_worth_a_note(mosquitto: Mosquitto) -> None:
    config = Config(mqtt=BrokerSettings.model_validate({"port": mosquitto.port}))
    finding = found(config, "port")
    assert finding.verdict == "note"
    assert f"STREAMAQA_MQTT__PORT={mosquitto.port}" in finding.mend


def test_a_model_that_is_not_fetched_yet_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "default_cache", lambda: tmp_path / "models")
    finding = found(Config(), "pose model")
    assert (finding.verdict, finding.mend) == ("note", "streamaqa models pull")


def test_a_wrong_model_is_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = tmp_path / "pose.task"
    wrong.write_bytes(b"no model")
    monkeypatch.setenv("STREAMAQA_POSE_MODEL", str(wrong))
    assert found(Config(), "pose model").verdict == "bad"


def test_a_camera_that_is_not_plugged_in_is_named() -> None:
    config = Config(cameras=(CameraSettings(name="rack", source="/dev/video99"),))
    finding = found(config, "camera rack")
    assert finding.verdict == "bad"
    assert "/dev/video99" in finding.found


def test_more_cameras_than_cores_are_worth_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    cameras = tuple(CameraSettings(name=f"rack-{n}", source="synthetic:squat") for n in range(5))
    finding = found(Config(cameras=cameras), "cores")
    assert finding.verdict == "note"
    assert "lite" in finding.mend
