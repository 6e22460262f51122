"""MediaPipe's real model on real and drawn pictures."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from streamaqa.pose import MediaPipePose
from streamaqa.sources.pose_track import PoseTrackSource
from streamaqa.sources.video import VideoSource
from streamaqa.types import Frame


def test_it_finds_the_lifter_of_a_real_clip_where_the_recorded_track_has_them(
    shared: Path, pose_model: Path
) -> None:
    name = "squat_dumbbell_front_5reps"
    track = PoseTrackSource(shared / "poses" / f"{name}.npz").poses()
    source = VideoSource(shared / "clips" / f"{name}.mp4")
    with MediaPipePose(pose_model) as estimator:
        for frame, recorded in itertools.islice(zip(source.frames(), track, strict=False), 40):
            pose = estimator.estimate(frame)
            assert pose.time == frame.time
            assert np.abs(pose.image[:, :2] - recorded.image[:, :2]).max() < 0.03
    source.close()


def test_nobody_in_view_is_a_pose_that_was_not_found(pose_model: Path) -> None:
    empty = np.full((240, 320, 3), 90, np.uint8)
    with MediaPipePose(pose_model) as estimator:
        pose = estimator.estimate(Frame(0, empty, 1.5, 0.0))
    assert not pose.found
    assert pose.time == 1.5
    assert pose.size == (320, 240)


def test_frames_closer_than_a_millisecond_keep_their_own_times(pose_model: Path) -> None:
    empty = np.zeros((64, 64, 3), np.uint8)
    with MediaPipePose(pose_model) as estimator:
        times = [estimator.estimate(Frame(n, empty, n * 1e-4, 0.0)).time for n in range(4)]
    assert times == [n * 1e-4 for n in range(4)]


def test_a_closed_estimator_says_so_and_may_be_closed_again(pose_model: Path) -> None:
    estimator = MediaPipePose(pose_model)
    estimator.close()
    estimator.close()
    with pytest.raises(ValueError, match="closed"):
        estimator.estimate(Frame(0, np.zeros((64, 64, 3), np.uint8), 0.0, 0.0))
