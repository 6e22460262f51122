"""Points about the lifter's hands, bar and hips, followed from picture to picture.

The pose model looks at each picture by itself: it says well where a wrist is and badly how far it moved, for
it draws limbs where people have them. A slow movement leaves rest before it sees so. Optical flow is the
other way round: it tells a twentieth of a pixel from one picture to the next and knows nothing of bodies. So
landmarks say where to look, and the flow says how far that went. Design choices:

- Points are followed on their own, as long as they stay near what they belong to (Lucas and Kanade 1981,
  pyramidal as in Bouguet 2001). Put at the landmarks anew in each picture they slide along the limb as the
  model errs. Those that do not come along are left behind, and begin again at the lifter.
- A hand that the model does not see, as behind a back, is looked for in a wider circle.
- Which of them were on the bar and which on the wall behind it is decided when a movement is over and it is
  known who came along: see `segmentation.followed`.
- Where the room moves, the camera does; it is taken off.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamaqa.types import HIP_POINTS, LOAD_POINTS, Flow, Pose

_Array = NDArray[np.float32]

POINTS: Final = LOAD_POINTS + HIP_POINTS
SIDE: Final = 360
"""Pixels that the shorter side is brought near to: beyond that it gets slower, and no better."""
WINDOW: Final = 15
"""Pixels of the square that is compared: a hand of a lifter who fills such a picture."""
LEVELS: Final = (2, 3)
"""Halvings of the picture: the fastest press moves 12 pixels at 30 pictures a second, and 35 at 10."""
QUICK_S: Final = 0.05
"""Seconds between two pictures from which on it takes the second number."""
UNLIKE: Final = 15.0
"""Grey levels by which a square may differ from where it was, on average; beyond it is another thing."""
GAP_S: Final = 0.5
"""Seconds between two pictures beyond which nothing is followed."""
FORGET_S: Final = 1.0
"""Seconds without a lifter after which the points are given up."""

# Metres at the lifter's distance.
SEED_M: Final = 0.06
"""How far from wrist, hip or bar a point begins."""
STRAY_M: Final = 0.12
"""... and how far off it may get: landmarks are wrong by up to half of that."""
UNSEEN_M: Final = 0.3
"""How much farther about a wrist that the model does not see at all, as behind a back: as far as it errs."""
MOVED_M: Final = 0.05
"""A point that has moved that far is on somebody who moves, and no wall."""
LOOSE_M: Final = 0.4
"""How far off such a one may get: hands behind plates are put that far from where they are."""
REACH_M: Final = 0.4
"""How far beyond the hands the bar is looked for: as far as the plates."""
APART_M: Final = 0.25
"""Hands nearer to each other than that do not tell how the bar lies: it is level."""

_WRISTS: Final = (15, 16)
_HIPS: Final = (23, 24)
_SPAN: Final = (11, 12, 13, 14, 23, 24, 25, 26)
"""Landmarks that the scale is read from."""
_ALONG: Final = LOAD_POINTS // 2
"""Points that begin along the bar; as many begin at the hands."""
_SPREAD: Final = np.array([0.7548776662466927, 0.5698402909980532])
"""Multiples of these, less their whole parts, fill a square evenly in any number (Roberts 2018)."""
_CORNERS: Final = 32
"""Points that tell how the room moves: corners of things, since a wall tells nothing."""
_SHARP: Final = 0.02
"""... as sharp as that share of the sharpest one."""
_ROOM_S: Final = 0.5
"""Seconds after which corners are looked for anew if many were lost."""
_ROOM_MOST_S: Final = 3.0
"""... and if not: what stood at the edge of the picture may have been a passer-by."""
_LEAST_ROOM: Final = 6
"""Corners that have to go the same way."""
_SAME_WAY: Final = 0.3
"""Pixels by which they may differ."""
_ABOVE: Final = 0.25
"""Share of the lifter's length by which a box around the landmarks is widened to keep corners off them."""
_BESIDE: Final = 0.5
"""... and to either side, off the plates of a bar of 2.2 m."""


class PointFollower:
    """Follows points from picture to picture: for each, in time order, `follow` and then `put`.

    `follow` needs no pose of its picture, so that it can run beside the pose model.
    """

    def __init__(self) -> None:
        self._seeds = 0
        self.forget()

    def forget(self) -> None:
        """Give up what is followed."""
        self._grey: NDArray[np.uint8] | None = None
        self._lost = np.ones(POINTS, bool)
        self._points: _Array | None = None
        self._begun = np.zeros((POINTS, 2), np.float32)
        self._corners = np.zeros((0, 2), np.float32)
        self._time = self._found = self._looked = float("-inf")

    def follow(self, picture: NDArray[np.uint8], time: float) -> Flow | None:
        """How (H, W, 3) RGB `picture` moved since the last one, or None if that is not known."""
        grey = _small(picture)
        before, points = self._grey, self._points
        fits = before is not None and before.shape == grey.shape
        if not fits or time - self._time > GAP_S or time - self._found > FORGET_S:
            self.forget()
            before = points = None
        flow, self._lost = None, np.ones(POINTS, bool)
        if before is not None and points is not None:
            levels = LEVELS[1] if time - self._time >= QUICK_S else LEVELS[0]
            flow, self._lost = self._follow(before, grey, points, levels)
        self._grey, self._time = grey, time
        return flow

    def put(self, pose: Pose) -> None:
        """Begin anew, about the lifter in that picture, with points that were lost or left behind."""
        if not pose.found or self._grey is None:
            return
        height, width = self._grey.shape
        flat = pose.image[:, :2] * np.array([width, height], np.float32)
        self._put(pose, flat)
        self._found = pose.time
        few = len(self._corners) < _CORNERS / 2 and pose.time - self._looked >= _ROOM_S
        if few or pose.time - self._looked >= _ROOM_MOST_S:
            self._look_around(self._grey, flat)
            self._looked = pose.time

    def _follow(
        self, before: NDArray[np.uint8], grey: NDArray[np.uint8], points: _Array, levels: int
    ) -> tuple[Flow, NDArray[np.bool_]]:
        """Where all points went; which were lost."""
        import cv2

        height, width = grey.shape
        asked = np.concatenate([points, self._corners]).reshape(-1, 1, 2)
        found, status, error = cv2.calcOpticalFlowPyrLK(
            before, grey, asked, np.empty_like(asked), winSize=(WINDOW, WINDOW), maxLevel=levels
        )
        found = np.asarray(found, np.float32).reshape(-1, 2)
        steps = found - asked.reshape(-1, 2)
        there = (status.ravel() == 1) & (error.ravel() < UNLIKE)
        room = _common(steps[POINTS:][there[POINTS:]])
        self._points, self._corners = found[:POINTS].copy(), found[POINTS:][there[POINTS:]]
        self._begun += room
        kept = there[:POINTS]
        rise = np.where(kept, (room[1] - steps[:POINTS, 1]) / height, np.nan).astype(np.float32)
        across, down = (room / np.array([width, height])).astype(np.float32).tolist()
        return Flow(rise, (across, down)), ~kept

    def _look_around(self, grey: NDArray[np.uint8], flat: _Array) -> None:
        """Find corners of the room: outside the box of the lifter's landmarks, (33, 2) pixels."""
        import cv2

        low, high = flat.min(axis=0), flat.max(axis=0)
        margin = np.array([_BESIDE, _ABOVE]) * (high - low).max()
        mask = np.full_like(grey, 255)
        left, top = np.maximum(low - margin, 0).astype(int)
        right, bottom = np.maximum(high + margin, 0).astype(int)
        mask[top:bottom, left:right] = 0
        corners = cv2.goodFeaturesToTrack(grey, _CORNERS, _SHARP, WINDOW, mask=mask)
        found = np.zeros((0, 2)) if corners is None else corners.reshape(-1, 2)
        self._corners = np.asarray(found, np.float32)

    def _put(self, pose: Pose, flat: _Array) -> None:
        """`flat` are the landmarks, (33, 2) pixels."""
        metre = _metre(pose, flat)
        along, across, middle, half = _bar(flat, metre)
        if self._points is None:
            self._points = np.zeros((POINTS, 2), np.float32)
        home = np.concatenate(
            [
                np.tile(flat[_WRISTS, :], (LOAD_POINTS // 2, 1)),
                np.repeat(flat[_HIPS, :], HIP_POINTS // 2, axis=0),
            ]
        )
        spread = _spread(pose.image[_WRISTS, 3])
        off = self._points - home
        moved = self._points - self._begun
        near = STRAY_M - SEED_M + spread
        allowed = np.where(np.hypot(moved[:, 0], moved[:, 1]) > MOVED_M * metre, LOOSE_M, near) * metre
        astray = np.hypot(off[:, 0], off[:, 1]) > allowed
        bar = self._points[:_ALONG] - middle
        beyond = np.abs(bar @ along) > half + (REACH_M + SEED_M) * metre
        astray[:_ALONG] = beyond | (np.abs(bar @ across) > allowed[:_ALONG])
        new = np.flatnonzero(self._lost | astray)
        if not len(new):
            return
        begins = ((self._seeds + np.arange(len(new)))[:, None] * _SPREAD % 1.0) * 2.0 - 1.0
        self._seeds += len(new)
        points = home[new] + begins * spread[new, None] * metre
        on_bar = new < _ALONG
        points[on_bar] = (
            middle
            + begins[on_bar, :1] * (half + REACH_M * metre) * along
            + begins[on_bar, 1:] * spread[new[on_bar], None] * metre * across
        )
        self._points[new] = self._begun[new] = points


def _small(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """In grey, each pixel the mean of as many as bring the shorter side nearest to `SIDE`."""
    import cv2

    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    if (each := round(min(height, width) / SIDE)) > 1:
        down, across = height // each, width // each
        whole = grey[: down * each, : across * each]
        grey = cv2.resize(whole, (across, down), interpolation=cv2.INTER_AREA)
    return np.asarray(grey, np.uint8)


def _common(steps: _Array) -> _Array:
    """The step, (2,), that most of (N, 2) have in common; none if they have not."""
    if len(steps) >= _LEAST_ROOM:
        middle = np.median(steps, axis=0)
        alike = (np.abs(steps - middle) <= _SAME_WAY).all(axis=1)
        if alike.sum() >= max(_LEAST_ROOM, len(steps) / 2):
            return np.asarray(steps[alike].mean(axis=0), np.float32)
    return np.zeros(2, np.float32)


def _metre(pose: Pose, flat: _Array) -> float:
    """Pixels of a metre at the lifter's distance."""
    spread, real = (np.square(p - p.mean(axis=0)).sum() for p in (flat[_SPAN, :], pose.world[_SPAN, :2]))
    return float(np.sqrt(max(float(spread), 1.0) / max(float(real), 1e-3)))


def _spread(seen: _Array) -> _Array:
    """(POINTS,) metres from its landmark, or from the bar, within which each point begins.

    `seen` is the visibility of the wrists, (2,).
    """
    unseen = UNSEEN_M * (1.0 - np.clip(seen, 0.0, 1.0))
    spread = np.full(POINTS, SEED_M, np.float32)
    spread[:_ALONG] += unseen.max()
    spread[_ALONG:LOAD_POINTS] += np.tile(unseen, (LOAD_POINTS - _ALONG) // 2)
    return spread


def _bar(flat: _Array, metre: float) -> tuple[_Array, _Array, _Array, float]:
    """How a bar in both hands lies: along it, across it, its middle, and half of the hands' distance."""
    left, right = flat[_WRISTS, :]
    between = left - right if left[0] >= right[0] else right - left
    apart = float(np.hypot(*between))
    told = min(1.0, apart / (APART_M * metre))
    along = told * between / max(apart, 1e-6) + (1.0 - told) * np.array([1.0, 0.0])
    along = (along / max(float(np.hypot(*along)), 1e-6)).astype(np.float32)
    across = np.array([-along[1], along[0]], np.float32)
    return along, across, (left + right) / 2, apart / 2
