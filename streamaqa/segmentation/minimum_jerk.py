"""The minimum-jerk curve of a movement out, held, and back, fitted to a whole repetition.

Movements from point to point have done 10 s^3 - 15 s^4 + 6 s^5 of their way at share s of their time (Flash
and Hogan, Journal of Neuroscience 1985). Where a phase of three seconds leaves its rest, 1.6 % of the range
are two frames. The curve asks the rest of the movement as well, and what it leaves tells how far to trust it.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Final

import numpy as np

from streamaqa.segmentation.filter import Array

_STEPS: Final = 6
"""Gauss-Newton steps: from a guess that is near, five do."""
_ENOUGH: Final = 1e-3
"""Share of the cost by which a step has to make it less for another one to be taken."""
_HUBER: Final = 1.5
"""Standard deviations from which a sample counts by its distance and no more by its square."""
_LEAST_NOISE: Final = 0.004
"""Share of the range: with less, landmarks without noise would leave all to a few samples."""
_SAME_TIME: Final = 0.2
"""Standard deviation, as a share of a phase, of what the guess says of it: holds what was not seen."""
_SAME_WAY: Final = 0.02
"""Standard deviation of the way back less the way out, as a share: the end is often still to come."""
_SHORT: Final = 0.2
"""Share of the way out by which the way back may differ in the guess and still be taken for the same."""
_LEAST_S: Final = 0.15
"""Seconds of the shortest phase."""


def minimum_jerk(share: Array) -> Array:
    """The way done, 0 to 1, at shares of the movement's time; still before 0 and after 1."""
    s = np.minimum(np.maximum(share, 0.0), 1.0)
    return np.asarray(s**3 * (10.0 - 15.0 * s + 6.0 * s**2))


_SHARES: Final = np.linspace(0.0, 1.0, 1001)
_WAY: Final = minimum_jerk(_SHARES)


def time_of(way: float) -> float:
    """The share of the movement's time at which that share of the way is done: 0.189 for 5 %."""
    return float(np.interp(way, _WAY, _SHARES))


@dataclass(frozen=True, slots=True)
class Curve:
    """From `level` up by `out`, held, and down by `back`. Times in seconds, standstill to standstill."""

    level: float
    out: float
    back: float
    begins: float
    """When the first phase does; it lasts for `first`."""
    first: float
    leaves: float
    """When the turn is left; the second phase lasts for `second`."""
    second: float

    @property
    def turn(self) -> float:
        """The middle of the standstill between the phases."""
        return (self.begins + self.first + self.leaves) / 2


def fit(t: Array, x: Array, guess: Curve) -> tuple[Curve, float]:
    """The curve through (T,) times and signal, near `guess`, and the RMS it leaves as a share of its range.

    Huber's loss by damped Gauss-Newton steps. `guess.out` has to be above 0.
    """
    p = np.array(astuple(guess))
    pull, wanted = _held(guess)

    def cost(left: Array, p: Array, noise: float) -> float:
        off, strayed = np.abs(left) / noise, wanted - pull @ p
        return float(np.where(off < _HUBER, off**2, _HUBER * (2 * off - _HUBER)).sum() + strayed @ strayed)

    damping, left = 1e-3, x - _at(t, p)
    for _ in range(_STEPS):
        noise = max(1.4826 * float(np.median(np.abs(left))), _LEAST_NOISE * guess.out)
        weight = np.minimum(1.0, _HUBER * noise / np.maximum(np.abs(left), 1e-12)) / noise**2
        slopes = _slopes(t, p)
        normal = (slopes.T * weight) @ slopes + pull.T @ pull
        towards = slopes.T @ (weight * left) + pull.T @ (wanted - pull @ p)
        tried = _possible(p + np.linalg.solve(normal + damping * np.diag(normal.diagonal() + 1e-9), towards))
        off = x - _at(t, tried)
        before, after = cost(left, p, noise), cost(off, tried, noise)
        if after >= before:
            damping *= 10
            continue
        p, left, damping = tried, off, damping / 4
        if before - after < _ENOUGH * before:
            break
    return Curve(*p.tolist()), float(np.sqrt(np.mean(left**2)) / max(p[1], 1e-9))


def _held(guess: Curve) -> tuple[Array, Array]:
    """What is known beforehand: rows (5, 7) whose product with the parameters should be the numbers (5,)."""
    pull = np.zeros((5, 7))
    pull[0, 1], pull[0, 2] = np.array([1.0, -1.0]) / (_SAME_WAY * guess.out)
    for i, phase in ((3, guess.first), (4, guess.first), (5, guess.second), (6, guess.second)):
        pull[i - 2, i] = 1.0 / (_SAME_TIME * phase)
    wanted = pull @ np.array(astuple(guess))
    if abs(guess.out - guess.back) < _SHORT * guess.out:
        wanted[0] = 0.0
    return pull, wanted


def _at(t: Array, p: Array) -> Array:
    level, out, back, begins, first, leaves, second = p
    rise, fall = minimum_jerk((t - begins) / first), minimum_jerk((t - leaves) / second)
    return np.asarray(level + out * rise - back * fall)


def _slopes(t: Array, p: Array) -> Array:
    """How the curve changes with each parameter, (T, 7)."""
    _, out, back, begins, first, leaves, second = p
    u, v = np.clip((t - begins) / first, 0.0, 1.0), np.clip((t - leaves) / second, 0.0, 1.0)
    rise, fall = 30 * (u * (1 - u)) ** 2 * out / first, 30 * (v * (1 - v)) ** 2 * back / second
    return np.stack(
        (np.ones_like(t), minimum_jerk(u), -minimum_jerk(v), -rise, -rise * u, fall, fall * v), axis=1
    )


def _possible(p: Array) -> Array:
    """The nearest parameters whose phases last and do not overlap."""
    p[4], p[6] = max(p[4], _LEAST_S), max(p[6], _LEAST_S)
    if (overlap := p[3] + p[4] - p[5]) > 0:
        p[4] = max(p[4] - overlap / 2, _LEAST_S)
        p[5] = p[3] + p[4]
    return p
