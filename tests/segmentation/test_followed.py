"""The load as followed in the picture: boundaries that landmarks which lag behind cannot tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifter import SIZE, reps, run, scene, truth

from streamaqa.segmentation import Segmenter, followed
from streamaqa.segmentation.boundaries import Cut
from streamaqa.segmentation.filter import Array
from streamaqa.segmentation.minimum_jerk import minimum_jerk
from streamaqa.segmentation.settings import PhaseSettings
from streamaqa.sources.synthetic import Scene, Truth
from streamaqa.types import HIP_POINTS, LOAD_POINTS, Flow, Pose, RepCancelled, RepEnded

POINTS = LOAD_POINTS + HIP_POINTS
WAY = 60.0


def movement(fps: float = 30.0) -> tuple[Array, Array, Cut]:
    """Two seconds of rest, two out, a half at the turn, two back, rest: times, way and its true cut."""
    times = np.arange(0.0, 9.0, 1.0 / fps)
    way = WAY * (minimum_jerk((times - 2) / 2) - minimum_jerk((times - 4.5) / 2))
    return times, way, Cut(2.378, 4.25, 6.122, 3.622, 4.878, 1.0, 1.0)


@given(st.integers(6, LOAD_POINTS), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_points_on_the_wall_do_not_count(on_bar: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    times, way, cut = movement()
    points = np.zeros((len(times), LOAD_POINTS))
    points[:, rng.permutation(LOAD_POINTS)[:on_bar]] = way[:, None]
    points += np.cumsum(rng.normal(0, 0.03, points.shape), axis=0)
    told = followed.height(times, points, "load", 1.0, cut, cut)
    assert told is not None
    assert np.abs(told - told[0] - way).max() < 0.15 * WAY


def test_where_too_few_points_agree_nothing_is_told() -> None:
    times, way, cut = movement()
    points = way[:, None] * np.geomspace(1e-4, 1e4, LOAD_POINTS)
    assert followed.height(times, points, "load", 1.0, cut, cut) is None


def test_points_that_begin_again_in_the_middle_are_put_together() -> None:
    """Each point is on the bar in one part of the movement, and on the wall in the others."""
    times, way, cut = movement()
    steps = np.diff(way, prepend=way[0])
    part = np.digitize(times, [2.88, 4.25, 5.62])
    here = np.arange(LOAD_POINTS) % 4 == part[:, None]
    points = np.cumsum(np.where(here, steps[:, None], 0.0), axis=0)
    told = followed.height(times, points, "load", 1.0, cut, cut)
    assert told is not None
    assert np.abs(told - told[0] - way).max() < 0.05 * WAY


def test_points_that_the_load_picks_up_and_leaves_behind_do_not_count() -> None:
    """They rest while the bar does its first and its last 3.5 %, and come along for all the rest."""
    times, way, cut = movement()
    points = np.zeros((len(times), LOAD_POINTS))
    points[:, :6] = way[:, None]
    points[:, 6:18] = np.maximum(way - 0.035 * WAY, 0.0)[:, None]
    told = followed.height(times, points, "load", 1.0, cut, cut)
    assert told is not None
    went = times[told - told[0] > 0.05 * WAY]
    assert went[0] == pytest.approx(cut.start, abs=0.04)
    assert went[-1] == pytest.approx(cut.end, abs=0.04)


@pytest.mark.parametrize(("until", "moving"), [(5.6, True), (6.2, True), (6.5, False), (8.0, False)])
def test_a_load_on_its_way_back_is_told_from_one_at_rest(until: float, moving: bool) -> None:
    times, way, _ = movement()
    points = np.repeat(way[:, None], LOAD_POINTS, axis=1)
    back = (times >= 4.25) & (times <= until)
    assert (followed.speed_left(times[back], points[back], "load", 1.0) > 0.2) is moving


@pytest.mark.parametrize("came_up", [0.0, 0.3, 0.8])
def test_a_load_that_came_up_before_it_rested_begins_from_its_rest(came_up: float) -> None:
    """From the hooks to the shoulders, a second of rest, then the press."""
    times, way, cut = movement()
    before = -came_up * WAY * (1 - minimum_jerk(times / 1.0))
    settings = PhaseSettings(trail=0.0, smooth_share=0.0, curve=0.0)
    read = followed.read(times, (way + before) / WAY, 2.7, cut, settings)
    assert (read.start, read.turn, read.end) == pytest.approx((cut.start, cut.turn, cut.end), abs=0.07)


def test_a_way_of_another_length_is_another_thing() -> None:
    _, _, cut = movement()
    assert followed.alike(replace(cut, first_range=1.9, second_range=0.6), cut)
    assert not followed.alike(replace(cut, second_range=3.0), cut)
    assert not followed.alike(replace(cut, first_range=0.2), cut)


# --- the segmenter with it ---------------------------------------------------------------------------------


def lagging(poses: list[Pose], by: float) -> list[Pose]:
    """Landmarks that trail behind by that share of the picture, as the pose model's do in slow movements."""
    image = np.stack([pose.image for pose in poses])
    late = image.copy()
    for n in range(1, len(image)):
        step = image[n, :, :2] - late[n - 1, :, :2]
        size = np.linalg.norm(step, axis=1, keepdims=True)
        late[n, :, :2] = late[n - 1, :, :2] + step * np.maximum(0.0, 1.0 - by / np.maximum(size, 1e-9))
    return [replace(pose, image=row) for pose, row in zip(poses, late, strict=True)]


def with_flow(poses: list[Pose], drawn: Scene, pan: Array | None = None) -> list[Pose]:
    """What would be told if a third of the points about the hands were on them, the others on the wall."""
    exact, _ = Truth(drawn, SIZE).landmarks(np.array([pose.time for pose in poses]))
    y = -exact[:, :, 1]
    rise = np.zeros((len(poses), POINTS))
    rise[:, 0:LOAD_POINTS:3] = y[:, [15, 16]].mean(axis=1)[:, None]
    rise[:, LOAD_POINTS:] = y[:, [23, 24]].mean(axis=1)[:, None]
    steps = np.diff(rise, axis=0, prepend=rise[:1]).astype(np.float32)
    room = np.zeros(len(poses)) if pan is None else np.diff(pan, prepend=0.0)
    return [
        replace(pose, flow=Flow(step, (0.0, float(moved))) if n else None)
        for n, (pose, step, moved) in enumerate(zip(poses, steps, room, strict=True))
    ]


def off(drawn: Scene, stream: list[Pose]) -> float:
    """The farthest that any boundary lies from the truth, seconds."""
    found, wanted = reps(run(stream)), truth(drawn).reps
    assert [rep.exercise for rep in found] == [rep.exercise for rep in wanted]
    pairs = [(rep, true) for rep, true in zip(found, wanted, strict=True)]
    return max(
        max(abs(rep.start - true.start), abs(rep.turn - true.turn), abs(rep.end - true.end))
        for rep, true in pairs
    )


@pytest.mark.parametrize(("exercise", "by"), [("overhead_press", 0.008), ("barbell_row", 0.012)])
def test_slow_phases_are_cut_where_the_load_moves_though_the_landmarks_lag(exercise: str, by: float) -> None:
    drawn = scene(exercise, view=45.0, tempo=3.0, seed=3)
    late = lagging(truth(drawn).poses(np.arange(0.0, truth(drawn).duration, 1 / 30)), by)
    assert off(drawn, late) > 0.12
    assert off(drawn, with_flow(late, drawn)) < 2 / 30


@pytest.mark.parametrize("exercise", ["overhead_press", "barbell_row"])
def test_landmarks_that_go_smoothly_count_more_than_a_picture_that_shows_the_load_late(exercise: str) -> None:
    """As of a bar that stays behind the lifter's body for the first and the last fifth of its way."""
    drawn = scene(exercise, view=135.0, tempo=3.0, seed=3)
    poses = truth(drawn).poses(np.arange(0.0, truth(drawn).duration, 1 / 30))
    height = -np.array([pose.image[[15, 16], 1].mean() for pose in poses])
    shown = np.maximum(height, height.min() + 0.2 * np.ptp(height))
    steps = np.diff(shown, prepend=shown[0]).astype(np.float32)
    late = [
        replace(pose, flow=pose.flow and Flow(np.full(POINTS, step), pose.flow.room))
        for pose, step in zip(with_flow(poses, drawn), steps, strict=True)
    ]
    assert off(drawn, late) < 0.1


@pytest.mark.parametrize("exercise", ["squat", "overhead_press", "barbell_row"])
def test_a_camera_that_pans_changes_nothing_where_the_room_is_followed(exercise: str) -> None:
    """By a tenth of the picture's height up and down, as much as a row's range."""
    drawn = scene(exercise, reps=3, view=45.0, tempo=1.2, seed=1)
    times = np.arange(0.0, truth(drawn).duration, 1 / 30)
    pan = 0.1 * np.sin(2 * np.pi * times / 5.0)
    pan -= pan[0]
    still = truth(drawn).poses(times)
    panned = []
    for pose, shift in zip(still, pan, strict=True):
        image = pose.image.copy()
        image[:, 1] += np.float32(shift)
        panned.append(replace(pose, image=image))
    assert off(drawn, with_flow(panned, drawn, pan)) < 2 / 30


@pytest.mark.parametrize(("beyond", "waits"), [(0.0, True), (0.5, False)])
def test_a_load_is_waited_for_only_if_the_landmarks_came_back_about_as_far_as_they_went(
    beyond: float, waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arms that are guessed leap up, and then down beyond where they began: a squat was held for a press."""
    monkeypatch.setattr(followed.FollowedLoad, "still_out", lambda *_, **__: True)
    drawn = scene("overhead_press", reps=1, view=45.0, tempo=1.0, seed=2)
    true, stream = truth(drawn).reps[0], truth(drawn).poses(np.arange(0.0, truth(drawn).duration + 2, 1 / 30))
    trunk = float(stream[0].image[23, 1] - stream[0].image[11, 1])
    segmenter, ended = Segmenter(), []
    for pose in stream:
        image = pose.image.copy()
        image[13:23, 1] += np.float32(beyond * trunk * np.clip((pose.time - true.turn) / 1.5, 0.0, 1.0))
        ended += [
            event
            for event in segmenter.push(replace(pose, image=image))
            if isinstance(event, RepEnded | RepCancelled)
        ]
    assert (not ended) == waits


@pytest.mark.parametrize("exercise", ["overhead_press", "barbell_row"])
def test_a_load_that_the_picture_loses_on_its_way_back_was_home_when_it_goes_out_anew(exercise: str) -> None:
    """Nothing came back, by the picture, which held a set of rows for 12 s, and then dropped it."""
    drawn = scene(exercise, reps=4, view=45.0, tempo=1.0, seed=1)
    stream = with_flow(truth(drawn).poses(np.arange(0.0, truth(drawn).duration, 1 / 30)), drawn)
    rest = Flow(np.zeros(POINTS, np.float32), (0.0, 0.0))
    lost = [
        replace(pose, flow=rest)
        if any(true.turn < pose.time < true.end for true in truth(drawn).reps)
        else pose
        for pose in stream
    ]
    assert [rep.exercise for rep in reps(run(lost))][:3] == [exercise] * 3


def test_a_break_in_the_flow_costs_accuracy_and_no_repetition() -> None:
    drawn = scene("barbell_row", reps=3, view=45.0, tempo=1.2, seed=1)
    stream = with_flow(truth(drawn).poses(np.arange(0.0, truth(drawn).duration, 1 / 30)), drawn)
    broken = [replace(pose, flow=None) if n % 40 == 20 else pose for n, pose in enumerate(stream)]
    assert off(drawn, broken) < 0.2


def test_flow_that_tells_nothing_leaves_the_landmarks_their_say() -> None:
    drawn = scene("squat", reps=2, view=90.0, tempo=1.2, seed=2)
    plain = truth(drawn).poses(np.arange(0.0, truth(drawn).duration, 1 / 30))
    nothing = Flow(np.full(POINTS, np.nan, np.float32), (0.0, 0.0))
    assert run([replace(pose, flow=nothing) for pose in plain]) == run(plain)
