"""One connection to a camera or stream, through PyAV: opened, read until it fails, closed. `live` opens more.

The camera of a laptop, an RTSP stream, a pipe and a file come through the same code; they differ only in the
options of `address`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from streamaqa.errors import SourceError, StreamaqaError
from streamaqa.sources.address import Address
from streamaqa.sources.base import Compressed
from streamaqa.sources.packet_times import PacketTimes
from streamaqa.sources.settings import LiveSettings
from streamaqa.sources.stream_clock import PERIODS

if TYPE_CHECKING:
    from fractions import Fraction

    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

COPYABLE = frozenset({"h264", "hevc"})
"""Codecs whose packets are stored as they come: what cameras send, apart from MJPEG, which has no times."""
TIMELESS = frozenset({"mpjpeg", "mjpeg", "h264", "hevc", "m4v"})
"""Formats that carry no times: FFmpeg makes some up at 25 frames a second, whatever the camera does."""
EMPTY_WAIT_S = 0.002
"""Between two questions to a V4L2 camera that has nothing yet: a fifteenth of a frame at 30 a second."""


class LostError(StreamaqaError):
    """The connection is over, or did not come about: another is worth trying. One line that says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded picture, upright, with square pixels."""

    image: NDArray[np.uint8]
    """(H, W, 3) RGB."""
    pts: int | None
    time_base: Fraction | None
    arrival: float
    """This machine's monotonic clock when it was decoded, seconds."""
    mark: int | None = None
    """Of the packet that it was decoded from; None where packets are not stored."""
    turned: bool = False
    """Whether it had to be turned to stand upright."""


@dataclass(slots=True)
class ConnectionCounts:
    """What was lost before it became a picture; only ever rises."""

    corrupt: int = 0
    skipped: int = 0
    """Packets left out up to the next key frame, since this machine decodes too slowly."""


class Connection:
    """Opens at once; blocks for as long as the settings allow.

    Args:
        counts: goes on over connections.
        stop: ends what blocks, within `interrupt.interruptible`.

    Raises:
        LostError: it cannot be opened now.
        SourceError: it cannot be opened ever, as things are.
    """

    def __init__(
        self, address: Address, settings: LiveSettings, counts: ConnectionCounts, stop: threading.Event
    ) -> None:
        from av.video.reformatter import VideoReformatter

        self._settings, self._counts, self._stop = settings, counts, stop
        self._skipping = False
        self._passing: PacketTimes | None = None
        self._container = _open(address, settings)
        try:
            if not self._container.streams.video:
                raise LostError("it holds no video")
            self._video = self._container.streams.video[0]
            # Frame threads hand a picture out only when as many more have come as there are threads.
            self._video.thread_type = "SLICE"
            formats = self._container.format.name.split(",")
            self.timeless = not TIMELESS.isdisjoint(formats)
            self.period = next((PERIODS[name] for name in formats if name in PERIODS), None)
            """Ticks after which its PTS begin again, if they do."""
            rate = self._video.average_rate
            self.fps = float(rate) if rate and not self.timeless else None
        except BaseException:
            self._container.close()
            raise
        self._reformatter = VideoReformatter()

    def copy_to(self, take: Callable[[Compressed], None]) -> None:
        """Hand on packets whose pictures are `shown`, if they can stand for them. Before `pictures`."""
        from av.codec.context import Flags

        context = self._video.codec_context
        square = self._video.sample_aspect_ratio in (None, 0, 1)
        # a container describes its pictures by these; some streams tell them later, with a key frame
        described = bool(context.extradata)
        if context.name in COPYABLE and square and described and not self.timeless:
            context.flags |= Flags.copy_opaque
            self._passing = PacketTimes(take)

    def template(self, first: Picture) -> VideoStream | None:
        """The stream that packets handed on belong to; None if none are."""
        if first.turned:
            self._passing = None
        return self._video if self._passing is not None else None

    def shown(self, picture: Picture, at: float) -> None:
        """The stream time of a picture is known."""
        if self._passing is not None and picture.mark is not None:
            self._passing.shown(picture.mark, at)

    def pictures(self) -> Iterator[Picture]:
        """The pictures as they come. Ends when stopped; raises LostError when nothing more comes."""
        import av

        shown = time.monotonic()
        for packet in self._packets():
            if time.monotonic() - shown >= self._settings.unreadable_s:
                raise LostError(f"nothing could be decoded for {self._settings.unreadable_s:g} s")
            if self._skipping:
                if not packet.is_keyframe:
                    self._counts.skipped += 1
                    continue
                self._skipping = False
            mark = self._mark(packet)
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                self._broken(mark)
                continue
            for frame in frames:
                if self._stop.is_set():
                    return
                if frame.is_corrupt:
                    self._broken(cast("int | None", frame.opaque))
                    continue
                yield self._picture(frame)
                shown = time.monotonic()

    def _mark(self, packet: Packet[VideoStream]) -> int | None:
        """Keep a packet until its frame is shown, which is to bear this mark."""
        if self._passing is None or not packet.size:
            return None
        packet.opaque = mark = self._passing.packet(bytes(packet), keyframe=packet.is_keyframe)
        return mark

    def _broken(self, mark: int | None) -> None:
        self._counts.corrupt += 1
        if self._passing is not None and mark is not None:
            self._passing.frameless(mark)

    def skip_to_key_frame(self) -> None:
        """Leave out what comes before the next key frame, without decoding it."""
        self._skipping = True

    def close(self) -> None:
        """Free everything."""
        self._container.close()

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        """Packets of the video. Sound is read too and passed over, so that it cannot hide a silent camera."""
        import av

        heard = time.monotonic()
        while not self._stop.is_set():
            try:
                for packet in self._container.demux():
                    if self._stop.is_set():
                        return
                    if packet.stream is self._video:
                        yield cast("Packet[VideoStream]", packet)
                        heard = time.monotonic()
                    else:
                        self._check_silence(heard)
                raise LostError("the stream has ended")
            except BlockingIOError:  # a camera opened without blocking has nothing yet
                self._check_silence(heard)
                self._stop.wait(EMPTY_WAIT_S)
            except av.error.FFmpegError as error:
                if self._stop.is_set():
                    return
                silent = isinstance(error, av.error.ExitError | TimeoutError)
                raise self._silence() if silent else LostError(_reason(error)) from None

    def _check_silence(self, heard: float) -> None:
        if time.monotonic() - heard >= self._settings.silence_s:
            raise self._silence()

    def _silence(self) -> LostError:
        return LostError(f"no picture for {self._settings.silence_s:g} s")

    def _picture(self, frame: VideoFrame) -> Picture:
        arrival = time.monotonic()
        # Pixels need not be square (704x576 of a CCTV camera is 4:3); a pose's angles want them so.
        width = round(frame.width * (float(self._video.sample_aspect_ratio or 1) or 1.0))
        upright = self._reformatter.reformat(frame, width, frame.height, "rgb24")
        image = np.asarray(upright.to_ndarray(), np.uint8)
        turns = round(frame.rotation / 90) % 4
        pts = None if self.timeless else frame.pts
        turned = np.ascontiguousarray(np.rot90(image, turns)) if turns else image
        mark = cast("int | None", frame.opaque) if self._passing is not None else None
        return Picture(turned, pts, frame.time_base, arrival, mark, bool(turns))


def _open(address: Address, settings: LiveSettings) -> InputContainer:
    import av

    try:
        return av.open(
            address.target,
            format=address.format,
            options=address.options,
            timeout=(settings.open_s, settings.silence_s),
        )
    except (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError) as error:
        raise SourceError(f"{address.name}: user name or password refused ({_reason(error)})") from None
    except PermissionError:
        raise SourceError(
            f"{address.name}: permission denied; for a camera: sudo usermod -aG video $USER, then log in anew"
        ) from None
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise LostError(_reason(error)) from None


def _reason(error: Exception) -> str:
    """Why, without the address that FFmpeg's errors name: it holds the password."""
    import av

    if isinstance(error, av.error.ExitError):
        return "no answer"
    return str(getattr(error, "strerror", None) or type(error).__name__)
