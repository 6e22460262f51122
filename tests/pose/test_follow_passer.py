"""Somebody walks past a drawn lifter, before the real pose model."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streamaqa.bench.follow import OFF, compare
from streamaqa.bench.follow_scenes import cases
from streamaqa.pose import MediaPipePose
from streamaqa.sources.synthetic import (
    BodyShape,
    Passer,
    Scene,
    SyntheticSource,
    make_set,
    random_scene,
)
from streamaqa.sources.video import VideoSource

SIZE = (480, 360)
TRUNK = [11, 12, 23, 24]


def rowing_while_somebody_passes() -> Scene:
    rng = np.random.default_rng(2)
    scene = random_scene(rng, [make_set("barbell_row", rng, reps=2, view=90.0, tempo=1.0)])
    return replace(scene, passers=(Passer(0.3, 3.0, 1.2, True, BodyShape.random(rng)),))


def test_a_passer_by_does_not_take_the_tracker_along(pose_model: Path) -> None:
    """Without second looks it is somebody else's pose in 14 of these 60 frames."""
    source = SyntheticSource(rowing_while_somebody_passes(), size=SIZE, fps=12.0)
    true, _ = source.truth.landmarks(source.times)
    away = []
    with MediaPipePose(pose_model) as estimator:
        for frame in itertools.islice(source.frames(), 60):
            pose = estimator.estimate(frame)
            if pose.found:
                apart = (pose.image[TRUNK, :2] - true[frame.number, TRUNK, :2]).mean(axis=0) * SIZE
                away.append(float(np.hypot(*apart)))
        assert 1 <= estimator.looks <= 10
    trunk = np.hypot(*((true[0, 11, :2] - true[0, 23, :2]) * SIZE))
    assert len(away) >= 48, "hidden for a second at most"
    assert max(away) < 0.6 * trunk


def test_a_spotter_who_stands_beside_from_the_first_is_left_for_the_lifter(pose_model: Path) -> None:
    """The tracker begins with the spotter, who is nearer; without `choosing` it never leaves them.

    The lifter, who waits at the bar, is followed within a second, and through the squats that come then.
    """
    case = next(case for case in cases(1, 0) if case.kind == "spotter beside")
    source = SyntheticSource(case.scene, size=case.size, fps=15.0)
    with MediaPipePose(pose_model) as estimator:
        poses = [estimator.estimate(frame) for frame in itertools.islice(source.frames(), 66)]
    followed = compare(case, poses)
    assert followed.off[:8].all()
    assert followed.apart[15:] == pytest.approx(0.0, abs=OFF)


def test_a_lifter_alone_costs_hardly_a_second_look(shared: Path, pose_model: Path) -> None:
    for clip in sorted((shared / "clips").glob("*.mp4")):
        source = VideoSource(clip)
        with MediaPipePose(pose_model) as estimator:
            found = [estimator.estimate(frame).found for frame in itertools.islice(source.frames(), 45)]
            assert all(found)
            assert estimator.looks <= 3, "whether somebody else is about to lift"
        source.close()
