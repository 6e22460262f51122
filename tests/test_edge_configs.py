"""Each set-up of edge_configs/ runs for ten seconds, what this machine lacks replaced by a small stand-in."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

import pytest
from brokers import Mosquitto, subscribed

from streamaqa.config import BrokerSettings, Config, load
from streamaqa.pose import PoseSettings
from streamaqa.supervisor import Report, Supervisor

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "edge_configs").glob("*.yaml"))
SECONDS = 10.0
LIFTER = "synthetic:squat?reps=9&tempo=0.8&size=180x240&fps=10"
"""Stands for every camera: small and slow enough for three of them on two cores."""


def on_this_machine(config: Config, broker: Mosquitto, folder: Path) -> Config:
    """The same with drawn lifters for cameras, the test's broker, and the one pose model that is fetched."""
    cameras = tuple(camera.model_copy(update={"source": LIFTER}) for camera in config.cameras)
    mqtt = BrokerSettings.model_validate({**broker.settings.model_dump(), "embedded": False})
    outbox = config.outbox.model_copy(update={"folder": folder})
    pose = PoseSettings.model_validate({**config.pose.model_dump(), "variant": "full"})
    assessor = config.assessor
    if assessor.url is not None:  # nobody is there: repetitions are judged by pose
        assessor = assessor.model_copy(update={"url": "http://127.0.0.1:9"})
    update = {"cameras": cameras, "mqtt": mqtt, "outbox": outbox, "pose": pose, "assessor": assessor}
    return config.model_copy(update=update)


def test_the_set_ups_that_the_documentation_names_are_there() -> None:
    names = {"laptop.yaml", "multi-camera.yaml", "raspberry-pi-5.yaml", "gpu-worker.yaml"}
    assert names <= {path.name for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_number_has_its_reason(path: Path) -> None:
    numbers = [line for line in path.read_text().splitlines() if re.match(r"\s*\w+:\s+[\d.]+\s*(#|$)", line)]
    assert numbers
    assert [line for line in numbers if "#" not in line] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_a_set_up_runs_for_ten_seconds(
    path: Path, mosquitto: Mosquitto, tmp_path: Path, pose_model: Path
) -> None:
    config = on_this_machine(load(path, os.environ), mosquitto, tmp_path)
    reports: list[Report] = []
    supervisor = Supervisor(config, reports.append)
    async with subscribed(mosquitto.settings) as heard:
        running = asyncio.create_task(supervisor.run())
        for camera in config.cameras:
            topic = f"streamaqa/{config.site}/{camera.name}/state"
            await heard.until(topic, 1, timeout_s=60)
        await asyncio.sleep(SECONDS)
        supervisor.stop()
        await running
        for camera in config.cameras:
            base = f"streamaqa/{config.site}/{camera.name}"
            await heard.until_payload(f"{base}/availability", b"stopped")
            assert len(heard.on(f"{base}/state")) > 3
    assert {report.kind for report in reports} <= {"running", "message", "finished"}
