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
"""Of these, those that need no depth for it."""
FROM_AHEAD = frozenset({View.SIDE, View.FRONT_OBLIQUE})
"""Of these, those in which the pose model's depth of a standing leg can be trusted to 8 degrees."""
HEAD_ON = frozenset({View.FRONT, View.REAR})
"""Views that show what moves left and right without help of depth."""
FROM_FRONT = frozenset({View.FRONT})
"""Of these, the one in which the body hides neither forearms nor feet."""
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


OUTWARD = np.array([1.0, -1.0])
"""Turns "to the lifter's left" into "away from the middle" for left and right."""
FOOT = 0.58
"""Heel to toe in shank lengths: 0.61 in Winter's proportions, 0.5 to 0.57 in the pose model's side views."""


# --- measures ------------------------------------------------------------------------------------------


def shank_lean(body: Body) -> Array:
    """Degrees by which the shank leans forward from vertical."""
    sides = body.sides(Joint.KNEE, Joint.ANKLE)
    shank = body.at(Joint.KNEE, sides) - body.at(Joint.ANKLE, sides)
    return from_vertical(shank[:, 0], shank[:, 2])


def knees_inside_feet(body: Body) -> Array:
    """Degrees by which the knees point further in than the feet, seen from above; mean of both legs.

    From the front both directions are read as a sideways share of a length that is known: of the foot, and
    of the knee's distance from the line between hip and ankle, which grows as the leg gets shorter. Told
    while the legs are bent. Against the ratio of knee gap to ankle gap it asks nothing of the stance, and
    it sees knees that come in from where wide feet would have them without ever touching.
    """
    hips, knees, ankles = (body.both(joint)[..., 1:] for joint in (Joint.HIP, Joint.KNEE, Joint.ANKLE))
    thigh, shank, leg = _length(knees - hips), _length(knees - ankles), ankles - hips
    length = np.linalg.norm(leg, axis=-1)
    along = np.clip((thigh**2 - shank**2 + length**2) / (2 * length), -thigh, thigh)
    bow = np.sqrt(thigh**2 - along**2)  # (T, 2)
    line = hips[..., 0] + leg[..., 0] * (along / length)
    bent = bow > 0.4 * thigh
    knee = _aslant((knees[..., 0] - line) * OUTWARD, np.where(bent, bow, np.nan))
    foot = (body.both(Joint.TOE) - body.both(Joint.HEEL))[..., 1] * OUTWARD
    return np.asarray((_aslant(np.nanmedian(foot, axis=0), FOOT * shank) - knee).mean(axis=1))


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


def forearms_out(body: Body) -> Array:
    """Degrees by which the forearms lean outwards, mean of both: a lifter who is turned a little cancels out.

    Told while the upper arms are about level or lower: on the way past the head every elbow flares.
    """
    forearm = body.both(Joint.ELBOW) - body.both(Joint.WRIST)
    lean = np.abs(from_vertical(forearm[..., 1] * OUTWARD, -forearm[..., 2]).mean(axis=1))
    raised = body.both(Joint.ELBOW)[..., 2] - body.both(Joint.SHOULDER)[..., 2]
    return np.asarray(np.where(raised.mean(axis=1) < 0.1, lean, np.nan))


def trunk_rise(body: Body) -> Array:
    """Degrees of the trunk above the level: 0 bent over flat, 90 upright."""
    sides = body.sides(Joint.SHOULDER, Joint.HIP)
    trunk = body.at(Joint.SHOULDER, sides) - body.at(Joint.HIP, sides)
    return np.asarray(90.0 - from_vertical(trunk[:, 0], trunk[:, 2]))


def _length(segment: Array) -> float:
    """The length of a limb over a track that foreshortens it now and then: its 90th percentile."""
    lengths = np.linalg.norm(segment, axis=-1)
    return float(np.nanpercentile(lengths, 90)) if np.isfinite(lengths).any() else float("nan")


def _aslant(sideways: Array, length: Array | float) -> Array:
    """Degrees from straight ahead at which something of `length` reaches so far `sideways`."""
    return np.asarray(np.degrees(np.arcsin(np.clip(sideways / length, -1.0, 1.0))))


# --- signs of the vocabulary ---------------------------------------------------------------------------

LEG = (Joint.KNEE, Joint.ANKLE)
ARM = (Joint.ELBOW, Joint.WRIST)

SHANK_LEAN = Sign(
    "shank_lean",
    shank_lean,
    LEG,
    SIDEWAYS,
    threshold=34.5,
    softness=1.5,
    source="35 to 40 degrees in coaching; five side views of sound squats reach 17 to 28, a fault 40",
    hold=0.45,
)
KNEES_IN = Sign(
    "knees_inside_feet",
    knees_inside_feet,
    (Joint.KNEE, Joint.ANKLE, Joint.TOE),
    HEAD_ON,
    threshold=14.0,
    softness=1.5,
    source="ten sound frontal squats stay below 4 degrees, one with knees inward reaches 13",
    sides="both",
    hold=0.3,
)
HIPS_HIGH = Sign(
    "hips_high",
    hips_above_knees,
    LEG,
    ANYWHERE,
    threshold=0.16,
    softness=0.03,
    source="a thigh 12 degrees short of level; quarter squats stay above 0.5, sound ones go to 0.15 or lower",
    throughout=True,
    hold=0.7,
)
FOREARMS_OUT = Sign(
    "forearms_out",
    forearms_out,
    ARM,
    FROM_FRONT,
    threshold=37.3,
    softness=2.0,
    source="synthetic sound presses reach 35, faults 39 and more; real ones with dumbbells 18",
    sides="both",
    hold=0.8,
)
KNEE_BEND = Sign(
    "knee_bend",
    knee_bend,
    LEG,
    FROM_AHEAD,
    threshold=13.0,
    softness=1.5,
    source="15 degrees beyond standing in coaching; sound presses stay within 8",
    baseline="least",
    hold=0.35,
)
HIP_DROP = Sign(
    "hip_drop",
    hip_drop,
    LEG,
    FROM_FRONT,
    threshold=0.030,
    softness=0.004,
    source="3 to 5 % of the leg's length in coaching; sound presses stay within 0.022",
    baseline="least",
    hold=0.3,
)
TRUNK_RISE = Sign(
    "trunk_rise",
    trunk_rise,
    (Joint.SHOULDER, Joint.HIP),
    SAGITTAL,
    threshold=14.5,
    softness=2.0,
    source="10 to 15 degrees in coaching; a sound row, whose shoulders are drawn back, reaches 12",
    baseline="least",
    hold=0.2,
)
