"""Which arm works alone, from heights of hands made by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from streamaqa.segmentation.lone_arm import LoneArm
from streamaqa.segmentation.settings import SignalSettings

Height = Callable[[float], float]


def watched(
    left: Height,
    right: Height,
    *,
    lean: float = 60.0,
    seen: tuple[float, float] = (0.9, 0.9),
    fps: float = 30.0,
) -> float:
    """What three seconds of it lead to."""
    arm = LoneArm(SignalSettings())
    for n in range(round(3 * fps)):
        arm.watch(1 / fps, (left(n / fps), right(n / fps)), seen, lean)
    return arm.turned


def rowing(time: float) -> float:
    return -0.9 + 0.4 * math.sin(math.pi * time)


def hanging(time: float) -> float:
    return -1.2 + 0.004 * math.sin(40 * time)


def resting_high(time: float) -> float:
    return -0.1 + 0.004 * math.sin(40 * time)


def pressing(time: float) -> float:
    return 0.4 + 0.4 * math.sin(math.pi * time)


@pytest.mark.parametrize("fps", [10.0, 30.0, 60.0])
def test_the_arm_that_moves_works_alone_while_the_other_rests(fps: float) -> None:
    assert watched(rowing, hanging, fps=fps) > 0.95
    assert watched(hanging, rowing, fps=fps) < -0.95
    assert watched(rowing, rowing, fps=fps) == 0.0
    assert watched(rowing, lambda t: -0.9 + 0.25 * math.sin(math.pi * t), fps=fps) == 0.0


def test_upright_only_hands_that_are_up_press() -> None:
    assert watched(pressing, resting_high, lean=3.0) > 0.95
    assert watched(pressing, hanging, lean=3.0) > 0.95
    assert watched(lambda t: rowing(t) - 0.2, hanging, lean=3.0) == 0.0


def test_an_arm_that_is_hidden_neither_works_nor_rests() -> None:
    assert watched(rowing, hanging, seen=(0.9, 0.2)) == 0.0
    assert watched(rowing, hanging, seen=(0.2, 0.9)) == 0.0


@pytest.mark.parametrize(("shakes", "hangs"), [(0.004, 0.004), (0.002, 0.006), (0.006, 0.002)])
@pytest.mark.parametrize("lean", [3.0, 60.0])
def test_it_stays_so_while_the_lifter_rests_whichever_hand_shakes_more(
    shakes: float, hangs: float, lean: float
) -> None:
    rng = np.random.default_rng(1)
    arm = LoneArm(SignalSettings())
    for n in range(420):
        works = pressing(n / 30) if n < 120 else -0.1
        hands = works + rng.normal(0.0, shakes), -1.2 + rng.normal(0.0, hangs)
        arm.watch(1 / 30, hands, (0.9, 0.9), lean)
    assert arm.turned > 0.95


def test_it_is_over_where_the_other_joins_in() -> None:
    arm = LoneArm(SignalSettings())
    times = [n / 30 for n in range(90)]
    for time in times:
        arm.watch(1 / 30, (rowing(time), hanging(time)), (0.9, 0.9), 60.0)
    assert arm.turned > 0.95
    for time in times:
        arm.watch(1 / 30, (rowing(time), rowing(time)), (0.9, 0.9), 60.0)
    assert abs(arm.turned) < 0.05


def test_an_arm_that_goes_out_of_sight_is_not_alone_any_more() -> None:
    """Somebody turns: now the other one is seen, and what is guessed of this one is not to be followed."""
    arm = LoneArm(SignalSettings())
    for n in range(60):
        arm.watch(1 / 30, (pressing(n / 30), -0.1), (0.9, 0.9), 3.0)
    assert arm.turned > 0.95
    for _ in range(60):
        arm.watch(1 / 30, (pressing(2.0), -0.1), (0.1, 0.9), 3.0)
    for n in range(90):
        arm.watch(1 / 30, (pressing(n / 30), pressing(n / 30) - 0.5), (0.1, 0.9), 3.0)
    assert abs(arm.turned) < 0.05
