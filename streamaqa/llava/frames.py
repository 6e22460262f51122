"""Pictures as the tower wants them, equal to the bit with the original's SigLIP preprocessing.

Bicubic resize by PIL on 8-bit RGB, aspect not kept, no crop; then x * (1/255) and (x - 0.5) / 0.5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from streamaqa.errors import WindowError
from streamaqa.windows import MAX_FRAMES, Window, crop, decode

# 8 bits have 256 values. The original rescales in float64 and normalizes in float32.
_LEVELS = ((np.arange(256) * (1 / 255)).astype(np.float32) - np.float32(0.5)) / np.float32(0.5)


def preprocess(images: Sequence[NDArray[np.uint8]], size: int) -> Tensor:
    """(H, W, 3) RGB pictures -> (T, 3, size, size) float32 in [-1, 1]; WindowError for anything else."""
    if len(images) == 0:
        raise WindowError("a window of no frames")
    out = np.empty((len(images), 3, size, size), np.float32)
    for number, image in enumerate(images):
        picture = np.asarray(image)
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
            raise WindowError(
                f"frame {number} is {picture.dtype} of shape {picture.shape}, wanted uint8 (height, width, 3)"
            )
        small = np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC))
        out[number] = _LEVELS[small].transpose(2, 0, 1)
    return torch.from_numpy(out)


def pixels(window: Window, size: int) -> Tensor:
    """A window's JPEGs decoded, cropped and preprocessed: (T, 3, size, size); (3, size, size) for a still."""
    check_times(window.times, len(window.frames), window.duration)
    video = preprocess([crop(decode(jpeg), window.crop) for jpeg in window.frames], size)
    return video[0] if window.still else video


def check_times(times: Sequence[float], frames: int, duration: float) -> None:
    """WindowError unless there are 1 to 32 frames, each with a time, and times never fall or exceed it."""
    if frames == 0:
        raise WindowError("a window of no frames")
    if frames > MAX_FRAMES:
        raise WindowError(f"a window of {frames} frames, wanted at most {MAX_FRAMES}")
    if len(times) != frames:
        raise WindowError(f"{frames} frames with {len(times)} times")
    if not all(math.isfinite(time) for time in (*times, duration)):
        raise WindowError("a window with times that are no finite numbers")
    # a short unit repeats frames under uniform sampling, so equal neighbours are fine
    falls = [later for earlier, later in pairwise(times) if later < earlier]
    if falls:
        raise WindowError(f"the times of a window fall back to {falls[0]:.2f} s")
    if frames > 1 and times[-1] - times[0] > duration + 0.005:
        raise WindowError(f"frames over {times[-1] - times[0]:.2f} s in a window of {duration:.2f} s")
