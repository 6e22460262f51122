"""A model's answer that comes after its stand-in's: what the coach makes of it at the next repetitions."""

from __future__ import annotations

from dataclasses import replace

from coached import assessed, rep

from streamaqa.feedback import Advice, Coach, FeedbackSettings
from streamaqa.types import Assessment

FAULT, CLEAN = (assessed({"knees_inward": p}) for p in (0.9, 0.1))
ABSTAINED = assessed({}, ("knees_inward",))


def lift(coach: Coach, by_stand_in: list[Assessment], by_model: list[Assessment | None]) -> list[Advice]:
    """Each repetition is told by the stand-in, and mended by the model before the next one."""
    said = []
    for number, (at_once, late) in enumerate(zip(by_stand_in, by_model, strict=True), start=1):
        said.append(coach.rep(rep(number), replace(at_once, degraded=True)))
        if late is not None:
            assert coach.rep(rep(number), late).cue == ""
    return said


def codes(said: list[Advice]) -> list[str | None]:
    """What was cued."""
    return [advice.cue_code for advice in said]


def test_nothing_is_called_fixed_that_the_model_still_sees() -> None:
    said = lift(Coach(), [FAULT, FAULT, CLEAN, CLEAN, CLEAN], [FAULT] * 5)
    assert codes(said) == [None] + ["squat.knees_inward"] * 4


def test_a_pattern_that_the_model_takes_back_is_none() -> None:
    said = lift(Coach(), [FAULT, CLEAN, FAULT, FAULT], [CLEAN, CLEAN, CLEAN, None])
    assert codes(said) == [None] * 4


def test_a_cue_that_should_never_have_been_is_not_called_fixed() -> None:
    coach = Coach()
    assert codes([coach.rep(rep(n), FAULT) for n in (1, 2)]) == [None, "squat.knees_inward"]
    for number in (1, 2):
        coach.rep(rep(number), CLEAN)
    assert codes([coach.rep(rep(n), CLEAN) for n in (3, 4, 5)]) == [None] * 3


def test_praise_is_for_what_was_cued() -> None:
    said = lift(Coach(), [ABSTAINED, ABSTAINED, CLEAN, CLEAN], [FAULT, FAULT, CLEAN, CLEAN])
    assert codes(said) == [None, None, "squat.knees_inward", "fixed.squat.knees_inward"]
    coach = Coach()
    for number in (1, 2, 3, 4):
        coach.rep(rep(number), CLEAN)
    for number in (1, 2):
        coach.rep(rep(number), FAULT)
    assert coach.rep(rep(5), CLEAN).cue_code is None


def test_a_severe_fault_that_only_the_model_can_see_is_cued_with_the_next_repetition() -> None:
    coach, cued = Coach(), []
    for number in range(1, 4):
        row = rep(number, exercise="barbell_row")
        unseen = replace(assessed({"torso_angle": 0.1}, ("lumbar",), "barbell_row"), degraded=True)
        cued.append(coach.rep(row, unseen).cue_code)
        coach.rep(row, assessed({"torso_angle": 0.1, "lumbar": 0.95}, exercise="barbell_row"))
    assert cued == [None, "barbell_row.lumbar", "barbell_row.lumbar"]


def test_a_model_that_sees_the_present_repetition_clean_is_believed() -> None:
    coach = Coach(FeedbackSettings(faulty_reps=1))
    coach.rep(rep(1), replace(CLEAN, degraded=True))
    coach.rep(rep(1), FAULT)
    assert coach.rep(rep(2), CLEAN).cue_code is None


def test_an_update_keeps_what_was_told_besides_the_faults() -> None:
    coach = Coach()
    coach.rep(rep(1, loss=0.3), CLEAN)
    first = coach.rep(rep(2, loss=0.3), CLEAN)
    update = coach.rep(rep(2, loss=0.3), FAULT)
    assert "30%" in first.text
    assert "30%" in update.text
    assert update.cue == ""


def test_an_update_takes_praise_back_with_its_reason() -> None:
    coach = Coach()
    for number, answer in enumerate((FAULT, FAULT, CLEAN), start=1):
        coach.rep(rep(number), answer)
    assert "Fixed" in coach.rep(rep(4), CLEAN).text
    assert "Fixed" in coach.rep(rep(4), CLEAN).text
    assert "Fixed" not in coach.rep(rep(4), FAULT).text
