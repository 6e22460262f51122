"""Plays a source at the pace of its own times, as a camera would; a recording played so is a rehearsal."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator
from typing import Protocol, TypeVar

from streamaqa.sources.base import PoseSource, Source, SourceInfo
from streamaqa.types import Frame, Pose


class _Timed(Protocol):
    @property
    def time(self) -> float:
        """Seconds of stream time."""


_Item = TypeVar("_Item", bound=_Timed)


class _Pace:
    """Holds items back until their time has come. Shared by the two kinds of source."""

    def __init__(self, speed: float) -> None:
        if speed <= 0:
            raise ValueError(f"speed must be above 0, not {speed}")
        self._speed = speed
        self._stop = threading.Event()

    def stop(self) -> None:
        self._stop.set()

    def hold(self, items: Iterator[_Item]) -> Iterator[tuple[_Item, float]]:
        """Each item with the monotonic time at which it was due: a machine that is slow is late by that."""
        start: float | None = None
        for item in items:
            if start is None:
                start = time.monotonic() - item.time / self._speed
            due = start + item.time / self._speed
            if self._stop.wait(max(due - time.monotonic(), 0.0)):
                return
            yield item, due


class PacedSource:
    """A source of frames in real time (times `speed`).

    Args:
        source: what to play; closed with this one.
        speed: 2.0 is twice as fast.
    """

    def __init__(self, source: Source, *, speed: float = 1.0) -> None:
        self._source = source
        self._pace = _Pace(speed)
        self.info: SourceInfo = source.info

    def frames(self) -> Iterator[Frame]:
        """The source's frames, each when its time has come and with that as its arrival."""
        for frame, due in self._pace.hold(self._source.frames()):
            yield dataclasses.replace(frame, arrival=due)

    def close(self) -> None:
        """Stop waiting and close the source."""
        self._pace.stop()
        self._source.close()


class PacedPoseSource:
    """A pose track in real time (times `speed`)."""

    def __init__(self, source: PoseSource, *, speed: float = 1.0) -> None:
        self._source = source
        self._pace = _Pace(speed)
        self.info = source.info

    def poses(self) -> Iterator[Pose]:
        """The track's poses, each when its time has come."""
        for pose, _ in self._pace.hold(self._source.poses()):
            yield pose

    def close(self) -> None:
        """Stop waiting and close the source."""
        self._pace.stop()
        self._source.close()


def paced(source: Source | PoseSource, *, speed: float = 1.0) -> Source | PoseSource:
    """The same source at the pace of its own times. One that is live keeps its own pace."""
    if source.info.live:
        return source
    if isinstance(source, Source):
        return PacedSource(source, speed=speed)
    return PacedPoseSource(source, speed=speed)
