"""Scores a model's answers against labels: what `streamaqa-finetune score` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from finetune.metrics import Detection, ErrorScore, Prediction, Segment, detection, error_score
from streamaqa.dialogue import Answer, parse
from streamaqa.errors import AnswerError, UsageError
from streamaqa.exercises import EXERCISES, Exercise


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
    exercise_accuracy: float
    """Share of videos whose exercise was named right; an unreadable answer names none."""
    errors: dict[str, ErrorScore]
    """By label."""
    intervals: Detection
    """ActivityNet average precision of the answers' intervals, each with confidence 1."""

    def as_json(self) -> dict[str, Any]:
        """Plain values; those of `detection_json` stand beside the rest."""
        return {
            "videos": self.videos,
            "unreadable": self.unreadable,
            "exercise_accuracy": self.exercise_accuracy,
            "errors": {label: asdict(score) for label, score in self.errors.items()},
            **detection_json(self.intervals),
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

    UsageError names the video whose exercise or label the vocabulary lacks, or whose interval is empty.
    """
    exercises = {name: _exercise(name, item, vocabulary) for name, item in answered.items()}
    labels: dict[str, list[str]] = {}
    for name, item in answered.items():
        known = labels.setdefault(exercises[name].name, [])
        known += [label for label in item.truth if label not in known]
    said = {name: _read(item.answer, vocabulary) for name, item in answered.items()}
    right = {
        name: answer for name, answer in said.items() if answer and answer.exercise == exercises[name].name
    }
    return AnswerScores(
        videos=len(answered),
        unreadable=sum(answer is None for answer in said.values()),
        exercise_accuracy=len(right) / len(answered) if answered else 0.0,
        errors={
            label: _error_score(label, exercise, answered, exercises, right)
            for exercise, known in labels.items()
            for label in known
        },
        intervals=_intervals(answered, exercises, right, labels),
    )


def _read(text: str, vocabulary: Sequence[Exercise]) -> Answer | None:
    try:
        return parse(text, vocabulary)
    except AnswerError:
        return None


def _exercise(name: str, item: Answered, vocabulary: Sequence[Exercise]) -> Exercise:
    found = [exercise for exercise in vocabulary if item.exercise in (exercise.words, exercise.name)]
    if not found:
        words = ", ".join(exercise.words for exercise in vocabulary)
        raise UsageError(f"{name}: exercise: unknown {item.exercise!r}; there are {words}")
    known = [error.words for error in found[0].errors]
    for label, interval in item.truth.items():
        if label not in known:
            raise UsageError(
                f"{name}: truth: unknown label {label!r}; {item.exercise} has {', '.join(known)}"
            )
        if interval is not None and not interval[0] < interval[1]:
            raise UsageError(f"{name}: truth: {label}: start {interval[0]} is not before end {interval[1]}")
    return found[0]


def _error_score(
    label: str,
    exercise: str,
    answered: Mapping[str, Answered],
    exercises: Mapping[str, Exercise],
    right: Mapping[str, Answer],
) -> ErrorScore:
    videos = [name for name in answered if exercises[name].name == exercise]
    truth = [answered[name].truth.get(label) is not None for name in videos]
    named = [label in _named(exercises[name], right.get(name)) for name in videos]
    return error_score(truth, [float(yes) for yes in named])


def _named(exercise: Exercise, answer: Answer | None) -> set[str]:
    return {exercise.error(span.name).words for span in answer.errors} if answer else set()


def _intervals(
    answered: Mapping[str, Answered],
    exercises: Mapping[str, Exercise],
    right: Mapping[str, Answer],
    labels: Mapping[str, Sequence[str]],
) -> Detection:
    truth = [
        Segment(name, label, *interval)
        for name, item in answered.items()
        for label, interval in item.truth.items()
        if interval is not None
    ]
    predictions = [
        Prediction(name, exercises[name].error(span.name).words, span.start, span.end, 1.0)
        for name, answer in right.items()
        for span in answer.errors
        if span.start is not None and span.end is not None
    ]
    return detection(
        truth, [found for found in predictions if found.label in labels[exercises[found.video].name]]
    )


def _by_text(by_tiou: Mapping[float, float]) -> dict[str, float]:
    return {f"{tiou:g}": value for tiou, value in by_tiou.items()}
