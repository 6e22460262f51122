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
    aside: float
    """How far the shoulders moved across the picture since they were first seen, torso lengths."""
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

Moment: TypeAlias = Literal["start", "turn", "end", "change", "drift"]
"""Where in a repetition a gate looks: its first moment, its turn, its end; how the turn differs from start or
end, whichever it differs from more (a recording may begin or stop in the middle of a repetition); or how the
end differs from the start."""


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

    def margin(self, start: float, turn: float, end: float) -> float:
        """How far inside the gate the values of `measure` at these moments lie, in units of `softness`."""
        change = max(turn - start, turn - end, key=abs)
        values = {"start": start, "turn": turn, "end": end, "change": change, "drift": end - start}
        value = values[self.moment]
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
    """Height of the trunk: falls and rises with the body in a squat.

    The hips count twice, because the shoulders also fall as the trunk leans; without the shoulders the signal
    is lost behind plates and racks.
    """
    return (posture.shoulders + 2 * posture.hips) / 3


def shoulder_height(posture: Posture) -> float:
    """Height of the shoulders."""
    return posture.shoulders


def hip_height(posture: Posture) -> float:
    """Height of the hips, which a row leaves where they are."""
    return posture.hips


def wrists_over_shoulders(posture: Posture) -> float:
    """Height of the wrists above the shoulders: about -1.2 with hanging arms, +1 overhead."""
    return posture.wrists - posture.shoulders


def wrists_over_hips(posture: Posture) -> float:
    """Height of the wrists above the hips: rises as a bent-over lifter pulls."""
    return posture.wrists - posture.hips


def trunk_lean(posture: Posture) -> float:
    """Degrees from the vertical."""
    return posture.lean


def hips_less_bow(posture: Posture) -> float:
    """Falls if the hips sink by more than half of what the shoulders do: a squat, and not a bow."""
    return posture.hips - 0.5 * posture.shoulders


def leg_length(posture: Posture) -> float:
    """Falls as the legs fold, whatever the camera does.

    In torso lengths, from two readings that fail in different recordings: the hips' height over the ankles in
    the picture, and the knee's angle in the world coordinates, where 60 degrees count as much as one length.
    """
    return posture.hips - posture.ankles + posture.knee / 60.0


def lean_with_hanging_arms(posture: Posture) -> float:
    """The trunk's lean in degrees, but 0 where the wrists are not far below the shoulders.

    Straight arms of a deadlift seen from behind are read as half a torso length, as they hang from a trunk
    that leans away.
    """
    return posture.lean if wrists_over_shoulders(posture) < -0.5 else 0.0


def arms_seen(posture: Posture) -> float:
    """Visibility of the better arm."""
    return posture.arms


def aside(posture: Posture) -> float:
    """Where across the picture the lifter stands."""
    return posture.aside


STAYED = Gate("walked", aside, "drift", low=-1.0, high=1.0, softness=0.3)
"""The repetition ends where it began; who walks covers about two torso lengths a second."""

SQUAT = Motion(
    signal=trunk_height,
    least_range=0.3,
    gates=(
        STAYED,
        Gate("legs_stay_straight", leg_length, "change", high=-0.25),
        Gate("hips_stay_high", hips_less_bow, "change", high=0.0),
        Gate("shoulders_stay_up", shoulder_height, "change", high=-0.2),
        Gate("load_hangs", lean_with_hanging_arms, "turn", high=41.0, softness=10.0),
    ),
)

PRESS = Motion(
    signal=wrists_over_shoulders,
    least_range=0.4,
    gates=(
        STAYED,
        Gate("not_overhead", wrists_over_shoulders, "turn", low=0.4),
        Gate("not_from_shoulders", wrists_over_shoulders, "start", low=-0.5, high=0.6),
        Gate("not_to_shoulders", wrists_over_shoulders, "end", low=-0.5, high=0.6),
        Gate("bent_over", trunk_lean, "turn", high=45.0, softness=10.0),
        Gate("arms_not_seen", arms_seen, "turn", low=0.4),
    ),
)

# From behind a rower's hands are hidden, though the model places them well (visibility 0.2), and the trunk
# reads as little as 7 degrees at a quick row's turn: the gates at the turn only keep out what stands up.
ROW = Motion(
    signal=wrists_over_hips,
    least_range=0.35,
    gates=(
        STAYED,
        Gate("upright", trunk_lean, "start", low=28.0, softness=10.0),
        Gate("stood_up", trunk_lean, "turn", low=5.0, softness=10.0),
        Gate("stayed_up", trunk_lean, "end", low=28.0, softness=10.0),
        Gate("hips_move", hip_height, "change", low=-0.35, high=0.35),
        Gate("shoulders_rise", shoulder_height, "change", high=0.8, softness=0.2),
        Gate("ended_elsewhere", shoulder_height, "drift", low=-0.35, high=0.35),
        Gate("arms_stay_straight", wrists_over_shoulders, "change", low=0.2),
        Gate("arms_not_hanging", wrists_over_shoulders, "start", high=-0.7),
        Gate("wrists_over_shoulders", wrists_over_shoulders, "turn", high=0.0),
        Gate("arms_not_seen", arms_seen, "turn", low=0.15),
    ),
)
