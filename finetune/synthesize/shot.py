"""What one sample shows and how the camera takes it: everything explicit, chance has been drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamaqa.sources.synthetic.camera import View
from streamaqa.sources.synthetic.posture import Array
from streamaqa.sources.synthetic.script import Colour, Scene, SetScript

CANVAS: Final = 2
"""Canvas pixels for each pixel of the picture, each way: averaging them smooths every edge."""
MARGIN: Final = 0.07
"""Room painted beyond the picture, as a share of its size: where a shaking camera may look."""


@dataclass(frozen=True, slots=True)
class Screen:
    """Something flat and convex between camera and lifter."""

    corners: tuple[tuple[float, float], ...]
    """x and y as shares of the picture."""
    colour: Colour
    speed: float = 0.0
    """Shares of the picture's width a second, to the right."""

    def at(self, times: Array) -> Array:
        """(T, K, 2) shares of the picture."""
        out = np.repeat(np.array(self.corners, np.float64)[None], len(times), axis=0)
        out[..., 0] += self.speed * times[:, None]
        return out


@dataclass(frozen=True, slots=True)
class Shot:
    """One clip, or at a single moment one image."""

    scene: Scene
    """One set of one repetition."""
    times: Array
    """(T,) seconds."""
    size: int
    """Width and height in pixels."""
    roll: float
    """Degrees by which the camera is held askew."""
    shake: Array
    """(T, 2) pixels of the picture by which the camera has moved, right and down."""
    screens: tuple[Screen, ...]
    seed: int
    """Draws the sensor's noise."""

    @property
    def script(self) -> SetScript:
        """The set: one repetition and the standing about it."""
        script = self.scene.segments[0]
        assert isinstance(script, SetScript)
        return script

    def with_faults(self, script: SetScript) -> Shot:
        """The same lifter, room and camera, with another script."""
        return replace(self, scene=replace(self.scene, segments=(script,)))


class Lens:
    """From the world to the pixels of a shot's canvas, camera movement included.

    The room is painted once on a sheet that is larger than the canvas by a margin; each frame cuts the canvas
    from it where the camera looks.
    """

    def __init__(self, shot: Shot) -> None:
        self.size = shot.size
        self.canvas = CANVAS * shot.size
        margin = int(np.ceil(MARGIN * shot.size)) * CANVAS
        sheet = self.canvas + 2 * margin
        camera = shot.scene.camera
        wider = np.tan(np.radians(camera.field_of_view) / 2.0) * sheet / self.canvas
        self.view = View(
            replace(camera, field_of_view=float(2.0 * np.degrees(np.arctan(wider)))), (sheet, sheet)
        )
        """Of the sheet."""
        moved = np.round(shot.shake * CANVAS).astype(np.int64)
        self.offsets: NDArray[np.int64] = np.clip(margin + moved, 0, 2 * margin)
        """(T, 2) where on the sheet each frame's canvas begins, x and y."""
        angle = np.radians(shot.roll)
        self.turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        """Sheet pixels about its middle are rows that are multiplied by this."""

    def on_canvas(self, flat: Array) -> Array:
        """Pixels of the level sheet (T, ..., 2) to pixels of each frame's canvas."""
        offsets = self.offsets.reshape(len(self.offsets), *(1,) * (flat.ndim - 2), 2)
        # Written out: a product with a matrix of two by two is several times slower.
        x, y = flat[..., 0] - self.view.centre[0], flat[..., 1] - self.view.centre[1]
        (a, b), (c, d) = self.turn.tolist()
        out = np.empty_like(flat)
        out[..., 0] = a * x + c * y + (self.view.centre[0] - offsets[..., 0])
        out[..., 1] = b * x + d * y + (self.view.centre[1] - offsets[..., 1])
        return out

    def in_picture(self, points: Array) -> Array:
        """World points (T, ..., 3) to shares of the picture (T, ..., 2)."""
        return self.on_canvas(self.view.project(self.view.to_camera(points))) / self.canvas
