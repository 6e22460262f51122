"""Cameras and streams: opened as often as they drop out, for as long as the run lasts.

Stream time begins when reading begins, so that a session's epoch and stream time make UTC however late the
camera is switched on.
"""

from __future__ import annotations

import dataclasses
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

import structlog

from streamaqa.errors import SourceError
from streamaqa.sources.address import Address
from streamaqa.sources.base import CAMERA_LOST, CAMERA_TIMES, CAMERA_WRAPPED, PacketTaker, SourceInfo
from streamaqa.sources.connection import Connection, ConnectionCounts, LostError
from streamaqa.sources.interrupt import interruptible
from streamaqa.sources.picture_watch import PictureWatch
from streamaqa.sources.settings import LiveSettings
from streamaqa.sources.stream_clock import StreamClock
from streamaqa.types import Frame

log = structlog.get_logger(__name__)

TELL_REPAIRS, TELL_TIMES_S = 3, 5.0
"""So many times put right in so many seconds are told: one alone shifts no tempo. A wrap, which shifts none
either, is told for as long."""


class LiveSource:
    """A V4L2 camera by number or device path, an RTSP stream over TCP, or an HTTP stream (MPEG-TS, MJPEG).

    Nothing is opened before `frames`: what a camera sends while the engine still loads would only be late.

    Args:
        spec: a number, a device or an address, or where one stands and how to open it.
        jitter: random seconds between two bounds.

    Raises:
        SourceError: the address cannot be read. While iterating, as long as it was never open: user name or
            password are refused, or this user may not open the camera. All else is waited out.
    """

    def __init__(
        self,
        spec: str | Address,
        settings: LiveSettings | None = None,
        *,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._settings = settings or LiveSettings()
        self._address = Address.parse(spec, self._settings) if isinstance(spec, str) else spec
        self._jitter = jitter
        self.info = SourceInfo(self._address.name, live=True, size=(0, 0))
        """The size is (0, 0) until the first picture."""
        self._stop = threading.Event()
        self._watch = PictureWatch(self._settings.picture)
        self._read = ConnectionCounts()
        self._clock: StreamClock | None = None
        self._taker: PacketTaker | None = None
        self._connections = 0
        self._number = 0
        self._seen = float("inf")
        """Arrival of the last picture, or when reading began."""
        self._repairs: deque[float] = deque([float("-inf")] * TELL_REPAIRS, TELL_REPAIRS)
        """Arrivals of the last pictures whose times were put right."""
        self._wrapped = float("-inf")
        """Arrival of the last picture whose PTS had begun again at zero."""

    @property
    def notices(self) -> frozenset[str]:
        """What is wrong with the camera now. May be asked by any thread."""
        now = time.monotonic()
        if now - self._seen > self._settings.lost_s:
            return frozenset({CAMERA_LOST})
        times = {CAMERA_TIMES: self._repairs[0], CAMERA_WRAPPED: self._wrapped}
        return self._watch.notices | {code for code, at in times.items() if now - at < TELL_TIMES_S}

    @property
    def counts(self) -> dict[str, int]:
        """What went wrong and was mended; only ever rises."""
        stamps = dataclasses.asdict(self._clock.counts) if self._clock else {}
        return {
            "reconnects": max(self._connections - 1, 0),
            **dataclasses.asdict(self._read),
            **{f"pts_{name}": count for name, count in stamps.items()},
            **dict(self._watch.counts),
        }

    def copy_to(self, taker: PacketTaker) -> None:
        """See `Copyable`: upright H.264 and HEVC with square pixels and times, told at each connection."""
        self._taker = taker

    def frames(self) -> Iterator[Frame]:
        """The frames in time order, for as long as `close` is not called."""
        self._seen = time.monotonic()
        self._clock = StreamClock(self._seen)
        tries = 0
        told = None
        with interruptible(self._stop):
            while not self._stop.is_set():
                begun = time.monotonic()
                try:
                    yield from self._connection(self._clock)
                except (LostError, SourceError) as why:
                    if isinstance(why, SourceError) and not self._connections:
                        raise
                    worked = self._seen > begun + self._settings.retry_most_s
                    tries = 1 if worked else tries + 1
                    if (worked or str(why) != told) and not self._stop.is_set():
                        log.warning("no picture, trying again", source=self.info.name, reason=str(why))
                    told = str(why)
                    self._stop.wait(self._pause(tries))

    def close(self) -> None:
        """End an iteration that is under way, also where it blocks."""
        self._stop.set()

    def _pause(self, tries: int) -> float:
        """Seconds before the next try; random, so that many cameras of one switch do not come back as one."""
        most = min(self._settings.retry_first_s * 2.0 ** min(tries - 1, 30), self._settings.retry_most_s)
        return self._jitter(most / 2, most)

    def _connection(self, clock: StreamClock) -> Iterator[Frame]:
        """The frames of one connection."""
        connection = Connection(self._address, self._settings, self._read, self._stop)
        try:
            clock.reconnected(connection.period)
            self._watch.reconnected()
            if self._taker is not None:
                connection.copy_to(self._taker.packet)
            late_since: float | None = None
            for number, picture in enumerate(connection.pictures()):
                if number == 0:
                    self._connected(picture.image.shape[1::-1], connection.fps)
                    if self._taker is not None:
                        self._taker.begin(connection.template(picture), self._number)
                repairs, wraps = clock.counts.repairs, clock.counts.wraps
                at = clock.stamp(picture.pts, picture.time_base, picture.arrival)
                if clock.counts.repairs > repairs and not connection.timeless:
                    self._repairs.append(picture.arrival)
                if clock.counts.wraps > wraps:
                    self._wrapped = picture.arrival
                connection.shown(picture, at)
                self._seen = picture.arrival
                self._watch.push(at, picture.image)
                late_since = self._catch_up(connection, clock, late_since, picture.arrival)
                yield Frame(self._number, picture.image, at, picture.arrival)
                self._number += 1
        finally:
            connection.close()

    def _connected(self, size: tuple[int, ...], fps: float | None) -> None:
        self._connections += 1
        if self._connections > 1:
            log.warning(
                "camera is back", source=self.info.name, after_s=round(time.monotonic() - self._seen, 1)
            )
        self.info = dataclasses.replace(self.info, size=(size[0], size[1]), fps=fps)

    def _catch_up(
        self, connection: Connection, clock: StreamClock, late_since: float | None, arrival: float
    ) -> float | None:
        """Leave out pictures where they have been late for long; since when they are, if they are."""
        if clock.late <= self._settings.late_s:
            return None
        if late_since is not None and arrival - late_since > self._settings.late_s:
            connection.skip_to_key_frame()
        return late_since if late_since is not None else arrival
