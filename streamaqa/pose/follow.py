"""Keeps to one person: notices when the tracker may have gone to somebody else, and says who the lifter was.

MediaPipe's video mode follows a region of the picture. Somebody who walks through it takes it along. Nothing
here costs a second look while the person who is tracked moves as a lifter does; a jump in place or size, or
somebody who leaves the lifter's place sideways, asks for one. Design choices:

- No pixels and no MediaPipe: a person is a place, a scale and the colour of a shirt.
- The scale is pixels per metre (landmarks in the picture over world landmarks), which no posture changes.
- Sideways and up are not alike: a squat takes shoulders and hips down a torso's length in half a second, yet
  nobody leaves their place sideways during a repetition.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from streamaqa.settings import Settings
from streamaqa.types import Pose

TRUNK_M = 0.5
"""Metres from hips to shoulders: .288 of a height of 1.74 m (Drillis and Contini 1966, in Winter 2009)."""
_TRUNK = (11, 12, 23, 24)
_SPAN = (11, 12, 13, 14, 23, 24, 25, 26)
"""Landmarks that the scale is read from: wrists and ankles are the first to be guessed."""
_SCALE = 0.5
"""Logarithm of two scales' ratio that counts as much as a trunk's length: one of 1.65 to 1."""
_SHIRT = 0.6
"""Distance of two colours that counts as much; black and white are 1.7 apart, light and
shade of one shirt 0.2."""
_BOB = 1.0
"""Trunks that a lifter at home may be higher or lower: as far as a deep squat takes the trunk."""
_AHEAD_S = 0.2
"""Seconds for which motion is taken to go on: about what a squat keeps its speed for."""
_STEADY_S = 1.0
"""Seconds over which the lifter's scale and shirt are averaged."""


class FollowSettings(Settings):
    """When the person tracked is doubted, and who may be the lifter. Lengths are trunks of half a metre."""

    jump: float = Field(0.35, gt=0)
    """Trunks that shoulders and hips may lie off from where their motion led: the model's own slips are
    less."""
    jump_speed: float = Field(3.0, gt=0)
    """... and trunks a second more than that: a fast squat changes its speed by as much."""
    jump_most: float = Field(1.2, gt=0)
    """... but never more than this, however long nobody was seen."""
    grow: float = Field(0.3, gt=0)
    """How far the logarithm of the scale may be off: a passer-by one metre nearer than four
    is 0.29 larger."""
    leave: float = Field(0.7, gt=0)
    """Trunks sideways from home at which somebody is walking: no repetition carries a lifter that far."""
    settle_s: float = Field(1.5, gt=0)
    """Seconds in one place that make it home: who walks past covers four trunks in them."""
    look_s: float = Field(0.2, ge=0)
    """Seconds between two second looks, each of which costs a few frames' time."""
    unlike: float = Field(1.0, gt=0)
    """How unlike the lifter somebody may be, in trunks away plus `Person.looks_unlike`."""
    benefit: float = Field(0.3, ge=0)
    """How much less than a walker somebody may look like the lifter who stands in the lifter's place."""
    wait_s: float = Field(2.0, ge=0)
    """Seconds for which a lifter who is hidden is waited for: longer than somebody takes to walk past, and
    short against the walk of the next lifter to the bar."""


@dataclass(frozen=True, slots=True)
class Person:
    """What somebody in the picture is known by."""

    time: float
    """Seconds of stream time."""
    x: float
    """Middle of shoulders and hips, pixels to the right."""
    y: float
    """... and down."""
    metre: float
    """Pixels per metre at their distance."""
    shirt: tuple[float, float, float]
    """Mean colour of the trunk, RGB in [0, 1]."""

    @classmethod
    def of(cls, pose: Pose, picture: NDArray[np.uint8]) -> Person:
        """The person of a pose that was found in `picture`, (H, W, 3)."""
        flat = pose.image[:, :2] * np.asarray(pose.size, np.float32)
        middle = flat[_TRUNK, :].mean(axis=0)
        spread, real = (np.square(p - p.mean(axis=0)).sum() for p in (flat[_SPAN, :], pose.world[_SPAN, :2]))
        metre = math.sqrt(float(spread) / max(float(real), 1e-6))
        return cls(pose.time, float(middle[0]), float(middle[1]), metre, _shirt(flat, picture))

    def away(self, other: Person, bob: float = 0.0) -> float:
        """Distance from the other in the other's trunks; the first `bob` of them up or down do not count."""
        trunk = TRUNK_M * other.metre
        return math.hypot(self.x - other.x, max(0.0, abs(self.y - other.y) - bob * trunk)) / trunk

    def looks_unlike(self, other: Person) -> float:
        """0 for the same shirt at the same distance from the camera, about 1 for somebody else."""
        return abs(math.log(self.metre / other.metre)) / _SCALE + math.dist(self.shirt, other.shirt) / _SHIRT


def _shirt(flat: NDArray[np.float32], picture: NDArray[np.uint8]) -> tuple[float, float, float]:
    """Mean of a few pixels between shoulders and hips."""
    height, width = picture.shape[:2]
    shares = np.array([0.2, 0.4, 0.6])[:, None, None]
    down = flat[(11, 12), :] * (1 - shares) + flat[(23, 24), :] * shares  # (3, 2, 2): rows, sides, xy
    across = np.concatenate([down, down.mean(axis=1, keepdims=True)], axis=1).reshape(-1, 2)
    columns = np.clip(across[:, 0], 0, width - 1).astype(int)
    rows = np.clip(across[:, 1], 0, height - 1).astype(int)
    red, green, blue = picture[rows, columns].mean(axis=0) / 255.0
    return float(red), float(green), float(blue)


class Doubt(Enum):
    """What to do about the person tracked."""

    NONE = auto()
    """It is the lifter."""
    LOOK = auto()
    """A second look should find everybody in the picture, and `decide` the lifter among them."""
    WAIT = auto()
    """It is somebody else, as the last look showed; the lifter is not to be seen."""


class Follower:
    """Knows where the lifter is. Call `doubt` for each person tracked, and `decide` where it asks for it."""

    def __init__(self, settings: FollowSettings | None = None) -> None:
        self._settings = settings or FollowSettings()
        self._lifter: Person | None = None
        self._speed = (0.0, 0.0)
        self._home: Person | None = None
        self._way: deque[Person] = deque()
        self._hidden = False
        self._next_look = float("-inf")

    @property
    def place(self) -> Person | None:
        """Where the lifter stands or was last seen: worth a closer look if somebody goes from there."""
        return self._home or self._lifter

    def doubt(self, tracked: Person) -> Doubt:
        """Whether that is the lifter; if so, it is remembered as such."""
        lifter = self._lifter
        if lifter is None or tracked.time - lifter.time > self._settings.wait_s:
            self._lifter, self._home, self._hidden = None, None, False
            self._way.clear()
            self._keep(tracked)
            return Doubt.NONE
        lost = self._lost(tracked, lifter)
        if not lost and not self._left(tracked):
            self._keep(tracked)
            return Doubt.NONE
        if tracked.time >= self._next_look:
            return Doubt.LOOK
        if lost:
            return Doubt.WAIT
        self._keep(tracked)
        return Doubt.NONE

    def decide(self, tracked: Person, everybody: Sequence[Person]) -> Person | None:
        """Who of `tracked` and `everybody` is the lifter, or None if nobody is; that one is remembered."""
        lifter = self._lifter
        if lifter is None:
            raise ValueError("nobody is followed yet")
        self._next_look = tracked.time + self._settings.look_s
        if self._lost(tracked, lifter):
            best = min((tracked, *everybody), key=lambda person: self._unlike(person, lifter))
            found = best if self._unlike(best, lifter) <= self._settings.unlike else None
        else:
            found = self._who_left(tracked, everybody)
        self._hidden = found is None
        if found is not None and found is not tracked:
            self._return()
        if found is not None:
            self._keep(found)
        return found

    def _unlike(self, person: Person, lifter: Person) -> float:
        """How unlike the lifter somebody is, where the lifter should be or at home."""
        expected = self._expected(lifter, person.time)
        near = person.away(expected) + person.looks_unlike(expected)
        return near if self._home is None else min(near, self._from_home(person, self._home))

    def _from_home(self, person: Person, home: Person) -> float:
        return person.away(home, _BOB) + person.looks_unlike(home)

    def _who_left(self, tracked: Person, everybody: Sequence[Person]) -> Person:
        """The one tracked walks: the lifter, unless somebody at the lifter's place looks the part.

        It is the one who stands there if in doubt, for the tracker goes off with people more often than
        lifters leave their place to somebody else.
        """
        s, home = self._settings, self._home
        others = [person for person in everybody if person.away(tracked) > s.leave / 2]
        if home is None or not others:
            return tracked
        best = min(others, key=lambda person: self._from_home(person, home))
        looks = best.looks_unlike(home) - tracked.looks_unlike(home)
        return best if self._from_home(best, home) <= s.unlike and looks < s.benefit else tracked

    # --- where the lifter is --------------------------------------------------------------------------

    def _lost(self, tracked: Person, lifter: Person) -> bool:
        """Whether that cannot be the lifter by how they moved; one who was hidden has to look right, too."""
        s = self._settings
        if self._hidden:
            return self._unlike(tracked, lifter) > s.unlike
        allowed = min(s.jump + s.jump_speed * (tracked.time - lifter.time), s.jump_most)
        expected = self._expected(lifter, tracked.time)
        return tracked.away(expected) > allowed or abs(math.log(tracked.metre / lifter.metre)) > s.grow

    def _left(self, tracked: Person) -> bool:
        return self._home is not None and self._aside(tracked, self._home) > self._settings.leave

    def _aside(self, person: Person, place: Person) -> float:
        return abs(person.x - place.x) / (TRUNK_M * place.metre)

    def _expected(self, lifter: Person, time: float) -> Person:
        """Where the lifter should be now."""
        ahead = min(time - lifter.time, _AHEAD_S)
        across, down = self._speed
        return replace(lifter, time=time, x=lifter.x + ahead * across, y=lifter.y + ahead * down)

    def _keep(self, person: Person) -> None:
        """That is the lifter. Scale and shirt change slowly, so that one slip of the model changes little."""
        if (lifter := self._lifter) is not None:
            step = max(person.time - lifter.time, 1e-3)
            share, quick = -math.expm1(-step / _STEADY_S), -math.expm1(-step / _AHEAD_S)
            across, down = self._speed
            across += quick * ((person.x - lifter.x) / step - across)
            down += quick * ((person.y - lifter.y) / step - down)
            self._speed = (across, down)
            red, green, blue = (a + share * (b - a) for a, b in zip(lifter.shirt, person.shirt, strict=True))
            metre = lifter.metre * (person.metre / lifter.metre) ** share
            person = replace(person, metre=metre, shirt=(red, green, blue))
        self._lifter, self._hidden = person, False
        self._settle(person)

    def _return(self) -> None:
        """The tracker had gone off: what was learned on the way is somebody else's."""
        self._lifter = self._home
        self._speed = (0.0, 0.0)
        self._way.clear()

    def _settle(self, person: Person) -> None:
        """Who has stayed in one place for a while is at home there."""
        s = self._settings
        self._way.append(person)
        if person.time - self._way[0].time < s.settle_s:
            return
        if all(self._aside(person, before) < s.leave / 2 for before in self._way):
            self._home = person
        while person.time - self._way[0].time >= s.settle_s:
            self._way.popleft()
