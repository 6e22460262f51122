from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from lifter import scene, track

from streamaqa.body import Joint
from streamaqa.segmentation import Segmenter
from streamaqa.types import Pose


def advice(stream: list[Pose]) -> tuple[str, ...]:
    segmenter = Segmenter()
    for pose in stream:
        segmenter.push(pose)
    return segmenter.status.advice


def changed(stream: list[Pose], change: Callable[[np.ndarray], None]) -> list[Pose]:
    out = []
    for pose in stream:
        image = pose.image.copy()
        change(image)
        out.append(replace(pose, image=image))
    return out


def test_a_lifter_in_full_view_from_the_side_gets_none() -> None:
    assert advice(track(scene("squat", view=90.0))) == ()


def test_nobody_in_view_is_said_alone() -> None:
    assert advice([Pose.nobody(i / 30, (4, 3)) for i in range(60)]) == ("nobody_in_view",)


@pytest.mark.parametrize(
    ("joint", "code"), [(Joint.ANKLE, "feet_not_visible"), (Joint.WRIST, "hands_not_visible")]
)
def test_what_leaves_the_picture_is_named(joint: Joint, code: str) -> None:
    def leave(image: np.ndarray) -> None:
        image[joint : joint + 2, 1] = 1.05

    assert advice(changed(track(scene("squat", view=90.0)), leave)) == (code,)


def test_head_and_feet_out_of_the_picture_is_too_close() -> None:
    def grow(image: np.ndarray) -> None:
        image[:, :2] = 0.5 + 4.0 * (image[:, :2] - 0.5)

    assert advice(changed(track(scene("squat", view=90.0)), grow)) == ("too_close",)


def test_a_squat_seen_from_ahead_is_told_to_turn_side_on() -> None:
    assert "turn_side_on" in advice(track(scene("squat", view=0.0)))


def test_nearly_side_on_is_not_enough_where_an_error_shows_in_less() -> None:
    assert "turn_side_on" in advice(track(scene("squat", view=63.0)))
    assert "turn_side_on" not in advice(track(scene("squat", view=75.0)))


def test_a_moments_absence_is_not_worth_advice() -> None:
    stream = track(scene("squat", view=90.0))
    gone = [Pose.nobody(pose.time, pose.size) for pose in stream[-10:]]
    assert advice(stream[:-10] + gone) == ()
