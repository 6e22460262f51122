"""From a confirmed repetition to its feedback: assessor, stand-in, coach. One repetition after the other, so
that feedback leaves in order and a set's summary after the last of its repetitions.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from streamaqa.assessment import Assessor
from streamaqa.delivery.builders import Session, feedback_message, set_message
from streamaqa.delivery.messages import AnyMessage, Latency
from streamaqa.errors import StreamaqaError
from streamaqa.exercises import Exercise
from streamaqa.feedback import Coach
from streamaqa.recording import Recorder
from streamaqa.types import Assessment, Evidence, Finding, Rep, RepEnded, SetEnded

log = structlog.get_logger(__name__)


class Clock(Protocol):
    """Says how the wall clock stands; a test brings its own."""

    def __call__(self) -> float:
        """Monotonic seconds."""


@dataclass(slots=True)
class Lifter:
    """Whose repetitions these are. Replaced as a whole when somebody else steps up."""

    session: Session
    coach: Coach
    errors: dict[int, Sequence[Finding]] = field(default_factory=dict)
    """What was found in the running set, by repetition."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A repetition on its way to the assessor."""

    event: RepEnded
    lifter: Lifter
    evidence: Evidence
    segment_ms: float
    """From its end until it was confirmed."""
    since: float
    """When it was confirmed, monotonic seconds."""


@dataclass(frozen=True, slots=True)
class _SetOver:
    """A set whose summary waits for the feedback of its last repetition."""

    event: SetEnded
    lifter: Lifter


class Judge:
    """Judges what is handed to it, in order, in the task that runs `run`.

    Args:
        assessor: judges each repetition.
        stand_in: judges what `assessor` cannot; its answers are marked degraded.
        tell: takes each message.
        limit: how many repetitions may wait; then who hands over waits too.
        exercises: the vocabulary.
        recorder: stores each answer.
        clock: for latencies.
    """

    def __init__(
        self,
        assessor: Assessor,
        stand_in: Assessor | None,
        tell: Callable[[AnyMessage], Awaitable[None]],
        *,
        limit: int,
        exercises: Sequence[Exercise],
        recorder: Recorder | None,
        clock: Clock,
    ) -> None:
        self.degraded = 0
        """Repetitions that a stand-in judged, or nobody."""
        self._assessor, self._stand_in, self._tell = assessor, stand_in, tell
        self._exercises, self._recorder, self._clock = exercises, recorder, clock
        self._waiting: asyncio.Queue[_Waiting | _SetOver | None] = asyncio.Queue(limit)

    async def rep(self, event: RepEnded, lifter: Lifter, evidence: Evidence, segment_ms: float) -> None:
        """Hand over a repetition."""
        await self._waiting.put(_Waiting(event, lifter, evidence, segment_ms, self._clock()))

    async def set_over(self, event: SetEnded, lifter: Lifter) -> None:
        """Hand over a set that has ended."""
        await self._waiting.put(_SetOver(event, lifter))

    async def end(self) -> None:
        """No more comes: `run` returns when all is judged."""
        await self._waiting.put(None)

    async def idle(self) -> None:
        """Wait until all that was handed over is judged and told."""
        await self._waiting.join()

    async def run(self) -> None:
        """Judge until `end`."""
        while (waiting := await self._waiting.get()) is not None:
            if isinstance(waiting, _SetOver):
                await self._tell(self._summary(waiting.event, waiting.lifter))
            else:
                await self._tell(await self._feedback(waiting))
            self._waiting.task_done()

    async def _feedback(self, waiting: _Waiting) -> AnyMessage:
        rep, lifter = waiting.event.rep, waiting.lifter
        begun = self._clock()
        assessment = await self._assess(waiting.evidence)
        judged = self._clock()
        self.degraded += assessment.degraded
        if self._recorder is not None:
            self._recorder.assessment(rep, assessment)
        advice = lifter.coach.rep(rep, assessment)
        lifter.errors[rep.number] = advice.errors
        queue, assess = 1000 * (begun - waiting.since), 1000 * (judged - begun)
        total = waiting.segment_ms + queue + assess
        return feedback_message(
            lifter.session,
            rep,
            assessment,
            advice,
            advice.errors,
            waiting.event.at,
            latency=Latency(segment=waiting.segment_ms, queue=queue, assess=assess, total=total),
            vocabulary=self._exercises,
        )

    async def _assess(self, evidence: Evidence) -> Assessment:
        """The assessor's answer, else its stand-in's: a rep is never lost in silence."""
        try:
            return await self._assessor.assess(evidence)
        except StreamaqaError as error:
            log.warning("assessor failed", rep=evidence.rep.number, reason=str(error))
        if self._stand_in is not None:
            with contextlib.suppress(StreamaqaError):
                return replace(await self._stand_in.assess(evidence), degraded=True)
        return self._nothing(evidence.rep)

    def _nothing(self, rep: Rep) -> Assessment:
        """Nobody could judge: every error is abstained from."""
        names = tuple(e.name for known in self._exercises if known.name == rep.exercise for e in known.errors)
        info = self._assessor.info
        return Assessment(rep.exercise, rep.exercise_probability, (), names, info, degraded=True)

    def _summary(self, ended: SetEnded, lifter: Lifter) -> AnyMessage:
        advice = lifter.coach.set_ended(ended)
        errors, lifter.errors = lifter.errors, {}
        return set_message(
            lifter.session,
            ended,
            errors,
            text=advice.text,
            lang=advice.lang,
            technique_limit_rep=advice.technique_limit,
            vocabulary=self._exercises,
        )
