"""Which arm works alone, as in rows and presses with one dumbbell: that one holds the load.

Joined with the other, which hangs, waits or leans on a bench, it would move by half as much as it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from streamaqa.segmentation.filter import ema_weight
from streamaqa.segmentation.settings import SignalSettings

BENT_OVER: Final = 25.0
"""Degrees of the trunk's lean from which hands work below the shoulders: rows have 28 and more."""
HANGING: Final = -0.6
"""Height over the shoulders, torso lengths, below which hands of somebody upright press nothing: what else
people do with one hand begins there."""
SHAKING_S: Final = 0.15
"""Seconds over which hands are averaged, so that shaking is no way."""
SEEN: Final = 0.5
"""Visibility from which an arm can be said to work or to rest: hidden ones are moved by the pose model."""
HIDDEN: Final = 0.3
"""Visibility below which one that worked is lost sight of."""
TURNOVER_S: Final = 0.3
"""Seconds in which the other arm ceases to count, so that the load makes no step."""


class LoneArm:
    """Watches both hands. Left before right throughout."""

    def __init__(self, settings: SignalSettings) -> None:
        self._settings = settings
        self._hands: Sequence[float] | None = None
        self._speeds: Sequence[float] = (0.0, 0.0)
        self._seen: Sequence[float] = (0.0, 0.0)
        self._side: int | None = None
        self.turned = 0.0
        """How much the left arm works alone, or below 0 the right one, in [-1, 1]."""

    def watch(
        self, elapsed: float, hands: tuple[float, float], seen: tuple[float, float], lean: float
    ) -> None:
        """Take the next pose, `elapsed` seconds after the last.

        `hands` are heights over the shoulders in torso lengths, `seen` visibilities of the arms, `lean` the
        trunk's in degrees.
        """
        if self._hands is None or elapsed <= 0:
            self._hands, self._seen = self._hands or hands, seen
            return
        s, before = self._settings, self._hands
        new, lately = ema_weight(elapsed, SHAKING_S), ema_weight(elapsed, s.lone_s)
        self._hands = [was + new * (now - was) for was, now in zip(before, hands, strict=True)]
        ways = [abs(now - was) / elapsed for was, now in zip(before, self._hands, strict=True)]
        self._speeds = [was + lately * (now - was) for was, now in zip(self._speeds, ways, strict=True)]
        self._seen = [was + lately * (now - was) for was, now in zip(self._seen, seen, strict=True)]
        side = int(self._speeds[1] > self._speeds[0])
        fast, slow = self._speeds[side], self._speeds[1 - side]
        # of somebody who rests the hand that shakes more is either: the one that worked is asked
        asked = side if self._side is None else self._side
        if self._seen[asked] < HIDDEN or (lean < BENT_OVER and self._hands[asked] < HANGING):
            self._side = None
        elif fast > s.lone_speed and min(self._seen) > SEEN:
            if slow < s.lone * fast:
                self._side = side
            elif slow > s.lone_ends * fast:
                self._side = None
        wanted = 0.0 if self._side is None else 1.0 - 2.0 * self._side
        self.turned += ema_weight(elapsed, TURNOVER_S) * (wanted - self.turned)
