"""Which wording of a cue is used: the one that worked for this athlete, another one where none does."""

from __future__ import annotations

from coached import assessed, rep

from streamaqa.exercises import SQUAT
from streamaqa.feedback import Coach
from streamaqa.types import SetEnded

WORDINGS = ("Spread the floor", "Knees over little toes", "Push knees out")
ANSWERS = {"F": assessed({"knees_inward": 0.9}), "c": assessed({"knees_inward": 0.1})}


def cues(sets: list[str]) -> list[list[str]]:
    """The form cues of each set, in order."""
    coach, said = Coach(), []
    for number, faults in enumerate(sets, start=1):
        reps = [rep(n, set_number=number) for n in range(1, len(faults) + 1)]
        advice = [coach.rep(each, ANSWERS[letter]) for each, letter in zip(reps, faults, strict=True)]
        coach.set_ended(SetEnded(99.0 * number, number, "squat", tuple(reps)))
        said.append([a.cue for a in advice if a.cue_code == "squat.knees_inward"])
    return said


def test_tries_are_counted_over_sets_that_are_too_short_for_three() -> None:
    first, second, third = cues(["FFF", "FFF", "FFF"])
    assert first == [SQUAT.error("knees_inward").cue] * 2
    assert first + second[:1] == [first[0]] * 3
    assert second[1] == third[0] != first[0]


def test_a_wording_that_worked_twice_is_preferred_to_one_that_never_did() -> None:
    sets = cues(["FFcc", "FFcc", "FFFFF", "FFcc"])
    worked = sets[0][0]
    assert sets[2][3] != worked  # three times without effect
    assert sets[3] == [worked]


def test_a_wording_that_fails_more_often_than_it_works_is_given_up() -> None:
    sets = cues(["FFcc", "FFFFF", "FFFFF", "FFcc"])
    assert sets[3][0] != sets[0][0]


def test_an_effect_in_between_begins_the_count_anew() -> None:
    (said,) = cues(["FFFcFFF"])
    assert len(set(said)) == 1
    assert len(said) == 5
