"""A camera that is switched off twenty times at random within three minutes."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
import statistics
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
import streams

from streamaqa.assessment import KinematicAssessor
from streamaqa.delivery.builders import Session
from streamaqa.delivery.messages import AnyMessage, FeedbackMessage, RepMessage, StateMessage
from streamaqa.feedback import Coach
from streamaqa.pipeline import Pipeline
from streamaqa.segmentation import Segmenter
from streamaqa.sources.base import CAMERA_LOST
from streamaqa.sources.live import LiveSource
from streamaqa.sources.synthetic import from_spec, poses
from streamaqa.types import Frame, Pose

SQUATS = "synthetic:squat?reps=3&seed=1&view=0&tempo=0.7"
KILLS = 20
UP_S, DOWN_S = (4.0, 7.8), (0.3, 3.0)
"""On average 8 s in all: twenty in less than three minutes. The clip is 8 s long."""
BEFORE_S, AFTER_S = 1.0, 0.5
"""A repetition has arrived in full if the lifter was seen for so long before and after it: the segmenter
takes a second to know a lifter, and is to confirm within 0.35 s of the end."""
SEEN = 0.9
"""... and but for a tenth of the frames, which a busy machine drops: the oldest that wait."""
WARM = 5
"""Reconnects after which nothing may grow: libraries have loaded what they need."""


class Names:
    """An estimator that knows the lifter's pose by the number in the picture, and keeps what arrived when."""

    def __init__(self, track: list[Pose]) -> None:
        self._track = track
        self.seen: list[tuple[int, float]] = []

    def estimate(self, frame: Frame) -> Pose:
        number = streams.number_of(frame.image)
        self.seen.append((number, frame.time))
        return dataclasses.replace(self._track[number], time=frame.time)

    def close(self) -> None:
        pass

    def connections(self) -> list[dict[int, float]]:
        """Stream time by number, for each time the clip began."""
        found: list[dict[int, float]] = []
        last = -1
        for number, at in self.seen:
            if not found or number <= last:
                found.append({})
            found[-1][number] = at
            last = number
        return found


@dataclasses.dataclass
class Said:
    messages: list[AnyMessage] = dataclasses.field(default_factory=list)

    async def __call__(self, message: AnyMessage) -> None:
        self.messages.append(message)


@dataclasses.dataclass
class Held:
    """What the process holds after a reconnect."""

    memory_mib: float
    threads: int
    files: int

    @classmethod
    def now(cls) -> Held:
        process = psutil.Process()
        return cls(process.memory_info().rss / 2**20, process.num_threads(), process.num_fds())


@contextlib.asynccontextmanager
async def running(pipeline: Pipeline) -> AsyncIterator[None]:
    task = asyncio.create_task(pipeline.run())
    try:
        yield
    finally:
        pipeline.stop()
        await task


@pytest.mark.full
@pytest.mark.timeout(300)
async def test_no_rep_whose_frames_arrived_is_lost_over_twenty_kills(tmp_path: Path) -> None:
    dice = random.Random(11)
    track = poses(SQUATS, fps=streams.FPS)
    clip = streams.encode(tmp_path / "set.mkv", len(track))
    names, said, back, held = Names(track), Said(), [], []
    with streams.rtsp_server(clip) as server:
        source = LiveSource(server.address)
        session = Session("test", "home", "camera", datetime.now(UTC))
        pipeline = Pipeline(session, source, names, Segmenter(), KinematicAssessor(), Coach, said)
        async with running(pipeline):
            for _ in range(KILLS):
                await asyncio.sleep(dice.uniform(*UP_S))
                server.kill()
                before = source.counts["reconnects"]
                await asyncio.sleep(dice.uniform(*DOWN_S))
                await asyncio.to_thread(server.start)
                begun = time.monotonic()
                while source.counts["reconnects"] == before:
                    assert time.monotonic() - begun < 20
                    await asyncio.sleep(0.01)
                back.append(time.monotonic() - begun)
                held.append(Held.now())
            await asyncio.sleep(sum(UP_S) / 2)

    told = [message for message in said.messages if isinstance(message, RepMessage)]
    arrived = in_full(names)
    missed = [at for at in arrived if not any(abs(message.start_s - at) < 0.3 for message in told)]
    print_figures(back, held, len(told), len(arrived), pipeline.counts)
    assert len(arrived) >= KILLS  # else this would show nothing
    assert missed == []
    judged = {
        (message.set_number, message.rep) for message in said.messages if isinstance(message, FeedbackMessage)
    }
    assert judged >= {(message.set_number, message.rep) for message in told}
    assert [message.at_s for message in told] == sorted(message.at_s for message in told)
    assert statistics.median(back) < 2.0
    assert any(CAMERA_LOST in m.advice for m in said.messages if isinstance(m, StateMessage))
    warm, last = held[WARM:-1], held[-1]
    assert last.threads <= max(one.threads for one in warm)
    assert last.files <= max(one.files for one in warm)
    assert last.memory_mib - warm[0].memory_mib < 10


def in_full(names: Names) -> list[float]:
    """Stream times at which repetitions began whose frames arrived, in one connection."""
    starts = []
    for connection in names.connections():
        for rep in from_spec(SQUATS).truth.reps:
            first, last = (round(at * streams.FPS) for at in (rep.start - BEFORE_S, rep.end + AFTER_S))
            seen = [number in connection for number in range(first, last + 1)]
            if seen[0] and seen[-1] and sum(seen) >= SEEN * len(seen):
                origin = next(iter(connection.items()))
                starts.append(origin[1] + rep.start - origin[0] / streams.FPS)
    return starts


def print_figures(
    back: list[float], held: list[Held], told: int, arrived: int, counts: dict[str, int]
) -> None:
    """For `pytest -s`."""
    print(f"\nback after {statistics.median(back):.2f} s at the median, {max(back):.2f} s at most")  # noqa: T201
    print(f"{arrived} reps arrived in full, {told} told; {counts}")  # noqa: T201
    for one in (held[0], held[WARM], held[-1]):
        print(one)  # noqa: T201
