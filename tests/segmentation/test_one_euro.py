from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamaqa.segmentation.filter import OneEuro, smooth


def test_it_smooths_at_rest_and_follows_in_motion() -> None:
    rng = np.random.default_rng(0)
    times = np.arange(0, 4, 1 / 30)
    true = np.where(times < 2, 0.0, (times - 2) * 2.0)
    one_euro = OneEuro(1.5, 2.0, 3.0)
    noisy = true + rng.normal(0, 0.02, len(times))
    out = np.array([one_euro.push(t, x) for t, x in zip(times, noisy, strict=True)])
    resting = (times > 0.5) & (times < 2)
    assert out[resting].std() < 0.6 * 0.02
    moving = times > 3
    lag = np.abs(out - true)[moving].mean() / 2.0
    assert lag < 0.05, "seconds"


@pytest.mark.parametrize("fps", [10, 25, 60])
def test_its_answer_does_not_depend_on_the_frame_rate(fps: int) -> None:
    one_euro = OneEuro(1.5, 0.0, 3.0)
    for time in np.arange(0, 1 + 1e-9, 1 / fps):
        one_euro.push(float(time), 0.0 if time == 0 else 1.0)
    assert one_euro.value == pytest.approx(1 - np.exp(-2 * np.pi * 1.5), abs=1e-6)


@given(st.floats(-2, 2), st.floats(-5, 5), st.integers(0, 100))
def test_the_smoother_keeps_a_line_whatever_the_spacing(slope: float, offset: float, seed: int) -> None:
    times = np.sort(np.random.default_rng(seed).uniform(0, 3, 40))
    line = offset + slope * times
    assert smooth(times, line, 0.06) == pytest.approx(line, abs=1e-6)


def test_the_smoother_has_no_lag() -> None:
    times = np.arange(0, 2, 1 / 30)
    bump = np.exp(-0.5 * ((times - 1.0) / 0.2) ** 2)
    assert times[np.argmax(smooth(times, bump, 0.06))] == pytest.approx(1.0, abs=1e-9)
