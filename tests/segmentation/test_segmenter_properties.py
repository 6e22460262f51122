"""The same movement gives the same events, however it is filmed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifter import reps, run, scene, track

from streamaqa.exercises import EXERCISES
from streamaqa.segmentation import Segmenter
from streamaqa.types import (
    LANDMARKS,
    Event,
    PhaseEnded,
    PhaseStarted,
    Pose,
    Rep,
    RepCancelled,
    RepEnded,
    SetEnded,
)

few = settings(max_examples=12, deadline=None)
drawn = st.tuples(
    st.sampled_from([e.name for e in EXERCISES]),
    st.sampled_from([0.0, 45.0, 90.0, 135.0, 180.0, 270.0]),
    st.sampled_from([0.6, 1.2]),
    st.integers(0, 3),
)
Drawn = tuple[str, float, float, int]
OTHER_SIDE = [0, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9, *(i + 1 if i % 2 else i - 1 for i in range(11, LANDMARKS))]


@cache
def stream_of(what: Drawn, fps: float = 30.0) -> tuple[Pose, ...]:
    exercise, view, tempo, seed = what
    return tuple(track(scene(exercise, reps=2, view=view, tempo=tempo, seed=seed), fps))


@cache
def reps_of(what: Drawn) -> tuple[Rep, ...]:
    return tuple(reps(run(stream_of(what))))


def with_image(pose: Pose, change: Callable[[np.ndarray], np.ndarray]) -> Pose:
    image = pose.image.copy()
    image[:, :2] = change(image[:, :2].astype(np.float64))
    return replace(pose, image=image)


def assert_same(found: list[Rep], wanted: tuple[Rep, ...], within: float) -> None:
    assert [rep.exercise for rep in found] == [rep.exercise for rep in wanted]
    for is_, should in zip(found, wanted, strict=True):
        times = (is_.start, is_.turn, is_.end)
        assert times == pytest.approx((should.start, should.turn, should.end), abs=within)


@few
@given(drawn, st.floats(0.3, 1.5))
def test_scaling_changes_nothing(what: Drawn, factor: float) -> None:
    scaled = [with_image(p, lambda xy: 0.5 + factor * (xy - 0.5)) for p in stream_of(what)]
    assert_same(reps(run(scaled)), reps_of(what), 0.005)


@few
@given(drawn, st.floats(-0.3, 0.3), st.floats(-0.3, 0.3))
def test_shifting_changes_nothing(what: Drawn, x: float, y: float) -> None:
    shifted = [with_image(p, lambda xy: xy + np.array([x, y])) for p in stream_of(what)]
    assert_same(reps(run(shifted)), reps_of(what), 0.005)


@few
@given(drawn)
def test_mirroring_changes_nothing(what: Drawn) -> None:
    def mirrored(pose: Pose) -> Pose:
        image, world = pose.image[OTHER_SIDE].copy(), pose.world[OTHER_SIDE].copy()
        image[:, 0] = 1 - image[:, 0]
        world[:, 0] = -world[:, 0]
        return replace(pose, image=image, world=world)

    assert_same(reps(run(map(mirrored, stream_of(what)))), reps_of(what), 0.005)


@few
@given(drawn, st.sampled_from([10.0, 15.0, 20.0, 60.0]))
def test_the_frame_rate_moves_boundaries_by_less_than_a_frame(what: Drawn, fps: float) -> None:
    assert_same(reps(run(stream_of(what, fps))), reps_of(what), 1 / min(fps, 30.0))


@few
@given(drawn, st.floats(0.0, 1e4))
def test_the_stream_may_begin_at_any_time(what: Drawn, seconds: float) -> None:
    moved = reps(run(replace(p, time=p.time + seconds) for p in stream_of(what)))
    for is_, should in zip(moved, reps_of(what), strict=True):
        assert is_.start - seconds == pytest.approx(should.start, abs=0.01)
        assert is_.end - seconds == pytest.approx(should.end, abs=0.01)


@few
@given(drawn, st.lists(st.integers(0, 10_000), max_size=6))
def test_reading_the_status_between_chunks_changes_nothing(what: Drawn, cuts: list[int]) -> None:
    stream = stream_of(what)
    segmenter = Segmenter()
    events: list[Event] = []
    edges = [0, *sorted(cut % len(stream) for cut in cuts), len(stream)]
    for start, end in pairwise(edges):
        for pose in stream[start:end]:
            events += segmenter.push(pose)
        assert segmenter.status.rep <= 2
    assert events + segmenter.flush() == run(stream)


@st.composite
def wild_streams(draw: st.DrawFn) -> list[Pose]:
    """Real movement with holes, strangers and cuts: nothing a camera would not do."""
    stream = list(stream_of(draw(drawn)))
    begin = draw(st.integers(0, len(stream) // 2))
    stream = stream[begin : draw(st.integers(begin + 1, len(stream)))]
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(stream) - 1))
        end = min(len(stream), start + draw(st.integers(1, 60)))
        kind = draw(st.sampled_from(["gone", "moved", "lost"]))
        for i in range(start, end):
            if kind == "gone":
                stream[i] = Pose.nobody(stream[i].time, stream[i].size)
            elif kind == "moved" and stream[i].found:
                stream[i] = with_image(stream[i], lambda xy: xy + np.array([0.3, 0.1]))
        if kind == "lost":
            stream = stream[:start] + stream[end:] or stream[:1]
    return stream


@settings(max_examples=60, deadline=None)
@given(wild_streams())
def test_every_announced_unit_ends_once_and_times_are_ordered(stream: list[Pose]) -> None:
    events = run(stream)
    assert [event.at for event in events] == sorted(event.at for event in events)
    open_units: set[int] = set()
    seen: set[int] = set()
    counted: list[Rep] = []
    last_end = float("-inf")
    for event in events:
        match event:
            case PhaseStarted():
                assert event.unit not in seen
                assert event.start <= event.at
                assert not open_units, "one unit at a time"
                seen.add(event.unit)
                open_units.add(event.unit)
            case PhaseEnded():
                assert event.unit in open_units
                assert event.phase.start < event.phase.end <= event.at
            case RepCancelled():
                open_units.remove(event.unit)
            case RepEnded(rep=rep):
                open_units.remove(rep.unit)
                assert last_end <= rep.start < rep.turn < rep.end <= event.at
                assert 0 < rep.exercise_probability <= 1
                assert rep.range_of_motion > 0
                assert rep.mean_lifting_velocity > 0
                last_end = rep.end
                counted.append(rep)
            case SetEnded():
                assert list(event.reps) == counted
                assert [rep.number for rep in counted] == list(range(1, len(counted) + 1))
                counted = []
    assert not open_units
    assert not counted
