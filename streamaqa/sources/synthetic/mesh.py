"""The mannequin: skeletons become rings of points, rings become quadrilaterals.

Every part is a tube: rings about a centre line, each with two half-axes. Limbs have straight centre lines and
radii that follow a profile, trunk and head their own rings. All T moments and all parts of a group are worked
out in one array operation, (T, parts, rings, sides, 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamaqa.sources.synthetic.body import BodyShape
from streamaqa.sources.synthetic.posture import Array, Joint, Skeleton, unit
from streamaqa.sources.synthetic.script import Appearance, Colour


@dataclass(frozen=True, slots=True)
class Tubes:
    """Some tubes of the same make."""

    points: Array
    """(T, P, R, S, 3) in the world; sides run once around."""
    centres: Array
    """(T, P, R, 3)"""
    colours: Array
    """(P, R - 1, S, 3) RGB of each face in daylight."""


@dataclass(frozen=True, slots=True)
class Limb:
    """The profile of one limb, from its first joint to its second. Radii are shares of the body's height."""

    first: Joint
    second: Joint
    along: tuple[float, ...]
    """Where each ring sits, as a share of the way."""
    wide: tuple[float, ...]
    """Half-axis across."""
    deep: tuple[float, ...]
    """Half-axis towards the front."""
    shift: tuple[float, ...]
    """Centre moved to the front."""


_FLAT: Final = (0.0,) * 9
_THIGH: Final = Limb(
    Joint.L_HIP,
    Joint.L_KNEE,
    (-0.10, -0.03, 0.12, 0.30, 0.48, 0.62, 0.80, 0.97, 1.08),
    (0.004, 0.044, 0.051, 0.050, 0.046, 0.041, 0.035, 0.031, 0.003),
    (0.004, 0.048, 0.056, 0.054, 0.049, 0.043, 0.037, 0.034, 0.003),
    (0.0, 0.0, 0.002, 0.005, 0.005, 0.004, 0.002, 0.002, 0.002),
)
_SHANK: Final = Limb(
    Joint.L_KNEE,
    Joint.L_ANKLE,
    (-0.09, 0.01, 0.16, 0.30, 0.45, 0.62, 0.78, 0.92, 1.10),
    (0.003, 0.029, 0.031, 0.034, 0.032, 0.026, 0.021, 0.020, 0.004),
    (0.003, 0.030, 0.032, 0.036, 0.034, 0.027, 0.021, 0.021, 0.004),
    (0.003, 0.002, -0.003, -0.009, -0.009, -0.005, -0.002, -0.002, -0.002),
)
_UPPER_ARM: Final = Limb(
    Joint.L_SHOULDER,
    Joint.L_ELBOW,
    (-0.14, -0.07, 0.10, 0.28, 0.42, 0.55, 0.75, 0.96, 1.07),
    (0.003, 0.026, 0.033, 0.032, 0.029, 0.026, 0.024, 0.022, 0.003),
    (0.003, 0.028, 0.036, 0.034, 0.031, 0.028, 0.026, 0.023, 0.003),
    _FLAT,
)
_FOREARM: Final = Limb(
    Joint.L_ELBOW,
    Joint.L_WRIST,
    (-0.09, 0.0, 0.15, 0.30, 0.48, 0.66, 0.84, 0.98, 1.08),
    (0.003, 0.021, 0.025, 0.026, 0.023, 0.019, 0.016, 0.015, 0.003),
    (0.003, 0.021, 0.025, 0.025, 0.022, 0.018, 0.015, 0.014, 0.003),
    _FLAT,
)
_HAND: Final = Limb(
    Joint.L_WRIST,
    Joint.L_GRIP,
    (-0.10, 0.15, 0.40, 0.70, 0.95, 1.20, 1.40, 1.55, 1.62),
    (0.003, 0.014, 0.018, 0.022, 0.024, 0.024, 0.022, 0.016, 0.002),
    (0.003, 0.011, 0.014, 0.017, 0.019, 0.019, 0.018, 0.013, 0.002),
    _FLAT,
)
_SHOE: Final = Limb(
    Joint.L_HEEL,
    Joint.L_TOE,
    (-0.04, 0.03, 0.15, 0.30, 0.48, 0.66, 0.84, 1.00, 1.07),
    (0.002, 0.019, 0.023, 0.024, 0.026, 0.029, 0.030, 0.022, 0.002),
    (0.002, 0.024, 0.031, 0.031, 0.025, 0.020, 0.016, 0.012, 0.002),
    (0.012, 0.014, 0.017, 0.017, 0.012, 0.008, 0.005, 0.002, -0.002),
)
_LIMBS: Final = (_THIGH, _SHANK, _UPPER_ARM, _FOREARM, _HAND, _SHOE)

# Trunk rings: share of the way from pelvis to collar, half-width and half-depth in heights, shift forward.
_TRUNK: Final = np.array(
    [
        (-0.17, 0.006, 0.008, 0.000),
        (-0.12, 0.072, 0.062, -0.004),
        (-0.02, 0.096, 0.071, -0.008),
        (0.09, 0.094, 0.067, -0.006),
        (0.20, 0.086, 0.061, 0.000),
        (0.33, 0.082, 0.059, 0.002),
        (0.48, 0.088, 0.063, 0.004),
        (0.63, 0.097, 0.069, 0.007),
        (0.77, 0.099, 0.069, 0.006),
        (0.89, 0.096, 0.060, 0.000),
        (0.97, 0.080, 0.048, -0.004),
        (1.04, 0.052, 0.038, -0.006),
        (1.10, 0.031, 0.031, -0.004),
    ]
)


def circle(sides: int) -> tuple[Array, Array]:
    """Cosine and sine once around; the first side looks along the second half-axis (the front)."""
    angle = 2.0 * np.pi * (np.arange(sides) + 0.5) / sides
    return np.sin(angle), np.cos(angle)


def finer(rings: Array, factor: int) -> tuple[Array, NDArray[np.intp]]:
    """More rings on a smooth curve through those given (R, columns), and from which band each new one comes.

    Catmull-Rom, which goes through its points and does not overshoot far; radii stay positive.
    """
    count = len(rings)
    at = np.linspace(0.0, count - 1.0, (count - 1) * factor + 1)
    band = np.minimum(at.astype(np.intp), count - 2)
    t = (at - band)[:, None]
    before, after = rings[np.maximum(band - 1, 0)], rings[np.minimum(band + 2, count - 1)]
    start, end = rings[band], rings[band + 1]
    curve = start + 0.5 * t * (
        end
        - before
        + t * (2.0 * before - 5.0 * start + 4.0 * end - after + t * (3.0 * (start - end) + after - before))
    )
    # Between its neighbours: an end cap must not bulge.
    return np.clip(curve, np.minimum(start, end), np.maximum(start, end)), band[:-1]


def limbs(body: BodyShape, looks: Appearance, bones: Skeleton, sides: int, factor: int) -> Tubes:
    """Arms, hands, legs and shoes, left then right of each."""
    joints = bones.joints
    pairs = [(limb, side) for limb in _LIMBS for side in (0, 1)]
    start = np.stack([joints[:, limb.first + side] for limb, side in pairs], axis=1)
    end = np.stack([joints[:, limb.second + side] for limb, side in pairs], axis=1)
    front = np.empty_like(start)
    for i, (limb, side) in enumerate(pairs):
        front[:, i] = _front(limb, side, bones)
    axis = unit(end - start)
    across = unit(np.cross(axis, front))
    front = np.cross(across, axis)
    profile = np.array(
        [(limb.along, limb.wide, limb.deep, limb.shift, _loose(limb, looks)) for limb, _ in pairs]
    )
    smooth, band = finer(profile.transpose(2, 0, 1).reshape(profile.shape[2], -1), factor)
    profile = smooth.T.reshape(*profile.shape[:2], -1)
    thick = body.height * (0.45 + 0.55 * body.girth)
    along, wide, deep, shift, loose = (profile[:, i] for i in range(5))
    centres = start[:, :, None] + along[None, :, :, None] * (end - start)[:, :, None]
    centres = centres + (shift * body.height)[None, :, :, None] * front[:, :, None]
    cos, sin = circle(sides)
    u = (wide * loose * thick)[None, :, :, None] * across[:, :, None]
    v = (deep * loose * thick)[None, :, :, None] * front[:, :, None]
    points = centres[..., None, :] + cos[:, None] * u[..., None, :] + sin[:, None] * v[..., None, :]
    colours = np.stack([_limb_colours(limb, looks, sides) for limb, _ in pairs])[:, band]
    return Tubes(points, centres, colours)


def _front(limb: Limb, side: int, bones: Skeleton) -> Array:
    """A direction to the front of each limb, where knee caps and insteps are."""
    if limb in (_THIGH, _SHANK):
        toes = bones[Joint(Joint.L_TOE + side)] - bones[Joint(Joint.L_HEEL + side)]
        knee = bones[Joint(Joint.L_KNEE + side)]
        middle = 0.5 * (bones[Joint(Joint.L_HIP + side)] + bones[Joint(Joint.L_ANKLE + side)])
        return unit(toes) * 0.3 + (knee - middle)
    if limb is _SHOE:
        up = np.zeros_like(bones[Joint.PELVIS])
        up[:, 1] = 1.0
        return up
    return bones.trunk_axes[:, 2] + 0.3 * bones.trunk_axes[:, 1]


def _loose(limb: Limb, looks: Appearance) -> tuple[float, ...]:
    """Factors on the radii where cloth hangs wider than the limb, ring by ring."""
    if limb is _THIGH:
        return (1.0, 1.03, 1.06, 1.1, 1.14, 1.2, 1.0, 1.0, 1.0) if looks.legs == "shorts" else (1.06,) * 9
    if limb is _SHANK and looks.legs == "long":
        return (1.1,) * 8 + (1.2,)
    if limb is _UPPER_ARM and looks.sleeves != "none":
        return (
            (1.05, 1.05, 1.06, 1.08, 1.12, 1.16, 1.0, 1.0, 1.0) if looks.sleeves == "short" else (1.08,) * 9
        )
    return (1.0,) * 9


def _limb_colours(limb: Limb, looks: Appearance, sides: int) -> Array:
    skin, rings = looks.skin, len(limb.along) - 1
    bands: list[Colour] = [skin] * rings
    if limb is _THIGH:
        bands = [looks.shorts] * (5 if looks.legs == "shorts" else rings) + [skin] * (rings - 5)
    elif limb is _SHANK:
        bands = [skin] * 5 + [looks.socks] * 3 if looks.legs == "shorts" else [looks.shorts] * rings
    elif limb is _UPPER_ARM and looks.sleeves != "none":
        bands = [looks.shirt] * (5 if looks.sleeves == "short" else rings) + [skin] * (rings - 5)
    elif limb is _FOREARM and looks.sleeves == "long":
        bands = [looks.shirt] * 7 + [skin]
    elif limb is _SHOE:
        bands = [looks.shoes] * rings
    out = np.repeat(np.array(bands[:rings], np.float64)[:, None], sides, axis=1)
    if limb is _SHOE:
        # A pale sole, where the ring looks down.
        _, front = circle(sides)
        out[:, front < -0.75] = 0.4 * out[:, front < -0.75] + 0.6 * 200.0
    return out


def trunk(body: BodyShape, looks: Appearance, bones: Skeleton, sides: int, factor: int) -> Tubes:
    """Pelvis to neck along the curved spine; shorts below, shirt above."""
    rings, band = finer(_TRUNK, factor)
    share, wide, deep, shift = rings.T
    nodes = np.array([0.0, 0.33, 0.70, 1.0])
    weights, slopes = _lagrange(nodes, share)
    spine = bones.joints[:, [Joint.PELVIS, Joint.WAIST, Joint.CHEST, Joint.COLLAR]]
    centres = np.einsum("rn,tnk->trk", weights, spine)
    left = np.repeat(bones.trunk_axes[:, None, 0], len(share), axis=1)
    forward = unit(np.cross(left, unit(np.einsum("rn,tnk->trk", slopes, spine))))
    girth = 0.35 + 0.65 * body.girth
    widths = body.height * girth * wide * _frame(body, share)
    centres = centres + (body.height * shift)[:, None] * forward
    cos, sin = circle(sides)
    # A cross-section between ellipse and box, as chests are.
    cos, sin = np.sign(cos) * np.abs(cos) ** 0.85, np.sign(sin) * np.abs(sin) ** 0.9
    u = widths[:, None] * left
    v = (body.height * girth * deep)[:, None] * forward
    points = centres[:, :, None] + cos[:, None] * u[:, :, None] + sin[:, None] * v[:, :, None]
    bands = [looks.shorts if s < 0.09 else looks.shirt if s < 1.03 else looks.skin for s in _TRUNK[:-1, 0]]
    colours = np.repeat(np.array(bands, np.float64)[band][:, None], sides, axis=1)
    return Tubes(points[:, None], centres[:, None], colours[None])


def _frame(body: BodyShape, share: Array) -> Array:
    """Factors on half-widths that follow the body's own hips and shoulders."""
    return np.asarray(body.hips + (body.shoulders - body.hips) * np.clip(share, 0.0, 1.0))


def _lagrange(nodes: Array, at: Array) -> tuple[Array, Array]:
    """Weights of the cubic through four nodes, and of its slope: (R, 4) each."""
    powers = np.vander(nodes, 4, increasing=True)
    inverse = np.linalg.inv(powers)
    value = np.vander(at, 4, increasing=True) @ inverse
    slope = np.stack([np.zeros_like(at), np.ones_like(at), 2.0 * at, 3.0 * at**2], axis=1) @ inverse
    return value, slope
