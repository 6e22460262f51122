from __future__ import annotations

import numpy as np
import pytest

from streamaqa.pose.painting import AROUND_M, GREY, around, only, within, without
from streamaqa.pose.person import Person
from streamaqa.types import Pose

WHITE = np.full((100, 200, 3), 255, np.uint8)
SOMEBODY = Person(0.0, 100.0, 50.0, 40.0, (0.0,) * 9)


def standing(x: float, size: tuple[int, int] = (200, 100)) -> Pose:
    image = np.zeros((33, 4), np.float32)
    image[:, 0], image[:, 1] = x, 0.5
    image[[11, 13, 15, 23, 25, 27, 31], 0] += 0.03
    image[[12, 14, 16, 24, 26, 28, 32], 0] -= 0.03
    for row, pair in ((0.1, [0]), (0.2, [11, 12]), (0.5, [23, 24]), (0.7, [25, 26]), (0.9, [27, 28, 31, 32])):
        image[pair, 1] = row
    return Pose(0.0, image, image.copy(), size)


def test_around_a_place_is_where_a_lifter_can_be_within_the_picture() -> None:
    left, top, right, bottom = around(SOMEBODY, (200, 100))
    assert (left, right) == (100 - int(AROUND_M[0] * 40), 100 + int(AROUND_M[0] * 40))
    assert (top, bottom) == (0, 100)


def test_only_a_box_is_left_of_a_picture() -> None:
    out = only(WHITE, (50, 20, 80, 60))
    assert (out[20:60, 50:80] == 255).all()
    assert (out == 255).sum() == 30 * 40 * 3
    assert (WHITE == 255).all()


def test_somebody_is_painted_over_and_who_stands_beside_is_not() -> None:
    out = without(WHITE, standing(0.3), 3.0)
    body = standing(0.3).image
    for landmark in (0, 11, 12, 23, 24, 25, 28):
        x, y = body[landmark, 0] * 200, body[landmark, 1] * 100
        assert (out[int(y), int(x)] == GREY).all(), landmark
    assert (out[:, 85:] == 255).all()
    assert (WHITE == 255).all()


def test_a_pose_in_a_part_is_told_in_the_whole() -> None:
    whole = within(standing(0.5, (50, 50)), (100, 40), (200, 100))
    assert whole.size == (200, 100)
    assert whole.image[0, :2] == pytest.approx((125 / 200, 45 / 100))
