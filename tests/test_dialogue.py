"""The prompt is LLaVA-Video's to the letter; answers are read back as they were written."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamaqa import dialogue
from streamaqa.dialogue import Answer, ErrorSpan, parse, render
from streamaqa.errors import AnswerError
from streamaqa.exercises import BARBELL_ROW, EXERCISES, OVERHEAD_PRESS, SQUAT, ErrorType, Exercise

ORIGINAL = json.loads((Path(__file__).parent / "fixtures" / "llava_video_text.json").read_text())
"""Texts that the original LLaVA-NeXT code made."""

# --- prompt --------------------------------------------------------------------------------------------

TIMES = [0.0, 4 / 3, 8 / 3, 4.0]


def test_the_time_instruction_is_the_originals() -> None:
    assert dialogue.time_instruction(TIMES, 4.0432) == ORIGINAL["time_instruction"]


def test_the_prompt_is_the_originals() -> None:
    turn = dialogue.user_turn("Please describe this video in detail.", TIMES, 4.04)
    assert dialogue.prompt(turn) == ORIGINAL["infer_video_demo"]


def test_a_still_image_is_asked_about_without_times() -> None:
    case = ORIGINAL["train_one_turn"]
    turn = dialogue.user_turn("Is the squat deep enough?")
    assert turn == case["conversations_in"][0]["value"]
    assert dialogue.transcript(turn, case["conversations_in"][1]["value"]) == case["text"]


def test_the_training_form_puts_the_times_where_the_original_does() -> None:
    case = ORIGINAL["train_one_turn_time"]
    turn = dialogue.with_times("<image>\nIs the squat deep enough?", ORIGINAL["time_instruction"])
    assert turn == case["conversations_in"][0]["value"]
    assert dialogue.transcript(turn, case["conversations_in"][1]["value"]) == case["text"]


def test_the_question_is_the_papers_and_a_variant_names_the_third_exercise() -> None:
    assert dialogue.question() == (
        "The subject is performing a Squat or a Overhead Press (OHP) exercise. Which one is he making? "
        "Is he making a mistake? If so, what mistake is he making?"
    )
    assert dialogue.question(EXERCISES).startswith(
        "The subject is performing a Squat, a Overhead Press (OHP) or a Barbell Row exercise. Which one"
    )
    assert dialogue.question([SQUAT]).startswith("The subject is performing a Squat exercise.")


# --- the law -------------------------------------------------------------------------------------------

LUNGE = Exercise(
    name="split_squat",
    words="Squat and Lunge",
    question_words="Split Squat",
    first_phase="lowering",
    errors=tuple(
        ErrorType(name, words, "trunk", "low", "Stand tall.", "Stand tall")
        for name, words in [("lean", "lean"), ("lean_twist", "lean and twist"), ("wide", "feet (too wide)")]
    ),
)
"""A fourth exercise, with words made to be confused."""

VOCABULARY = (*EXERCISES, LUNGE)


def times() -> st.SearchStrategy[float]:
    return st.integers(0, 100_000).map(lambda hundredths: hundredths / 100)


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    exercise = draw(st.sampled_from(VOCABULARY))
    names = st.sampled_from([error.name for error in exercise.errors])
    span = st.builds(ErrorSpan, names) | st.builds(ErrorSpan, names, times(), times())
    return Answer(exercise.name, tuple(draw(st.lists(span, max_size=6))))


@given(answers())
def test_every_answer_is_read_back_as_it_was_written(answer: Answer) -> None:
    assert parse(render(answer, VOCABULARY), VOCABULARY) == answer


@given(answers().filter(lambda answer: answer.exercise != LUNGE.name))
def test_case_line_breaks_and_end_tokens_change_nothing(answer: Answer) -> None:
    text = render(answer)
    for said in (text.upper(), text.lower() + "<|im_end|>\n", text.replace(". ", ".\n"), f"**{text[:-1]}**"):
        assert parse(said) == answer


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (
            Answer("overhead_press"),
            "The subject is performing a OHP. He performs it correctly, without any subtle errors.",
        ),
        (
            Answer("squat", (ErrorSpan("knees_forward", 0, 2.8),)),
            "The subject is performing a Squat. The body part committing errors is the following: "
            "knees forward from frame time 0.0s to 2.8s.",
        ),
        (
            Answer("overhead_press", (ErrorSpan("elbows", 0.0, 2.62), ErrorSpan("knees", 0.3, 1.1))),
            "The subject is performing a OHP. The body parts committing errors are the following: "
            "elbows from frame time 0.0s to 2.62s and knees from frame time 0.3s to 1.1s.",
        ),
        (
            Answer("barbell_row", (ErrorSpan("lumbar"), ErrorSpan("torso_angle"))),
            "The subject is performing a Barbell Row. The body parts committing errors are the following: "
            "lumbar and torso angle.",
        ),
    ],
)
def test_answers_are_written_in_the_papers_words(answer: Answer, text: str) -> None:
    assert render(answer) == text


@pytest.mark.parametrize("start", [0.123, -0.01, -0.0, float("nan"), float("inf"), 1e17])
def test_a_time_that_would_not_be_read_back_is_refused(start: float) -> None:
    with pytest.raises(ValueError, match=r"multiples of 0\.01"):
        ErrorSpan("elbows", start, 1e18)


def test_a_start_needs_an_end() -> None:
    with pytest.raises(ValueError, match="go together"):
        ErrorSpan("elbows", 1.0)


def test_an_error_of_another_exercise_cannot_be_written() -> None:
    with pytest.raises(KeyError):
        render(Answer("squat", (ErrorSpan("elbows"),)))


# --- paraphrase ----------------------------------------------------------------------------------------

FORWARD = ErrorSpan("knees_forward", 1.2, 3.0)
INWARD = ErrorSpan("knees_inward", 2.0, 2.5)


@pytest.mark.parametrize(
    ("text", "exercise", "errors"),
    [
        ("The following errors are made in this Squat: Knees Forward from 1.2s to 3s.", "squat", [FORWARD]),
        ("The subject is doing squats. Mistakes: knee forward 1.2-3.0 s", "squat", [FORWARD]),
        ("The lifter is squatting. He makes this mistake: knees forward (1.20s – 3.00s)", "squat", [FORWARD]),
        (
            "A squat. Faults are: the knees travel too far forwards between 1.2 and 3 seconds",
            "squat",
            [FORWARD],
        ),
        ("Squat. His knees go forward from the 1.2 second mark to the 3 second mark.", "squat", [FORWARD]),
        ("Squat: knees forward: 1.2s to 3s; knees inward: 2s-2.5s", "squat", [FORWARD, INWARD]),
        (
            "Squat, with the errors: knees-forward from time 1.2s until time 3s, "
            "and knees inward during 2s to 2.5s!",
            "squat",
            [FORWARD, INWARD],
        ),
        (
            "Exercise: Squat\nErrors:\n- knees forward from 1.2s to 3s\n- knees inward from 2 sec to 2.5 sec",
            "squat",
            [FORWARD, INWARD],
        ),
        (
            "Squat. Errors:\n1. knees forward [1.2, 3.0]\n2. knees inward [2.0, 2.5]",
            "squat",
            [FORWARD, INWARD],
        ),
        (
            "Squat. The fault is: knees forward from 1.2s to 3s and from 4s to 5s. Keep your chest up.",
            "squat",
            [FORWARD, ErrorSpan("knees_forward", 4.0, 5.0)],
        ),
        (
            "Squat. Wrong: knees forward starting at 1.2s and ending at 3s. No other errors.",
            "squat",
            [FORWARD],
        ),
        (
            "He does not perform the squat correctly. Errors: knees forward from 1.2s to 3s",
            "squat",
            [FORWARD],
        ),
        ("Squat. He does well, except for: knees forward from 1.2s to 3s", "squat", [FORWARD]),
        ("It is not an OHP but a squat: shallow depth", "squat", [ErrorSpan("shallow")]),
        ("The squat's depth is too shallow.", "squat", [ErrorSpan("shallow")]),
        (
            "The subject is performing an Overhead Press (OHP). The body parts are: knees, elbows",
            "overhead_press",
            [ErrorSpan("knees"), ErrorSpan("elbows")],
        ),
        (
            "the exercise is a shoulder press; errors: elbow from .5s to 1.256s",
            "overhead_press",
            [ErrorSpan("elbows", 0.5, 1.26)],
        ),
        (
            "He is pressing overhead. Errors: elbows 0s to 1s",
            "overhead_press",
            [ErrorSpan("elbows", 0.0, 1.0)],
        ),
        ("OHP. Wrong: elbows as well as knees", "overhead_press", [ErrorSpan("elbows"), ErrorSpan("knees")]),
        (
            "OHP. Faulty: elbows from frame time 0s to 1s as well as knees from frame time 1s to 2s.",
            "overhead_press",
            [ErrorSpan("elbows", 0.0, 1.0), ErrorSpan("knees", 1.0, 2.0)],
        ),
        (
            "Squat. Error: knees forward from frame 1.2s to 3s",
            "squat",
            [FORWARD],
        ),
        (
            "The subject is performing a Squat. The body part committing errors is the following: "
            "knees forward from frame time 1.2000000000000002s to 2.9999s.",
            "squat",
            [FORWARD],
        ),
        ("<s>Squat. «Errors»: ‘knees forward’ from 1.2s to 3s.’</s><pad>", "squat", [FORWARD]),
        ("Squat. Errors:\u200b knees\u00a0forward from 1.2\u202fs to 3s.\ufeff", "squat", [FORWARD]),
        ("```text\nSquat. Errors: knees forward from 01.20s to 3.s\n```", "squat", [FORWARD]),
        ("Squat. Errors: knees forward from 1.2sec. to 3sec.", "squat", [FORWARD]),
        ("Squat. Errors: knees forward from 1,2s to 3,0s", "squat", [FORWARD]),
        ("Squat. Errors: knees forward 1.2s -> 3s + knees inward 2.0 ~ 2.5", "squat", [FORWARD, INWARD]),
        ("Squat. Errors: knees forward {1.2, 3.0} | knees inward <2s, 2.5s>", "squat", [FORWARD, INWARD]),
        ("Squat. Errors: knees forward, start time 1.2s, end time 3s", "squat", [FORWARD]),
        ("Squat. Errors: knees forward (start: 1.2s, end: 3s)", "squat", [FORWARD]),
        ("Squat. Errors: knees forward from 1.2s and ending at 3s", "squat", [FORWARD]),
        ("Squat. Errors: 1. knees forward 1.2s-3s 2. knees inward 2s-2.5s", "squat", [FORWARD, INWARD]),
        ("Squat. Errors: (1) knees forward 1.2s-3s; b) knees inward 2s-2.5s", "squat", [FORWARD, INWARD]),
        (
            "Squat. This is wrong: knees forward 1.2s-3s. This also: knees inward 2s-2.5s",
            "squat",
            [FORWARD, INWARD],
        ),
        ("Squat. Knees forward: yes, from 1.2s to 3s. Knees inward: none.", "squat", [FORWARD]),
        ("Squat. From 1.2s to 3s his knees go forward.", "squat", [FORWARD]),
        ("Squat. From 1.2s to 3s: knees forward; from 2s to 2.5s: knees inward", "squat", [FORWARD, INWARD]),
        ("Squat. Errors: right knee inward from 2s to 2.5s, otherwise correct", "squat", [INWARD]),
        ("Squat. Errors: knees forward 1.2s-3s, because he is on his toes.", "squat", [FORWARD]),
        ("Squat. Errors: knees forward forward from 1.2s to to 3s", "squat", [FORWARD]),
        ("Squat. Errors: knees forward 1.2s-3s. His back is good.", "squat", [FORWARD]),
        ("Squat. To perform it properly, mend this: knees forward 1.2s-3s", "squat", [FORWARD]),
        (
            "Bent-over row. The lower back is rounded from 1s to 2s.",
            "barbell_row",
            [ErrorSpan("lumbar", 1.0, 2.0)],
        ),
    ],
)
def test_a_paraphrase_is_read(text: str, exercise: str, errors: list[ErrorSpan]) -> None:
    assert parse(text) == Answer(exercise, tuple(errors))


@pytest.mark.parametrize(
    "said",
    [
        "He performs it correctly.",
        "He does it without a single mistake.",
        "No errors were found.",
        "There are no visible faults",
        "He is not making a mistake",
        "He isn't committing any subtle errors.",
        "He does not make mistakes.",
        "The form is correct.",
        "Good form!",
        "Nothing is wrong.",
        "Flawless.",
        "The execution is error-free.",
        "Errors: none.",
        "No.",
        "Correct",
        "The technique looks good",
        "The performance is accurate.",
        "None of the body parts is committing errors.",
        "No, he is not.",
        "Is he making a mistake? No. If so, what mistake is he making? None.",
        "He performs it right.",
        "It's correct.",
        "He does everything in the right way.",
        "I cannot see any mistake.",
        "All good.",
        "0 errors.",
        "Errors: []",
        "Errors: -",
        "Knees forward: no. Knees inward: no.",
        "Mistakes are avoided, with out any flaws.",
        "He performs it flawlessly.</s>",
    ],
)
def test_no_error_can_be_said_in_many_ways(said: str) -> None:
    assert parse(f"The subject is performing a Squat. {said}") == Answer("squat")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "names no exercise: ''"),
        ("The subject is performing a deadlift. He performs it correctly.", "names no exercise"),
        ("The subject is performing a Squat or a OHP. No errors.", "more than one exercise"),
        ("The subject is performing a Squat.", "neither an error of Squat nor 'correct'"),
        ("The subject is performing a Squat. He performs it incorrectly.", "neither"),
        ("The subject is performing a Squat. He doesn't do it correctly.", "neither"),
        ("Squat. The errors are: elbows from 1s to 2s", "cannot read 'elbows from 1s to 2s'"),
        ("Squat. The errors are: knees from 1s to 2s", "cannot read 'knees from"),
        ("Squat. The errors are: knees forward, elbows", "cannot read 'elbows'"),
        ("Squat. The errors are: knees forward from frame 3 to frame 10", "cannot read 'from frame 3"),
        ("Squat. The errors are: knees forward from 1s", "cannot read 'from 1s'"),
        ("Squat. The errors are: knees forward from 0:01 to 0:02", "cannot read"),
        ("Squat. The knees do not go forward.", "neither"),
        ("Squat. Errors: no knees forward", "cannot read 'no knees forward'"),
        ("Squat. He performs it without errors: knees forward", "names errors and denies them"),
        ("Squat. Errors: knees forward" + ", knees forward" * 300, "too long for an answer, 4528 characters"),
        ("Squat. Errors: from 1s to 2s knees forward, knees inward", "cannot tell which error is when"),
        ("Squat. From 1s to 2s: knees forward from 1s to 2s", "cannot tell which error is when"),
        (
            "Squat. He has nees forward from 1s to 2s and knees inward from 1s to 2s",
            "cannot tell which error",
        ),
        ("Squat. Knees forward starts at 1s and lasts 2s", "cannot read 'starts at 1s and lasts 2s'"),
        ("Squat. Errors: knees forward at 1s and 2s", "cannot read '1s and 2s'"),
        ("Squat. Errors: knees forward, which is not visible", "cannot read 'not visible'"),
        ("Squat. Well, he makes a mistake.", "neither"),
        ("Squat. He makes a mistake. Try to keep good form.", "neither"),
        ("Squat. He makes a mistake. His breathing is good.", "neither"),
        ("Squat. Does he perform it correctly? No.", "neither"),
        ("Squat. He performs it almost correctly.", "neither"),
        ("Squat. It is not flawless.", "neither"),
        ("The subject is performing a bench press. No errors.", "names no exercise"),
        ("He is performing a squat. No errors. He is performing a OHP.", "more than one exercise"),
        ("Squat. Errors: knees forward from 1s to 2s. No mistakes.", "names errors and denies them"),
        ("Squat. Errors: knees forward, knees inward. None of them is seen.", "names errors and denies them"),
        (f"Squat. Error: knees forward from 1s to {10**18}s", "no times of a window"),
    ],
)
def test_what_cannot_be_read_is_an_error_that_says_what_it_saw(text: str, complaint: str) -> None:
    with pytest.raises(AnswerError, match=re.escape(complaint)):
        parse(text)


@given(answers().filter(lambda answer: answer.exercise != LUNGE.name), st.integers(0, 400))
def test_a_truncated_answer_never_says_more_than_the_whole(answer: Answer, length: int) -> None:
    text = render(answer)[:length]
    try:
        read = parse(text)
    except AnswerError:
        return
    assert read.exercise == answer.exercise
    whole, last = read.errors[:-1], read.errors[-1:]
    assert whole == answer.errors[: len(whole)]
    for span in last:  # its end may have lost digits, or its times be missing
        told = answer.errors[len(whole)]
        assert (span.name, span.start) in ((told.name, told.start), (told.name, None))
        assert span.end is None or str(told.end).startswith(str(span.end).removesuffix(".0"))


WORDS = [
    "squat",
    "ohp",
    "row",
    ":",
    ".",
    ",",
    "knees",
    "forward",
    "elbows",
    "from",
    "1.2s",
    "to",
    "3s",
    "and",
]
WORDS += ["no", "not", "errors", "correctly", "between", "2"]


@given(
    st.text(max_size=80)
    | st.lists(
        st.sampled_from(WORDS),
        max_size=14,
    ).map(" ".join)
)
def test_any_text_is_an_answer_or_an_answer_error(text: str) -> None:
    try:
        answer = parse(text)
    except AnswerError:
        return
    assert parse(render(answer)) == answer


# --- times ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("start", "end"), [(0.0, 4.05), (1.0, 1.01), (4.04, 4.05)])
def test_times_inside_the_window_pass(start: float, end: float) -> None:
    dialogue.check_times(Answer("squat", (ErrorSpan("shallow", start, end), ErrorSpan("shallow"))), 4.045712)


@pytest.mark.parametrize(("start", "end"), [(1.0, 1.0), (2.0, 1.0), (4.0, 4.06)])
def test_times_outside_the_window_or_in_the_wrong_order_are_refused(start: float, end: float) -> None:
    with pytest.raises(AnswerError, match=r"shallow from .* does not fit a window of 4\.05 s"):
        dialogue.check_times(Answer("squat", (ErrorSpan("shallow", start, end),)), 4.045712)


def test_a_vocabulary_of_ones_own_is_read_freely_too() -> None:
    row = replace(BARBELL_ROW, name="cable_row", words="Cable Row", question_words="Cable Row")
    assert parse("He does a cable row. Errors: torso angle", [row, OVERHEAD_PRESS]) == Answer(
        "cable_row", (ErrorSpan("torso_angle"),)
    )
