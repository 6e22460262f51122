"""A camera without a camera: pictures at their own pace, and a pose model that knows the lifter."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

import numpy as np

from streamaqa.sources.base import SourceInfo
from streamaqa.types import Frame, Pose

SIZE = (64, 48)
"""Width and height of the pictures: small, so that the model's work is all that counts."""


class Rehearsed:
    """A live source of noise, one picture for each pose of a track."""

    def __init__(self, track: Sequence[Pose], *, live: bool = True, speed: float = 1.0) -> None:
        self.info = SourceInfo("rehearsal", live=live, size=SIZE, frames=len(track))
        self._track, self._speed = track, speed
        self._stop = threading.Event()

    def frames(self) -> Iterator[Frame]:
        """Each when its time has come; at once if not live."""
        noise = np.random.default_rng(1).integers(0, 255, (8, *SIZE[::-1], 3), np.uint8)
        begun = time.monotonic()
        for number, pose in enumerate(self._track):
            due = begun + pose.time / self._speed
            if self._stop.wait(max(due - time.monotonic(), 0.0) if self.info.live else 0.0):
                return
            yield Frame(number, noise[number % len(noise)], pose.time, time.monotonic())

    def close(self) -> None:
        """End the iteration."""
        self._stop.set()


class Knows:
    """A pose model that gives the track's pose of each frame."""

    def __init__(self, track: Sequence[Pose]) -> None:
        self._track = track

    def estimate(self, frame: Frame) -> Pose:
        """Of that very frame."""
        return self._track[frame.number]

    def close(self) -> None:
        """Nothing to free."""
