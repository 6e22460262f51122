"""Flat polygons with light on them: what the figure's parts are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamaqa.sources.synthetic.camera import View
from streamaqa.sources.synthetic.light import Light
from streamaqa.sources.synthetic.posture import Array, unit
from streamaqa.sources.synthetic.script import Room

CORNERS: Final = 12
"""Of every polygon; those with fewer repeat their last."""
OVER: Final = 0.006
"""Metres by which a layer comes before the one below it; a lit strip by half of it."""
_DIAGONAL: Final = float(np.sqrt(0.5))


@dataclass(frozen=True, slots=True)
class Patches:
    """Convex polygons in T moments."""

    corners: Array
    """(T, N, CORNERS, 2) pixels."""
    depth: Array
    """(T, N) metres from the camera: what is farther is painted first."""
    colours: NDArray[np.uint8]
    """(T, N, 3) RGB as lit."""


@dataclass(frozen=True, slots=True)
class Capsules:
    """L tapered tubes in T moments, in camera coordinates."""

    start: Array
    """(T, L, 3)"""
    end: Array
    """(T, L, 3)"""
    radii: Array
    """(L, 3) metres at the start, at the belly and at the end."""
    belly: Array
    """(L,) where the belly is, as a share of the way."""
    colours: Array
    """(L, 3) in daylight."""
    depth: Array
    """(T, L) metres from the camera that count for the order of painting."""
    lit: NDArray[np.intp]
    """Which of them have a lit strip; the smallest do without."""


class Studio:
    """A camera and the lamp as it stands before it."""

    def __init__(self, room: Room, view: View) -> None:
        self.view = view
        self.light = Light(room, view)
        lamp = np.array(room.light)
        self.lamp = view.axes @ (lamp / np.linalg.norm(lamp))
        """(3,) unit, in camera coordinates."""

    def capsules(self, made: Capsules) -> Patches:
        """Each as a dark outline, and a lit strip along the side that is turned to the lamp."""
        middle = 0.5 * (made.start + made.end)
        shade = Shade(self, made.end - made.start, middle)
        near = np.maximum(np.stack([made.start[..., 2], middle[..., 2], made.end[..., 2]], axis=-1), 0.3)
        wide = made.radii * self.view.focal / near
        a, b = self.view.project(made.start), self.view.project(made.end)
        along = unit(b - a)
        across = np.stack([-along[..., 1], along[..., 0]], axis=-1)
        shift = 0.28 * shade.toward(across) * across
        dark = _outline(a, b, wide, made.belly, along, across)
        a, b = a + shift * wide[..., :1], b + shift * wide[..., 2:]
        strip = _outline(a, b, 0.56 * wide, made.belly, along, across)[:, made.lit]
        below, above = shade.colours(made.colours)
        return Patches(
            np.concatenate([dark, strip], axis=1),
            np.concatenate([made.depth, made.depth[:, made.lit] - 0.5 * OVER], axis=1),
            np.concatenate([below, above[:, made.lit]], axis=1),
        )

    def ellipsoids(self, centres: Array, axes: Array, colours: Array) -> Patches:
        """About `centres` (T, N, 3) with half-axes (T, N, 3, 3), both in the world."""
        points = self.view.to_camera(centres)
        turned = axes @ self.view.axes[:2].T
        # Any square root of the projected ellipsoid maps the unit circle onto its outline.
        root = np.linalg.cholesky(np.swapaxes(turned, -1, -2) @ turned)
        outline = unit_circle() @ np.swapaxes(root, -1, -2) * (self.view.focal / points[..., 2:, None])
        normal = np.broadcast_to(np.array([0.0, -0.5, -0.86]), points.shape)
        lit = self.light.on(colours, normal, np.ones(points.shape[:2]))
        return Patches(self.view.project(points)[:, :, None] + outline, points[..., 2], lit)


class Shade:
    """How light falls on parts that run along `way` (T, L, 3) about `middle`, in camera coordinates."""

    def __init__(self, studio: Studio, way: Array, middle: Array) -> None:
        axis = unit(way)
        self._light = studio.light
        self._seen = unit(-middle)
        front = unit(self._seen - axis * np.sum(axis * self._seen, axis=-1, keepdims=True))
        side = np.cross(axis, front)
        side *= np.where(side @ studio.lamp >= 0.0, 1.0, -1.0)[..., None]
        self._side = side
        self._lit = unit(front + 0.6 * side)
        self._dark = unit(0.8 * front - 0.6 * side)

    def toward(self, across: Array) -> Array:
        """(T, L, 1) 1 where the lit side lies along `across` (T, L, 2) in the picture, else -1."""
        same = np.sum(across * self._side[..., :2], axis=-1, keepdims=True)
        return np.where(same > 0.0, 1.0, -1.0)

    def colours(self, colours: Array) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """(T, L, 3) of the dark outline and of the lit strip, for parts of these colours in daylight."""
        dark = self._light.on(colours * 0.86, self._dark, np.sum(self._dark * self._seen, axis=-1))
        return dark, self._light.on(colours, self._lit, np.sum(self._lit * self._seen, axis=-1))


def unit_circle() -> Array:
    """(CORNERS, 2) points once around."""
    angle = 2.0 * np.pi * (np.arange(CORNERS) + 0.5) / CORNERS
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def padded(corners: Array) -> Array:
    """(T, N, k, 2) to CORNERS corners, the last one repeated."""
    more = CORNERS - corners.shape[2]
    return np.concatenate([corners, np.repeat(corners[:, :, -1:], more, axis=2)], axis=2)


def _outline(a: Array, b: Array, wide: Array, belly: Array, along: Array, across: Array) -> Array:
    """(T, L, CORNERS, 2): once around, five corners for each cap and one for each side of the belly."""
    first, middle, last = wide[..., :1], wide[..., 1:2], wide[..., 2:]
    centre = a + belly[:, None] * (b - a)
    out, aside = first * across, last * across
    back, ahead = first * along, last * along
    return np.stack(
        [
            a + out,
            a + _DIAGONAL * (out - back),
            a - back,
            a - _DIAGONAL * (out + back),
            a - out,
            centre - middle * across,
            b - aside,
            b + _DIAGONAL * (ahead - aside),
            b + ahead,
            b + _DIAGONAL * (ahead + aside),
            b + aside,
            centre + middle * across,
        ],
        axis=2,
    )
