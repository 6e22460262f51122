"""The worker without HTTP: requests come in through `assess`; engines load, decode and read behind it.

Tasks: one loads and warms up; then one for each engine takes batches from the line, and one for each window
that is being decoded. The event loop only decides; JPEG and model work run in threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Literal

import structlog

from streamaqa.assessment.merge import WindowReading
from streamaqa.assessment.wire import Answer, AssessRequest, Limits, Ready, Served
from streamaqa.worker.decoding import Decoding
from streamaqa.worker.engine import Engine
from streamaqa.worker.line import Job, Line, Ticket
from streamaqa.worker.metrics import Metrics
from streamaqa.worker.reading import Outcome, Reading
from streamaqa.worker.refused import RefusedError
from streamaqa.worker.rehearsal import rehearsed
from streamaqa.worker.settings import WorkerSettings
from streamaqa.worker.work import Pending, answer, work_of

log = structlog.get_logger(__name__)

Load = Callable[[], Sequence[Engine]]

FORECASTS = (8, 16, 32)
"""Frames that clients are told a forecast for."""
DOUBT_S = 5.0
"""An idle worker that refuses a window as too slow measures itself anew at most this often."""


class Service:
    """Engines, and the line before them."""

    def __init__(self, settings: WorkerSettings, load: Load) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.line = Line(settings.line)
        self.state: Literal["loading", "ready", "draining"] = "loading"
        self.engines: Sequence[Engine] = ()
        self._load = load
        self._pending: dict[Job, Pending] = {}
        self._wakes: list[asyncio.Event] = []
        self._doubted: int | None = None
        self._measured = -DOUBT_S
        self._decoding = Decoding(settings, done=self._wake, failed=self._give_up)
        self._readings: Sequence[Reading] = ()

    # --- life ------------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Service]:
        """Load in the background and serve until left. What fails there comes out here, in a group."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                serving = self._tasks.create_task(self._serve(), name="worker")
                try:
                    yield self
                finally:
                    serving.cancel()
                    for pending in list(self._pending.values()):
                        pending.fail(RefusedError("draining", "the worker is stopping"))
        finally:
            self.metrics.ready.set(0)
            for pool in (self._decoding.threads, *(reading.thread for reading in self._readings)):
                pool.shutdown(wait=True, cancel_futures=True)

    async def _serve(self) -> None:
        start = time.monotonic()
        self.engines = await asyncio.to_thread(self._load)
        self.line = Line(self.settings.line, len(self.engines))
        self._readings = [Reading(engine, self.line, self.metrics) for engine in self.engines]
        self._wakes = [asyncio.Event() for _ in self.engines]
        await self._warm_up()
        if self.state == "loading":
            self.state = "ready"
            self.metrics.ready.set(1)
        names = ", ".join(engine.device for engine in self.engines)
        log.info("ready", model=self.engines[0].model.name, devices=names, seconds=time.monotonic() - start)
        async with asyncio.TaskGroup() as lanes:
            for lane in range(len(self.engines)):
                lanes.create_task(self._run_lane(lane), name=f"lane-{lane}")

    async def _warm_up(self) -> None:
        """Run each kind of batch, so that the first request finds measured rates."""
        until = time.monotonic() + self.settings.warm_up_s
        for lane, engine in enumerate(self.engines):
            for number, (frames, count) in enumerate(engine.rehearsals(self.settings.line.batch)):
                if number and time.monotonic() > until:
                    break
                if number == 0:  # compiles, allocates
                    await self._rehearse(lane, frames, count, learn=False)
                await self._rehearse(lane, frames, count)

    async def drain(self) -> None:
        """Refuse what is new, and wait until all that was let in has its answer."""
        self.state = "draining"
        self.metrics.ready.set(0)
        while self._pending:
            waiting = [pending.done for pending in self._pending.values()]
            await asyncio.wait(waiting)
            await asyncio.sleep(0)  # lets their requests take the answers

    # --- one request -----------------------------------------------------------------------------------

    @property
    def ready(self) -> Ready:
        """What `/ready` says."""
        if self.state != "ready":
            return Ready(state=self.state)
        first, limits = self.engines[0], self.settings.limits
        return Ready(
            state="ready",
            model=first.model,
            adapters=first.adapters,
            contract=first.contract,
            device=", ".join(engine.device for engine in self.engines),
            limits=Limits(
                windows=limits.windows,
                body_bytes=limits.body_bytes,
                frame_bytes=limits.frame_bytes,
                frame_pixels=limits.frame_pixels,
            ),
            forecast_ms=self.forecast_ms(),
        )

    def forecast_ms(self) -> Mapping[int, float]:
        """See `wire.Refusal`."""
        if self.state == "loading":
            return {}
        now = self._now()
        return {frames: round(1000 * self.line.forecast(now, frames), 1) for frames in FORECASTS}

    def check_open(self) -> None:
        """RefusedError while the worker loads or drains."""
        if self.state == "loading":
            raise RefusedError("loading", "the model is being loaded", retry_after_s=5.0)
        if self.state == "draining":
            raise RefusedError("draining", "the worker is stopping", retry_after_s=5.0)

    async def assess(
        self, asked: AssessRequest, frames: Sequence[bytes], *, arrived: float, received: float
    ) -> Answer:
        """Answer a request, or RefusedError. Times are the loop's. Cancel it when the client has gone."""
        self.check_open()
        self._check(asked)
        pending = Pending.of(asked, frames, arrived, received)
        self._admit(pending)
        loop = asyncio.get_running_loop()
        expiry = loop.call_at(pending.job.deadline, self._expire)
        self._pending[pending.job] = pending
        try:
            self._decode_more()
            await pending.done
        finally:
            expiry.cancel()
            del self._pending[pending.job]
            self._forget(pending)
        now = self._now()
        told = answer(
            pending, self._served(asked.adapter), self.engines[0].vocabulary, now, self.forecast_ms()
        )
        self.metrics.answered(told.timings_ms, late=now > pending.job.deadline)
        return told

    def _check(self, asked: AssessRequest) -> None:
        engine = self.engines[0]
        if asked.adapter is not None and asked.adapter not in engine.adapters:
            known = ", ".join(engine.adapters) or "none"
            raise RefusedError("invalid", f"no adapter {asked.adapter!r}; there is {known}")
        plan = engine.contract.plan
        for number, window in enumerate(asked.windows):
            if (window.phase is None) != (plan.unit == "rep"):
                raise RefusedError("invalid", f"windows.{number}: the plan's unit is a {plan.unit}")
            if window.crop is not None and plan.crop == "none":
                raise RefusedError("invalid", f"windows.{number}: the plan crops nothing")
            if len(window.times) > plan.frames:
                raise RefusedError(
                    "invalid", f"windows.{number}: {len(window.times)} frames, the plan has {plan.frames}"
                )

    def _served(self, adapter: str | None) -> Served:
        engine = self.engines[0]
        return engine.model if adapter is None else engine.adapters[adapter]

    def _admit(self, pending: Pending) -> None:
        now = self._now()
        left = pending.job.deadline - now
        if left <= 0:
            raise RefusedError("late", f"the deadline passed {-left:.2f} s ago", retry_after_s=0.0)
        verdict = self.line.admit(now, pending.job)
        if verdict.admitted:
            self._show_depth()
            return
        if verdict.reason == "full":
            raise RefusedError(
                "full", f"{len(self.line)} windows wait already", retry_after_s=verdict.retry_after
            )
        if not len(self.line) and not self.line.running:
            self._doubted = max(ticket.frames for ticket in pending.job.tickets)
            self._wake()
        raise RefusedError(
            "late",
            f"would take {verdict.finish - now:.2f} s, {left:.2f} s are left",
            retry_after_s=verdict.retry_after,
        )

    def _forget(self, pending: Pending) -> None:
        """Whatever still waits of a request that is over."""
        before = len(self.line)
        self.line.leave(pending.job)
        if len(self.line) < before:
            self.metrics.windows.labels("gone").inc(before - len(self.line))
            self._decode_more()
        self._show_depth()

    def _expire(self) -> None:
        """Tell those who cannot be in time any more."""
        before = len(self.line)
        for job in self.line.expired(self._now()):
            self._pending[job].fail(
                RefusedError("late", "waited until it was too late", retry_after_s=self._backlog())
            )
        self.metrics.windows.labels("expired").inc(before - len(self.line))
        self._show_depth()

    def _backlog(self) -> float:
        """Seconds of work that waits."""
        return self.line.forecast(self._now(), 1)

    def _give_up(self, job: Job, error: RefusedError) -> None:
        self.line.leave(job)
        if (pending := self._pending.get(job)) is not None:
            pending.fail(error)

    def _decode_more(self) -> None:
        self._decoding.more(self.line, self.engines[0], self._tasks)

    # --- the model -------------------------------------------------------------------------------------

    async def _run_lane(self, lane: int) -> None:
        wake = self._wakes[lane]
        while True:
            self._expire()
            batch = self.line.next_batch(self._now(), lane)
            if batch:
                await self._run(lane, batch)
            elif lane == 0 and self._in_doubt():
                await self._mend(lane)
            else:
                wake.clear()
                await wake.wait()

    async def _run(self, lane: int, batch: Sequence[Ticket]) -> None:
        self._show_depth()
        self._decode_more()
        works = [work_of(ticket) for ticket in batch]
        started = self._now()
        outcomes, seconds = await self._readings[lane].read(
            [work.window for work in works], batch[0].job.adapter, batch[0].frames
        )
        ended = self._now()
        self.line.finished(lane, batch[0].frames, len(batch), seconds)
        for ticket, work, outcome in zip(batch, works, outcomes, strict=True):
            work.model, work.outcome, work.window = (started, ended), outcome, None
            self._settle(ticket.job, outcome)

    def _settle(self, job: Job, outcome: Outcome) -> None:
        self.metrics.windows.labels("read" if isinstance(outcome, WindowReading) else "failed").inc()
        pending = self._pending.get(job)
        if pending is None:
            return
        if isinstance(outcome, RefusedError):
            pending.fail(outcome)
        elif pending.complete:
            pending.finish()

    async def _mend(self, lane: int) -> None:
        """Measure what a window takes, since a belief that it takes too long would never meet the facts."""
        frames, self._doubted = self._doubted or 1, None
        seconds = await self._rehearse(lane, frames, 1, learn=False)
        if seconds is not None:
            self.line.rates.doubt(frames, seconds)

    async def _rehearse(self, lane: int, frames: int, count: int, *, learn: bool = True) -> float | None:
        """Run a batch that nobody asked for, and learn how long it takes; its seconds if it ran as one."""
        loop, engine = asyncio.get_running_loop(), self.engines[lane]
        self._measured = self._now()
        threads = self._decoding.threads
        windows, decode_s = await loop.run_in_executor(threads, rehearsed, engine, frames, count)
        self.line.decode_s = self.line.decode_s or decode_s / self.settings.decode_threads
        self.line.begin(self._now(), lane, frames, count)
        _, seconds = await self._readings[lane].read(windows, None, frames)
        self.line.finished(lane, frames, count, seconds if learn else None)
        return seconds

    def _in_doubt(self) -> bool:
        return self._doubted is not None and self._now() - self._measured >= DOUBT_S

    # --- small -----------------------------------------------------------------------------------------

    def _wake(self) -> None:
        for wake in self._wakes:
            wake.set()

    def _show_depth(self) -> None:
        self.metrics.queue.labels("windows").set(len(self.line))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
