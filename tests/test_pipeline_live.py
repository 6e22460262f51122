"""What the engine says of a live camera that is in trouble."""

from __future__ import annotations

import asyncio
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import streams

from streamaqa.assessment import KinematicAssessor
from streamaqa.delivery.builders import Session
from streamaqa.delivery.messages import AnyMessage, StateMessage
from streamaqa.feedback import Coach
from streamaqa.feedback.catalogue import Language
from streamaqa.pipeline import Pipeline
from streamaqa.segmentation import Segmenter
from streamaqa.sources.base import (
    CAMERA_FROZEN,
    CAMERA_LOST,
    CAMERA_TIMES,
    CAMERA_WRAPPED,
    Source,
    SourceInfo,
)
from streamaqa.sources.live import LiveSource
from streamaqa.types import Frame, Pose

SIZE = (32, 24)


class Camera:
    """Gives a frame whenever there is light; its notices are set by the test."""

    def __init__(self) -> None:
        self.info = SourceInfo("camera 0", live=True, size=SIZE)
        self.notices: frozenset[str] = frozenset()
        self.counts = {"reconnects": 3}
        self.on = True
        self._stop = threading.Event()

    def frames(self) -> Iterator[Frame]:
        begun, number = time.monotonic(), 0
        while not self._stop.wait(0.03):
            if self.on:
                now = time.monotonic()
                yield Frame(number, np.zeros((*SIZE[::-1], 3), np.uint8), now - begun, now)
                number += 1

    def close(self) -> None:
        self._stop.set()


class Nobody:
    """Finds nobody."""

    def estimate(self, frame: Frame) -> Pose:
        return Pose.nobody(frame.time, SIZE)

    def close(self) -> None:
        pass


class Told:
    """The last state told, and a way to wait for one."""

    def __init__(self) -> None:
        self.states: list[StateMessage] = []
        self._more = asyncio.Event()

    async def __call__(self, message: AnyMessage) -> None:
        if isinstance(message, StateMessage):
            self.states.append(message)
            self._more.set()

    async def until(self, code: str) -> None:
        while not self.states or code not in self.states[-1].advice:
            self._more.clear()
            await self._more.wait()

    async def after(self, seconds: float) -> StateMessage:
        await asyncio.sleep(seconds)
        return self.states[-1]


def engine(camera: Source, told: Told, lang: Language = "en") -> Pipeline:
    session = Session("test", "home", "camera", datetime(2026, 11, 23, 18, 0, tzinfo=UTC))
    return Pipeline(session, camera, Nobody(), Segmenter(), KinematicAssessor(), Coach, told, lang=lang)


async def test_a_lost_camera_is_said_while_no_frames_come_and_taken_back_when_they_do() -> None:
    camera, told = Camera(), Told()
    run = engine(camera, told)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run.run())
        seen = await told.after(0.5)
        assert seen.lag_ms is not None
        assert CAMERA_LOST not in seen.advice

        camera.on = False
        await asyncio.sleep(0.1)  # the last frame is through
        camera.notices = frozenset({CAMERA_LOST})
        lost = await told.after(0.6)
        assert lost.advice == (CAMERA_LOST,)
        assert lost.text == "No picture from the camera: trying to reach it again."
        assert (lost.person, lost.fps, lost.lag_ms) == (False, None, None)

        camera.on, camera.notices = True, frozenset()
        assert CAMERA_LOST not in (await told.after(0.6)).advice
        run.stop()
    assert [state.at_s for state in told.states] == sorted(state.at_s for state in told.states)
    assert run.counts["reconnects"] == 3


async def test_a_camera_that_never_came_is_said() -> None:
    camera, told = Camera(), Told()
    camera.on, camera.notices = False, frozenset({CAMERA_LOST})
    run = engine(camera, told, "de")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run.run())
        lost = await told.after(0.5)
        run.stop()
    assert lost.text == "Kein Bild von der Kamera: Verbindung wird neu aufgebaut."
    assert lost.at_s == pytest.approx(0.3, abs=0.3)


async def test_of_a_frozen_picture_nothing_but_that_is_said_and_broken_times_hide_nothing() -> None:
    camera, told = Camera(), Told()
    camera.notices = frozenset({CAMERA_TIMES})
    run = engine(camera, told)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run.run())
        assert (await told.after(0.8)).advice == (CAMERA_TIMES, "nobody_in_view")
        camera.notices = frozenset({CAMERA_FROZEN})
        assert (await told.after(0.5)).advice == (CAMERA_FROZEN,)
        run.stop()


@pytest.fixture
def wrapping(tmp_path: Path) -> bytes:
    """A real MPEG-TS, whose wrap FFmpeg undoes."""
    clip = streams.encode(tmp_path / "clip.mkv", 3 * streams.FPS)
    command = ["ffmpeg", "-v", "error", "-i", str(clip), "-c", "copy"]
    command += ["-output_ts_offset", "95441.0", "-f", "mpegts", "-"]
    return subprocess.run(command, check=True, capture_output=True).stdout


async def test_a_wrap_of_the_pts_is_said_and_nothing_is_hidden_by_it(wrapping: bytes) -> None:
    told = Told()
    with streams.http_server(wrapping, "video/mp2t") as url:
        run = engine(LiveSource(url, streams.QUICK), told)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(run.run())
            await asyncio.wait_for(told.until(CAMERA_WRAPPED), 10)
            run.stop()
    state = next(state for state in told.states if CAMERA_WRAPPED in state.advice)
    assert state.advice == (CAMERA_WRAPPED, "nobody_in_view")
    assert state.text.startswith("The camera's time stamps began again at zero: nothing is lost.")
    assert run.counts["pts_wraps"] == 1
