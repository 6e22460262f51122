"""Who is the lifter before anybody has lifted: the grid of what stirs, without a pose model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from streamaqa.body import Joint
from streamaqa.pose.choosing import TAKES, Choice, Stir, Suspicion, ready
from streamaqa.pose.person import Person
from streamaqa.pose.settings import ChoosingSettings
from streamaqa.types import Pose

SIZE = (320, 240)
FPS = 15.0


METRE = 70.0
"""Pixels."""
TRUNK_M = 0.5


def pose(time: float, x: float, size: float = 1.0, *, hands: float = -0.9, lean: float = 0.0) -> Pose:
    """Somebody 1.7 m high, hands so many trunks over the shoulders, a lean in degrees."""
    over, up = TRUNK_M * math.sin(math.radians(lean)), TRUNK_M * math.cos(math.radians(lean))
    joints = {
        0: (over, up + 0.25),
        Joint.SHOULDER: (over, up),
        Joint.WRIST: (over, up + TRUNK_M * hands),
        Joint.HIP: (0.0, 0.0),
        Joint.KNEE: (0.0, -0.4),
        Joint.ANKLE: (0.0, -0.85),
    }
    world = np.zeros((33, 4), np.float32)
    for joint, (right, high) in joints.items():
        world[joint, :2] = right, -high
        if joint:
            world[joint, 0] -= 0.15
            world[joint + 1, :2] = right + 0.15, -high
    image = world.copy()
    image[:, :2] = (world[:, :2] * size * METRE + (x, 110.0)) / SIZE
    return Pose(time, image, world, SIZE)


Pictures: TypeAlias = Iterator[tuple[float, NDArray[np.uint8]]]


def pictures(seconds: float, moving: Callable[[float], list[float]]) -> Pictures:
    """Grey pictures in which bars rise and sink at those places: pixels to the right, at each time."""
    for time in np.arange(0.0, seconds, 1 / FPS).tolist():
        picture = np.full((SIZE[1], SIZE[0], 3), 100, np.uint8)
        for x in moving(time):
            y = int(120 + 50 * np.sin(2 * np.pi * time / 2.0))
            picture[y - 10 : y + 10, max(0, int(x) - 20) : int(x) + 20] = 200
        yield time, picture


def always(x: float) -> Callable[[float], list[float]]:
    return lambda _: [x]


def chosen(choice: Choice, stream: Pictures, size: float = 1.0) -> list[float]:
    """When somebody at 240 is taken instead of the one followed at 80; whoever stirs is seen by each look."""
    out = []
    for time, picture in stream:
        followed = pose(time, 80.0)
        person = Person.of(followed, picture)
        why = choice.push(picture, followed, person)
        if why is None:
            continue
        other = pose(time, 240.0 if why.x is None else why.x, size)
        seen = [(followed, person), (other, Person.of(other, picture))]
        if choice.decide(followed, person, seen, why) is not None:
            out.append(time)
    return out


def waited_for(followed: dict[str, float], other: dict[str, float], seconds: float = 5.0) -> list[float]:
    """When somebody at 240 is taken instead of the one followed at 80, while nothing moves at all."""
    choice, out = Choice(), []
    for time, picture in pictures(seconds, lambda _: []):
        mine, theirs = pose(time, 80.0, **followed), pose(time, 240.0, **other)
        person = Person.of(mine, picture)
        if (why := choice.push(picture, mine, person)) is not None:
            seen = [(theirs, Person.of(theirs, picture))]
            if choice.decide(mine, person, seen, why) is not None:
                out.append(time)
    return out


@pytest.mark.parametrize("about_to_lift", [{"hands": 0.1}, {"hands": 1.0}, {"lean": 60.0}])
def test_who_stands_with_hanging_arms_is_left_for_who_is_about_to_lift(
    about_to_lift: dict[str, float],
) -> None:
    times = waited_for({}, about_to_lift)
    assert times
    assert times[0] < 1.0, "before the first repetition"


@pytest.mark.parametrize("followed", [{"hands": 0.0}, {"lean": 50.0}])
def test_who_is_about_to_lift_is_not_left_for_somebody_else_who_is(followed: dict[str, float]) -> None:
    assert waited_for(followed, {"hands": 0.1}) == []


@pytest.mark.parametrize("standing", [{}, {"hands": -0.5}, {"lean": 20.0}, {"size": 0.5, "hands": 0.1}])
def test_who_stands_about_or_far_behind_is_not_taken(standing: dict[str, float]) -> None:
    assert waited_for({}, standing) == []


def test_who_raises_the_hands_for_a_moment_is_not_taken() -> None:
    choice = Choice()
    for time, picture in pictures(3.0, lambda _: []):
        mine = pose(time, 80.0)
        theirs = pose(time, 240.0, hands=0.1 if time < 0.5 else -0.9)
        person = Person.of(mine, picture)
        if (why := choice.push(picture, mine, person)) is not None:
            assert choice.decide(mine, person, [(theirs, Person.of(theirs, picture))], why) is None


def test_a_look_that_finds_somebody_about_to_lift_is_soon_followed_by_another() -> None:
    choice, looks = Choice(), []
    for time, picture in pictures(12.0, lambda _: []):
        mine = pose(time, 80.0)
        theirs = pose(time, 240.0, hands=0.1 if time > 3.0 else -0.9)
        person = Person.of(mine, picture)
        if (why := choice.push(picture, mine, person)) is not None:
            looks.append(time)
            if choice.decide(mine, person, [(theirs, Person.of(theirs, picture))], why) is not None:
                break
    assert looks[-1] - looks[-2] == pytest.approx(ChoosingSettings().glance_s, abs=0.1)


def test_two_who_are_about_to_lift_are_told_apart_by_who_moves() -> None:
    for moving, taken in ((80.0, False), (240.0, True)):
        choice, rivals = Choice(), []
        for time, picture in pictures(4.0, always(moving)):
            mine, theirs = (pose(time, x, hands=0.1) for x in (80.0, 240.0))
            person = Person.of(mine, picture)
            if (why := choice.push(picture, mine, person)) is not None:
                rivals.append(choice.decide(mine, person, [(theirs, Person.of(theirs, picture))], why))
        assert any(rivals) == taken


def test_the_longer_nobody_is_about_to_lift_the_rarer_are_the_looks() -> None:
    choice, looks = Choice(), []
    for time, picture in pictures(30.0, lambda _: []):
        mine = pose(time, 80.0)
        if choice.push(picture, mine, Person.of(mine, picture)) is not None:
            looks.append(time)
    assert np.diff(looks)[:3].tolist() == sorted(np.diff(looks)[:3])
    assert np.diff(looks)[-3:] == pytest.approx([ChoosingSettings().glance_most_s] * 3, abs=0.2)


def test_one_hand_up_or_no_trunk_is_nobody_about_to_lift() -> None:
    settings = ChoosingSettings()
    phone = pose(0.0, 80.0)
    phone.world[Joint.WRIST, 1] = phone.world[Joint.SHOULDER, 1]
    assert not ready(phone, settings)
    assert not ready(Pose.nobody(0.0, SIZE), settings)


def sprite(picture: NDArray[np.uint8], x: float, size: float = 1.0) -> NDArray[np.uint8]:
    """The picture with somebody in checks at that place."""
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]]
    within = (abs(columns - x) < 20 * size) & (abs(rows - 120) < 60 * size)
    checks = ((((columns - x) / size) // 5 + ((rows - 120) / size) // 5) % 2 * 100).astype(np.uint8)
    return np.where(within[..., None], checks[..., None], picture).astype(np.uint8)


@pytest.mark.parametrize("way", ["across", "towards the camera", "away from it"])
def test_who_walked_in_first_has_not_shown_that_they_lift(way: str) -> None:
    """Whoever starts the camera moves first, and then stands beside."""
    choice = Choice()
    for time, grey in pictures(9.0, lambda _: []):
        gone = min(time, 3.0)
        x = 40.0 + 40.0 * gone if way == "across" else 160.0
        size = {"across": 1.0, "towards the camera": 0.5 + 0.25 * gone, "away from it": 1.4 - 0.25 * gone}[
            way
        ]
        walking, picture = pose(time, x, size), sprite(grey, x, size)
        choice.push(picture, walking, Person.of(walking, picture))
    assert not choice.settled


def test_a_slip_of_the_model_unsettles_nobody() -> None:
    choice = Choice()
    for frame, (time, picture) in enumerate(pictures(5.0, lambda _: [80.0])):
        slipped = pose(time, 80.0 + (25.0 if frame % 15 == 0 else 0.0))
        choice.push(picture, slipped, Person.of(slipped, picture))
    assert choice.settled


def test_who_strolls_past_with_raised_hands_is_not_taken_nor_looked_after() -> None:
    choice, looks = Choice(), 0
    for time, picture in pictures(6.0, lambda _: []):
        mine, theirs = pose(time, 80.0), pose(time, 160.0 + 35.0 * time, hands=0.1)  # half a metre a second
        person = Person.of(mine, picture)
        if (why := choice.push(picture, mine, person)) is not None:
            looks += 1
            assert choice.decide(mine, person, [(theirs, Person.of(theirs, picture))], why) is None
    assert looks <= 8


def test_who_moves_is_not_left_for_how_another_stands() -> None:
    choice = Choice()
    for time, grey in pictures(6.0, lambda _: []):
        picture = sprite(grey, 80.0 + 8.0 * np.sin(6.0 * time))
        mine, theirs = pose(time, 80.0), pose(time, 240.0, hands=0.1)
        person = Person.of(mine, picture)
        if (why := choice.push(picture, mine, person)) is not None:
            assert choice.decide(mine, person, [(theirs, Person.of(theirs, picture))], why) is None
    assert choice.settled


def test_looks_confirm_one_another_only_if_one_soon_follows_the_other() -> None:
    mine, theirs = pose(0.0, 80.0), pose(0.0, 240.0, hands=0.1)
    picture = np.full((SIZE[1], SIZE[0], 3), 100, np.uint8)
    for apart, taken in ((0.05, False), (0.3, True), (0.6, True), (5.0, False)):
        choice = Choice()
        for time in (1.0, 1.0 + apart):
            seen = [(each := replace(theirs, time=time), Person.of(each, picture))]
            now = replace(mine, time=time)
            rival = choice.decide(now, Person.of(now, picture), seen, Suspicion(None))
        assert (rival is not None) == taken, apart


def test_two_who_are_about_to_lift_beside_are_not_mistaken_for_one_who_moves() -> None:
    """Which of them is nearer changes from look to look."""
    choice, picture = Choice(), np.full((SIZE[1], SIZE[0], 3), 100, np.uint8)
    mine = pose(0.0, 160.0)
    for time, larger in ((1.0, 20.0), (1.3, 300.0)):
        seen = [pose(time, x, 1.05 if x == larger else 1.0, hands=0.1) for x in (20.0, 300.0)]
        people = [(each, Person.of(each, picture)) for each in seen]
        now = replace(mine, time=time)
        rival = choice.decide(now, Person.of(now, picture), people, Suspicion(None))
    assert rival is people[1][1]


def test_two_who_change_places_are_not_followed_in_turn_for_ever() -> None:
    picture = np.full((SIZE[1], SIZE[0], 3), 100, np.uint8)
    choice, followed, taken = Choice(), 80.0, 0
    for time in np.arange(0.0, 30.0, 1 / FPS).tolist():
        mine, theirs = pose(time, followed), pose(time, 320.0 - followed, hands=0.1)
        person = Person.of(mine, picture)
        if (why := choice.push(picture, mine, person)) is None:
            continue
        if choice.decide(mine, person, [(theirs, Person.of(theirs, picture))], why) is not None:
            choice, followed, taken = Choice(takes=choice.takes), 320.0 - followed, taken + 1
    assert taken == TAKES


def test_who_stands_still_is_left_for_who_moves_in_place() -> None:
    times = chosen(Choice(), pictures(6.0, lambda _: [240.0]))
    assert times
    assert times[0] < 3.0


def test_who_has_lifted_stays_the_lifter_whatever_others_do() -> None:
    choice = Choice()
    assert chosen(choice, pictures(12.0, lambda time: [80.0] if time < 4.0 else [240.0])) == []
    assert choice.settled


def test_who_walks_past_is_not_taken_for_the_lifter() -> None:
    assert chosen(Choice(), pictures(8.0, lambda time: [(40.0 * time) % 320.0])) == []


def test_who_trains_in_the_background_is_not_taken_for_the_lifter() -> None:
    assert chosen(Choice(), pictures(8.0, lambda _: [240.0]), size=0.5) == []


def test_in_a_room_where_nothing_moves_nobody_is_looked_for() -> None:
    choice = Choice()
    for time, picture in pictures(5.0, lambda _: []):
        ready_to_lift = pose(time, 80.0, hands=0.0)
        assert choice.push(picture, ready_to_lift, Person.of(ready_to_lift, picture)) is None
    assert not choice.settled


def test_a_gap_in_the_stream_settles_nothing() -> None:
    choice = Choice()
    stream = list(pictures(1.0, lambda _: [80.0]))
    after = [(60.0 + number / FPS, stream[-1][1]) for number in range(30)]
    for time, picture in [*stream[:8], *after]:
        followed = pose(time, 80.0)
        choice.push(picture, followed, Person.of(followed, picture))
    assert not choice.settled


@pytest.mark.parametrize("x", [-500.0, 0.0, 319.0, 900.0])
def test_a_person_partly_or_wholly_beside_the_picture_is_no_error(x: float) -> None:
    stir = Stir(2.0)
    for time, picture in pictures(0.5, lambda _: [240.0]):
        stir.push(picture, time)
    assert 0.0 <= stir.of(pose(0.5, x)) <= 1.0
    assert stir.elsewhere(pose(0.5, x))[0] >= 0.0


def test_a_picture_of_another_size_starts_anew() -> None:
    stir = Stir(2.0)
    stir.push(np.zeros((240, 320, 3), np.uint8), 0.0)
    stir.push(np.full((480, 640, 3), 255, np.uint8), 0.1)
    assert not stir.grid.any()
