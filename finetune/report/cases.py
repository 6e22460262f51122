"""Which clips the report shows: timelines from best to worst, and the worst cases of each error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finetune.clips import Clip
from finetune.evaluate import ErrorFigures, Evaluation, Sample

Span = tuple[float, float]

ROWS = 12
"""Clips of a timeline: what can be read on a page."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """One error in one clip."""

    name: str
    duration: float
    truth: tuple[Span, ...]
    said: tuple[tuple[float, float, float], ...]
    """Start, end, score."""
    threshold: float
    """Score from which it counts as said."""

    @property
    def named(self) -> tuple[Span, ...]:
        """The intervals that count as said."""
        return tuple((start, end) for start, end, score in self.said if score >= self.threshold)

    @property
    def overlap(self) -> float:
        """How well the likeliest said interval meets a labelled one, tIoU with the one it meets best."""
        said = [one for one in self.said if one[2] >= self.threshold]
        if not said or not self.truth:
            return 0.0
        start, end, _ = max(said, key=lambda one: one[2])
        return max(_tiou((start, end), span) for span in self.truth)


@dataclass(frozen=True, slots=True)
class Case:
    """A clip to show, and why."""

    clip: Clip
    title: str
    timeline: Timeline | None
    """None where the exercise itself was wrong."""


def timeline(sample: Sample, error: ErrorFigures) -> Timeline:
    """What is labelled and what was said of one error."""
    name = error.code.split(".")[1]
    said = sample.verdict.spans if sample.right else ()
    return Timeline(
        sample.clip.id,
        sample.clip.duration,
        sample.clip.errors.get(name, ()),
        tuple((span.start, span.end, span.score) for span in said if span.error == name),
        error.threshold,
    )


def timelines(evaluation: Evaluation) -> dict[str, list[Timeline]]:
    """By error, clips in which it is there or was said, evenly from the best tIoU to the worst."""
    rows = {}
    for error in evaluation.figures.errors:
        if not error.timed:
            continue
        lines = [timeline(sample, error) for sample in _of(evaluation, error)]
        lines = sorted((one for one in lines if one.truth or one.named), key=lambda one: -one.overlap)
        if lines:
            places = np.unique(np.linspace(0, len(lines) - 1, min(ROWS, len(lines))).round().astype(int))
            rows[_title(error)] = [lines[place] for place in places]
    return rows


def worst(evaluation: Evaluation) -> list[Case]:
    """Of each error the surest false alarm, the surest miss and the worst timing; then a wrong exercise."""
    cases: list[Case] = []
    for error in evaluation.figures.errors:
        if not error.timed:
            continue
        name = error.code.split(".")[1]
        samples = [sample for sample in _of(evaluation, error) if sample.right]
        scored = [(sample, sample.score(name), timeline(sample, error)) for sample in samples]
        alarms = [one for one in scored if not one[2].truth and one[1] >= error.threshold]
        misses = [one for one in scored if one[2].truth and name in one[0].verdict.errors]
        misses = [one for one in misses if one[1] < error.threshold]
        late = [one for one in scored if one[2].truth and one[2].named]
        for found, why in (
            (max(alarms, key=lambda one: one[1], default=None), "said at {score:.2f}, not labelled"),
            (min(misses, key=lambda one: one[1], default=None), "labelled, and only {score:.2f}"),
            (min(late, key=lambda one: one[2].overlap, default=None), "worst timing, tIoU {overlap:.2f}"),
        ):
            if found:
                sample, score, line = found
                reason = why.format(score=score, overlap=line.overlap)
                cases.append(Case(sample.clip, f"{_title(error)}: {reason}", line))
    wrong = [s for s in evaluation.samples if s.clip.kind == "video" and not s.right]
    for sample in wrong[:1]:
        said = (sample.verdict.exercise or "nothing").replace("_", " ")
        title = f"{sample.clip.exercise.replace('_', ' ')}, taken for {said}"
        cases.append(Case(sample.clip, title, None))
    return cases


def _of(evaluation: Evaluation, error: ErrorFigures) -> Sequence[Sample]:
    exercise, name = error.code.split(".")
    return [
        sample
        for sample in evaluation.samples
        if sample.clip.exercise == exercise and name in sample.clip.judged and sample.clip.kind == "video"
    ]


def _title(error: ErrorFigures) -> str:
    return f"{error.code.split('.')[0].replace('_', ' ')}: {error.label}"


def _tiou(one: Span, other: Span) -> float:
    shared = max(min(one[1], other[1]) - max(one[0], other[0]), 0.0)
    union = one[1] - one[0] + other[1] - other[0] - shared
    return shared / union if union > 0 else 0.0
