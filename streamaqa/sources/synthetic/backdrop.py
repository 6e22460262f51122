"""The gym: wall, floor and furniture, painted once per scene."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from streamaqa.sources.synthetic.camera import View
from streamaqa.sources.synthetic.light import Picture, tint
from streamaqa.sources.synthetic.posture import Array
from streamaqa.sources.synthetic.script import Colour, Room

WALL: Final = -2.6
"""Metres from the origin to the wall behind the lifter, away from the camera."""
_FAR: Final = 7.0
"""Metres to each side up to which things are painted."""
_CIRCLE: Final = [(float(np.cos(a)), float(np.sin(a))) for a in 2.0 * np.pi * np.arange(28) / 28.0]


def backdrop(room: Room, view: View) -> Picture:
    """(H, W, 3) RGB of the empty room."""
    width, height = view.size
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = room.wall
    paint = _Painter(picture, view)
    rng = np.random.default_rng(room.seed)
    _wall(paint, room, rng)
    _shelf(paint, rng)
    _rack(paint, room, rng)
    paint.paint()
    # Out of focus: the lens is set on the lifter.
    picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), max(0.6, height / 640.0)), np.uint8)
    paint = _Painter(picture, view)
    _floor(paint, room)
    paint.paint()
    return _lit(picture, room)


class _Painter:
    """Fills polygons given in the world: collected first, since they are projected faster together."""

    def __init__(self, picture: Picture, view: View) -> None:
        self.picture = picture
        self.view = view
        self._corners: list[Sequence[tuple[float, float, float]]] = []
        self._colours: list[Sequence[float]] = []

    def fill(self, corners: Sequence[tuple[float, float, float]], colour: Sequence[float]) -> None:
        """A flat convex polygon in front of the camera, over all before it."""
        self._corners.append(corners)
        self._colours.append(colour)

    def paint(self) -> None:
        """Put everything onto the picture."""
        world = np.array([corner for corners in self._corners for corner in corners], np.float64)
        flat = self.view.project(self.view.to_camera(world))
        points = np.round(np.clip(flat, -30000.0, 30000.0) * 8.0).astype(np.int32)
        ends = np.cumsum([len(corners) for corners in self._corners])
        colours = np.clip(np.array(self._colours, np.float64), 0.0, 255.0).tolist()
        for polygon, colour in zip(np.split(points, ends[:-1]), colours, strict=True):
            cv2.fillConvexPoly(self.picture, polygon, colour, cv2.LINE_AA, 3)

    def upright(
        self, x: float, y: float, width: float, height: float, colour: Sequence[float], z: float = WALL
    ) -> None:
        """A rectangle parallel to the wall; x and y are its lower left corner."""
        right, top = x + width, y + height
        self.fill([(x, y, z), (right, y, z), (right, top, z), (x, top, z)], colour)

    def lying(
        self, x: float, z: float, width: float, depth: float, colour: Sequence[float], y: float = 0.0
    ) -> None:
        """A rectangle on the floor; x and z are its far left corner, depth counts towards the camera."""
        near = min(z + depth, self.view.camera.distance - 0.35)
        right = x + width
        self.fill([(x, y, z), (right, y, z), (right, y, near), (x, y, near)], colour)

    def disc(self, x: float, y: float, radius: float, colour: Sequence[float], z: float) -> None:
        """A circle parallel to the wall."""
        self.fill([(x + radius * cos, y + radius * sin, z) for cos, sin in _CIRCLE], colour)


def _mix(colour: Colour, other: Sequence[float], share: float) -> list[float]:
    return [(1.0 - share) * a + share * b for a, b in zip(colour, other, strict=True)]


def _wall(paint: _Painter, room: Room, rng: np.random.Generator) -> None:
    black, white = (0.0, 0.0, 0.0), (255.0, 255.0, 255.0)
    paint.upright(-_FAR, 0.0, 2 * _FAR, 1.0, _mix(room.wall, black, 0.16))
    paint.upright(-_FAR, 1.0, 2 * _FAR, 0.07, room.accent)
    paint.upright(-_FAR, 0.0, 2 * _FAR, 0.12, _mix(room.wall, black, 0.55))
    offset = float(rng.uniform(-0.6, 0.6))
    for x in np.arange(-6.4, 6.5, 1.6) + offset:
        # Window panes high up: frame, sky, a lighter lower half.
        paint.upright(float(x), 1.75, 1.3, 0.85, _mix(room.wall, black, 0.35))
        paint.upright(float(x) + 0.05, 1.80, 1.2, 0.75, _mix((196, 212, 222), white, 0.15))
        paint.upright(float(x) + 0.05, 1.80, 1.2, 0.30, _mix((206, 218, 224), white, 0.35))
        paint.upright(float(x) + 0.63, 1.75, 0.04, 0.85, _mix(room.wall, black, 0.35))


def _shelf(paint: _Painter, rng: np.random.Generator) -> None:
    """Two rows of dumbbells on one side of the wall."""
    side = 1.0 if rng.random() < 0.5 else -1.0
    left = 0.75 if side > 0 else -2.55
    z = WALL + 0.35
    for y in (0.32, 0.72):
        paint.upright(left, y - 0.05, 1.8, 0.05, (52, 54, 58), z)
        for x in np.arange(left + 0.06, left + 1.7, 0.2):
            size = float(rng.uniform(0.05, 0.075))
            paint.disc(float(x) + 0.06, y + size, size, (34, 35, 38), z)
            paint.disc(float(x) + 0.06, y + size, size * 0.4, (120, 122, 126), z)
    for x in (left, left + 1.74):
        paint.upright(x, 0.0, 0.06, 0.85, (44, 46, 50), z)


def _rack(paint: _Painter, room: Room, rng: np.random.Generator) -> None:
    """A power rack with spare plates, away from the lifter."""
    left = -1.55 + float(rng.uniform(-0.2, 0.2))
    z = WALL + 0.3
    for x in (left, left + 1.15):
        paint.upright(x, 0.0, 0.08, 2.25, (46, 48, 54), z)
        paint.upright(x + 0.02, 0.0, 0.02, 2.25, (74, 76, 82), z)
    paint.upright(left, 2.17, 1.23, 0.08, room.accent, z)
    for y, radius, colour in ((0.45, 0.2, room.plates), (0.95, 0.16, room.accent)):
        for x in (left + 0.04, left + 1.19):
            paint.disc(x, y, radius, _mix(colour, (0.0, 0.0, 0.0), 0.2), z)
            paint.disc(x, y, radius * 0.8, colour, z)
            paint.disc(x, y, radius * 0.18, (170, 172, 176), z)


def _floor(paint: _Painter, room: Room) -> None:
    """Rubber tiles and a wooden platform under the lifter."""
    paint.lying(-_FAR, WALL, 2 * _FAR, 12.0, room.floor)
    seam = _mix(room.floor, (0.0, 0.0, 0.0), 0.22)
    for x in np.arange(-6.0, 6.1, 1.0):
        paint.lying(float(x), WALL, 0.015, 12.0, seam)
    for z in np.arange(-2.0, paint.view.camera.distance - 0.4, 1.0):
        paint.lying(-_FAR, float(z), 2 * _FAR, 0.02, seam)
    paint.lying(-1.3, -1.25, 2.6, 2.5, _mix(room.floor, (0.0, 0.0, 0.0), 0.35))
    for i, x in enumerate(np.arange(-0.62, 0.6, 0.155)):
        shade = 1.0 + 0.06 * ((i * 7) % 5 - 2) / 2.0
        paint.lying(float(x), -1.2, 0.15, 2.4, [c * shade for c in (186, 146, 100)])


def _lit(picture: Picture, room: Room) -> Picture:
    """The room's brightness and tint, light that falls off to the corners, and a little unevenness."""
    height, width = picture.shape[:2]
    x = np.linspace(-1.0, 1.0, width)[None, :] * width / height
    y = np.linspace(-1.0, 1.0, height)[:, None]
    side = np.sign(room.light[0]) * min(1.0, abs(room.light[0]))
    level: Array = 1.03 - 0.16 * (x**2 + y**2) + 0.06 * side * x - 0.03 * y
    rng = np.random.default_rng(room.seed + 1)
    blotches = cv2.resize(rng.standard_normal((9, 7)), (width, height), interpolation=cv2.INTER_CUBIC)
    level = level + 0.012 * blotches
    return np.clip(picture * (level[..., None] * tint(room)), 0.0, 255.0).astype(np.uint8)
