"""Video files of any container that FFmpeg opens, through PyAV.

Times are the frames' own (variable frame rates included), the first frame at 0.0. Rotation and pixel aspect
are applied, so a phone's portrait clip stands upright. A corrupt frame costs that frame; a file that is cut
off gives what it holds and then a `SourceError`.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from streamaqa.errors import SourceError
from streamaqa.sources.base import Compressed, PacketTaker, SourceInfo
from streamaqa.types import Frame

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

DEFAULT_FPS = 30.0
"""Stands in where neither the container nor the frames say how far apart frames are."""
COPYABLE = frozenset({"h264", "hevc", "vp8", "vp9", "av1"})
"""Codecs whose packets play from any container; others are rare, and some need their own."""
CUT_OFF_S = 1.0
"""A file that ends this much before its header's duration was cut off; headers round by far less."""


class VideoSource:
    """One video file.

    Raises:
        SourceError: the file is missing, no video, or holds no frame. While iterating: the file was cut off.
    """

    def __init__(self, path: str | Path) -> None:

        self._path = Path(path)
        self._stop = threading.Event()
        self._iterating = False
        self._taker: PacketTaker | None = None
        self._packets_read = 0
        self.corrupt_frames = 0
        """Frames that could not be decoded."""
        if not self._path.exists():
            raise SourceError(f"{path}: no such file")
        self._closing = threading.Lock()
        self.info = self._look()
        self._container = self._open()
        try:
            self._stream = self._video_stream(self._container)
        except BaseException:
            self._container.close()
            raise

    def _open(self) -> InputContainer:
        import av

        try:
            return av.open(f"file:{self._path}")  # a name such as 10:30.mp4 is no protocol
        except (av.error.FFmpegError, OSError) as error:
            raise SourceError(f"{self._path}: not a video that can be read ({_reason(error)})") from None

    def _video_stream(self, container: InputContainer) -> VideoStream:
        from av.stream import Disposition

        # A cover picture in an audio file is a video stream too.
        streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams:
            raise SourceError(f"{self._path}: holds no video stream")
        stream = streams[0]
        stream.thread_type = "AUTO"
        return stream

    def _look(self) -> SourceInfo:
        """What the file says of itself and its first picture shows, as only that tells the rotation.

        In a container of its own: not every one can be wound back to where it was.
        """
        with self._open() as container:
            stream = self._video_stream(container)
            self._first_packet: float | None = None
            first = self._first_picture(container, stream)
            self._start = 0.0 if first.time is None else first.time
            self._turned = bool(first.rotation % 360)
            # Pixels need not be square (DVDs, some capture cards); a pose's angles want them so.
            self._pixel_aspect = float(stream.sample_aspect_ratio or 1) or 1.0
            height, width = self._upright(first).shape[:2]
            self._end = _end(stream)
            self._packets = stream.frames
            duration = None if self._end is None else max(self._end - self._start, 0.0)
            fps = float(stream.average_rate) if stream.average_rate else None
            frames = stream.frames or (round(duration * fps) if duration and fps else None)
        return SourceInfo(self._path.name, False, (width, height), fps, frames, duration)

    def _first_picture(self, container: InputContainer, stream: VideoStream) -> VideoFrame:
        import av

        reason = "holds no picture"
        try:
            for packet in container.demux(stream):
                if self._first_packet is None and packet.pts is not None and packet.time_base is not None:
                    self._first_packet = float(packet.pts * packet.time_base)
                try:
                    whole = [picture for picture in packet.decode() if not picture.is_corrupt]
                except av.error.FFmpegError as error:
                    reason = f"its video cannot be decoded ({_reason(error)})"
                    continue
                if whole:
                    return whole[0]
        except av.error.FFmpegError as error:
            reason = f"its video cannot be read ({_reason(error)})"
        raise SourceError(f"{self._path}: {reason}")

    @property
    def start(self) -> float:
        """The first frame's time in the container, which is 0.0 in the frames that are given."""
        return self._start

    def copy_to(self, taker: PacketTaker) -> None:
        """See `Copyable`: upright H.264, HEVC, VP8, VP9 and AV1 that begin with their first packet."""
        upright = not self._turned and self._pixel_aspect == 1.0
        if upright and self._stream.codec_context.name in COPYABLE and self._starts_whole():
            self._taker = taker
        taker.begin(self._stream if self._taker else None, 0)

    def _starts_whole(self) -> bool:
        """Whether the first packet is the first frame: an edit list may hide the packets before it."""
        return self._first_packet is not None and abs(self._first_packet - self._start) < 1e-3

    def _pass_on(self, packet: Packet[VideoStream]) -> None:
        if self._taker is None or packet.time_base is None or not packet.size:
            return
        shown = packet.dts if packet.pts is None else packet.pts
        if shown is not None:
            decoded = shown if packet.dts is None else packet.dts
            shown_s, decoded_s = (float(ticks * packet.time_base) - self._start for ticks in (shown, decoded))
            self._taker.packet(Compressed(bytes(packet), shown_s, decoded_s, packet.is_keyframe))

    def frames(self) -> Iterator[Frame]:
        """The frames in time order, once."""
        with closing(self._timed()) as pictures:
            for number, (picture, at) in enumerate(pictures):
                yield Frame(number, self._upright(picture), at, time.monotonic())

    def times(self) -> Iterator[float]:
        """The times of the frames that `frames` would give, in its place: decoded, but no picture is made."""
        with closing(self._timed()) as pictures:
            for _, at in pictures:
                yield at

    def _timed(self) -> Generator[tuple[VideoFrame, float], None, None]:
        with self._closing:
            self._iterating = not self._stop.is_set()
        if not self._iterating:
            return
        interval = 1.0 / (self.info.fps or DEFAULT_FPS)
        last = -interval
        try:
            for picture in self._pictures():
                at = last + interval if picture.time is None else picture.time - self._start
                if at <= last:  # a broken or repeated PTS: the frame is real, its time is not
                    at = last + interval
                last = at
                yield picture, at
            if not self._stop.is_set():
                self._check_end(last + interval, interval)
        finally:
            self._container.close()

    def _check_end(self, read: float, interval: float) -> None:
        """Raise if the file promised more: by its duration or, where that is not kept, by its packets."""
        expected = self.info.duration
        missing = (self._packets - self._packets_read) * interval if self._packets else 0.0
        if expected is not None:
            missing = max(missing, expected - read)
        if missing > CUT_OFF_S:
            whole = (
                f"{read + missing:.1f} s" if expected is None else f"{max(expected, read + missing):.1f} s"
            )
            raise SourceError(f"{self._path}: the file is cut off: {read:.1f} of {whole} could be read")

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
            self._packets_read += bool(packet.size)
            self._pass_on(packet)
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
        with self._closing:
            self._stop.set()
            if not self._iterating:
                self._container.close()


def _end(stream: VideoStream) -> float | None:
    """When this stream ends, in the container's own time; its duration alone counts from its own start."""
    if stream.duration is not None and stream.time_base is not None:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base)
    # Matroska and WebM keep it in a tag of each stream, `00:00:03.000000000`
    tag = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    if tag is None:
        return None
    hours, minutes, seconds = tag.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
