"""What a movement looks like, as data: the signal to follow and the gates a repetition has to pass.

An `Exercise` refers to one `Motion`; the segmenter knows no exercise by name. Design choices:

- Every length is in torso lengths (shoulder to hip) of the lifter and every height points up, so that nothing
  here depends on the size of the picture, on where the lifter stands in it or on which side is left.
- Heights come from the picture, where the pose model is precise; angles come from the world coordinates,
  which do not depend on the view.
- A gate that could only be tuned to a camera position is not here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Posture:
    """One pose, reduced to what movements are told by. Both sides are joined, weighted by visibility."""

    time: float
    """Seconds of stream time."""
    shoulders: float
    """Height in torso lengths above where the lifter's shoulders were when first seen; so are all heights."""
    hips: float
    knees: float
    ankles: float
    elbows: float
    wrists: float
    knee: float
    """Angle thigh to shank in degrees, 180 with a straight leg."""
    hip: float
    """Angle trunk to thigh in degrees, 180 when standing upright."""
    elbow: float
    """Angle upper arm to forearm in degrees, 180 with a straight arm."""
    lean: float
    """Angle of the trunk to the vertical in degrees, 0 upright, 90 horizontal."""
    arms: float
    """Visibility of the better arm, in [0, 1]."""
    legs: float
    """Visibility of the better leg down to the ankle, in [0, 1]."""


Measure: TypeAlias = Callable[[Posture], float]
"""Something that can be measured of one pose."""

Moment: TypeAlias = Literal["start", "turn", "change"]
"""Where in a repetition a gate looks: its first moment, its turn, or turn minus start."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What must hold for a movement to be a repetition of this exercise."""

    name: str
    """Snake case; the reason a unit is cancelled with."""
    measure: Measure
    moment: Moment
    low: float = float("-inf")
    high: float = float("inf")
    softness: float = 0.1
    """Distance from the border, in the measure's unit, at which the gate is sure (for the probability)."""

    def margin(self, start: float, turn: float) -> float:
        """How far inside the gate the values of `measure` at start and turn lie, in units of `softness`."""
        value = {"start": start, "turn": turn, "change": turn - start}[self.moment]
        return min(value - self.low, self.high - value) / self.softness


@dataclass(frozen=True, slots=True)
class Motion:
    """How the segmenter recognizes one exercise."""

    signal: Measure
    """Height of the load or body in torso lengths: lifting makes it rise."""
    least_range: float
    """Travel of `signal` in torso lengths below which nothing is a repetition."""
    gates: tuple[Gate, ...] = ()


def trunk_height(posture: Posture) -> float:
    """Height of the middle of the trunk: falls and rises with the body in a squat."""
    return (posture.shoulders + posture.hips) / 2


def wrists_over_shoulders(posture: Posture) -> float:
    """Height of the wrists above the shoulders: about -1.2 with hanging arms, +1 overhead."""
    return posture.wrists - posture.shoulders


def wrists_over_hips(posture: Posture) -> float:
    """Height of the wrists above the hips: rises as a bent-over lifter pulls."""
    return posture.wrists - posture.hips


def hips(posture: Posture) -> float:
    """Height of the hips."""
    return posture.hips


def knee_angle(posture: Posture) -> float:
    """Degrees, 180 with a straight leg."""
    return posture.knee


def trunk_lean(posture: Posture) -> float:
    """Degrees from the vertical."""
    return posture.lean
