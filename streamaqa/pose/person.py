"""What somebody in a picture is known by: place, scale and colours. No MediaPipe, and pixels once only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamaqa.types import Pose

Looks: TypeAlias = tuple[float, ...]
"""Mean colours of trunk, thighs and shanks: nine numbers, RGB in [0, 1] each."""

TRUNK_M = 0.5
"""Metres from hips to shoulders: .288 of a height of 1.74 m (Drillis and Contini 1966, in Winter 2009)."""
_TRUNK = (11, 12, 23, 24)
_SPAN = (0, 11, 12, 23, 24, 25, 26, 27, 28)
"""Landmarks that the scale is read from. Without arms, which are the first to be guessed, it strays by 0.13
in one frame of a hundred, with elbows and without ankles by 0.17."""
_PARTS = ((11, 12, 23, 24), (23, 24, 25, 26), (25, 26, 27, 28))
"""Left and right of where a part begins and ends, for each of trunk, thighs and shanks."""
_ALONG = np.array([0.25, 0.5, 0.75])[:, None, None]


@dataclass(frozen=True, slots=True)
class Person:
    """What somebody in the picture is known by."""

    time: float
    """Seconds of stream time."""
    x: float
    """Middle of shoulders and hips, pixels to the right."""
    y: float
    """... and down."""
    metre: float
    """Pixels per metre at their distance."""
    looks: Looks

    @classmethod
    def of(cls, pose: Pose, picture: NDArray[np.uint8]) -> Person:
        """The person of a pose that was found in `picture`, (H, W, 3)."""
        flat = pose.image[:, :2] * np.asarray(pose.size, np.float32)
        middle = flat[_TRUNK, :].mean(axis=0)
        spread, real = (np.square(p - p.mean(axis=0)).sum() for p in (flat[_SPAN, :], pose.world[_SPAN, :2]))
        metre = math.sqrt(max(float(spread), 1e-6) / max(float(real), 1e-6))
        return cls(pose.time, float(middle[0]), float(middle[1]), metre, _looks(flat, picture))

    def away(self, other: Person, bob: float = 0.0) -> float:
        """Distance from the other in the other's trunks; the first `bob` of them up or down do not count."""
        trunk = TRUNK_M * other.metre
        return math.hypot(self.x - other.x, max(0.0, abs(self.y - other.y) - bob * trunk)) / trunk

    def aside(self, other: Person) -> float:
        """Distance to the left or right in the other's trunks."""
        return abs(self.x - other.x) / (TRUNK_M * other.metre)

    def grown(self, other: Person) -> float:
        """The logarithm of how much larger or smaller than the other, without its sign."""
        return abs(math.log(self.metre / other.metre))


def colours_apart(one: Looks, other: Looks) -> float:
    """Root mean square of the parts' distances: other clothes are 0.25 apart and more."""
    return math.dist(one, other) / math.sqrt(len(_PARTS))


def _looks(flat: NDArray[np.float32], picture: NDArray[np.uint8]) -> Looks:
    """Means of a few pixels along each part, on its left, in its middle and on its right."""
    height, width = picture.shape[:2]
    ends = flat[_PARTS, :].reshape(len(_PARTS), 1, 2, 2, 2)  # parts, 1, begin and end, sides, xy
    sides = ends[:, :, 0] * (1 - _ALONG) + ends[:, :, 1] * _ALONG  # parts, along, sides, xy
    # The middle of two thighs or shanks is what stands behind the lifter.
    trunk = np.concatenate([sides[0], sides[0].mean(axis=1, keepdims=True)], axis=1).reshape(-1, 2)
    points = np.concatenate([trunk, sides[1:].reshape(-1, 2)])
    columns = np.clip(points[:, 0], 0, width - 1).astype(int)
    rows = np.clip(points[:, 1], 0, height - 1).astype(int)
    seen = picture[rows, columns] / 255.0
    count = len(trunk)
    legs = seen[count:].reshape(len(_PARTS) - 1, -1, 3).mean(axis=1)
    return tuple(np.concatenate([seen[:count].mean(axis=0), legs.ravel()]).tolist())
