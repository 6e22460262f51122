"""A camera that freezes, goes black or changes its size, told from its pictures alone."""

from __future__ import annotations

import timeit

import numpy as np
import pytest
from numpy.typing import NDArray

from streamaqa.sources.base import CAMERA_BLACK, CAMERA_FROZEN, CAMERA_RESIZED
from streamaqa.sources.picture_watch import PictureWatch
from streamaqa.sources.settings import PictureSettings

RNG = np.random.default_rng(4)
ROOM = RNG.integers(40, 200, (240, 320, 3)).astype(np.uint8)


def alive(noise: int = 6) -> NDArray[np.uint8]:
    """The room, with what a sensor adds."""
    shake = RNG.integers(-noise, noise + 1, ROOM.shape)
    return np.clip(ROOM.astype(int) + shake, 0, 255).astype(np.uint8)


class Camera:
    """Shows a watch pictures at 10 a second."""

    def __init__(self) -> None:
        self.watch = PictureWatch(PictureSettings())
        self.time = 0.0

    def show(self, seconds: float, image: NDArray[np.uint8] | None = None) -> frozenset[str]:
        for _ in range(round(seconds * 10)):
            self.time += 0.1
            self.watch.push(self.time, alive() if image is None else image)
        return self.watch.notices


def test_a_camera_that_lives_is_no_news() -> None:
    assert Camera().show(20) == frozenset()


def test_a_frozen_camera_is_told_after_five_seconds_counted_once_and_cleared_by_the_first_change() -> None:
    camera = Camera()
    camera.show(2)
    still = alive()
    assert camera.show(4.5, still) == frozenset()
    assert camera.show(1.0, still) == {CAMERA_FROZEN}
    camera.show(30, still)
    assert camera.watch.counts[CAMERA_FROZEN] == 1
    assert camera.show(0.3) == frozenset()


def test_what_an_encoder_alters_in_a_still_picture_does_not_hide_that_it_froze() -> None:
    camera = Camera()
    for number in range(80):
        altered = ROOM + RNG.integers(0, 3, ROOM.shape).astype(np.uint8)
        camera.watch.push(number / 10, altered)
    assert camera.watch.notices == {CAMERA_FROZEN}


def test_a_lifter_who_holds_still_does_not_look_frozen() -> None:
    camera = Camera()
    for number in range(150):
        image = ROOM.copy()
        image[60:200, 150:170] = 30 + number % 2 * 8  # a chest that rises, a bar that trembles
        camera.watch.push(number / 10, image)
    assert camera.watch.notices == frozenset()


def test_a_black_picture_is_told_as_black_alone_and_cleared_when_there_is_light() -> None:
    camera = Camera()
    camera.show(2)
    dark = RNG.integers(0, 9, ROOM.shape).astype(np.uint8)
    assert camera.show(1.5, dark) == frozenset()
    assert camera.show(10, dark) == {CAMERA_BLACK}
    assert +camera.watch.counts == {CAMERA_BLACK: 1}
    assert camera.show(0.3) == frozenset()


def test_a_new_size_is_told_for_some_seconds_and_counted() -> None:
    camera = Camera()
    camera.show(2)
    small = [alive()[::2, ::2] for _ in range(100)]
    for number, image in enumerate(small):
        camera.watch.push(camera.time + number / 10, image)
        if number in (10, 45, 55):  # it looks four times a second
            assert (CAMERA_RESIZED in camera.watch.notices) == (number < 50)
    assert +camera.watch.counts == {CAMERA_RESIZED: 1}


def test_a_reconnect_forgets_stillness() -> None:
    camera = Camera()
    assert camera.show(7, ROOM) == {CAMERA_FROZEN}
    camera.watch.reconnected()
    assert camera.show(4, ROOM) == frozenset()


@pytest.mark.parametrize("size", [(1, 1), (48, 64), (1080, 1920)])
def test_every_size_of_picture_will_do(size: tuple[int, int]) -> None:
    camera = Camera()
    assert camera.show(8, np.full((*size, 3), 128, np.uint8)) == {CAMERA_FROZEN}


def test_watching_costs_next_to_nothing() -> None:
    """A hundredth of a pose model's time, on the slowest machine that runs these tests."""
    watch = PictureWatch(PictureSettings())
    images = [RNG.integers(0, 255, (1080, 1920, 3)).astype(np.uint8) for _ in range(2)]
    count = iter(range(10_000))

    def look() -> None:
        number = next(count)
        watch.push(number / 30, images[number % 2])

    assert min(timeit.repeat(look, number=60, repeat=5)) / 60 < 0.5e-3
