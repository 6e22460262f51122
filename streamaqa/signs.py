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

from streamaqa.body import Array, Body, Joint, View, angle, from_vertical, middle

Measure: TypeAlias = Callable[[Body], Array]
"""One number for each pose of a body, (T,), that grows with the error; NaN where it cannot be told."""

Baseline: TypeAlias = Literal["none", "standing", "least", "way_back", "way_there"]
"""What a measure is counted from: zero, its median as the repetition starts, its least value around it, or
what it is at the same height in the other phase: the first phase against the way back, the second against the
way there. The last two take out what the pose model adds to a posture, whoever takes it."""

SAGITTAL = frozenset({View.SIDE, View.FRONT_OBLIQUE, View.REAR_OBLIQUE})
"""Views that show what moves forward and back."""
SIDEWAYS = frozenset({View.SIDE})
"""Of these, those that need no depth for it."""
FROM_AHEAD = frozenset({View.SIDE, View.FRONT_OBLIQUE})
"""Of these, those in which the pose model's depth of a standing leg can be trusted to 8 degrees."""
FROM_FRONT = frozenset({View.FRONT})
"""The view that shows what moves left and right, and hides neither forearms nor feet."""
FROM_BEHIND = frozenset({View.REAR})
"""The view that shows the knees' way left and right, with the feet half hidden."""
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
    height: Measure | None = None
    """For `way_back` and `way_there`: how high the load is, in any unit."""
    share: float = 1.0
    """For these: how much of the other phase's value is taken off. Below 1 an error in both still counts."""
    sides: Literal["near", "both"] = "near"
    """Whether the better seen side is enough."""
    throughout: bool = False
    """Whether even the least value of the repetition must be beyond the threshold (a squat too shallow)."""
    facing: tuple[float, float] = (0.0, 180.0)
    """Degrees from facing the camera, to either side, where only a part of `views` will do."""
    lasting: float = 0.0
    """Share of the repetition for which its level must be held, where that is longer than a moment."""
    hold: float = 0.5
    """The error lasts while the measure is beyond this share of its rise."""

    def __post_init__(self) -> None:
        """Raise ValueError where a height is missing, or would count for nothing."""
        if (self.height is not None) != (self.baseline in ("way_back", "way_there")):
            raise ValueError(f"sign {self.name}: a height belongs to the baselines way_back and way_there")

    def shown_from(self, yaw: float) -> bool:
        """Whether a lifter who is turned so, see `body.yaw`, shows it. Nothing is shown at NaN."""
        return View.of(yaw) in self.views and self.facing[0] <= abs(yaw) <= self.facing[1]


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


def shank_overlean(body: Body) -> Array:
    """The shank's lean less most of what it is halfway down, degrees; NaN if the hips never are there.

    How far the pose model draws the shank forward differs by 3 degrees from lifter to lifter and grows with
    the lean; the lifter's own lean halfway down tells how much. Halfway is where a full squat is halfway, by
    the hips' height over the ankles: of a shallow one it is near the bottom.
    """
    sides = body.sides(Joint.KNEE, Joint.ANKLE)
    lean = shank_lean(body)
    hips = (body.at(Joint.HIP, sides) - body.at(Joint.ANKLE, sides))[:, 2]
    if not np.isfinite(hips).any():
        return lean
    sunk = 1.0 - hips / max(float(np.nanpercentile(hips, 95)), 1e-6)
    halfway = lean[(sunk > 0.2) & (sunk < 0.35)]
    return lean - 0.7 * (float(np.median(halfway)) if len(halfway) else float("nan"))


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


def hips_above_feet(body: Body) -> Array:
    """Height of the hips over where a level thigh puts them, in thigh lengths: about 1 standing.

    Told from hips and ankles and a shank that leans by the usual 30 degrees. Where the knees come towards
    the camera they are nearer to it than the hips by a thigh, and a camera that looks down by 8 degrees draws
    them a seventh of a thigh lower; hips and ankles are about as far.
    """
    sides = body.sides(Joint.HIP, Joint.KNEE)
    hip, knee, ankle = (body.at(joint, sides) for joint in (Joint.HIP, Joint.KNEE, Joint.ANKLE))
    shank = _length(knee - ankle) * np.cos(np.radians(30.0))
    return np.asarray(((hip - ankle)[:, 2] - shank) / _length(hip - knee))


def hips_above_knees(body: Body) -> Array:
    """The same where the knees can be trusted: the mean of that and of the hips' height over the knees."""
    sides = body.sides(Joint.HIP, Joint.KNEE)
    thigh = body.at(Joint.HIP, sides) - body.at(Joint.KNEE, sides)
    return np.asarray(0.5 * (thigh[:, 2] / _length(thigh) + hips_above_feet(body)))


def hips_above_stand(body: Body) -> Array:
    """The same where they cannot: the mean of that and of what is left of the hips' height when standing.

    The latter needs neither thigh nor shank, as drawn: a level thigh leaves two fifths of the height over the
    ankles, and a leg is two thighs long. A camera ahead looks down on hips that are sat back, and draws them
    higher than one behind does: by a tenth of a thigh between the two.
    """
    up = middle(body.drawn[..., None], Joint.HIP) - middle(body.drawn[..., None], Joint.ANKLE)
    left = 2.0 * (up[:, 0] / _length(up) - 0.4)
    return np.asarray(0.5 * (hips_above_feet(body) + left) - 0.05 * np.cos(np.radians(body.yaw)))


def knee_bend(body: Body) -> Array:
    """Degrees by which the knee is bent: 0 for a straight leg."""
    sides = body.sides(Joint.KNEE, Joint.ANKLE)
    hip, knee, ankle = (body.at(joint, sides) for joint in (Joint.HIP, Joint.KNEE, Joint.ANKLE))
    return np.asarray(180.0 - angle(hip, knee, ankle))


def legs_sink(body: Body) -> Array:
    """How far knees, hips and shoulders are down towards the ankles, in leg lengths; from any height on.

    Bent knees lower all three. Seen from the front the pose model has the knees' height best: they count
    twice as much as hips and shoulders together, which the bar and the arms pull about.
    """
    ankle, knee, hip, shoulder = (
        body.both(joint)[..., 2].mean(axis=1)
        for joint in (Joint.ANKLE, Joint.KNEE, Joint.HIP, Joint.SHOULDER)
    )
    leg = (body.both(Joint.HIP) - body.both(Joint.ANKLE)).mean(axis=1)
    return np.asarray((1.5 * ankle - knee - 0.25 * (hip + shoulder)) / _length(leg))


def hands_height(body: Body) -> Array:
    """Height of the wrists over the shoulders, torso lengths."""
    return np.asarray((body.both(Joint.WRIST) - body.both(Joint.SHOULDER))[..., 2].mean(axis=1))


def hips_height(body: Body) -> Array:
    """Height of the hips over the ankles, torso lengths."""
    return np.asarray((body.both(Joint.HIP) - body.both(Joint.ANKLE))[..., 2].mean(axis=1))


def forearms_out(body: Body) -> Array:
    """Degrees by which the forearms lean outwards, mean of both: a lifter who is turned a little cancels out.

    Told while the upper arms are about level or lower: on the way past the head every elbow flares.
    """
    forearm = body.both(Joint.ELBOW) - body.both(Joint.WRIST)
    lean = np.abs(from_vertical(forearm[..., 1] * OUTWARD, -forearm[..., 2]).mean(axis=1))
    raised = body.both(Joint.ELBOW)[..., 2] - body.both(Joint.SHOULDER)[..., 2]
    return np.asarray(np.where(raised.mean(axis=1) < 0.1, lean, np.nan))


def trunk_rise(body: Body) -> Array:
    """Degrees of the trunk above the level: 0 bent over flat, 90 upright.

    Shoulders are drawn back as the elbows rise, and the line from the hips to them turns though the trunk
    does not: 3 degrees for a torso length. More would tell drawn rows apart better, and real swings worse.
    """
    sides = body.sides(Joint.SHOULDER, Joint.HIP)
    trunk = body.at(Joint.SHOULDER, sides) - body.at(Joint.HIP, sides)
    elbows = (body.at(Joint.ELBOW, sides) - body.at(Joint.SHOULDER, sides))[:, 2]
    return np.asarray(90.0 - from_vertical(trunk[:, 0], trunk[:, 2]) - 3.0 * elbows)


def _length(segment: Array) -> float:
    """The length of a limb over a track that foreshortens it now and then: its 90th percentile."""
    lengths = np.linalg.norm(segment, axis=-1)
    return float(np.nanpercentile(lengths, 90)) if np.isfinite(lengths).any() else float("nan")


def _aslant(sideways: Array, length: Array | float) -> Array:
    """Degrees from straight ahead at which something of `length` reaches so far `sideways`."""
    return np.asarray(np.degrees(np.arcsin(np.clip(sideways / length, -1.0, 1.0))))


# --- signs of the vocabulary ---------------------------------------------------------------------------
#
# Thresholds and softness: from what the pose model sees of drawn lifters (`bench.faults`, seeds 0 to 149,
# 1000 to 1059, 2000 to 2059 and 3000 to 3041, 1530 repetitions), in the upper half of the range in which F1
# is within 0.02 of its best, since lifters who were not there come closer than those who were: 6 of their 765
# clean repetitions are named. Moved where real recordings say otherwise. No substitute for labels.

LEG = (Joint.KNEE, Joint.ANKLE)
ARM = (Joint.ELBOW, Joint.WRIST)

SHANK_LEAN = Sign(
    "shank_lean",
    shank_overlean,
    LEG,
    SIDEWAYS,
    threshold=19.8,
    softness=1.1,
    source="35 to 40 degrees from vertical in coaching, less most of what it is halfway; sound drawn squats "
    "reach 19.6, one of 146 more, as do seven of eight faults; real sound ones 11, a real fault 24",
    facing=(66.0, 114.0),
    lasting=0.2,
    hold=0.6,
)
KNEES_IN = Sign(
    "knees_inside_feet",
    knees_inside_feet,
    (Joint.KNEE, Joint.ANKLE, Joint.TOE),
    FROM_FRONT,
    threshold=8.5,
    softness=0.8,
    source="sound drawn squats reach 8, one 8.8, nearly all faults 11; a real fault 8.8, nine sound ones "
    "stay below 4",
    baseline="way_there",
    height=hips_height,
    share=0.6,
    sides="both",
    hold=0.3,
)
KNEES_IN_BEHIND = Sign(
    "knees_inside_feet_behind",
    knees_inside_feet,
    (Joint.KNEE, Joint.ANKLE, Joint.TOE),
    FROM_BEHIND,
    threshold=6.4,
    softness=0.6,
    source="from behind the model draws knees less far in: sound ones reach 5, one 6.4, faults 6.5",
    baseline="way_there",
    height=hips_height,
    share=0.5,
    sides="both",
    hold=0.3,
)
HIPS_HIGH = Sign(
    "hips_high",
    hips_above_knees,
    LEG,
    SIDEWAYS,
    threshold=0.2,
    softness=0.02,
    source="sound drawn squats reach 0.17, one of 164 more, real ones 0.05; nine of ten drawn faults 0.2, of "
    "four real ones one 0.21, the others more",
    throughout=True,
    hold=0.7,
)
HIPS_HIGH_ASKEW = Sign(
    "hips_high_askew",
    hips_above_stand,
    LEG,
    ANYWHERE - SIDEWAYS,
    threshold=0.165,
    softness=0.02,
    source="sound drawn squats reach 0.15, two of 225 more; nine of ten drawn faults 0.17",
    throughout=True,
    hold=0.7,
)
FOREARMS_OUT = Sign(
    "forearms_out",
    forearms_out,
    ARM,
    FROM_FRONT,
    threshold=32.1,
    softness=0.6,
    source="sound drawn presses reach 31.9, nine of ten faults 32.7; real ones with dumbbells 16",
    sides="both",
    hold=0.8,
)
KNEE_BEND = Sign(
    "knee_bend",
    knee_bend,
    LEG,
    FROM_AHEAD,
    threshold=8.0,
    softness=1.0,
    source="15 degrees in coaching, of which the model shows two thirds; sound drawn presses reach 7.2, "
    "nearly all faults 8.5",
    baseline="way_back",
    height=hands_height,
    hold=0.35,
)
LEGS_SINK = Sign(
    "legs_sink",
    legs_sink,
    LEG,
    FROM_FRONT,
    threshold=0.02,
    softness=0.0017,
    source="sound drawn presses reach 0.0194, nine of ten faults 0.0211",
    baseline="way_back",
    height=hands_height,
    sides="both",
    hold=0.3,
)
TRUNK_RISE = Sign(
    "trunk_rise",
    trunk_rise,
    (Joint.SHOULDER, Joint.HIP),
    SAGITTAL,
    threshold=14.4,
    softness=1.3,
    source="10 to 15 degrees in coaching; sound drawn rows reach 14.1, one of 119 more, a real one 10; "
    "nearly all drawn faults 14.4, and of four real ones three 14.5",
    baseline="least",
    facing=(45.0, 150.0),
    lasting=0.15,
    hold=0.2,
)
