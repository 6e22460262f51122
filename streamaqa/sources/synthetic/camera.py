"""The pinhole camera that looks at the lifter."""

from __future__ import annotations

import numpy as np

from streamaqa.sources.synthetic.posture import Array
from streamaqa.sources.synthetic.script import Camera


class View:
    """A camera at a picture size. Camera coordinates: x right, y down, z away, metres."""

    def __init__(self, camera: Camera, size: tuple[int, int]) -> None:
        self.camera = camera
        self.size = size
        """Width and height in pixels."""
        self.focal = 0.5 * size[1] / float(np.tan(np.radians(camera.field_of_view) / 2.0))
        """Pixels."""
        self.centre = (size[0] / 2.0, size[1] / 2.0)
        """Pixels."""
        self.eye = np.array([0.0, camera.height, camera.distance])
        """World coordinates."""
        ahead = np.array([camera.aside, camera.aim, 0.0]) - self.eye
        ahead /= np.linalg.norm(ahead)
        right = np.cross(ahead, np.array([0.0, 1.0, 0.0]))
        right /= np.linalg.norm(right)
        self.axes = np.stack([right, np.cross(ahead, right), ahead])
        """(3, 3) rows: right, down, ahead, in the world."""

    def to_camera(self, points: Array) -> Array:
        """World points (..., 3) in camera coordinates."""
        return np.asarray((points - self.eye) @ self.axes.T)

    def project(self, points: Array) -> Array:
        """Camera points (..., 3) to pixels (..., 2); the upper left corner of the picture is (0, 0)."""
        depth = np.maximum(points[..., 2:3], 0.05)
        return np.asarray(points[..., :2] * (self.focal / depth) + self.centre)

    def ray(self, pixels: Array) -> Array:
        """World directions (..., 3) through pixels (..., 2)."""
        flat = (np.asarray(pixels) - self.centre) / self.focal
        ahead = np.concatenate([flat, np.ones((*flat.shape[:-1], 1))], axis=-1)
        return np.asarray(ahead @ self.axes)
