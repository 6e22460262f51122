"""`video.mkv`: Matroska in short clusters, each handed to the system when it is full, so that a killed writer
costs no more than the last one. Its times are stream time, in Matroska's milliseconds.

Written by one thread. PyAV is imported when a video is begun.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from streamaqa.recording.files import NewFile
from streamaqa.sources.base import Compressed

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

CLUSTER_MS: Final = 250
"""Of video that a kill may cost: a quarter of the second that is allowed."""
KEYFRAME_S: Final = 2.0
"""Between keyframes of what is encoded here: as cameras do, so that seeking is quick."""
DEFAULT_FPS: Final = 30.0
_TICK: Final = Fraction(1, 90_000)
"""Finer than any frame rate needs; Matroska rounds to milliseconds."""


def _open(file: NewFile) -> OutputContainer:
    import av

    # a cluster reaches the file when it is full, and keyframes begin new ones
    return av.open(file, "w", format="matroska", options={"cluster_time_limit": str(CLUSTER_MS)})


class EncodedVideo:
    """Encodes pictures as H.264.

    Args:
        file: unbuffered; closed by its owner.
        size: width and height; pictures of another size are fitted into it, as a video has one.
        fps: nominal; each picture has its own time.
    """

    def __init__(self, file: NewFile, size: tuple[int, int], fps: float | None, crf: int) -> None:
        rate = Fraction(fps or DEFAULT_FPS).limit_denominator(1001)
        self._container = _open(file)
        stream = self._container.add_stream("libx264", rate=rate)
        # H.264 in 4:2:0 has even sizes; a last odd row or column is left out
        stream.width, stream.height = (max(side - side % 2, 2) for side in size)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = _TICK
        stream.codec_context.thread_count = 1  # a camera's cores are for its pose model
        # no picture waits in the encoder, so that a kill costs none
        stream.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "crf": str(crf),
            "g": str(max(round(float(rate) * KEYFRAME_S), 1)),
        }
        self._stream = stream
        self._last = -1

    def picture(self, image: NDArray[np.uint8], time: float) -> None:
        """Store (H, W, 3) RGB at `time`, seconds of stream time; times rise."""
        from av import VideoFrame

        fitted = np.ascontiguousarray(_fitted(image, (self._stream.width, self._stream.height)))
        frame = VideoFrame.from_ndarray(fitted, format="rgb24")
        self._last = max(round(time / _TICK), self._last + 1)
        frame.pts, frame.time_base = self._last, _TICK
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what is under way and the index."""
        if self._last >= 0:
            self._container.mux(self._stream.encode(None))
        self._container.close()


class CopiedVideo:
    """Stores a source's packets as they are: no loss, and next to no work.

    Args:
        file: unbuffered; closed by its owner.
        template: the stream that the packets come from; its codec is taken over.
    """

    def __init__(self, file: NewFile, template: VideoStream) -> None:
        self._container = _open(file)
        # its parameters are copied here and now: a live template is gone when its first packet is stored
        self._stream = self._container.add_stream_from_template(template)
        self._waits_for_keyframe = True
        self._last_decode = -(1 << 62)
        self._empty = True

    def resume(self) -> None:
        """What follows does not go on from what came before: wait for a keyframe again."""
        self._waits_for_keyframe = True

    def packet(self, packet: Compressed) -> None:
        """Store one packet; those before the first keyframe show nothing and are left out."""
        from av import Packet

        if self._waits_for_keyframe and not packet.keyframe:
            return
        self._waits_for_keyframe = self._empty = False
        copy = Packet(packet.data)
        shown = max(round(packet.time / _TICK), 0)
        # Matroska stores no decoding times, but its writer wants them to rise and not to be after the showing
        self._last_decode = max(self._last_decode + 1, min(round(packet.decode_time / _TICK), shown))
        copy.pts, copy.dts, copy.time_base = max(shown, self._last_decode), self._last_decode, _TICK
        copy.is_keyframe = packet.keyframe
        copy.stream = self._stream
        self._container.mux(copy)

    def close(self) -> None:
        """Write the index."""
        if not self._empty:
            self._container.close()


def _fitted(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """`image` in `size`: without a last odd row or column, else scaled as a whole between black bars."""
    width, height = size
    rows, columns = image.shape[:2]
    if (columns - columns % 2, rows - rows % 2) == size:
        return image[:height, :width]
    import cv2

    scale = min(width / columns, height / rows)
    inner = (max(round(columns * scale), 1), max(round(rows * scale), 1))
    canvas = np.zeros((height, width, 3), np.uint8)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas[top : top + inner[1], left : left + inner[0]] = cv2.resize(
        image, inner, interpolation=cv2.INTER_AREA
    )
    return canvas
