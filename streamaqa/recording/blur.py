"""Makes the lifter's head unrecognisable before a picture is stored."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamaqa.types import Pose

FACE = slice(0, 11)
"""Landmarks of nose, eyes, ears and mouth."""
REACH = 1.1
"""How far the head goes beyond the middle of the face's landmarks, in lengths of their spread or of half the
shoulder width, whichever is more: hair and chin included, also when the head is seen from behind."""
BLOCKS = 5
"""Blocks across a blurred head. Mean colours cannot be undone as a smooth blur can, and with five there
is no eye, nose or mouth left to compare."""
COARSE = 24
"""Blocks across the shorter side of a picture without a pose: a lifter who fills it has a head of three."""


def blurred(image: NDArray[np.uint8], pose: Pose) -> NDArray[np.uint8]:
    """A copy of `image`, (H, W, 3), with the head of `pose` in blocks; all of it where nobody is found."""
    height, width = image.shape[:2]
    hidden = image.copy()
    if not pose.found:
        _pixelate(hidden, max(min(height, width) // COARSE, 1))
        return hidden
    points = pose.image[:, :2] * np.array([width, height], np.float32)
    face = points[FACE]
    middle = face.mean(axis=0)
    spread = float(np.linalg.norm(face - middle, axis=1).max())
    shoulders = float(np.linalg.norm(points[11] - points[12])) / 2
    radius = REACH * max(spread, shoulders, 8.0)
    left, top = np.maximum(np.floor(middle - radius), 0).astype(int)
    right, bottom = np.minimum(np.ceil(middle + radius) + 1, (width, height)).astype(int)
    if left < right and top < bottom:
        _pixelate(hidden[top:bottom, left:right], max(round(2 * radius / BLOCKS), 1))
    return hidden


def _pixelate(region: NDArray[np.uint8], block: int) -> None:
    """Replace each block of `region` by its mean colour, in place."""
    for top in range(0, region.shape[0], block):
        for left in range(0, region.shape[1], block):
            part = region[top : top + block, left : left + block]
            part[...] = part.mean(axis=(0, 1)).astype(np.uint8)
