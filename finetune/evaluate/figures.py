"""All figures of one judge over a split, each video scored whole, against its own labelled intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from finetune.detection import (
    Detection,
    Prediction,
    Segment,
    average_precision_intervals,
    detection,
    precision_recall,
)
from finetune.evaluate.fitting import Fitted, Sample
from finetune.evaluate.probabilities import Reliability, curve, reliability
from finetune.metrics import ErrorScore, Judged, MacroScore, auroc, error_scores, f1
from finetune.paper_metric import WHY_MENDED, WHY_MISLEADING, Case, PaperScores, paper_scores
from finetune.resampling import Interval
from finetune.scoring import detection_json
from streamaqa.exercises import EXERCISES, Exercise


@dataclass(frozen=True, slots=True)
class ErrorFigures:
    """One error."""

    code: str
    """`<exercise>.<error>`."""
    label: str
    """In the data set's words."""
    timed: bool
    """Whether it is labelled with intervals, and not on still images."""
    score: ErrorScore
    threshold: float
    abstained: int
    """Clips of the right exercise in which it could not be judged: they count as "no"."""
    judged_f1: float
    """F1 over the clips in which it was judged."""
    judged_auroc: float | None
    confusion: tuple[int, int, int, int]
    """True positives, false positives, false negatives, true negatives."""
    curve: tuple[tuple[float, float], ...]
    """Recall and precision of naming it, from the highest score down."""
    reliability: Reliability
    timed_curve: tuple[tuple[float, float], ...] = ()
    """Recall and precision of its intervals at tIoU 0.5."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything about one judge."""

    judge: str
    videos: int
    stills: int
    told: bool
    exercise_accuracy: float | None
    """Of the videos; None for a judge that is told the exercise."""
    confusion: Mapping[str, Mapping[str, int]]
    """Videos by true exercise and by what was said, `none` where nothing was."""
    errors: tuple[ErrorFigures, ...]
    macro: MacroScore | None
    intervals: Detection
    """By code."""
    ap_intervals: Mapping[str, Mapping[float, Interval]]
    paper: PaperScores
    paper_mended: PaperScores
    notes: Mapping[str, int]
    """What was out of the ordinary, and in how many clips."""
    damaged: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "judge": self.judge,
            "videos": self.videos,
            "stills": self.stills,
            "told_the_exercise": self.told,
            "exercise_accuracy": self.exercise_accuracy,
            "exercise_confusion": self.confusion,
            "errors": {one.code: _error_json(one) for one in self.errors},
            "macro": asdict(self.macro) if self.macro else None,
            **detection_json(self.intervals),
            "ap_intervals": {
                code: {f"{tiou:g}": ends for tiou, ends in by_tiou.items()}
                for code, by_tiou in self.ap_intervals.items()
            },
            "paper": self.paper.as_json(WHY_MISLEADING),
            "paper_iou_mended": self.paper_mended.as_json(WHY_MENDED),
            "notes": self.notes,
            "damaged": self.damaged,
        }


def _error_json(one: ErrorFigures) -> dict[str, Any]:
    return {
        "label": one.label,
        **asdict(one.score),
        "threshold": one.threshold,
        "abstained": one.abstained,
        "judged_f1": one.judged_f1,
        "judged_auroc": one.judged_auroc,
        "confusion": dict(
            zip(
                ("true_positive", "false_positive", "false_negative", "true_negative"),
                one.confusion,
                strict=True,
            )
        ),
        "reliability": asdict(one.reliability),
    }


def figures(
    judge: str,
    samples: Sequence[Sample],
    fitted: Fitted,
    *,
    told: bool = False,
    damaged: Mapping[str, str] | None = None,
    exercises: Sequence[Exercise] = EXERCISES,
) -> Figures:
    """Figures of `samples`, whose verdicts are calibrated already, under the fitted thresholds.

    A wrong exercise or an unreadable answer names no error and has no interval: a miss for what is there.
    """
    videos = [s for s in samples if s.clip.kind == "video"]
    judged = _judged(samples, fitted, exercises)
    scores, macro = error_scores(judged)
    truth, found = _truth(videos), _predictions(videos)
    timed = list(dict.fromkeys(one.label for one in truth))
    labels = {
        f"{exercise.name}.{error.name}": error.words for exercise in exercises for error in exercise.errors
    }
    cases = [_case(s, fitted) for s in videos if s.right]
    video_codes = [code for code in judged if any(code in _codes(s) for s in videos)]
    return Figures(
        judge=judge,
        videos=len(videos),
        stills=len(samples) - len(videos),
        told=told,
        exercise_accuracy=None if told or not videos else sum(s.right for s in videos) / len(videos),
        confusion=_exercise_confusion(videos),
        errors=tuple(
            _error(code, labels[code], samples, judged[code], score, truth, found)
            for code, score in scores.items()
        ),
        macro=macro,
        intervals=detection(truth, found),
        ap_intervals={
            code: average_precision_intervals(
                [one for one in truth if one.label == code],
                [one for one in found if one.label == code],
                [s.clip.id for s in videos if code in _codes(s)],
            )
            for code in timed
        },
        paper=paper_scores(cases, video_codes),
        paper_mended=paper_scores(cases, video_codes, mended=True),
        notes=Counter(note for s in samples for note in dict.fromkeys(s.verdict.notes)),
        damaged=damaged or {},
    )


def _codes(sample: Sample) -> list[str]:
    return [f"{sample.clip.exercise}.{error}" for error in sample.clip.judged]


def _judged(samples: Sequence[Sample], fitted: Fitted, exercises: Sequence[Exercise]) -> dict[str, Judged]:
    found = {}
    for exercise in exercises:
        for error in exercise.errors:
            of = [s for s in samples if s.clip.exercise == exercise.name and error.name in s.clip.judged]
            if of:
                found[f"{exercise.name}.{error.name}"] = Judged(
                    tuple(s.clip.id for s in of),
                    tuple(error.name in s.clip.errors for s in of),
                    tuple(s.score(error.name) for s in of),
                    fitted.threshold(exercise.name, error.name),
                )
    return found


def _error(
    code: str,
    label: str,
    samples: Sequence[Sample],
    judged: Judged,
    score: ErrorScore,
    truth: Sequence[Segment],
    found: Sequence[Prediction],
) -> ErrorFigures:
    name = code.split(".")[1]
    of = {s.clip.id: s for s in samples if code in _codes(s)}
    saw = np.array([of[video].right and name in of[video].verdict.errors for video in judged.videos])
    actual, given = np.array(judged.truth, dtype=bool), np.array(judged.scores)
    said = given >= judged.threshold
    own = [one for one in truth if one.label == code]
    recall, precision = precision_recall(own, [one for one in found if one.label == code], 0.5)
    return ErrorFigures(
        code=code,
        label=label,
        timed=any(s.clip.kind == "video" for s in of.values()),
        score=score,
        threshold=judged.threshold,
        abstained=sum(s.right and name not in s.verdict.errors for s in of.values()),
        judged_f1=f1(actual[saw], said[saw]),
        judged_auroc=auroc(actual[saw], given[saw]),
        confusion=(
            int((actual & said).sum()),
            int((~actual & said).sum()),
            int((actual & ~said).sum()),
            int((~actual & ~said).sum()),
        ),
        curve=curve(actual, given),
        reliability=reliability(given[saw], actual[saw]),
        timed_curve=tuple(zip(recall, precision, strict=True)),
    )


def _exercise_confusion(videos: Sequence[Sample]) -> dict[str, dict[str, int]]:
    confusion: dict[str, dict[str, int]] = {}
    for sample in videos:
        row = confusion.setdefault(sample.clip.exercise, {})
        said = sample.verdict.exercise or "none"
        row[said] = row.get(said, 0) + 1
    return confusion


def _truth(videos: Sequence[Sample]) -> list[Segment]:
    return [
        Segment(s.clip.id, f"{s.clip.exercise}.{error}", start, end)
        for s in videos
        for error, intervals in s.clip.errors.items()
        for start, end in intervals
    ]


def _predictions(videos: Sequence[Sample]) -> list[Prediction]:
    return [
        Prediction(s.clip.id, f"{s.clip.exercise}.{span.error}", span.start, span.end, span.score)
        for s in videos
        if s.right
        for span in s.verdict.spans
        if span.error in s.clip.judged
    ]


def _case(sample: Sample, fitted: Fitted) -> Case:
    """What the paper's metric would see: errors above their threshold, each with its likeliest interval."""
    clip, said = sample.clip, []
    for name in clip.judged:
        if sample.score(name) >= fitted.threshold(clip.exercise, name):
            spans = [span for span in sample.verdict.spans if span.error == name]
            best = max(spans, key=lambda span: span.score, default=None)
            said.append((f"{clip.exercise}.{name}", (best.start, best.end) if best else None))
    truth = {
        f"{clip.exercise}.{name}": (
            (min(start for start, _ in clip.errors[name]), max(end for _, end in clip.errors[name]))
            if clip.errors.get(name)
            else None
        )
        for name in clip.judged
    }
    return Case(truth, said)
