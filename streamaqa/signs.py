"""What gives an execution error away in a pose track: measures of a body, and the signs made of them.

A `Sign` says which measure to watch, from where it can be seen, and from which value on it is a fault. It is
data, kept with its error in `exercises`; `assessment.kinematic` reads it and knows no sign by name, so an
exercise of one's own brings its own signs along. Angles are in degrees, the rest are ratios of the lifter's
own lengths.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from streamaqa.body import Array, Body, Joint, View, angle, from_vertical

Measure: TypeAlias = Callable[[Body], Array]
"""One number for each pose of a body, (T,), that grows with the error; NaN where it cannot be told."""

Baseline: TypeAlias = Literal["none", "standing", "least"]
"""What a measure is counted from: zero, its median as the repetition starts, or its least value around it."""

SAGITTAL = frozenset({View.SIDE, View.FRONT_OBLIQUE, View.REAR_OBLIQUE})
"""Views that show what moves forward and back."""
SIDEWAYS = frozenset({View.SIDE})
FRONTAL = frozenset({View.FRONT, View.REAR, View.FRONT_OBLIQUE, View.REAR_OBLIQUE})
"""Views that show what moves left and right."""
HEAD_ON = frozenset({View.FRONT, View.REAR})
ANYWHERE = frozenset(View)


@dataclass(frozen=True, slots=True)
class Sign:
    """One way in which an error shows."""

    name: str
    """Unique within its error; names the sign in a calibration file."""
    measure: Measure
    joints: tuple[Joint, ...]
    """What must be in view, else the sign says nothing."""
    views: frozenset[View]
    """From where it can be judged."""
    threshold: float
    """In the measure's unit: an even chance of a fault."""
    softness: float
    """In the measure's unit: so far beyond the threshold the odds are e to 1."""
    source: str
    """Where threshold and softness come from."""
    baseline: Baseline = "none"
    sides: Literal["near", "both"] = "near"
    """Whether the better seen side is enough."""
    throughout: bool = False
    """Whether even the least value of the repetition must be beyond the threshold (a squat too shallow)."""
    hold: float = 0.5
    """The error lasts while the measure is beyond this share of its rise."""


# --- measures ------------------------------------------------------------------------------------------


def shank_lean(body: Body) -> Array:
    """Degrees by which the shank leans forward from vertical."""
    sides = body.sides(Joint.KNEE, Joint.ANKLE)
    shank = body.at(Joint.KNEE, sides) - body.at(Joint.ANKLE, sides)
    return from_vertical(shank[:, 0], shank[:, 2])


def knee_past_toe(body: Body) -> Array:
    """How far the knee is ahead of the toes, in shank lengths."""
    sides = body.sides(Joint.KNEE, Joint.ANKLE)
    knee = body.at(Joint.KNEE, sides)
    ahead = knee[:, 0] - body.at(Joint.TOE, sides)[:, 0]
    return np.asarray(ahead / _length(knee - body.at(Joint.ANKLE, sides)))


def knees_in(body: Body) -> Array:
    """How far the gap of the knees falls short of the middle of hip gap and ankle gap, in leg lengths.

    The frontal-plane projection angle as a length. It asks nothing of the stance, where the plain ratio of
    knee gap to ankle gap calls every wide stance a fault.
    """
    hips, knees, ankles = (body.both(joint) for joint in (Joint.HIP, Joint.KNEE, Joint.ANKLE))
    hip_gap, knee_gap, ankle_gap = (_gap(joint) for joint in (hips, knees, ankles))
    return np.asarray(((hip_gap + ankle_gap) / 2 - knee_gap) / _length((hips - ankles).mean(axis=1)))


def hips_above_knees(body: Body) -> Array:
    """Height of the hips over the knees, in thigh lengths: 1 standing, 0 with the thigh level."""
    sides = body.sides(Joint.HIP, Joint.KNEE)
    thigh = body.at(Joint.HIP, sides) - body.at(Joint.KNEE, sides)
    return np.asarray(thigh[:, 2] / _length(thigh))


def knee_bend(body: Body) -> Array:
    """Degrees by which the knee is bent: 0 for a straight leg."""
    sides = body.sides(Joint.KNEE, Joint.ANKLE)
    hip, knee, ankle = (body.at(joint, sides) for joint in (Joint.HIP, Joint.KNEE, Joint.ANKLE))
    return np.asarray(180.0 - angle(hip, knee, ankle))


def hip_drop(body: Body) -> Array:
    """How much lower than at full leg length the hips are over the ankles, in leg lengths."""
    sides = body.sides(Joint.KNEE, Joint.ANKLE)
    leg = body.at(Joint.HIP, sides) - body.at(Joint.ANKLE, sides)
    return np.asarray(1.0 - leg[:, 2] / _length(leg))


def forearm_back(body: Body) -> Array:
    """Degrees by which the forearm leans forward from vertical: positive with the elbow behind the wrist."""
    sides = body.sides(Joint.ELBOW, Joint.WRIST)
    forearm = body.at(Joint.WRIST, sides) - body.at(Joint.ELBOW, sides)
    return from_vertical(forearm[:, 0], forearm[:, 2])


def forearm_out(body: Body) -> Array:
    """Degrees by which the forearm that leans most, leans in or out in the frontal plane."""
    return np.asarray(np.abs(_forearms(body)).max(axis=1))


def forearms_uneven(body: Body) -> Array:
    """Degrees between the left forearm's lean outwards and the right one's."""
    lean = _forearms(body)
    return np.asarray(np.abs(lean[:, 0] - lean[:, 1]))


def trunk_rise(body: Body) -> Array:
    """Degrees of the trunk above the level: 0 bent over flat, 90 upright."""
    sides = body.sides(Joint.SHOULDER, Joint.HIP)
    trunk = body.at(Joint.SHOULDER, sides) - body.at(Joint.HIP, sides)
    return np.asarray(90.0 - from_vertical(trunk[:, 0], trunk[:, 2]))


def _length(segment: Array) -> float:
    """The length of a limb, from a track in which it may be foreshortened now and then: 90th percentile."""
    return (
        float(np.nanpercentile(np.linalg.norm(segment, axis=-1), 90)) if np.isfinite(segment).any() else 1.0
    )


def _gap(joint: Array) -> Array:
    """(T, 2, 3) -> (T,) left minus right, sideways."""
    return np.asarray(joint[:, 0, 1] - joint[:, 1, 1])


def _forearms(body: Body) -> Array:
    """(T, 2) degrees by which each forearm leans outwards, left and right."""
    forearm = body.both(Joint.WRIST) - body.both(Joint.ELBOW)
    return from_vertical(forearm[..., 1] * (1.0, -1.0), forearm[..., 2])


# --- signs of the vocabulary ---------------------------------------------------------------------------

_LEG = (Joint.HIP, Joint.KNEE, Joint.ANKLE)
_ARM = (Joint.SHOULDER, Joint.ELBOW, Joint.WRIST)

SHANK_LEAN = Sign(
    "shank_lean",
    shank_lean,
    (Joint.KNEE, Joint.ANKLE),
    SIDEWAYS,
    threshold=38.0,
    softness=2.0,
    source="35 to 40 degrees in coaching; five side views of sound squats reach 17 to 28, a fault 42",
)
KNEE_PAST_TOE = Sign(
    "knee_past_toe",
    knee_past_toe,
    (Joint.KNEE, Joint.ANKLE, Joint.TOE),
    SIDEWAYS,
    threshold=0.20,
    softness=0.04,
    source="0 to 0.1 shank lengths in coaching; sound squats reach 0.11, a fault 0.32",
)
KNEES_IN = Sign(
    "knees_in",
    knees_in,
    _LEG,
    HEAD_ON,
    threshold=0.08,
    softness=0.02,
    source="nine frontal squats drift inward by at most 0.03 leg lengths, one with knees inward by 0.16",
    baseline="standing",
    sides="both",
)
HIPS_HIGH = Sign(
    "hips_high",
    hips_above_knees,
    (Joint.HIP, Joint.KNEE),
    ANYWHERE,
    threshold=0.35,
    softness=0.05,
    source="a thigh 20 degrees short of level; quarter squats stay above 0.45, sound ones go below 0.22",
    throughout=True,
)
FOREARM_BACK = Sign(
    "forearm_back",
    forearm_back,
    _ARM,
    SIDEWAYS,
    threshold=35.0,
    softness=4.0,
    source="sound presses seen from the side reach 12 to 27 degrees with the pose model",
)
FOREARM_OUT = Sign(
    "forearm_out",
    forearm_out,
    _ARM,
    HEAD_ON,
    threshold=25.0,
    softness=3.0,
    source="sound presses seen from the front reach 15 degrees",
    sides="both",
)
FOREARMS_UNEVEN = Sign(
    "forearms_uneven",
    forearms_uneven,
    _ARM,
    HEAD_ON,
    threshold=20.0,
    softness=3.0,
    source="10 to 15 degrees in coaching, and the pose model's own 6",
    sides="both",
)
KNEE_BEND = Sign(
    "knee_bend",
    knee_bend,
    _LEG,
    SAGITTAL,
    threshold=15.0,
    softness=2.0,
    source="15 degrees beyond standing in coaching; sound presses stay within 9",
    baseline="least",
)
HIP_DROP = Sign(
    "hip_drop",
    hip_drop,
    _LEG,
    HEAD_ON,
    threshold=0.04,
    softness=0.008,
    source="3 to 5 % of the leg's length in coaching",
    baseline="least",
)
TRUNK_RISE = Sign(
    "trunk_rise",
    trunk_rise,
    (Joint.SHOULDER, Joint.HIP),
    SAGITTAL,
    threshold=15.0,
    softness=2.5,
    source="10 to 15 degrees in coaching",
    baseline="standing",
)
