"""Who is in the picture, when, in which posture and with what in hand."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from streamaqa.sources.synthetic.body import BodyShape
from streamaqa.sources.synthetic.idle import gait
from streamaqa.sources.synthetic.motion import stand
from streamaqa.sources.synthetic.posture import Array, Channel
from streamaqa.sources.synthetic.script import Appearance, Companion, Passer, Scene, Style
from streamaqa.sources.synthetic.timeline import Timeline


class Actor(Protocol):
    """Somebody to draw."""

    @property
    def body(self) -> BodyShape:
        """Size and proportions."""

    @property
    def appearance(self) -> Appearance:
        """Looks."""

    def present(self, times: Array) -> NDArray[np.bool_]:
        """(T,) whether they are there."""

    def posture(self, times: Array) -> Array:
        """(T, CHANNELS), as `posture` describes."""

    def implements(self, times: Array) -> NDArray[np.str_]:
        """(T,) what they hold, an `Implement`."""


class Lifter:
    """The one it is about."""

    def __init__(self, scene: Scene) -> None:
        self.body = scene.body
        self.appearance = scene.appearance
        self._timeline = Timeline(scene)

    def present(self, times: Array) -> NDArray[np.bool_]:
        """Always."""
        return np.ones(len(times), bool)

    def posture(self, times: Array) -> Array:
        """As the timeline has it."""
        return self._timeline.posture(times)

    def implements(self, times: Array) -> NDArray[np.str_]:
        """That of the segment; on the way to the next one, that of the next."""
        ends = np.array([clip.end for clip in self._timeline.clips])
        held = np.array([clip.segment.style.implement for clip in self._timeline.clips])
        out: NDArray[np.str_] = held[np.minimum(np.searchsorted(ends, times), len(held) - 1)]
        return out


class Walker:
    """A second person who crosses the picture at an even pace."""

    def __init__(self, passer: Passer, reach: float) -> None:
        self.body = passer.body
        self.appearance = passer.appearance
        self._passer = passer
        self._reach = reach

    def present(self, times: Array) -> NDArray[np.bool_]:
        """From one side to the other."""
        share = (times - self._passer.start) / self._passer.duration
        return np.asarray((share >= 0.0) & (share <= 1.0))

    def posture(self, times: Array) -> Array:
        """Walking."""
        passer = self._passer
        share = np.clip((times - passer.start) / passer.duration, 0.0, 1.0)
        out = stand(self.body, Style(implement="none"), len(times))
        sign = 1.0 if passer.rightward else -1.0
        out[:, Channel.FLOOR_X] = sign * self._reach * (2.0 * share - 1.0)
        out[:, Channel.FLOOR_Z] = passer.distance
        out[:, Channel.YAW] = -sign * np.pi / 2.0
        speed = 2.0 * self._reach / passer.duration
        gait(self.body, out, 2.0 * self._reach * share, np.full(len(times), speed))
        return out

    def implements(self, times: Array) -> NDArray[np.str_]:
        """Nothing."""
        return np.full(len(times), "none")


class Second:
    """A second person with a script of their own."""

    def __init__(self, companion: Companion) -> None:
        self.body = companion.body
        self.appearance = companion.appearance
        own = Scene(companion.segments, companion.body, transition=companion.transition)
        self._start, self._end = companion.start, companion.start + Timeline(own).duration
        self._lifter = Lifter(own)

    def present(self, times: Array) -> NDArray[np.bool_]:
        """From the beginning of the script to its end."""
        return np.asarray((times >= self._start) & (times <= self._end))

    def posture(self, times: Array) -> Array:
        """As the script has it."""
        return self._lifter.posture(times - self._start)

    def implements(self, times: Array) -> NDArray[np.str_]:
        """As the script has it."""
        return self._lifter.implements(times - self._start)


def actors(scene: Scene) -> list[Actor]:
    """Everybody in the scene, the lifter first."""
    out: list[Actor] = [Lifter(scene)]
    for passer in scene.passers:
        if isinstance(passer, Companion):
            out.append(Second(passer))
            continue
        # Half the width of a landscape picture at their distance, and a body's width more.
        depth = scene.camera.distance - passer.distance
        half = 1.4 * depth * float(np.tan(np.radians(scene.camera.field_of_view) / 2.0)) + 0.5
        out.append(Walker(passer, half))
    return out
