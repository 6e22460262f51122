"""How good predictions are: ActivityNet average precision for intervals, and figures per error for answers.

Average precision follows ActivityNet's own evaluation (`eval_detection.py`) to the last digit; the rules that
are easy to get wrong stand at `average_precision`. Beside each F1 stands what always answering "error" would
score, since on unbalanced labels that is hard to tell from skill.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

TIOUS = (0.3, 0.5, 0.7)
"""Thresholds of temporal intersection over union."""

Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]

BOOTSTRAP_ROUNDS = 1000
"""Resamples for an interval: its ends then move by about 1 % of its width from seed to seed."""


@dataclass(frozen=True, slots=True)
class Segment:
    """An error in a video, as labelled."""

    video: str
    label: str
    start: float
    """Seconds."""
    end: float


@dataclass(frozen=True, slots=True)
class Prediction(Segment):
    """An error in a video, as predicted."""

    score: float
    """Confidence; only the order matters."""


@dataclass(frozen=True, slots=True)
class Detection:
    """Average precision by label and threshold."""

    ap: dict[str, dict[float, float]]
    mean: dict[float, float]
    """Mean over the labels (mAP) by threshold; empty without ground truth."""


# --- intervals -----------------------------------------------------------------------------------------


def detection(
    truth: Sequence[Segment], predictions: Sequence[Prediction], tious: Sequence[float] = TIOUS
) -> Detection:
    """Average precision of each label in `truth`; predictions of other labels are dropped."""
    ap = {
        label: average_precision(
            [segment for segment in truth if segment.label == label],
            [prediction for prediction in predictions if prediction.label == label],
            tious,
        )
        for label in dict.fromkeys(segment.label for segment in truth)
    }
    mean = {tiou: float(np.mean([by_tiou[tiou] for by_tiou in ap.values()])) for tiou in tious if ap}
    return Detection(ap, mean)


def average_precision(
    truth: Sequence[Segment], predictions: Sequence[Prediction], tious: Sequence[float] = TIOUS
) -> dict[float, float]:
    """ActivityNet average precision of one label, by threshold.

    All videos are pooled and predictions taken in order of score; among equal scores the one listed last
    comes first. A prediction takes the free interval of its own video with the highest tIoU, or the next free
    one, as long as the threshold is reached (equal counts); a duplicate is wrong. Precision is interpolated
    at every point. 0 without predictions.
    """
    order = sorted(range(len(predictions)), key=lambda place: (predictions[place].score, place), reverse=True)
    by_video: dict[str, list[int]] = {}
    for place, segment in enumerate(truth):
        by_video.setdefault(segment.video, []).append(place)
    overlaps = [
        [(tiou(found, truth[place]), place) for place in by_video.get(found.video, [])]
        for found in (predictions[place] for place in order)
    ]
    return {threshold: _interpolated(_hits(overlaps, threshold), len(truth)) for threshold in tious}


def tiou(one: Segment, other: Segment) -> float:
    """Temporal intersection over union of two intervals; 0 if either is empty or reversed."""
    if one.end <= one.start or other.end <= other.start:
        return 0.0
    shared = max(min(one.end, other.end) - max(one.start, other.start), 0.0)
    return shared / ((one.end - one.start) + (other.end - other.start) - shared)


def _hits(overlaps: list[list[tuple[float, int]]], threshold: float) -> list[bool]:
    """For each prediction by rank, whether it finds an interval that is still free.

    `overlaps` holds each prediction's tIoU with the intervals of its video, and their place in the truth.
    """
    taken: set[int] = set()
    hits = []
    for candidates in overlaps:
        free = [pair for pair in candidates if pair[0] >= threshold and pair[1] not in taken]
        if free:
            taken.add(max(free)[1])
        hits.append(bool(free))
    return hits


def _interpolated(hits: list[bool], positives: int) -> float:
    """Area under precision over recall, each precision being the best at that recall or beyond."""
    if not hits or not positives:
        return 0.0
    found = np.cumsum(hits)
    precision = np.concatenate([[0.0], found / np.arange(1, len(hits) + 1), [0.0]])
    recall = np.concatenate([[0.0], found / positives, [1.0]])
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.flatnonzero(recall[1:] != recall[:-1]) + 1
    return float(np.sum((recall[steps] - recall[steps - 1]) * envelope[steps]))


# --- yes or no -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ErrorScore:
    """How well one error is told from its absence."""

    videos: int
    positives: int
    f1: float
    f1_interval: tuple[float, float]
    """95 % bootstrap interval over the videos."""
    f1_always_positive: float
    """F1 of answering "error" every time: what `f1` has to beat."""
    precision: float
    recall: float
    mcc: float
    """Matthews correlation: 0 for any answer that does not depend on the video."""
    auroc: float | None
    """Area under the ROC curve; None unless there are both positives and negatives."""


def error_score(
    truth: Sequence[bool], scores: Sequence[float], threshold: float = 0.5, seed: int = 0
) -> ErrorScore:
    """Figures of one error; an error counts as predicted from `threshold` on.

    `seed` draws the resamples of the interval.
    """
    actual = np.asarray(truth, dtype=bool)
    given = np.asarray(scores, dtype=float)
    said = given >= threshold
    hit, false, missed, _ = _counts(actual, said)
    positives = int(actual.sum())
    return ErrorScore(
        videos=len(actual),
        positives=positives,
        f1=f1(actual, said),
        f1_interval=_bootstrap_f1(actual, said, seed),
        f1_always_positive=f1(actual, np.ones_like(actual)),
        precision=_ratio(hit, hit + false),
        recall=_ratio(hit, hit + missed),
        mcc=mcc(actual, said),
        auroc=auroc(actual, given),
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


def _bootstrap_f1(actual: Bools, said: Bools, seed: int) -> tuple[float, float]:
    if not len(actual):
        return (0.0, 0.0)
    draws = np.random.default_rng(seed).integers(0, len(actual), (BOOTSTRAP_ROUNDS, len(actual)))
    hits = (actual & said)[draws].sum(axis=1)
    wrong = (actual ^ said)[draws].sum(axis=1)
    values = np.where(hits > 0, 2 * hits / np.maximum(2 * hits + wrong, 1), 0.0)
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
