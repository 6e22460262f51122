"""Scores a model's answers against labels: what `streamaqa-finetune score --answers` prints."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from finetune.blind import best_window
from finetune.detection import Detection, Prediction, Segment, average_precision_intervals, detection
from finetune.metrics import ErrorScore, Judged, MacroScore, error_scores
from finetune.paper_metric import WHY_MENDED, WHY_MISLEADING, Case, PaperScores, Span, paper_scores
from finetune.resampling import Interval
from streamaqa.dialogue import Answer, parse
from streamaqa.errors import AnswerError, UsageError
from streamaqa.exercises import EXERCISES, Exercise

WHY_BLIND = (
    "One fixed window an error for every video of its exercise: the one that reaches tIoU 0.5 with most of "
    "the labels scored here. An mAP says something only above this."
)

_NUMBER = re.compile(r"\d+(?:\.\d*)?|\.\d+")
"""Times finer than the dialogue's hundredths are scored as written: rounding moves a tIoU across 0.5."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One video: its labels, and what a model said of it."""

    exercise: str
    """In the data set's words, as are the labels."""
    truth: Mapping[str, tuple[float, float] | None]
    """By label, the interval in seconds, or None where the error is absent. A label that is left out counts
    as absent if another video of the exercise has it; one that no video has is not scored."""
    answer: str


@dataclass(frozen=True, slots=True)
class AnswerScores:
    """All figures of a set of answers. A wrong exercise or an unreadable answer names no error."""

    videos: int
    unreadable: int
    complaints: dict[str, str]
    """By video: what could not be read of its answer, and labels that hold no time."""
    exercise_accuracy: float
    """Share of videos whose exercise was named right; an unreadable answer names none."""
    errors: dict[str, ErrorScore]
    """By label."""
    macro: MacroScore | None
    """None without any label."""
    intervals: Detection
    """ActivityNet average precision of the answers' intervals, each with confidence 1."""
    ap_intervals: dict[str, dict[float, Interval]]
    """95 % bootstrap intervals of the average precision, by label and threshold."""
    blind_windows: dict[str, Span]
    """By label, the fixed window of the floor, seconds."""
    blind: Detection
    """Average precision of those windows."""
    paper: PaperScores
    """By the paper's own metric."""
    paper_mended: PaperScores
    """The same with its IoU mended."""
    left_out: int
    """Videos that the paper's metric leaves out, since their exercise was named wrong."""

    def as_json(self) -> dict[str, Any]:
        """Plain values; those of `detection_json` stand beside the rest."""
        mended = self.paper_mended.as_json(WHY_MENDED)
        return {
            "videos": self.videos,
            "unreadable": self.unreadable,
            "complaints": self.complaints,
            "exercise_accuracy": self.exercise_accuracy,
            "errors": {label: asdict(score) for label, score in self.errors.items()},
            "macro": asdict(self.macro) if self.macro else None,
            **detection_json(self.intervals),
            "ap_intervals": {label: _by_text(one) for label, one in self.ap_intervals.items()},
            "blind_window": {
                "windows": self.blind_windows,
                **detection_json(self.blind),
                "why": WHY_BLIND,
            },
            "paper": {**self.paper.as_json(WHY_MISLEADING), "left_out": self.left_out},
            "paper_iou_mended": {**mended, "left_out": self.left_out},
        }


def detection_json(found: Detection) -> dict[str, Any]:
    """`{"ap": {label: {"0.3": x, ...}}, "mAP": {"0.3": x, ...}}`."""
    return {
        "ap": {label: _by_text(by_tiou) for label, by_tiou in found.ap.items()},
        "mAP": _by_text(found.mean),
    }


def score_answers(
    answered: Mapping[str, Answered], vocabulary: Sequence[Exercise] = EXERCISES
) -> AnswerScores:
    """Score answers by video name.

    A labelled interval that ends no later than it starts is an error that no interval can meet: the data set
    says that the error is there, and joining several intervals as (first start, last end) makes such ones.
    UsageError names the video whose exercise or label the vocabulary lacks.
    """
    return _Scorer(answered, vocabulary).scores()


class _Scorer:
    """What the answers say, read once, and the figures that come of it."""

    def __init__(self, answered: Mapping[str, Answered], vocabulary: Sequence[Exercise]) -> None:
        self.answered = answered
        self.exercises = {name: _exercise(name, item, vocabulary) for name, item in answered.items()}
        self.labels = self._labels()
        self.unreadable = 0
        self.complaints = {name: complaint for name, item in answered.items() if (complaint := _empty(item))}
        self.right: dict[str, Answer] = {}
        for name, item in answered.items():
            try:
                said = parse(item.answer, vocabulary)
            except AnswerError as error:
                self.unreadable += 1
                self.complaints[name] = str(error)
            else:
                if said.exercise == self.exercises[name].name:
                    self.right[name] = said

    def scores(self) -> AnswerScores:
        errors, macro = error_scores({label: self._judged(label) for label in self.labels})
        truth, found = self._truth(), self._predictions()
        windows = self._blind_windows(truth)
        blind = [
            Prediction(name, label, *window, 1.0)
            for label, window in windows.items()
            for name in self._videos(label)
        ]
        cases = [
            Case(
                {label: self.answered[name].truth.get(label) for label in self._of(self.exercises[name])},
                self._said(name),
            )
            for name in self.right
        ]
        return AnswerScores(
            videos=len(self.answered),
            unreadable=self.unreadable,
            complaints=self.complaints,
            exercise_accuracy=len(self.right) / len(self.answered) if self.answered else 0.0,
            errors=errors,
            macro=macro,
            intervals=detection(truth, found),
            ap_intervals={
                label: average_precision_intervals(
                    [one for one in truth if one.label == label],
                    [one for one in found if one.label == label],
                    self._videos(label),
                )
                for label in windows
            },
            blind_windows=windows,
            blind=detection(truth, blind),
            paper=paper_scores(cases, list(self.labels)),
            paper_mended=paper_scores(cases, list(self.labels), mended=True),
            left_out=len(self.answered) - len(self.right),
        )

    def _labels(self) -> dict[str, str]:
        """Each label that any video has, to its exercise; in the order in which they come."""
        return {
            label: self.exercises[name].name
            for exercise in dict.fromkeys(found.name for found in self.exercises.values())
            for name, item in self.answered.items()
            if self.exercises[name].name == exercise
            for label in item.truth
        }

    def _of(self, exercise: Exercise) -> list[str]:
        return [label for label, owner in self.labels.items() if owner == exercise.name]

    def _videos(self, label: str) -> tuple[str, ...]:
        """The videos of the label's exercise."""
        return tuple(name for name in self.answered if self.exercises[name].name == self.labels[label])

    def _judged(self, label: str) -> Judged:
        videos = self._videos(label)
        named = [any(said == label for said, _ in self._said(name)) for name in videos]
        truth = tuple(self.answered[name].truth.get(label) is not None for name in videos)
        return Judged(videos, truth, tuple(float(yes) for yes in named))

    def _said(self, name: str) -> list[tuple[str, Span | None]]:
        """Labels and intervals in the order they were named; none unless the exercise is right."""
        if name not in self.right:
            return []
        exercise = self.exercises[name]
        numbers = map(float, _NUMBER.findall(self.answered[name].answer))

        def written(time: float) -> float:
            return next((number for number in numbers if round(number, 2) == time), time)

        return [
            (
                exercise.error(span.name).words,
                None if span.start is None or span.end is None else (written(span.start), written(span.end)),
            )
            for span in self.right[name].errors
        ]

    def _truth(self) -> list[Segment]:
        return [
            Segment(name, label, *interval)
            for label in self.labels
            for name in self._videos(label)
            if (interval := self.answered[name].truth.get(label)) is not None
        ]

    def _predictions(self) -> list[Prediction]:
        return [
            Prediction(name, label, *span, 1.0)
            for name in self.right
            for label, span in self._said(name)
            if span is not None and self.labels.get(label) == self.exercises[name].name
        ]

    def _blind_windows(self, truth: Sequence[Segment]) -> dict[str, Span]:
        windows = {
            label: best_window([(one.start, one.end) for one in truth if one.label == label])
            for label in dict.fromkeys(one.label for one in truth)
        }
        return {label: window for label, window in windows.items() if window is not None}


def _exercise(name: str, item: Answered, vocabulary: Sequence[Exercise]) -> Exercise:
    found = [exercise for exercise in vocabulary if item.exercise in (exercise.words, exercise.name)]
    if not found:
        words = ", ".join(exercise.words for exercise in vocabulary)
        raise UsageError(f"{name}: exercise: unknown {item.exercise!r}; there are {words}")
    known = [error.words for error in found[0].errors]
    for label in item.truth:
        if label not in known:
            raise UsageError(
                f"{name}: truth: unknown label {label!r}; {item.exercise} has {', '.join(known)}"
            )
    return found[0]


def _empty(item: Answered) -> str | None:
    """What to say of labelled intervals that hold no time, if there are any."""
    wrong = [
        f"{label}: start {interval[0]} is not before end {interval[1]}, so that no interval can meet it"
        for label, interval in item.truth.items()
        if interval is not None and not interval[0] < interval[1]
    ]
    return f"truth: {'; '.join(wrong)}" if wrong else None


def _by_text(by_tiou: Mapping[float, Any]) -> dict[str, Any]:
    return {f"{tiou:g}": value for tiou, value in by_tiou.items()}
