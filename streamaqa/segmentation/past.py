"""The last seconds of one exercise's signal, and what can be asked of them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import Final

from streamaqa.motion import Measure, Posture
from streamaqa.segmentation.settings import PhaseSettings

_LONGER_S: Final = 2.0
"""Seconds kept beyond the longest movement: its start is looked for before it was noticed."""
_WATCHED: Final = 0.5
"""Share of a time for which poses have to be there: who was hidden may have rested or not."""
_HIGH: Final = 0.9
"""Share of a movement's poses below what counts as the highest: single ones leap."""


@dataclass(slots=True)
class Sample:
    """One posture and the signal that was read from it, turned so that first phases rise."""

    time: float
    """Seconds of stream time."""
    raw: float
    value: float
    """Filtered."""
    posture: Posture


class Past:
    """`append` samples in time order; those that no question needs any more are forgotten."""

    def __init__(self, settings: PhaseSettings) -> None:
        self._settings = settings
        self._samples: deque[Sample] = deque()

    def __bool__(self) -> bool:
        return bool(self._samples)

    @property
    def last(self) -> Sample:
        """The newest. Raises IndexError if there is none."""
        return self._samples[-1]

    def append(self, sample: Sample) -> None:
        """Take the next sample."""
        self._samples.append(sample)
        while sample.time - self._samples[0].time > self._settings.most_s + _LONGER_S:
            self._samples.popleft()

    def forget(self, before: float) -> None:
        """Everything before a time."""
        while self._samples and self._samples[0].time < before:
            self._samples.popleft()

    def gap(self) -> float:
        """Seconds between the last two samples; 0 if there are not as many."""
        return self._samples[-1].time - self._samples[-2].time if len(self._samples) > 1 else 0.0

    def since(self, begin: float, until: float | None = None) -> list[Sample]:
        """Those from one time to another, both included."""
        return [s for s in self._samples if s.time >= begin and (until is None or s.time <= until)]

    def still(self, seconds: float) -> float | None:
        """The level of the last `seconds` if the signal was watched and did not move in them, or None."""
        now = self._samples[-1].time
        if now - self._samples[0].time < seconds:
            return None
        low = high = self._samples[-1].value
        total, count, since = 0.0, 0, now
        for sample in reversed(self._samples):
            if now - sample.time > seconds:
                break
            since = sample.time
            low, high = min(low, sample.value), max(high, sample.value)
            total, count = total + sample.value, count + 1
            if high - low > self._settings.still:
                return None
        return total / count if now - since >= _WATCHED * seconds else None

    def lowest(self, seconds: float) -> float:
        """The lowest level of the last `seconds`."""
        now, level = self._samples[-1].time, self._samples[-1].value
        for sample in reversed(self._samples):
            if now - sample.time > seconds:
                break
            level = min(level, sample.value)
        return level

    def last_below(self, level: float) -> float:
        """When the signal was last at or below `level`; when it was first seen if it never was."""
        for sample in reversed(self._samples):
            if sample.value <= level:
                return sample.time
        return self._samples[0].time

    def around(self, time: float, measure: Measure) -> float:
        """The median of `measure` near `time`, or its nearest value."""
        reach = self._settings.gate_s
        near: list[float] = []
        for sample in reversed(self._samples):
            if time - sample.time > reach:
                break
            if abs(sample.time - time) <= reach:
                near.append(measure(sample.posture))
        return median(near) if near else measure(min(self._samples, key=lambda s: abs(s.time - time)).posture)

    def highest(self, start: float, end: float, measure: Measure) -> float:
        """The highest that `measure` was between two times, but for the tenth that is higher: poses leap."""
        between = sorted(measure(s.posture) for s in self.since(start, end))
        return between[round(_HIGH * (len(between) - 1))] if between else self.around(end, measure)
