"""One camera's engine, on one screen: see `Pipeline.run`.

    source -> pose -> segmenter -> windows -> assessor -> feedback -> say

Everything that decides something is synchronous and knows no clock; this module only moves things between
those parts. Two messages leave for each repetition: `rep` at once, `feedback` when the assessor has answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from streamaqa.assessment import Assessor
from streamaqa.config import LimitSettings
from streamaqa.delivery.builders import Session, feedback_message, rep_message, set_message, state_message
from streamaqa.delivery.commands import (
    AthleteCommand,
    CommandReply,
    EngineCommand,
    ExerciseCommand,
    PauseCommand,
    ResetCommand,
    ResumeCommand,
)
from streamaqa.delivery.messages import AnyMessage, FeedbackMessage, Latency, RepMessage, SetMessage
from streamaqa.errors import DeliveryError, StreamaqaError, WindowError
from streamaqa.exercises import EXERCISES, Exercise
from streamaqa.feed import Feed
from streamaqa.feedback import Coach, advise
from streamaqa.feedback.catalogue import Language
from streamaqa.pose import PoseEstimator
from streamaqa.segmentation import Segmenter
from streamaqa.sources.base import PoseSource, Source
from streamaqa.types import Assessment, Event, Evidence, Finding, Frame, Pose, Rep, RepEnded, SetEnded
from streamaqa.windows import FrameBuffer, Window, spans

log = structlog.get_logger(__name__)

Say = Callable[[AnyMessage], Awaitable[None]]
"""Takes each message as it is made, in order. Does not wait for the network."""


STATE_CHANGED_S, STATE_STEADY_S = 0.2, 1.0
"""Seconds of stream time between `state` messages: at most five a second, and one when nothing changes."""
LEAD_S = 3.0
"""Seconds of poses before a repetition that its assessor gets: the lifter standing."""
MEMORY_S = 40.0
"""Seconds of poses kept: a grinding repetition takes 8 s, its pauses and the lead come on top."""


class Clock(Protocol):
    """Says how the wall clock stands; a test brings its own."""

    def __call__(self) -> float:
        """Monotonic seconds."""


@dataclass(slots=True)
class _Lifter:
    """Whose repetitions these are. Replaced as a whole when somebody else steps up."""

    session: Session
    coach: Coach
    errors: dict[int, Sequence[Finding]] = field(default_factory=dict)
    """What was found in the running set, by repetition."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A repetition on its way to the assessor."""

    event: RepEnded
    lifter: _Lifter
    evidence: Evidence
    behind: float
    """Seconds by which the engine was behind the camera when it was confirmed."""
    segmented: float
    """When it was confirmed, monotonic seconds."""


@dataclass(frozen=True, slots=True)
class _SetOver:
    """A set whose summary waits for the feedback of its last repetition."""

    event: SetEnded
    lifter: _Lifter


@dataclass(slots=True)
class Counters:
    """What happened since the start; only ever rises."""

    frames: int = 0
    dropped: int = 0
    nobody: int = 0
    reps: int = 0
    degraded: int = 0
    sets: int = 0


class Pipeline:
    """Runs one source to its end.

    Args:
        session: names what is published.
        source: closed by `run`.
        estimator: finds poses in frames; None for a source of poses. Closed by `run`.
        assessor: judges each repetition.
        coach: makes the one who words the feedback, anew for each athlete.
        say: takes each message.
        stand_in: judges what `assessor` cannot; its answers are marked degraded.
        buffer: keeps frames for the assessor's windows; needed if its plan asks for frames.
    """

    def __init__(
        self,
        session: Session,
        source: Source | PoseSource,
        estimator: PoseEstimator | None,
        segmenter: Segmenter,
        assessor: Assessor,
        coach: Callable[[], Coach],
        say: Say,
        *,
        stand_in: Assessor | None = None,
        buffer: FrameBuffer | None = None,
        limits: LimitSettings | None = None,
        exercises: Sequence[Exercise] = EXERCISES,
        lang: Language = "en",
        clock: Clock = time.monotonic,
    ) -> None:
        self.counters = Counters()
        self.paused = False
        self._source, self._estimator = source, estimator
        self._segmenter, self._assessor, self._stand_in = segmenter, assessor, stand_in
        self._coach, self._say, self._buffer = coach, say, buffer
        self._lifter = _Lifter(session, coach())
        self._limits = limits or LimitSettings()
        self._exercises, self._lang, self._clock = exercises, lang, clock
        self._poses: deque[Pose] = deque()
        self._judged: asyncio.Queue[_Waiting | _SetOver | None] = asyncio.Queue(self._limits.assessments)
        self._state = _StateRhythm()
        self._seq = 0
        self._failure: Exception | None = None

    @property
    def session(self) -> Session:
        """What is published is named by this; its athlete may change."""
        return self._lifter.session

    async def run(self) -> None:
        """Until the source ends or `stop`; what is under way is finished and published.

        Raises whatever ended the source, after everything before it has been published.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watch(), name="watch")
                tasks.create_task(self._assess(), name="assess")
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            self._close()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End the source; `run` returns when what is under way is published."""
        self._source.close()

    async def command(self, command: EngineCommand) -> CommandReply:
        """Do what a display asks."""
        match command:
            case PauseCommand():
                self.paused, text = True, "paused"
            case ResumeCommand():
                self.paused, text = False, "going on"
            case ResetCommand():
                await self._start_over()
                text = "the set is over, the lifter's baseline forgotten"
            case AthleteCommand(athlete=athlete):
                await self._start_over()
                session = replace(self._lifter.session, athlete=athlete)
                self._lifter = _Lifter(session, self._coach())
                text = f"{athlete or 'nobody in particular'} lifts"
            case ExerciseCommand(exercise=name):
                try:
                    self._segmenter.expect(name)
                except ValueError as error:
                    raise DeliveryError(str(error)) from None
                text = f"expecting {name or 'any exercise'}"
        return CommandReply(command=command.command, ok=True, text=text, request_id=command.request_id)

    async def _tell(self, message: AnyMessage) -> None:
        """Say a message, numbered if it is about a repetition or a set; an outbox has a count of its own."""
        if isinstance(message, RepMessage | FeedbackMessage | SetMessage):
            self._seq += 1
            message = message.model_copy(update={"seq": self._seq})
        await self._say(message)

    async def _start_over(self) -> None:
        for event in self._segmenter.reset():
            await self._handle(event, self._clock())

    # --- watching: source -> pose -> segmenter ---------------------------------------------------------

    async def _watch(self) -> None:
        """Poses into events. The `None` at the end tells `_assess` that no more repetitions come."""
        arrival = self._clock()
        try:
            async with contextlib.aclosing(self._seen()) as seen:
                async for pose, arrival in seen:
                    if not self.paused:
                        await self._push(pose, arrival)
        except Exception as error:  # noqa: BLE001 - `run` raises it when what came before it is out
            self._failure = error
        for event in self._segmenter.flush():
            await self._handle(event, arrival)
        await self._judged.put(None)

    async def _seen(self) -> AsyncGenerator[tuple[Pose, float]]:
        """Each pose with the arrival of its frame. Pose and JPEG work run in a thread of their own."""
        live, limit = self._source.info.live, self._limits.frames
        if isinstance(self._source, PoseSource):
            async with Feed(self._source.poses(), self._source.close, live=live, limit=limit) as poses:
                async for pose in poses:
                    yield pose, self._clock()
            return
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="pose") as thread:
            async with Feed(self._source.frames(), self._source.close, live=live, limit=limit) as frames:
                async for frame in frames:
                    self.counters.dropped = frames.dropped
                    yield await loop.run_in_executor(thread, self._look, frame), frame.arrival

    def _look(self, frame: Frame) -> Pose:
        assert self._estimator is not None, "a source of frames needs a pose estimator"
        if self._buffer is not None and self._assessor.plan is not None:
            self._buffer.push(frame)
        return self._estimator.estimate(frame)

    async def _push(self, pose: Pose, arrival: float) -> None:
        self.counters.frames += 1
        self.counters.nobody += not pose.found
        self._poses.append(pose)
        while pose.time - self._poses[0].time > MEMORY_S:
            self._poses.popleft()
        for event in self._segmenter.push(pose):
            await self._handle(event, arrival)
        if not self._source.info.live:
            await self._judged.join()  # a recording gives the same messages in the same order each time
        await self._tell_state(pose.time, arrival)

    async def _handle(self, event: Event, arrival: float) -> None:
        match event:
            case RepEnded(at, rep):
                self.counters.reps += 1
                behind = max(self._clock() - arrival, 0.0)
                segment = _segment_ms(event, behind)
                latency = Latency(segment=segment, total=segment)
                await self._tell(rep_message(self._lifter.session, rep, at, latency=latency))
                evidence = self._evidence(rep)
                await self._judged.put(_Waiting(event, self._lifter, evidence, behind, self._clock()))
            case SetEnded():
                self.counters.sets += 1
                await self._judged.put(_SetOver(event, self._lifter))

    def _evidence(self, rep: Rep) -> Evidence:
        poses = tuple(pose for pose in self._poses if rep.start - LEAD_S <= pose.time <= rep.end)
        windows: Sequence[Window] = ()
        plan = self._assessor.plan
        if plan is not None and self._buffer is not None:
            try:
                windows = self._buffer.cut(plan, spans(plan, rep), poses)
            except WindowError as error:
                log.warning("rep without windows", rep=rep.number, reason=str(error))
        return Evidence(rep, poses, windows)

    async def _tell_state(self, at: float, arrival: float) -> None:
        status = self._segmenter.status
        self._state.seen(at)
        if not self._state.due(at, status):
            return
        lag_ms = 1000 * (self._clock() - arrival) if self._source.info.live else None
        doing = next((known for known in self._exercises if known.name == status.exercise), None)
        text = advise(status.advice, self._lang, doing)
        message = state_message(
            self._lifter.session, status, at, fps=self._state.fps, lag_ms=lag_ms, text=text
        )
        await self._tell(message)

    # --- judging: assessor -> feedback -----------------------------------------------------------------

    async def _assess(self) -> None:
        """One repetition after the other, so that feedback leaves in order and a set's summary after it."""
        while (waiting := await self._judged.get()) is not None:
            if isinstance(waiting, _SetOver):
                await self._tell(self._summary(waiting.event, waiting.lifter))
            else:
                await self._give_feedback(waiting)
            self._judged.task_done()

    async def _give_feedback(self, waiting: _Waiting) -> None:
        event, rep, lifter = waiting.event, waiting.event.rep, waiting.lifter
        begun = self._clock()
        assessment = await self._judge(waiting.evidence)
        judged = self._clock()
        self.counters.degraded += assessment.degraded
        advice = lifter.coach.rep(rep, assessment)
        lifter.errors[rep.number] = advice.errors
        queue, assess = 1000 * (begun - waiting.segmented), 1000 * (judged - begun)
        segment = _segment_ms(event, waiting.behind)
        latency = Latency(segment=segment, queue=queue, assess=assess, total=segment + queue + assess)
        message = feedback_message(
            lifter.session,
            rep,
            assessment,
            advice,
            advice.errors,
            event.at,
            latency=latency,
            vocabulary=self._exercises,
        )
        await self._tell(message)

    async def _judge(self, evidence: Evidence) -> Assessment:
        """The assessor's answer, else its stand-in's: a rep is never lost in silence."""
        try:
            return await self._assessor.assess(evidence)
        except StreamaqaError as error:
            log.warning("assessor failed", rep=evidence.rep.number, reason=str(error))
        if self._stand_in is not None:
            with contextlib.suppress(StreamaqaError):
                return replace(await self._stand_in.assess(evidence), degraded=True)
        return _nothing(evidence.rep, self._assessor, self._exercises)

    def _summary(self, ended: SetEnded, lifter: _Lifter) -> AnyMessage:
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

    def _close(self) -> None:
        self._source.close()
        if self._estimator is not None:
            self._estimator.close()


class _StateRhythm:
    """When a `state` message is due, and how many poses a second there are, both in stream time."""

    def __init__(self) -> None:
        self._last_at = float("-inf")
        self._last: object = None
        self._times: deque[float] = deque(maxlen=31)

    def seen(self, at: float) -> None:
        self._times.append(at)

    @property
    def fps(self) -> float | None:
        if len(self._times) < 2:
            return None
        return (len(self._times) - 1) / (self._times[-1] - self._times[0])

    def due(self, at: float, status: object) -> bool:
        wait = STATE_STEADY_S if status == self._last else STATE_CHANGED_S
        if at - self._last_at < wait:
            return False
        self._last_at, self._last = at, status
        return True


def _segment_ms(event: RepEnded, behind: float) -> float:
    """From the end of a repetition until it was confirmed: the segmenter's delay, and the engine's."""
    return 1000 * (event.at - event.rep.end + behind)


def _nothing(rep: Rep, assessor: Assessor, exercises: Sequence[Exercise]) -> Assessment:
    """Nobody could judge: every error is abstained from."""
    names = tuple(e.name for known in exercises if known.name == rep.exercise for e in known.errors)
    return Assessment(rep.exercise, rep.exercise_probability, (), names, assessor.info, degraded=True)
