"""Whatever a fine-tuned model writes is read and scored; what stands beside each figure is right."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune.scoring import Answered, score_answers
from streamaqa.dialogue import parse
from streamaqa.errors import AnswerError

# --- reading -------------------------------------------------------------------------------------------

OPENINGS = {
    "overhead_press": (
        "The subject is performing a OHP. ",
        "The subject is performing a Overhead Press (OHP) exercise. ",
        "the subject is performing an overhead press. ",
        "\nThe subject is performing a OHP exercise, ",
    ),
    "squat": (
        "The subject is performing a Squat. ",
        "THE SUBJECT IS PERFORMING A SQUAT. ",
        '"The subject is performing a squat exercise. ',
    ),
}
LEAD_INS = (
    "The body part committing errors is the following: ",
    "The body parts committing errors are the following: ",
    "He makes a mistake with this body part: ",
    "Faults can be seen in the following body parts: ",
)
TIMES = (
    "from frame time 0.4s to 2.82s",
    "from 0.4s to 2.82s",
    "from frame time 0.4 to 2.82",
    "from frame time 0.4 s to 2.82 s",
    "from frame 0.4s to 2.82s",
    "(0.4s - 2.82s)",
    "between 0.4 and 2.82 seconds",
)
JOINTS = (" and ", ", ", ", and ", "; ", " as well as ")
ENDS = (".", "", " .", ".\n", ".<|im_end|>", '."')
NAMES = {"overhead_press": ("elbows", "knees"), "squat": ("knees forward", "knees inward")}


@pytest.mark.parametrize("exercise", OPENINGS)
def test_every_way_of_putting_an_answer_is_read_alike(exercise: str) -> None:
    names = NAMES[exercise]
    for opening, lead_in, times, joint, end in itertools.product(
        OPENINGS[exercise], LEAD_INS, TIMES, JOINTS, ENDS
    ):
        for listed in ((names[0],), names, (*names, names[0])):
            text = opening + lead_in + joint.join(f"{name} {times}" for name in listed) + end
            answer = parse(text)
            assert answer.exercise == exercise, text
            found = [(span.name.replace("_", " "), span.start, span.end) for span in answer.errors]
            assert found == [(name, 0.4, 2.82) for name in listed], text


@pytest.mark.parametrize(
    "said",
    [
        "He performs it correctly, without any subtle errors",
        "he performs it correctly without errors.",
        "The movement is carried out properly, free of mistakes.",
        "No faults could be seen in how the exercise is performed.",
        "The execution is accurate, with no errors identified",
    ],
)
def test_every_way_of_saying_that_it_is_right_is_read_alike(said: str) -> None:
    for exercise, openings in OPENINGS.items():
        for opening in openings:
            answer = parse(opening + said)
            assert (answer.exercise, answer.errors) == (exercise, ())


PIECES = [
    "The subject is performing a ", "Squat", "OHP", ". ", "The body part committing errors is: ", "knees",
    "knees forward", "elbows", " from frame time ", "0.0s", "2.8", "s to ", "1e9", "-", " and ", ":", "\n",
    "He performs it correctly", "without any", "99999999999999999999", "0.123456", "<|im_end|>", " well",
]  # fmt: skip


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.text(max_size=60))
def test_no_answer_breaks_the_scoring(text: str) -> None:
    truth = {"knees forward": (0.0, 1.0), "knees inward": None}
    try:
        parse(text)
        unreadable = 0
    except AnswerError:
        unreadable = 1
    scores = score_answers({"v": Answered("Squat", truth, text)})
    assert scores.unreadable == unreadable
    assert len(scores.complaints) == unreadable


# --- scoring -------------------------------------------------------------------------------------------

OHP = "The subject is performing a OHP. The body part committing errors is the following: "


def test_times_finer_than_hundredths_are_scored_as_they_were_written() -> None:
    truth = {"knees": (0.0, 1.0), "elbows": None}
    for end, reached in (("0.5000", 1.0), ("0.4999", 0.0)):
        answer = f"{OHP}knees from frame time 0.0s to {end}s."
        scores = score_answers({"v": Answered("OHP", truth, answer)})
        assert scores.intervals.ap["knees"][0.5] == reached
        assert scores.paper.ap["knees"] == reached


def test_a_fine_time_is_not_taken_for_another_that_rounds_alike() -> None:
    answer = f"{OHP}knees from frame time 0.0s to 1.003s and knees from frame time 0.0s to 1.0s."
    scores = score_answers({"v": Answered("OHP", {"knees": (0.0, 0.5)}, answer)})
    assert scores.paper.ap["knees"] == 1.0  # the last interval counts there, and it ends at 1.0


@pytest.mark.parametrize("empty", [(1.0, 1.0), (2.0, 1.0)])
def test_a_label_that_holds_no_time_is_an_error_that_no_interval_meets(empty: tuple[float, float]) -> None:
    answer = f"{OHP}knees from frame time 0.0s to 3.0s."
    scores = score_answers({"v": Answered("OHP", {"knees": empty, "elbows": None}, answer)})
    assert scores.errors["knees"].recall == 1.0
    assert scores.intervals.ap["knees"] == {0.3: 0.0, 0.5: 0.0, 0.7: 0.0}
    assert f"knees: start {empty[0]} is not before end {empty[1]}" in scores.complaints["v"]


def test_what_could_not_be_read_is_named_with_its_video() -> None:
    scores = score_answers({"v": Answered("OHP", {"knees": None}, "He lifts.")})
    assert scores.as_json()["complaints"] == {"v": "names no exercise: 'He lifts.'"}


def test_a_reversed_interval_is_a_false_alarm_that_overlaps_nothing() -> None:
    answer = f"{OHP}knees from frame time 2.0s to 1.0s."
    scores = score_answers({"v": Answered("OHP", {"knees": (1.0, 2.0)}, answer)})
    assert scores.errors["knees"].f1 == 1.0
    assert scores.intervals.mean[0.3] == 0.0


def test_beside_the_intervals_stands_what_one_fixed_window_scores() -> None:
    correct = "The subject is performing a OHP. He performs it correctly, without any subtle errors."
    starts = (0.0, 0.05, 0.1, 2.0)
    answered = {
        f"{number}": Answered("OHP", {"knees": (start, start + 1.0)}, correct)
        for number, start in enumerate(starts)
    }
    scores = score_answers(answered)
    start, end = scores.blind_windows["knees"]
    assert 0.0 <= start <= 0.1
    assert 1.0 <= end <= 1.1
    assert scores.blind.ap["knees"][0.5] == pytest.approx(0.75 * 0.75)  # 3 of 4, the miss listed last
    assert scores.intervals.ap["knees"][0.5] == 0.0


def test_the_mean_is_over_the_errors_that_any_video_shows() -> None:
    right = f"{OHP}knees from frame time 0.0s to 1.0s."
    scores = score_answers({"v": Answered("OHP", {"knees": (0.0, 1.0), "elbows": None}, right)})
    assert scores.macro is not None
    assert scores.macro.f1 == 1.0
    assert scores.macro.auroc is None
