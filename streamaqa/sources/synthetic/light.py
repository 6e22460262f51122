"""Light on what moves, and the sensor's noise."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from streamaqa.sources.synthetic.camera import View
from streamaqa.sources.synthetic.posture import Array
from streamaqa.sources.synthetic.script import Room

Picture: TypeAlias = NDArray[np.uint8]


def tint(room: Room) -> Array:
    """(3,) factors on red, green and blue: the room's brightness and warmth."""
    return np.asarray(room.brightness * np.array([1.0 + 0.06 * room.warmth, 1.0, 1.0 - 0.08 * room.warmth]))


class Light:
    """One lamp, the bounce of floor and ceiling, and what comes from the camera's side."""

    def __init__(self, room: Room, view: View) -> None:
        lamp = np.array(room.light)
        self._lamp = view.axes @ (lamp / np.linalg.norm(lamp))
        self._up = view.axes[:, 1]
        self._tint = tint(room)

    def on(self, colours: Array, normals: Array, cosine: Array) -> NDArray[np.uint8]:
        """Lit colours of faces with unit `normals` in camera coordinates, seen under that `cosine`."""
        lamp = np.maximum(0.15 + 0.85 * (normals @ self._lamp), 0.0)
        level = 0.36 + 0.14 * (normals @ self._up) + 0.52 * lamp + 0.20 * np.clip(cosine, 0.0, 1.0)
        lit: NDArray[np.uint8] = np.clip(colours * (level[..., None] * self._tint), 0.0, 255.0).astype(
            np.uint8
        )
        return lit


class Grain:
    """Sensor noise: cut from one large sheet at a place that depends on seed and frame number only."""

    MARGIN = 64
    """Pixels by which the sheet is larger than a picture, each way."""

    def __init__(self, size: tuple[int, int], deviation: float, seed: int) -> None:
        self._size = size
        self._seed = seed
        rng = np.random.default_rng(seed)
        shape = (size[1] + self.MARGIN, size[0] + self.MARGIN, 3)
        noise = np.round(rng.standard_normal(shape, np.float32) * deviation)
        # Saturating addition and subtraction of bytes are several times faster than signed arithmetic.
        self._more = np.clip(noise, 0, 127).astype(np.uint8)
        self._less = np.clip(-noise, 0, 127).astype(np.uint8)
        self._none = deviation <= 0.0

    def add(self, picture: Picture, number: int) -> Picture:
        """`picture` with noise."""
        if self._none:
            return picture
        x, y = np.random.default_rng((self._seed, number)).integers(self.MARGIN, size=2)
        window = np.s_[y : y + self._size[1], x : x + self._size[0]]
        cv2.add(picture, self._more[window], dst=picture)
        cv2.subtract(picture, self._less[window], dst=picture)
        return picture
