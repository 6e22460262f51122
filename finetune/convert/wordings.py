"""What is asked and answered, and other wordings of both: our own, each of which `dialogue.parse` reads back.

Serving asks the first question and the grammar writes the first answer. A model that is also to be asked by
people, or that learns the wording by heart instead of the task, may be trained on all of them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from streamaqa.dialogue import Answer, ErrorSpan, parse, question, render
from streamaqa.dialogue.answers import CORRECT, MANY_ERRORS, ONE_ERROR
from streamaqa.errors import AnswerError
from streamaqa.exercises import EXERCISES, Exercise

QUESTIONS = (
    "Somebody is doing {exercises} exercise. Which one is it, and which mistake is made, if any?",
    "Is the exercise shown {exercises}? Say which, and whether something is wrong with its execution.",
    "Tell which exercise this is, {exercises}, and list the errors in its execution, if there are any.",
    "The exercise is either {exercises}. Name it. Is it performed correctly? If not, what is wrong?",
    "Judge this lift as a coach would. Which exercise is it, {exercises}, and which errors do you see?",
    "What is the lifter performing, {exercises}? Does the lifter make an error, and if so, which?",
)
"""`exercises` is the list that the question names: a Squat or a Overhead Press (OHP)."""

OPENINGS = (
    "The exercise is a {exercise}. ",
    "This is a {exercise}. ",
    "The lifter is doing a {exercise}. ",
    "He is performing a {exercise}. ",
)
CLEAN = (
    "He performs it correctly.",
    "It is performed without any errors.",
    "There are no mistakes in its execution.",
    "No error can be seen.",
    "The execution is correct.",
)
LEAD_INS = {
    "one": (
        "The following error can be seen: ",
        "One mistake is made: ",
        "There is an error in its execution: ",
        "He makes the following mistake: ",
    ),
    "many": (
        "The following errors can be seen: ",
        "These mistakes are made: ",
        "There are errors in its execution: ",
        "He makes the following mistakes: ",
    ),
}


def asked(vocabulary: Sequence[Exercise], chance: random.Random | None = None) -> str:
    """The question; with `chance` in any of its wordings."""
    usual = question(vocabulary)
    if chance is None:
        return usual
    exercises = usual.removeprefix("The subject is performing ").split(" exercise. ")[0]
    return chance.choice((usual, *(wording.format(exercises=exercises) for wording in QUESTIONS)))


def answered(
    answer: Answer, vocabulary: Sequence[Exercise] = EXERCISES, chance: random.Random | None = None
) -> str:
    """The answer; with `chance` in any of its wordings. AnswerError if it could not be read back."""
    usual = render(answer, vocabulary)
    text = usual if chance is None else _reworded(usual, answer, vocabulary, chance)
    if parse(text, vocabulary) != answer:
        raise AnswerError(f"{text!r} is not read back as it was meant")
    return text


def _reworded(usual: str, answer: Answer, vocabulary: Sequence[Exercise], chance: random.Random) -> str:
    words = {known.name: known.words for known in vocabulary}[answer.exercise]
    opening = f"The subject is performing a {words}. "
    said = usual.removeprefix(opening)
    begun = chance.choice((opening, *(wording.format(exercise=words) for wording in OPENINGS)))
    if not answer.errors:
        return begun + chance.choice((CORRECT, *CLEAN))
    lead_in = ONE_ERROR if len(answer.errors) == 1 else MANY_ERRORS
    others = LEAD_INS["one" if len(answer.errors) == 1 else "many"]
    return begun + chance.choice((lead_in, *others)) + said.removeprefix(lead_in)


def longest(spans: Sequence[ErrorSpan]) -> tuple[ErrorSpan, ...]:
    """Each error once, with the longest of its intervals, the first of equals."""
    kept: dict[str, ErrorSpan] = {}
    for span in spans:
        if span.name not in kept or _length(span) > _length(kept[span.name]):
            kept[span.name] = span
    return tuple(kept.values())


def _length(span: ErrorSpan) -> float:
    return 0.0 if span.start is None or span.end is None else round(span.end - span.start, 2)
