"""What is done to one sample: a value that travels in its record, and what it does to points and times.

Nothing here draws by chance and nothing touches pixels, so a record that carries an `Augmentation` says
exactly what whoever loads its frames has to do (`pixels.apply`), and what becomes of its labels:

    picture   flip, then rotation about the centre, then crop, then brightness, blur, inversion
    time      what is cut off at either end first, then speed
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from streamaqa.settings import Settings
from streamaqa.types import LANDMARKS

Array: TypeAlias = NDArray[np.float64]
Interval: TypeAlias = tuple[float, float]
"""Start and end, seconds."""
Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom as shares of the picture's width and height."""
Share: TypeAlias = Annotated[float, Field(ge=0.0, le=1.0)]
Size: TypeAlias = tuple[int, int]
"""Width and height in pixels."""

WHOLE: Final[Box] = (0.0, 0.0, 1.0, 1.0)


class Augmentation(Settings):
    """What is done to one sample. The defaults do nothing, and are left out where a record is written."""

    flip: bool = False
    """Left and right of the picture change places."""
    rotation: float = Field(default=0.0, ge=-180.0, le=180.0)
    """Degrees, anticlockwise as seen, about the picture's centre. The picture keeps its size; corners that
    nothing falls into are black."""
    crop: tuple[Share, Share, Share, Share] = WHOLE
    """What is kept, as shares of the flipped and rotated picture."""
    brightness: float = Field(default=1.0, gt=0.0, le=10.0)
    """Factor on all three channels; what passes 255 stays there."""
    blur: float = Field(default=0.0, ge=0.0, le=0.1)
    """Standard deviation of a Gaussian as a share of the picture's shorter side."""
    invert: bool = False
    """Each channel c becomes 255 - c."""
    cut_start: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    """Seconds of the sample left out before its first frame: everything after happens that much earlier."""
    cut_end: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    """Seconds of the sample left out at its end."""
    speed: float = Field(default=1.0, ge=0.1, le=10.0)
    """How much faster the sample plays: 2 halves its times and its duration."""

    @model_validator(mode="after")
    def _crop_holds_something(self) -> Augmentation:
        left, top, right, bottom = self.crop
        if not (left < right and top < bottom):
            raise ValueError(f"crop {self.crop} has no inside")
        return self

    @property
    def kind(self) -> str:
        """What is done, in words joined by a plus: `flip+rotation`; `plain` for nothing."""
        done = {
            "flip": self.flip,
            "inversion": self.invert,
            "rotation": self.rotation != 0.0,
            "crop": self.crop != WHOLE,
            "brightness": self.brightness != 1.0,
            "blur": self.blur != 0.0,
            "speed": self.speed != 1.0,
            "shift": self.changes_window,
        }
        return "+".join(name for name, is_done in done.items() if is_done) or "plain"

    @property
    def changes_window(self) -> bool:
        """Whether other frames are to be taken than the plain sample's."""
        return self.cut_start != 0.0 or self.cut_end != 0.0

    @property
    def changes_time(self) -> bool:
        """Whether times, and so texts that tell times, change."""
        return self.changes_window or self.speed != 1.0


PLAIN: Final = Augmentation()


# --- where points of the picture go ----------------------------------------------------------------------


def pixel_box(augmentation: Augmentation, size: Size) -> tuple[int, int, int, int]:
    """The crop in whole pixels of a `size` = (width, height) picture: all that it touches, so never less."""
    (width, height), (left, top, right, bottom) = size, augmentation.crop
    return (
        math.floor(left * width),
        math.floor(top * height),
        math.ceil(right * width),
        math.ceil(bottom * height),
    )


def size_after(augmentation: Augmentation, size: Size) -> Size:
    """Width and height of the picture that comes out."""
    left, top, right, bottom = pixel_box(augmentation, size)
    return right - left, bottom - top


def matrix(augmentation: Augmentation, size: Size) -> Array:
    """(2, 3) from points (x, y, 1) of the picture to points of the one that comes out, in pixels.

    Pixel (0, 0) covers x and y from 0 to 1, so its middle is at 0.5.
    """
    width, height = size
    left, top, _, _ = pixel_box(augmentation, size)
    mirrored = np.array([[-1.0 if augmentation.flip else 1.0, 0.0], [0.0, 1.0]])
    angle = np.radians(augmentation.rotation)
    # y points down, so that an anticlockwise turn has its minus below.
    turned = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) @ mirrored
    centre = np.array([width / 2.0, height / 2.0])
    offset = centre - turned @ centre - np.array([left, top])
    return np.concatenate([turned, offset[:, None]], axis=1)


def move_points(points: Array, augmentation: Augmentation, size: Size) -> Array:
    """Points (..., 2) in pixels of a `size` picture as pixels of the picture that comes out."""
    moved: Array = np.einsum("ij,...j->...i", matrix(augmentation, size)[:, :2], points)
    return moved + matrix(augmentation, size)[:, 2]


_MIRRORED: Final = np.array(
    # MediaPipe numbers the face 0 to 10 (nose; left eye 1-3, right eye 4-6; ears; mouth), then left and right
    # alternate.
    [0, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9, *(n + 1 if n % 2 else n - 1 for n in range(11, LANDMARKS))]
)


def move_landmarks(image: Array, augmentation: Augmentation, size: Size) -> Array:
    """Image landmarks (..., 33, 4) as `types.Pose` holds them, for the picture that comes out.

    In a flipped picture the lifter's left hand looks like a right one, so the sides change places, as they do
    for the pose model. Landmarks may come to lie outside of the picture; visibility is kept as it was.
    """
    out = np.array(image[..., _MIRRORED, :] if augmentation.flip else image, dtype=np.float64)
    after = size_after(augmentation, size)
    out[..., :2] = move_points(out[..., :2] * np.asarray(size), augmentation, size) / np.asarray(after)
    out[..., 2] *= size[0] / after[0]  # z is on x's scale
    return out


def move_box(box: Box, augmentation: Augmentation, size: Size) -> Box:
    """The upright box, in shares, about what was inside `box`; cut off at the edges of what comes out."""
    left, top, right, bottom = box
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)]) * size
    shares = move_points(corners, augmentation, size) / np.asarray(size_after(augmentation, size))
    low, high = np.clip(shares.min(axis=0), 0.0, 1.0), np.clip(shares.max(axis=0), 0.0, 1.0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


# --- where times go --------------------------------------------------------------------------------------


def kept_frames(times: Sequence[float], augmentation: Augmentation, duration: float) -> list[int]:
    """Which frames are left: `times` are seconds from the sample's first frame, `duration` its seconds."""
    end = duration - augmentation.cut_end
    return [n for n, time in enumerate(times) if augmentation.cut_start <= time < end]


def move_time(time: float, augmentation: Augmentation) -> float:
    """Seconds from the first frame that is left; below 0 for what lies before it."""
    return (time - augmentation.cut_start) / augmentation.speed


def duration_after(duration: float, augmentation: Augmentation) -> float:
    """Seconds the sample lasts."""
    return (duration - augmentation.cut_start - augmentation.cut_end) / augmentation.speed


def move_interval(interval: Interval, augmentation: Augmentation, duration: float) -> Interval | None:
    """An interval moved, and clipped to what is left of the sample; None where nothing of it is left."""
    after = duration_after(duration, augmentation)
    start = max(move_time(interval[0], augmentation), 0.0)
    end = min(move_time(interval[1], augmentation), after)
    return (start, end) if start < end else None
