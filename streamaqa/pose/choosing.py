"""Who of several people is the lifter, before anybody has lifted.

Whoever is found first is followed first, and that may be a spotter or a coach who stands beside. Two things
show it:

- They stand upright with hanging arms while somebody as near to the camera has both hands at the shoulders,
  or bends over: a lifter who is about to begin. Told before the first repetition, by two second looks.
- They stand still while somebody as near moves up and down in one place. No pose is needed to notice that: a
  coarse grid of where the picture's brightness changes costs less than half a percent of a pose, and is
  dropped as soon as the one followed has moved that much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamaqa.body import Joint, from_vertical, middle
from streamaqa.pose.person import Person
from streamaqa.pose.settings import ChoosingSettings
from streamaqa.types import Pose

BAR = 0.25
"""Share of somebody's height by which what they hold reaches farther than they do."""
ROWS = 60
"""Of the grid: a lifter is some forty high."""
CHECK_S = 0.2
"""Seconds between two searches of the grid: it changes little within them."""
CHANGE = 12
"""Steps of 256 that are no noise of the sensor."""
_HEAD_DOWN = 120.0
"""Degrees of lean that nobody stands at: what is found so is no person."""


class Stir:
    """Where in the picture something moved lately."""

    def __init__(self, over_s: float) -> None:
        self._over_s = over_s
        self._before: NDArray[np.int16] | None = None
        self._size: tuple[int, ...] = ()
        self._time = 0.0
        self._step = 1
        self.grid = np.zeros((1, 1), np.float32)
        """Share of the last seconds in which a cell changed, in [0, 1]."""

    def push(self, picture: NDArray[np.uint8], time: float) -> float:
        """Take the next picture, (H, W, 3); the seconds since the one before."""
        self._step = max(1, picture.shape[0] // ROWS)
        now = picture[:: self._step, :: self._step, 1].astype(np.int16)
        before, elapsed = self._before, time - self._time
        changed, self._size = self._size != picture.shape, picture.shape
        self._before, self._time = now, time
        if before is None or changed:
            self.grid = np.zeros(now.shape, np.float32)
            return 0.0
        share = np.float32(-math.expm1(-elapsed / self._over_s))
        self.grid += share * ((np.abs(now - before) > CHANGE) - self.grid)
        return elapsed

    def box(self, pose: Pose) -> tuple[slice, slice]:
        """Rows and columns of the grid about somebody."""
        flat = pose.image[:, :2] * np.asarray(pose.size) / self._step
        end = self.grid.shape[::-1]
        low = np.clip(flat.min(axis=0), 0, end).astype(int)
        high = np.clip(flat.max(axis=0) + 1.0, 0, end).astype(int)
        return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))

    def of(self, pose: Pose) -> float:
        """How much somebody stirs: the mean over their box."""
        cells = self.grid[self.box(pose)]
        return float(cells.mean()) if cells.size else 0.0

    def elsewhere(self, pose: Pose) -> tuple[float, float]:
        """The most that somebody as large stirs beside that person, and where: pixels to the right."""
        import cv2

        rows, columns = self.box(pose)
        wide, high = max(1, columns.stop - columns.start), max(1, rows.stop - rows.start)
        size, reach = (wide, high), round(BAR * high)
        grid = self.grid.copy()
        left, top = max(0, columns.start - reach), max(0, rows.start - reach)
        grid[top : rows.stop, left : columns.stop + reach] = 0.0
        means = cv2.blur(grid, size, borderType=cv2.BORDER_CONSTANT)
        row, column = divmod(int(means.argmax()), means.shape[1])
        return float(means[row, column]), float(column * self._step)


def ready(pose: Pose, settings: ChoosingSettings) -> bool:
    """Whether somebody is about to lift: hands at the shoulders' height or above, or the trunk bent over."""
    world = pose.world[:, :3]
    trunk = middle(world, Joint.HIP) - middle(world, Joint.SHOULDER)
    length = float(np.linalg.norm(trunk))
    if not length > 0.0:
        return False
    hands = (world[[Joint.WRIST, Joint.WRIST + 1], 1] - middle(world, Joint.SHOULDER)[1]) / length
    lean = float(from_vertical(np.hypot(trunk[0], trunk[2]), trunk[1]))
    return bool((hands < settings.hands_below).all()) or settings.lean <= lean <= _HEAD_DOWN


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Somebody else may be the lifter."""

    x: float | None
    """Where to look for them, pixels to the right, on the same floor; None: anywhere beside."""


class Choice:
    """Watches whether the one followed is the one who lifts, until that is settled."""

    def __init__(self, settings: ChoosingSettings | None = None) -> None:
        self._settings = settings or ChoosingSettings()
        self._stir = Stir(self._settings.over_s)
        self._watched = self._proven = 0.0
        self._pause = self._settings.again_s / 2.0
        self._next_look = 0.0
        self._rival: Person | None = None
        self._ready: Person | None = None
        self._glance = self._settings.glance_s
        self._stands: Person | None = None
        self.settled = False
        """Whether the one followed has moved as a lifter does."""

    def push(self, picture: NDArray[np.uint8], pose: Pose, followed: Person) -> Suspicion | None:
        """Take a frame and who is followed there; whether to look for somebody else."""
        s = self._settings
        if self.settled:
            return None
        elapsed = min(self._stir.push(picture, pose.time), CHECK_S)  # a gap proves nothing
        self._watched += elapsed
        own = self._stir.of(pose)
        if self._stands is None or followed.aside(self._stands) > s.place:
            self._stands, self._proven = followed, 0.0  # who walks in may be the one who started the camera
        if own > s.least:
            self._proven += elapsed
            self.settled = self._proven >= s.proven_s
        if self._watched >= self._glance:
            self._glance = self._watched + min(max(s.glance_s, self._glance), s.glance_most_s)
            if not ready(pose, s):
                return Suspicion(None)
        if self._watched < s.again_s or pose.time < self._next_look:
            return None
        self._next_look = pose.time + CHECK_S
        other, x = self._stir.elsewhere(pose)
        return Suspicion(x) if other >= max(s.least, s.more * own) else None

    def decide(
        self, pose: Pose, followed: Person, seen: list[tuple[Pose, Person]], why: Suspicion
    ) -> Person | None:
        """Whether one of those seen is the lifter: one who has been in that place for a while."""
        s = self._settings
        beside = [
            (other, person)
            for other, person in seen
            if person.aside(followed) > s.place and person.metre >= s.nearly * followed.metre
        ]
        rival = self._who_is_ready(pose, beside)
        return self._who_stirs(pose, beside) if rival is None and why.x is not None else rival

    def _who_is_ready(self, pose: Pose, beside: list[tuple[Pose, Person]]) -> Person | None:
        """The nearest of those who are about to lift, at the second look; nobody if the one followed is."""
        s = self._settings
        waiting = [] if ready(pose, s) else [person for other, person in beside if ready(other, s)]
        rival = max(waiting, key=lambda person: person.metre, default=None)
        before, self._ready = self._ready, rival
        if rival is None:
            return None
        if before is not None and rival.aside(before) < s.place:
            return rival
        self._glance = self._watched + s.glance_s
        return None

    def _who_stirs(self, pose: Pose, beside: list[tuple[Pose, Person]]) -> Person | None:
        """The one who stirs most, if that is much more than the one followed does."""
        s = self._settings
        self._next_look = pose.time + s.again_s
        stirring = [(self._stir.of(other), person) for other, person in beside]
        most, rival = max(stirring, key=lambda each: each[0], default=(0.0, None))
        if rival is None or most < max(s.least, s.more * self._stir.of(pose)):
            self._next_look = pose.time + self._pause
            self._pause *= 2.0
            self._rival = None
            return None
        before, self._rival = self._rival, rival
        return rival if before is not None and rival.aside(before) < s.place else None
