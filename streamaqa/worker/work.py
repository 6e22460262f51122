"""A request while it is under way, and the answer that it becomes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from streamaqa.assessment.merge import Placed, WindowReading, merge
from streamaqa.assessment.wire import (
    Answer,
    AskedWindow,
    AssessRequest,
    Reading,
    RepTold,
    Served,
    Timings,
    Urgency,
    WindowTold,
)
from streamaqa.errors import StreamaqaError, WindowError
from streamaqa.exercises import Exercise
from streamaqa.worker.line import Job, Ticket


@dataclass(slots=True, eq=False)
class Work:
    """One window, and when it was where. Times are the loop's."""

    number: int
    """Within the request, from 0."""
    asked: AskedWindow
    frames: tuple[bytes, ...]
    """Let go when decoded."""
    window: Any = None
    """As the engine takes it, once decoded."""
    outcome: WindowReading | StreamaqaError | None = None
    decode: tuple[float, float] | None = None
    model: tuple[float, float] | None = None


@dataclass(slots=True, eq=False)
class Pending:
    """One request."""

    asked: AssessRequest
    job: Job
    works: tuple[Work, ...]
    arrived: float
    """When its head came."""
    received: float
    """When its body was whole."""
    done: asyncio.Future[None] = field(repr=False)

    @classmethod
    def of(cls, asked: AssessRequest, frames: Sequence[bytes], arrived: float, received: float) -> Pending:
        """Deal the frames out to the windows."""
        job = Job.of(
            arrived + asked.deadline_ms / 1000,
            [len(window.times) for window in asked.windows],
            asked.adapter,
            get_args(Urgency).index(asked.urgency),
        )
        works, at = [], 0
        for number, (window, ticket) in enumerate(zip(asked.windows, job.tickets, strict=True)):
            work = Work(number, window, tuple(frames[at : at + len(window.times)]))
            ticket.content = work
            works.append(work)
            at += len(window.times)
        return cls(asked, job, tuple(works), arrived, received, asyncio.get_running_loop().create_future())

    @property
    def complete(self) -> bool:
        """Whether every window has its outcome."""
        return all(work.outcome is not None for work in self.works)

    def fail(self, error: StreamaqaError) -> None:
        """Give up on all of it."""
        if not self.done.done():
            self.done.set_exception(error)

    def finish(self) -> None:
        """All outcomes are there."""
        if not self.done.done():
            self.done.set_result(None)


def work_of(ticket: Ticket) -> Work:
    """What `Pending.of` put there."""
    assert isinstance(ticket.content, Work)
    return ticket.content


def answer(
    pending: Pending,
    served: Served,
    vocabulary: Sequence[Exercise],
    now: float,
    forecast: Mapping[int, float],
) -> Answer:
    """What is told of a request whose windows all have their outcome. `now` is the loop's time."""
    windows = tuple(_told(work) for work in pending.works)
    units = dict.fromkeys(window.unit for window in pending.asked.windows)
    reps = tuple(_merged(unit, pending.works, served, vocabulary) for unit in units)
    return Answer(
        model=served, windows=windows, reps=reps, timings_ms=_timings(pending, now), forecast_ms=forecast
    )


def _told(work: Work) -> WindowTold:
    unit, phase = work.asked.unit, work.asked.phase
    if isinstance(work.outcome, WindowReading):
        return WindowTold(unit=unit, phase=phase, reading=Reading.of(work.outcome))
    return WindowTold(unit=unit, phase=phase, error=f"window {work.number}: {work.outcome}")


def _merged(unit: int, works: Sequence[Work], served: Served, vocabulary: Sequence[Exercise]) -> RepTold:
    mine = [work for work in works if work.asked.unit == unit]
    placed = [
        Placed(work.outcome, work.asked.offset, work.asked.duration)
        for work in mine
        if isinstance(work.outcome, WindowReading)
    ]
    hints = [work.asked.hint for work in mine if work.asked.hint]
    try:
        # the segmenter's newest word, once
        merged = merge(placed, vocabulary, prior=hints[-1] if hints else None, calibration=served.calibration)
    except WindowError as error:
        return RepTold(unit=unit, error=str(error))
    return RepTold.of(unit, merged)


def _timings(pending: Pending, now: float) -> Timings:
    """Of the window that was done last."""
    last = max(pending.works, key=lambda work: work.model[1] if work.model else 0.0)
    decode = last.decode[1] - last.decode[0] if last.decode else 0.0
    model = last.model[1] - last.model[0] if last.model else 0.0
    ended = last.model[1] if last.model else now
    stages = {
        "receive": pending.received - pending.arrived,
        "queue": ended - pending.received - decode - model,
        "decode": decode,
        "model": model,
        "answer": now - ended,
        "total": now - pending.arrived,
    }
    return Timings(**{stage: round(1000 * seconds, 3) for stage, seconds in stages.items()})
