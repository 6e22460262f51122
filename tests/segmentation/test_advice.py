from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from lifter import scene, track
from pydantic import ValidationError

from streamaqa.body import Joint
from streamaqa.segmentation import Segmenter
from streamaqa.segmentation.settings import AdviceSettings
from streamaqa.signs import SHANK_OVERLEAN
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


def test_hands_behind_plates_are_no_matter_of_where_the_camera_stands() -> None:
    def hide(image: np.ndarray) -> None:
        image[Joint.WRIST : Joint.WRIST + 2, 3] = 0.1

    assert advice(changed(track(scene("squat", view=90.0)), hide)) == ()


def test_feet_that_are_only_guessed_are_not_visible() -> None:
    def hide(image: np.ndarray) -> None:
        image[Joint.ANKLE : Joint.ANKLE + 2, 3] = 0.1

    assert advice(changed(track(scene("squat", view=90.0)), hide)) == ("feet_not_visible",)


def test_a_head_above_the_picture_is_named_while_the_feet_are_in_it() -> None:
    stream = track(scene("squat", view=90.0))
    nose = stream[0].image[0, 1]

    def raise_(image: np.ndarray) -> None:
        image[:, 1] -= nose + 0.02

    assert advice(changed(stream, raise_)) == ("head_not_visible",)


@pytest.mark.parametrize(
    ("exercise", "views", "told"),
    [
        ("squat", (0.0, 30.0, 180.0), True),
        ("squat", (90.0, 270.0), False),
        ("overhead_press", (0.0, 45.0, 90.0), False),
        ("overhead_press", (180.0,), True),
        ("barbell_row", (0.0, 180.0), True),
        ("barbell_row", (60.0, 90.0, 120.0), False),
    ],
)
def test_turning_is_advised_where_it_would_show_an_error(
    exercise: str, views: tuple[float, ...], told: bool
) -> None:
    for view in views:
        assert ("turn_side_on" in advice(track(scene(exercise, view=view)))) is told


def test_advice_waits_for_the_exercise_and_forgets_the_lifter_on_reset() -> None:
    stream = track(scene("squat", view=0.0))
    segmenter = Segmenter()
    said = []
    for pose in stream:
        segmenter.push(pose)
        said.append(segmenter.status.advice)
    segmenter.reset()
    assert (said[20], said[-1], segmenter.status.advice) == ((), ("turn_side_on",), ())


def test_where_the_exercise_is_known_beforehand_advice_comes_before_the_set() -> None:
    stream = track(scene("squat", view=0.0))
    segmenter = Segmenter(hint="squat")
    for pose in stream[:20]:
        segmenter.push(pose)
    assert segmenter.status.exercise is None
    assert segmenter.status.advice == ("turn_side_on",)


def test_nearly_side_on_is_not_enough_where_an_error_shows_in_less() -> None:
    least, _ = SHANK_OVERLEAN.facing
    assert "turn_side_on" in advice(track(scene("squat", view=least - 5.0)))
    assert "turn_side_on" not in advice(track(scene("squat", view=least + 8.0)))


def test_a_moments_absence_is_not_worth_advice() -> None:
    stream = track(scene("squat", view=90.0))
    gone = [Pose.nobody(pose.time, pose.size) for pose in stream[-10:]]
    assert advice(stream[:-10] + gone) == ()


def said_over(stream: list[Pose]) -> list[tuple[bool, tuple[str, ...]]]:
    """Whether somebody is in view and what is advised, each time that changes."""
    segmenter, told = Segmenter(), []
    for pose in stream:
        segmenter.push(pose)
        told.append((segmenter.status.person, segmenter.status.advice))
    return [told[0]] + [new for old, new in itertools.pairwise(told) if new != old]


def test_a_pose_that_is_lost_now_and_then_is_no_lifter_who_left() -> None:
    stream = track(scene("squat", reps=4, view=90.0))
    lossy = [Pose.nobody(p.time, p.size) if i % 30 == 29 else p for i, p in enumerate(stream)]
    assert said_over(lossy) == [(True, ())]


def test_who_is_gone_for_longer_than_a_moment_is_gone() -> None:
    stream = track(scene("squat", view=90.0))
    gone = [Pose.nobody(stream[-1].time + i / 30, stream[-1].size) for i in range(1, 60)]
    assert said_over(stream + gone) == [(True, ()), (False, ()), (False, ("nobody_in_view",))]


def test_a_head_that_dips_into_the_picture_with_each_rep_is_cut_off_all_the_time() -> None:
    stream = track(scene("squat", reps=4, view=90.0))
    nose = stream[0].image[0, 1]

    def raise_(image: np.ndarray) -> None:
        image[:, 1] -= nose + 0.02

    assert said_over(changed(stream, raise_)) == [(True, ()), (True, ("head_not_visible",))]


def test_a_foot_on_the_brink_of_being_seen_does_not_flicker() -> None:
    rng = np.random.default_rng(0)

    def waver(image: np.ndarray) -> None:
        image[Joint.ANKLE : Joint.ANKLE + 2, 3] = 0.5 + 0.1 * rng.standard_normal()

    assert len(said_over(changed(track(scene("squat", reps=6, view=90.0)), waver))) <= 2


def test_nothing_is_advised_on_a_single_pose() -> None:
    def hide(image: np.ndarray) -> None:
        image[Joint.ANKLE : Joint.ANKLE + 2, 3] = 0.1

    assert advice(changed(track(scene("squat", view=90.0))[:1], hide)) == ()


@pytest.mark.parametrize(
    ("given", "why"),
    [({"gone_s": 1.0}, "gone_s"), ({"ends": 0.7}, "ends")],
)
def test_advice_that_could_not_hold_is_refused(given: dict[str, float], why: str) -> None:
    with pytest.raises(ValidationError, match=f"{why} .* has to be"):
        AdviceSettings.model_validate(given)
