"""Where a lifter's joints are, seen from the lifter and not from the camera.

The pose model gives two readings of each landmark: the picture's (x and y good to about a pixel, depth poor)
and the world's (metres, but x and y drawn towards the model's idea of a body). `Body` joins the better half
of each: x and y of the picture, brought to metres by one scale for the whole track, with the world's z. It
turns them by the lifter's yaw, so that every joint has a (forward, left, up) position in torso lengths. In a
side view "forward" is then the picture's x, in a front view "left" is, and both hold in mirrored video, where
the model swaps the sides. What a view puts into z is noisy; `View` tells which view it is.

Nothing here knows exercises or errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum

import numpy as np
from numpy.typing import NDArray

from streamaqa.types import LANDMARKS, Pose

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

EDGE = 0.01
"""A landmark this far inside the frame's edge (share of the frame) or beyond is taken as guessed, not seen."""


class Joint(IntEnum):
    """The left landmark of each pair; the right one is the next (MediaPipe's numbering)."""

    EAR = 7
    SHOULDER = 11
    ELBOW = 13
    WRIST = 15
    HIP = 23
    KNEE = 25
    ANKLE = 27
    HEEL = 29
    TOE = 31


NOSE = 0


class View(Enum):
    """From where the camera sees the lifter."""

    FRONT = "front"
    FRONT_OBLIQUE = "front_oblique"
    SIDE = "side"
    REAR_OBLIQUE = "rear_oblique"
    REAR = "rear"

    @classmethod
    def of(cls, yaw: float) -> View:
        """The view for a yaw in degrees, see `yaw`.

        The side reaches from 60 to 120 degrees: of twelve recordings called side views by hand, the pose
        model's world landmarks put ten between 69 and 105 degrees, and none of the front views beyond 15.
        """
        turned = abs(yaw)
        for view, limit in zip(cls, (25.0, 60.0, 120.0, 155.0), strict=False):
            if turned < limit:
                return view
        return cls.REAR


def pair(landmarks: NDArray[np.floating], joint: Joint) -> Array:
    """Left and right of one joint: (..., 33, C) -> (..., 2, C)."""
    return np.asarray(landmarks[..., joint : joint + 2, :], dtype=np.float64)


def middle(landmarks: NDArray[np.floating], joint: Joint) -> Array:
    """The point between left and right: (..., 33, C) -> (..., C)."""
    return np.asarray(pair(landmarks, joint).mean(axis=-2))


def isotropic(image: NDArray[np.floating], size: tuple[int, int]) -> Array:
    """Image landmarks (..., 33, >=2) -> (..., 33, 2) in frame heights, so that angles are true."""
    width, height = size
    return np.asarray(image[..., :2], dtype=np.float64) * (width / height, 1.0)


def angle(a: Array, b: Array, c: Array) -> Array:
    """The angle at `b` between `a` and `c`, degrees in [0, 180]: (..., C) each -> (...)."""
    u, v = a - b, c - b
    lengths = np.linalg.norm(u, axis=-1) * np.linalg.norm(v, axis=-1)
    cosine = (u * v).sum(axis=-1) / np.where(lengths > 0, lengths, np.nan)
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def from_vertical(sideways: Array, up: Array) -> Array:
    """The tilt of a segment, degrees in (-180, 180]: 0 upright, positive where it leans `sideways`."""
    return np.asarray(np.degrees(np.arctan2(sideways, up)))


def seen(image: NDArray[np.floating]) -> Array:
    """How well each landmark of (..., 33, 4) is seen: its visibility, 0 outside the frame or where NaN."""
    xy = image[..., :2]
    inside = ((xy > EDGE) & (xy < 1.0 - EDGE)).all(axis=-1)  # False for NaN
    return np.where(inside, np.nan_to_num(image[..., 3]), 0.0).astype(np.float64)


def facing(world: NDArray[np.floating]) -> Array:
    """The direction each pose faces, (..., 33, >=3) -> (..., 2): x (to the picture's right) and z (away).

    It is square to the lines through the shoulders and through the hips, so it needs no face and no feet.
    The length is the width of the body as seen from above, which weighs a doubtful pose down.
    """
    across = np.zeros((*world.shape[:-2], 3))
    for joint in (Joint.SHOULDER, Joint.HIP):
        both = pair(world[..., :3], joint)
        across = across + both[..., 0, :] - both[..., 1, :]
    return np.stack([across[..., 2], -across[..., 0]], axis=-1)


def yaw(world: NDArray[np.floating]) -> float:
    """How far the lifter of (T, 33, >=3) is turned from the camera, degrees in (-180, 180].

    0 faces the camera, 90 faces the picture's right, -90 its left, 180 shows the back. NaN if nobody is there.
    """
    directions = facing(world)
    directions = directions[np.isfinite(directions).all(axis=-1)]
    if not len(directions):
        return float("nan")
    x, z = np.median(directions, axis=0)
    return float(np.degrees(np.arctan2(x, -z)))


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """A pose track seen from the lifter. Rows are NaN where nobody was found."""

    time: Array
    """(T,) seconds of stream time."""
    points: Array
    """(T, 33, 3) forward, left and up in torso lengths. Only differences within one row mean something."""
    seen: Array
    """(T, 33) visibility in [0, 1]; 0 for landmarks outside the frame."""
    yaw: float
    """Degrees, see `yaw`."""

    @classmethod
    def of(cls, poses: Sequence[Pose], start: float = -np.inf, end: float = np.inf) -> Body:
        """The body in `poses`. Yaw and scale are read between `start` and `end`, where the lifter is at work.

        Raises ValueError if there are no poses.
        """
        if not poses:
            raise ValueError("a body needs at least one pose")
        time = np.array([pose.time for pose in poses])
        image = np.stack([pose.image for pose in poses])
        world = np.stack([pose.world for pose in poses]).astype(np.float64)[..., :3]
        flat = np.stack([isotropic(pose.image, pose.size) for pose in poses])
        working = (time >= start) & (time <= end) & np.isfinite(world[:, 0, 0])
        turned = yaw(world[working])
        metres = flat / _scale(flat[working], world[working])
        return cls(time, _turn(metres, world[..., 2], turned, working), seen(image), turned)

    @property
    def view(self) -> View | None:
        """From where the camera sees the lifter; None if there is nobody."""
        return None if np.isnan(self.yaw) else View.of(self.yaw)

    def sides(self, *joints: Joint) -> Array:
        """How much the left and the right side count, (2,) summing to 1, judged by how `joints` are seen.

        The far side counts only if it is seen nearly as well as the near one: within 0.1, which in the
        recordings at hand parts frontal and rear views from sides and obliques.
        """
        both = np.array([self.seen[:, [j + side for j in joints]].mean() for side in (0, 1)])
        counts = (both >= both.max() - 0.1).astype(np.float64)
        return np.asarray(counts / counts.sum())

    def at(self, joint: Joint, sides: Array) -> Array:
        """(T, 3) the joint's position, mean of the sides weighed by `sides`."""
        return np.asarray(np.tensordot(pair(self.points, joint), sides, axes=(1, 0)))

    def both(self, joint: Joint) -> Array:
        """(T, 2, 3) left and right."""
        return pair(self.points, joint)


def _scale(flat: Array, world: Array) -> float:
    """Frame heights per metre: the median over the track of each pose's least-squares fit; NaN if no poses."""
    if not len(flat):
        return float("nan")
    picture = flat - middle(flat, Joint.HIP)[:, None]
    metres = world[..., :2] - middle(world[..., :2], Joint.HIP)[:, None]
    body = slice(Joint.SHOULDER, LANDMARKS)
    fits = (picture[:, body] * metres[:, body]).sum(axis=(1, 2)) / (metres[:, body] ** 2).sum(axis=(1, 2))
    return float(np.median(fits))


def _turn(metres: Array, depth: Array, turned: float, working: Mask) -> Array:
    """Camera axes (x right, y down in `metres`; z away) to the lifter's, in torso lengths: (T, 33, 3)."""
    sine, cosine = np.sin(np.radians(turned)), np.cos(np.radians(turned))
    x = metres[..., 0]
    points = np.stack([x * sine - depth * cosine, x * cosine + depth * sine, -metres[..., 1]], axis=-1)
    if not working.any():
        return points
    torso = middle(points[working], Joint.SHOULDER) - middle(points[working], Joint.HIP)
    return np.asarray(points / np.median(np.linalg.norm(torso, axis=-1)))
