"""From what a model read in the windows of one repetition to what is said of the repetition.

An error's probabilities are pooled over windows in log-odds: their mean, which is the logarithmic opinion
pool
(Genest & Zidek 1986). Windows of one repetition show the same lifter, so they are no independent evidence and
their log-odds are not summed. The alternative is the maximum: it finds an error that only one window
shows, but
it rises with the number of windows, and with it the false alarms of a long repetition. So the mean is the
default, also because it is what a calibration fitted on repetitions of another length still fits.

Calibration comes after merging: what is published is the merged probability, so that is what must be right.
Training-time evaluation calls the same functions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import Field, ValidationError

from streamaqa.dialogue import Answer, ErrorSpan
from streamaqa.errors import WeightsError, WindowError
from streamaqa.exercises import Exercise
from streamaqa.settings import Settings

LEAST = 1e-6
"""A probability nearer to 0 or 1 counts as this near: one window must not outvote all others for ever."""


# --- what a model read in one window -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Interval:
    """When an error shows, if it does."""

    start: float
    """Seconds from the window's first frame."""
    end: float
    log_probability: float
    """Among all intervals that fit the window, given that the error is named."""
    proven: bool = True
    """Whether no other interval can be likelier; False where the search ended before."""


@dataclass(frozen=True, slots=True)
class ErrorSet:
    """One combination of errors."""

    names: tuple[str, ...]
    """Wire names in the vocabulary's order; none for a correct repetition."""
    log_probability: float
    """Given the exercise."""


@dataclass(frozen=True, slots=True)
class WindowReading:
    """The distribution over answers that a model gives for one window."""

    exercises: Mapping[str, float]
    """Wire name to log-probability: the model's own, without any prior."""
    sets: Mapping[str, tuple[ErrorSet, ...]]
    """By exercise; each exercise's sets sum to 1."""
    intervals: Mapping[str, Mapping[str, Interval]]
    """By exercise and error, for the errors that were likely enough to be looked for."""
    outside: float
    """Probability of the answers that leave the grammar, as far as they were seen to."""
    undecided: float
    """Probability that was shared out because the search ended first; no probability is off by more."""
    passes: int
    """Times the model ran, the prefill included."""

    def best(self, prior: Mapping[str, float] | None = None) -> str:
        """The likeliest exercise, `prior` log-probabilities added."""
        fused = fuse(self.exercises, prior)
        return max(fused, key=lambda name: fused[name])

    def errors(self, exercise: str) -> dict[str, float]:
        """Each error's probability given the exercise: the sum over the sets that name it."""
        found: dict[str, float] = {}
        for combination in self.sets[exercise]:
            for name in combination.names:
                found[name] = found.get(name, 0.0) + math.exp(combination.log_probability)
        return {name: min(probability, 1.0) for name, probability in found.items()}

    def answer(self, prior: Mapping[str, float] | None = None) -> Answer:
        """The likeliest exercise and set as the dialogue's answer; an error without interval has no times."""
        exercise = self.best(prior)
        names = max(self.sets[exercise], key=lambda combination: combination.log_probability).names
        known = self.intervals.get(exercise, {})
        spans = [
            ErrorSpan(name, known[name].start, known[name].end) if name in known else ErrorSpan(name)
            for name in names
        ]
        return Answer(exercise, tuple(spans))


def fuse(exercises: Mapping[str, float], prior: Mapping[str, float] | None) -> dict[str, float]:
    """Sum log-probabilities and normalize. An exercise that `prior` does not know gets its least value."""
    if not prior:
        return dict(exercises)
    floor = min(prior.values())
    summed = {name: value + prior.get(name, floor) for name, value in exercises.items()}
    return _normalized(summed)


def certain(answer: Answer, vocabulary: Iterable[Exercise], passes: int = 0) -> WindowReading:
    """The reading of an answer that was said as text: everything in it has probability 1."""
    never = math.log(LEAST)
    known = {exercise.name: exercise for exercise in vocabulary}
    names = {error.name for error in answer.errors}
    ordered = tuple(error.name for error in known[answer.exercise].errors if error.name in names)
    sets = {name: (ErrorSet((), 0.0),) for name in known} | {answer.exercise: (ErrorSet(ordered, 0.0),)}
    spans = {
        error.name: Interval(error.start, error.end, 0.0)
        for error in answer.errors
        if error.start is not None and error.end is not None
    }
    exercises = {name: 0.0 if name == answer.exercise else never for name in known}
    return WindowReading(exercises, sets, {answer.exercise: spans}, 0.0, 0.0, passes)


# --- calibration ---------------------------------------------------------------------------------------


class Logistic(Settings):
    """Platt's scaling (1999) on log-odds: p -> sigmoid(slope * logit(p) + offset)."""

    slope: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    offset: float = Field(default=0.0, allow_inf_nan=False)


class ProbabilityCalibration(Settings):
    """What is done to merged probabilities; stored beside the weights as `calibration.json`.

    The default changes nothing. `errors` is keyed `<exercise>.<error>`.
    """

    fitted_on: str | None = None
    """Which labels it was fitted on; None for the identity, whose probabilities are no frequencies."""
    errors: Mapping[str, Logistic] = {}

    @classmethod
    def load(cls, folder: Path) -> ProbabilityCalibration:
        """The calibration beside the weights, the identity if there is none. WeightsError if unreadable."""
        path = folder / "calibration.json"
        if not path.exists():
            return cls()
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise WeightsError(f"{path}: no calibration can be read there: {error}") from error

    def save(self, folder: Path) -> None:
        """Write what `load` reads."""
        (folder / "calibration.json").write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")

    def __call__(self, exercise: str, error: str, probability: float) -> float:
        """The calibrated probability."""
        scaling = self.errors.get(f"{exercise}.{error}")
        if scaling is None:
            return probability
        return _sigmoid(scaling.slope * _logit(probability) + scaling.offset)


# --- windows to repetition -----------------------------------------------------------------------------

Pooling: TypeAlias = Literal["log_odds", "max"]


class MergeSettings(Settings):
    """How the windows of a repetition become one answer."""

    pooling: Pooling = "log_odds"
    likely: float = Field(default=0.5, gt=0, le=1)
    """A window whose own probability of an error is this high says when; 0.5: likelier than not."""
    gap_s: float = Field(default=0.1, ge=0)
    """Intervals this near are one: neighbouring windows end and begin a frame interval apart, 0.1 s at the
    slowest stream worth coaching."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A reading and where its window lies."""

    reading: WindowReading
    start: float
    """Stream time of the window's first frame, seconds."""
    duration: float


@dataclass(frozen=True, slots=True)
class MergedError:
    """One error over the whole repetition."""

    name: str
    probability: float
    """Calibrated, given the exercise."""
    intervals: tuple[tuple[float, float], ...]
    """Seconds of stream time, in order, apart from each other; empty where no window would say when."""
    best: tuple[float, float]
    """The interval of the likeliest window, or all that the windows cover where none says when."""


@dataclass(frozen=True, slots=True)
class MergedReading:
    """What the windows of one repetition say together."""

    exercise: str
    exercises: Mapping[str, float]
    """Wire name to probability, prior included."""
    errors: tuple[MergedError, ...] = field(default=())
    """Every error of the exercise that the grammar knows, in the vocabulary's order."""


def merge(
    windows: Sequence[Placed],
    vocabulary: Iterable[Exercise],
    *,
    prior: Mapping[str, float] | None = None,
    settings: MergeSettings | None = None,
    calibration: ProbabilityCalibration | None = None,
) -> MergedReading:
    """Merge the windows that could be read. `prior`: the segmenter's log-probabilities, counted once.

    WindowError if no window could be read.
    """
    if not windows:
        raise WindowError("no window of this repetition could be read")
    settings, calibration = settings or MergeSettings(), calibration or ProbabilityCalibration()
    names = windows[0].reading.exercises.keys()
    summed = {name: sum(placed.reading.exercises[name] for placed in windows) for name in names}
    exercises = fuse(_normalized(summed), prior)
    chosen = max(exercises, key=lambda name: exercises[name])
    known = next(candidate for candidate in vocabulary if candidate.name == chosen)
    return MergedReading(
        chosen,
        {name: math.exp(value) for name, value in exercises.items()},
        tuple(_merge_error(windows, known, error.name, settings, calibration) for error in known.errors),
    )


def _merge_error(
    windows: Sequence[Placed],
    exercise: Exercise,
    name: str,
    settings: MergeSettings,
    calibration: ProbabilityCalibration,
) -> MergedError:
    each = [placed.reading.errors(exercise.name).get(name, 0.0) for placed in windows]
    timed = [
        (probability, _placed(placed, found))
        for probability, placed in zip(each, windows, strict=True)
        if (found := placed.reading.intervals.get(exercise.name, {}).get(name))
    ]
    joined = join([span for probability, span in timed if probability >= settings.likely], settings.gap_s)
    if timed:
        likeliest = max(timed, key=lambda pair: pair[0])[1]
        best = next((span for span in joined if _covers(span, likeliest)), likeliest)
    else:
        best = (
            min(placed.start for placed in windows),
            max(placed.start + placed.duration for placed in windows),
        )
    return MergedError(name, calibration(exercise.name, name, pool(each, settings.pooling)), joined, best)


def pool(probabilities: Sequence[float], pooling: Pooling) -> float:
    """One probability of several windows' about the same error."""
    if pooling == "max":
        return max(probabilities)
    if len(probabilities) == 1:
        return probabilities[0]
    return _sigmoid(sum(map(_logit, probabilities)) / len(probabilities))


def join(spans: Iterable[tuple[float, float]], gap: float) -> tuple[tuple[float, float], ...]:
    """Spans in order, those that overlap or are at most `gap` apart made one."""
    joined: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1] + gap + 1e-9:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return tuple(joined)


def _placed(placed: Placed, interval: Interval) -> tuple[float, float]:
    """In stream time, and not beyond the window, whose duration the model was told rounded."""
    return placed.start + interval.start, placed.start + min(interval.end, placed.duration)


def _covers(outer: tuple[float, float], inner: tuple[float, float]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _normalized(values: Mapping[str, float]) -> dict[str, float]:
    most = max(values.values())
    total = most + math.log(sum(math.exp(value - most) for value in values.values()))
    return {name: value - total for name, value in values.items()}


def _logit(probability: float) -> float:
    inside = min(max(probability, LEAST), 1 - LEAST)
    return math.log(inside / (1 - inside))


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))
