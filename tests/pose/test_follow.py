"""Who is followed: the logic alone, without pictures or a model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from streamaqa.pose.follow import Doubt, Follower, FollowSettings, Person
from streamaqa.types import Pose

RED, GREY = (0.7, 0.1, 0.1), (0.2, 0.2, 0.2)
LIFTER = Person(0.0, 200.0, 150.0, 100.0, RED)
"""100 pixels a metre: a trunk is 50 pixels."""


def at(time: float, **changes: object) -> Person:
    return replace(LIFTER, time=time, **changes)  # type: ignore[arg-type]


def times(start: float, end: float, fps: float = 20.0) -> Iterator[float]:
    yield from np.arange(start, end, 1 / fps).tolist()


@pytest.fixture
def follower() -> Follower:
    """One that has seen the lifter stand in place for two seconds."""
    follower = Follower()
    assert {follower.doubt(at(time)) for time in times(0.0, 2.0)} == {Doubt.NONE}
    return follower


def test_a_deep_fast_squat_is_no_reason_to_look(follower: Follower) -> None:
    for time in times(2.0, 4.0):
        sunk = 50.0 * (1 - np.cos(2 * np.pi * (time - 2.0) / 0.8)) / 2
        assert follower.doubt(at(time, y=150.0 + sunk)) is Doubt.NONE


def test_a_jump_is_looked_into_and_the_lifter_found_again(follower: Follower) -> None:
    stranger = at(2.0, x=330.0, shirt=GREY)
    assert follower.doubt(stranger) is Doubt.LOOK
    still_there = at(2.0, x=203.0)
    assert follower.decide(stranger, [stranger, still_there]) is still_there


def test_somebody_in_the_lifters_place_but_much_nearer_is_looked_into(follower: Follower) -> None:
    nearer = at(2.0, metre=150.0, shirt=GREY)
    assert follower.doubt(nearer) is Doubt.LOOK
    assert follower.decide(nearer, [nearer]) is None


def test_while_the_lifter_is_hidden_nobody_else_is_the_lifter(follower: Follower) -> None:
    stranger = at(2.0, x=330.0, shirt=GREY)
    follower.doubt(stranger)
    assert follower.decide(stranger, [stranger]) is None
    assert follower.doubt(replace(stranger, time=2.05)) is Doubt.WAIT
    assert follower.doubt(replace(stranger, time=2.5)) is Doubt.LOOK
    assert follower.decide(replace(stranger, time=2.5), []) is None
    assert follower.doubt(at(2.6)) is Doubt.NONE, "there is the lifter again"


def test_who_takes_the_lifters_place_for_good_is_the_lifter(follower: Follower) -> None:
    seen = [follower.doubt(at(time, x=330.0, shirt=GREY)) for time in times(2.0, 5.0)]
    assert seen[0] is Doubt.LOOK
    assert seen[-1] is Doubt.NONE
    assert seen.index(Doubt.NONE) == pytest.approx(20 * FollowSettings().wait_s, abs=2)


def carried_off(follower: Follower, shirt: tuple[float, float, float]) -> Person:
    """Walk away at a metre a second until a second look is asked for."""
    for time in times(2.0, 4.0):
        walker = at(time, x=200.0 + 100.0 * (time - 2.0), shirt=shirt)
        if follower.doubt(walker) is Doubt.LOOK:
            return walker
    raise AssertionError("nobody looked")


def test_a_tracker_that_goes_off_with_a_passer_by_comes_back(follower: Follower) -> None:
    walker = carried_off(follower, GREY)
    assert walker.x - 200.0 < 75.0, "no farther than a step"
    lifter = at(walker.time, y=190.0)
    assert follower.decide(walker, [walker, lifter]) is lifter
    assert follower.doubt(replace(lifter, time=walker.time + 0.05)) is Doubt.NONE


def test_a_lifter_who_walks_away_from_a_spotter_stays_the_lifter(follower: Follower) -> None:
    walker = carried_off(follower, RED)
    spotter = at(walker.time, shirt=GREY)
    assert follower.decide(walker, [walker, spotter]) is walker


def test_a_lifter_who_walks_alone_is_followed_and_at_home_where_they_stop(follower: Follower) -> None:
    asked = 0
    for time in times(2.0, 8.0):
        walker = at(time, x=200.0 + 100.0 * min(time - 2.0, 2.0))
        if follower.doubt(walker) is Doubt.LOOK:
            asked += 1
            assert follower.decide(walker, [walker]) is walker
    assert follower.place is not None
    assert follower.place.x == pytest.approx(400.0, abs=1.0)
    assert asked <= 4.0 / FollowSettings().look_s
    assert follower.doubt(at(8.0, x=400.0)) is Doubt.NONE


def test_nobody_can_be_told_from_others_before_anybody_was_seen() -> None:
    with pytest.raises(ValueError, match="nobody"):
        Follower().decide(LIFTER, [])


def test_a_person_is_read_from_a_pose_and_the_picture_under_it() -> None:
    image = np.zeros((33, 4), np.float32)
    image[[11, 23], 0], image[[12, 24], 0] = 0.6, 0.4
    image[[11, 12], 1], image[[23, 24], 1] = 0.3, 0.6
    world = image.copy()
    world[:, :2] *= (2.0, 1.0)  # 200 by 100 pixels: 100 pixels a metre
    picture = np.full((100, 200, 3), (255, 0, 51), np.uint8)
    person = Person.of(Pose(1.5, image, world, (200, 100)), picture)
    assert person.time == 1.5
    assert (person.x, person.y) == pytest.approx((100.0, 45.0))
    assert person.metre == pytest.approx(100.0, rel=1e-3)
    assert np.allclose(person.shirt, (1.0, 0.0, 0.2))
