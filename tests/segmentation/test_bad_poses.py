"""Poses that are no good: landmarks that are no numbers, hands that are hardly seen, holds without an end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lifter import SIZE, reps, run, scene, track

from streamaqa.body import Joint
from streamaqa.exercises import EXERCISES
from streamaqa.segmentation import Segmenter
from streamaqa.sources.synthetic import make_set, poses, random_scene
from streamaqa.types import Pose, RepCancelled

BROKEN = {
    "a wrist": lambda pose: _with(pose, pose.image, Joint.WRIST, slice(2)),
    "a visibility": lambda pose: _with(pose, pose.image, Joint.KNEE, slice(3, 4)),
    "a world landmark": lambda pose: _with(pose, pose.world, Joint.HIP, slice(3)),
}


def _with(pose: Pose, table: np.ndarray, joint: Joint, what: slice) -> Pose:
    broken = table.copy()
    broken[joint, what] = np.nan
    return replace(pose, image=broken) if table is pose.image else replace(pose, world=broken)


@pytest.mark.parametrize("exercise", [e.name for e in EXERCISES])
@pytest.mark.parametrize("what", BROKEN)
def test_a_landmark_that_is_no_number_costs_its_own_pose_and_no_more(exercise: str, what: str) -> None:
    stream = track(scene(exercise, reps=3, view=60.0))
    some = [BROKEN[what](pose) if i % 25 == 10 else pose for i, pose in enumerate(stream)]
    plain, found = reps(run(stream)), reps(run(some))
    assert len(found) == len(plain) == 3
    for one, other in zip(plain, found, strict=True):
        assert one.turn == pytest.approx(other.turn, abs=0.05)


def test_a_time_that_is_no_number_is_refused() -> None:
    first, second, *_ = track(scene("squat"))
    segmenter = Segmenter()
    segmenter.push(first)
    with pytest.raises(ValueError, match="nan"):
        segmenter.push(replace(second, time=float("nan")))
    segmenter.push(second)


@pytest.mark.parametrize("seen", [0.1, 0.3])
@pytest.mark.parametrize("view", [0.0, 45.0, 90.0, 180.0])
def test_a_press_counts_though_its_hands_are_out_of_the_picture(view: float, seen: float) -> None:
    """Nobody can see them there, and the pose model says so; where it draws them is right nevertheless."""
    stream = track(scene("overhead_press", reps=3, view=view))
    nose = stream[0].image[0, 1]
    cut = []
    for pose in stream:
        image = pose.image.copy()
        image[:, 1] -= nose + 0.01
        image[image[:, 1] < 0.0, 3] = seen
        cut.append(replace(pose, image=image))
    assert len(reps(run(cut))) == 3


def test_hands_that_are_covered_within_the_picture_press_nothing() -> None:
    stream = []
    for pose in track(scene("overhead_press", reps=3, view=0.0)):
        image = pose.image.copy()
        image[:, 1] = 0.3 + 0.6 * image[:, 1]
        image[Joint.ELBOW : Joint.WRIST + 2, 3] = 0.2
        stream.append(replace(pose, image=image))
    assert reps(run(stream)) == []


@pytest.mark.parametrize("hold", [8.0, 9.5])
def test_who_stays_down_for_longer_than_a_hold_sits_however_unsteadily(hold: float) -> None:
    rng = np.random.default_rng(3)
    drawn = random_scene(rng, [make_set("squat", rng, reps=1, view=60.0, tempo=1.2, hold=hold)])
    for seed in range(4):
        events = run(list(poses(drawn, 30.0, size=SIZE, noise=0.02, seed=seed)))
        assert reps(events) == []
        assert "too_long" in {event.reason for event in events if isinstance(event, RepCancelled)}
