"""Where a lifter's joints are, seen from the lifter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamaqa.body import Body, Joint, View, angle, from_vertical, mirrored, pair, seen, wavering, yaw
from streamaqa.measures import shank_lean
from streamaqa.sources.synthetic import RepScript, Scene, SetScript, poses
from streamaqa.types import Pose


def squats(view: float) -> list[Pose]:
    return poses(Scene((SetScript("squat", (RepScript(),), view=view),)), 30.0)


def moved(pose: Pose, scale: float, x: float, y: float) -> Pose:
    image = pose.image.copy()
    image[:, :3] *= scale
    image[:, :2] += (x, y)
    return replace(pose, image=image)


VIEWS = {0: 0.0, 45: -45.0, 90: -90.0, 135: -135.0, 180: 180.0, 225: 135.0, 270: 90.0, 315: 45.0}
"""The synthetic lifter's degrees, and the yaw that means: at 90 it shows its left side, facing left."""


@pytest.mark.parametrize(("view", "expected"), VIEWS.items())
def test_yaw_tells_where_the_lifter_faces(view: float, expected: float) -> None:
    found = Body.of(squats(view)).yaw
    assert abs((found - expected + 180.0) % 360.0 - 180.0) < 6.0


@pytest.mark.parametrize("view", VIEWS)
def test_mirrored_video_turns_yaw_over_and_changes_nothing_else(view: float) -> None:
    track = squats(view)
    here, there = Body.of(track), Body.of([mirrored(pose) for pose in track])
    assert abs((here.yaw + there.yaw + 180.0) % 360.0 - 180.0) < 1e-3
    assert here.view == there.view
    left, right = here.both(Joint.KNEE)[:, 0], there.both(Joint.KNEE)[:, 1]
    hips = here.both(Joint.HIP).mean(axis=1), there.both(Joint.HIP).mean(axis=1)
    np.testing.assert_allclose((left - hips[0]) * (1, -1, 1), right - hips[1], atol=1e-4)


@pytest.mark.parametrize(
    ("degrees", "view"),
    [
        (0.0, View.FRONT),
        (-19.0, View.FRONT),
        (21.0, View.FRONT_OBLIQUE),
        (-90.0, View.SIDE),
        (130.0, View.REAR_OBLIQUE),
        (-159.0, View.REAR),
        (180.0, View.REAR),
    ],
)
def test_a_view_has_a_name(degrees: float, view: View) -> None:
    assert View.of(degrees) is view


@settings(max_examples=20, deadline=None)
@given(st.floats(0.3, 1.5), st.floats(-0.2, 0.2), st.floats(-0.2, 0.2))
def test_the_lifters_size_in_the_picture_changes_no_angle(scale: float, x: float, y: float) -> None:
    # A small shift only: far off the picture's middle, perspective truly differs.
    track = squats(90)
    here = shank_lean(Body.of(track))
    there = shank_lean(Body.of([moved(pose, scale, x, y) for pose in track]))
    np.testing.assert_allclose(here, there, atol=4.0)


def hips_above_knees(body: Body) -> float:
    """The least height of the hips over the knees, in thigh lengths."""
    thigh = body.at(Joint.HIP, np.array([0.5, 0.5])) - body.at(Joint.KNEE, np.array([0.5, 0.5]))
    return float((thigh[:, 2] / np.linalg.norm(thigh, axis=1)).min())


def test_perspective_does_not_lift_the_hips_of_a_squat_seen_from_ahead() -> None:
    depths = {view: hips_above_knees(Body.of(squats(view))) for view in VIEWS}
    assert max(depths.values()) - min(depths.values()) < 0.2
    front = [
        replace(p, world=p.world * np.array([1, 1, 0, 1], np.float32)) for p in squats(0)
    ]  # blind to depth
    assert abs(hips_above_knees(Body.of(front)) - depths[90]) > 0.1


def test_shoulders_that_a_bar_twists_and_feet_that_are_half_hidden_do_not_turn_the_lifter() -> None:
    world = np.stack([pose.world for pose in squats(90)])
    twisted = world.copy()
    for joint in (Joint.SHOULDER, Joint.HEEL):
        twisted[:, joint : joint + 2] = world[:, [joint + 1, joint]]
    assert yaw(twisted) == yaw(world)


def test_legs_out_of_the_picture_do_not_turn_the_lifter() -> None:
    track = squats(0)
    cropped = []
    for pose in track:
        image, world = pose.image.copy(), pose.world.copy()
        for joint in (Joint.KNEE, Joint.ANKLE):
            image[joint : joint + 2, 1] = 1.3
            world[joint : joint + 2, [0, 2]] = world[joint : joint + 2, [2, 0]]  # guessed side-on
        cropped.append(replace(pose, image=image, world=world))
    assert abs(yaw(np.stack([pose.world for pose in cropped]))) > 30.0
    assert abs(Body.of(cropped).yaw - Body.of(track).yaw) < 6.0


def test_hips_knees_and_ankles_outvote_one_another() -> None:
    world = np.stack([pose.world for pose in squats(90)]).astype(np.float64)
    for joint in (Joint.HIP, Joint.KNEE, Joint.ANKLE):
        twisted = world.copy()
        middle = world[:, joint : joint + 2].mean(axis=1, keepdims=True)
        turned = (world[:, joint : joint + 2] - middle)[..., [2, 1, 0, 3]] * (1.0, 1.0, -1.0, 1.0)
        twisted[:, joint : joint + 2] = middle + turned  # by a quarter
        assert 10.0 < abs(yaw(twisted) - yaw(world)) < 40.0


@pytest.mark.parametrize("view", [80, 90, 100])
def test_a_side_view_rests_on_the_picture_and_not_on_the_models_depth(view: float) -> None:
    track = squats(view)
    deep = np.zeros((33, 4), np.float32)
    deep[Joint.KNEE : Joint.KNEE + 2, 2] = 0.15
    here = shank_lean(Body.of(track))
    there = shank_lean(Body.of([replace(pose, world=pose.world + deep) for pose in track]))
    np.testing.assert_allclose(here, there, atol=3.0)


def test_frames_without_anybody_leave_holes_and_no_doubt() -> None:
    track = squats(90)
    size = track[0].size
    holed = [Pose.nobody(p.time, size) if n % 5 == 0 else p for n, p in enumerate(track)]
    body = Body.of(holed)
    assert body.view is View.SIDE
    assert np.isnan(body.points[::5]).all()
    assert np.isfinite(body.points[1::5]).all()
    assert (body.seen[::5] == 0).all()


def test_an_empty_room_has_no_view() -> None:
    body = Body.of([Pose.nobody(n / 30, (360, 480)) for n in range(10)])
    assert body.view is None
    with pytest.raises(ValueError, match="at least one pose"):
        Body.of([])


def turned_about(pose: Pose) -> Pose:
    """With front and back taken for each other."""
    return replace(pose, world=pose.world * np.array([-1, 1, -1, 1], np.float32))


def test_a_lifter_whose_front_and_back_are_taken_for_each_other_has_no_view() -> None:
    track = squats(140)
    torn = [turned_about(pose) if n % 5 in (0, 2) else pose for n, pose in enumerate(track)]
    assert Body.of(track).view is View.REAR_OBLIQUE
    assert Body.of(torn).view is None


@pytest.mark.parametrize("view", [90, 180])
def test_a_few_poses_turned_about_leave_the_view(view: float) -> None:
    track = squats(view)
    glitched = [turned_about(pose) if n % 8 == 0 else pose for n, pose in enumerate(track)]
    assert Body.of(glitched).view is Body.of(track).view is not None
    assert wavering(np.stack([pose.world for pose in glitched])) < 20.0


def test_yaw_is_read_while_the_lifter_works_and_not_while_they_walk_in() -> None:
    walking, working = squats(0), squats(90)
    shift = walking[-1].time + 1.0
    track = walking + [replace(pose, time=pose.time + shift) for pose in working]
    assert Body.of(track, shift, np.inf).view is View.SIDE


def test_a_landmark_outside_the_frame_is_not_seen_however_sure_the_model_is() -> None:
    image = np.full((33, 4), 0.5, np.float32)
    image[:, 3] = 0.99
    image[Joint.ANKLE, 1] = 1.2
    image[Joint.TOE, 0] = np.nan
    found = seen(image)
    assert found[Joint.KNEE] == pytest.approx(0.99)
    assert found[Joint.ANKLE] == found[Joint.TOE] == 0.0


def test_angles_are_what_a_protractor_says() -> None:
    a, b, c = (np.array([p]) for p in ([1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]))
    assert angle(a, b, c) == pytest.approx(90.0)
    assert np.isnan(angle(a, a, c)).all()
    assert from_vertical(np.array(1.0), np.array(1.0)) == pytest.approx(45.0)
    assert pair(np.arange(66.0).reshape(33, 2), Joint.SHOULDER).tolist() == [[22.0, 23.0], [24.0, 25.0]]
