"""Keeps to one person: notices when the tracker may have gone to somebody else, and says who the lifter was.

MediaPipe's video mode follows a region of the picture. Somebody who walks through it takes it along, or lends
the lifter a leg. Nothing here costs a second look while the person who is tracked moves and looks as the
lifter did; a jump in place, size or colours asks for one, and so does who leaves the lifter's place sideways.
Design choices:

- No pixels and no MediaPipe: a person is a place, a scale and the colours of trunk, thighs and shanks.
- The scale is pixels per metre (landmarks in the picture over world landmarks), which no posture changes.
- Sideways and up are not alike: a squat takes shoulders and hips down a torso's length in half a second, yet
  nobody leaves their place sideways during a repetition.
- How much a lifter's own colours vary is learned: an arm or a plate before the trunk is no change of person.
- While others are about, what does not look right is nobody: a repetition survives a gap of a second, and
  not one pose that is half somebody else's.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum, auto

from streamaqa.pose.person import Person, colours_apart
from streamaqa.pose.settings import FollowSettings

_BOB = 1.0
"""Trunks that a lifter at home may be higher or lower: as far as a deep squat takes the trunk."""
_AHEAD_S = 0.2
"""Seconds for which motion is taken to go on: about what a squat keeps its speed for."""
_STEADY_S = 1.0
"""Seconds over which the lifter's scale and colours are averaged."""
_SPREAD_S = 4.0
"""Seconds over which it is learned how much the colours vary: a repetition or two."""
_SPREAD = 0.08
"""How much they vary at least: light and shade on one shirt."""
_SPREAD_AT_FIRST = 0.1
"""... and while that is not known."""


_COARSE_S = 0.15
"""Seconds between two frames from which on a lone lifter's place and looks change by more than is allowed."""


_ROOM = 0.8
"""Share of what is allowed that a lifter who looked odd takes up then: the next frames look odder still."""


class Doubt(Enum):
    """What to do about the person tracked."""

    NONE = auto()
    """It is the lifter."""
    LOOK = auto()
    """A second look should find everybody in the picture, and `decide` the lifter among them."""
    WAIT = auto()
    """It is somebody else, or partly so; the lifter is not to be seen."""


class Follower:
    """Knows where the lifter is. Call `doubt` for each person tracked, and `decide` where it asks for it."""

    def __init__(self, settings: FollowSettings | None = None) -> None:
        self._settings = settings or FollowSettings()
        self._looked = float("-inf")
        self._pause = 0.0
        self._asked = math.inf
        self._coarse = False
        self.taken = 0
        """How many lifters so far: goes up when whoever comes next is followed."""
        self._forget()

    def _forget(self) -> None:
        self._lifter: Person | None = None
        self._home: Person | None = None
        self._sought: Person | None = None
        self._speed = (0.0, 0.0)
        self._spread = _SPREAD_AT_FIRST
        self._way: deque[Person] = deque()
        self._hidden = False
        self._there_since: float | None = None
        self._wary_until = self._narrow_until = float("-inf")

    @property
    def place(self) -> Person | None:
        """Where the lifter stands or was last seen: worth a closer look if somebody goes from there."""
        return self._home or self._lifter or self._sought

    @property
    def hidden(self) -> bool:
        """Whether the tracker has gone elsewhere."""
        return self._hidden

    def wary(self, time: float) -> bool:
        """Whether others were near a moment ago."""
        return time < self._wary_until

    def narrow(self, time: float) -> bool:
        """Whether the tracker should be shown the lifter's place only."""
        return self.wary(time) or time < self._narrow_until

    def take(self, person: Person) -> None:
        """Follow whoever the tracker finds in that place from now on; somebody else is about.

        No wariness: what they look like is still to be learned, and who was left stands still.
        """
        self._forget()
        self._sought = person
        self._narrow_until = person.time + self._settings.wary_s

    def resembles(self, person: Person) -> bool:
        """Whether somebody found by a second look may be the lifter."""
        return self._unlike_lifter(person) <= self._settings.same

    def _unlike_lifter(self, person: Person) -> float:
        return math.inf if self._lifter is None else self._unlike(person, self._lifter)

    def doubt(self, tracked: Person) -> Doubt:
        """Whether that is the lifter; if so, it is remembered as such."""
        s, lifter, sought = self._settings, self._lifter, self._sought
        self._coarse, self._asked = tracked.time - self._asked >= _COARSE_S, tracked.time
        if sought is not None and tracked.time - sought.time <= s.wait_s:
            there = tracked.aside(sought) <= s.near and tracked.time - sought.time >= s.look_s
            self._sought = None if there else sought
            if there:
                self._keep(tracked)
            return Doubt.NONE if there else Doubt.WAIT
        if lifter is None or tracked.time - lifter.time > s.wait_s:
            self._forget()
            self.taken += 1
            self._keep(tracked)
            return Doubt.NONE
        unlike = self._unlike(tracked, lifter)
        off = unlike / s.sure if self._hidden else self._off(tracked, lifter)
        if (off <= 1.0 or unlike <= s.certain) and not self._left(tracked):
            self._keep(tracked)
            return Doubt.NONE
        self._wonder(tracked)
        if off > 1.0 and self._believed(tracked, off):
            self._keep_odd(tracked, lifter)
            return Doubt.NONE
        pause = s.look_s if off > s.lost or self._hidden else max(s.look_s, self._pause)
        if tracked.time - self._looked >= pause:
            return Doubt.LOOK
        if off > 1.0 and not self._alone(tracked, lifter):
            return Doubt.WAIT
        self._keep(tracked)
        return Doubt.NONE

    def _alone(self, tracked: Person, lifter: Person) -> bool:
        """Whether a look just now found nobody else but the one tracked, who has not gone elsewhere since."""
        s = self._settings
        fresh = tracked.time - self._looked <= s.look_s and not (self._hidden or self.wary(tracked.time))
        return (
            self._coarse
            and fresh
            and self._place_off(tracked, lifter, _BOB) <= 1.0
            and tracked.grown(lifter) <= s.grow
        )

    def _wonder(self, tracked: Person) -> None:
        """Remember since when the one tracked, who looks odd, has stood in the lifter's place."""
        s, place = self._settings, self.place
        there = place is not None and tracked.aside(place) <= s.leave / 2 and tracked.grown(place) <= s.grow
        if not there:
            self._there_since = None
        elif self._there_since is None:
            self._there_since = tracked.time

    def _believed(self, tracked: Person, off: float) -> bool:
        """Whether who looks odd is the lifter: they stand there for longer than it takes to walk past."""
        s, since = self._settings, self._there_since
        return off <= s.lost and since is not None and tracked.time - since >= s.patience_s

    def _keep_odd(self, tracked: Person, lifter: Person) -> None:
        """It is an arm, a plate or a turn that changed the lifter's colours: they vary by that much."""
        apart = colours_apart(tracked.looks, lifter.looks)
        self._spread = max(self._spread, apart / (_ROOM * self._settings.unlike))
        self._keep(tracked)

    def missing(self, time: float) -> bool:
        """Whether a second look is due because the tracker sees nobody since others came by."""
        self._asked = time
        return self._lifter is not None and self.wary(time) and time - self._looked >= self._settings.look_s

    def find(self, everybody: Sequence[Person], time: float) -> Person | None:
        """Who of everybody is the missing lifter, or None."""
        self._looked = time
        alike = [person for person in everybody if self.resembles(person)]
        if not alike:
            return None
        best = min(alike, key=self._unlike_lifter)
        self._return(best)
        return best

    def decide(self, tracked: Person, everybody: Sequence[Person]) -> Person | None:
        """Who of `tracked` and `everybody` is the lifter, or None if nobody is; that one is remembered."""
        lifter = self._lifter
        if lifter is None:
            raise ValueError("nobody is followed yet")
        there = self._off(tracked, lifter) <= 1.0 and not self._hidden
        found = self._who_left(tracked, everybody) if there else self._who_jumped(tracked, everybody, lifter)
        self._beware(tracked, found, everybody)
        if found is tracked:
            self._keep_odd(tracked, lifter)
        elif found is not None:
            self._return(found)
        elif self.wary(tracked.time):
            self._hidden = True
        return found

    def _who_left(self, tracked: Person, everybody: Sequence[Person]) -> Person:
        """The one tracked walks: the lifter, unless somebody at the lifter's place looks the part.

        It is the one who stands there if in doubt, for the tracker goes off with people more often than
        lifters leave their place to somebody else.
        """
        s, home = self._settings, self._home
        others = [person for person in everybody if person.away(tracked) > s.leave / 2]
        if home is None or not others:
            return tracked
        best = min(others, key=lambda person: self._from(person, home, _BOB))
        looks = self._looks_off(best, home) - self._looks_off(tracked, home)
        return best if self._from(best, home, _BOB) <= s.same and looks < s.benefit else tracked

    def _who_jumped(self, tracked: Person, everybody: Sequence[Person], lifter: Person) -> Person | None:
        """The one tracked is not where the lifter should be, or does not look right."""
        s = self._settings
        others = [person for person in everybody if not self._same(person, tracked)]
        certain = self._unlike(tracked, lifter) <= s.certain
        candidates = (tracked, *others) if certain or not self.wary(tracked.time) else others
        best = min(candidates, key=lambda person: self._unlike(person, lifter), default=tracked)
        if self._unlike(best, lifter) <= s.same and (best is not tracked or certain):
            return best
        if any(self._counts(person, lifter) for person in others) or self.wary(tracked.time):
            return None
        bob = _BOB if self._coarse else 0.0
        if self._place_off(tracked, lifter, bob) <= 1.0 and tracked.grown(lifter) <= s.grow:
            return tracked
        return tracked if self._believed(tracked, self._off(tracked, lifter)) else None

    def _same(self, person: Person, tracked: Person) -> bool:
        """Whether a second look found the one tracked once more.

        It may find them a good half trunk off; with frames enough the next look tells who that is.
        """
        alone = self._coarse and not self.wary(tracked.time)
        return person.away(tracked) <= (self._settings.leave if alone else self._settings.leave / 2)

    def _counts(self, person: Person, lifter: Person) -> bool:
        """Whether it is somebody else who is near: what is much smaller is far behind, or nobody."""
        s = self._settings
        near = person.aside(lifter) < s.beside and person.metre >= s.nearly * lifter.metre
        return near and self._unlike(person, lifter) > s.same

    def _beware(self, tracked: Person, found: Person | None, everybody: Sequence[Person]) -> None:
        """Remember whether others are about; if not, look less often for a while."""
        s, time, lifter = self._settings, tracked.time, self._lifter
        others = [person for person in everybody if not self._same(person, found or tracked)]
        back = found is not None and found is not tracked
        about = back or (lifter is not None and any(self._counts(person, lifter) for person in others))
        if about:
            self._wary_until = time + s.wary_s
        fresh = about or time - self._looked > 2 * s.look_most_s
        self._pause = s.look_s if fresh else min(2 * self._pause, s.look_most_s)
        self._looked = time

    # --- how far off somebody is: 1 is as far as is allowed -------------------------------------------

    def _off(self, tracked: Person, lifter: Person) -> float:
        """How far the one tracked is from how the lifter moved and looked."""
        return math.hypot(self._place_off(tracked, lifter), self._looks_off(tracked, lifter))

    def _place_off(self, tracked: Person, lifter: Person, bob: float = 0.0) -> float:
        s = self._settings
        allowed = min(s.jump + s.jump_speed * (tracked.time - lifter.time), s.jump_most)
        return tracked.away(self._expected(lifter, tracked.time), bob) / allowed

    def _unlike(self, person: Person, lifter: Person) -> float:
        """How far somebody in the picture is from where the lifter should be, or from home."""
        near = self._from(person, self._expected(lifter, person.time), 0.0)
        return near if self._home is None else min(near, self._from(person, self._home, _BOB))

    def _from(self, person: Person, place: Person, bob: float) -> float:
        return math.hypot(person.away(place, bob) / self._settings.near, self._looks_off(person, place))

    def _looks_off(self, person: Person, lifter: Person) -> float:
        """How far size and colours are off."""
        s = self._settings
        colours = colours_apart(person.looks, lifter.looks) / (s.unlike * self._spread)
        return math.hypot(person.grown(lifter) / s.grow, colours)

    def _left(self, tracked: Person) -> bool:
        return self._home is not None and tracked.aside(self._home) > self._settings.leave

    # --- where the lifter is --------------------------------------------------------------------------

    def _expected(self, lifter: Person, time: float) -> Person:
        """Where the lifter should be now."""
        ahead = min(time - lifter.time, _AHEAD_S)
        across, down = self._speed
        return replace(lifter, time=time, x=lifter.x + ahead * across, y=lifter.y + ahead * down)

    def _keep(self, person: Person) -> None:
        """That is the lifter, and what is learned of them changes slowly."""
        if (lifter := self._lifter) is not None:
            step = max(person.time - lifter.time, 1e-3)
            quick = -math.expm1(-step / _AHEAD_S)
            across, down = self._speed
            across += quick * ((person.x - lifter.x) / step - across)
            down += quick * ((person.y - lifter.y) / step - down)
            self._speed = (across, down)
            person = self._learned(lifter, person, step)
        self._lifter, self._hidden = person, False
        self._there_since = None
        self._settle(person)

    def _learned(self, lifter: Person, person: Person, step: float) -> Person:
        """Where they are now, with a size and colours that one slip of the model changes little."""
        if self.wary(person.time):  # part of what is seen may be somebody else's
            return replace(person, metre=lifter.metre, looks=lifter.looks)
        share, slow = -math.expm1(-step / _STEADY_S), -math.expm1(-step / _SPREAD_S)
        apart = colours_apart(person.looks, lifter.looks)
        self._spread = max(_SPREAD, math.sqrt(self._spread**2 + slow * (apart**2 - self._spread**2)))
        looks = tuple(a + share * (b - a) for a, b in zip(lifter.looks, person.looks, strict=True))
        return replace(person, metre=lifter.metre * (person.metre / lifter.metre) ** share, looks=looks)

    def _return(self, found: Person) -> None:
        """The tracker had gone off: what was learned of its motion on the way is somebody else's."""
        known = self._home or self._lifter or found
        self._lifter = replace(found, metre=known.metre, looks=known.looks)
        self._speed = (0.0, 0.0)
        self._way.clear()
        self._hidden = True  # until the tracker confirms it

    def _settle(self, person: Person) -> None:
        """Who has stayed in one place for a while is at home there."""
        s = self._settings
        self._way.append(person)
        if person.time - self._way[0].time < s.settle_s:
            return
        if all(person.aside(before) < s.leave / 2 for before in self._way):
            self._home = person
        while person.time - self._way[0].time >= s.settle_s:
            self._way.popleft()
