"""Parts of a picture: where somebody can be, with everything else or somebody else painted over."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamaqa.pose.person import Person
from streamaqa.types import Pose

Box = tuple[int, int, int, int]
"""Left, top, right and bottom, pixels."""

BOX_MARGIN = 0.15
"""Share of a person's box by which it is widened: landmarks end at wrists, ankles and eyes."""
AROUND_M = (0.7, 1.3)
"""Metres about the middle of the trunk, sideways and up, within which a tall lifter is: arms overhead reach
1.2 m up, hips and knees of a squat seen from the side 0.5 m to either side."""
CLOSE_M = (0.45, 1.3)
"""... and within which enough of a hidden lifter is to be found again: who hides them leaves it sooner."""
LIMB_M = 0.1
"""Metres from the middle of a limb to its clothes, where somebody is painted over."""
GREY = 127
"""What hides somebody: no edges, and the mean of what the model was trained on."""
LIMBS = ((15, 13, 11, 12, 14, 16), (11, 23, 25, 27, 31), (12, 24, 26, 28, 32), (23, 24))
"""Landmarks along which somebody is painted over."""


def around(place: Person, size: tuple[int, int], reach: tuple[float, float] = AROUND_M) -> Box:
    """Left, top, right and bottom of where somebody at that place can be, in a picture of that size."""
    return _box(np.array([(place.x, place.y)]), np.array(reach) * place.metre, size)


def only(picture: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """The picture, (H, W, 3), in grey but for that box."""
    left, top, right, bottom = box
    out = np.full_like(picture, GREY)
    out[top:bottom, left:right] = picture[top:bottom, left:right]
    return out


def without(picture: NDArray[np.uint8], pose: Pose, limb: float) -> NDArray[np.uint8]:
    """The picture, (H, W, 3), with that person painted over; limbs are `limb` pixels thick to either side."""
    import cv2

    flat = np.round(pose.image[:, :2] * np.asarray(pose.size)).astype(np.int32)
    out = picture.copy()
    grey = (GREY, GREY, GREY)
    thick = max(1, round(2 * limb))
    for limb_of in LIMBS:
        cv2.polylines(out, [flat[limb_of, :].reshape(-1, 1, 2)], False, grey, thick)
    cv2.fillConvexPoly(out, flat[(11, 12, 24, 23), :], grey)
    cv2.circle(out, flat[0].tolist(), thick, grey, -1)
    return out


def alone(picture: NDArray[np.uint8], pose: Pose) -> NDArray[np.uint8]:
    """The picture, (H, W, 3), in grey but for the box around that person."""
    flat = pose.image[:, :2] * np.asarray(pose.size)
    margin = BOX_MARGIN * (flat.max(axis=0) - flat.min(axis=0))
    return only(picture, _box(flat, margin, pose.size))


def _box(points: NDArray[np.floating], margin: NDArray[np.floating], size: tuple[int, int]) -> Box:
    """Left, top, right and bottom of what holds `points`, (N, 2) pixels, and a margin, within the picture."""
    left, top = np.clip(points.min(axis=0) - margin, 0, size).astype(int)
    right, bottom = np.clip(points.max(axis=0) + margin, 0, size).astype(int)
    return int(left), int(top), int(right), int(bottom)


def within(pose: Pose, corner: tuple[int, int], size: tuple[int, int]) -> Pose:
    """A pose found in a part of a picture, in the whole picture's coordinates."""
    image = pose.image.copy()
    image[:, :2] = (image[:, :2] * pose.size + corner) / size
    image[:, 2] *= pose.size[0] / size[0]
    return Pose(pose.time, image, pose.world, size)
