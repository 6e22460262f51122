"""Bootstrap intervals: how far a figure would move if other videos of the same kind had been tested.

Videos are drawn with replacement, those of one exercise among themselves, so that each round keeps the sizes
of the exercises. A round is a row of weights: how often each video was drawn. All figures of a round are sums
over weights, so a thousand rounds are a few matrix products.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
Interval: TypeAlias = tuple[float, float]
"""Low and high end of the middle 95 % of the rounds."""

ROUNDS = 1000
"""Resamples for an interval: its ends then move by about 1 % of its width from seed to seed."""


def draws(videos: int, seed: int, rounds: int = ROUNDS) -> Floats:
    """How often each video is drawn in each round, (rounds, videos)."""
    if not videos:
        return np.zeros((rounds, 0))
    share = np.full(videos, 1.0 / videos)
    return np.random.default_rng(seed).multinomial(videos, share, size=rounds).astype(float)


def interval(values: Floats) -> Interval:
    """The middle 95 % of the rounds in which the figure is defined; (0, 0) if it is in none."""
    known = values[np.isfinite(values)]
    if not len(known):
        return (0.0, 0.0)
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


def rates(weights: Floats, actual: Bools, said: Bools) -> dict[str, Floats]:
    """F1, precision, recall and Matthews correlation of each round, (rounds,) each; 0 where undefined."""
    hit, false = weights @ (actual & said), weights @ (~actual & said)
    missed, right = weights @ (actual & ~said), weights @ (~actual & ~said)
    spread = (hit + false) * (hit + missed) * (right + false) * (right + missed)
    return {
        "f1": _ratio(2 * hit, 2 * hit + false + missed),
        "precision": _ratio(hit, hit + false),
        "recall": _ratio(hit, hit + missed),
        "mcc": _ratio(hit * right - false * missed, np.sqrt(spread)),
    }


def areas(weights: Floats, actual: Bools, scores: Floats) -> Floats:
    """Area under the ROC curve of each round, (rounds,); NaN where one of the two kinds was not drawn."""
    positive, negative = scores[actual], scores[~actual]
    above = np.sign(positive[:, None] - negative[None, :]) / 2 + 0.5  # (positives, negatives)
    for_positive, for_negative = weights[:, actual], weights[:, ~actual]
    won = ((for_positive @ above) * for_negative).sum(axis=1)
    pairs = for_positive.sum(axis=1) * for_negative.sum(axis=1)
    return np.where(pairs > 0, won / np.maximum(pairs, 1), np.nan)


def average_precisions(
    weights: Floats, hits: Sequence[bool], predicted_in: Sequence[int], labelled_in: Sequence[int]
) -> Floats:
    """ActivityNet average precision of each round, (rounds,); NaN where no labelled video was drawn.

    Args:
        weights: (rounds, videos).
        hits: for each prediction by rank, whether it found a free interval.
        predicted_in: for each prediction by rank, the place of its video.
        labelled_in: for each labelled interval, the place of its video.
    """
    positives = weights[:, list(labelled_in)].sum(axis=1)
    drawn = weights[:, list(predicted_in)]  # (rounds, predictions)
    found = drawn * np.asarray(hits, dtype=float)
    precision = _ratio(np.cumsum(found, axis=1), np.cumsum(drawn, axis=1))
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    area = (found * envelope).sum(axis=1)
    return np.where(positives > 0, area / np.maximum(positives, 1), np.nan)


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
