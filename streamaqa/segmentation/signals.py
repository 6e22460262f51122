"""From poses to `Posture`: torso lengths in place of pixels, both sides joined, heights that point up.

The torso in the picture shrinks as the trunk leans towards the camera, so its length there is no ruler. The
ruler is the picture's pixels per metre (spread of the landmarks in the picture over their spread in the world
coordinates) times the torso's length in metres, which no view changes. It is the mean of what was seen so far
and then moves slowly: postures bend both readings a little, and must not bend the ruler.

Heights are summed up from the shoulders' steps from pose to pose: a scale that drifts while the lifter stands
at the top or the bottom of the picture then moves nothing.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from streamaqa.motion import Posture, Sight
from streamaqa.segmentation.filter import ema_weight
from streamaqa.segmentation.lone_arm import LoneArm
from streamaqa.segmentation.settings import SignalSettings
from streamaqa.types import HIP_POINTS, LANDMARKS, LOAD_POINTS, Pose

_SHOULDERS, _ELBOWS, _WRISTS = (11, 12), (13, 14), (15, 16)
_HIPS, _KNEES, _ANKLES = (23, 24), (25, 26), (27, 28)
_RULER = (*_SHOULDERS, *_ELBOWS, *_HIPS, *_KNEES)
"""Landmarks that span the body in every exercise; wrists and ankles are the first to be guessed."""

_USED = (*_SHOULDERS, *_ELBOWS, *_WRISTS, *_HIPS, *_KNEES, *_ANKLES)
"""All that is read of a pose: lists of the others would be a third of what reading costs."""

_Row = list[float]
_Point = tuple[float, float, float]
"""x to the right and y up in pixels, visibility."""
_BOTH_SEEN = 0.2
"""Visibility below which a leg is only guessed; seen from the side the far one is at times."""
_NOWHERE: _Point = (math.nan, math.nan, math.nan)
_UNKNOWN: _Row = [math.nan] * 4


class PostureReader:
    """Reads one pose after another; keeps the ruler, the height of the shoulders, and sums of the flow."""

    def __init__(self, settings: SignalSettings) -> None:
        self._settings = settings
        self.somebody_else = self.returned = False
        # of the picture and not of the lifter: what these sum up goes on when somebody else comes
        self._risen: NDArray[np.float64] | None = None
        self._room = (0.0, 0.0)
        self._since = 0.0
        self._lost = 0
        self.reset()

    def reset(self) -> None:
        """Forget the lifter."""
        self._time: float | None = None
        self._ruler: float | None = None
        self._seen = 0.0
        self._near = self._usual = 0.0
        self._walked = False
        self._arms: tuple[float, float] | None = None
        self._legs: tuple[float, float] | None = None
        self._lone = LoneArm(self._settings)
        self._shoulders: tuple[float, float] = (0.0, 0.0)
        self._aside = self._height = 0.0
        self._jumped_at: float | None = None
        self._left: tuple[tuple[float, float], float] | None = None
        """Where the lifter's shoulders were before somebody else took over, pixels, and the ruler there."""

    def read(self, pose: Pose) -> Posture | None:
        """The posture, or None if nobody was found, a landmark is no number, or the body jumped: a mistake.

        A jump that lasts is somebody else: this resets itself and says so by `somebody_else`, and also by
        `returned` if they are where the lifter was before the last such jump: that one was a mistake.
        """
        self.somebody_else = False
        self._rise(pose)
        if not (np.isfinite(pose.image[_USED, :]).all() and np.isfinite(pose.world[_USED, :]).all()):
            return None
        width, height = pose.size
        across, up_by = self._room
        flat, world = [_NOWHERE] * LANDMARKS, [_UNKNOWN] * LANDMARKS
        rows = zip(_USED, pose.image[_USED, :].tolist(), pose.world[_USED, :].tolist(), strict=True)
        for at, (x, y, _, seen), row in rows:
            flat[at], world[at] = (x * width - across, -y * height - up_by, seen), row
        shoulders, hips = _middle(flat, _SHOULDERS), _middle(flat, _HIPS)
        if self._jumps(pose.time, shoulders):
            return None
        elapsed = 0.0 if self._time is None else pose.time - self._time
        ruler = self._measure(elapsed, flat, world)
        if self._time is not None:
            self._aside += (shoulders[0] - self._shoulders[0]) / ruler
            self._height += (shoulders[1] - self._shoulders[1]) / ruler
        self._time, self._shoulders = pose.time, shoulders
        base = self._height - shoulders[1] / ruler

        def up(point: tuple[float, float]) -> float:
            return base + point[1] / ruler

        steady = ema_weight(elapsed, self._settings.steady_s)
        self._arms = _sides(flat, (*_ELBOWS, *_WRISTS), self._arms, steady)
        legs = self._legs = _sides(flat, (*_KNEES, *_ANKLES), self._legs, steady)
        trunk = [a - b for a, b in zip(_centre(world, _SHOULDERS), _centre(world, _HIPS), strict=True)]
        lean = math.degrees(math.atan2(math.hypot(trunk[0], trunk[2]), -trunk[1]))
        arms = self._loaded(elapsed, flat, self._arms, lean)
        both_legs = min(flat[i][2] for i in (*_KNEES, *_ANKLES)) >= _BOTH_SEEN
        return Posture(
            time=pose.time,
            aside=self._aside,
            shoulders=self._height,
            hips=up(hips),
            ankles=up(_joined(flat, _ANKLES, legs)),
            elbows=up(_joined(flat, _ELBOWS, arms)),
            wrists=up(_joined(flat, _WRISTS, arms)),
            knee=_angle(world, (_HIPS, _KNEES, _ANKLES), legs),
            elbow=_angle(world, (_SHOULDERS, _ELBOWS, _WRISTS), arms),
            lean=lean,
            arms=max(min(flat[13][2], flat[15][2]), min(flat[14][2], flat[16][2])),
            legs=max(min(flat[25][2], flat[27][2]), min(flat[26][2], flat[28][2])),
            facing=(flat[_SHOULDERS[0]][0] - flat[_SHOULDERS[1]][0]) / ruler,
            feet=self._aside + (_middle(flat, _ANKLES)[0] - shoulders[0]) / ruler,
            stride=_stride(world) / max(math.hypot(*trunk), 1e-6) if both_legs else 0.0,
            knees_apart=_knees_apart(flat) / ruler if both_legs else 0.0,
            hands_above=(max(flat[i][1] for i in _WRISTS) + up_by) / ruler,
            hands_within=(_across(flat, _ANKLES) - _across(flat, _WRISTS)) / ruler if both_legs else 0.0,
            lone=abs(self._lone.turned),
            walked=self._walked,
            sight=Sight(
                ruler=ruler,
                arms=arms[0],
                legs=legs[0],
                shoulders=shoulders[1],
                hips=hips[1],
                ankles=_both(flat, _ANKLES),
                elbows=_both(flat, _ELBOWS),
                wrists=_both(flat, _WRISTS),
                risen=self._risen,
                since=self._since,
                lost=self._lost,
            ),
        )

    def _rise(self, pose: Pose) -> None:
        """Sum up how far each point followed has gone up; where the flow breaks off, begin anew.

        And how far the room went: a camera that pans moves nobody.
        """
        if pose.flow is None or self._risen is None:
            self._risen, self._since, self._lost = np.zeros(LOAD_POINTS + HIP_POINTS), pose.time, 0
        if (flow := pose.flow) is not None:
            width, height = pose.size
            lost = np.isnan(flow.rise)
            count = np.count_nonzero(lost)
            self._risen = self._risen + height * (_filled(flow.rise, lost) if count else flow.rise)
            self._lost += int(count > len(lost) / 2)
            self._room = (self._room[0] + flow.room[0] * width, self._room[1] - flow.room[1] * height)

    def _measure(self, elapsed: float, flat: list[_Point], world: list[_Row]) -> float:
        """Pixels per torso length, smoothed over time; who walks towards the camera takes it along."""
        spread = _spread([flat[i][:2] for i in _RULER]) / max(_spread([world[i][:2] for i in _RULER]), 1e-9)
        torso = math.dist(_centre(world, _SHOULDERS), _centre(world, _HIPS))
        now = max(math.sqrt(spread) * torso, 1e-6)
        near = 0.5 * math.log(max(spread, 1e-12))
        if self._ruler is None:
            self._ruler, self._seen = now, 0.0
            self._near = self._usual = near
            return now
        s = self._settings
        self._seen += elapsed
        share = max(elapsed / self._seen if self._seen else 1.0, ema_weight(elapsed, s.ruler_s))
        self._ruler *= (now / self._ruler) ** share
        self._usual += share * (near - self._usual)
        self._near += ema_weight(elapsed, s.walk_s) * (near - self._near)
        self._walked = abs(self._near - self._usual) > s.walk
        if self._walked:
            self._ruler *= math.exp(self._near - self._usual)
            self._usual, self._seen = self._near, 0.0
        return self._ruler

    def _loaded(
        self, elapsed: float, flat: list[_Point], shown: tuple[float, float], lean: float
    ) -> tuple[float, float]:
        """How much left and right arm count: as they are `shown`, but one that works alone counts alone."""
        assert self._ruler is not None
        shoulders = _middle(flat, _SHOULDERS)[1]
        left, right = ((flat[i][1] - shoulders) / self._ruler for i in _WRISTS)
        of_left, of_right = (min(flat[i][2] for i in arm) for arm in zip(_ELBOWS, _WRISTS, strict=True))
        self._lone.watch(elapsed, (left, right), (of_left, of_right), lean)
        alone = self._lone.turned
        share = shown[0] * (1.0 - abs(alone)) + max(alone, 0.0)
        return share, 1.0 - share

    def _jumps(self, time: float, shoulders: tuple[float, float]) -> bool:
        """Whether to pass over this pose."""
        if self._time is None or self._ruler is None:
            return False
        s = self._settings
        step = math.dist(shoulders, self._shoulders) / self._ruler
        if step <= min(s.jump + s.jump_speed * (time - self._time), s.jump_most):
            self._jumped_at = None
            return False
        self._jumped_at = time if self._jumped_at is None else self._jumped_at
        if time - self._jumped_at < s.jump_s:
            return True
        returned, left = self._is_back(shoulders), (self._shoulders, self._ruler)
        self.reset()
        self.somebody_else, self.returned = True, returned
        self._left = None if returned else left
        return False

    def _is_back(self, shoulders: tuple[float, float]) -> bool:
        """Whether this is who the last jump led away from, perhaps at the bottom of a squat."""
        if self._left is None:
            return False
        (x, y), ruler = self._left
        s = self._settings
        return abs(shoulders[0] - x) <= s.jump * ruler and abs(shoulders[1] - y) <= s.jump_most * ruler


def settled(postures: Sequence[Posture]) -> list[Posture]:
    """The same postures, all measured alike: by the middle ruler and the middle weights of left and right.

    What is learned of ruler and sides in the course of a movement bends it by some hundredths of its range.
    Heights count from the first posture's shoulders. Postures made by hand are left as they are.
    """
    seen = [posture.sight for posture in postures if posture.sight is not None]
    if len(seen) < len(postures) or not seen:
        return list(postures)
    ruler = statistics.median(s.ruler for s in seen)
    arms, legs = statistics.median(s.arms for s in seen), statistics.median(s.legs for s in seen)
    floor = seen[0].shoulders

    def up(pixels: float) -> float:
        return (pixels - floor) / ruler

    def joined(pair: tuple[float, float], left: float) -> float:
        return up(pair[0] * left + pair[1] * (1 - left))

    return [
        replace(
            posture,
            shoulders=up(s.shoulders),
            hips=up(s.hips),
            ankles=joined(s.ankles, legs),
            elbows=joined(s.elbows, arms),
            wrists=joined(s.wrists, arms),
        )
        for posture, s in zip(postures, seen, strict=True)
    ]


def _filled(rise: NDArray[np.float32], lost: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The rise of all points: of those that were lost, what half of their kind did."""
    filled = rise.astype(np.float64)
    for kind in (slice(None, LOAD_POINTS), slice(LOAD_POINTS, None)):
        gone = lost[kind]
        if gone.any():
            known = np.sort(filled[kind][~gone])
            filled[kind][gone] = known[len(known) // 2] if len(known) else 0.0
    return filled


def _both(flat: list[_Point], pair: tuple[int, int]) -> tuple[float, float]:
    """Heights of left and right."""
    return flat[pair[0]][1], flat[pair[1]][1]


def _middle(flat: list[_Point], pair: tuple[int, int]) -> tuple[float, float]:
    """The point half way between left and right."""
    left, right = flat[pair[0]], flat[pair[1]]
    return (left[0] + right[0]) / 2, (left[1] + right[1]) / 2


def _sides(
    flat: list[_Point], landmarks: tuple[int, ...], before: tuple[float, float] | None, share: float
) -> tuple[float, float]:
    """How much left and right count, summing to 1: by the square of the least seen landmark of each side.

    Moves by `share` from what it was `before`, so that a limb that is hidden for a moment makes no step.
    """
    left = min(flat[i][2] for i in landmarks[0::2]) ** 2 + 1e-6
    right = min(flat[i][2] for i in landmarks[1::2]) ** 2 + 1e-6
    now = left / (left + right)
    now = now if before is None else before[0] + share * (now - before[0])
    return now, 1.0 - now


def _joined(flat: list[_Point], pair: tuple[int, int], weights: tuple[float, float]) -> tuple[float, float]:
    left, right = flat[pair[0]], flat[pair[1]]
    return left[0] * weights[0] + right[0] * weights[1], left[1] * weights[0] + right[1] * weights[1]


def _centre(world: list[_Row], pair: tuple[int, int]) -> list[float]:
    return [(a + b) / 2 for a, b in zip(world[pair[0]][:3], world[pair[1]][:3], strict=True)]


def _spread(points: Sequence[Sequence[float]]) -> float:
    """Summed squared distance from the mean."""
    n = len(points)
    x, y = sum(p[0] for p in points) / n, sum(p[1] for p in points) / n
    return sum((p[0] - x) ** 2 + (p[1] - y) ** 2 for p in points)


def _knees_apart(flat: list[_Point]) -> float:
    """How much lower one knee is than the other, beside what a tilted camera makes of hips and ankles."""
    return abs(_uneven(flat, _KNEES) - (_uneven(flat, _HIPS) + _uneven(flat, _ANKLES)) / 2)


def _uneven(flat: list[_Point], pair: tuple[int, int]) -> float:
    """How much higher the left one is than the right one."""
    return flat[pair[0]][1] - flat[pair[1]][1]


def _across(flat: list[_Point], pair: tuple[int, int]) -> float:
    """How far left and right are apart across the picture."""
    return abs(flat[pair[0]][0] - flat[pair[1]][0])


def _stride(world: list[_Row]) -> float:
    """How far one ankle is ahead of the other, metres: at a right angle to the hips, along the floor."""
    (left, right), (one, other) = ([world[i] for i in pair] for pair in (_HIPS, _ANKLES))
    across = (left[0] - right[0], left[2] - right[2])
    apart = (one[0] - other[0], one[2] - other[2])
    return abs(across[0] * apart[1] - across[1] * apart[0]) / max(math.hypot(*across), 1e-6)


def _angle(world: list[_Row], joints: tuple[tuple[int, int], ...], weights: tuple[float, float]) -> float:
    """The angle at the middle joint in degrees, mean of both sides."""
    total = 0.0
    for side, weight in enumerate(weights):
        a, b, c = (world[pair[side]] for pair in joints)
        u = [a[i] - b[i] for i in range(3)]
        v = [c[i] - b[i] for i in range(3)]
        lengths = math.hypot(*u) * math.hypot(*v)
        cosine = sum(p * q for p, q in zip(u, v, strict=True)) / lengths if lengths > 0 else 1.0
        total += weight * math.degrees(math.acos(max(-1.0, min(1.0, cosine))))
    return total
