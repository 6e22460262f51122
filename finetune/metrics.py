"""How well errors are told from their absence: figures per error and their means, each with its interval.

Beside each F1 stands what always answering "error" would score, since on unbalanced labels that is hard to
tell from skill. Figures of intervals are in `detection`, whose names this module passes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from finetune import resampling
from finetune.detection import (
    TIOUS,
    Detection,
    Prediction,
    Segment,
    average_precision,
    detection,
    tiou,
)
from finetune.resampling import Bools, Floats, Interval

__all__ = [
    "TIOUS",
    "Detection",
    "ErrorScore",
    "Judged",
    "MacroScore",
    "Prediction",
    "Segment",
    "auroc",
    "average_precision",
    "detection",
    "error_score",
    "error_scores",
    "f1",
    "mcc",
    "tiou",
]


@dataclass(frozen=True, slots=True)
class ErrorScore:
    """How well one error is told from its absence."""

    videos: int
    positives: int
    f1: float
    f1_interval: Interval
    f1_always_positive: float
    """F1 of answering "error" every time: what `f1` has to beat."""
    precision: float
    precision_interval: Interval
    recall: float
    recall_interval: Interval
    mcc: float
    """Matthews correlation: 0 for any answer that does not depend on the video."""
    mcc_interval: Interval
    auroc: float | None
    """Area under the ROC curve; None unless there are both positives and negatives."""
    auroc_interval: Interval | None


@dataclass(frozen=True, slots=True)
class MacroScore:
    """Plain means over the errors that any video shows: of one that none shows, F1 can only be 0."""

    f1: float
    f1_interval: Interval
    """Videos of one exercise are drawn together, since its errors share them."""
    f1_always_positive: float
    precision: float
    recall: float
    mcc: float
    auroc: float | None
    """Over the errors that have one."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One error over all videos that were tested for it."""

    videos: tuple[str, ...]
    truth: tuple[bool, ...]
    scores: tuple[float, ...]
    threshold: float = 0.5
    """An error counts as named from this score on."""


def error_score(
    truth: Sequence[bool], scores: Sequence[float], threshold: float = 0.5, seed: int = 0
) -> ErrorScore:
    """Figures of one error; an error counts as predicted from `threshold` on.

    `seed` draws the resamples of the intervals.
    """
    return _error_score(
        np.asarray(truth, dtype=bool),
        np.asarray(scores, dtype=float),
        threshold,
        resampling.draws(len(truth), seed),
    )


def error_scores(
    judged: Mapping[str, Judged], seed: int = 0
) -> tuple[dict[str, ErrorScore], MacroScore | None]:
    """Figures of each error and their means; the means are None where no video shows an error."""
    weights = {
        videos: resampling.draws(len(videos), seed)
        for videos in dict.fromkeys(one.videos for one in judged.values())
    }
    scores: dict[str, ErrorScore] = {}
    rounds: list[Floats] = []
    for label, one in judged.items():
        actual, given = np.asarray(one.truth, dtype=bool), np.asarray(one.scores, dtype=float)
        scores[label] = _error_score(actual, given, one.threshold, weights[one.videos])
        if actual.any():
            rounds.append(resampling.rates(weights[one.videos], actual, given >= one.threshold)["f1"])
    shown = [score for score in scores.values() if score.positives]
    return scores, _macro(shown, rounds) if shown else None


def _error_score(actual: Bools, given: Floats, threshold: float, weights: Floats) -> ErrorScore:
    said = given >= threshold
    hit, false, missed, _ = _counts(actual, said)
    bounds = {name: resampling.interval(values) for name, values in _rounds(weights, actual, said).items()}
    area = auroc(actual, given)
    return ErrorScore(
        videos=len(actual),
        positives=int(actual.sum()),
        f1=f1(actual, said),
        f1_interval=bounds["f1"],
        f1_always_positive=f1(actual, np.ones_like(actual)),
        precision=_ratio(hit, hit + false),
        precision_interval=bounds["precision"],
        recall=_ratio(hit, hit + missed),
        recall_interval=bounds["recall"],
        mcc=mcc(actual, said),
        mcc_interval=bounds["mcc"],
        auroc=area,
        auroc_interval=None
        if area is None
        else resampling.interval(resampling.areas(weights, actual, given)),
    )


def _rounds(weights: Floats, actual: Bools, said: Bools) -> dict[str, Floats]:
    nothing = np.zeros(0)
    names = ("f1", "precision", "recall", "mcc")
    return resampling.rates(weights, actual, said) if len(actual) else dict.fromkeys(names, nothing)


def _macro(scores: Sequence[ErrorScore], rounds: Sequence[Floats]) -> MacroScore:
    def mean(name: str) -> float:
        return float(np.mean([getattr(score, name) for score in scores]))

    areas = [score.auroc for score in scores if score.auroc is not None]
    return MacroScore(
        f1=mean("f1"),
        f1_interval=resampling.interval(np.mean(rounds, axis=0)),
        f1_always_positive=mean("f1_always_positive"),
        precision=mean("precision"),
        recall=mean("recall"),
        mcc=mean("mcc"),
        auroc=float(np.mean(areas)) if areas else None,
    )


def f1(actual: Bools, said: Bools) -> float:
    """Harmonic mean of precision and recall; 0 where neither is defined."""
    hit, false, missed, _ = _counts(actual, said)
    return _ratio(2 * hit, 2 * hit + false + missed)


def mcc(actual: Bools, said: Bools) -> float:
    """Matthews correlation coefficient; 0 where it is not defined, as for a constant answer."""
    hit, false, missed, right = _counts(actual, said)
    spread = (hit + false) * (hit + missed) * (right + false) * (right + missed)
    return _ratio(hit * right - false * missed, spread**0.5)


def auroc(actual: Bools, scores: Floats) -> float | None:
    """Chance that a positive scores above a negative, ties counting half; None if either is lacking."""
    positive, negative = scores[actual], scores[~actual]
    if not len(positive) or not len(negative):
        return None
    difference = positive[:, None] - negative[None, :]  # (positives, negatives)
    return float((difference > 0).mean() + 0.5 * (difference == 0).mean())


def _counts(actual: Bools, said: Bools) -> tuple[int, int, int, int]:
    """True positives, false positives, false negatives, true negatives."""
    return (
        int((actual & said).sum()),
        int((~actual & said).sum()),
        int((actual & ~said).sum()),
        int((~actual & ~said).sum()),
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
