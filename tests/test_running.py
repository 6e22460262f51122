"""`streamaqa run` while its configuration file is edited."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from pathlib import Path

import pytest
from brokers import Mosquitto, subscribed
from rich.console import Console

from streamaqa import running
from streamaqa.config import load
from streamaqa.sources.pose_track import save_track
from streamaqa.sources.synthetic import poses


def write(folder: Path, broker: Mosquitto, *names: str) -> Path:
    lines = [
        "mqtt:",
        "  host: 127.0.0.1",
        f"  port: {broker.port}",
        f"outbox: {{folder: {folder}}}",
        "cameras:",
    ]
    lines += [f"  - {{name: {name}, source: {folder / 'long.npz'}}}" for name in names]
    path = folder / "gym.yaml"
    path.write_text("\n".join(lines) + "\n")
    os.utime(path, (len(names), len(names)))  # a file system's clock may be coarse
    return path


async def test_cameras_follow_the_configuration_file(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "FOLLOW_S", 0.1)
    save_track(tmp_path / "long.npz", poses("synthetic:squat?reps=20&seed=1", fps=15))
    path = write(tmp_path, mosquitto, "one", "two")
    quiet = Console(file=io.StringIO(), width=100)
    async with subscribed(mosquitto.settings) as heard:
        run = asyncio.create_task(
            running.run(load(path, os.environ), quiet, problems=quiet, follow=path), name="run"
        )
        for name in ("one", "two"):
            await heard.until_payload(f"streamaqa/home/{name}/availability", b"online", timeout_s=30)
        path.write_text("cameras: [\n")  # half a file, as an editor may leave it for a moment
        await asyncio.sleep(0.5)
        write(tmp_path, mosquitto, "one", "two", "three")
        await heard.until_payload("streamaqa/home/three/availability", b"online", timeout_s=30)
        write(tmp_path, mosquitto, "one")
        for name in ("two", "three"):
            await heard.until_payload(f"streamaqa/home/{name}/availability", b"stopped", timeout_s=30)
        assert heard.on("streamaqa/home/one/availability") == [b"online"]
        os.kill(os.getpid(), signal.SIGINT)
        assert await run == 0
        await heard.until_payload("streamaqa/home/one/availability", b"stopped")
