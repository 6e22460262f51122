"""A recorded session's folder as a source: its poses, exact, or its video with the frames' own times."""

from __future__ import annotations

import bisect
import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path

from streamaqa.errors import SourceError
from streamaqa.recording import lines, session
from streamaqa.recording.poses import PoseFile
from streamaqa.sources.base import SourceInfo
from streamaqa.sources.video import VideoSource
from streamaqa.types import Frame, Pose

SAME_S = 0.002
"""A frame and its picture in the video are this near: Matroska rounds times to a millisecond."""


class RecordedPoses:
    """The poses of a recorded session: what its engine saw, to the last bit.

    Raises:
        SourceError: the folder is no session, or holds no pose.
    """

    def __init__(self, folder: Path) -> None:
        self.record = session.read(folder)
        """What `session.json` says."""
        self._file = PoseFile(folder / session.POSES)
        ends = self._file.first_and_last()
        if ends is None:
            raise SourceError(f"{folder}: the session was recorded without a single pose")
        first, last = ends
        duration = max(last.time - first.time, 0.0)
        count = self._file.count
        fps = (count - 1) / duration if duration > 0 else None
        self.info = SourceInfo(folder.name, False, first.size, fps, count, duration)
        self._closed = False

    def poses(self) -> Iterator[Pose]:
        """The recorded poses in time order, up to where a killed writer left off."""
        for pose in self._file:
            if self._closed:
                return
            yield pose

    def close(self) -> None:
        """End an iteration that is under way."""
        self._closed = True


class RecordedVideo:
    """The video of a recorded session, its frames at their recorded times and without those that the engine
    had dropped.

    Raises:
        SourceError: the folder is no session, or has no video that can be read.
    """

    def __init__(self, folder: Path) -> None:
        self.record = session.read(folder)
        """What `session.json` says."""
        paths = session.videos(folder)
        if self.record.video is None or not paths:
            raise SourceError(f"{folder}: recorded without video; replay it from its poses")
        self._used, self._lost = _times(folder)
        self._stop = threading.Event()
        self._video = VideoSource(paths[0])
        self._more = paths[1:]
        # A video tells no duration if its writer was killed; progress bars want one.
        count = len(self._used)
        duration = self._used[-1] - self._used[0] if count else self._video.info.duration
        self.info = dataclasses.replace(
            self._video.info, name=folder.name, frames=count or None, duration=duration
        )

    def frames(self) -> Iterator[Frame]:
        """The frames that were used, in time order."""
        last = -1.0
        number = 0
        end = self._used[-1] + SAME_S if self._used else float("inf")
        for frame, at in self._pictures():
            if at > end:  # packets are stored before the engine sees their frames
                return
            own = _nearest(self._used, at)
            if own is None and _nearest(self._lost, at) is not None:
                continue
            # A picture without a line: its source repaired a time that is broken in the packet, or the writer
            # was killed between the two.
            at = at if own is None else own
            if at > last:
                yield dataclasses.replace(frame, number=number, time=at)
                last = at
                number += 1

    def _pictures(self) -> Iterator[tuple[Frame, float]]:
        """The frames of each file in turn, with their stream time."""
        while True:
            for frame in self._video.frames():
                yield frame, frame.time + self._video.start
            if self._stop.is_set() or not self._more:
                return
            path = self._more.pop(0)
            try:
                self._video = VideoSource(path)
            except SourceError:
                if self._more:
                    raise
                return  # begun by a writer that was killed before it had stored a picture
            if self._stop.is_set():
                self._video.close()

    def close(self) -> None:
        """End an iteration that is under way."""
        self._stop.set()
        self._video.close()


def _times(folder: Path) -> tuple[list[float], list[float]]:
    """Times of the frames that were used, and of those that were dropped; each rising."""
    used: list[float] = []
    lost: list[float] = []
    for line in lines.read(folder / session.FRAMES):
        at, was_used = line.get("t"), line.get("used")
        if isinstance(at, int | float):
            (used if was_used else lost).append(float(at))
    return sorted(used), sorted(lost)


def _nearest(times: list[float], at: float) -> float | None:
    """The one of `times` that is `at`, as far as a video can tell."""
    index = bisect.bisect_left(times, at)
    near = [other for other in times[max(index - 1, 0) : index + 1] if abs(other - at) <= SAME_S]
    return min(near, key=lambda other: abs(other - at), default=None)
