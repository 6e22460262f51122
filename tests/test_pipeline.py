"""One camera's engine over exact poses: everything real but the pictures."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import streamaqa
from streamaqa.assessment import KinematicAssessor
from streamaqa.delivery.builders import Session
from streamaqa.delivery.commands import (
    AthleteCommand,
    CommandReply,
    ExerciseCommand,
    PauseCommand,
    ResetCommand,
    ResumeCommand,
)
from streamaqa.delivery.messages import AnyMessage, FeedbackMessage, RepMessage, SetMessage, StateMessage
from streamaqa.errors import SourceError, StreamaqaError, UsageError
from streamaqa.exercises import EXERCISES
from streamaqa.feedback import Coach
from streamaqa.pipeline import Pipeline
from streamaqa.segmentation import Segmenter
from streamaqa.sources.base import SourceInfo
from streamaqa.sources.pose_track import save_track
from streamaqa.sources.synthetic import from_spec, poses
from streamaqa.types import Assessment, AssessorInfo, Evidence, Pose
from streamaqa.windows import WindowPlan

SQUATS = "synthetic:squat?reps=3&seed=1&view=0"
SESSION = Session("test", "home", "camera", datetime(2026, 11, 23, 18, 0, tzinfo=UTC))


class Track:
    """A pose source out of a list; fails at its end if told to."""

    def __init__(self, track: list[Pose], *, failure: Exception | None = None) -> None:
        self.info = SourceInfo("track", live=False, size=track[0].size, fps=30.0, frames=len(track))
        self.closed = False
        self._track, self._failure = track, failure

    def poses(self) -> Iterator[Pose]:
        for pose in self._track:
            if self.closed:
                return
            yield pose
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        self.closed = True


class Refuses:
    """An assessor that is gone."""

    info = AssessorInfo("gone", "1", calibrated=True)
    plan: WindowPlan | None = None

    async def assess(self, evidence: Evidence) -> Assessment:
        raise StreamaqaError("the worker is gone")


class Said:
    """Collects what the pipeline says."""

    def __init__(self) -> None:
        self.messages: list[AnyMessage] = []

    async def __call__(self, message: AnyMessage) -> None:
        self.messages.append(message)

    @property
    def reps(self) -> list[RepMessage]:
        return [message for message in self.messages if isinstance(message, RepMessage)]

    @property
    def feedback(self) -> list[FeedbackMessage]:
        return [message for message in self.messages if isinstance(message, FeedbackMessage)]

    @property
    def sets(self) -> list[SetMessage]:
        return [message for message in self.messages if isinstance(message, SetMessage)]

    @property
    def states(self) -> list[StateMessage]:
        return [message for message in self.messages if isinstance(message, StateMessage)]


def pipeline(
    source: Track,
    said: Said,
    *,
    assessor: object = None,
    stand_in: object = None,
    height_m: float | None = None,
) -> Pipeline:
    return Pipeline(
        SESSION,
        source,
        None,
        Segmenter(height_m=height_m),
        assessor or KinematicAssessor(),  # type: ignore[arg-type] # a test's assessor is one by shape
        Coach,
        said,
        stand_in=stand_in,  # type: ignore[arg-type] # likewise
    )


@pytest.fixture(scope="module")
def squats() -> list[Pose]:
    return poses(SQUATS, fps=30)


async def test_each_rep_is_told_twice_and_the_set_once_in_order(squats: list[Pose]) -> None:
    said = Said()
    await pipeline(Track(squats), said).run()
    assert [message.rep for message in said.reps] == [1, 2, 3]
    assert [message.rep for message in said.feedback] == [1, 2, 3]
    assert [message.reps for message in said.sets] == [3]
    assert isinstance([m for m in said.messages if not isinstance(m, StateMessage)][-1], SetMessage)
    for rep, feedback in zip(said.reps, said.feedback, strict=True):
        assert said.messages.index(rep) < said.messages.index(feedback)
        assert (rep.start_s, rep.turn_s, rep.end_s) == (feedback.start_s, feedback.turn_s, feedback.end_s)
        assert rep.id != feedback.id


async def test_the_lifter_is_timed_as_drawn(squats: list[Pose]) -> None:
    said = Said()
    await pipeline(Track(squats), said).run()
    for message, true in zip(said.reps, from_spec(SQUATS).truth.reps, strict=True):
        assert message.start_s == pytest.approx(true.start, abs=0.1)
        assert message.turn_s == pytest.approx(true.turn, abs=0.1)
        assert message.end_s == pytest.approx(true.end, abs=0.1)
        assert message.at_s - true.end < 0.5


async def test_an_assessor_that_fails_costs_no_rep(squats: list[Pose]) -> None:
    said = Said()
    run = pipeline(Track(squats), said, assessor=Refuses(), stand_in=KinematicAssessor())
    await run.run()
    assert len(said.feedback) == 3
    assert all(message.degraded and message.assessor.name == "kinematic" for message in said.feedback)
    assert run.counts["degraded"] == 3


async def test_where_nobody_can_judge_the_feedback_says_so(squats: list[Pose]) -> None:
    said = Said()
    await pipeline(Track(squats), said, assessor=Refuses(), stand_in=Refuses()).run()
    assert len(said.feedback) == 3
    for message in said.feedback:
        assert message.degraded
        assert set(message.abstained) == {error.name for error in EXERCISES[0].errors}


async def test_a_source_that_breaks_ends_the_run_after_all_it_gave_is_published(squats: list[Pose]) -> None:
    said = Said()
    source = Track(squats, failure=SourceError("cut off"))
    with pytest.raises(SourceError, match="cut off"):
        await pipeline(source, said).run()
    assert len(said.feedback) == 3
    assert len(said.sets) == 1
    assert source.closed


async def test_nobody_in_view_is_said_and_counts_nothing() -> None:
    said = Said()
    empty = [Pose.nobody(n / 30, (360, 480)) for n in range(90)]
    run = pipeline(Track(empty), said)
    await run.run()
    assert said.reps == []
    assert run.counters.nobody == 90
    assert said.states
    assert not said.states[-1].person
    assert "nobody_in_view" in said.states[-1].advice
    assert said.states[-1].text


async def test_state_comes_at_most_five_times_a_second(squats: list[Pose]) -> None:
    said = Said()
    await pipeline(Track(squats), said).run()
    times = [message.at_s for message in said.states]
    assert min(later - earlier for earlier, later in itertools.pairwise(times)) >= 0.199
    assert {"lowering", "lifting"} <= {message.phase for message in said.states}


async def test_the_same_poses_give_the_same_messages(squats: list[Pose]) -> None:
    def plain(said: Said) -> list[dict[str, object]]:
        varying = {"id", "latency_ms"}
        return [message.model_dump(exclude=varying) for message in said.messages]

    once, again = Said(), Said()
    await pipeline(Track(squats), once).run()
    await pipeline(Track(squats), again).run()
    assert plain(once) == plain(again)


async def test_commands_pause_resume_and_change_the_athlete(squats: list[Pose]) -> None:
    said = Said()
    run = pipeline(Track(squats), said)
    assert (await run.command(PauseCommand())).ok
    await run.run()
    assert said.reps == []

    said = Said()
    later = [dataclasses.replace(pose, time=pose.time + 60) for pose in squats]
    run = pipeline(Track([*squats, *later]), said)
    assert (await run.command(ResumeCommand())).ok

    asked: list[asyncio.Task[CommandReply]] = []

    async def step_up(message: AnyMessage) -> None:
        await said(message)
        if isinstance(message, SetMessage) and message.athlete is None:
            request = AthleteCommand(athlete="Ada", request_id="7")
            asked.append(asyncio.create_task(run.command(request), name="display"))

    run._say = step_up
    await run.run()
    assert [(await reply).request_id for reply in asked] == ["7"]
    assert [message.athlete for message in said.feedback] == [None] * 3 + ["Ada"] * 3
    assert [message.athlete for message in said.sets] == [None, "Ada"]


async def test_a_hint_that_is_no_exercise_is_refused_and_the_stream_goes_on(squats: list[Pose]) -> None:
    said = Said()
    run = pipeline(Track(squats), said)
    with pytest.raises(StreamaqaError, match="snatch"):
        await run.command(ExerciseCommand(exercise="snatch"))
    assert (await run.command(ExerciseCommand(exercise="squat"))).ok
    assert (await run.command(ResetCommand())).ok
    await run.run()
    assert len(said.reps) == 3


async def test_stopping_finishes_what_is_under_way(squats: list[Pose]) -> None:
    said = Said()
    run = pipeline(Track(squats), said)
    stop_at = squats[len(squats) // 2].time

    async def say(message: AnyMessage) -> None:
        await said(message)
        if isinstance(message, StateMessage) and message.at_s >= stop_at:
            run.stop()

    run._say = say
    async with asyncio.timeout(5):
        await run.run()
    assert 0 < len(said.feedback) < 3
    assert len(said.sets) == 1


async def test_coach_gives_feedback_for_each_rep_of_a_track(tmp_path: Path, squats: list[Pose]) -> None:
    save_track(tmp_path / "set.npz", squats)
    given = [rep async for rep in streamaqa.coach(tmp_path / "set.npz", athlete="Ada")]
    assert [rep.number for rep in given] == [1, 2, 3]
    assert {rep.exercise.name for rep in given} == {"squat"}
    assert {rep.athlete for rep in given} == {"Ada"}
    assert [rep.seq for rep in given] == sorted({rep.seq for rep in given})


async def test_a_caller_may_stop_listening_to_coach(tmp_path: Path, squats: list[Pose]) -> None:
    save_track(tmp_path / "set.npz", squats)
    listening = streamaqa.coach(tmp_path / "set.npz")
    async with asyncio.timeout(5):
        async for rep in listening:
            assert rep.number == 1
            break
        await listening.aclose()
    assert len(asyncio.all_tasks()) == 1


async def test_coach_says_what_cannot_be_opened() -> None:
    with pytest.raises(SourceError, match="no such file"):
        async for _ in streamaqa.coach("nowhere.mp4"):
            pass


async def test_a_caller_may_stop_listening_while_many_reps_wait(tmp_path: Path) -> None:
    save_track(tmp_path / "long.npz", poses("synthetic:squat?reps=24&seed=1", fps=15))
    listening = streamaqa.coach(tmp_path / "long.npz")
    async with asyncio.timeout(20):
        await anext(listening)
        await asyncio.sleep(1.0)  # the queue is full now, and the engine waits
        await listening.aclose()
    assert len(asyncio.all_tasks()) == 1


async def test_sets_are_numbered_on_when_the_athlete_changes(squats: list[Pose]) -> None:
    said = Said()
    later = [dataclasses.replace(pose, time=pose.time + 60) for pose in squats]
    run = pipeline(Track([*squats, *later]), said)
    watching = asyncio.create_task(run.run())
    while not said.sets:  # noqa: ASYNC110 - until the first set is over
        await asyncio.sleep(0.01)
    await run.command(AthleteCommand(athlete="Ada"))
    await watching
    assert [message.set_number for message in said.sets] == list(range(1, len(said.sets) + 1))


async def test_a_height_is_its_athletes_and_nobody_elses(squats: list[Pose]) -> None:
    said = Said()
    later = [dataclasses.replace(pose, time=pose.time + 60) for pose in squats]
    run = pipeline(Track([*squats, *later]), said, height_m=1.7)
    asked: list[asyncio.Task[CommandReply]] = []

    async def step_up(message: AnyMessage) -> None:
        await said(message)
        if isinstance(message, SetMessage) and message.athlete is None:
            asked.append(asyncio.create_task(run.command(AthleteCommand(athlete="Ada")), name="display"))

    run._say = step_up
    await run.run()
    assert [(message.athlete, message.velocity_unit) for message in said.sets] == [
        (None, "m/s"),
        ("Ada", "torso/s"),
    ]
    assert {message.velocity_unit for message in said.reps if message.athlete == "Ada"} == {"torso/s"}


async def test_a_height_is_remembered_of_who_lifted_before(squats: list[Pose]) -> None:
    said = Said()
    run = pipeline(Track(squats), said)
    for athlete, height in (("Ada", 1.9), ("Bo", None), ("Ada", None)):
        await run.command(AthleteCommand(athlete=athlete, height_m=height))
    await run.run()
    tall = [message.mean_lifting_velocity for message in said.reps]
    assert {message.velocity_unit for message in said.reps} == {"m/s"}
    said = Said()
    await pipeline(Track(squats), said, height_m=1.9).run()
    assert tall == [message.mean_lifting_velocity for message in said.reps]


async def test_coach_refuses_a_hint_it_does_not_know(tmp_path: Path, squats: list[Pose]) -> None:
    save_track(tmp_path / "set.npz", squats)
    with pytest.raises(UsageError, match="snatch"):
        await anext(streamaqa.coach(tmp_path / "set.npz", exercise="snatch"))
