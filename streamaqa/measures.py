"""Measures of a body, one number for each pose, in which execution errors show; see `signs` for their use.

Each takes a `Body` and gives (T,), larger where more of the error shows, NaN where it cannot be told. Angles
are in degrees, the rest are ratios of the lifter's own lengths.
"""

from __future__ import annotations

import numpy as np

from streamaqa.body import Array, Body, Joint, angle, from_vertical, middle

OUTWARD = np.array([1.0, -1.0])
"""Turns "to the lifter's left" into "away from the middle" for left and right."""
BENT = 0.85
"""Share of the hips' height over the ankles when standing below which legs are bent."""
LONE = 0.3
"""Share of one hand's way below which the other does not press."""
FOOT = 0.58
"""Heel to toe in shank lengths: 0.61 in Winter's proportions, 0.5 to 0.57 in the pose model's side views."""


def shank_lean(body: Body) -> Array:
    """Degrees by which the shank leans forward from vertical."""
    sides = body.sides(Joint.KNEE, Joint.ANKLE)
    shank = body.at(Joint.KNEE, sides) - body.at(Joint.ANKLE, sides)
    return from_vertical(shank[:, 0], shank[:, 2])


def shank_overlean(body: Body) -> Array:
    """The shank's lean less what lifter and depth explain of it, degrees; NaN if never halfway down.

    How far the pose model draws the shank forward differs by 3 degrees from lifter to lifter and grows with
    the lean; the lifter's own lean halfway down tells how much. Halfway is where a full squat is halfway, by
    the hips' height over the ankles: of a shallow one it is near the bottom. Sooner it tells less: the pose
    model is slow to see the knees leave. A deeper squat leans further without a fault: by 1.2 degrees for a
    tenth of a leg, counted from a usual depth. And since the load stays over the feet, whose knees go too far
    need not bow any further: a fifth of what the trunk bows from halfway on is taken off.
    """
    sides = body.sides(Joint.KNEE, Joint.ANKLE)
    lean = shank_lean(body)
    trunk = body.at(Joint.SHOULDER, sides) - body.at(Joint.HIP, sides)
    bow = from_vertical(trunk[:, 0], trunk[:, 2])
    hips = (body.at(Joint.HIP, sides) - body.at(Joint.ANKLE, sides))[:, 2]
    if not np.isfinite(hips).any():
        return lean
    sunk = 1.0 - hips / max(float(np.nanpercentile(hips, 95)), 1e-6)
    depth = float(np.nanpercentile(sunk, 98))
    bows = float(np.nanmedian(bow[sunk > depth - 0.08])) - _halfway(bow, sunk)
    return np.asarray(lean - 0.7 * _halfway(lean, sunk) - 12.0 * (depth - 0.55) - 0.2 * bows)


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


def knees_nearer(body: Body) -> Array:
    """How much nearer the knees are to each other than hips and ankles are on average, hundredths of a leg.

    From behind the feet are half hidden, and of the knees it is the way left and right that is drawn best.
    Told while the legs are bent: of a lifter who stands the hips may be anywhere between the feet.
    """
    hips, knees, ankles = (body.both(joint)[..., 1:] for joint in (Joint.HIP, Joint.KNEE, Joint.ANKLE))
    apart = (hips - knees + ankles - knees)[..., 0] @ OUTWARD
    height = hips_height(body)
    stand = np.nanpercentile(height, 95) if np.isfinite(height).any() else np.nan
    return np.where(height < BENT * stand, 50.0 * apart / _length((hips - ankles).mean(axis=1)), np.nan)


def hips_above_feet(body: Body) -> Array:
    """Height of the hips over where a level thigh puts them, in thigh lengths: about 1 standing.

    Told from hips and ankles and a shank that leans by the usual 30 degrees, without the knees.
    """
    sides = body.sides(Joint.HIP, Joint.KNEE)
    hip, knee, ankle = (body.at(joint, sides) for joint in (Joint.HIP, Joint.KNEE, Joint.ANKLE))
    shank = _length(knee - ankle) * np.cos(np.radians(30.0))
    return np.asarray(((hip - ankle)[:, 2] - shank) / _length(hip - knee))


def hips_above_stand(body: Body) -> Array:
    """The same from what is left of the hips' height over the ankles when standing; NaN if they only stand.

    A level thigh leaves 0.44 of that height, and a leg is 1.7 thighs long. This needs neither thigh nor
    shank, which a camera ahead or behind foreshortens. But one that looks down from ahead draws hips that are
    sat back higher, and one behind draws them lower: by two thirds of what a foot on the floor falls or rises
    there from heel to toe.
    """
    hips, ankles, heels, toes = (
        middle(body.drawn[..., None], joint) for joint in (Joint.HIP, Joint.ANKLE, Joint.HEEL, Joint.TOE)
    )
    leg = _length(hips - ankles)
    left = (hips - ankles)[:, 0] / leg
    standing = left > 0.97
    if not standing.any() or not (left < 0.9).any():
        return np.full(len(left), np.nan)
    foot = float(np.median((toes - heels)[standing])) / leg
    return np.asarray(1.7 * (left + 0.67 * foot - 0.44))


def hips_above_level(body: Body) -> Array:
    """The same by both, four parts of what is left when standing and one of what thigh and shank say.

    The former has a lifter's proportions wrong, the latter how long the camera draws a limb; the errors have
    little to do with each other.
    """
    return np.asarray(0.8 * hips_above_stand(body) + 0.2 * hips_above_feet(body))


def hips_above_level_beside(body: Body) -> Array:
    """The same from the side, where limbs are drawn in full length: one part and four.

    By thigh and shank alone of a lifter who is not seen to stand.
    """
    return np.asarray(0.8 * hips_above_feet(body) + 0.2 * _hips_however_seen(body))


def hips_above_knees(body: Body) -> Array:
    """The same where knees can be trusted: the mean of `hips_above_stand` and the hips over the knees.

    Of a lifter who is not seen to stand, as in a still, `hips_above_feet` takes the former's place.
    """
    sides = body.sides(Joint.HIP, Joint.KNEE)
    thigh = body.at(Joint.HIP, sides) - body.at(Joint.KNEE, sides)
    return np.asarray(0.5 * (thigh[:, 2] / _length(thigh) + _hips_however_seen(body)))


def _hips_however_seen(body: Body) -> Array:
    """`hips_above_stand`, or `hips_above_feet` of a lifter who is not seen to stand."""
    stand = hips_above_stand(body)
    return stand if np.isfinite(stand).any() else hips_above_feet(body)


def knee_bend(body: Body) -> Array:
    """Degrees by which the knee is bent: 0 for a straight leg."""
    sides = body.sides(Joint.KNEE, Joint.ANKLE)
    hip, knee, ankle = (body.at(joint, sides) for joint in (Joint.HIP, Joint.KNEE, Joint.ANKLE))
    return np.asarray(180.0 - angle(hip, knee, ankle))


def legs_sink(body: Body) -> Array:
    """How far the lifter is down towards the feet, in leg lengths; from any height on.

    Bent knees lower the knees and all above them: hips, shoulders and head. Each is drawn about as well as
    the next, so the knees' way counts as much as the mean way of these. Taking off the feet's way halves what
    a moving camera does; all of it would add more of the feet's own trembling than it mends.
    """

    def height(*joints: Joint) -> Array:
        return np.asarray(np.mean([middle(body.drawn[..., None], joint)[:, 0] for joint in joints], axis=0))

    leg = _length((height(Joint.HIP) - height(Joint.ANKLE))[:, None])
    feet, above = height(Joint.ANKLE, Joint.TOE), height(Joint.HIP, Joint.SHOULDER, Joint.EAR)
    return np.asarray((feet - height(Joint.KNEE) - above) / leg)


def hands_height(body: Body) -> Array:
    """Height of the wrists over the shoulders, torso lengths."""
    return np.asarray((body.both(Joint.WRIST) - body.both(Joint.SHOULDER))[..., 2].mean(axis=1))


def hips_height(body: Body) -> Array:
    """Height of the hips over the ankles, torso lengths."""
    return np.asarray((body.both(Joint.HIP) - body.both(Joint.ANKLE))[..., 2].mean(axis=1))


def _forearms_lean(body: Body) -> Array:
    """(T, 2) degrees by which each forearm leans outwards, while the upper arms are about level or lower.

    Told where both hands go up: an arm that hangs or waits, while the other presses, does nothing wrong.
    """
    hands = (body.both(Joint.WRIST) - body.both(Joint.SHOULDER))[..., 2]
    if not np.isfinite(hands).any(axis=0).all():
        return np.full(hands.shape, np.nan)
    low, high = np.nanpercentile(hands, (5, 95), axis=0)
    ways = high - low
    if ways.min() < LONE * ways.max():
        return np.full(hands.shape, np.nan)
    forearm = body.both(Joint.ELBOW) - body.both(Joint.WRIST)
    lean = from_vertical(forearm[..., 1] * OUTWARD, -forearm[..., 2])
    raised = body.both(Joint.ELBOW)[..., 2] - body.both(Joint.SHOULDER)[..., 2]
    return np.where(raised.mean(axis=1, keepdims=True) < 0.1, lean, np.nan)


def forearms_out(body: Body) -> Array:
    """Degrees by which the forearms lean outwards, mean of both: a lifter who is turned a little cancels out.

    Told while the upper arms are about level or lower: on the way past the head every elbow flares.
    """
    return np.asarray(np.abs(_forearms_lean(body).mean(axis=1)))


def forearms_uneven(body: Body) -> Array:
    """Degrees by which one forearm leans farther outwards than the other; told as `forearms_out` is.

    One elbow that drifts is half as much in the mean of both.
    """
    left, right = _forearms_lean(body).T
    return np.asarray(np.abs(left - right))


def trunk_rise(body: Body) -> Array:
    """Degrees of the trunk above the level: 0 bent over flat, 90 upright.

    Shoulders are drawn back as the elbows rise, and the line from the hips to them turns though the trunk
    does not: by 12 to 24 degrees in calm rows of three real lifters, whose elbows rise by half a torso
    length. 36 degrees for a torso length are taken off.
    """
    return _above_level(body, Joint.SHOULDER, 36.0)


def head_rise(body: Body) -> Array:
    """The same of the line from the hips to the ears, of which 18 degrees are taken off: drawn-back shoulders
    take the head along a little. Fitted like the former, on four calm real rows and drawn ones.
    """
    return _above_level(body, Joint.EAR, 18.0)


def _above_level(body: Body, top: Joint, elbows_lift: float) -> Array:
    """Degrees above the level of the line from the hips, less so many for a torso length of elbow height."""
    sides = body.sides(*{Joint.SHOULDER, Joint.HIP, top})
    line = body.at(top, sides) - body.at(Joint.HIP, sides)
    elbows = (body.at(Joint.ELBOW, sides) - body.at(Joint.SHOULDER, sides))[:, 2]
    return np.asarray(90.0 - from_vertical(line[:, 0], line[:, 2]) - elbows_lift * elbows)


def _halfway(values: Array, sunk: Array) -> float:
    """The middle of (T,) `values` while the hips are halfway down, by (T,) shares that they have sunk."""
    there = values[(sunk > 0.25) & (sunk < 0.4)]
    if not len(there):
        there = _between(values, sunk, 0.325)
    return float(np.median(there)) if len(there) else float("nan")


def _between(values: Array, of: Array, level: float) -> Array:
    """(N,) the `values` where `of` crosses `level` between two poses, on straight lines; both are (T,)."""
    known = np.isfinite(values) & np.isfinite(of)
    values, above = values[known], of[known] - level
    crossed = np.flatnonzero(above[:-1] * above[1:] < 0)
    share = above[crossed] / (above[crossed] - above[crossed + 1])
    return np.asarray(values[crossed] + share * (values[crossed + 1] - values[crossed]))


def _length(segment: Array) -> float:
    """The length of a limb over a track that foreshortens it now and then: its 90th percentile."""
    lengths = np.linalg.norm(segment, axis=-1)
    return float(np.nanpercentile(lengths, 90)) if np.isfinite(lengths).any() else float("nan")


def _aslant(sideways: Array, length: Array | float) -> Array:
    """Degrees from straight ahead at which something of `length` reaches so far `sideways`."""
    return np.asarray(np.degrees(np.arcsin(np.clip(sideways / length, -1.0, 1.0))))
