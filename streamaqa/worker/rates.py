"""How long batches take, learned from those that ran.

A running mean and a running mean deviation for each size of window and batch, as TCP keeps of its round trips
(Jacobson, Congestion Avoidance and Control, 1988). Knows no clock: seconds are handed in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

WEIGHT = 0.2
"""Of the newest batch. A GPU that slows down is known after some five batches."""
OUTLIER = 3.0
"""One batch counts as this many times the mean at most: a single stall must not close the door."""
SPREAD = 1.25
"""A normal distribution's standard deviation over its mean deviation: sqrt(pi / 2)."""
DOUBTED = 0.1
"""Deviation over mean of what was only just believed anew: that of a GPU between cool and hot."""
UNKNOWN_S = 1.0
"""A window's seconds before any was measured; the warm-up measures before the first request."""


def bucket(frames: int) -> int:
    """The power of two that holds so many frames: windows of one bucket cost nearly the same."""
    return 1 << max(0, frames - 1).bit_length()


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds that something will take."""

    mean: float
    deviation: float
    """Standard deviation."""


class Rates:
    """Seconds by frames of a window (in buckets) and windows of a batch."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], Estimate] = {}

    def learn(self, frames: int, count: int, seconds: float) -> None:
        """A batch of `count` windows of `frames` frames has taken so long."""
        key = bucket(frames), count
        known = self._known.get(key)
        if known is None:
            self._known[key] = Estimate(seconds, 0.0)
            return
        off = min(seconds, OUTLIER * known.mean) - known.mean
        spread = known.deviation + WEIGHT * (SPREAD * abs(off) - known.deviation)
        self._known[key] = Estimate(known.mean + WEIGHT * off, spread)

    def doubt(self, frames: int, seconds: float) -> None:
        """A single window of so many frames was measured since it was thought too slow to be let in.

        A shorter time is believed at once, and of larger batches in proportion; a longer one as any other.
        """
        key = bucket(frames), 1
        share = seconds / self.batch(frames, 1).mean
        if share >= 1:
            self.learn(frames, 1, seconds)
            return
        self._known.setdefault(key, self.batch(frames, 1))
        for each, known in list(self._known.items()):
            if each[0] == key[0]:
                self._known[each] = Estimate(share * known.mean, share * DOUBTED * known.mean)

    def batch(self, frames: int, count: int) -> Estimate:
        """A batch's seconds. What never ran lies between the next smaller and larger batch that did, or is
        scaled from the nearest by its frames.
        """
        wanted = bucket(frames), count
        if (known := self._known.get(wanted)) is not None:
            return known
        if not self._known:
            return Estimate(UNKNOWN_S * count, UNKNOWN_S)
        counts = [windows for bucketed, windows in self._known if bucketed == wanted[0]]
        smaller = max((each for each in counts if each < count), default=None)
        larger = min((each for each in counts if each > count), default=None)
        if smaller is not None and larger is not None:
            share = (count - smaller) / (larger - smaller)
            low, high = self._known[wanted[0], smaller], self._known[wanted[0], larger]
            return Estimate(low.mean + share * (high.mean - low.mean), max(low.deviation, high.deviation))
        nearest = min(self._known, key=lambda key: _apart(key, wanted))
        scale = math.prod(wanted) / math.prod(nearest)
        known = self._known[nearest]
        return Estimate(known.mean * scale, known.deviation * scale)

    def known(self) -> Mapping[tuple[int, int], Estimate]:
        """What was measured."""
        return dict(self._known)


def _apart(key: tuple[int, int], wanted: tuple[int, int]) -> float:
    """Doublings between two kinds of batch. The size of windows tells more than their number."""
    frames, count = (abs(math.log2(a / b)) for a, b in zip(key, wanted, strict=True))
    return 2 * frames + count
