"""Logistic regression of a few features, and Platt's scaling by it."""

from __future__ import annotations

import numpy as np

from finetune.resampling import Bools, Floats

ROUNDS = 100
"""Newton steps at most; a handful do."""
RIDGE = 1e-3
"""Pull of the weights towards 0, per sample: keeps them finite where the two kinds do not overlap."""


def fit_logistic(features: Floats, shows: Bools, *, ridge: float = RIDGE, platt: bool = False) -> Floats:
    """Intercept and weights, (1 + features,), of the chance that a sample shows it; `features` (samples, F).

    By Newton's method. `platt` takes (n+ + 1) / (n+ + 2) and 1 / (n- + 2) for 1 and 0 as Platt (1999) does,
    which keeps probabilities of few samples from running to the ends.
    """
    design = np.column_stack([np.ones(len(features)), features])  # (samples, 1 + F)
    target = shows.astype(float)
    if platt:
        positives, negatives = int(shows.sum()), int((~shows).sum())
        target = np.where(shows, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    pull = np.full(design.shape[1], ridge * len(features))
    pull[0] = 1e-9 * max(len(features), 1)  # the intercept is free, but never without a minimum
    weights = np.zeros(design.shape[1])
    for _ in range(ROUNDS):
        chance = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        slope = design.T @ (chance - target) + pull * weights
        curve = (design * (chance * (1 - chance))[:, None]).T @ design + np.diag(pull + 1e-9)
        step = np.linalg.solve(curve, slope)
        step *= min(
            1.0, 5.0 / max(float(np.abs(step).max()), 1e-12)
        )  # far from the minimum Newton overshoots
        weights = weights - step
        if float(np.abs(step).max()) < 1e-10:
            break
    return np.asarray(weights, dtype=np.float64)
