"""Where one movement out and back is cut, read from the past with a smoother that has no lag.

Each phase has its own range, from its level at rest to the turn, so that a camera that pans during a
repetition, or a lifter who stops short, moves no boundary far. The end is read while the last of the way home
is still to come: somebody who is nearly where they began is on the way there.

Two readings are joined: where the smoothed signal crosses its levels, which is right for every movement, and
where a minimum-jerk curve through all of the repetition does, which noise and the pose model's moods move
less. The curve counts for half where it fits, and the less the worse it does; for the turn by as much as it
fits, and where the lifter was hidden as a level was crossed, it is all there is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from streamaqa.segmentation.filter import Array, smooth
from streamaqa.segmentation.minimum_jerk import Curve, fit, time_of
from streamaqa.segmentation.settings import PhaseSettings

GAP_S = 0.25
"""Longest time between two poses, seconds, across which a crossing is read by a straight line; over a longer
one it is taken from the fitted curve, for a line puts a squat's start early by half of the gap. From one pose
to the next at 10 a second with one lost are 0.2."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Where one movement out and back is cut, seconds; ranges in torso lengths."""

    start: float
    turn: float
    end: float
    hold_start: float
    hold_end: float
    first_range: float
    second_range: float
    rough: float = math.nan
    """What the curve through it leaves, RMS as a share of the range; NaN where none was asked."""


def between(one: Cut, other: Cut, weight: float, first: float = -math.inf, last: float = math.inf) -> Cut:
    """`one` with its times moved by `weight` towards those of `other`, but not out of what was seen."""

    def at(a: float, b: float) -> float:
        return min(max(a + weight * (b - a), first), last)

    return replace(
        one,
        start=at(one.start, other.start),
        turn=at(one.turn, other.turn),
        end=at(one.end, other.end),
        hold_start=at(one.hold_start, other.hold_start),
        hold_end=at(one.hold_end, other.hold_end),
    )


def _patched(cut: Cut, patch: Cut, crossed: Cut, t: Array) -> Cut:
    """`cut`, but by `patch` where `crossed` has a boundary in a gap in (T,) times, where nobody saw it."""

    def hidden(at: float) -> bool:
        after = int(np.searchsorted(t, at))
        return 0 < after < len(t) and bool(t[after] - t[after - 1] > GAP_S)

    turned = patch if hidden(crossed.hold_start) or hidden(crossed.hold_end) else cut
    return replace(
        cut,
        start=patch.start if hidden(crossed.start) else cut.start,
        turn=turned.turn,
        end=patch.end if hidden(crossed.end) else cut.end,
        hold_start=turned.hold_start,
        hold_end=turned.hold_end,
    )


def fitting(rough: float, settings: PhaseSettings) -> float:
    """How well a curve that leaves so much of a movement is a curve of it, 1 to 0."""
    return 1 / (1 + (rough / settings.curve_rms) ** 4)


def home_level(level: float, out: float, stood: float, settings: PhaseSettings) -> float:
    """Where a movement that went `out` from `level` ends if the lifter `stood` there just before it.

    Legs that dip to drive a press take the bar along: it begins below the shoulders, and comes back to them.
    """
    return stood if settings.boundary * out < stood - level < settings.underway * out else level


def read(
    t: Array, raw: Array, left: float, base: float, settings: PhaseSettings, stood: float = -math.inf
) -> Cut:
    """The boundaries in (T,) times and signal, which rises to the turn.

    `left` is when the movement was noticed, `base` the level at rest that was believed in then, `stood` the
    one before a dip, if it is known.
    """
    cut = _read(t, raw, left, base, settings, settings.smooth_s, stood)
    spread = settings.smooth_share * (cut.end - cut.start)
    if spread > settings.smooth_s:
        cut = _read(t, raw, left, base, settings, spread, stood)
    returned = cut.second_range >= settings.returned * cut.first_range > 0
    return _join(cut, t, raw, settings) if returned and settings.curve > 0 else cut


def _read(
    t: Array, raw: Array, left: float, base: float, settings: PhaseSettings, spread: float, stood: float
) -> Cut:
    x = smooth(t, raw, spread)
    share = settings.boundary
    noticed = min(int(np.searchsorted(t, left)), len(t) - 1)
    top = noticed + int(np.argmax(x[noticed:]))
    level = max(base, float(x[: noticed + 1].min()))
    level = _rest(t[: top + 1], x[: top + 1], level, settings)
    out, end_level = float(x[top]) - level, float(x[top:].min())
    if 0 < end_level - level < settings.underway * out:
        end_level = min(end_level, home_level(level, out, stood, settings))
    back = float(x[top]) - end_level
    first, second = _behind(out, settings), _behind(back, settings)
    # of a movement that has only just turned the way back is taken to be as long as the way there
    way = back if back >= settings.returned * out else out
    start = _last_crossing(t[: top + 1], x[: top + 1], level + share * out - first)
    hold_start = _last_crossing(t[: top + 1], x[: top + 1], x[top] - share * out - first)
    hold_end = _first_crossing(t[top:], x[top:], x[top] - share * way + _behind(way, settings))
    end = _first_crossing(t[top:], x[top:], end_level + share * back + second)
    return Cut(start, (hold_start + hold_end) / 2, end, hold_start, hold_end, out, back)


def _behind(travel: float, settings: PhaseSettings) -> float:
    """How far the landmarks are taken to trail behind a movement of that range."""
    return min(settings.trail, 0.5 * settings.boundary * travel)


def _join(cut: Cut, t: Array, raw: Array, settings: PhaseSettings) -> Cut:
    """The cut moved towards the one of the curve that fits best, by as much as that fits."""
    share, travel = time_of(settings.boundary), 1 - 2 * time_of(settings.boundary)
    first = max(cut.hold_start - cut.start, settings.smooth_s) / travel
    second = max(cut.end - cut.hold_end, settings.smooth_s) / travel
    begins = cut.start - share * first
    leaves = max(cut.hold_end - share * second, begins + first)
    seen = t >= begins - settings.still_s
    still = raw[seen & (t <= cut.start)]
    level = float(np.median(still)) if len(still) else float(raw[0])
    guess = Curve(level, cut.first_range, cut.second_range, begins, first, leaves, second)
    curve, rms = fit(t[seen], raw[seen], guess)
    fitted, fits = _cut_of(curve, settings), fitting(rms, settings)
    joined, guessed = (
        between(cut, fitted, weight, float(t[0]), float(t[-1])) for weight in (settings.curve * fits, fits)
    )
    # the hold is in the middle between its levels' crossings only if both phases are as slow
    turn = min(max(guessed.turn, joined.hold_start), joined.hold_end)
    return _patched(replace(joined, turn=turn, rough=rms), guessed, cut, t)


def _cut_of(curve: Curve, settings: PhaseSettings) -> Cut:
    """Where a curve that trails behind the movement says that it crossed its levels."""
    share = settings.boundary
    first = _behind(curve.out, settings) / max(curve.out, 1e-9)
    second = _behind(curve.back, settings) / max(curve.back, 1e-9)
    start = curve.begins + time_of(share - first) * curve.first
    hold_start = curve.begins + time_of(1 - share - first) * curve.first
    hold_end = curve.leaves + time_of(share - second) * curve.second
    end = curve.leaves + time_of(1 - share - second) * curve.second
    early = (time_of(1 - share) - time_of(1 - share - first)) * curve.first
    early += (time_of(share) - time_of(share - second)) * curve.second
    return Cut(start, curve.turn - early / 2, end, hold_start, hold_end, curve.out, curve.back)


def _rest(t: Array, x: Array, level: float, settings: PhaseSettings) -> float:
    """The lowest level of the last moments before the signal, which ends at the turn, left `level`."""
    begun = _last_crossing(t, x, level + settings.boundary * (x[-1] - level))
    near = (t >= begun - settings.still_s) & (t <= begun)
    return min(level, float(x[near].min())) if near.any() else level


def _last_crossing(t: Array, x: Array, level: float) -> float:
    """The last time x rises through `level`; the first time there is if it never was below."""
    below = np.flatnonzero(x <= level)
    if not len(below) or below[-1] == len(x) - 1:
        return float(t[0] if not len(below) else t[-1])
    i = below[-1]
    return float(t[i] + (t[i + 1] - t[i]) * (level - x[i]) / (x[i + 1] - x[i]))


def _first_crossing(t: Array, x: Array, level: float) -> float:
    """The first time x falls through `level`; the last time there is if it never does."""
    below = np.flatnonzero(x <= level)
    if not len(below) or below[0] == 0:
        return float(t[-1] if not len(below) else t[0])
    i = below[0]
    return float(t[i - 1] + (t[i] - t[i - 1]) * (x[i - 1] - level) / (x[i - 1] - x[i]))
