"""The vocabulary: which exercises there are, which errors each can have, and what to say about them.

One `Exercise` holds everything the other rooms need to know about a movement, so that a further exercise is
one more object and no edit elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from streamaqa import motion, signs
from streamaqa.motion import Motion
from streamaqa.signs import Sign
from streamaqa.types import PhaseKind

Severity: TypeAlias = Literal["low", "medium", "high"]


@dataclass(frozen=True, slots=True)
class ErrorType:
    """A named execution error."""

    name: str
    """On the wire, snake case."""
    words: str
    """In the dialogue: the data set's words."""
    body_part: str
    severity: Severity
    sentence: str
    """What is told the lifter, in full."""
    cue: str
    """At most four words a lifter can act on, at most 64 bytes."""
    signs: tuple[Sign, ...] = ()
    """What gives it away in a pose track; without any, poses alone cannot judge it."""


@dataclass(frozen=True, slots=True)
class Exercise:
    """One movement: its words and its errors."""

    name: str
    """On the wire, snake case."""
    words: str
    """In the dialogue's answers: the data set's words."""
    question_words: str
    """In the dialogue's question."""
    first_phase: PhaseKind
    errors: tuple[ErrorType, ...]
    motion: Motion | None = None
    """How the segmenter recognizes it; None for one that is only talked about."""

    @property
    def second_phase(self) -> PhaseKind:
        """The phase that ends a repetition."""
        return "lifting" if self.first_phase == "lowering" else "lowering"

    def error(self, name: str) -> ErrorType:
        """The error of that wire name; KeyError if this exercise has none such."""
        for error in self.errors:
            if error.name == name:
                return error
        raise KeyError(f"{self.name} has no error {name!r}")


# Severities and cues follow Fry 2003 and coaching practice; never call a low one an injury.
SQUAT = Exercise(
    name="squat",
    words="Squat",
    question_words="Squat",
    first_phase="lowering",
    errors=(
        ErrorType(
            "knees_forward",
            "knees forward",
            "knees",
            "low",
            "Your knees travelled far past your toes: keep the whole foot down and push the floor away.",
            "Whole foot, push floor",
            signs=(signs.SHANK_OVERLEAN,),
        ),
        ErrorType(
            "knees_inward",
            "knees inward",
            "knees",
            "medium",
            "Your knees came in towards each other: spread the floor with your feet.",
            "Spread the floor",
            signs=(signs.KNEES_IN, signs.KNEES_IN_BEHIND),
        ),
        ErrorType(
            "shallow",
            "shallow depth",
            "hips",
            "low",
            "The squat stayed high: sit down until your hips reach your knees.",
            "Sit a little deeper",
            signs=(signs.HIPS_HIGH, signs.HIPS_HIGH_BESIDE, signs.HIPS_HIGH_ASKEW),
        ),
    ),
    motion=motion.SQUAT,
)

OVERHEAD_PRESS = Exercise(
    name="overhead_press",
    words="OHP",
    question_words="Overhead Press (OHP)",
    first_phase="lifting",
    errors=(
        ErrorType(
            "elbows",
            "elbows",
            "elbows",
            "medium",
            "Your elbows drifted: keep them slightly ahead of the bar, forearms upright.",
            "Elbows ahead of bar",
            signs=(signs.FOREARMS_OUT, signs.FOREARMS_UNEVEN),
        ),
        ErrorType(
            "knees",
            "knees",
            "knees",
            "low",
            "Your knees bent to start the bar: keep the legs straight and press from the shoulders.",
            "Legs like pillars",
            signs=(signs.KNEE_BEND, signs.LEGS_SINK),
        ),
    ),
    motion=motion.PRESS,
)

BARBELL_ROW = Exercise(
    name="barbell_row",
    words="Barbell Row",
    question_words="Barbell Row",
    first_phase="lifting",
    errors=(
        ErrorType(
            "lumbar",
            "lumbar",
            "lower back",
            "high",
            "Your lower back rounded: brace, keep the chest long, and take less weight.",
            "Chest long, brace",
        ),
        ErrorType(
            "torso_angle",
            "torso angle",
            "torso",
            "medium",
            "Your torso swung with the bar: hold it still and let only the bar move.",
            "Torso still, bar moves",
            signs=(signs.TRUNK_RISE, signs.HEAD_RISE, signs.TRUNK_LEADS),
        ),
    ),
    motion=motion.ROW,
)

EXERCISES: tuple[Exercise, ...] = (SQUAT, OVERHEAD_PRESS, BARBELL_ROW)
"""What is known unless a caller passes its own vocabulary."""


def exercise(name: str, vocabulary: Iterable[Exercise] = EXERCISES) -> Exercise:
    """The exercise of that wire name; KeyError if there is none such."""
    for candidate in vocabulary:
        if candidate.name == name:
            return candidate
    raise KeyError(f"no exercise {name!r}")
