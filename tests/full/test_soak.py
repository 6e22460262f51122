"""Half an hour of a drawn lifter through everything, as fast as it goes: memory and handles are flat."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import psutil
import pytest

from streamaqa.config import CameraSettings, Config
from streamaqa.delivery.messages import AnyMessage, FeedbackMessage, StateMessage
from streamaqa.engine import build
from streamaqa.pose import PoseSettings
from streamaqa.sources.synthetic import from_spec

MINUTES = 30
SPEC = "synthetic:squat?reps=600&seed=3&size=180x240&fps=30"
"""About 3 s a repetition: half an hour."""
FLAT_MIB = 40.0
"""The allocator breathes by this much; a leak of one pose a frame would be 60 MiB by then."""


@pytest.mark.full
@pytest.mark.timeout(4800)
async def test_half_an_hour_at_full_speed_is_flat(pose_model: Path) -> None:
    process = psutil.Process()
    by_minute: dict[int, tuple[float, int, int]] = {}
    counted = 0

    async def say(message: AnyMessage) -> None:
        nonlocal counted
        counted += isinstance(message, FeedbackMessage)
        if isinstance(message, StateMessage):
            minute = int(message.at_s // 60)
            if minute not in by_minute:
                memory = process.memory_info().rss / 2**20
                by_minute[minute] = (memory, process.num_threads(), process.num_fds())
                told = f"minute {minute}: {memory:.0f} MiB, {by_minute[minute][1:]}, {counted} reps\n"
                sys.stdout.write(told)  # the figures are what it is run for
                sys.stdout.flush()

    source = from_spec(SPEC)
    drawn = len(source.truth.reps)
    assert source.info.duration is not None
    assert source.info.duration >= MINUTES * 60
    pipeline = await build(
        Config(pose=PoseSettings(variant="lite")), CameraSettings(name="soak", source=SPEC), source, say
    )
    await asyncio.wait_for(pipeline.run(), 4700)

    first = by_minute[1]
    for minute, (memory, threads, handles) in by_minute.items():
        if minute > 1:
            assert memory - first[0] < FLAT_MIB, f"minute {minute}: {memory:.0f} MiB after {first[0]:.0f}"
            assert threads <= first[1]
            assert handles <= first[2]
    assert max(by_minute) >= MINUTES - 1
    assert abs(counted - drawn) <= drawn // 50
