"""Joins the phase machines of all exercises into one stream of events: units, repetitions, sets.

Every exercise's machine watches all the time; at most one unit is in public. A movement becomes public when
its machine opens and no other is; if another exercise's movement is confirmed first, the public one is
cancelled. Whatever overlaps a confirmed repetition was part of it (the press of a thruster).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from streamaqa.exercises import EXERCISES, Exercise
from streamaqa.segmentation.advice import Advisor
from streamaqa.segmentation.boundaries import Cut
from streamaqa.segmentation.phases import Closed, Dropped, Opened, PhaseMachine, Turned
from streamaqa.segmentation.settings import SegmenterSettings
from streamaqa.segmentation.signals import PostureReader
from streamaqa.types import (
    Event,
    Phase,
    PhaseEnded,
    PhaseKind,
    PhaseStarted,
    Pose,
    Rep,
    RepCancelled,
    RepEnded,
    SegmenterStatus,
    SetEnded,
    Tempo,
)

TORSO_OF_HEIGHT = 0.288
"""Shoulder height .818 less hip height .530 of body height (Drillis and Contini 1966, in Winter 2009)."""

_DOWN = 1 / 3
"""Share of the way to the turn from which on a movement is in its hole: two that begin together are one."""


@dataclass(slots=True)
class _Unit:
    """A movement under way in one machine."""

    start: float
    turn: float | None = None
    number: int | None = None
    """The public name, once it has one."""
    plausible: bool = True
    """Whether it may become public before it is confirmed."""


class Segmenter:
    """`push` poses in time order; events come back in the order in which they were decided.

    Args:
        settings: the defaults if not given.
        exercises: what may be recognized; those without a `motion` are passed over.
        hint: wire name of the exercise to expect: the others are not looked for.
        height_m: the lifter's height; makes velocities metres a second in place of torso lengths a second.

    Raises ValueError for a hint that is not among `exercises`.
    """

    def __init__(
        self,
        settings: SegmenterSettings | None = None,
        exercises: Sequence[Exercise] = EXERCISES,
        hint: str | None = None,
        height_m: float | None = None,
    ) -> None:
        self._settings = settings or SegmenterSettings()
        self._machines = {
            e.name: PhaseMachine(e, self._settings.phase) for e in exercises if e.motion is not None
        }
        self.expect(hint)
        self.height_m = height_m
        """May change with the lifter, between sets."""
        self._units_named = 0
        self._sets_begun = 0
        self._reader = PostureReader(self._settings.signal)
        self._advisor = Advisor(self._settings.advice)
        self._open: dict[str, _Unit] = {}
        self._public: str | None = None
        self._reps: list[Rep] = []
        self._time = self._watched = float("-inf")
        """Times of the last pose, and of the last one that a posture was read from."""
        self._last_end = float("-inf")
        self._seen = float("-inf")
        """Time of the last pose with somebody in it."""
        self._newcomer = False
        """Whether somebody stands in another place than who did the last repetitions."""

    @property
    def expected(self) -> Exercise | None:
        """The exercise that is looked for; None if all are."""
        return None if self._expected is None else self._machines[self._expected].exercise

    @property
    def status(self) -> SegmenterStatus:
        """What is going on now."""
        name = self._public or (self._reps[-1].exercise if self._reps else None)
        exercise = self._machines[name].exercise if name else None
        phase: PhaseKind | None = None
        if self._public is not None and exercise is not None:
            turned = self._open[self._public].turn is not None
            phase = exercise.second_phase if turned else exercise.first_phase
        return SegmenterStatus(
            person=self._person,
            exercise=name,
            phase=phase,
            set_number=self._sets_begun,
            rep=len(self._reps),
            advice=self._advisor.codes(person=self._person),
        )

    @property
    def _person(self) -> bool:
        """Whether somebody is in view, or was a moment ago; who lifts is, until the movement is given up."""
        return self._public is not None or self._time - self._seen <= self._settings.advice.absent_s

    @property
    def _known(self) -> Exercise | None:
        """The exercise that is done, once a repetition has turned, or that is looked for."""
        turned = self._public is not None and self._open[self._public].turn is not None
        name = self._public if turned else self._reps[-1].exercise if self._reps else None
        return self._machines[name].exercise if name else self.expected

    def expect(self, exercise: str | None) -> None:
        """Look for that exercise only, or for all; what is under way is finished first.

        Raises ValueError if there is none of that name.
        """
        if exercise is not None and exercise not in self._machines:
            raise ValueError(f"no exercise {exercise!r} to look for; there are {', '.join(self._machines)}")
        self._expected = exercise

    def push(self, pose: Pose) -> list[Event]:
        """Take the next pose. Raises ValueError if its time is not after the last one's."""
        if not self._time < pose.time < math.inf:  # not so either where it is no number
            raise ValueError(f"a pose at {pose.time} s comes after one at {self._time} s")
        self._time = pose.time
        posture = self._reader.read(pose)
        if pose.found:
            self._seen = pose.time
        events: list[Event] = []
        if self._reader.somebody_else:
            events += self._end_all("somebody_else")
            self._newcomer = not self._reader.returned
            self._advisor.reset()
        self._advisor.push(pose, self._known)
        if posture is None:
            events += self._miss_the_lifter()
        else:
            self._watched = pose.time
            for name, machine in self._machines.items():
                for note in machine.push(posture):
                    events += self._take(name, note)
        return events + self._publish_next() + self._end_set_after_pause()

    def flush(self) -> list[Event]:
        """The stream is over: end what is open, and the set."""
        return self._end_all("stream_ended") + self._end_set()

    def reset(self) -> list[Event]:
        """Cancel what is open, end the set and forget the lifter; units and sets are numbered on."""
        events = self._cancel_all("reset") + self._end_set()
        self._newcomer = False
        self._reader.reset()
        self._advisor.reset()
        self._last_end = float("-inf")
        return events

    def first_phase(self, unit: int) -> PhaseEnded | None:
        """The first phase of a unit that has turned, as it would be cut now; None if it is not under way.

        The turn is the middle of the hold, whose end is not known when `PhaseEnded` says that there was a
        turn: a moment later this is nearer to what `RepEnded` will say.
        """
        if self._public is None or self._open[self._public].number != unit:
            return None
        cut = self._machines[self._public].cut_so_far()
        if cut is None:
            return None
        kind = self._machines[self._public].exercise.first_phase
        phase = Phase(kind, max(cut.start, self._last_end), cut.turn)
        return PhaseEnded(self._time, unit, self._public, phase)

    def _miss_the_lifter(self) -> list[Event]:
        """Nobody was seen: what is under way is ended after a while, also if the lifter never returns."""
        if not self._open or self._time - self._watched <= self._settings.phase.gap_s:
            return []
        return self._end_all("gap")

    # --- one machine's notes -----------------------------------------------------------------------

    def _take(self, name: str, note: Opened | Turned | Closed | Dropped) -> list[Event]:
        if isinstance(note, Opened):
            if self._expected not in (None, name):
                return []
            self._open[name] = _Unit(max(note.start, self._last_end), plausible=note.plausible)
            return []
        if name not in self._open:
            return []
        unit = self._open[name]
        if isinstance(note, Turned):
            first = unit.turn is None
            unit.start, unit.turn = max(note.start, self._last_end), note.turn
            unit.plausible = note.plausible
            if self._public != name or not first:
                return []
            return [self._phase_ended(name, unit)] if unit.plausible else self._hide("implausible")
        if isinstance(note, Dropped):
            return self._cancel(name, note.reason)
        return self._confirm(name, unit, note)

    def _confirm(self, name: str, unit: _Unit, note: Closed) -> list[Event]:
        cut = note.cut
        if self._belongs_to_last(name, cut) or self._within_another(name, cut):
            return self._cancel(name, "part_of_another")
        events: list[Event] = []
        if self._public not in (None, name):
            events += self._hide("other_exercise")
        unit.start, unit.turn = max(cut.start, self._last_end), cut.turn
        if self._public is None:
            events += self._publish(name)
        paused = cut.start - self._last_end > self._settings.set_pause_s
        if self._reps and (paused or self._newcomer or self._reps[-1].exercise != name):
            events += self._end_set()
        self._newcomer = False
        if not self._reps:
            self._sets_begun += 1
        rep = self._rep(self._machines[name].exercise, unit, cut, note.probability)
        self._reps.append(rep)
        self._last_end = cut.end
        del self._open[name]
        self._public = None
        for other in [other for other, u in self._open.items() if u.start < cut.end]:
            del self._open[other]
        return [*events, RepEnded(self._time, rep)]

    def _belongs_to_last(self, name: str, cut: Cut) -> bool:
        """Whether a movement was only part of the last repetition, or its continuation by other means."""
        overlap = self._last_end - cut.start
        if overlap > self._settings.overlap * (cut.end - cut.start) or cut.turn <= self._last_end:
            return True
        another = bool(self._reps) and self._reps[-1].exercise != name
        return another and cut.start - self._last_end < self._settings.change_s

    def _within_another(self, name: str, cut: Cut) -> bool:
        """Whether this began in the hole of another movement that looks right, held or turned meanwhile.

        Arms that move at the bottom of a squat are a part of the squat.
        """
        for other, unit in self._open.items():
            if other == name or not self._machines[other].looks_right():
                continue
            if unit.turn is None:
                if unit.start < cut.start:
                    return True
            elif unit.start + _DOWN * (unit.turn - unit.start) <= cut.start <= unit.turn <= cut.end:
                return True
        return False

    def _rep(self, exercise: Exercise, unit: _Unit, cut: Cut, probability: float) -> Rep:
        assert unit.number is not None
        out, back = cut.hold_start - unit.start, cut.end - cut.hold_end
        lifts_first = exercise.first_phase == "lifting"
        lowering, lifting = (back, out) if lifts_first else (out, back)
        travel = cut.first_range if lifts_first else cut.second_range
        share = 1 - 2 * self._settings.phase.boundary
        torso = 1.0 if self.height_m is None else self.height_m * TORSO_OF_HEIGHT
        velocity = share * travel / max(lifting, 1e-3) * torso
        fastest = max([velocity, *(rep.mean_lifting_velocity for rep in self._reps)])
        return Rep(
            unit=unit.number,
            set_number=self._sets_begun,
            number=len(self._reps) + 1,
            exercise=exercise.name,
            exercise_probability=probability,
            phases=(
                Phase(exercise.first_phase, unit.start, cut.turn),
                Phase(exercise.second_phase, cut.turn, cut.end),
            ),
            tempo=Tempo(lowering, cut.hold_end - cut.hold_start, lifting),
            range_of_motion=travel,
            mean_lifting_velocity=velocity,
            velocity_loss=(fastest - velocity) / fastest if self._reps else None,
            velocity_unit="torso/s" if self.height_m is None else "m/s",
        )

    # --- what is in public ------------------------------------------------------------------------

    def _publish_next(self) -> list[Event]:
        waiting = [name for name, unit in self._open.items() if unit.plausible]
        if self._public is not None or not waiting:
            return []
        return self._publish(min(waiting, key=lambda name: self._open[name].start))

    def _publish(self, name: str) -> list[Event]:
        unit = self._open[name]
        self._units_named += 1
        unit.number = self._units_named
        self._public = name
        kind = self._machines[name].exercise.first_phase
        events: list[Event] = [PhaseStarted(self._time, unit.number, name, kind, unit.start)]
        if unit.turn is not None:
            events.append(self._phase_ended(name, unit))
        return events

    def _phase_ended(self, name: str, unit: _Unit) -> PhaseEnded:
        assert unit.number is not None
        assert unit.turn is not None
        kind = self._machines[name].exercise.first_phase
        return PhaseEnded(self._time, unit.number, name, Phase(kind, unit.start, unit.turn))

    def _hide(self, reason: str) -> list[Event]:
        """Cancel the public unit; its machine goes on, and may still confirm it under a new name."""
        if self._public is None:
            return []
        unit = self._open[self._public]
        assert unit.number is not None
        number, unit.number, self._public = unit.number, None, None
        return [RepCancelled(self._time, number, reason)]

    def _cancel(self, name: str, reason: str) -> list[Event]:
        events = self._hide(reason) if self._public == name else []
        del self._open[name]
        return events

    def _end_all(self, reason: str) -> list[Event]:
        """Nothing more will be seen of this lifter: what is nearly over counts, the rest is cancelled."""
        events: list[Event] = []
        for name, machine in self._machines.items():
            for note in machine.end(reason):
                events += self._take(name, note)
        return events + self._cancel_all(reason)

    def _cancel_all(self, reason: str) -> list[Event]:
        events = self._hide(reason)
        self._open.clear()
        for machine in self._machines.values():
            machine.reset()
        return events

    # --- sets ---------------------------------------------------------------------------------------

    def _end_set_after_pause(self) -> list[Event]:
        waited = self._time - self._last_end > self._settings.set_pause_s
        return self._end_set() if waited and self._public is None else []

    def _end_set(self) -> list[Event]:
        if not self._reps:
            return []
        reps = tuple(self._reps)
        self._reps.clear()
        return [SetEnded(self._time, reps[0].set_number, reps[0].exercise, reps)]
