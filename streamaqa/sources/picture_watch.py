"""Tells from the pictures that a camera has frozen, has gone black, or sends another size. Pure and cheap.

A picture is looked at four times a second, on some 3,000 points of its green channel: tens of microseconds.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from streamaqa.sources.base import CAMERA_BLACK, CAMERA_FROZEN, CAMERA_RESIZED
from streamaqa.sources.settings import PictureSettings

LOOK_S = 0.25
"""Seconds between the pictures that are looked at."""
GRID = (48, 64)
"""About as many rows and columns are looked at: a lifter is more than ten of them high."""
TELL_SIZE_S = 5.0
"""For how long a new size is told: long enough to be read."""


class PictureWatch:
    """Takes pictures with their times; `notices` is what is wrong now."""

    def __init__(self, settings: PictureSettings) -> None:
        self._settings = settings
        self.counts = Counter({CAMERA_FROZEN: 0, CAMERA_BLACK: 0, CAMERA_RESIZED: 0})
        """How often each thing went wrong."""
        self.notices: frozenset[str] = frozenset()
        self._size: tuple[int, ...] | None = None
        self._resized = float("-inf")
        self.reconnected()

    def reconnected(self) -> None:
        """The next picture comes from a new connection: it tells nothing about stillness."""
        self._last: NDArray[np.int16] | None = None
        self._looked = float("-inf")
        self._still_since: float | None = None
        self._black_since: float | None = None
        self._set(frozenset())

    def push(self, time: float, image: NDArray[np.uint8]) -> None:
        """Take the next picture, (H, W, 3), of a stream time."""
        if image.shape != self._size:
            if self._size is not None:
                self._resized = time
                self._last = None
            self._size = image.shape
        elif time - self._looked < LOOK_S:
            return
        self._look(time, _points(image))
        self._looked = time
        wrong = {CAMERA_RESIZED} if time - self._resized < TELL_SIZE_S else set()
        if _lasts(self._black_since, time, self._settings.black_s):
            wrong.add(CAMERA_BLACK)
        elif _lasts(self._still_since, time, self._settings.frozen_s):  # black is still as well
            wrong.add(CAMERA_FROZEN)
        self._set(frozenset(wrong))

    def _look(self, time: float, points: NDArray[np.int16]) -> None:
        still = self._last is not None and bool(
            (np.abs(points - self._last) <= self._settings.still_levels).all()
        )
        dark = bool(np.percentile(points, 98) < self._settings.black_level)
        self._last = points
        self._still_since = (
            (self._looked if self._still_since is None else self._still_since) if still else None
        )
        self._black_since = (time if self._black_since is None else self._black_since) if dark else None

    def _set(self, notices: frozenset[str]) -> None:
        self.counts.update(notices - self.notices)
        self.notices = notices


def _lasts(since: float | None, time: float, seconds: float) -> bool:
    return since is not None and time - since >= seconds


def _points(image: NDArray[np.uint8]) -> NDArray[np.int16]:
    """(H, W, 3) -> about (48, 64) of green, which has most of the brightness and least of the noise."""
    down, across = (max(length // wanted, 1) for length, wanted in zip(image.shape[:2], GRID, strict=True))
    return image[down // 2 :: down, across // 2 :: across, 1].astype(np.int16)
