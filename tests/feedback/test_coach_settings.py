"""What the coach tells on the screen and of a set, and what can be set."""

from __future__ import annotations

from dataclasses import replace

import pytest
from coached import assessed, rep, run, spoken
from pydantic import ValidationError

from streamaqa.errors import ConfigError
from streamaqa.exercises import BARBELL_ROW, EXERCISES, SQUAT, ErrorType, Exercise
from streamaqa.feedback import Coach, FeedbackSettings
from streamaqa.types import SetEnded


def test_the_screen_tells_of_lost_velocity_also_while_a_form_cue_is_said() -> None:
    coach = Coach()
    fault, clean = assessed({"knees_inward": 0.9}), assessed({"knees_inward": 0.1})
    answers = (fault, fault, fault, clean, clean)
    said = [coach.rep(rep(n, loss=0.3), answer) for n, answer in enumerate(answers, start=1)]
    assert ["30% slower" in advice.text for advice in said] == [False, True, False, False, False]
    codes = [advice.cue_code for advice in said]
    assert codes == [
        None,
        "squat.knees_inward",
        "squat.knees_inward",
        "velocity_loss",
        "fixed.squat.knees_inward",
    ]


@pytest.mark.parametrize(("loss", "warned"), [(0.2, False), (0.2001, True), (0.5, True)])
def test_a_fifth_lost_is_not_yet_beyond_a_fifth(loss: float, warned: bool) -> None:
    coach = Coach()
    said = [coach.rep(rep(n, loss=loss), assessed({"knees_inward": 0.1})) for n in (1, 2)]
    assert (said[-1].cue_code == "velocity_loss") is warned


def summary(faults: str, *, abstained: tuple[str, ...] = (), coach: Coach | None = None) -> str:
    """Of a set of such reps, as `run` takes them; the rest of what was asked is `abstained`."""
    coach = coach or Coach()
    answers = {
        "F": assessed({"knees_inward": 0.9}, abstained),
        "c": assessed({"knees_inward": 0.1}, abstained),
        "?": assessed({}, ("knees_inward", *abstained)),
    }
    made = tuple(rep(n) for n in range(1, len(faults) + 1))
    for one, letter in zip(made, faults, strict=True):
        coach.rep(one, answers[letter])
    return coach.set_ended(SetEnded(99.0, 1, "squat", made)).text


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        ("ccc", "3 reps. No fault seen."),
        ("cFc", "3 reps. Seen: knees inward."),
        ("F", "1 rep. Seen: knees inward."),
        ("c", "1 rep. No fault seen."),
        ("?", "1 rep. Technique was not judged from this view."),
        ("FF", "2 reps. From the first rep: knees inward."),
        ("cFF", "3 reps. Technique held up to rep 1; from rep 2: knees inward."),
        ("??", "2 reps. Technique was not judged from this view."),
    ],
)
def test_a_set_is_summed_up_for_what_it_was(faults: str, expected: str) -> None:
    assert summary(faults) == expected


def test_the_summary_names_what_was_never_judged_and_promises_nothing_of_it() -> None:
    expected = "2 reps. No fault seen. Not judged from this view: knees forward."
    assert summary("cc", abstained=("knees_forward",)) == expected
    assert summary("c?", abstained=()) == "2 reps. No fault seen. 1 of 2 reps could be judged."


def test_details_wait_until_the_lifter_rests() -> None:
    coach = Coach()
    run(coach, "cFF")
    made = [rep(n) for n in (1, 2, 3)]
    over = made[-1].end
    assert coach.details([], 99.0) is None
    assert coach.details(made, over + 5.9) is None
    told = "3 reps. Technique held up to rep 1; from rep 2: knees inward."
    assert coach.details(made, over + 6.0) == told
    assert coach.details(made, over + 6.0) == told  # asking forgets nothing
    assert coach.set_ended(SetEnded(99.0, 1, "squat", tuple(made))).text == told
    assert Coach().details(made, over + 6.0) == "3 reps. Technique was not judged from this view."


def test_two_faults_that_take_turns_get_one_cue_between_them() -> None:
    coach = Coach()
    inward, forward = (
        {"knees_inward": 0.9, "knees_forward": 0.1},
        {"knees_inward": 0.1, "knees_forward": 0.9},
    )
    said = [coach.rep(rep(n), assessed(inward if n % 2 else forward)).cue_code for n in range(1, 9)]
    assert said == [None, None, "squat.knees_inward", None] + ["squat.knees_inward", None] * 2


def test_a_fault_in_every_rep_is_cued_in_every_rep_but_the_first_and_never_called_fixed() -> None:
    said = run(Coach(), "F" * 8)
    assert [advice.cue_code for advice in said] == [None] + ["squat.knees_inward"] * 7
    assert all(advice.errors for advice in said)


def test_where_nothing_can_be_judged_the_coach_is_silent_and_says_why() -> None:
    said = run(Coach(), "????")
    assert {(advice.cue, advice.cue_code, advice.errors) for advice in said} == {("", None, ())}
    assert {advice.text for advice in said} == {"This rep could not be judged from this view."}


def test_what_a_stand_in_finds_counts_like_any_answer() -> None:
    coach = Coach()
    answer = replace(assessed({"knees_inward": 0.9}), degraded=True)
    assert [coach.rep(rep(n), answer).cue_code for n in (1, 2)] == [None, "squat.knees_inward"]


def test_of_several_faults_the_severest_is_told_and_among_equals_the_surest() -> None:
    first = Coach().rep(rep(1), assessed({"knees_forward": 0.99, "knees_inward": 0.7, "shallow": 0.8}))
    assert first.text == SQUAT.error("knees_inward").sentence
    second = Coach().rep(rep(1), assessed({"knees_forward": 0.8, "shallow": 0.9}))
    assert second.text == SQUAT.error("shallow").sentence


SEVERITIES = {
    "squat.knees_forward": ("low", "Whole foot, push floor"),
    "squat.knees_inward": ("medium", "Spread the floor"),
    "overhead_press.elbows": ("medium", "Elbows ahead of bar"),
    "overhead_press.knees": ("low", "Legs like pillars"),
    "barbell_row.lumbar": ("high", "Chest long, brace"),
    "barbell_row.torso_angle": ("medium", "Torso still, bar moves"),
}
"""The table of faults that the defaults follow."""


def test_severities_and_first_cues_are_those_of_the_evidence() -> None:
    known = {
        f"{exercise.name}.{error.name}": (error.severity, error.cue)
        for exercise in EXERCISES
        for error in exercise.errors
    }
    assert {code: known[code] for code in SEVERITIES} == SEVERITIES
    assert "less weight" in BARBELL_ROW.error("lumbar").sentence


@pytest.mark.parametrize(
    ("changes", "faults", "expected"),
    [
        ({}, "FFFFFcccc", "-CCCC-F--"),
        ({"faulty_reps": 1}, "FFFFFcccc", "CCCCC-F--"),
        ({"faulty_reps": 3}, "FFFFFcccc", "--CCC-F--"),
        ({"bandwidth_reps": 2}, "FcFFc", "---C-"),
        ({"bandwidth_reps": 4}, "FccFc", "---C-"),
        ({"clean_reps": 1}, "FFFFFcccc", "-CCCCF---"),
        ({"clean_reps": 3}, "FFFFFcccc", "-CCCC--F-"),
        ({"threshold": 0.95}, "FFFFFcccc", "---------"),
        ({"thresholds": {"squat.knees_inward": 0.95}}, "FFFFFcccc", "---------"),
    ],
)
def test_when_the_coach_speaks_is_a_matter_of_settings(
    changes: dict[str, object], faults: str, expected: str
) -> None:
    assert spoken(run(Coach(FeedbackSettings.model_validate(changes)), faults)) == expected


def test_tries_velocity_and_delay_are_settings_too() -> None:
    hasty = Coach(FeedbackSettings(tries_per_wording=1))
    assert len({advice.cue for advice in run(hasty, "FFFF")[1:]}) == 3
    strict = Coach(FeedbackSettings(velocity_loss=0.1, velocity_reps=1, details_after_s=0.0))
    assert strict.rep(rep(1, loss=0.11), assessed({"knees_inward": 0.1})).cue_code == "velocity_loss"
    assert strict.details([rep(1, loss=0.11)], rep(1).end) == "1 rep. No fault seen. Velocity loss 11%."


def test_fewer_words_choose_wordings_that_are_short_enough() -> None:
    coach = Coach(FeedbackSettings(cue_words=3, tries_per_wording=1))
    assert {advice.cue for advice in run(coach, "FFFFFF")} == {"", "Spread the floor", "Screw feet outward"}
    none_fits = Coach(FeedbackSettings(cue_words=2))
    assert run(none_fits, "FF")[-1].cue == "knees inward", "the fault's name, and no half a cue"
    with pytest.raises(ValidationError, match="1 to 2 words"):
        FeedbackSettings(cue_words=2, cues={"squat.shallow": ("Down you go",)})


def test_a_pattern_that_can_never_be_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"faulty_reps \(4\) of bandwidth_reps \(3\) can never be"):
        FeedbackSettings(faulty_reps=4)


@pytest.mark.parametrize("code", ["squat.knees_inwards", "knees_inward", ""])
@pytest.mark.parametrize("key", ["cues", "thresholds"])
def test_a_setting_for_an_error_that_does_not_exist_is_refused(key: str, code: str) -> None:
    value = ("Out",) if key == "cues" else 0.3
    with pytest.raises(ValidationError, match="no error"):
        FeedbackSettings.model_validate({key: {code: value}})


def test_a_setting_for_an_exercise_nobody_knows_is_refused_when_the_exercises_are_known() -> None:
    own = FeedbackSettings(cues={"clean.early_arms": ("Long arms",)})
    with pytest.raises(ConfigError, match=r"feedback.cues: no error 'clean.early_arms'"):
        Coach(own)
    error = ErrorType("early_arms", "early arms", "arms", "high", "Too early.", "Long arms")
    assert Coach(own, exercises=(*EXERCISES, Exercise("clean", "Clean", "Clean", "lifting", (error,))))
