"""What leaves the engine: exact poses go in, an assessor says what a test tells it to, messages come out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from lifter import scene, track

from streamaqa.assessment import KinematicAssessor
from streamaqa.delivery.builders import Session
from streamaqa.delivery.commands import AthleteCommand
from streamaqa.delivery.messages import AnyMessage, FeedbackMessage, RepMessage, SetMessage, StateMessage
from streamaqa.exercises import SQUAT
from streamaqa.feedback import Coach, FeedbackSettings
from streamaqa.pipeline import Pipeline
from streamaqa.segmentation import Segmenter
from streamaqa.sources.base import SourceInfo
from streamaqa.types import Assessment, AssessorInfo, Evidence, Finding, Pose
from streamaqa.windows import WindowPlan

SESSION = Session("test", "home", "camera", datetime(2026, 11, 23, 18, 0, tzinfo=UTC))
CUE = SQUAT.error("knees_inward").cue


class Track:
    """A pose source out of a list."""

    def __init__(self, track: Sequence[Pose]) -> None:
        self.info = SourceInfo("track", live=False, size=track[0].size, fps=30.0, frames=len(track))
        self._track = track

    def poses(self) -> Iterator[Pose]:
        yield from self._track

    def close(self) -> None:
        """Nothing is open."""


class Says:
    """An assessor that answers by letter: F knees inward, c clean, ? not to be judged, r a row's fault."""

    info = AssessorInfo("told", "1", calibrated=False)
    plan: WindowPlan | None = None

    def __init__(self, letters: str) -> None:
        self._letters = iter(letters)

    async def assess(self, evidence: Evidence) -> Assessment:
        rep, letter = evidence.rep, next(self._letters)
        if letter == "r":
            swing = Finding("torso_angle", 0.9, rep.start, rep.end)
            return Assessment("barbell_row", 0.6, (swing,), ("lumbar",), self.info)
        found = {"F": 0.9, "c": 0.1}.get(letter)
        findings = () if found is None else (Finding("knees_inward", found, rep.start, rep.turn),)
        abstained = ("knees_forward",) if findings else ("knees_forward", "knees_inward", "shallow")
        return Assessment(rep.exercise, rep.exercise_probability, findings, abstained, self.info)


class Wire:
    """Runs an engine and keeps what it says."""

    def __init__(
        self,
        poses: Sequence[Pose],
        assessor: Says | KinematicAssessor,
        settings: FeedbackSettings | None = None,
        hint: str | None = None,
    ) -> None:
        self.messages: list[AnyMessage] = []
        self.settings = settings or FeedbackSettings()
        self.engine = Pipeline(
            SESSION,
            Track(poses),
            None,
            Segmenter(hint=hint),
            assessor,
            lambda: Coach(self.settings),
            self._say,
            lang=self.settings.lang,
        )

    async def _say(self, message: AnyMessage) -> None:
        self.messages.append(message)

    async def run(self) -> Wire:
        """To the end of the poses."""
        await self.engine.run()
        return self

    @property
    def feedback(self) -> list[FeedbackMessage]:
        return [message for message in self.messages if isinstance(message, FeedbackMessage)]

    @property
    def states(self) -> list[StateMessage]:
        return [message for message in self.messages if isinstance(message, StateMessage)]

    @property
    def set(self) -> SetMessage:
        (only,) = [message for message in self.messages if isinstance(message, SetMessage)]
        return only


def squats(reps: int, rest_s: float = 0.0, view: float = 0.0) -> list[Pose]:
    """A set, and then somebody who stands for that long."""
    drawn = track(scene("squat", reps=reps, view=view, tempo=0.7))
    last = drawn[-1]
    return drawn + [replace(last, time=last.time + i / 30) for i in range(1, int(rest_s * 30))]


async def test_a_cue_comes_with_the_second_fault_and_one_fixed_with_the_second_clean_rep() -> None:
    wire = await Wire(squats(6), Says("FFFccc")).run()
    fixed = ("Fixed: knees inward", "fixed.squat.knees_inward")
    cue, silence = (CUE, "squat.knees_inward"), (None, None)
    said = [(message.cue, message.cue_code) for message in wire.feedback]
    assert said == [silence, cue, cue, silence, fixed, silence]
    assert [bool(message.errors) for message in wire.feedback] == [True] * 3 + [False] * 3
    assert wire.set.technique_limit_rep == 1
    assert [(error.name, error.reps) for error in wire.set.errors] == [("knees_inward", (1, 2, 3))]


async def test_every_rep_has_its_velocity_and_the_set_the_loss_from_its_fastest() -> None:
    wire = await Wire(squats(4), Says("cccc")).run()
    told = [message for message in wire.messages if isinstance(message, RepMessage)]
    speeds = [message.mean_lifting_velocity for message in told]
    fastest = 0.0
    for message, speed in zip(told, speeds, strict=True):
        assert speed is not None
        fastest = max(fastest, speed)
        expected = None if message is told[0] else pytest.approx((fastest - speed) / fastest, abs=2e-4)
        assert message.velocity_loss == expected
    assert wire.set.velocity_loss == told[-1].velocity_loss


async def test_reps_that_cannot_be_judged_say_so_one_by_one_and_so_does_the_set() -> None:
    wire = await Wire(squats(2), Says("??")).run()
    assert [message.text for message in wire.feedback] == ["This rep could not be judged from this view."] * 2
    assert all(message.abstained and not message.errors and message.cue is None for message in wire.feedback)
    assert wire.set.text.startswith("2 reps. Technique was not judged from this view.")
    assert wire.set.technique_limit_rep is None


async def test_a_set_counts_no_fault_of_an_exercise_that_it_was_not() -> None:
    wire = await Wire(squats(2), Says("rr")).run()
    assert [message.exercise.name for message in wire.feedback] == ["barbell_row"] * 2
    assert all(message.cue is None for message in wire.feedback)
    assert wire.set.exercise == "squat"
    assert wire.set.errors == ()


async def test_before_the_set_state_says_what_the_view_can_show_and_then_only_what_matters() -> None:
    wire = await Wire(squats(2), Says("cc")).run()
    first = wire.states[0]
    assert (first.exercise, set(first.shown)) == (None, {"squat", "overhead_press", "barbell_row"})
    assert first.text.startswith("Judged from here: squat (knees inward, shallow depth), overhead press (")
    under_way = next(state for state in wire.states if state.exercise == "squat")
    assert under_way.shown == {"squat": ("knees_inward", "shallow")}
    turned = next(state for state in wire.states if state.exercise == "squat" and state.phase == "lifting")
    turned = next(state for state in wire.states if state.at_s > turned.at_s + 0.4)
    assert (under_way.advice, turned.advice) == ((), ("turn_side_on",))  # the first guess may be a wrong one
    assert turned.text == (
        "Turn side-on to the camera to have this judged: knees forward. "
        "Judged from here: knees inward, shallow depth."
    )


async def test_what_state_promises_is_what_feedback_judges() -> None:
    wire = await Wire(squats(2, view=90.0), KinematicAssessor()).run()
    promised = next(state.shown["squat"] for state in wire.states if state.exercise == "squat")
    assert promised == ("knees_forward", "shallow")
    assert all(message.abstained == ("knees_inward",) for message in wire.feedback)


async def test_of_nobody_state_promises_nothing() -> None:
    nobody = [Pose.nobody(i / 30, (4, 3)) for i in range(60)]
    wire = await Wire(nobody, Says("")).run()
    assert {(len(state.shown), state.text, state.details) for state in wire.states} == {
        (0, "Nobody in view: step in front of the camera.", None)
    }
    assert not wire.feedback


async def test_of_somebody_who_has_just_left_state_promises_nothing() -> None:
    stream = squats(1)
    gone = [Pose.nobody(stream[-1].time + i / 30, stream[-1].size) for i in range(1, 40)]
    wire = await Wire(stream + gone, Says("c")).run()
    assert any(not state.person for state in wire.states)
    assert all(bool(state.shown) is state.person for state in wire.states)


async def test_the_details_of_a_set_come_six_seconds_after_it_and_leave_with_its_summary() -> None:
    wire = await Wire(squats(3, rest_s=23.0), Says("cFF")).run()
    end = wire.feedback[-1].end_s
    told = [state for state in wire.states if state.details is not None]
    assert 6.0 <= told[0].at_s - end <= 8.0
    assert told[-1].at_s - end <= 20.1
    assert {state.details for state in told} == {wire.set.text}
    assert "Technique held up to rep 1; from rep 2: knees inward." in wire.set.text
    assert wire.states[-1].details is None


async def test_the_next_rep_takes_the_details_away() -> None:
    rest = squats(1, rest_s=8.0)
    on = [replace(pose, time=pose.time + rest[-1].time + 0.1) for pose in squats(1)]
    wire = await Wire(rest + on, Says("cc")).run()
    second = wire.feedback[1]
    assert any(state.details for state in wire.states if state.at_s < second.start_s)
    later = [state for state in wire.states if state.at_s > second.start_s + 0.5]
    assert later
    assert not any(state.details for state in later)


@pytest.mark.parametrize("lang", ["de", "es"])
async def test_another_language_speaks_it_everywhere(lang: str) -> None:
    settings = FeedbackSettings.model_validate({"lang": lang, "details_after_s": 0.5})
    wire = await Wire(squats(4, rest_s=2.0), Says("FFcc"), settings).run()
    english = await Wire(squats(4, rest_s=2.0), Says("FFcc"), FeedbackSettings(details_after_s=0.5)).run()
    assert {wire.set.lang, *(message.lang for message in wire.feedback)} == {lang}
    for one, other in zip(wire.feedback, english.feedback, strict=True):
        assert one.cue_code == other.cue_code
        assert one.text != other.text
        assert one.cue is None or (one.cue != other.cue and len(one.cue.encode()) <= 64)
    assert wire.set.text != english.set.text
    texts = {state.text for state in english.states} | {state.details for state in english.states}
    spoken = {state.text for state in wire.states} | {state.details for state in wire.states}
    assert spoken & texts <= {None}


async def test_an_athlete_who_comes_back_hears_the_wording_that_worked() -> None:
    turn = squats(7)
    poses = [replace(pose, time=pose.time + n * (turn[-1].time + 1.0)) for n in range(3) for pose in turn]
    wire = Wire(poses, Says("FFFFFcc" + "FFccccc" + "FFccccc"))
    say, athletes = wire._say, iter(("ada", "bo", "ada"))

    async def by_turns(message: AnyMessage) -> None:
        await say(message)
        if isinstance(message, FeedbackMessage) and message.rep == len("FFFFFcc"):
            await wire.engine._do(AthleteCommand(athlete=next(athletes, None)))

    await wire.engine._do(AthleteCommand(athlete=next(athletes)))
    wire.engine._say = by_turns
    await wire.run()
    cued = [m for m in wire.feedback if m.cue_code == "squat.knees_inward"]
    ada, bo = ([m.cue for m in cued if m.athlete == name] for name in ("ada", "bo"))
    assert ada[:3] == [CUE] * 3
    assert ada[3] != CUE  # three tries without effect; this one worked
    assert ada[4:] == [ada[3]]
    assert bo == [CUE]
