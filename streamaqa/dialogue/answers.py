"""Answers: what they hold, how they are written, and how exactly that is read back."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from streamaqa.errors import AnswerError
from streamaqa.exercises import EXERCISES, Exercise

_NUMBER = r"\d+(?:\.\d+)?"


@dataclass(frozen=True, slots=True)
class ErrorSpan:
    """One error that an answer names, and when it shows."""

    name: str
    """Wire name of the error."""
    start: float | None = None
    """Seconds from the window's first frame, a multiple of 0.01; None in an answer about a still image."""
    end: float | None = None
    """As `start`; both or neither are None."""

    def __post_init__(self) -> None:
        """Refuse what could not be read back as it was written."""
        if (self.start is None) != (self.end is None):
            raise ValueError(f"{self.name}: start and end go together, not {self.start} and {self.end}")
        for time in (self.start, self.end):
            if time is not None and not (
                re.fullmatch(_NUMBER, _written(time)) and float(_written(time)) == time
            ):
                raise ValueError(f"{self.name}: times are multiples of 0.01 from 0, not {time}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said of one window: the exercise, and its errors in the order they were named."""

    exercise: str
    """Wire name of the exercise."""
    errors: tuple[ErrorSpan, ...] = ()


CORRECT = "He performs it correctly, without any subtle errors."
ONE_ERROR = "The body part committing errors is the following: "
MANY_ERRORS = "The body parts committing errors are the following: "


def render(answer: Answer, vocabulary: Sequence[Exercise] = EXERCISES) -> str:
    """The answer in the words of the training data.

    KeyError if `vocabulary` lacks the exercise or the exercise lacks an error.
    """
    exercise = {known.name: known for known in vocabulary}[answer.exercise]
    opening = f"The subject is performing a {exercise.words}. "
    if not answer.errors:
        return opening + CORRECT
    listed = " and ".join(_render_error(exercise, error) for error in answer.errors)
    return f"{opening}{ONE_ERROR if len(answer.errors) == 1 else MANY_ERRORS}{listed}."


def _render_error(exercise: Exercise, span: ErrorSpan) -> str:
    words = exercise.error(span.name).words
    if span.start is None or span.end is None:
        return words
    return f"{words} from frame time {_written(span.start)}s to {_written(span.end)}s"


def _written(time: float) -> str:
    """A time as the training data writes it: 0.0, 2.8, 2.62."""
    return str(round(float(time), 2)) if math.isfinite(time) else str(time)


def check_times(answer: Answer, duration: float) -> None:
    """Raise AnswerError unless each interval has 0 <= start < end <= duration.

    The model was told the duration to two decimals, so it is held to that.
    """
    for error in answer.errors:
        if error.start is None or error.end is None:
            continue
        if not error.start < error.end <= round(duration, 2):
            raise AnswerError(
                f"{error.name} from {error.start} to {error.end} s does not fit a window of {duration:.2f} s"
            )


def read_as_written(text: str, vocabulary: tuple[Exercise, ...]) -> Answer | None:
    for exercise in vocabulary:
        opening = f"The subject is performing a {exercise.words}. "
        if not text.startswith(opening):
            continue
        said = text.removeprefix(opening)
        if said == CORRECT:
            return Answer(exercise.name)
        item = _written_error(exercise)
        for lead_in in (ONE_ERROR, MANY_ERRORS):
            listed = said.removeprefix(lead_in)
            if listed != said and re.fullmatch(rf"{item}(?: and {item})*\.", listed):
                return Answer(exercise.name, tuple(_spans(exercise, re.finditer(item, listed))))
    return None


@lru_cache(maxsize=64)
def _written_error(exercise: Exercise) -> str:
    words = sorted((re.escape(error.words) for error in exercise.errors), key=len, reverse=True)
    return rf"({'|'.join(words)})(?: from frame time ({_NUMBER})s to ({_NUMBER})s)?(?= and |\.$)"


def _spans(exercise: Exercise, found: Iterable[re.Match[str]]) -> Iterator[ErrorSpan]:
    names = {error.words: error.name for error in exercise.errors}
    for match in found:
        words, start, end = match.groups()
        yield timed(names[words], start, end) if start else ErrorSpan(names[words])


def timed(name: str, start: str, end: str) -> ErrorSpan:
    """An error with its times as text: to hundredths, whatever the model wrote. AnswerError if too large."""
    try:
        return ErrorSpan(name, round(float(start), 2), round(float(end), 2))
    except ValueError:  # beyond 1e16 hundredths can no longer be told apart
        raise AnswerError(f"{name} from {start[:20]} to {end[:20]} s: no times of a window") from None
