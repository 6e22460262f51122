"""Where one movement out and back is cut, read from the past with a smoother that has no lag.

Each phase has its own range, from its level at rest to the turn, so that a camera that pans during a
repetition, or a lifter who stops short, moves no boundary far. The end is read while the last of the way home
is still to come: somebody who is nearly where they began is on the way there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamaqa.segmentation.filter import Array, smooth
from streamaqa.segmentation.settings import PhaseSettings


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


def read(t: Array, raw: Array, left: float, base: float, settings: PhaseSettings) -> Cut:
    """The boundaries in (T,) times and signal, which rises to the turn.

    `left` is when the movement was noticed, `base` the level at rest that was believed in then.
    """
    rough = _read(t, raw, left, base, settings, settings.smooth_s)
    spread = settings.smooth_share * (rough.end - rough.start)
    return rough if spread <= settings.smooth_s else _read(t, raw, left, base, settings, spread)


def _read(t: Array, raw: Array, left: float, base: float, settings: PhaseSettings, spread: float) -> Cut:
    x = smooth(t, raw, spread)
    share = settings.boundary
    noticed = min(int(np.searchsorted(t, left)), len(t) - 1)
    top = noticed + int(np.argmax(x[noticed:]))
    level = max(base, float(x[: noticed + 1].min()))
    level = _rest(t[: top + 1], x[: top + 1], level, settings)
    out, end_level = float(x[top]) - level, float(x[top:].min())
    if 0 < end_level - level < settings.underway * out:
        end_level = level
    back = float(x[top]) - end_level
    start = _last_crossing(t[: top + 1], x[: top + 1], level + share * out)
    hold_start = _last_crossing(t[: top + 1], x[: top + 1], x[top] - share * out)
    hold_end = _first_crossing(t[top:], x[top:], x[top] - share * back)
    end = _first_crossing(t[top:], x[top:], end_level + share * back)
    return Cut(start, (hold_start + hold_end) / 2, end, hold_start, hold_end, out, back)


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
