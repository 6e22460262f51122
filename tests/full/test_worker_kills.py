"""SIGKILL the GPU worker again and again: every repetition gets its feedback, and the worker comes back.

A real worker process with the tiny model, a real client, and a lifter in real time whose poses are known.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
import time
from collections import Counter
from datetime import UTC, datetime

import pytest
from rehearsal import Knows, Rehearsed

from streamaqa.config import CameraSettings, Config
from streamaqa.delivery.builders import Session
from streamaqa.delivery.messages import AnyMessage, FeedbackMessage, RepMessage, SetMessage
from streamaqa.engine import assessor_for, build
from streamaqa.sources.synthetic import poses
from streamaqa.worker_child import WorkerChild, reached, with_worker

pytestmark = [pytest.mark.full, pytest.mark.timeout(1200)]

pytest.importorskip("torch")
pytest.importorskip("fastapi")

KILLS = 10
RUN_S = 180.0
BACK_S = 90.0
"""How long the worker may take to be back: loading torch on a busy machine."""


class Said:
    """Keeps what matters of each message, in order."""

    def __init__(self) -> None:
        self.messages: list[AnyMessage] = []

    async def __call__(self, message: AnyMessage) -> None:
        if isinstance(message, RepMessage | FeedbackMessage | SetMessage):
            self.messages.append(message)

    def of(self, kind: str) -> list[FeedbackMessage]:
        return [m for m in self.messages if isinstance(m, FeedbackMessage) and m.kind == kind]


async def kill_repeatedly(worker: WorkerChild) -> list[float]:
    """Kill it at random moments of its lives; seconds until it was back, for each."""
    chance, back = random.Random(6), []
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(0.0, 8.0))
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        killed = time.monotonic()
        worker.up = False  # its own watch notices a moment later
        await is_up(worker)
        back.append(time.monotonic() - killed)
    return back


async def is_up(worker: WorkerChild) -> None:
    async with asyncio.timeout(BACK_S):
        while not worker.up:  # noqa: ASYNC110 - a flag that another process raises
            await asyncio.sleep(0.1)


async def test_ten_kills_of_the_worker_cost_no_repetition_its_feedback() -> None:
    track = poses("synthetic:squat?reps=300&seed=1&view=0", fps=15)
    source, said = Rehearsed(track), Said()
    notes: list[str] = []
    config = Config.model_validate({"assessor": {"kind": "llava", "restarts_a_minute": KILLS}})
    camera = CameraSettings(name="rack", source="given")
    session = Session("kills", "home", "rack", datetime.now(UTC))
    begun = time.monotonic()
    async with with_worker(config, notes.append, must=True) as worker:
        assert worker is not None
        await is_up(worker)
        at = reached(config, worker)
        pipeline = await build(
            at,
            camera,
            source,
            said,
            session=session,
            estimator=Knows(track),
            assessor=await assessor_for(at, source, wait=True),
        )
        begun = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(pipeline.run())
            back = await kill_repeatedly(worker)
            await asyncio.sleep(max(RUN_S - (time.monotonic() - begun), 10.0))
            pipeline.stop()
    seconds = time.monotonic() - begun
    reps = [m for m in said.messages if isinstance(m, RepMessage)]
    feedback, updates = said.of("feedback"), said.of("update")
    totals = sorted(m.latency_ms.total or 0.0 for m in feedback)
    degraded = [m for m in feedback if m.degraded]
    sys.stdout.write(  # the figures are what it is run for
        f"\n{KILLS} kills in {seconds:.0f} s: {len(reps)} reps, {len(feedback)} feedback,"
        f" {len(degraded)} degraded, {len(updates)} updates; worker back after"
        f" {min(back):.1f} to {max(back):.1f} s; end of rep to feedback"
        f" p50 {totals[len(totals) // 2]:.0f} ms, p95 {totals[int(0.95 * len(totals))]:.0f} ms,"
        f" most {totals[-1]:.0f} ms\n"
    )
    assert len(back) == KILLS == worker.restarts
    assert [m.rep for m in feedback] == [m.rep for m in reps]
    assert all(m.degraded == (m.assessor.name == "kinematic") for m in feedback)
    assert 0 < len(degraded) < len(feedback)
    told = Counter((m.set_number, m.rep) for m in updates)
    assert set(told) <= {(m.set_number, m.rep) for m in degraded}
    assert not told or max(told.values()) == 1
    assert not any(m.degraded for m in updates)
    for update in updates:
        own = next(m for m in feedback if (m.set_number, m.rep) == (update.set_number, update.rep))
        assert said.messages.index(own) < said.messages.index(update)
    assert isinstance(said.messages[-1], SetMessage)
    with contextlib.suppress(ProcessLookupError):
        assert worker.pid is None
