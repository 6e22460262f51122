"""Faces are gone before a picture is stored."""

from __future__ import annotations

import numpy as np
import pytest

from streamaqa.recording.blur import blurred
from streamaqa.sources.synthetic import from_spec, poses
from streamaqa.types import Pose

SPEC = "synthetic:squat?reps=1&seed=1&view={}"


def noise(pose: Pose) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A picture of which every detail shows whether it was touched."""
    width, height = pose.size
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def detail(region: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> float:
    """How much neighbours differ: about 85 in noise."""
    return float(np.abs(np.diff(region.astype(int), axis=1)).mean())


@pytest.mark.parametrize("view", [0, 90, 180])
def test_the_head_is_coarse_and_the_rest_untouched(view: int) -> None:
    pose = poses(SPEC.format(view), fps=30)[20]
    image = noise(pose)
    before = image.copy()
    hidden = blurred(image, pose)
    assert np.array_equal(image, before), "the frame itself goes on to other readers"
    x, y = (pose.image[:11, :2].mean(axis=0) * pose.size).astype(int)
    marks = (pose.image[:11, :2] * pose.size).astype(int)
    assert detail(hidden[y - 6 : y + 6, x - 6 : x + 6]) < 25
    assert (hidden[marks[:, 1], marks[:, 0]] != image[marks[:, 1], marks[:, 0]]).any(axis=1).all()
    hips = int(pose.image[23, 1] * pose.size[1])
    assert np.array_equal(hidden[hips:], image[hips:])


def test_without_a_pose_the_whole_picture_is_coarse() -> None:
    nobody = Pose.nobody(0.0, (360, 480))
    assert detail(blurred(noise(nobody), nobody)) < 10


def test_a_head_beyond_the_picture_is_no_error() -> None:
    pose = poses(SPEC.format(0), fps=30)[0]
    moved = Pose(pose.time, pose.image - np.array([0.0, 5.0, 0.0, 0.0], np.float32), pose.world, pose.size)
    assert np.array_equal(blurred(noise(pose), moved), noise(pose))


def test_the_drawn_face_is_hidden() -> None:
    source = from_spec("synthetic:squat?reps=1&seed=1&view=0")
    frame = next(iter(source.frames()))
    source.close()
    pose = source.truth.poses(np.array([frame.time]))[0]
    x, y = (pose.image[:11, :2].mean(axis=0) * pose.size).astype(int)
    around = (slice(y - 8, y + 8), slice(x - 8, x + 8))
    assert len(np.unique(blurred(frame.image, pose)[around].reshape(-1, 3), axis=0)) < 12
    assert len(np.unique(frame.image[around].reshape(-1, 3), axis=0)) > 50
