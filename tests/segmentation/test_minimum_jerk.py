"""The curve through a whole repetition."""

from __future__ import annotations

from dataclasses import astuple, replace

import numpy as np
import pytest

from streamaqa.segmentation.minimum_jerk import Curve, fit, minimum_jerk, time_of

TRUE = Curve(level=0.2, out=1.0, back=0.95, begins=1.0, first=1.4, leaves=2.7, second=1.1)
T = np.arange(0.0, 4.5, 1 / 30)


def drawn(curve: Curve) -> np.ndarray:
    rise = minimum_jerk((T - curve.begins) / curve.first)
    return np.asarray(
        curve.level + curve.out * rise - curve.back * minimum_jerk((T - curve.leaves) / curve.second)
    )


def test_five_per_cent_of_the_way_are_done_after_a_fifth_of_the_time() -> None:
    assert time_of(0.05) == pytest.approx(0.189, abs=0.001)
    assert time_of(0.95) == pytest.approx(0.811, abs=0.001)


def test_the_curve_is_found_from_a_guess_that_is_near() -> None:
    guess = replace(TRUE, level=0.23, begins=1.1, first=1.2, leaves=2.6, second=1.25)
    found, rms = fit(T, drawn(TRUE), guess)
    assert astuple(found) == pytest.approx(astuple(TRUE), abs=0.03)
    assert found.turn == pytest.approx(TRUE.turn, abs=0.005)
    assert rms < 0.005


def test_landmarks_that_leap_for_a_moment_hardly_move_it() -> None:
    x = drawn(TRUE)
    x[36:42] += 0.6
    found, rms = fit(T, x, replace(TRUE, level=0.23, begins=1.1, first=1.2, leaves=2.6, second=1.25))
    assert found.begins == pytest.approx(TRUE.begins, abs=0.02)
    assert found.turn == pytest.approx(TRUE.turn, abs=0.01)
    assert rms > 0.05, "it says that something was off"


def test_the_way_back_is_as_long_as_the_way_out_until_it_is_seen() -> None:
    begun = T - TRUE.leaves < 0.6 * TRUE.second
    alike = replace(TRUE, back=1.0)
    found, _ = fit(T[begun], drawn(alike)[begun], replace(alike, back=0.85, second=0.9))
    assert found.back == pytest.approx(1.0, abs=0.05)
    assert found.leaves + found.second == pytest.approx(TRUE.leaves + TRUE.second, abs=0.1)


def test_what_was_not_seen_stays_near_the_guess() -> None:
    few = (T > 1.8) & (T < 3.2)
    found, _ = fit(T[few], drawn(TRUE)[few], replace(TRUE, begins=1.2, first=1.5))
    assert all(np.isfinite(astuple(found)))
    assert found.first == pytest.approx(TRUE.first, abs=0.6)


def test_phases_do_not_overlap_even_where_that_would_fit() -> None:
    rounded = replace(TRUE, leaves=2.2)
    found, _ = fit(T, drawn(rounded), replace(rounded, leaves=2.4))
    assert found.begins + found.first <= found.leaves + 1e-9
