"""Head, face, neck and shoulders' caps of the mannequin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from streamaqa.sources.synthetic.body import BodyShape
from streamaqa.sources.synthetic.mesh import Tubes, circle, finer
from streamaqa.sources.synthetic.posture import Array, Joint, Skeleton, unit
from streamaqa.sources.synthetic.script import Appearance, Colour

# Head rings: height over the head's middle, half-width, half-depth, shift forward, in head heights.
_HEAD: Final = np.array(
    [
        (-0.55, 0.01, 0.01, 0.19),
        (-0.52, 0.16, 0.17, 0.19),
        (-0.42, 0.235, 0.29, 0.10),
        (-0.30, 0.275, 0.36, 0.06),
        (-0.18, 0.300, 0.39, 0.03),
        (-0.06, 0.322, 0.41, 0.015),
        (0.06, 0.335, 0.42, 0.0),
        (0.16, 0.340, 0.43, -0.01),
        (0.26, 0.330, 0.42, -0.02),
        (0.35, 0.300, 0.38, -0.03),
        (0.43, 0.240, 0.31, -0.035),
        (0.49, 0.145, 0.19, -0.04),
        (0.51, 0.01, 0.01, -0.04),
    ]
)


def head(body: BodyShape, looks: Appearance, bones: Skeleton, sides: int, factor: int) -> Tubes:
    """Chin to crown, with hair where it grows."""
    rings, _ = finer(_HEAD, factor)
    size = body.head * rings
    left, up, forward = (bones.head_axes[:, None, i] for i in range(3))
    centres = bones[Joint.HEAD][:, None] + size[:, 0, None] * up + size[:, 3, None] * forward
    cos, sin = circle(sides)
    u, v = size[:, 1, None] * left, size[:, 2, None] * forward
    points = centres[:, :, None] + cos[:, None] * u[:, :, None] + sin[:, None] * v[:, :, None]
    colours = np.empty((len(rings) - 1, sides, 3))
    colours[:] = looks.skin
    if looks.hair_style != "bald":
        middle = 0.5 * (rings[1:, 0] + rings[:-1, 0])
        # Front of a side, -1 at the back to 1 at the nose; hair starts lower the farther back.
        lowest = 0.30 - 0.26 * (1.0 - sin) if looks.hair_style == "short" else 0.30 - 0.48 * (1.0 - sin)
        colours[middle[:, None] > lowest[None, :]] = looks.hair
    return Tubes(points[:, None], centres[:, None], colours[None])


def features(body: BodyShape, looks: Appearance, bones: Skeleton) -> Tubes:
    """Neck, nose and ears, and a knot of long hair."""
    left, up, forward = (bones.head_axes[:, i] for i in range(3))
    middle, size = bones[Joint.HEAD], body.head

    def at(x: float, y: float, z: float) -> Array:
        return middle + size * (x * left + y * up + z * forward)

    # Two ends, half-axes across and in front as shares of the head's height, colour.
    parts: list[tuple[Array, Array, float, float, Colour]] = [
        (
            bones[Joint.COLLAR] - 0.02 * body.height * bones.trunk_axes[:, 1],
            at(0.0, -0.25, -0.08),
            0.27,
            0.27,
            looks.skin,
        ),
        (at(0.0, 0.08, 0.38), at(0.0, -0.13, 0.45), 0.055, 0.075, looks.skin),
        (at(0.335, 0.11, -0.04), at(0.325, -0.13, 0.0), 0.04, 0.075, looks.skin),
        (at(-0.335, 0.11, -0.04), at(-0.325, -0.13, 0.0), 0.04, 0.075, looks.skin),
    ]
    for side in (0, 1):
        # The shoulder's cap joins trunk and arm however the arm is raised.
        joint = bones.joints[:, Joint.L_SHOULDER + side]
        inner = joint + 0.55 * (bones[Joint.COLLAR] - joint)
        outer = joint + 0.004 * body.height * unit(joint - bones[Joint.COLLAR])
        wide = 0.028 * body.height / size * (0.45 + 0.55 * body.girth)
        parts.append((inner, outer, wide, wide * 1.05, looks.shirt))
    if looks.hair_style == "long":
        parts.append((at(0.0, 0.22, -0.40), at(0.0, -0.45, -0.52), 0.13, 0.11, looks.hair))
    return _spindles(parts, forward, size, 6, 8)


def _spindles(
    parts: list[tuple[Array, Array, float, float, Colour]], front: Array, size: float, rings: int, sides: int
) -> Tubes:
    """Rounded rods between two points."""
    start = np.stack([part[0] for part in parts], axis=1)
    end = np.stack([part[1] for part in parts], axis=1)
    axis = unit(end - start)
    across = unit(np.cross(axis, front[:, None]))
    before = np.cross(across, axis)
    share = np.linspace(0.0, 1.0, rings)
    round_off = np.sqrt(np.maximum(1.0 - (2.0 * share - 1.0) ** 4, 0.04))
    wide = np.array([part[2] for part in parts])[:, None] * round_off * size
    deep = np.array([part[3] for part in parts])[:, None] * round_off * size
    centres = start[:, :, None] + share[:, None] * (end - start)[:, :, None]
    cos, sin = circle(sides)
    u = wide[None, :, :, None] * across[:, :, None]
    v = deep[None, :, :, None] * before[:, :, None]
    points = centres[..., None, :] + cos[:, None] * u[..., None, :] + sin[:, None] * v[..., None, :]
    colours = np.empty((len(parts), rings - 1, sides, 3))
    for i, part in enumerate(parts):
        colours[i] = part[4]
    return Tubes(points, centres, colours)


@dataclass(frozen=True, slots=True)
class Decals:
    """Flat patches on the face."""

    points: Array
    """(T, D, K, 3) in the world."""
    normals: Array
    """(T, D, 3)"""
    colours: Array
    """(D, 3)"""


# Middle (left, up), half-width, half-height in head heights, and slant, of one side of the face.
_EYE: Final = (0.135, 0.065, 0.062, 0.032, 0.0)
_IRIS: Final = (0.132, 0.065, 0.028, 0.031, 0.0)
_BROW: Final = (0.140, 0.150, 0.080, 0.013, 0.0)
_MOUTH: Final = (0.0, -0.245, 0.115, 0.026, 0.0)


def face(body: BodyShape, looks: Appearance, bones: Skeleton) -> Decals:
    """Eyes, brows and mouth."""
    skin = np.array(looks.skin, np.float64)
    brow = 0.55 * np.array(looks.hair, np.float64) + 0.12 * skin
    patches = [(_MOUTH, 1.0, 0.62 * skin + np.array([42.0, 6.0, 8.0]))]
    for sign in (1.0, -1.0):
        patches += [
            (_EYE, sign, np.array([238.0, 236.0, 232.0])),
            (_IRIS, sign, np.array([48.0, 36.0, 30.0])),
            (_BROW, sign, brow),
        ]
    angle = 2.0 * np.pi * np.arange(8) / 8.0
    flat = np.empty((len(patches), 8, 3))
    for i, ((x, y, wide, high, slant), sign, _) in enumerate(patches):
        across = x + wide * np.cos(angle)
        flat[i, :, 0] = sign * across
        flat[i, :, 1] = y + high * np.sin(angle) - slant * np.abs(across - x + 0.02)
    height = np.clip(flat[..., 1], -0.5, 0.5)
    wide, deep, shift = (np.interp(height, _HEAD[:, 0], _HEAD[:, i]) for i in (1, 2, 3))
    flat[..., 2] = shift + deep * np.sqrt(np.maximum(1.0 - (flat[..., 0] / wide) ** 2, 0.1)) + 0.012
    points = bones[Joint.HEAD][:, None, None] + body.head * np.einsum("dki,tij->tdkj", flat, bones.head_axes)
    slope = flat[:, :, 0].mean(axis=1) / 0.34
    local = unit(
        np.stack([0.9 * slope, np.zeros_like(slope), np.sqrt(1.0 - np.clip(slope, -0.9, 0.9) ** 2)], axis=1)
    )
    normals = np.einsum("di,tij->tdj", local, bones.head_axes)
    return Decals(points, normals, np.stack([patch[2] for patch in patches]))
