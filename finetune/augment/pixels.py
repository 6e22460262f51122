"""What an `Augmentation` does to pictures."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from finetune.augment.augmentation import Augmentation, matrix, pixel_box, size_after

Pictures: TypeAlias = NDArray[np.uint8]


def apply(frames: Pictures, augmentation: Augmentation) -> Pictures:
    """Frames (T, H, W, 3) RGB as they look after it, (T, H', W', 3); one draw for all, as for one camera.

    Only the picture is changed: which frames are taken, and when they are, is in the record already. It comes
    last, after serving's JPEG and the crop to the person and before the resize to the model's input, so that
    an augmented sample has passed through the same frame path as a plain one and the person's box still fits.
    The frames given are left as they were.
    """
    out = _placed(frames, augmentation)
    if augmentation.brightness != 1.0 or augmentation.invert:
        levels = np.clip(np.rint(np.arange(256) * augmentation.brightness), 0, 255).astype(np.uint8)
        if augmentation.blur == 0.0:  # both go through one table
            table: Pictures = 255 - levels if augmentation.invert else levels
            return table[out]
        out = levels[out]
    if augmentation.blur > 0.0:
        out = _blurred(out, augmentation.blur * min(frames.shape[1:3]))
    return 255 - out if augmentation.invert else np.ascontiguousarray(out)


def _placed(frames: Pictures, augmentation: Augmentation) -> Pictures:
    """Flipped, rotated and cropped."""
    size = frames.shape[2], frames.shape[1]
    left, top, right, bottom = pixel_box(augmentation, size)
    if augmentation.rotation == 0.0:
        flipped = frames[:, :, ::-1] if augmentation.flip else frames
        return flipped[:, top:bottom, left:right]

    import cv2  # heavy, and only needed where pictures are

    # OpenCV counts from the middle of pixel (0, 0), points from its corner: half a pixel on either side.
    moved = matrix(augmentation, size)
    moved[:, 2] += moved[:, :2] @ (0.5, 0.5) - 0.5
    width, height = size_after(augmentation, size)
    out = np.empty((len(frames), height, width, 3), np.uint8)
    for picture, target in zip(frames, out, strict=True):
        cv2.warpAffine(
            np.ascontiguousarray(picture), moved, (width, height), dst=target, flags=cv2.INTER_LINEAR
        )
    return out


def _blurred(frames: Pictures, sigma: float) -> Pictures:
    import cv2

    return np.stack([cv2.GaussianBlur(np.ascontiguousarray(picture), (0, 0), sigma) for picture in frames])
