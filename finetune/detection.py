"""Average precision of predicted intervals, by ActivityNet's own rules (`eval_detection.py`) to the digit.

The rules that are easy to get wrong stand at `average_precision`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finetune import resampling
from finetune.resampling import Interval

TIOUS = (0.3, 0.5, 0.7)
"""Thresholds of temporal intersection over union."""


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
    overlaps = _overlaps(truth, ranked(predictions))
    return {threshold: _interpolated(_hits(overlaps, threshold), len(truth)) for threshold in tious}


def average_precision_intervals(
    truth: Sequence[Segment],
    predictions: Sequence[Prediction],
    videos: Sequence[str],
    tious: Sequence[float] = TIOUS,
    seed: int = 0,
) -> dict[float, Interval]:
    """95 % intervals of one label's average precision; `videos` are all that were tested, in any order."""
    order = ranked(predictions)
    place = {video: index for index, video in enumerate(dict.fromkeys(videos))}
    weights = resampling.draws(len(place), seed)
    predicted_in = [place[found.video] for found in order]
    labelled_in = [place[segment.video] for segment in truth]
    overlaps = _overlaps(truth, order)
    return {
        threshold: resampling.interval(
            resampling.average_precisions(weights, _hits(overlaps, threshold), predicted_in, labelled_in)
        )
        for threshold in tious
    }


def precision_recall(
    truth: Sequence[Segment], predictions: Sequence[Prediction], threshold: float
) -> tuple[list[float], list[float]]:
    """Recall and precision of one label after each prediction by rank: AP is the area under its envelope."""
    found = np.cumsum(_hits(_overlaps(truth, ranked(predictions)), threshold))
    recall = found / max(len(truth), 1)
    return recall.tolist(), (found / np.arange(1, len(found) + 1)).tolist()


def ranked(predictions: Sequence[Prediction]) -> list[Prediction]:
    """Best first; among equal scores the one listed last comes first."""
    order = sorted(range(len(predictions)), key=lambda place: (predictions[place].score, place), reverse=True)
    return [predictions[place] for place in order]


def _overlaps(truth: Sequence[Segment], order: Sequence[Prediction]) -> list[list[tuple[float, int]]]:
    """For each prediction by rank, its tIoU with each interval of its video, and that one's place."""
    by_video: dict[str, list[int]] = {}
    for place, segment in enumerate(truth):
        by_video.setdefault(segment.video, []).append(place)
    return [
        [(tiou(found, truth[place]), place) for place in by_video.get(found.video, [])] for found in order
    ]


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
