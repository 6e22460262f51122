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
AGAIN = (0.8, 4.0)
"""Shares of `glance_s` after which a second look may confirm the first: sooner it is the same look, later
nobody knows what they did in between."""
SLIP_S = 0.2
"""Seconds for which somebody may be elsewhere and still stand where they did: the model slips."""
STOPPED_S = 0.5
"""Seconds in one place after which somebody has stopped walking."""
TAKES = 2
"""Times that somebody is left for how another stands. Two who change places would go on for ever."""


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
        self.seconds = 0.0
        """For how long the grid has been filled."""

    def push(self, picture: NDArray[np.uint8], time: float) -> float:
        """Take the next picture, (H, W, 3); the seconds since the one before."""
        self._step = max(1, picture.shape[0] // ROWS)
        now = picture[:: self._step, :: self._step, 1].astype(np.int16)
        before, elapsed = self._before, time - self._time
        changed, self._size = self._size != picture.shape, picture.shape
        self._before, self._time = now, time
        if before is None or changed or elapsed > self._over_s:  # what changed in between is no movement
            self.grid = np.zeros(now.shape, np.float32)
            self.seconds = 0.0
            return 0.0
        self.seconds += elapsed
        share = np.float32(-math.expm1(-elapsed / self._over_s))
        self.grid += share * ((np.abs(now - before) > CHANGE) - self.grid)
        return elapsed

    def forget(self) -> None:
        """What stirred until now does not count."""
        self.grid[:] = 0.0
        self.seconds = 0.0

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
    """Whether somebody is about to lift: hands at the shoulders' height or above, or the trunk bent over.

    Of a trunk that is bent away from the camera a second look often makes one that hangs upside down. Real
    lifters who stand with dumbbells beside them, or before a bar on the floor, are not ready: motion tells.
    """
    world = pose.world[:, :3]
    trunk = middle(world, Joint.HIP) - middle(world, Joint.SHOULDER)
    length = float(np.linalg.norm(trunk))
    lean = float(from_vertical(np.hypot(trunk[0], trunk[2]), trunk[1]))
    if not length > 0.0:
        return False
    hands = (world[[Joint.WRIST, Joint.WRIST + 1], 1] - middle(world, Joint.SHOULDER)[1]) / length
    return bool((hands < settings.hands_below).all()) or lean >= settings.lean


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Somebody else may be the lifter."""

    x: float | None
    """Where to look for them, pixels to the right, on the same floor; None: anywhere beside."""


class Choice:
    """Watches whether the one followed is the one who lifts, until that is settled."""

    def __init__(self, settings: ChoosingSettings | None = None, takes: int = 0) -> None:
        """`takes`: how often somebody was left for how another stands, before the one who is followed now."""
        self._settings = settings or ChoosingSettings()
        self._stir = Stir(self._settings.over_s)
        self._watched = self._proven = 0.0
        """Seconds for which the one followed was watched, and for which they moved as a lifter does."""
        self._pause = self._settings.again_s / 2.0
        self._next_look = 0.0
        """Stream time before which nobody is looked for who stirs."""
        self._glance = self._settings.glance_s
        """Seconds watched after which the next look is for somebody about to lift."""
        self._rival: Person | None = None
        self._waiting: list[Person] = []
        """Who was about to lift at the last look."""
        self._stands: Person | None = None
        self._off_since: float | None = None
        """Where the one followed stands, and since when they have not been there."""
        self._walked_at: float | None = None
        """When they last walked, until they have stood for a moment."""
        self.takes = takes
        self.settled = False
        """Whether the one followed has moved as a lifter does."""

    def push(self, picture: NDArray[np.uint8], pose: Pose, followed: Person) -> Suspicion | None:
        """Take a frame and who is followed there; whether to look for somebody else."""
        s = self._settings
        if self.settled:
            return None
        elapsed = min(self._stir.push(picture, pose.time), CHECK_S)  # a gap proves nothing
        self._watched += elapsed
        stays = self._stays(followed)
        own = self._stir.of(pose)
        if stays and own > s.least:
            self._proven += elapsed
            self.settled = self._proven >= s.proven_s
            if self.settled:
                return None
        if self._may_wait(pose, own):
            if self._watched >= self._glance:
                self._glance = self._watched + min(self._glance, s.glance_most_s)
                return Suspicion(None)
        else:
            self._waiting = []
        if self._watched < s.again_s or pose.time < self._next_look:
            return None
        self._next_look = pose.time + CHECK_S
        other, x = self._stir.elsewhere(pose)
        return Suspicion(x) if other >= max(s.least, s.more * own) else None

    def _stays(self, followed: Person) -> bool:
        """Whether the one followed has come to stand: who walks in may have started the camera."""
        s, stands, now = self._settings, self._stands, followed.time
        if stands is None:
            self._stands = followed
        elif followed.aside(stands) > s.place or followed.grown(stands) > s.grown:
            self._off_since = now if self._off_since is None else self._off_since
            if now - self._off_since >= SLIP_S:
                self._stands, self._off_since, self._walked_at = followed, None, now
            return False
        self._off_since = None
        if self._walked_at is not None and now - self._walked_at >= STOPPED_S:
            self._walked_at, self._proven = None, 0.0
            self._stir.forget()  # it is of the way here
        return self._walked_at is None

    def _may_wait(self, pose: Pose, own: float) -> bool:
        """Whether the one followed stands about, so that somebody else may be about to lift."""
        s = self._settings
        moves = own > s.busy * s.least * -math.expm1(-self._stir.seconds / s.over_s)
        return self.takes < TAKES and not moves and not ready(pose, s)

    def decide(
        self, pose: Pose, followed: Person, seen: list[tuple[Pose, Person]], why: Suspicion
    ) -> Person | None:
        """Who of those seen is the lifter, if not the one followed: they have been there for a while."""
        s = self._settings
        beside = [
            (other, person)
            for other, person in seen
            if person.aside(followed) > s.place and person.metre >= s.nearly * followed.metre
        ]
        return self._who_waits(pose.time, beside) if why.x is None else self._who_stirs(pose, beside)

    def _who_waits(self, now: float, beside: list[tuple[Pose, Person]]) -> Person | None:
        """The nearest of those who were about to lift at the last look, and are so still."""
        s, (least, most) = self._settings, (share * self._settings.glance_s for share in AGAIN)
        before = [person for person in self._waiting if least <= now - person.time <= most]
        self._waiting = [person for other, person in beside if ready(other, s)]
        still = [p for p in self._waiting if any(p.aside(earlier) < s.still for earlier in before)]
        if still:
            self.takes += 1
            return max(still, key=lambda person: person.metre)
        if self._waiting and not before:  # else they move, and are looked after no sooner than anybody
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
