"""A session with a real RTSP camera that goes away twice, recorded without encoding, says the same again."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import av
import pytest
import streams
from rich.console import Console

from streamaqa import replaying
from streamaqa.config import CameraSettings, Config
from streamaqa.delivery.outlet import Outlet
from streamaqa.delivery.topics import Topics
from streamaqa.engine import build, new_session
from streamaqa.recording import RecordingSettings, lines, session
from streamaqa.replaying import Beginning, replay
from streamaqa.sessions import recording, sinks_of
from streamaqa.sources.live import LiveSource
from streamaqa.sources.recording import RecordedVideo
from streamaqa.sources.synthetic import poses
from streamaqa.types import Frame, Pose

SQUAT = "synthetic:squat?reps=1&seed=1&view=0&tempo=0.5"
CAMERA = CameraSettings(name="rack", source="-")
PICTURE = frozenset({1, 5})
"""Types of H.264's NAL units that hold a picture."""


class Names:
    """An estimator that knows the lifter's pose by the number in the picture."""

    def __init__(self, track: list[Pose]) -> None:
        self._track = track

    def estimate(self, frame: Frame) -> Pose:
        size = (frame.image.shape[1], frame.image.shape[0])
        return dataclasses.replace(self._track[streams.number_of(frame.image)], time=frame.time, size=size)

    def close(self) -> None:
        pass


def pictures_in(path: Path) -> list[bytes]:
    """The NAL units with pictures of a Matroska file, in decoding order."""
    units = []
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            data = bytes(packet)
            while data:
                size = int.from_bytes(data[:4], "big")
                units.append(data[4 : 4 + size])
                data = data[4 + size :]
    return [unit for unit in units if unit[0] & 31 in PICTURE]


def runs(kept: list[bytes], clips: list[list[bytes]]) -> list[int]:
    """How many pictures of each clip were kept, one run from its beginning after the other."""
    found = []
    for clip in clips:
        count = next((n for n, (one, own) in enumerate(zip(kept, clip, strict=False)) if one != own), None)
        count = min(len(kept), len(clip)) if count is None else count
        kept = kept[count:]
        found.append(count)
    assert kept == [], "nothing but what the camera sent"
    return found


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what is waited for has no event: a real server's stream
            await asyncio.sleep(0.02)


async def again(folder: Path, beginning: Beginning) -> tuple[int, str]:
    """Replay and compare: the exit code, and what was said of it."""
    console = Console(file=io.StringIO(), width=200)
    camera = CameraSettings(name="replay", source=str(folder))
    code = await replay(folder, Config(), camera, console, speed=None, check=True, beginning=beginning)
    assert isinstance(console.file, io.StringIO)
    return code, console.file.getvalue()


@pytest.fixture(scope="module")
def squat() -> list[Pose]:
    return poses(SQUAT, fps=streams.FPS)


@pytest.fixture(scope="module")
def clips(squat: list[Pose], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same numbers in two sizes."""
    small = streams.encode(tmp_path_factory.mktemp("clips") / "small.mkv", len(squat))
    large = small.with_name("large.mkv")
    how = "-vf scale=320:240:flags=neighbor -c:v libx264 -preset ultrafast -tune zerolatency -threads 1"
    make = ["ffmpeg", "-v", "error", "-i", str(small), *how.split()]
    subprocess.run([*make, str(large)], check=True)
    return small, large


async def test_a_camera_is_recorded_as_it_sends_over_a_reconnect_and_a_new_size(
    tmp_path: Path, squat: list[Pose], clips: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    small, large = clips
    config = Config(site="gym", recording=RecordingSettings(folder=tmp_path, min_free_mib=0))
    begun = new_session(config, CAMERA)
    with streams.rtsp_server(small) as server:
        source = LiveSource(server.address, streams.QUICK)
        async with recording(config, CAMERA, begun, source) as recorder, asyncio.TaskGroup() as tasks:
            assert recorder is not None
            outlet = Outlet(Topics("gym", CAMERA.name), sinks_of(recorder))
            pipeline = await build(
                config, CAMERA, source, outlet.say, session=begun, estimator=Names(squat), recorder=recorder
            )
            tasks.create_task(pipeline.run())
            # the first connection is cut in the middle, the second sees the clip's end
            await until(lambda: pipeline.counters.frames > len(squat) // 2)
            server.kill()
            await asyncio.to_thread(server.start)
            await until(lambda: source.counts["reconnects"] == 1)
            await asyncio.sleep(len(squat) / streams.FPS)
            server.kill()
            server.clip = large
            await asyncio.to_thread(server.start)
            await until(lambda: source.info.size == (320, 240))
            await asyncio.sleep(len(squat) / streams.FPS)
            pipeline.stop()
    told = session.read(recorder.folder)
    assert told.video == "copied"
    first, second = session.videos(recorder.folder)
    of_small, of_large = pictures_in(small), pictures_in(large)
    cut, whole, *_ = runs(pictures_in(first), [of_small] * 6)
    assert cut < len(squat) <= whole + 5
    assert runs(pictures_in(second), [of_large] * 6)[0] >= len(squat) - 5
    said = [line["payload"] for line in lines.read(recorder.folder / session.EVENTS)]
    assert sum(isinstance(payload, dict) and payload.get("kind") == "rep" for payload in said) >= 2
    sizes = {frame.image.shape[:2] for frame in RecordedVideo(recorder.folder).frames()}
    assert sizes == {(120, 160), (240, 320)}

    async def knows(*_: object) -> Names:
        return Names(squat)

    code, text = await again(recorder.folder, "poses")
    assert code == 0, text
    monkeypatch.setattr(replaying, "estimator_for", knows)
    code, text = await again(recorder.folder, "video")
    assert code == 0, text
