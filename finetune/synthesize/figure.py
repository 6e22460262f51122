"""The lifter as flat polygons: limbs as tapered capsules, a trunk of bands, an ellipsoid for a head.

At a hundred pixels a limb is six pixels wide, and two polygons of twelve corners show its outline and its
light as well as a mesh does. All moments of a clip are worked out in one array operation per kind of part.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from finetune.synthesize.capsules import OVER, Capsules, Patches, Shade, Studio, padded, unit_circle
from streamaqa.sources.synthetic.body import BodyShape
from streamaqa.sources.synthetic.camera import View
from streamaqa.sources.synthetic.mesh import trunk
from streamaqa.sources.synthetic.posture import Array, Joint, Skeleton, unit
from streamaqa.sources.synthetic.script import Appearance, Colour, Room

PLATE_MIDDLE: Final = 0.62
"""Metres along the bar to the middle of a plate, as in `streamaqa.sources.synthetic.gear`."""
_PLATE_HALF: Final = 0.028
"""Metres: half its thickness."""


@dataclass(frozen=True, slots=True)
class _Limb:
    """A capsule along part of a bone. Radii are shares of the body's height, as the mesh has them."""

    first: Joint
    second: Joint
    begin: float
    end: float
    """Shares of the way from the first joint to the second."""
    radii: tuple[float, float, float]
    """At the beginning, at the belly and at the end."""
    belly: float
    """Where the belly is, as a share of the way."""
    over: bool = False
    """Clothes and the like: lies over the limb below."""
    lit: bool = True


# Radii follow the rings of `streamaqa.sources.synthetic.mesh`. `_limb_colours` has the same order.
_LIMBS: Final = (
    _Limb(Joint.L_HIP, Joint.L_KNEE, 0.02, 1.0, (0.046, 0.050, 0.034), 0.30),
    _Limb(Joint.L_HIP, Joint.L_KNEE, 0.0, 0.60, (0.050, 0.052, 0.046), 0.35, over=True),
    _Limb(Joint.L_KNEE, Joint.L_ANKLE, 0.0, 1.0, (0.031, 0.034, 0.021), 0.30),
    _Limb(Joint.L_HEEL, Joint.L_TOE, 0.12, 0.92, (0.024, 0.024, 0.018), 0.45, over=True, lit=False),
    _Limb(Joint.L_SHOULDER, Joint.L_ELBOW, 0.0, 1.0, (0.031, 0.032, 0.022), 0.25),
    _Limb(Joint.L_SHOULDER, Joint.L_ELBOW, -0.06, 0.45, (0.033, 0.036, 0.034), 0.4, over=True),
    _Limb(Joint.L_ELBOW, Joint.L_WRIST, 0.0, 1.0, (0.022, 0.026, 0.015), 0.28),
    _Limb(Joint.L_WRIST, Joint.L_GRIP, 0.0, 1.2, (0.015, 0.020, 0.018), 0.5, over=True, lit=False),
)
_BOTH: Final = tuple((limb, side) for limb in _LIMBS for side in (0, 1))
_FIRST: Final = np.array([limb.first + side for limb, side in _BOTH])
_SECOND: Final = np.array([limb.second + side for limb, side in _BOTH])
_SPAN: Final = np.array([(limb.begin, limb.end) for limb, _ in _BOTH])
# The neck comes last.
_RADII: Final = np.array([*(limb.radii for limb, _ in _BOTH), (0.033, 0.030, 0.030)])
_BELLY: Final = np.array([*(limb.belly for limb, _ in _BOTH), 0.5])
_LAYER: Final = np.array([*(float(limb.over) for limb, _ in _BOTH), 0.0])
_LIT: Final = np.flatnonzero([limb.lit for limb, _ in _BOTH])

_RINGS: Final = (0, 1, 3, 5, 7, 9, 12)
"""Rings of the mesh's trunk between which its bands are drawn."""
_SHORTS_TO: Final = 3
"""The ring up to which the trunk wears shorts; above it wears the shirt."""
_BAR: Final = np.array([(0.0, 0.58), (0.58, 0.85), (0.0, -0.58), (-0.58, -0.85)])
"""Metres from its middle. Each half by itself, so that one may lie behind the lifter and the other before."""
_BAR_RADII: Final = np.array([(r, r, r) for r in (0.018, 0.026) * 2])
"""A shaft of 28 mm would vanish at 112 pixels: it is drawn as one of 36."""


def figure(body: BodyShape, looks: Appearance, room: Room, bones: Skeleton, studio: Studio) -> list[Patches]:
    """Lifter and barbell in the T moments of `bones`."""
    return [
        studio.capsules(_limbs(body, looks, bones, studio.view)),
        _trunk(body, looks, bones, studio),
        _head(body, looks, bones, studio),
        studio.capsules(_bar(bones, studio.view)),
        _plates(bones, room, studio),
    ]


def plate_outlines(bones: Skeleton, room: Room, view: View, out: float) -> tuple[Array, Array]:
    """Circles of both plates `out` metres along the bar: (T, 2, CORNERS, 2) pixels, (T, 2) metres deep."""
    middle = bones[Joint.BAR]
    axis = unit(bones[Joint.BAR_LEFT] - middle)
    across = unit(np.cross(axis, np.array([0.0, 1.0, 0.0])))
    other = np.cross(axis, across)
    ring = unit_circle() @ np.stack([across, other], axis=1)
    centres = np.stack([middle + out * axis, middle - out * axis], axis=1)
    points = view.to_camera(centres[:, :, None] + room.plate_radius * ring[:, None])
    return view.project(points), points[..., 2].mean(axis=-1)


def _limbs(body: BodyShape, looks: Appearance, bones: Skeleton, view: View) -> Capsules:
    points = view.to_camera(bones.joints)
    first, second = points[:, _FIRST], points[:, _SECOND]
    way = second - first
    start = np.concatenate([first + _SPAN[:, :1] * way, points[:, [Joint.COLLAR]]], axis=1)
    end = np.concatenate([first + _SPAN[:, 1:] * way, points[:, [Joint.HEAD]]], axis=1)
    girth = body.height * (0.35 + 0.65 * body.girth)
    colours = np.array([c for c in _limb_colours(looks) for _ in (0, 1)] + [looks.skin], np.float64)
    # Clothes go with the whole bone: a thigh that points to the camera must not come before its shorts.
    bones_depth = 0.5 * (first + second)[..., 2]
    neck_depth = 0.5 * (points[:, [Joint.COLLAR]] + points[:, [Joint.HEAD]])[..., 2]
    depth = np.concatenate([bones_depth, neck_depth], axis=1) - OVER * _LAYER
    return Capsules(start, end, girth * _RADII, _BELLY, colours, depth, _LIT)


def _limb_colours(looks: Appearance) -> tuple[Colour, ...]:
    """In the order of `_LIMBS`."""
    leg = looks.shorts if looks.legs == "long" else looks.skin
    arm = looks.shirt if looks.sleeves == "long" else looks.skin
    sleeve = looks.skin if looks.sleeves == "none" else looks.shirt
    return leg, looks.shorts, leg, looks.shoes, arm, sleeve, arm, looks.skin


def _bar(bones: Skeleton, view: View) -> Capsules:
    middle = bones[Joint.BAR]
    axis = unit(bones[Joint.BAR_LEFT] - middle)
    ends = view.to_camera(middle[:, None, None] + _BAR[..., None] * axis[:, None, None])
    steel = np.full((len(_BAR), 3), (176.0, 178.0, 182.0))
    halves = np.full(len(_BAR), 0.5)
    shaft = np.array([0, 2])
    depth = ends[..., 2].mean(axis=2)
    return Capsules(ends[:, :, 0], ends[:, :, 1], _BAR_RADII, halves, steel, depth, shaft)


def _plates(bones: Skeleton, room: Room, studio: Studio) -> Patches:
    """Each plate as its inner and outer face, the farther one darker: together they have a rim. And a hub."""
    hub_size = replace(room, plate_radius=0.3 * room.plate_radius)
    inner, inner_depth = plate_outlines(bones, room, studio.view, PLATE_MIDDLE - _PLATE_HALF)
    outer, outer_depth = plate_outlines(bones, room, studio.view, PLATE_MIDDLE + _PLATE_HALF)
    hub, _ = plate_outlines(bones, hub_size, studio.view, PLATE_MIDDLE + _PLATE_HALF)
    shades = np.array([np.multiply(room.plates, 0.7), np.multiply(room.plates, 1.15), (150.0, 152.0, 156.0)])
    rim, face, metal = studio.light.on(shades, np.tile((0.0, -0.6, -0.8), (3, 1)), np.ones(3))
    outward = (outer_depth < inner_depth)[..., None]
    return Patches(
        np.concatenate([inner, outer, hub], axis=1),
        # The hub lies on the outer face, and is hidden with it.
        np.concatenate([inner_depth, outer_depth, outer_depth - OVER], axis=1),
        np.concatenate(
            [np.where(outward, rim, face), np.where(outward, face, rim), np.where(outward, metal, rim)],
            axis=1,
        ),
    )


def _trunk(body: BodyShape, looks: Appearance, bones: Skeleton, studio: Studio) -> Patches:
    """Bands between rings of the mesh's trunk, each as wide as its rings look from the camera."""
    tubes = trunk(body, looks, bones, 10, 1)
    rings = studio.view.to_camera(tubes.points[:, 0, _RINGS])
    hubs = studio.view.to_camera(tubes.centres[:, 0, _RINGS])
    flat, line = studio.view.project(rings), studio.view.project(hubs)
    way = np.gradient(line, axis=1)
    across = unit(np.stack([-way[..., 1], way[..., 0]], axis=-1))
    aside = np.einsum("trsk,trk->trs", flat - line[:, :, None], across)
    right = line + aside.max(axis=-1)[..., None] * across
    left = line + aside.min(axis=-1)[..., None] * across
    middle = 0.5 * (hubs[:, 1:] + hubs[:, :-1])
    shade = Shade(studio, hubs[:, 1:] - hubs[:, :-1], middle)
    centre = 0.5 * (left + right)
    up, down = centre[:, 1:], centre[:, :-1]
    bright = 0.42 * shade.toward(across[:, 1:])
    a, b = bright * (right - left)[:, 1:], bright * (right - left)[:, :-1]
    dark = np.stack([left[:, :-1], right[:, :-1], right[:, 1:], left[:, 1:]], axis=2)
    strip = np.stack([down - 0.35 * b, down + b, up + a, up - 0.35 * a], axis=2)
    worn = [looks.shorts if ring <= _SHORTS_TO else looks.shirt for ring in _RINGS[1:]]
    below, above = shade.colours(np.array(worn, np.float64))
    # Its surface lies before its middle, so limbs beside it do not vanish into it.
    depth = middle[..., 2] - 0.04
    return Patches(
        padded(np.concatenate([dark, strip], axis=1)),
        np.concatenate([depth, depth - 0.5 * OVER], axis=1),
        np.concatenate([below, above], axis=1),
    )


def _head(body: BodyShape, looks: Appearance, bones: Skeleton, studio: Studio) -> Patches:
    """An ellipsoid of skin, two of hair behind and above it, and a nose that shows where it looks."""
    bald = looks.hair_style == "bald"
    long = looks.hair_style == "long"
    # Shift and half-axes along left, up and forward, as shares of the head's height.
    parts = np.array(
        [
            ((0.0, -0.02, 0.03), (0.34, 0.50, 0.40)),
            ((0.0, 0.12, -0.10), (0.36, 0.44, 0.38)),
            ((0.0, -0.30 if long else 0.1, -0.26), (0.30, 0.40, 0.20)),
            ((0.0, -0.05, 0.42), (0.07, 0.10, 0.10)),
        ]
    )
    hair = looks.skin if bald else looks.hair
    colours = np.array([looks.skin, hair, hair, np.multiply(looks.skin, 0.9)], np.float64)
    centres = bones[Joint.HEAD][:, None] + body.head * (parts[:, 0] @ bones.head_axes)
    axes = body.head * parts[:, 1][:, :, None] * bones.head_axes[:, None]
    return studio.ellipsoids(centres, axes, colours)
