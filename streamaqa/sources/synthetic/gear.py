"""Barbells, plates and dumbbells as tubes."""

from __future__ import annotations

from typing import Final

import numpy as np

from streamaqa.sources.synthetic.mesh import Tubes, circle
from streamaqa.sources.synthetic.posture import Array, Joint, Skeleton, unit
from streamaqa.sources.synthetic.script import Room

# A short bar as studios have it, so that it fits into an upright picture: 1.70 m, shaft 28 mm, sleeves 50 mm.
_BAR: Final = np.array(
    [
        (-0.85, 0.004), (-0.85, 0.025), (-0.585, 0.025), (-0.585, 0.036), (-0.575, 0.036), (-0.57, 0.014),
        (-0.40, 0.014), (-0.20, 0.014), (0.0, 0.014), (0.20, 0.014), (0.40, 0.014), (0.57, 0.014),
        (0.575, 0.036), (0.585, 0.036), (0.585, 0.025), (0.85, 0.025), (0.85, 0.004),
    ]
)  # fmt: skip
# One plate: where its rings sit outward from the sleeve's collar, radii as shares of the plate's.
_PLATE: Final = np.array(
    [(0.0, 0.13), (0.0, 0.30), (0.008, 0.32), (0.008, 0.78), (0.0, 0.82), (0.0, 0.96), (0.005, 1.0),
     (0.050, 1.0), (0.055, 0.96), (0.055, 0.82), (0.047, 0.78), (0.047, 0.32), (0.055, 0.30), (0.055, 0.13)]
)  # fmt: skip
_PLATE_SHADE: Final = np.array([1.9, 1.5, 1.0, 1.0, 1.0, 1.25, 1.1, 1.25, 1.0, 1.0, 1.0, 1.5, 1.9])
# A dumbbell: distance from the hand and radius in metres.
_DUMBBELL: Final = np.array(
    [(-0.15, 0.02), (-0.15, 0.05), (-0.145, 0.056), (-0.075, 0.056), (-0.07, 0.05), (-0.07, 0.014),
     (0.07, 0.014), (0.07, 0.05), (0.075, 0.056), (0.145, 0.056), (0.15, 0.05), (0.15, 0.02)]
)  # fmt: skip


def barbell(bones: Skeleton, room: Room, sides: int) -> list[Tubes]:
    """The bar and a plate on each side."""
    middle = bones[Joint.BAR]
    axis = unit(bones[Joint.BAR_LEFT] - middle)
    steel = np.full((len(_BAR) - 1, 3), (176.0, 178.0, 182.0))
    bar = _turned(middle[:, None], axis[:, None], _BAR[:, 0], _BAR[:, 1], steel, 6)
    ends = np.stack([middle + 0.59 * axis, middle - 0.59 * axis], axis=1)
    outward = np.stack([axis, -axis], axis=1)
    colours = np.clip(np.array(room.plates, np.float64) * _PLATE_SHADE[:, None], 0.0, 235.0)
    plates = _turned(ends, outward, _PLATE[:, 0], _PLATE[:, 1] * room.plate_radius, colours, sides)
    return [bar, plates]


def dumbbells(bones: Skeleton, direction: Array, room: Room) -> list[Tubes]:
    """One in each hand, along `direction` (T, 3)."""
    hands = np.stack([bones[Joint.L_GRIP], bones[Joint.R_GRIP]], axis=1)
    axis = np.stack([direction, direction], axis=1)
    colours = np.tile(np.array(room.plates, np.float64) * 1.2, (len(_DUMBBELL) - 1, 1))
    colours[5] = (170.0, 172.0, 176.0)
    return [_turned(hands, axis, _DUMBBELL[:, 0], _DUMBBELL[:, 1], colours, 8)]


def _turned(middle: Array, axis: Array, along: Array, radius: Array, colours: Array, sides: int) -> Tubes:
    """A turned part: (T, P, 3) middles and axes, (R,) rings, (R - 1, 3) colours."""
    helper = np.zeros_like(axis)
    helper[..., 1] = 1.0
    across = unit(np.cross(axis, helper))
    other = np.cross(axis, across)
    centres = middle[:, :, None] + along[:, None] * axis[:, :, None]
    cos, sin = circle(sides)
    ring = cos[:, None] * across[:, :, None] + sin[:, None] * other[:, :, None]
    points = centres[..., None, :] + radius[:, None, None] * ring[:, :, None]
    parts = middle.shape[1]
    faces = np.broadcast_to(colours[None, :, None], (parts, len(colours), sides, 3)).copy()
    return Tubes(points, centres, faces)
