"""Pictures into the bytes of an MP4 or a JPEG, the same bytes for the same pictures."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Final

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from finetune.synthesize.paint import Picture

FPS: Final = 30
"""Of Fitness-AQA's videos."""
JPEG_QUALITY: Final = 92
_SHEET_MARGIN: Final = 32
"""Pixels by which the sheet of noise is larger than a picture, each way."""


class Noise:
    """The sensor's: a sheet drawn once for a clip, looked at from another place in each frame."""

    def __init__(self, size: tuple[int, int], deviation: float, seed: int) -> None:
        self._size = size
        rng = np.random.default_rng(seed)
        shape = (size[1] + _SHEET_MARGIN, size[0] + _SHEET_MARGIN)
        noise = np.round(rng.standard_normal(shape, np.float32) * deviation)
        # Saturating addition and subtraction of bytes are several times faster than signed arithmetic.
        self._more = np.clip(noise, 0, 127).astype(np.uint8)
        self._less = np.clip(-noise, 0, 127).astype(np.uint8)
        self._places = rng.integers(_SHEET_MARGIN, size=(1000, 2)).tolist()
        self._next = 0

    def add(self, luma: NDArray[np.uint8]) -> None:
        """Onto (H, W) brightness, in place; the next call draws the next frame's."""
        x, y = self._places[self._next % len(self._places)]
        self._next += 1
        window = np.s_[y : y + self._size[1], x : x + self._size[0]]
        cv2.add(luma, self._more[window], dst=luma)
        cv2.subtract(luma, self._less[window], dst=luma)


def video(pictures: Iterable[Picture], size: int, noise: Noise) -> bytes:
    """An MP4 of H.264 at `FPS`, encoded by one thread, so that its bytes do not depend on the machine."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        # Even `ultrafast` is a third of a frame's time; noise that is kept costs bits and time alike.
        stream.options = {"preset": "ultrafast", "crf": "24"}
        stream.codec_context.thread_count = 1
        for number, picture in enumerate(pictures):
            # Planes of its own for each frame: the encoder takes them as they are, without a copy.
            planes: NDArray[np.uint8] = np.empty((size * 3 // 2, size), np.uint8)
            cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420, dst=planes)
            noise.add(planes[:size])
            frame = av.VideoFrame.from_numpy_buffer(planes, format="yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()


def jpeg(picture: Picture, noise: Noise) -> bytes:
    """A JPEG of one RGB picture."""
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb)
    brightness: Picture = np.ascontiguousarray(luma[..., 0], np.uint8)
    noise.add(brightness)
    luma[..., 0] = brightness
    bgr = cv2.cvtColor(luma, cv2.COLOR_YCrCb2BGR)
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done
    return data.tobytes()
