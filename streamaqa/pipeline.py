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
from dataclasses import asdict, dataclass, replace

import structlog

from streamaqa.assessment import Assessor, KinematicAssessor
from streamaqa.assessment.base import Remote
from streamaqa.config import LimitSettings
from streamaqa.delivery.builders import Session, rep_message
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
from streamaqa.errors import DeliveryError, WindowError
from streamaqa.exercises import EXERCISES, Exercise
from streamaqa.feed import Feed
from streamaqa.feedback import Coach
from streamaqa.feedback.catalogue import Language
from streamaqa.judging import Clock, Judge, Lifter, Patience
from streamaqa.pose import PoseEstimator
from streamaqa.recording import Recorder
from streamaqa.reporting import Reporter
from streamaqa.segmentation import Segmenter
from streamaqa.sources.base import CAMERA_LOST, PoseSource, Source, Watched
from streamaqa.types import (
    Event,
    Evidence,
    Frame,
    PhaseEnded,
    Pose,
    Rep,
    RepCancelled,
    RepEnded,
    SetEnded,
)
from streamaqa.windows import FrameBuffer, Window, spans

log = structlog.get_logger(__name__)

Say = Callable[[AnyMessage], Awaitable[None]]
"""Takes each message as it is made, in order. Does not wait for the network."""
Script = Sequence[tuple[float, "EngineCommand | CameraSaid"]]
"""What happened in a recorded session beside its poses, each after the pose at its stream time, in order."""


NOTICE_S = 0.25
"""Seconds between two looks at how a live camera is; what is wrong is said also while no frames come."""
LEAD_S = 3.0
"""Seconds of poses before a repetition that its assessor gets: the lifter standing."""
SETTLED_S = 0.15
"""Seconds from the turn until the first phase is sent ahead of time. Its span is then known within a frame
in 45 of 50 real repetitions; to wait longer brings no more, and leaves less time."""
ATHLETES = 32
"""Athletes who are remembered, those who lifted last: more than share a rack, and cheap to keep."""
MEMORY_S = 40.0
"""Seconds of poses kept: a grinding repetition takes 8 s, its pauses and the lead come on top."""


@dataclass(frozen=True, slots=True)
class CameraSaid:
    """What a live source said of itself, as a recording keeps it."""

    notices: frozenset[str]
    at: float | None = None
    """Stream time of a `state` that was said of it while no frames came; None for none."""


@dataclass(slots=True)
class _Athlete:
    """What is remembered of somebody who has lifted."""

    coach: Coach
    """Knows which wording works."""
    height_m: float | None = None
    """Metres, if it was ever said."""


@dataclass(slots=True)
class Counters:
    """What happened since the start; only ever rises."""

    frames: int = 0
    dropped: int = 0
    nobody: int = 0
    reps: int = 0
    sets: int = 0


class Pipeline:
    """Runs one source to its end.

    Args:
        session: names what is published.
        source: closed by `run`.
        estimator: finds poses in frames; None for a source of poses. Closed by `run`.
        assessor: judges each repetition.
        coach: makes the one who words the feedback, for each athlete another.
        say: takes each message.
        stand_in: judges what `assessor` cannot; its answers are marked degraded.
        by_pose: tells what can be judged from where the lifter is seen.
        buffer: keeps frames for the assessor's windows; needed if its plan asks for frames.
        recorder: stores what comes in and what is answered; what is said reaches it as a sink. Closed by
            its owner.
        script: commands to obey as when they were recorded.
        seq: the number of the last message before this run.
        patience: how long a lifter waits for a remote assessor; None where nobody waits, as for a recording
            that is run as fast as can be.
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
        by_pose: KinematicAssessor | None = None,
        buffer: FrameBuffer | None = None,
        recorder: Recorder | None = None,
        script: Script = (),
        seq: int = 0,
        limits: LimitSettings | None = None,
        exercises: Sequence[Exercise] = EXERCISES,
        lang: Language = "en",
        clock: Clock = time.monotonic,
        patience: Patience | None = None,
    ) -> None:
        self.counters = Counters()
        self.paused = False
        self._source, self._estimator = source, estimator
        self._segmenter, self._assessor = segmenter, assessor
        self._remote = assessor if isinstance(assessor, Remote) else None
        self._in_order = not source.info.live and (self._remote is None or patience is None)
        """Whether each feedback is waited for, so that the same poses give the same messages in one order."""
        self._new_coach, self._say, self._buffer = coach, say, buffer
        self._athletes: dict[str, _Athlete] = {}
        """By athlete, who lifted last at the end."""
        self._anybodys_m = segmenter.height_m if session.athlete is None else None
        """Metres that the configuration says of an athlete without naming them."""
        self._lifter = Lifter(session, self._athlete(session.athlete, segmenter.height_m).coach)
        self._limits = limits or LimitSettings()
        self._clock = clock
        self._poses: deque[Pose] = deque()
        self._judge = Judge(
            assessor,
            stand_in,
            self._tell,
            limit=self._limits.assessments,
            exercises=exercises,
            recorder=recorder,
            clock=clock,
            patience=patience,
        )
        self._reporter = Reporter(
            segmenter, recorder, by_pose or KinematicAssessor(exercises=exercises), exercises, lang
        )
        self._seq = seq
        self._recorder, self._script = recorder, deque(script)
        self._turn = asyncio.Lock()
        """Held for a pose and all that follows from it, or for a command: never one within the other, so that
        a recording can say after which pose a command came."""
        self._at: float | None = None
        """Time of the pose that was last taken."""
        self._arrival = clock()
        """Arrival of its frame; before the first, when this began."""
        self._notices: frozenset[str] = frozenset()
        """What a live source said of itself when it was last asked."""
        self._over = False
        self._reps: list[Rep] = []
        """Those of the running set."""
        self._turned: PhaseEnded | None = None
        """The turn of the repetition that is under way, until its first phase has been sent ahead."""
        self._waiting: Callable[[], int] = int
        """How many frames wait for the pose model; none before there is a source."""
        self._failure: Exception | None = None

    @property
    def at(self) -> float | None:
        """Stream time of the pose that was last taken; None before the first."""
        return self._at

    @property
    def waiting(self) -> int:
        """Frames that wait for the pose model."""
        return self._waiting()

    @property
    def judging(self) -> int:
        """Repetitions that wait for their feedback."""
        return self._judge.depth

    @property
    def session(self) -> Session:
        """What is published is named by this; its athlete may change."""
        return self._lifter.session

    @property
    def counts(self) -> dict[str, int]:
        """The counters, and those of a live source."""
        counts = asdict(self.counters) | self._judge.counts
        counts |= self._remote.counts if self._remote is not None else {}
        return counts | (self._source.counts if isinstance(self._source, Watched) else {})

    async def run(self) -> None:
        """Until the source ends or `stop`; what is under way is finished and published.

        Raises whatever ended the source, after everything before it has been published.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                judging = tasks.create_task(self._judge.run(), name="judge")  # first: it is handed things
                watching = tasks.create_task(self._watch(), name="watch")
                if self._remote is not None:
                    asking = tasks.create_task(self._remote.run(), name="remote")
                    judging.add_done_callback(lambda _: asking.cancel())
                if isinstance(self._source, Watched):
                    noticing = tasks.create_task(self._notice(), name="notice")
                    watching.add_done_callback(lambda _: noticing.cancel())
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            self._close()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End the source; `run` returns when what is under way is published, and waits for no late answer."""
        self._judge.hurry()
        self._source.close()

    async def command(self, command: EngineCommand) -> CommandReply:
        """Do what a display asks, after the pose that is under way."""
        async with self._turn:
            return await self._obey(command)

    async def _obey(self, command: EngineCommand) -> CommandReply:
        if self._recorder is not None and not self._over:
            self._recorder.command(self._at, command.model_dump(mode="json"))
        text = await self._do(command)
        return CommandReply(command=command.command, ok=True, text=text, request_id=command.request_id)

    async def _do(self, command: EngineCommand) -> str:
        """What was done, for people."""
        match command:
            case PauseCommand():
                self.paused, text = True, "paused"
            case ResumeCommand():
                self.paused, text = False, "going on"
            case ResetCommand():
                await self._start_over()
                text = "the set is over, the lifter's baseline forgotten"
            case AthleteCommand(athlete=athlete, height_m=height_m):
                await self._start_over()
                known = self._athlete(athlete, height_m)
                self._segmenter.height_m = known.height_m
                self._lifter = Lifter(replace(self._lifter.session, athlete=athlete), known.coach)
                text = f"{athlete or 'nobody in particular'} lifts"
            case ExerciseCommand(exercise=name):
                try:
                    self._segmenter.expect(name)
                except ValueError as error:
                    raise DeliveryError(str(error)) from None
                text = f"expecting {name or 'any exercise'}"
        return text

    async def _tell(self, message: AnyMessage) -> None:
        """Say a message, numbered if it is about a repetition or a set; an outbox has a count of its own."""
        if isinstance(message, RepMessage | FeedbackMessage | SetMessage):
            self._seq += 1
            message = message.model_copy(update={"seq": self._seq})
        await self._say(message)

    def _athlete(self, name: str | None, height_m: float | None = None) -> _Athlete:
        """Who lifts now: as known from before, and so tall as is just said, if it is.

        Nobody in particular is a stranger each time, but for the height that the configuration gives them.
        """
        if name is None:
            return _Athlete(self._new_coach(), height_m or self._anybodys_m)
        known = self._athletes.pop(name, None) or _Athlete(self._new_coach())
        known.height_m = height_m or known.height_m
        self._athletes[name] = known
        while len(self._athletes) > ATHLETES:
            del self._athletes[next(iter(self._athletes))]
        return known

    async def _start_over(self) -> None:
        for event in self._segmenter.reset():
            await self._handle(event, self._clock())

    # --- watching: source -> pose -> segmenter ---------------------------------------------------------

    async def _watch(self) -> None:
        """Poses into events, until the source ends."""
        self._arrival = arrival = self._clock()
        try:
            async with contextlib.aclosing(self._seen()) as seen:
                async for pose, arrival in seen:
                    async with self._turn:
                        await self._follow_script(pose.time)
                        self._see_camera()
                        self._at, self._arrival = pose.time, arrival
                        if not self.paused:
                            await self._push(pose, arrival)
        except Exception as error:  # noqa: BLE001 - `run` raises it when what came before it is out
            self._failure = error
        async with self._turn:
            await self._follow_script(float("inf"))
            for event in self._segmenter.flush():
                await self._handle(event, arrival)
            self._over = True
        await self._judge.end()

    async def _follow_script(self, before: float) -> None:
        """Do again what was recorded before the pose at this time."""
        while self._script and self._script[0][0] < before:
            _, entry = self._script.popleft()
            if isinstance(entry, CameraSaid):
                self._notices = entry.notices
                self._record_camera(None)
                if entry.at is not None:
                    await self._tell_state(entry.at, None)
            else:
                with contextlib.suppress(DeliveryError):  # it was refused then, too
                    await self._obey(entry)

    def _see_camera(self) -> None:
        """Ask a live source how it is."""
        if isinstance(self._source, Watched) and self._notices != (notices := self._source.notices):
            self._notices = notices
            self._record_camera(None)

    def _record_camera(self, at: float | None) -> None:
        if self._recorder is not None:
            self._recorder.camera(self._at, sorted(self._notices), at)

    async def _seen(self) -> AsyncGenerator[tuple[Pose, float]]:
        """Each pose with the arrival of its frame. Pose and JPEG work run in a thread of their own."""
        live, limit = self._source.info.live, self._limits.frames
        if isinstance(self._source, PoseSource):
            async with Feed(self._source.poses(), self._source.close, live=live, limit=limit) as poses:
                self._waiting = lambda: poses.waiting
                async for pose in poses:
                    arrival = self._clock()
                    if self._recorder is not None:
                        await self._recorder.pose(pose, arrival)
                    yield pose, arrival
            return
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="pose") as thread:
            lost = None if self._recorder is None else self._recorder.lost
            feed = Feed(self._source.frames(), self._source.close, live=live, limit=limit, lost=lost)
            async with feed as frames:
                self._waiting = lambda: frames.waiting
                async for frame in frames:
                    self.counters.dropped = frames.dropped
                    yield await loop.run_in_executor(thread, self._look, frame), frame.arrival

    async def _notice(self) -> None:
        """Say that a camera is lost; whatever else is wrong with it goes out with the poses."""
        while True:
            await asyncio.sleep(NOTICE_S)
            async with self._turn:
                self._see_camera()
                if CAMERA_LOST in self._notices:
                    await self._tell_state((self._at or 0.0) + self._clock() - self._arrival, None)

    def _look(self, frame: Frame) -> Pose:
        assert self._estimator is not None, "a source of frames needs a pose estimator"
        if self._buffer is not None:  # also before a worker has said how it wants them cut
            self._buffer.push(frame)
        pose = self._estimator.estimate(frame)
        if self._recorder is not None:
            self._recorder.frame(frame, pose)
        return pose

    async def _push(self, pose: Pose, arrival: float) -> None:
        self.counters.frames += 1
        self.counters.nobody += not pose.found
        self._poses.append(pose)
        while pose.time - self._poses[0].time > MEMORY_S:
            self._poses.popleft()
        for event in self._segmenter.push(pose):
            await self._handle(event, arrival)
        self._look_ahead(pose.time)
        if self._in_order:
            await self._judge.idle()
        await self._tell_state(pose.time, arrival)

    async def _handle(self, event: Event, arrival: float) -> None:
        match event:
            case RepEnded(at, rep):
                self._turned = None
                self._reps.append(rep)
                self.counters.reps += 1
                behind = max(self._clock() - arrival, 0.0)
                segment = 1000 * (at - rep.end + behind)
                latency = Latency(segment=segment, total=segment)
                await self._tell(rep_message(self._lifter.session, rep, at, latency=latency))
                await self._judge.rep(event, self._lifter, self._evidence(rep), segment)
            case SetEnded():
                self.counters.sets += 1
                self._reps.clear()
                await self._judge.set_over(event, self._lifter)
            case PhaseEnded():
                self._turned = event
            case RepCancelled(unit=unit):
                self._turned = None
                if self._remote is not None:
                    self._remote.cancel(unit)

    def _look_ahead(self, now: float) -> None:
        """Send a first phase to a remote assessor while the second goes on, once its end is known.

        Not for a recording, which gives the same messages each time: whether it comes in time is chance.
        """
        turned = self._turned
        if turned is None or now - turned.at < SETTLED_S:
            return
        self._turned = None
        if self._remote is None or self._in_order:
            return
        ended = self._segmenter.first_phase(turned.unit)
        if ended is not None:
            self._remote.begin(ended, self._windows(ended))

    def _evidence(self, rep: Rep) -> Evidence:
        poses = tuple(pose for pose in self._poses if rep.start - LEAD_S <= pose.time <= rep.end)
        return Evidence(rep, poses, self._windows(rep))

    def _windows(self, of: Rep | PhaseEnded) -> Sequence[Window]:
        """Cut as the assessor asks for; none where that cannot be done."""
        plan = self._assessor.plan
        if plan is None or self._buffer is None:
            return ()
        try:
            return self._buffer.cut(plan, spans(plan, of), self._poses)
        except WindowError as error:
            log.warning("no windows", reason=str(error))
            return ()

    async def _tell_state(self, at: float, arrival: float | None) -> None:
        """Say what is going on at a stream time; `arrival` is None where no frame came."""
        status = self._reporter.status(self._notices)
        if arrival is not None:
            self._reporter.seen(at)
        if not self._reporter.due(at, status):
            return
        lag_ms = None
        if arrival is None:
            self._record_camera(at)
        elif self._source.info.live:
            lag_ms = 1000 * (self._clock() - arrival)
        details = None if status.phase else self._lifter.coach.details(self._reps, at)
        message = self._reporter.message(
            self._lifter.session,
            status,
            at,
            self._poses,
            coming=arrival is not None,
            lag_ms=lag_ms,
            details=details,
        )
        await self._tell(message)

    def _close(self) -> None:
        self._source.close()
        if self._estimator is not None:
            self._estimator.close()
