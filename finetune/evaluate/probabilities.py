"""What an error's probabilities are worth: precision over recall, and whether they are frequencies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finetune.resampling import Bools, Floats

BINS = 10
"""Of the reliability diagram: tenths, as usual."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """How often the error is there where a probability says so."""

    brier: float
    """Mean squared difference of probability and truth."""
    ece: float
    """Expected calibration error: mean distance of share and probability over the bins, by their size."""
    bins: tuple[tuple[float, float, int], ...]
    """Mean probability, share with the error, and clips, of each bin that holds any."""


def curve(actual: Bools, given: Floats) -> tuple[tuple[float, float], ...]:
    """Recall and precision at each distinct score above 0, from the highest down."""
    points = []
    for level in np.unique(given[given > 0])[::-1]:
        said = given >= level
        hits = float((actual & said).sum())
        points.append((hits / max(float(actual.sum()), 1.0), hits / float(said.sum())))
    return tuple(points)


def reliability(probabilities: Floats, actual: Bools) -> Reliability:
    """Over equal bins of probability; zeros without any clip."""
    if not len(probabilities):
        return Reliability(0.0, 0.0, ())
    place = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    bins = tuple(
        (
            float(probabilities[place == one].mean()),
            float(actual[place == one].mean()),
            int((place == one).sum()),
        )
        for one in np.unique(place)
    )
    ece = sum(abs(said - share) * count for said, share, count in bins) / len(probabilities)
    return Reliability(float(((probabilities - actual) ** 2).mean()), ece, bins)
