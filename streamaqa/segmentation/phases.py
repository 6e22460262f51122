"""The phase machine: one exercise, one signal. Home, out to the turn, back home.

Decisions are taken online on a One-Euro filtered signal with hysteresis; `boundaries` are then read from the
unfiltered past. The signal is turned so that every first phase rises.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from streamaqa.exercises import Exercise
from streamaqa.motion import Motion, Posture
from streamaqa.segmentation.boundaries import GAP_S, Cut, between, fitting, home_level, read
from streamaqa.segmentation.filter import OneEuro
from streamaqa.segmentation.followed import FollowedLoad
from streamaqa.segmentation.gatekeeper import Gatekeeper
from streamaqa.segmentation.past import Past, Sample
from streamaqa.segmentation.settings import PhaseSettings
from streamaqa.segmentation.signals import settled


@dataclass(frozen=True, slots=True)
class Opened:
    """The signal has left home."""

    start: float
    plausible: bool
    """Whether the gates at the start are passed, and those of the way so far."""


@dataclass(frozen=True, slots=True)
class Turned:
    """The signal is coming back."""

    start: float
    turn: float
    plausible: bool
    """Whether the gates at the start and the turn are passed."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The signal is home again and every gate was passed."""

    cut: Cut
    probability: float
    """Product over the gates of a logistic in the margin: 0.88 on the border, 0.98 when `softness` inside."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """It was nothing."""

    reason: str


Note = Opened | Turned | Closed | Dropped


_BEGUN = 0.25
"""Share of the travel until a movement is noticed, below which the lifter was still at rest; and of the way
home, below which they are still at the turn."""
_SMOOTH = 0.002
"""Share of a range that a curve leaves of the smoothest movement."""
_WALKING_S = 1.0
"""Seconds after a walk was noticed in which what begins is a part of it."""
_BEYOND = 1.25
"""Shares of the way out that the way back may be for the load to be waited for: real ones are 0.8 to 1.1."""


@dataclass(frozen=True, slots=True)
class _Usual:
    """Between which levels the repetition before went."""

    home: float
    top: float


class _State(enum.Enum):
    HOME = enum.auto()
    OUT = enum.auto()
    BACK = enum.auto()


class PhaseMachine:
    """Follows one exercise's signal; `push` returns what happened, in order."""

    def __init__(self, exercise: Exercise, settings: PhaseSettings) -> None:
        if exercise.motion is None:
            raise ValueError(f"{exercise.name} says nothing about its motion")
        self.exercise = exercise
        self._motion: Motion = exercise.motion
        self._lifts_first = exercise.first_phase == "lifting"
        self._sign = 1.0 if self._lifts_first else -1.0
        self._settings = settings
        self._roughly = settings.model_copy(update={"curve": 0.0})
        self._load = FollowedLoad(self._motion.followed, self._sign, settings)
        self._walked_at = -math.inf
        """When the lifter was last seen to walk to or from the camera."""
        self.reset()

    def reset(self) -> None:
        """Forget everything; what was open is open no more."""
        s = self._settings
        self._filter = OneEuro(s.cutoff_hz, s.beta, s.speed_cutoff_hz)
        self._past = Past(s)
        self._gates = Gatekeeper(self._motion.gates, self._past, s.still_s)
        self._state = _State.HOME
        self._base = self._top = self._low = 0.0
        self._stood, self._stood_at = -math.inf, -math.inf
        """The level at which the lifter last stood still, and when: a dip may come before the start."""
        self._began = self._left = self._topped = self._lowest = 0.0
        self._held = self._held_since = 0.0
        """The level that is held, and since when: noise goes on finding new highest values for seconds."""
        self._peak_speed = self._moving = 0.0
        self._ledges: dict[int, tuple[float, float]] = {}
        """Where the signal paused on the way out, and until when, by the level in steps of `still`."""
        self._usual: _Usual | None = None
        """What the lifter did before, since they were last seen to walk."""
        self._rested: tuple[float, float] | None = None
        """Where and since when the load rests on its way up."""
        self._elsewhere = False
        """Whether no repetition begins where this movement did: hands that were on their way to the bar."""
        self._found: float | None = None
        """Where the signal was found again after a gap in which it left home, until it moves from there:
        a lifter who was hidden while they took up another place, rather than a repetition that is held."""

    @property
    def open(self) -> bool:
        """Whether a movement is under way."""
        return self._state is not _State.HOME

    def push(self, posture: Posture) -> list[Note]:
        """Take the next posture."""
        raw = self._sign * self._motion.signal(posture)
        hidden = bool(self._past) and posture.time - self._past.last.time > self._settings.gap_s
        if self._past and (hidden or posture.walked):
            on_the_way = not hidden and self.open and self._left - self._walked_at < _WALKING_S
            notes = self._drop("walked") if on_the_way else self.end("gap" if hidden else "walked")
            self._walked_at = posture.time if posture.walked else self._walked_at
            self.reset()
            return notes + self.push(posture)
        if self._glitch(posture.time, raw):
            return []
        value = self._filter.push(posture.time, raw)
        if not self._past:
            self._base = value
        self._past.append(Sample(posture.time, raw, value, posture))
        now = self._past.last
        if self.open and (name := self._gates.went_beyond(now)) is not None:
            return self._drop(name, now.value)
        step: Callable[[Sample], list[Note]] = {
            _State.HOME: self._at_home,
            _State.OUT: self._going_out,
            _State.BACK: self._coming_back,
        }[self._state]
        return step(now)

    def end(self, reason: str) -> list[Note]:
        """No more will be seen of the lifter: a movement that is nearly back counts, any other is dropped."""
        if self._state is _State.BACK and self._returned() >= self._settings.returned:
            return self._close()
        return self._drop(reason) if self.open else []

    # --- states ---------------------------------------------------------------------------------------

    def _at_home(self, now: Sample) -> list[Note]:
        level = self._past.still(self._settings.still_s)
        if level is None:
            level = max(min(self._base, now.value), self._past.lowest(self._settings.home_s))
        else:
            self._stood, self._stood_at = level, now.time
        self._base = level
        if now.value - self._base < self._settings.onset * self._motion.least_range:
            return []
        self._state = _State.OUT
        self._left = now.time
        if now.time - self._stood_at > self._settings.dip_s:
            self._stood = -math.inf
        self._found = now.value if self._past.gap() > GAP_S else None
        self._top, self._topped = now.value, now.time
        self._held, self._held_since = now.value, now.time
        self._rested = None
        start = self._began = self._past.last_below(self._base + _BEGUN * (now.value - self._base))
        self._elsewhere = not self._gates.may_begin(start, roughly=True)
        self._ledges.clear()
        self._gates.stand_on(start)
        return [Opened(start, not self._gates.failed(("start", "rise"), start, now.time))]

    def _going_out(self, now: Sample) -> list[Note]:
        s = self._settings
        if now.value > self._top:
            self._top, self._topped = now.value, now.time
        if now.value > self._held + self._margin():
            self._held, self._held_since = now.value, now.time
        travel = self._top - self._base
        if (level := self._begins_here(now)) is not None:
            self._past.forget(now.time - s.pause_s)
            return self._drop("began_elsewhere", level)
        if self._found is not None and abs(now.value - self._found) > s.still:
            self._found = None  # the movement goes on
        if self._found is not None and now.time - self._left >= s.still_s:
            return self._drop("moved_unseen", self._found)
        if now.time - self._left > s.most_s or now.time - self._held_since > s.hold_s:
            return self._drop("too_long", now.value)
        least = self._motion.least_range
        if travel < least:
            if now.value - self._base < 0.5 * s.onset * least:
                return self._drop("too_small")
            level = self._past.still(s.still_s)
            return [] if level is None or self._grinds(level) else self._drop("too_small", level)
        if self._top - now.value > self._margin():
            self._state, self._rested = _State.BACK, None
            self._low, self._lowest = now.value, now.time
            self._peak_speed, self._moving = 0.0, now.time
            cut = self._cut_by_landmarks()
            return [Turned(cut.start, cut.turn, self._plausible())]
        level = self._past.still(s.still_s)
        if level is not None and self._grinds(level):
            self._ledges[round(level / s.still)] = (level, now.time)
            return []
        if level is not None and self._gates.failed(("turn",), self._began, now.time):
            return self._drop("stopped_short", level)
        if level is not None:
            self._ledges[round(level / s.still)] = (level, now.time)
            self._gates.stand_on(now.time)
        if level is not None and now.time - self._left > s.stand_s:
            level = self._past.still(s.stand_s)
            if level is not None and self._gates.failed(("turn", "change"), self._began, now.time):
                return self._drop("stood", level)
        return []

    def _coming_back(self, now: Sample) -> list[Note]:
        s = self._settings
        if now.value < self._low:
            self._low, self._lowest = now.value, now.time
        speed = -self._filter.speed
        self._peak_speed = max(self._peak_speed, speed)
        returned = self._returned()
        held = returned < _BEGUN and now.time - self._held_since > s.hold_s
        if held or now.time - self._left > s.most_s:
            return self._drop("too_long", now.value)
        if now.value - self._low > self._margin() and not self._still_out():
            if returned >= s.returned or self._ledge() is not None:
                return self._close(self._lowest)
            self._state = _State.OUT
            return self._going_out(now)
        if speed >= s.slow * self._peak_speed:
            self._moving = now.time
        slow = now.time - self._moving
        arrived = returned >= 1 - s.boundary or slow >= s.linger * (now.time - self._topped)
        if returned >= s.home and slow >= s.settle_s and arrived and not self._still_out():
            return self._close()
        level = self._past.still(s.stop_s)
        if level is None or self._still_out():
            return []
        if self._grinds(level):
            return []
        if returned >= s.returned or self._ledge() is not None:
            return self._close(self._rests_since(level))
        return [] if self._plausible() else self._drop("implausible", level)

    def _grinds(self, level: float) -> bool:
        """Whether the load rests on its way up, where the repetition before went through; not for long yet.

        At its sticking point it looks like a bar that is done, set down or just unracked, but for what the
        lifter did before: this one began where that one ended, and is neither there still nor there again.
        On the way down, who rests is mostly done: rows end short of the floor.
        """
        s, usual, now = self._settings, self._usual, self._past.last.time
        if usual is None or (self._state is _State.OUT) != self._lifts_first:
            return False
        span = usual.top - usual.home
        again = abs(self._base - usual.home) <= s.grind_home * span
        if not again or not s.underway <= (level - usual.home) / span <= s.home:
            return False
        since = self._rests_since(level)
        if since is None:
            since = now
            self._rested = level, now
        return now - since <= s.grind_s

    def _rests_since(self, level: float) -> float | None:
        """Since when the load was waited for at that level."""
        if self._rested is None or abs(level - self._rested[0]) > self._margin():
            return None
        return self._rested[1]

    def _ledge(self) -> tuple[float, float] | None:
        """The pause on the way out that the lifter is back at, its level and end, if it is the beginning.

        A bar that is taken from the floor and rowed from where it hangs comes home to there, and not to the
        floor: what must end where it began did not. Who pauses on the way out and again on the way back began
        where they will end.
        """
        s, now = self._settings, self._past.last.time
        enough = max(self._motion.least_range, s.least_hysteresis)
        near = [
            (level, until)
            for level, until in self._ledges.values()
            if self._top - level >= enough
            and abs(self._low - level) <= (1 - s.returned) * (self._top - level)
            and not self._gates.failed(("drift",), until, self._topped, now)
        ]
        if not near or not self._gates.failed(("drift",), self._began, self._topped, now):
            return None
        return min(near, key=lambda ledge: abs(self._low - ledge[0]))

    def _begins_here(self, now: Sample) -> float | None:
        """The level at which a repetition may begin, where the movement under way began as none does."""
        level = self._past.still(self._settings.pause_s) if self._elsewhere else None
        return level if level is not None and self._gates.may_begin(now.time) else None

    def _still_out(self) -> bool:
        """Whether the load, followed in the picture, is not back yet, though the landmarks are at rest.

        It still comes back, or it was seen to go and not to come: hands that leave the picture are drawn
        back in by the pose model. Landmarks that came back much farther than they had gone are not at rest
        too early, but were wrong about the way out.
        """
        if self._returned() > _BEYOND:
            return False
        since = min(self._left - self._settings.still_s, self._topped)
        return self._load.still_out(
            self._past.since(since)[0].posture,
            [sample.posture for sample in self._past.since(self._topped)],
            went=self._top - self._base,
            came=self._top - self._low,
            waited=self._past.last.time - self._moving,
            lowest=self._lowest,
        )

    # --- helpers --------------------------------------------------------------------------------------

    def _glitch(self, time: float, raw: float) -> bool:
        """Whether the signal leaps as no body does: a mistake of the pose model, unless it lasts."""
        if not self._past:
            return False
        s, elapsed = self._settings, time - self._past.last.time
        return elapsed <= s.glitch_s and abs(raw - self._past.last.raw) > s.glitch + s.glitch_speed * elapsed

    def _margin(self) -> float:
        return max(self._settings.hysteresis * (self._top - self._base), self._settings.least_hysteresis)

    def _returned(self) -> float:
        """The share of the way home that is done."""
        home = home_level(self._base, self._top - self._base, self._stood, self._settings)
        return (self._top - self._low) / (self._top - home)

    def _drop(self, reason: str, level: float | None = None) -> list[Note]:
        self._state = _State.HOME
        if level is not None:
            self._base = level
        return [Dropped(reason)]

    def _close(self, until: float | None = None) -> list[Note]:
        if (ledge := self._ledge()) is not None:
            self._base, self._left = ledge
            self._stood = -math.inf
            self._past.forget(self._left - self._settings.still_s)
        cut, seen = self._cut(until), self._seen(until)
        self._state = _State.HOME
        self._base = self._low
        if seen.end - seen.start < self._settings.least_s:
            return [Dropped("too_short")]
        if min(seen.first_range, seen.second_range) < self._motion.least_range:
            return [Dropped("too_small")]
        margins = self._gates.margins(seen.start, seen.turn, seen.end)
        if failed := [name for margin, name, _ in sorted(margins) if margin < 0]:
            return [Dropped(failed[0])]
        self._past.forget(cut.end)
        self._usual = _Usual(self._low, self._top)
        return [Closed(cut, math.prod(1 / (1 + math.exp(-2 - 2 * max(m, 0.0))) for m, _, _ in margins))]

    def _plausible(self) -> bool:
        """Whether what has turned passes every gate that looks no farther than the turn."""
        seen = self._seen()
        return not self._gates.failed(("start", "turn", "rise"), seen.start, seen.turn)

    def looks_right(self) -> bool:
        """Whether what is held or coming back passes every gate that can be asked before its end."""
        if self._top - self._base < self._motion.least_range:
            return False
        if self._state is _State.BACK:
            seen = self._seen()
            start, turn = seen.start, seen.turn
        elif self._state is _State.OUT and self._past.still(self._settings.still_s) is not None:
            start, turn = self._began, self._topped
        else:
            return False
        return all(margin >= 0 for margin, _, _ in self._gates.margins(start, turn))

    def cut_so_far(self) -> Cut | None:
        """Where the movement that has turned would be cut if nothing more came; None before the turn."""
        return self._cut() if self._state is _State.BACK else None

    def _cut(self, until: float | None = None) -> Cut:
        """The boundaries by landmarks up to `until` and by the picture, each as far as it is trusted."""
        cut = self._cut_by_landmarks(until)
        # where the landmarks were at their lowest the load may still have been on its way
        seen = self._load.cut([s.posture for s in self._movement(None)], self._left, cut)
        return cut if seen is None else between(cut, seen, self._trust(cut.rough, seen.rough))

    def _trust(self, landmarks: float, picture: float) -> float:
        """How much what was followed in the picture counts against the landmarks, 0 to 1.

        Each as the inverse square of what a smooth curve leaves of it: the one that saw the movement badly
        leaves more. Where no curve fits the landmarks, that says nothing about them, and the picture counts.
        """
        if math.isnan(landmarks) or math.isnan(picture):
            return 1.0
        seen, followed = ((_SMOOTH + rough) ** 2 for rough in (landmarks, picture))
        against = followed / (self._motion.trusted * seen + followed)
        return 1.0 - fitting(landmarks, self._settings) * against

    def _cut_by_landmarks(self, until: float | None = None) -> Cut:
        """The boundaries as the load's height has them, all of it measured alike."""
        samples = self._movement(until)
        times = np.array([s.time for s in samples])
        raw = np.array([s.raw for s in samples])
        height = self._motion.height or self._motion.signal
        signal = self._sign * np.array([height(p) for p in settled([s.posture for s in samples])])
        before = times <= self._left
        base = self._base + float(np.median((signal - raw)[before]))
        cut = read(times, signal, self._left, base, self._settings, self._stood - self._base + base)
        return cut if min(cut.first_range, cut.second_range) > 0 else self._seen(until)

    def _seen(self, until: float | None = None) -> Cut:
        """The movement as the signal has it that it was noticed by: what it was is told by this one."""
        samples = self._movement(until)
        times, signal = np.array([s.time for s in samples]), np.array([s.raw for s in samples])
        return read(times, signal, self._left, self._base, self._roughly, self._stood)

    def _movement(self, until: float | None) -> list[Sample]:
        """Everything since some time before the movement was noticed."""
        return self._past.since(self._left - self._settings.home_s, until)
