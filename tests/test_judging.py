"""Feedback, stand-in and late answers, in virtual time: who says what when, and in which order."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import pytest
from fake_worker import a_rep
from virtual_time import now, virtually

from streamaqa.assessment.base import Remote
from streamaqa.delivery.builders import Session
from streamaqa.delivery.messages import AnyMessage, FeedbackMessage, SetMessage
from streamaqa.errors import StreamaqaError, WorkerError
from streamaqa.exercises import EXERCISES
from streamaqa.feedback import Coach
from streamaqa.judging import Judge, Lifter, Patience
from streamaqa.types import Assessment, AssessorInfo, Evidence, Finding, PhaseEnded, Rep, RepEnded, SetEnded
from streamaqa.windows import Window, WindowPlan

SESSION = Session("test", "home", "camera", datetime(2026, 11, 23, 18, 0, tzinfo=UTC))
MODEL = AssessorInfo("model", "1", calibrated=True)
POSE = AssessorInfo("pose", "1", calibrated=True)
PATIENCE = Patience(deadline_s=3.0, stale_s=10.0)
SEGMENT_S = 0.3
"""From the end of a repetition until it is confirmed."""


def says(info: AssessorInfo, rep: Rep, error: str | None) -> Assessment:
    findings = [
        Finding(known.name, 0.9 if known.name == error else 0.1, rep.start, rep.end)
        for known in EXERCISES[0].errors
    ]
    return Assessment("squat", 0.95, tuple(findings), (), info)


class Model:
    """Answers after some seconds, by repetition; says when it cannot be in time, if told to."""

    info = MODEL
    plan: WindowPlan | None = WindowPlan()
    counts: dict[str, int] = {}  # noqa: RUF012 - never changed

    def __init__(self, after: dict[int, float], *, usually: float = 0.5) -> None:
        self.after, self.usually = after, usually
        self.hopeless: set[int] = set()
        self.fails: set[int] = set()
        self.asked: dict[int, tuple[float, float]] = {}
        self.cancelled: list[int] = []

    async def assess(self, evidence: Evidence) -> Assessment:
        return await self.ask(evidence, deadline_s=60, stale_s=60, missed=lambda: None)

    async def ask(
        self, evidence: Evidence, *, deadline_s: float, stale_s: float, missed: Callable[[], None]
    ) -> Assessment:
        number = evidence.rep.number
        self.asked[number] = deadline_s, stale_s
        if number in self.fails:
            raise WorkerError("told to fail")
        if number in self.hopeless:
            missed()
        try:
            async with asyncio.timeout(stale_s):
                await asyncio.sleep(self.after.get(number, self.usually))
        except TimeoutError:
            raise WorkerError("stale") from None
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise
        return says(MODEL, evidence.rep, "shallow")

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        pass

    def begin(self, ended: PhaseEnded, windows: Sequence[Window]) -> None:
        pass

    def cancel(self, unit: int) -> None:
        pass


class ByPose:
    """Answers at once."""

    info = POSE
    plan: WindowPlan | None = None

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails

    async def assess(self, evidence: Evidence) -> Assessment:
        if self.fails:
            raise StreamaqaError("told to fail")
        return says(POSE, evidence.rep, None)


class Told:
    """What was said, and when."""

    def __init__(self) -> None:
        self.messages: list[tuple[float, AnyMessage]] = []

    async def __call__(self, message: AnyMessage) -> None:
        self.messages.append((now(), message))

    @property
    def order(self) -> list[str]:
        return [
            f"{message.kind} {message.rep}" if isinstance(message, FeedbackMessage) else message.kind
            for _, message in self.messages
        ]

    def when(self, what: str) -> float:
        return self.messages[self.order.index(what)][0]

    def feedback(self, what: str) -> FeedbackMessage:
        message = self.messages[self.order.index(what)][1]
        assert isinstance(message, FeedbackMessage)
        return message


class Gym:
    """A judge at work, and somebody who lifts."""

    def __init__(
        self, model: Model, *, stand_in: ByPose | None = None, patience: Patience | None = PATIENCE
    ) -> None:
        self.told = Told()
        self.lifter = Lifter(SESSION, Coach())
        self.judge = Judge(
            model,
            stand_in or ByPose(),
            self.told,
            limit=8,
            exercises=EXERCISES,
            recorder=None,
            clock=now,
            patience=patience,
        )
        self.reps: list[Rep] = []

    async def lift(self, lifter: Lifter | None = None) -> None:
        """A repetition is confirmed now."""
        rep = a_rep(len(self.reps) + 1, start=now() + 10)
        self.reps.append(rep)
        event = RepEnded(rep.end + SEGMENT_S, rep)
        await self.judge.rep(event, lifter or self.lifter, Evidence(rep, ()), 1000 * SEGMENT_S)

    async def rack(self, lifter: Lifter | None = None) -> None:
        """The set is over now."""
        over = SetEnded(self.reps[-1].end + 20, 1, "squat", tuple(self.reps))
        await self.judge.set_over(over, lifter or self.lifter)


def at_work(gym: Gym, what: Callable[[Gym], Awaitable[None]]) -> Told:
    """Run `what` beside the judge, to the end."""

    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(gym.judge.run())
            await asyncio.sleep(0)
            await what(gym)
            await gym.judge.end()
        assert len(asyncio.all_tasks()) == 1

    virtually(main())
    return gym.told


def test_an_answer_in_time_is_the_feedback() -> None:
    model = Model({})

    async def what(gym: Gym) -> None:
        await gym.lift()
        await asyncio.sleep(20)
        await gym.rack()

    told = at_work(Gym(model), what)
    assert told.order == ["feedback 1", "set"]
    feedback = told.feedback("feedback 1")
    assert (feedback.degraded, feedback.assessor.name) == (False, "model")
    assert [error.name for error in feedback.errors] == ["shallow"]
    assert list(model.asked[1]) == pytest.approx([2.7, 9.7])
    assert isinstance(model, Remote)


def test_the_stages_of_a_latency_sum_to_its_total() -> None:
    async def what(gym: Gym) -> None:
        await gym.lift()
        await asyncio.sleep(9)

    told = at_work(Gym(Model({1: 5.0})), what)
    for kind, assess in (("feedback 1", 2700), ("update 1", 5000)):
        latency = told.feedback(kind).latency_ms
        stages = [latency.segment, latency.queue, latency.assess, latency.publish]
        assert sum(stage or 0.0 for stage in stages) == pytest.approx(latency.total, abs=0.5)
        assert None not in stages
        assert latency.assess == pytest.approx(assess, abs=1)


def test_at_the_deadline_the_stand_in_speaks_and_the_models_answer_follows_as_update() -> None:
    async def what(gym: Gym) -> None:
        await gym.lift()
        await asyncio.sleep(20)
        await gym.rack()

    told = at_work(gym := Gym(Model({1: 5.0})), what)
    assert told.order == ["feedback 1", "update 1", "set"]
    assert told.when("feedback 1") == pytest.approx(3.0 - SEGMENT_S)
    assert told.when("update 1") == pytest.approx(5.0)
    first, update = told.feedback("feedback 1"), told.feedback("update 1")
    assert (first.degraded, first.assessor.name, first.errors) == (True, "pose", ())
    assert (update.degraded, update.assessor.name) == (False, "model")
    assert [error.name for error in update.errors] == ["shallow"]
    assert (update.rep, update.start_s, update.at_s) == (first.rep, first.start_s, first.at_s)
    assert update.cue is None
    assert first.id != update.id
    summary = told.messages[-1][1]
    assert isinstance(summary, SetMessage)
    assert [error.name for error in summary.errors] == ["shallow"]
    assert gym.judge.counts == {"degraded": 1, "updates": 1, "answers_unused": 0}


def test_where_there_is_no_hope_nobody_waits_for_the_deadline() -> None:
    model = Model({1: 4.0})
    model.hopeless.add(1)

    async def what(gym: Gym) -> None:
        await gym.lift()
        await asyncio.sleep(20)

    told = at_work(Gym(model), what)
    assert told.when("feedback 1") == pytest.approx(0.0)
    assert told.when("update 1") == pytest.approx(4.0)


def test_a_failure_and_a_stale_answer_leave_the_stand_ins_word() -> None:
    model = Model({2: 50.0})
    model.fails.add(1)

    async def what(gym: Gym) -> None:
        await gym.lift()
        await asyncio.sleep(3)
        await gym.lift()
        await asyncio.sleep(30)

    told = at_work(Gym(model), what)
    assert told.order == ["feedback 1", "feedback 2"]
    assert all(told.feedback(what).degraded for what in told.order)


def test_a_slow_answer_delays_no_other_request_and_feedback_keeps_its_order() -> None:
    model = Model({1: 2.6, 2: 0.1})

    async def what(gym: Gym) -> None:
        await gym.lift()
        await asyncio.sleep(1.5)
        await gym.lift()
        await asyncio.sleep(5)

    told = at_work(Gym(model), what)
    assert told.order == ["feedback 1", "feedback 2"]
    assert told.when("feedback 2") == pytest.approx(2.6)
    assert not any(told.feedback(what).degraded for what in told.order)


def test_nothing_is_said_of_a_set_after_its_summary() -> None:
    model = Model({1: 8.0, 2: 8.0})

    async def what(gym: Gym) -> None:
        await gym.lift()
        await asyncio.sleep(3)
        await gym.lift()
        await asyncio.sleep(3)
        await gym.rack()
        await asyncio.sleep(30)

    told = at_work(gym := Gym(model), what)
    assert told.order == ["feedback 1", "feedback 2", "set"]
    assert gym.judge.counts["answers_unused"] == 2
    assert sorted(model.cancelled) == [1, 2]


def test_the_next_athletes_late_answers_outlive_the_last_ones_summary() -> None:
    model = Model({2: 6.0}, usually=0.1)

    async def what(gym: Gym) -> None:
        await gym.lift()
        await asyncio.sleep(5)
        ada = Lifter(SESSION, Coach())
        await gym.lift(ada)
        await asyncio.sleep(4)
        await gym.rack()
        await asyncio.sleep(10)

    assert at_work(Gym(model), what).order == ["feedback 1", "feedback 2", "set", "update 2"]


def test_whoever_leaves_waits_for_no_answer() -> None:
    model = Model({1: 2.0, 2: 2.0})

    async def what(gym: Gym) -> None:
        await gym.lift()
        await asyncio.sleep(0.1)
        gym.judge.hurry()
        await gym.lift()
        await gym.rack()

    told = at_work(Gym(model), what)
    assert told.order == ["feedback 1", "feedback 2", "set"]
    assert told.when("set") == pytest.approx(0.1)


def test_a_recording_waits_as_long_as_it_takes() -> None:
    model = Model({1: 50.0})

    async def what(gym: Gym) -> None:
        await gym.lift()
        await gym.judge.idle()
        assert now() == pytest.approx(50.0)

    told = at_work(Gym(model, patience=None), what)
    assert told.order == ["feedback 1"]
    assert not told.feedback("feedback 1").degraded


def test_a_late_answer_while_the_stand_in_fails_is_still_told() -> None:
    async def what(gym: Gym) -> None:
        await gym.lift()
        await asyncio.sleep(20)

    told = at_work(Gym(Model({1: 5.0}), stand_in=ByPose(fails=True)), what)
    assert told.order == ["feedback 1", "update 1"]
    assert len(told.feedback("feedback 1").abstained) == len(EXERCISES[0].errors)


def test_a_storm_of_late_answers_stays_bounded() -> None:
    model = Model({}, usually=9.5)

    async def what(gym: Gym) -> None:
        for _ in range(60):
            await gym.lift()
            await asyncio.sleep(0.2)
            assert gym.judge.depth <= 10
        await asyncio.sleep(60)

    told = at_work(gym := Gym(model), what)
    feedback = [kind for kind in told.order if kind.startswith("feedback")]
    assert feedback == [f"feedback {number}" for number in range(1, 61)]
    counts = gym.judge.counts
    assert counts["degraded"] == 60
    assert counts["updates"] + counts["answers_unused"] == 60
    assert counts["answers_unused"] >= 10
    updates = [told.order.index(kind) for kind in told.order if kind.startswith("update")]
    assert all(earlier < later for earlier, later in itertools.pairwise(updates))


def test_a_run_that_is_cancelled_leaves_no_request_behind() -> None:
    model = Model({1: 8.0, 2: 8.0})

    async def main() -> None:
        gym = Gym(model)
        running = asyncio.create_task(gym.judge.run())
        await asyncio.sleep(0)
        await gym.lift()
        await asyncio.sleep(4)
        await gym.lift()
        await asyncio.sleep(0.5)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert len(asyncio.all_tasks()) == 1

    virtually(main())
    assert sorted(model.cancelled) == [1, 2]
