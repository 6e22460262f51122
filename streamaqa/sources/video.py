"""Video files of any container that FFmpeg opens, through PyAV.

Times are the frames' own (variable frame rates included), the first frame at 0.0. Rotation and pixel aspect
are applied, so a phone's portrait clip stands upright. A corrupt frame costs that frame; a file that is cut
off gives what it holds and then a `SourceError`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from streamaqa.errors import SourceError
from streamaqa.sources.base import SourceInfo
from streamaqa.types import Frame

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

DEFAULT_FPS = 30.0
"""Stands in where neither the container nor the frames say how far apart frames are."""
CUT_OFF_S = 1.0
"""A file that ends this much before its header's duration was cut off; headers round by far less."""


class VideoSource:
    """One video file.

    Raises:
        SourceError: the file is missing, no video, or holds no frame. While iterating: the file was cut off.
    """

    def __init__(self, path: str | Path) -> None:
        import av

        self._path = Path(path)
        self._stop = threading.Event()
        self._iterating = False
        self.corrupt_frames = 0
        """Frames that could not be decoded."""
        if not self._path.exists():
            raise SourceError(f"{path}: no such file")
        try:
            self._container: InputContainer = av.open(str(path))
        except (av.error.FFmpegError, OSError) as error:
            raise SourceError(f"{path}: not a video that can be read ({_reason(error)})") from None
        try:
            self._stream = self._video_stream()
            self.info = self._describe()
        except BaseException:
            self._container.close()
            raise

    def _video_stream(self) -> VideoStream:
        # A cover picture in an audio file is a video stream too, of one frame; it has no average rate.
        streams = [stream for stream in self._container.streams.video if stream.average_rate]
        if not streams:
            raise SourceError(f"{self._path}: holds no video stream")
        stream = streams[0]
        stream.thread_type = "AUTO"
        return stream

    def _describe(self) -> SourceInfo:
        """Look at the first frame, as only it tells the rotation, and go back to the start."""
        import av

        try:
            first = next(self._container.decode(self._stream), None)
            self._container.seek(0)
        except av.error.FFmpegError as error:
            raise SourceError(f"{self._path}: its video cannot be decoded ({_reason(error)})") from None
        if first is None:
            raise SourceError(f"{self._path}: holds no picture")
        self._start = 0.0 if first.time is None else first.time
        # Pixels need not be square (DVDs, some capture cards); a pose's angles want them so.
        self._pixel_aspect = float(self._stream.sample_aspect_ratio or 1) or 1.0
        height, width = self._upright(first).shape[:2]
        duration = self._duration()
        fps = float(self._stream.average_rate) if self._stream.average_rate else None
        frames = self._stream.frames or (round(duration * fps) if duration and fps else None)
        return SourceInfo(self._path.name, False, (width, height), fps, frames, duration)

    def _duration(self) -> float | None:
        stream = self._stream
        if stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base)
        if self._container.duration is not None:
            return self._container.duration / 1_000_000
        return None

    def frames(self) -> Iterator[Frame]:
        """The frames in time order, once."""
        self._iterating = True
        interval = 1.0 / (self.info.fps or DEFAULT_FPS)
        last = -interval
        number = -1
        try:
            for number, picture in enumerate(self._pictures()):
                at = last + interval if picture.time is None else picture.time - self._start
                if at <= last:  # a broken or repeated PTS: the frame is real, its time is not
                    at = last + interval
                last = at
                yield Frame(number, self._upright(picture), at, time.monotonic())
            if number < 0:
                raise SourceError(f"{self._path}: holds no picture")
            expected = self.info.duration
            if expected is not None and not self._stop.is_set() and expected - last > CUT_OFF_S + interval:
                read = f"{last + interval:.1f} of {expected:.1f} s could be read"
                raise SourceError(f"{self._path}: the file is cut off: {read}")
        finally:
            self._container.close()

    def _pictures(self) -> Iterator[VideoFrame]:
        """Decoded frames; what cannot be decoded is counted and left out."""
        import av

        packets = self._container.demux(self._stream)
        while not self._stop.is_set():
            try:
                packet = next(packets)
            except (StopIteration, av.error.EOFError):
                return
            except av.error.FFmpegError:  # the container itself is damaged from here on
                return
            try:
                pictures = packet.decode()
            except av.error.FFmpegError:
                self.corrupt_frames += 1
                continue
            for picture in pictures:
                if self._stop.is_set():
                    return
                if picture.is_corrupt:
                    self.corrupt_frames += 1
                    continue
                yield picture

    def _upright(self, picture: VideoFrame) -> NDArray[np.uint8]:
        """(H, W, 3) RGB with square pixels and the display rotation applied."""
        width = round(picture.width * self._pixel_aspect)
        rgb = picture.reformat(format="rgb24", width=width, height=picture.height)
        image: NDArray[np.uint8] = np.asarray(rgb.to_ndarray(), np.uint8)
        turns = round(picture.rotation / 90) % 4
        return np.ascontiguousarray(np.rot90(image, turns)) if turns else image

    def close(self) -> None:
        """End an iteration that is under way, or close the file at once if there is none."""
        self._stop.set()
        if not self._iterating:
            self._container.close()


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
