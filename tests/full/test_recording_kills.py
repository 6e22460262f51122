"""SIGKILL the recorder at random moments: what it left opens, replays, and lacks less than a second.

The recorder is a real camera process with the real pose model, playing at its own pace. A third of the runs
store the packets of a clip, a third those of a real RTSP camera, the others encode the drawn lifter.
"""

from __future__ import annotations

import asyncio
import io
import json
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streams
from rich.console import Console

from streamaqa.children import plain
from streamaqa.config import CameraSettings, Config
from streamaqa.recording import lines
from streamaqa.recording.poses import PoseFile
from streamaqa.recording.session import EVENTS, FRAMES, POSES, videos
from streamaqa.replaying import replay
from streamaqa.sources.recording import SAME_S
from streamaqa.sources.video import VideoSource

pytestmark = pytest.mark.full

KILLS = 20
LACKS_S = 1.0
"""Seconds before the kill that a recording may lack."""
DRAWN = "synthetic:squat?reps=4&seed=1&view=0&fps=15"
"""15 frames a second leave a busy machine the time to look at each: what is lacking is then what the recorder
had not written, and not what the pose model had not seen."""


@pytest.fixture
def clip(shared: Path, tmp_path: Path) -> str:
    """A real clip at 15 frames a second too."""
    path = tmp_path / "clip.mp4"
    source = shared / "clips" / "squat_dumbbell_front_5reps.mp4"
    make = ["ffmpeg", "-v", "error", "-i", str(source), "-r", "15", "-vf", "scale=640:-2", "-an"]
    subprocess.run([*make, str(path)], check=True)
    return str(path)


@pytest.fixture
def camera(clip: str, tmp_path: Path) -> Iterator[str]:
    """A camera that sees the same: the address of a real RTSP server."""
    seen = tmp_path / "seen.mkv"
    how = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "15"]
    subprocess.run(["ffmpeg", "-v", "error", "-i", clip, *how, str(seen)], check=True)
    with streams.rtsp_server(seen) as server:
        yield server.address


def configuration(source: str, folder: Path) -> dict[str, Any]:
    return plain(
        Config.model_validate(
            {
                "cameras": [{"name": "rack", "source": source}],
                "mqtt": {"host": "127.0.0.1", "port": 9},  # nobody is there: messages wait in the outbox
                "outbox": {"folder": folder / "outbox"},
                "recording": {"folder": folder / "sessions"},
                "pose": {"variant": "lite"},
                "limits": {"frames": 1},
            }
        )
    )


def kill_in_mid_session(
    source: str, folder: Path, after_s: float
) -> tuple[Path, float, list[dict[str, Any]]]:
    """Kill a camera `after_s` after its first frame: its session, the monotonic time, what it had said."""
    ours, theirs = socket.socketpair()
    said = bytearray()

    def listen() -> None:
        while part := ours.recv(1 << 16):
            said.extend(part)

    with ours:
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "streamaqa.camera", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stderr=subprocess.DEVNULL,
            )
        listening = threading.Thread(target=listen)
        listening.start()
        try:
            start = {"config": configuration(source, folder), "camera": "rack", "speed": 1.0}
            ours.sendall(json.dumps({"start": start}).encode() + b"\n")
            deadline = time.monotonic() + 60
            while not (frames := list(folder.glob(f"sessions/*/{FRAMES}"))) or not frames[0].stat().st_size:
                assert time.monotonic() < deadline, "recording never began"
                assert process.poll() is None, "the camera died of itself"
                time.sleep(0.02)
            time.sleep(after_s)
            killed = time.monotonic()
        finally:
            process.kill()
            process.wait()
            listening.join()
    told = [line["message"] for line in lines.parse(bytes(said)) if "message" in line]
    return frames[0].parent, killed, told


def lacks(session: Path, killed: float) -> tuple[float, float]:
    """Seconds from the arrival of the newest frame with a pose to the kill; the same with a picture."""
    arrivals = {line["t"]: line["arrival"] for line in lines.read(session / FRAMES)}
    # poses are written first: the newest one may lack the line that says when its frame came
    last_pose = [pose.time for pose in PoseFile(session / POSES) if pose.time in arrivals][-1]
    # also a picture that was dropped, and packets are stored before their frames are looked at
    video = VideoSource(videos(session)[-1])
    last_picture = [frame.time for frame in video.frames()][-1] + video.start
    last_arrival = max(arrival for at, arrival in arrivals.items() if at < last_picture + SAME_S)
    return killed - arrivals[last_pose], killed - last_arrival


def unrecorded(session: Path, told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What had been published and is not in the recording, the last second of stream time apart."""
    timed = [
        message for message in told if isinstance(message["payload"], dict) and "at_s" in message["payload"]
    ]
    until = max((message["payload"]["at_s"] for message in timed), default=0.0) - LACKS_S
    recorded = lines.read(session / EVENTS)
    return [one for one in timed if one["payload"]["at_s"] <= until and one not in recorded]


def replayed(session: Path) -> tuple[int, str]:
    """Replay and compare: the exit code, and what was said of it."""
    console = Console(file=io.StringIO(), width=120)
    camera = CameraSettings(name="replay", source="-")
    code = asyncio.run(replay(session, Config(), camera, console, speed=None, check=True))
    assert isinstance(console.file, io.StringIO)
    return code, console.file.getvalue()


@pytest.mark.timeout(900)
def test_a_killed_recorder_leaves_all_but_the_last_second(clip: str, camera: str, tmp_path: Path) -> None:
    rng = random.Random(2026)
    measured = []
    for number in range(KILLS):
        source = (clip, DRAWN, camera)[number % 3]
        session, killed, told = kill_in_mid_session(source, tmp_path / str(number), rng.uniform(0.3, 8.0))
        measured.append(lacks(session, killed))
        assert unrecorded(session, told) == []
        code, text = replayed(session)
        assert code == 0, text
    poses, pictures = np.array(measured).T
    parts = [
        f"{what}: median {np.median(of):.2f}, most {of.max():.2f} s"
        for what, of in (("poses", poses), ("pictures", pictures))
    ]
    sys.stdout.write(f"\nlacking of {KILLS} recordings: {'; '.join(parts)}\n")
    assert poses.max() < LACKS_S
    assert pictures.max() < LACKS_S
