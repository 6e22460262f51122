"""Points followed from picture to picture: how far hands, bar and hips went, and how far the camera did."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pytest
from numpy.typing import NDArray

from streamaqa.pose import flow
from streamaqa.pose.flow import PointFollower
from streamaqa.sources.synthetic import poses
from streamaqa.types import LOAD_POINTS, Flow, Pose

WIDTH, HEIGHT = 240, 320
STANDING: Final = next(iter(poses("synthetic:barbell_row?reps=1", fps=10)))
"""Somebody whose landmarks stay where they are, whatever the picture does."""


def texture(seed: int, width: int, height: int) -> NDArray[np.uint8]:
    """Soft spots some pixels large, so that each place looks like no other."""
    import cv2

    spots = np.random.default_rng(seed).integers(60, 190, (height // 9 + 1, width // 9 + 1, 3), np.uint8)
    return np.asarray(cv2.resize(spots, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


ROOM, BODY = texture(1, WIDTH + 80, HEIGHT + 80), texture(2, 85, 165)


def picture(
    body_up: float = 0.0, camera: tuple[float, float] = (0.0, 0.0), room: NDArray[np.uint8] = ROOM
) -> NDArray[np.uint8]:
    """A room with a body in its middle that has gone up, seen by a camera that has turned right and down."""
    import cv2

    right, down = camera
    shown = np.asarray([[1, 0, -40 - right], [0, 1, -40 - down]], np.float32)
    out = cv2.warpAffine(room, shown, (WIDTH, HEIGHT))
    at = np.asarray([[1, 0, 80 - right], [0, 1, 115 - body_up - down]], np.float32)
    body = cv2.warpAffine(BODY, at, (WIDTH, HEIGHT))
    there = cv2.warpAffine(np.full(BODY.shape[:2], 255, np.uint8), at, (WIDTH, HEIGHT)) > 127
    return np.asarray(np.where(there[..., None], body, out), np.uint8)


def pose(time: float) -> Pose:
    return replace(STANDING, time=time, size=(WIDTH, HEIGHT))


def push(follower: PointFollower, image: NDArray[np.uint8], seen: Pose) -> Flow | None:
    flow = follower.follow(image, seen.time)
    follower.put(seen)
    return flow


def follow(pictures: list[NDArray[np.uint8]], fps: float = 30.0) -> list[Flow | None]:
    follower = PointFollower()
    return [push(follower, each, pose(n / fps)) for n, each in enumerate(pictures)]


def known(flows: list[Flow | None]) -> list[Flow]:
    return [each for each in flows if each is not None]


def test_a_slow_rise_is_told_to_a_tenth_of_a_pixel() -> None:
    flows = known(follow([picture(body_up=0.25 * n) for n in range(20)]))
    assert len(flows) == 19
    risen = np.nansum([each.rise for each in flows], axis=0) * HEIGHT
    assert np.median(risen[LOAD_POINTS:]) == pytest.approx(19 * 0.25, abs=0.1)
    assert np.percentile(risen[:LOAD_POINTS], 92) == pytest.approx(19 * 0.25, abs=0.2)


def test_a_camera_that_turns_moves_nobody() -> None:
    """The lifter keeps their landmarks in the picture here, so that only the pixels tell."""
    flows = known(follow([picture(camera=(0.6 * n, -0.4 * n)) for n in range(20)]))
    assert np.abs(np.nansum([each.rise for each in flows], axis=0)).max() * HEIGHT < 1.0
    right, down = np.sum([each.room for each in flows], axis=0) * (WIDTH, HEIGHT)
    assert (right, down) == (pytest.approx(-19 * 0.6, abs=0.5), pytest.approx(19 * 0.4, abs=0.5))


def test_a_wall_without_a_corner_is_no_camera_that_moves() -> None:
    plain = np.full_like(ROOM, 120)
    flows = known(follow([picture(body_up=0.5 * n, room=plain) for n in range(10)]))
    assert np.abs([each.room for each in flows]).max() == 0.0


def test_points_on_what_stands_still_are_left_for_what_moves() -> None:
    """After a rise beyond `STRAY_M` nothing that stays behind is still followed."""
    follower, metre = PointFollower(), 120.0
    for n in range(40):
        up = 2.0 * n
        image = STANDING.image.copy()
        image[:, 1] -= up / HEIGHT
        moved = push(follower, picture(body_up=up), replace(pose(n / 30), image=image))
    assert moved is not None
    assert flow.STRAY_M * metre < 39 * 2.0
    load = moved.rise[:LOAD_POINTS] * HEIGHT
    assert np.nanmedian(load) == pytest.approx(2.0, abs=0.1)
    assert np.mean(load > 1.5) > 0.6


def test_points_go_where_the_lifter_is() -> None:
    """They began on the wall, for the pose model had put the lifter there."""
    follower = PointFollower()
    aside = STANDING.image.copy()
    aside[:, 0] -= 0.3
    told = []
    for n in range(12):
        image = aside if n < 5 else STANDING.image
        told.append(push(follower, picture(body_up=1.0 * n), replace(pose(n / 30), image=image)))
    before, after = (float(np.nanmedian(each.rise)) * HEIGHT for each in known([told[4], told[-1]]))
    assert before == pytest.approx(0.0, abs=0.1)
    assert after == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(("seen", "found"), [(1.0, False), (0.0, True)])
def test_what_hands_hold_that_are_not_seen_is_looked_for_farther_off(seen: float, found: bool) -> None:
    """The pose model puts the hands a quarter of a metre, 30 pixels, above the body that moves."""
    image = STANDING.image.copy()
    image[15:17, :2] = np.array([[135, 85], [110, 85]]) / (WIDTH, HEIGHT)
    image[15:17, 3] = seen
    follower = PointFollower()
    for n in range(10):
        moved = push(follower, picture(body_up=0.5 * n), replace(pose(n / 30), image=image))
    assert moved is not None
    assert bool(np.sum(moved.rise[:LOAD_POINTS] * HEIGHT > 0.4) >= 4) is found


@pytest.mark.parametrize("change", ["gap", "size", "nobody"])
def test_where_pictures_do_not_follow_each_other_it_begins_anew(change: str) -> None:
    follower = PointFollower()
    assert push(follower, picture(), pose(0.0)) is None
    assert push(follower, picture(), pose(0.1)) is not None
    if change == "gap":
        assert push(follower, picture(), pose(0.1 + flow.GAP_S + 0.1)) is None
    elif change == "size":
        assert push(follower, texture(3, 120, 160), pose(0.2)) is None
    else:
        times = np.arange(0.2, 0.2 + flow.FORGET_S + 0.3, 0.1)
        flows = [push(follower, picture(), Pose.nobody(t, (WIDTH, HEIGHT))) for t in times]
        assert flows[0] is not None
        assert flows[-1] is None


def test_without_a_lifter_nothing_is_followed() -> None:
    follower = PointFollower()
    assert [push(follower, picture(), Pose.nobody(n / 30, (WIDTH, HEIGHT))) for n in range(3)] == [None] * 3


def test_a_picture_of_one_colour_loses_all_points() -> None:
    blank = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    _, last = follow([blank, blank])
    assert last is not None
    assert np.isnan(last.rise).all()


def test_large_pictures_give_the_same_flow() -> None:
    import cv2

    small = [picture(body_up=1.0 * n) for n in range(6)]
    large = [np.asarray(cv2.resize(each, None, fx=4, fy=4), np.uint8) for each in small]
    one, other = (
        np.median(np.nansum([each.rise for each in known(follow(which))], axis=0)) for which in (small, large)
    )
    assert other == pytest.approx(one, abs=0.5 / HEIGHT)


def test_the_same_pictures_give_the_same_flow() -> None:
    pictures = [picture(body_up=0.7 * n) for n in range(6)]
    for one, other in zip(known(follow(pictures)), known(follow(pictures)), strict=True):
        np.testing.assert_array_equal(one.rise, other.rise)
        assert one.room == other.room


def test_what_the_room_did_survives_being_stored_as_float32() -> None:
    flows = known(follow([picture(camera=(0.3 * n, 0.0)) for n in range(3)]))
    assert all(float(np.float32(value)) == value for each in flows for value in each.room)
