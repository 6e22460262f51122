"""What the picture tells where the landmarks cannot, through the real pose model."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from lifter import SIZE, reps, run, scene, truth

from streamaqa.bench.annotated import annotations_in
from streamaqa.pose import MediaPipePose
from streamaqa.sources.synthetic import SyntheticSource
from streamaqa.sources.video import VideoSource
from streamaqa.types import Frame, Pose


def estimated(frames: Iterable[Frame], model: Path) -> list[Pose]:
    with MediaPipePose(model) as estimator:
        return [estimator.estimate(frame) for frame in frames]


def test_a_press_whose_hands_leave_the_picture_is_counted(shared: Path, pose_model: Path) -> None:
    """A real one, cut off through the nose: overhead the pose model draws the hands back in."""
    name = "ohp_dumbbell_side_2reps"
    nose = 0.26
    (annotation,) = (each for each in annotations_in(shared) if each["name"] == name)
    source = VideoSource(shared / "clips" / f"{name}.mp4")
    cut = (
        Frame(f.number, np.ascontiguousarray(f.image[int(nose * len(f.image)) :]), f.time, f.arrival)
        for f in source.frames()
    )
    found = reps(run(estimated(cut, pose_model)))
    source.close()
    assert [rep.exercise for rep in found] == ["overhead_press"] * 2
    for rep, wanted in zip(found, annotation["reps"], strict=True):
        assert rep.turn == pytest.approx(wanted["turn_s"], abs=0.35)
        assert rep.end == pytest.approx(wanted["end_s"], abs=0.15)


def test_slow_rows_under_a_camera_that_pans_are_cut_within_two_frames(pose_model: Path) -> None:
    """By 8 % of the picture to either side: the hands of a row travel as far."""
    import cv2

    drawn = scene("barbell_row", reps=2, view=45.0, tempo=2.0, seed=4)
    width, height = SIZE

    def panned() -> Iterable[Frame]:
        for frame in SyntheticSource(drawn, size=SIZE, fps=30.0, seed=0).frames():
            turn = 2 * np.pi * frame.time / 5.0
            right, down = 0.08 * width * (1 + np.sin(turn)), 0.08 * height * (1 + np.cos(turn))
            shown = np.asarray([[1, 0, -right], [0, 1, -down]], np.float32)
            image = cv2.warpAffine(frame.image, shown, (round(0.84 * width), round(0.84 * height)))
            yield Frame(frame.number, np.asarray(image, np.uint8), frame.time, frame.arrival)

    found = reps(run(estimated(panned(), pose_model)))
    assert [rep.exercise for rep in found] == ["barbell_row"] * 2
    for rep, true in zip(found, truth(drawn).reps, strict=True):
        for one, other in ((rep.start, true.start), (rep.turn, true.turn), (rep.end, true.end)):
            assert one == pytest.approx(other, abs=2 / 30)
