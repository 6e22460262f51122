"""What measures make of a body: on the synthetic lifter, whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from reps import FAULTS, drawn

from streamaqa.body import Array, Body, Joint
from streamaqa.measures import (
    forearms_out,
    forearms_uneven,
    head_rise,
    hips_above_knees,
    hips_above_level_beside,
    hips_above_stand,
    hips_height,
    knees_nearer,
    legs_sink,
    shank_overlean,
    trunk_rise,
)
from streamaqa.signs import Measure
from streamaqa.sources.synthetic import Camera, RepScript, Scene, SetScript
from streamaqa.sources.synthetic import poses as exact_poses
from streamaqa.types import Pose


def _hips_sunk(body: Body) -> Array:
    height = hips_height(body)
    return np.asarray(1.0 - height / height.max())


def _bowed(body: Body, degrees: Array) -> Body:
    """With shoulders over the hips, and so many degrees (T,) ahead of them."""
    ahead = np.stack([np.sin(np.radians(degrees)), np.zeros(len(degrees)), np.cos(np.radians(degrees))], -1)
    points = body.points.copy()
    points[:, [Joint.SHOULDER, Joint.SHOULDER + 1]] = points[:, [Joint.HIP, Joint.HIP + 1]] + ahead[:, None]
    return replace(body, points=points)


def test_a_deeper_squat_may_lean_further_and_is_compared_with_the_same_lean_halfway_down() -> None:
    body = Body.of(drawn("squat", 90.0)[1].poses)
    body = _bowed(body, np.full(len(body.time), 30.0))
    sunk = _hips_sunk(body)
    kept = sunk < 0.45
    points, seen = body.points[kept], body.seen[kept]
    high = replace(body, time=body.time[kept], points=points, seen=seen)
    allowed = 12.0 * (np.percentile(sunk, 98) - np.percentile(sunk[kept], 98))
    assert allowed > 1.0
    np.testing.assert_allclose(shank_overlean(high), shank_overlean(body)[kept] + allowed, atol=0.5)


def test_a_trunk_that_bows_on_as_the_hips_sink_speaks_against_knees_that_are_too_far_forward() -> None:
    body = Body.of(drawn("squat", 90.0)[1].poses)
    deep = _hips_sunk(body) > 0.45
    straight, bowing = (shank_overlean(_bowed(body, np.where(deep, low, 30.0))) for low in (30.0, 50.0))
    np.testing.assert_allclose(straight - bowing, 4.0, atol=0.1)


def test_a_squat_that_was_never_halfway_down_says_nothing_of_the_knees() -> None:
    _, seen = drawn("squat", 90.0)
    sunk = _hips_sunk(Body.of(seen.poses))
    standing = [
        pose if s < 0.15 else Pose.nobody(pose.time, pose.size)
        for s, pose in zip(sunk, seen.poses, strict=True)
    ]
    assert np.isnan(shank_overlean(Body.of(standing))).all()


def test_a_quick_squat_seen_seldom_is_compared_halfway_down_all_the_same() -> None:
    body = Body.of(drawn("squat", 90.0)[1].poses)
    sunk = _hips_sunk(body)
    kept = (sunk < 0.24) | (sunk > 0.41)
    seldom = replace(body, time=body.time[kept], points=body.points[kept], seen=body.seen[kept])
    assert 0 < kept.sum() < len(kept)
    np.testing.assert_allclose(shank_overlean(seldom), shank_overlean(body)[kept], atol=0.5)


@pytest.mark.parametrize("height", [0.4, 1.15, 2.2])
def test_a_squat_is_as_deep_from_ahead_as_from_behind_however_high_the_camera_stands(height: float) -> None:
    sets = [Scene((SetScript("squat", (RepScript(),), view=view),)) for view in (0.0, 180.0)]
    depths = [
        float(
            np.nanmin(
                hips_above_stand(Body.of(exact_poses(replace(one, camera=Camera(height=height)), 30.0)))
            )
        )
        for one in sets
    ]
    assert abs(depths[0] - depths[1]) < 0.12


def test_a_still_of_a_squat_shows_how_deep_it_is_without_the_standing() -> None:
    _, seen = drawn("squat", 90.0)
    body = Body.of(seen.poses)
    lowest = seen.poses[int(np.argmin(hips_above_knees(body)))]
    still = Body.of([replace(lowest, time=number / 30.0) for number in range(10)])
    assert np.isnan(hips_above_stand(still)).all()
    for depth in (hips_above_knees, hips_above_level_beside):
        np.testing.assert_allclose(depth(still), np.min(depth(body)), atol=0.15)


@pytest.mark.parametrize("thighs", [0.94, 1.06])
def test_a_lifters_proportions_change_little_of_how_deep_a_squat_is_from_the_side(thighs: float) -> None:
    one = Scene((SetScript("squat", (RepScript(),), view=90.0),))
    other = replace(one, body=replace(one.body, thighs=thighs))
    usual, unusual = (Body.of(exact_poses(scene, 30.0)) for scene in (one, other))

    def differ(depth: Measure) -> float:
        return abs(float(np.nanmin(depth(unusual)) - np.nanmin(depth(usual))))

    assert differ(hips_above_level_beside) < 0.5 * differ(hips_above_stand)


def test_knees_come_nearer_to_each_other_only_in_a_squat_that_has_the_fault() -> None:
    _, clean = drawn("squat", 180.0)
    _, faulty = drawn("squat", 180.0, [FAULTS["knees_inward"][2]])
    highest = [np.nanmax(knees_nearer(Body.of(seen.poses))) for seen in (clean, faulty)]
    assert highest[0] + 5.0 < highest[1]


def test_bent_knees_let_the_lifter_sink_by_more_than_twice_what_a_moving_camera_does() -> None:
    _, still = drawn("overhead_press", 0.0)
    _, faulty = drawn("overhead_press", 0.0, [FAULTS["knees"][2]])
    sunk = np.ptp(legs_sink(Body.of(faulty.poses))) - np.ptp(legs_sink(Body.of(still.poses)))
    lowered = replace(Body.of(still.poses), drawn=Body.of(still.poses).drawn - 0.01)
    moved = legs_sink(lowered) - legs_sink(Body.of(still.poses))
    assert 0.01 < moved.max() < 0.04 < sunk


def test_shoulders_drawn_back_by_the_elbows_are_no_swing_of_the_trunk() -> None:
    _, seen = drawn("barbell_row", 90.0)
    body = Body.of(seen.poses)
    higher = body.points.copy()
    higher[:, Joint.ELBOW : Joint.ELBOW + 2, 2] += 1.0
    fall = trunk_rise(body) - trunk_rise(replace(body, points=higher))
    np.testing.assert_allclose(fall, 36.0, atol=1e-6)
    fall = head_rise(body) - head_rise(replace(body, points=higher))
    np.testing.assert_allclose(fall, 18.0, atol=1e-6)
    higher[:, Joint.SHOULDER : Joint.SHOULDER + 2, 2] += 1.0
    np.testing.assert_allclose(head_rise(replace(body, points=higher)), head_rise(body), atol=1e-6)


@pytest.mark.parametrize("measure", [forearms_out, forearms_uneven])
def test_forearms_are_not_compared_where_one_hand_is_no_number(measure: Measure) -> None:
    _, seen = drawn("overhead_press", 0.0)
    assert np.isfinite(measure(Body.of(seen.poses))).any()
    lost = []
    for pose in seen.poses:
        image, world = pose.image.copy(), pose.world.copy()
        image[Joint.WRIST, :3] = world[Joint.WRIST, :3] = np.nan
        lost.append(replace(pose, image=image, world=world))
    assert np.isnan(measure(Body.of(lost))).all()
