"""Who is the lifter before anybody has lifted: the grid of what stirs, without a pose model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from streamaqa.pose.choosing import Choice, Stir
from streamaqa.pose.person import Person
from streamaqa.types import Pose

SIZE = (320, 240)
FPS = 15.0


def pose(time: float, x: float, size: float = 1.0) -> Pose:
    """Somebody 120 pixels high and 40 wide, at a metre of 70 pixels."""
    image = np.zeros((33, 4), np.float32)
    image[:, 0] = (x + size * np.linspace(-20.0, 20.0, 33)) / SIZE[0]
    image[:, 1] = (120.0 + size * np.tile([-60.0, 0.0, 60.0], 11)) / SIZE[1]
    world = image.copy()
    world[:, :2] = image[:, :2] * SIZE / (70.0 * size)
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


def chosen(choice: Choice, stream: Pictures, size: float = 1.0) -> list[float]:
    """When somebody at 240 is taken instead of the one followed at 80; whoever stirs is seen by each look."""
    out = []
    for time, picture in stream:
        followed = pose(time, 80.0)
        x = choice.push(picture, followed)
        if x is None:
            continue
        other = pose(time, x, size)
        seen = [(each, Person.of(each, picture)) for each in (followed, other)]
        if choice.decide(followed, seen[0][1], seen) is not None:
            out.append(time)
    return out


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
    assert all(
        choice.push(picture, pose(time, 80.0)) is None for time, picture in pictures(5.0, lambda _: [])
    )
    assert not choice.settled


def test_a_gap_in_the_stream_settles_nothing() -> None:
    choice = Choice()
    stream = list(pictures(1.0, lambda _: [80.0]))
    for time, picture in stream[:8]:
        choice.push(picture, pose(time, 80.0))
    choice.push(stream[-1][1], pose(60.0, 80.0))
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
