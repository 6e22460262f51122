"""What the model is asked and how its answer is written and read. Training and serving share this package.

One law binds writer and reader: `parse(render(answer)) == answer`. The reader takes more than the writer
writes, since models paraphrase; what it cannot read is an `AnswerError`.
"""

from __future__ import annotations

from collections.abc import Sequence

from streamaqa.dialogue.answers import Answer, ErrorSpan, check_times, read_as_written, render
from streamaqa.dialogue.paraphrase import read_freely
from streamaqa.dialogue.prompt import (
    IMAGE,
    prompt,
    question,
    time_instruction,
    transcript,
    user_turn,
    with_times,
)
from streamaqa.exercises import EXERCISES, Exercise

__all__ = [
    "IMAGE",
    "VERSION",
    "Answer",
    "ErrorSpan",
    "check_times",
    "parse",
    "prompt",
    "question",
    "render",
    "time_instruction",
    "transcript",
    "user_turn",
    "with_times",
]

VERSION = "1"
"""Part of the weights' contract: raised whenever a prompt or an answer would be written otherwise."""


def parse(text: str, vocabulary: Sequence[Exercise] = EXERCISES) -> Answer:
    """Read an answer; AnswerError says what could not be read. Times are not checked: see `check_times`."""
    known = tuple(vocabulary)
    return read_as_written(text, known) or read_freely(text, known)
