"""Who is followed: the logic alone, without pictures or a model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from streamaqa.pose.follow import Doubt, Follower
from streamaqa.pose.person import Person
from streamaqa.pose.settings import FollowSettings
from streamaqa.types import Pose

RED, GREY = (0.7, 0.1, 0.1) + (0.2, 0.2, 0.4) * 2, (0.2, 0.2, 0.2) + (0.6, 0.5, 0.4) * 2
"""Colours of trunk, thighs and shanks."""
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
    stranger = at(2.0, x=330.0, looks=GREY)
    assert follower.doubt(stranger) is Doubt.LOOK
    still_there = at(2.0, x=203.0)
    assert follower.decide(stranger, [stranger, still_there]) is still_there


def test_somebody_in_the_lifters_place_but_much_nearer_is_looked_into(follower: Follower) -> None:
    nearer = at(2.0, metre=150.0, looks=GREY)
    assert follower.doubt(nearer) is Doubt.LOOK
    assert follower.decide(nearer, [nearer]) is None


def test_while_the_lifter_is_hidden_nobody_else_is_the_lifter(follower: Follower) -> None:
    stranger = at(2.0, x=330.0, looks=GREY)
    follower.doubt(stranger)
    assert follower.decide(stranger, [stranger]) is None
    assert follower.doubt(replace(stranger, time=2.05)) is Doubt.WAIT
    assert follower.doubt(replace(stranger, time=2.5)) is Doubt.LOOK
    assert follower.decide(replace(stranger, time=2.5), []) is None
    assert follower.doubt(at(2.6)) is Doubt.NONE, "there is the lifter again"


def test_who_takes_the_lifters_place_for_good_is_the_lifter(follower: Follower) -> None:
    seen = [follower.doubt(at(time, x=330.0, looks=GREY)) for time in times(2.0, 5.0)]
    assert seen[0] is Doubt.LOOK
    assert seen[-1] is Doubt.NONE
    assert seen.index(Doubt.NONE) == pytest.approx(20 * FollowSettings().wait_s, abs=2)


def carried_off(follower: Follower, looks: tuple[float, ...]) -> Person:
    """Walk away at a metre a second until a second look is asked for."""
    for time in times(2.0, 4.0):
        walker = at(time, x=200.0 + 100.0 * (time - 2.0), looks=looks)
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
    spotter = at(walker.time, looks=GREY)
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
    image[[11, 23, 25, 27], 0], image[[12, 24, 26, 28], 0] = 0.6, 0.4
    for row, pair in ((0.1, [0, 0]), (0.3, [11, 12]), (0.5, [23, 24]), (0.7, [25, 26]), (0.9, [27, 28])):
        image[pair, 1] = row
    image[0, 0] = 0.5
    world = image.copy()
    world[:, :2] *= (2.0, 1.0)  # 200 by 100 pixels: 100 pixels a metre
    picture = np.zeros((100, 200, 3), np.uint8)
    picture[25:50], picture[50:70], picture[70:] = (255, 0, 51), (0, 255, 0), (0, 0, 255)
    person = Person.of(Pose(1.5, image, world, (200, 100)), picture)
    assert person.time == 1.5
    assert (person.x, person.y) == pytest.approx((100.0, 40.0))
    assert person.metre == pytest.approx(100.0, rel=1e-3)
    assert person.looks == pytest.approx((1.0, 0.0, 0.2, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))


def seen_beside(follower: Follower, time: float) -> None:
    """The tracker jumps to somebody beside, and a look finds the lifter where they were."""
    beside = at(time, x=290.0, looks=GREY)
    assert follower.doubt(beside) is Doubt.LOOK
    assert follower.decide(beside, [beside, at(time)]) is not None
    assert follower.doubt(at(time + 0.05)) is Doubt.NONE


def test_colours_alone_do_not_take_a_lone_lifter_away(follower: Follower) -> None:
    arm_before_the_shirt = at(2.0, looks=(0.7, 0.6, 0.5, *RED[3:]))
    assert follower.doubt(arm_before_the_shirt) is Doubt.LOOK
    again = replace(arm_before_the_shirt, x=202.0)
    assert follower.decide(arm_before_the_shirt, [again]) is arm_before_the_shirt
    assert {follower.doubt(replace(arm_before_the_shirt, time=time)) for time in times(2.05, 4.0)} == {
        Doubt.NONE
    }


def test_what_is_half_somebody_elses_is_nobody_while_they_are_about(follower: Follower) -> None:
    seen_beside(follower, 2.0)
    assert follower.wary(2.1)
    half = at(2.1, looks=(*RED[:3], *GREY[3:]))
    assert follower.doubt(half) is Doubt.WAIT
    assert follower.doubt(at(2.15)) is Doubt.NONE


def test_what_others_look_like_is_not_learned(follower: Follower) -> None:
    seen_beside(follower, 2.0)
    for time in times(2.1, 3.5):
        follower.doubt(at(time, looks=(0.6, 0.15, 0.15, *RED[3:]), metre=105.0))
    assert follower.place is not None
    assert follower.place.looks == pytest.approx(RED)
    assert follower.place.metre == pytest.approx(100.0)


def test_who_was_brought_back_counts_when_the_tracker_sees_the_same(follower: Follower) -> None:
    stranger = at(2.0, x=330.0, looks=GREY)
    follower.doubt(stranger)
    assert follower.decide(stranger, [at(2.0, x=210.0)]) is not None
    assert follower.hidden
    assert follower.doubt(replace(stranger, time=2.05, x=320.0)) is Doubt.WAIT
    assert follower.doubt(at(2.1, x=205.0)) is Doubt.NONE
    assert not follower.hidden


def test_what_is_much_smaller_is_nobody_who_counts(follower: Follower) -> None:
    odd = at(2.0, looks=GREY)
    assert follower.doubt(odd) is Doubt.LOOK
    ghost = at(2.0, x=260.0, metre=50.0, looks=GREY)
    assert follower.decide(odd, [odd, ghost]) is odd
    assert not follower.wary(2.0)


def test_a_lifter_the_tracker_lost_is_looked_for_while_others_are_about(follower: Follower) -> None:
    assert not follower.missing(2.0), "nobody else was there"
    seen_beside(follower, 2.0)
    assert follower.missing(2.5)
    stranger, lifter = at(2.5, x=290.0, looks=GREY), at(2.5, y=180.0)
    assert follower.find([stranger], 2.5) is None
    assert not follower.missing(2.55), "not at every frame"
    assert follower.find([stranger, lifter], 2.8) is lifter
    assert not follower.missing(9.0)


def test_looks_are_fewer_while_nobody_else_is_found(follower: Follower) -> None:
    asked = []
    for time in times(2.0, 12.0):
        walker = at(time, x=200.0 + 100.0 * (time - 2.0))  # never at home anywhere
        if follower.doubt(walker) is Doubt.LOOK:
            asked.append(time)
            assert follower.decide(walker, [walker]) is walker
    gaps = np.diff(asked)
    assert gaps[0] < 0.5
    assert gaps[-1] >= FollowSettings().look_most_s
    assert len(asked) < 10


def test_who_is_taken_for_the_lifter_is_found_in_that_place(follower: Follower) -> None:
    follower.take(at(2.0, x=300.0, looks=GREY, metre=70.0))
    assert follower.doubt(at(2.3)) is Doubt.WAIT, "the one followed before"
    assert follower.doubt(at(2.35, x=302.0, looks=GREY)) is Doubt.NONE
    assert follower.place is not None
    assert follower.place.metre == 100.0, "as the tracker has it, not the look"
