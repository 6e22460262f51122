"""The seam to the model: an `Engine` turns JPEGs into pixels in threads, and batches into readings.

The sleeping engine stands in for a model where everything else is to be measured or tested.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from streamaqa.assessment.merge import ErrorSet, Interval, WindowReading
from streamaqa.assessment.wire import AskedWindow, Served
from streamaqa.errors import StreamaqaError
from streamaqa.exercises import Exercise
from streamaqa.llava.contract import Contract
from streamaqa.windows import Box, crop, decode


class DeviceMemoryError(StreamaqaError):
    """A batch does not fit into the device's memory: a smaller one may."""


class Engine(Protocol):
    """One model on one device. `part` and `window` run in several threads at once, `read` in one."""

    @property
    def model(self) -> Served:
        """Who answers where no adapter is asked for."""

    @property
    def adapters(self) -> Mapping[str, Served]:
        """Who else can be asked, by name."""

    @property
    def contract(self) -> Contract:
        """Of all of them."""

    @property
    def vocabulary(self) -> Sequence[Exercise]:
        """The exercises that readings tell of."""

    @property
    def device(self) -> str:
        """For people: `NVIDIA H200`, `cpu`."""

    def part(self, frames: Sequence[bytes], box: Box | None) -> Any:
        """Some of a window's JPEGs as the model wants them. WindowError for one that cannot be shown."""

    def window(self, asked: AskedWindow, parts: Sequence[Any]) -> Any:
        """A window out of its parts, in order."""

    def read(self, windows: Sequence[Any], adapter: str | None) -> list[WindowReading | StreamaqaError]:
        """A reading for each window, or what that window met. DeviceMemoryError if they are too many."""

    def rehearsals(self, most: int) -> Sequence[tuple[int, int]]:
        """Frames and windows of the batches to run before the first request, the most important first."""


@dataclass(frozen=True)
class Slept:
    """A window of the sleeping engine's."""

    asked: AskedWindow
    frames: int


class SleepingEngine:
    """Decodes as a model's engine would, then sleeps and says that everything is likely in equal parts."""

    device = "none: it sleeps"
    adapters: Mapping[str, Served] = {}

    def __init__(self, seconds: float, contract: Contract, vocabulary: Sequence[Exercise]) -> None:
        """`seconds`: of one window, whatever its frames and its company."""
        self.contract = contract
        self.vocabulary = tuple(vocabulary)
        self.model = Served(name="sleeping", version=f"{seconds:g} s", calibrated=False, untrained=True)
        self._seconds = seconds

    def part(self, frames: Sequence[bytes], box: Box | None) -> int:
        """How many."""
        return sum(1 for frame in frames if crop(decode(frame), box).size)

    def window(self, asked: AskedWindow, parts: Sequence[int]) -> Slept:
        """Counts its frames."""
        return Slept(asked, sum(parts))

    def read(self, windows: Sequence[Slept], adapter: str | None) -> list[WindowReading | StreamaqaError]:
        """Sleeps for each."""
        del adapter  # it has none
        time.sleep(self._seconds * len(windows))
        return [uniform(window.asked, self.vocabulary) for window in windows]

    def rehearsals(self, most: int) -> Sequence[tuple[int, int]]:
        """A batch sleeps as long as its windows one by one, so single ones tell all."""
        del most
        return [(self.contract.plan.frames, 1)]


def uniform(asked: AskedWindow, vocabulary: Sequence[Exercise]) -> WindowReading:
    """The reading of somebody who knows nothing: each exercise, and each error or none, alike."""
    least = -math.log(len(vocabulary))
    sets, intervals = {}, {}
    for exercise in vocabulary:
        each = -math.log(len(exercise.errors) + 1)
        names = ((), *((error.name,) for error in exercise.errors))
        sets[exercise.name] = tuple(ErrorSet(found, each) for found in names)
        if asked.duration > 0:
            whole = Interval(0.0, asked.duration, 0.0)
            intervals[exercise.name] = {error.name: whole for error in exercise.errors}
    return WindowReading({exercise.name: least for exercise in vocabulary}, sets, intervals, 0.0, 0.0, 1)
