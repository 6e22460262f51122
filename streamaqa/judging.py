"""From a confirmed repetition to its feedback: assessor, stand-in, coach. Feedback leaves in the order of the
repetitions, and a set's summary after the last of them.

An assessor that works elsewhere (`Remote`) is asked as soon as a repetition is confirmed, also while earlier
ones still wait. A lifter waits for its answer until the deadline and no longer: then the stand-in speaks,
marked degraded. An answer that comes after that is told as `update`, unless by then the repetition is stale
or its set has been summed up: the summary is the last word on a set, and nothing later may contradict it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import structlog

from streamaqa.assessment import Assessor
from streamaqa.assessment.base import Recalled, Remote
from streamaqa.delivery.builders import Session, feedback_message, set_message
from streamaqa.delivery.messages import AnyMessage, Latency
from streamaqa.errors import StreamaqaError, WorkerGoneError
from streamaqa.exercises import Exercise
from streamaqa.feedback import Coach
from streamaqa.recording import Recorder
from streamaqa.types import Assessment, Evidence, Finding, Rep, RepEnded, SetEnded

log = structlog.get_logger(__name__)

LATE = 16
"""Late answers waited for at once. A repetition takes a second at least and is stale after ten by default."""


class Clock(Protocol):
    """Says how the wall clock stands; a test brings its own."""

    def __call__(self) -> float:
        """Monotonic seconds."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a lifter waits for a remote assessor, seconds from the end of the repetition."""

    deadline_s: float
    """Until the stand-in speaks."""
    stale_s: float
    """Until an answer is of no use any more."""


@dataclass(slots=True)
class Lifter:
    """Whose repetitions these are. Replaced as a whole when somebody else steps up."""

    session: Session
    coach: Coach
    errors: dict[int, Sequence[Finding]] = field(default_factory=dict)
    """What was found in the running set, by repetition."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was said of a repetition, and when."""

    assessment: Assessment
    begun: float
    """When the assessor was asked, monotonic seconds."""
    judged: float
    """When it had answered."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """A repetition on its way through the judge."""

    event: RepEnded
    lifter: Lifter
    evidence: Evidence
    segment_ms: float
    """From its end until it was confirmed."""
    since: float
    """When it was confirmed, monotonic seconds."""
    hopeless: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the deadline cannot be made, or nobody has the time to wait for it."""
    answer: asyncio.Task[_Answer | StreamaqaError] | None = None
    """Of a remote assessor; None where the assessor is asked when its turn comes."""


@dataclass(frozen=True, slots=True)
class _SetOver:
    """A set whose summary waits for the feedback of its last repetition."""

    event: SetEnded
    lifter: Lifter


class Judge:
    """Judges what is handed to it. `run` has to be under way when the first repetition comes.

    Args:
        assessor: judges each repetition.
        stand_in: judges what `assessor` cannot, or not in time; its answers are marked degraded.
        tell: takes each message.
        limit: how many repetitions may wait; then who hands over waits too.
        exercises: the vocabulary.
        recorder: stores each answer.
        clock: for latencies.
        patience: how long a lifter waits for a remote assessor; None waits as long as it takes, and gives the
            same messages each time.
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
        patience: Patience | None = None,
    ) -> None:
        self.counts = dict.fromkeys(("degraded", "updates", "answers_unused"), 0)
        """Repetitions that a stand-in judged, or nobody; model answers told after that; those never told."""
        self._assessor, self._stand_in, self._tell = assessor, stand_in, tell
        self._exercises, self._recorder, self._clock = exercises, recorder, clock
        self._patience = patience
        self._remote = assessor if isinstance(assessor, Remote) and patience is not None else None
        self._waiting: asyncio.Queue[_Waiting | _SetOver | None] = asyncio.Queue(limit)
        self._open: deque[_Waiting] = deque()
        """Repetitions handed over and not told, at most one more than may wait."""
        self._late: dict[_Waiting, asyncio.Task[None]] = {}
        self._told: deque[_Waiting] = deque(maxlen=LATE)
        """Repetitions that may still get an update out of a recording."""
        self._telling = asyncio.Lock()
        """Held while an answer is told and noted, so that a summary never comes in between."""
        self._tasks: asyncio.TaskGroup | None = None
        self._in_hurry = False

    async def rep(self, event: RepEnded, lifter: Lifter, evidence: Evidence, segment_ms: float) -> None:
        """Hand over a repetition."""
        waiting = _Waiting(event, lifter, evidence, segment_ms, self._clock())
        if self._remote is not None and self._tasks is not None and self._patience is not None:
            asking = self._ask(self._remote, self._patience, waiting)
            waiting = replace(waiting, answer=self._tasks.create_task(asking, name="ask"))
        if self._in_hurry:
            waiting.hopeless.set()
        self._open.append(waiting)
        await self._waiting.put(waiting)

    async def set_over(self, event: SetEnded, lifter: Lifter) -> None:
        """Hand over a set that has ended."""
        await self._waiting.put(_SetOver(event, lifter))

    async def end(self) -> None:
        """No more comes: `run` returns when all is judged."""
        await self._waiting.put(None)

    def hurry(self) -> None:
        """Wait for no deadline any more: whoever is watching has left."""
        self._in_hurry = True
        for waiting in self._open:
            waiting.hopeless.set()

    async def idle(self) -> None:
        """Wait until all that was handed over is judged and told."""
        await self._waiting.join()

    @property
    def depth(self) -> int:
        """Repetitions that wait for their feedback."""
        return len(self._open)

    async def run(self) -> None:
        """Judge until `end`; answers that are still late then are not waited for."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            while (waiting := await self._waiting.get()) is not None:
                if isinstance(waiting, _SetOver):
                    await self._sum_up(waiting)
                else:
                    await self._judge(waiting)
                    self._open.popleft()
                self._waiting.task_done()
            self._tasks = None
            await self._drop_late()

    # --- one repetition ---------------------------------------------------------------------------------

    async def _judge(self, waiting: _Waiting) -> None:
        answer = await self._in_time(waiting)
        async with self._telling:
            await self._say(waiting, answer, "feedback")
        if waiting.answer is not None:
            self._expect(waiting, waiting.answer, answer)
        elif isinstance(self._assessor, Recalled):
            await self._recall(waiting, self._assessor)

    async def _in_time(self, waiting: _Waiting) -> _Answer:
        """The assessor's answer, else its stand-in's: a repetition is never lost in silence."""
        begun = self._clock()
        given = (
            await self._asked(waiting, begun)
            if waiting.answer is None
            else await self._by_deadline(waiting, waiting.answer)
        )
        if isinstance(given, _Answer):
            return given
        if given is not None:
            tell = log.info if isinstance(given, WorkerGoneError) else log.warning  # that was said before
            tell("assessor failed", rep=waiting.event.rep.number, reason=str(given))
        assessment = await self._by_stand_in(waiting.evidence)
        return _Answer(assessment, begun if waiting.answer is None else waiting.since, self._clock())

    async def _asked(self, waiting: _Waiting, begun: float) -> _Answer | StreamaqaError:
        try:
            assessment = await self._assessor.assess(waiting.evidence)
        except StreamaqaError as error:
            return error
        return _Answer(assessment, begun, self._clock())

    async def _by_deadline(
        self, waiting: _Waiting, answer: asyncio.Task[_Answer | StreamaqaError]
    ) -> _Answer | StreamaqaError | None:
        """What a remote assessor has said by the deadline; None if nothing."""
        assert self._patience is not None, "without a deadline it is asked when its turn comes"
        left = self._patience.deadline_s - waiting.segment_ms / 1000 - (self._clock() - waiting.since)
        hopeless = asyncio.create_task(waiting.hopeless.wait(), name="hopeless")
        try:
            await asyncio.wait(
                [answer, hopeless], timeout=max(left, 0.0), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            hopeless.cancel()
        return answer.result() if answer.done() else None

    async def _ask(self, remote: Remote, patience: Patience, waiting: _Waiting) -> _Answer | StreamaqaError:
        """Ask a remote assessor; its failure is a value, since nobody may be waiting for it any more."""
        spent, begun = waiting.segment_ms / 1000, self._clock()
        try:
            assessment = await remote.ask(
                waiting.evidence,
                deadline_s=patience.deadline_s - spent,
                stale_s=patience.stale_s - spent,
                missed=waiting.hopeless.set,
            )
        except StreamaqaError as error:
            return error
        return _Answer(assessment, begun, self._clock())

    async def _by_stand_in(self, evidence: Evidence) -> Assessment:
        if self._stand_in is not None:
            with contextlib.suppress(StreamaqaError):
                return replace(await self._stand_in.assess(evidence), degraded=True)
        return self._nothing(evidence.rep)

    def _nothing(self, rep: Rep) -> Assessment:
        """Nobody could judge: every error is abstained from."""
        names = tuple(e.name for known in self._exercises if known.name == rep.exercise for e in known.errors)
        info = self._assessor.info
        return Assessment(rep.exercise, rep.exercise_probability, (), names, info, degraded=True)

    async def _say(self, waiting: _Waiting, answer: _Answer, kind: Literal["feedback", "update"]) -> None:
        rep, lifter, assessment = waiting.event.rep, waiting.lifter, answer.assessment
        self.counts["degraded"] += assessment.degraded
        self.counts["updates"] += kind == "update"
        if self._recorder is not None:
            self._recorder.assessment(rep, assessment, update=kind == "update")
        advice = lifter.coach.rep(rep, assessment)
        lifter.errors[rep.number] = advice.errors if assessment.exercise == rep.exercise else ()
        await self._tell(
            feedback_message(
                lifter.session,
                rep,
                assessment,
                advice,
                advice.errors,
                waiting.event.at,
                kind=kind,
                latency=self._latency(waiting, answer),
                vocabulary=self._exercises,
            )
        )

    def _latency(self, waiting: _Waiting, answer: _Answer) -> Latency:
        """Where the time went; the stages follow each other and sum to the total."""
        queue = 1000 * (answer.begun - waiting.since)
        assess = 1000 * (answer.judged - answer.begun)
        publish = 1000 * (self._clock() - answer.judged)
        total = waiting.segment_ms + queue + assess + publish
        return Latency(segment=waiting.segment_ms, queue=queue, assess=assess, publish=publish, total=total)

    # --- late answers, and the end of a set -------------------------------------------------------------

    def _expect(self, waiting: _Waiting, late: asyncio.Task[_Answer | StreamaqaError], told: _Answer) -> None:
        """Wait for the answer that was not there in time, if it was not."""
        if late.done() and (late.result() is told or not isinstance(late.result(), _Answer)):
            return
        assert self._tasks is not None, "`run` is under way"
        if len(self._late) < LATE:
            task = self._tasks.create_task(self._follow_up(waiting, late), name="late")
            self._late[waiting] = task
        else:
            late.cancel()
            self.counts["answers_unused"] += 1

    async def _follow_up(self, waiting: _Waiting, late: asyncio.Task[_Answer | StreamaqaError]) -> None:
        """Tell what comes late. Cancelled, it cancels the request."""
        answer = await late
        async with self._telling:
            del self._late[waiting]
            if isinstance(answer, _Answer):
                await self._say(waiting, answer, "update")
            else:
                log.info("no answer any more", rep=waiting.event.rep.number, reason=str(answer))

    async def _recall(self, waiting: _Waiting, assessor: Recalled) -> None:
        """Say again the updates that were said after this feedback."""
        self._told.append(waiting)
        for key, assessment in assessor.updates_after(waiting.event.rep):
            for told in self._told:
                if (told.event.rep.set_number, told.event.rep.number) == key:
                    now = self._clock()
                    await self._say(told, _Answer(assessment, now, now), "update")

    async def _drop_late(self, lifter: Lifter | None = None) -> None:
        """Late answers of this lifter, or of all, are of no use any more. What is being said is finished."""
        async with self._telling:
            for waiting in [w for w in self._late if lifter is None or w.lifter is lifter]:
                self._late.pop(waiting).cancel()
                self.counts["answers_unused"] += 1

    async def _sum_up(self, over: _SetOver) -> None:
        await self._drop_late(over.lifter)
        ended, lifter = over.event, over.lifter
        advice = lifter.coach.set_ended(ended)
        errors, lifter.errors = lifter.errors, {}
        await self._tell(
            set_message(
                lifter.session,
                ended,
                errors,
                text=advice.text,
                lang=advice.lang,
                technique_limit_rep=advice.technique_limit,
                judged=advice.judged,
                doubtful=advice.doubtful,
                vocabulary=self._exercises,
            )
        )
