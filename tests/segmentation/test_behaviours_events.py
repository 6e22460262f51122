"""The law of the segmenter's events, whatever comes: what is announced ends once, in order, and adds up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from lifter import run, scene, track

from streamaqa.exercises import EXERCISES
from streamaqa.segmentation import Segmenter
from streamaqa.types import Event, PhaseEnded, PhaseStarted, Pose, Rep, RepCancelled, RepEnded, SetEnded

NAMES = [exercise.name for exercise in EXERCISES]
FIRST_PHASE = {exercise.name: exercise.first_phase for exercise in EXERCISES}


@dataclass
class Law:
    """What has been said so far; `take` fails on what may not follow."""

    at: float = float("-inf")
    named: int = 0
    unit: int | None = None
    exercise: str = ""
    turned: bool = False
    sets: int = 0
    reps: list[Rep] = field(default_factory=list)
    last_end: float = float("-inf")

    def take(self, event: Event) -> None:
        """The next event."""
        assert event.at >= self.at, "said in order"
        self.at = event.at
        match event:
            case PhaseStarted():
                assert self.unit is None, "one unit at a time"
                assert event.unit == self.named + 1, "numbered without gaps"
                assert event.start <= event.at
                assert event.kind == FIRST_PHASE[event.exercise]
                self.unit, self.named = event.unit, event.unit
                self.exercise, self.turned = event.exercise, False
            case PhaseEnded():
                assert (event.unit, event.exercise, self.turned) == (self.unit, self.exercise, False)
                assert event.phase.kind == FIRST_PHASE[event.exercise]
                assert event.phase.start < event.phase.end <= event.at
                self.turned = True
            case RepCancelled():
                assert event.unit == self.unit
                assert event.reason
                self.unit = None
            case RepEnded(rep=rep):
                assert (rep.unit, rep.exercise, self.turned) == (self.unit, self.exercise, True)
                self._take_rep(rep)
            case SetEnded():
                assert list(event.reps) == self.reps
                assert event.reps, "no set without a repetition"
                assert {rep.exercise for rep in event.reps} == {event.exercise}
                self.sets += 1
                assert event.set_number == self.sets
                self.reps = []

    def _take_rep(self, rep: Rep) -> None:
        self.unit = None
        assert self.last_end <= rep.start < rep.turn < rep.end <= self.at
        tempo = rep.tempo
        assert min(tempo.lowering, tempo.pause, tempo.lifting) >= 0
        assert abs(tempo.lowering + tempo.pause + tempo.lifting - rep.duration) < 1e-6
        assert rep.range_of_motion > 0
        assert rep.mean_lifting_velocity > 0
        assert 0 < rep.exercise_probability <= 1
        self.reps.append(rep)
        assert (rep.set_number, rep.number) == (self.sets + 1, len(self.reps))
        speeds = [each.mean_lifting_velocity for each in self.reps]
        if rep.number == 1:
            assert rep.velocity_loss is None
        else:
            assert rep.velocity_loss == (max(speeds) - speeds[-1]) / max(speeds)
        self.last_end = rep.end

    def end(self) -> None:
        """Nothing more comes."""
        assert self.unit is None, "each unit is confirmed or cancelled"
        assert not self.reps, "each repetition is in a set that has ended"


def keeps_the_law(events: Iterable[Event]) -> None:
    law = Law()
    for event in events:
        law.take(event)
    law.end()


@cache
def drawn(exercise: str, view: float, tempo: float, fps: float) -> tuple[Pose, ...]:
    return tuple(track(scene(exercise, reps=3, view=view, tempo=tempo), fps))


def spoilt(stream: Iterable[Pose], kind: str, rng: np.random.Generator) -> list[Pose]:
    """The same, as a bad camera, a bad pose model or a bad day would have it; times still rise."""
    out: list[Pose] = []
    aside, late = np.zeros(2), 0.0
    for pose in stream:
        image, world = pose.image.copy(), pose.world.copy()
        if rng.random() < 0.01:
            late += float(rng.exponential(4.0))
        if kind == "jumps" and rng.random() < 0.02:
            aside = 0.3 * rng.standard_normal(2)
        image[:, :2] += aside
        if kind == "scattered" and rng.random() < 0.3:
            image[:, :2] = rng.random((33, 2))
        elif kind == "one_point" and rng.random() < 0.2:
            image[:, :3] = 0.5
        elif kind == "no_depth" and rng.random() < 0.2:
            world[:, :3] = 0.0
        elif kind == "hidden":
            image[:, 3] = rng.random(33)
        elif kind == "breathing":
            image[:, :2] = 0.5 + rng.uniform(0.7, 1.4) * (image[:, :2] - 0.5)
        elif kind == "shaking":
            image[:, :2] += 0.02 * rng.standard_normal((33, 2))
        changed = replace(pose, time=pose.time + late, image=image, world=world)
        gone = kind == "gaps" and rng.random() < 0.3
        out.append(Pose.nobody(changed.time, changed.size) if gone else changed)
    return out


KINDS = ["gaps", "jumps", "scattered", "one_point", "no_depth", "hidden", "breathing", "shaking"]


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(NAMES),
    st.sampled_from([0.0, 60.0, 180.0]),
    st.sampled_from([0.4, 1.2]),
    st.sampled_from([10.0, 30.0]),
    st.sampled_from(KINDS),
    st.integers(0, 10_000),
)
def test_whatever_the_poses_what_is_announced_ends_once_and_adds_up(
    exercise: str, view: float, tempo: float, fps: float, kind: str, seed: int
) -> None:
    keeps_the_law(run(spoilt(drawn(exercise, view, tempo, fps), kind, np.random.default_rng(seed))))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=2),
    st.lists(
        st.tuples(st.integers(0, 500), st.sampled_from(["reset", None, *NAMES])),
        max_size=4,
        unique_by=lambda x: x[0],
    ),
)
def test_whoever_resets_or_gives_a_hint_in_the_midst_breaks_nothing(
    exercises: list[str], commands: list[tuple[int, str | None]]
) -> None:
    stream: list[Pose] = []
    for name in exercises:
        begin = stream[-1].time + 0.1 if stream else 0.0
        stream += [replace(pose, time=pose.time + begin) for pose in drawn(name, 60.0, 1.2, 30.0)]
    segmenter, events, due = Segmenter(), [], dict(commands)
    for number, pose in enumerate(stream):
        if number in due:
            if due[number] == "reset":
                events += segmenter.reset()
            else:
                segmenter.expect(due[number])
        events += segmenter.push(pose)
        assert segmenter.status.rep == len(events_of_set(events))
    keeps_the_law(events + segmenter.flush())


def events_of_set(events: list[Event]) -> list[RepEnded]:
    """The repetitions since the last set ended."""
    since: list[RepEnded] = []
    for event in events:
        if isinstance(event, SetEnded):
            since.clear()
        elif isinstance(event, RepEnded):
            since.append(event)
    return since
