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
from dataclasses import dataclass, replace
from enum import Enum, IntEnum

import numpy as np
from numpy.typing import NDArray

from streamaqa.types import LANDMARKS, Pose

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

EDGE = 0.01
"""Share of the frame; a landmark nearer to its edge, or beyond, is taken as guessed and not seen."""


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


LEGS = (Joint.HIP, Joint.KNEE, Joint.ANKLE)
"""Pairs of landmarks by which `yaw` is told, where they are seen."""
FACING, SIDE_ON = 0.0, 90.0
"""Degrees of `yaw` at which a lifter stands square to the camera."""
NOSE = 0
OTHER_SIDE = [0, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9, *(i + 1 if i % 2 else i - 1 for i in range(11, LANDMARKS))]
"""Of each landmark the one that it is in a mirror."""
WAVERING = 65.0
"""Degrees, see `wavering`. Beyond it the pose model takes front and back for each other from pose to pose.
Of 432 drawn lifters three waver so, by 72 and more in all but one repetition, and are read up to 160 degrees
off. The others stay below 55, real side views, whose trunks may waver by 90, below 40."""


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

        Of ten recordings called side views by hand, nine are read between 75 and 99 degrees, and no front
        view beyond 14. Drawn lifters are read within 15 degrees nine times in ten.
        """
        turned = abs(yaw)
        for view, limit in zip(cls, (21.0, 60.0, 125.0, 156.0), strict=False):
            if turned < limit:
                return view
        return cls.REAR


def pair(landmarks: NDArray[np.floating], joint: Joint) -> Array:
    """Left and right of one joint: (..., 33, C) -> (..., 2, C)."""
    return np.asarray(landmarks[..., joint : joint + 2, :], dtype=np.float64)


def middle(landmarks: NDArray[np.floating], joint: Joint) -> Array:
    """The point between left and right: (..., 33, C) -> (..., C)."""
    return np.asarray(pair(landmarks, joint).mean(axis=-2))


def mirrored(pose: Pose) -> Pose:
    """What the pose model makes of mirrored video: x turned over, sides swapped; without its flow."""
    image, world = pose.image[OTHER_SIDE].copy(), pose.world[OTHER_SIDE].copy()
    image[:, 0] = 1.0 - image[:, 0]
    world[:, 0] *= -1.0
    return replace(pose, image=image, world=world, flow=None)


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


def yaw(world: NDArray[np.floating], firm: Sequence[Joint] = LEGS) -> float:
    """How far the lifter of (T, 33, >=3) is turned from the camera, degrees in (-180, 180].

    0 faces the camera, 90 the picture's right, -90 its left, 180 shows the back. NaN if nobody is there.
    It is the mean direction of what the pairs `firm` say, each over the whole track: hips, knees and ankles
    where they are seen, since legs stand firm and apart. Held bars twist the model's shoulders by up to 40
    degrees, and hidden feet turn at will.
    """
    world = np.asarray(world[np.isfinite(world).all(axis=(-2, -1))][..., :3], dtype=np.float64)
    if not len(world):
        return float("nan")
    ways = np.stack([np.median(_ahead(world, joint), axis=0) for joint in firm])
    level = np.linalg.norm(ways[:, [0, 2]], axis=1, keepdims=True)
    return _heading((ways / np.where(level > 0.0, level, 1.0)).sum(axis=0))


def firm(seen: Array) -> tuple[Joint, ...]:
    """The pairs to tell yaw by, from (T, 33) visibility: legs out of the picture are guessed.

    A pair counts where its better side is seen half of the time; where no leg is, shoulders help the hips.
    """
    if not len(seen):
        return LEGS
    legs = tuple(
        joint for joint in (Joint.KNEE, Joint.ANKLE) if seen[:, joint : joint + 2].mean(axis=0).max() >= 0.5
    )
    return (Joint.HIP, *legs) if legs else (Joint.SHOULDER, Joint.HIP)


_QUARTER = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
"""From the way across the body, right to left, to the way ahead: a quarter turn about the vertical."""


def _ahead(world: NDArray[np.floating], joint: Joint) -> Array:
    """(T, 3) the way ahead, as the pair of `joint` in (T, 33, 3) says, in camera axes."""
    across = pair(world, joint)
    return np.asarray((across[:, 0] - across[:, 1]) @ _QUARTER)


def _heading(ahead: Array) -> float:
    """Yaw of a direction (3,) in camera axes, degrees."""
    return float(np.degrees(np.arctan2(ahead[0], -ahead[2])))


def wavering(world: NDArray[np.floating], firm: Sequence[Joint] = LEGS) -> float:
    """Over how many degrees the lifter of (T, 33, >=3) seems to turn; NaN if nobody is there.

    Between the 20th and the 80th percentile of the poses, of the pairs `firm`, whichever are steadiest.
    """
    world = np.asarray(world[np.isfinite(world).all(axis=(-2, -1))][..., :3], dtype=np.float64)
    if not len(world):
        return float("nan")
    spreads = []
    for joint in firm:
        ahead = _ahead(world, joint)
        turned = np.degrees(np.arctan2(ahead[:, 0], -ahead[:, 2])) - _heading(np.median(ahead, axis=0))
        low, high = np.percentile((turned + 180.0) % 360.0 - 180.0, (20, 80))
        spreads.append(float(high - low))
    return min(spreads)


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """A pose track seen from the lifter. Rows are NaN where nobody was found."""

    time: Array
    """(T,) seconds of stream time."""
    points: Array
    """(T, 33, 3) forward, left and up in torso lengths. Only differences within one row mean something."""
    drawn: Array
    """(T, 33) heights in the picture as they are drawn, in frame heights; only differences mean something."""
    seen: Array
    """(T, 33) visibility in [0, 1]; 0 for landmarks outside the frame."""
    yaw: float
    """Degrees, see `yaw`."""
    wavering: float
    """Degrees, see `wavering`."""

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
        flat = np.stack([isotropic(pose.image, pose.size) - _centre(pose.size) for pose in poses])
        # one landmark that is no number must leave neither the body without a scale nor a limb without length
        flat[~np.isfinite(flat)] = world[~np.isfinite(world)] = np.nan
        whole = np.isfinite(flat).all(axis=(1, 2)) & np.isfinite(world).all(axis=(1, 2))
        working = (time >= start) & (time <= end) & whole
        steady = firm(seen(image[working]))
        turned = yaw(world[working], steady)
        scale = _scale(flat[working], world[working])
        closeness = _closeness(flat[working], world[working], scale)
        metres = flat * (1.0 + closeness * world[..., 2:3]) / scale
        points = _turn(metres, world[..., 2], _settled(turned), working)
        return cls(time, points, -flat[..., 1], seen(image), turned, wavering(world[working], steady))

    @property
    def view(self) -> View | None:
        """From where the camera sees the lifter; None if there is nobody, or no telling."""
        return View.of(self.yaw) if self.wavering <= WAVERING else None

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
    """Frame heights per metre: the median of each pose's least-squares fit; NaN without poses."""
    if not len(flat):
        return float("nan")
    picture = flat - middle(flat, Joint.HIP)[:, None]
    metres = world[..., :2] - middle(world[..., :2], Joint.HIP)[:, None]
    body = slice(Joint.SHOULDER, LANDMARKS)
    fits = (picture[:, body] * metres[:, body]).sum(axis=(1, 2)) / (metres[:, body] ** 2).sum(axis=(1, 2))
    return float(np.median(fits))


def _settled(turned: float) -> float:
    """The yaw to look from: in side, front and rear views exactly that, so that nothing rests on depth."""
    if np.isnan(turned):
        return 0.0
    settled = {View.FRONT: 0.0, View.SIDE: float(np.copysign(90.0, turned)), View.REAR: 180.0}
    return settled.get(View.of(turned), turned)


def _centre(size: tuple[int, int]) -> tuple[float, float]:
    """The middle of the frame in frame heights, where the camera is taken to look."""
    return 0.5 * size[0] / size[1], 0.5


def _closeness(flat: Array, world: Array, scale: float) -> float:
    """1 / distance of the camera, per metre, from how the picture differs from a distant camera's.

    A point by z nearer than the hips is seen larger by z / distance, all the way from the picture's middle.
    Left in, a camera at 4 m lifts the hips of a deep squat by a third of a thigh against the knees in front.
    The one number is a least-squares fit over the track, held to cameras beyond 2 m.
    """
    if not len(flat):
        return 0.0
    hips = middle(flat, Joint.HIP)[:, None]
    distant = hips + (world[..., :2] - middle(world[..., :2], Joint.HIP)[:, None]) * scale
    change = -world[..., 2:3] * flat
    body = slice(Joint.SHOULDER, LANDMARKS)
    weight = float((change[:, body] ** 2).sum())
    if weight == 0.0:
        return 0.0
    return float(np.clip(((flat - distant) * change)[:, body].sum() / weight, 0.0, 0.5))


def _turn(metres: Array, depth: Array, turned: float, working: Mask) -> Array:
    """Camera axes (x right, y down in `metres`; z away) to the lifter's, in torso lengths: (T, 33, 3)."""
    sine, cosine = np.sin(np.radians(turned)), np.cos(np.radians(turned))
    x = metres[..., 0]
    points = np.stack([x * sine - depth * cosine, x * cosine + depth * sine, -metres[..., 1]], axis=-1)
    if not working.any():
        return points
    torso = middle(points[working], Joint.SHOULDER) - middle(points[working], Joint.HIP)
    return np.asarray(points / np.median(np.linalg.norm(torso, axis=-1)))
