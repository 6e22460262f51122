"""The height of the load as followed in the picture: points put together that came along.

Around the hands some points sit on bar, plates and hands, others on the wall behind or on the thighs. While
a lifter rests nobody can tell them apart; once the movement is there, those that went farthest were on the
load. They are chosen anew in each of four parts of the repetition, since points are lost and begin again, and
in the one that begins at rest by what they did in all of it. A few of those were picked up on the way, or are
left behind before its end: they had hardly moved when the load had begun to.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from statistics import median
from typing import Final, TypeAlias

import numpy as np

from streamaqa.motion import Followed, Posture
from streamaqa.segmentation import boundaries
from streamaqa.segmentation.boundaries import Cut
from streamaqa.segmentation.filter import Array, smooth
from streamaqa.segmentation.minimum_jerk import minimum_jerk
from streamaqa.segmentation.settings import PhaseSettings
from streamaqa.types import LOAD_POINTS

Chosen: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
"""(points,) which of them are meant."""
POINTS: Final = {"load": slice(None, LOAD_POINTS), "hips": slice(LOAD_POINTS, None)}
_FAR: Final = {"load": 92.0, "hips": 60.0}
"""Percentile of the points' ways that is taken for the load's: a few are torn along by something else. Most
about the hands are on what stands still; those about the hips are on the lifter, whose back goes farther."""
_NEAR: Final = ((0.9, 1.12), (0.75, 1.3))
"""Shares of that way within which a point came along; where too few did, the wider ones."""
_LEAST: Final = 3
"""Points that have to agree."""
_SLOW: Final = (75.0, 0.75)
"""Percentile of the ways at the slow end of a part, and the share of that below which a point was not yet, or
is no more, on the load: at a neck they have not moved at all when the bar has done 5 %."""
_QUARTER: Final = 0.4
"""Share of the time between the crossings of 5 and 95 % at which 40 % of a smooth way are done."""
_REST: Final = 0.2
"""Share of a phase before its start at which the lifter was still at rest: a smooth one has begun by 0.19."""
_BEFORE: Final = 0.3
"""Share of a first phase before its start in which the load was at rest for a moment ..."""
_BEFORE_S: Final = 0.8
"""... and seconds, where that is longer."""
_FEW: Final = 6
"""Poses since the turn of which no speed is told."""
_MOST_LOST: Final = 0.1
"""Share of the pictures since the turn in which points may have been lost for the others to be believed."""
_SPEED_S: Final = 0.05
"""Spread of the smoother that speeds are read from."""
_ALIKE: Final = (0.4, 2.5)
"""Times the landmarks' way that the way followed may be: otherwise something else was followed."""


class FollowedLoad:
    """What the picture tells one exercise's phase machine: nothing where `which` is None.

    `sign` is 1 if the first phase lifts, -1 if it lowers.
    """

    def __init__(self, which: Followed | None, sign: float, settings: PhaseSettings) -> None:
        self._which, self._sign, self._settings = which, sign, settings
        self._rough = settings.model_copy(update={"trail": 0.0, "smooth_share": 0.0, "curve": 0.0})
        fine = {"smooth_share": settings.followed_share, "curve": settings.followed_curve}
        self._fine = self._rough.model_copy(update=fine)

    def cut(self, postures: Sequence[Posture], left: float, cut: Cut) -> Cut | None:
        """The boundaries of a movement that was noticed at `left` and that landmarks `cut` so.

        None if nothing was followed, or something else.
        """
        if (which := self._which) is None or (points := risen(postures, which)) is None:
            return None
        times = np.array([posture.time for posture in postures])
        ruler = _ruler(postures)
        seen = cut
        for settings in (self._rough, self._fine):  # the first one says where the turn is
            pixels = height(times, points, which, self._sign, seen, cut)
            if pixels is None:
                return None
            seen = read(times, pixels / ruler, left, cut, settings)
            if min(seen.first_range, seen.second_range) <= 0:
                return None
        return seen if alike(seen, cut) else None

    def still_out(
        self,
        begun: Posture,
        back: Sequence[Posture],
        *,
        went: float,
        came: float,
        waited: float,
        lowest: float,
    ) -> bool:
        """Whether the load is not back yet: it still comes, or was seen to go and not to come.

        Args:
            begun: before the movement.
            back: from the landmarks' turn on.
            went: torso lengths of the way out, by the landmarks.
            came: of the way back.
            waited: seconds for which the landmarks have been at rest.
            lowest: when the landmarks were farthest back, seconds. A load that goes out anew since has been
                home: the picture lost it on its way.
        """
        s = self._settings
        if (which := self._which) is None or len(back) < _FEW:
            return False
        points = risen([begun, *back], which)
        if points is None:
            return False
        times = np.array([posture.time for posture in back])
        if waited <= s.late_s and speed_left(times, points[1:], which, self._sign) > s.moving:
            return True
        lost = [posture.sight.lost for posture in (back[0], back[-1]) if posture.sight is not None]
        if lost[1] - lost[0] > _MOST_LOST * len(back):
            return False  # not seen to come, but not seen to stay away either
        ruler = _ruler(back)
        out = travel(points[1] - points[0], which, self._sign) / ruler
        home = travel(points[-1] - points[1], which, -self._sign) / ruler
        there = points[1 + min(int(np.searchsorted(times, lowest)), len(times) - 1)]
        anew = travel(points[-1] - there, which, self._sign) / ruler
        return out > s.seen * went and home < s.unseen * came and anew <= s.seen * went


def _ruler(postures: Sequence[Posture]) -> float:
    """Pixels of a torso length."""
    return median(posture.sight.ruler for posture in postures if posture.sight is not None)


def risen(postures: Sequence[Posture], which: Followed) -> Array | None:
    """(T, points) pixels that points have gone up; None where they were not followed without a break."""
    seen = [posture.sight for posture in postures]
    if not seen or seen[0] is None:
        return None
    since = seen[0].since
    rows = [s.risen for s in seen if s is not None and s.risen is not None and s.since == since]
    return np.stack(rows)[:, POINTS[which]] if len(rows) == len(seen) else None


def height(
    times: Array, points: Array, which: Followed, sign: float, cut: Cut, landmarks: Cut
) -> Array | None:
    """(T,) pixels that the load went the way that a first phase goes, as `cut` says roughly when.

    Args:
        times: (T,) seconds.
        points: (T, points) as `risen` gives them.
        which: what they are about.
        sign: 1 if the first phase lifts, -1 if it lowers.
        cut: of the same movement, as it was read last.
        landmarks: as it was read from the landmarks. A start that was read too early from these points would
            choose those that drift.

    None where too few points agree.
    """
    begun = cut.start - _REST * (cut.turn - cut.start)
    out = cut.start + _QUARTER * (cut.hold_start - cut.start)
    back = cut.end - _QUARTER * (cut.end - cut.hold_end)
    marks = [int(np.searchsorted(times, t)) for t in (begun, out, cut.turn, back)]
    marks = [min(mark, len(times) - 1) for mark in (*marks, len(times))]
    steps = np.diff(points, axis=0, prepend=points[:1])
    total = np.zeros(len(times))
    roamed = _came_along(points.max(axis=0) - points.min(axis=0), which)
    if roamed.sum() < _LEAST:
        return None
    slow = {0: landmarks.start, len(marks) - 2: landmarks.end} if which == "load" else {}
    for part, (first, last) in enumerate(itertools.pairwise(marks)):
        if last <= first:
            continue
        came = _came_along((sign if part < 2 else -sign) * (points[last] - points[first]), which)
        if came.sum() < _LEAST:
            came = roamed
        if part in slow:
            at = int(np.clip(np.searchsorted(times, slow[part]), first, last))
            came = _all_the_way(came, sign * (points[at] - points[first if part == 0 else last]))
        begin = 0 if part == 0 else first + 1
        total[begin : last + 1] = steps[begin : last + 1, came].mean(axis=1)
    return np.asarray(sign * np.cumsum(total))


def read(times: Array, way: Array, left: float, cut: Cut, settings: PhaseSettings) -> Cut:
    """The boundaries in (T,) `way`, torso lengths as `height` gives them.

    Where the landmarks say that the lifter came back to where they began, the way back is as long as the way
    there: points drift by some hundredths of it.
    """
    noticed = min(int(np.searchsorted(times, left)), len(times) - 1)
    top = noticed + int(np.argmax(way[noticed:]))
    smoothed = smooth(times, way, _SPEED_S)
    rest = _rest_before(times, smoothed, cut)
    out, back = way[top] - rest, way[top] - way[top:].min()
    home = abs(cut.first_range - cut.second_range) < settings.underway * cut.first_range
    if home and 0 < 0.5 * out < back:
        speed = -np.gradient(smoothed, times)
        left_over = _to_come(float(speed[-1] / max(speed[top:].max(), 1e-9)))
        way = np.concatenate([way[:top], way[top] - (way[top] - way[top:]) * (out / back) * (1 - left_over)])
    return boundaries.read(times, way, left, rest, settings)


def _rest_before(times: Array, smoothed: Array, cut: Cut) -> float:
    """The level that the load left: where it moved least just before the landmarks say that it did.

    Not the lowest level: before a set the load comes up to the shoulders, and that is no part of a press.
    """
    span = max(_BEFORE * (cut.turn - cut.start), _BEFORE_S)
    near = np.flatnonzero((times >= cut.start - span) & (times <= cut.start))
    if len(near) < 2:
        return float(smoothed[times <= max(cut.start, times[0])].min())
    speed = np.abs(np.gradient(smoothed, times))
    return float(smoothed[near[int(np.argmin(speed[near]))]])


def travel(moved: Array, which: Followed, sign: float) -> float:
    """Pixels that the load went in the direction of `sign`, by (points,) pixels that points went up."""
    return float(np.percentile(sign * moved, _FAR[which]))


def _came_along(went: Array, which: Followed) -> Chosen:
    """Which points went the way that the load went."""
    far = float(np.percentile(went, _FAR[which]))
    came = np.zeros(len(went), bool)
    for low, high in _NEAR:
        came = (went >= low * far) & (went <= high * far) & (far > 0)
        if came.sum() >= _LEAST:
            break
    return came


def _all_the_way(came: Chosen, went: Array) -> Chosen:
    """Those of the points that `came` along that did so at the slow end too, (points,): each `went` so far.

    The others were at rest until the load picked them up, or are where it left them.
    """
    percentile, share = _SLOW
    far = float(np.percentile(went[came], percentile)) if came.any() else 0.0
    kept = came & (went >= share * far)
    return kept if far > 0 and kept.any() else came


def _to_come(speed: float) -> float:
    """Share of its way that a minimum-jerk movement has before it, at that share of its fastest speed."""
    share = 0.5 + math.sqrt(max(0.25 - math.sqrt(min(max(speed, 0.0), 1.0)) / 4, 0.0))
    return 1.0 - float(minimum_jerk(np.array(share)))


def speed_left(times: Array, points: Array, which: Followed, sign: float) -> float:
    """How fast the load comes back at the end of (T,) `times`, which begin at the turn, over its fastest."""
    came = _came_along(-sign * (points[-1] - points[0]), which)
    if came.sum() < _LEAST:
        return 0.0
    speed = np.gradient(smooth(times, -sign * points[:, came].mean(axis=1), _SPEED_S), times)
    return float(speed[-1] / max(speed.max(), 1e-9))


def alike(one: Cut, other: Cut) -> bool:
    """Whether two cuts are of one movement, by its way out and back."""
    low, high = _ALIKE
    ways = ((one.first_range, other.first_range), (one.second_range, other.second_range))
    return all(low * b <= a <= high * b for a, b in ways)
