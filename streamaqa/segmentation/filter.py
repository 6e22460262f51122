"""The One-Euro filter (Casiez, Roussel and Vogel, CHI 2012) on timestamps, and a smoother of the past."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def ema_weight(elapsed: float, seconds: float) -> float:
    """The weight of something new, `elapsed` seconds after the last, in an exponential mean of `seconds`."""
    return -math.expm1(-elapsed / seconds)


class OneEuro:
    """Smooths hard while the signal rests and hardly at all while it moves; knows no frame rate."""

    def __init__(self, cutoff_hz: float, beta: float, speed_cutoff_hz: float) -> None:
        self._cutoff = cutoff_hz
        self._beta = beta
        self._speed_cutoff = speed_cutoff_hz
        self._time: float | None = None
        self._raw = 0.0
        self.value = 0.0
        """The filtered signal."""
        self.speed = 0.0
        """Its filtered derivative, units a second."""

    def push(self, time: float, raw: float) -> float:
        """Take a sample (times rise strictly) and return the filtered value."""
        if self._time is None:
            self.value = raw
        else:
            step = time - self._time
            speed = (raw - self._raw) / step
            self.speed += _share(step, self._speed_cutoff) * (speed - self.speed)
            self.value += _share(step, self._cutoff + self._beta * abs(self.speed)) * (raw - self.value)
        self._time, self._raw = time, raw
        return self.value


def _share(step: float, cutoff_hz: float) -> float:
    """The weight of a new sample in a first-order low pass, exact for any step."""
    return -math.expm1(-2 * math.pi * cutoff_hz * step)


def smooth(times: Sequence[float] | Array, values: Sequence[float] | Array, spread_s: float) -> Array:
    """Gaussian-weighted local lines, (T,) -> (T,): no lag, no pull at the ends, any spacing of `times`."""
    t = np.asarray(times, np.float64)
    x = np.asarray(values, np.float64)
    d = t[None, :] - t[:, None]  # (T, T)
    w = np.exp(-0.5 * (d / spread_s) ** 2)
    s0, s1, s2 = w.sum(1), (w * d).sum(1), (w * d * d).sum(1)
    m0, m1 = w @ x, (w * d) @ x
    denominator = s0 * s2 - s1 * s1
    flat = denominator < 1e-12 * s0 * s0
    return np.asarray(np.where(flat, m0 / s0, (s2 * m0 - s1 * m1) / np.where(flat, 1.0, denominator)))
