"""Thresholds and calibration, from the validation split and from nothing else.

What is tested never takes part: `Validation` refuses clips of the test split, and nothing here takes anything
but a `Validation`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from finetune.clips import Clip
from finetune.evaluate.judges import Found, Verdict
from finetune.logistic import fit_logistic
from finetune.metrics import f1
from finetune.resampling import Bools, Floats
from streamaqa.assessment.merge import LEAST, Logistic, ProbabilityCalibration
from streamaqa.settings import Settings

LEAST_EACH = 5
"""Clips with and without the error below which a slope would be noise: the scale is then left alone."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A clip with its labels, and what was said of it."""

    clip: Clip
    verdict: Verdict

    @property
    def right(self) -> bool:
        """Whether the exercise was named right."""
        return self.verdict.exercise == self.clip.exercise

    def score(self, error: str) -> float:
        """The error's probability: 0 where the exercise is wrong or the error was abstained from."""
        return self.verdict.errors.get(error, 0.0) if self.right else 0.0


@dataclass(frozen=True, slots=True)
class Validation:
    """Samples that may be fitted on. ValueError if a clip of the test split is among them."""

    samples: tuple[Sample, ...]

    def __post_init__(self) -> None:
        for sample in self.samples:
            if sample.clip.split == "test":
                raise ValueError(f"{sample.clip.id} is of the test split: nothing may be fitted on it")

    def errors(self) -> Iterator[tuple[str, str, list[Sample]]]:
        """Exercise, error and the samples that are labelled for it."""
        pairs = {(s.clip.exercise, name) for s in self.samples for name in s.clip.judged}
        for exercise, error in sorted(pairs):
            yield (
                exercise,
                error,
                [s for s in self.samples if s.clip.exercise == exercise and error in s.clip.judged],
            )


class Fitted(Settings):
    """What was fitted; keyed `<exercise>.<error>`."""

    fitted_on: str | None = None
    calibration: ProbabilityCalibration = ProbabilityCalibration()
    """What is done to a judge's probabilities."""
    thresholds: Mapping[str, float] = {}
    """The calibrated probability from which naming the error gives the best F1; 0.5 where unfitted."""
    notes: Mapping[str, str] = {}
    """Why something was not fitted."""

    def threshold(self, exercise: str, error: str) -> float:
        """From which probability the error is named."""
        return self.thresholds.get(f"{exercise}.{error}", 0.5)

    def apply(self, verdict: Verdict) -> Verdict:
        """The verdict with calibrated probabilities; intervals are scored by them in the same way."""
        if verdict.exercise is None:
            return verdict
        name = verdict.exercise
        return verdict.model_copy(
            update={
                "errors": {error: self.calibration(name, error, p) for error, p in verdict.errors.items()},
                "spans": tuple(
                    Found(
                        error=span.error,
                        start=span.start,
                        end=span.end,
                        score=self.calibration(name, span.error, span.score),
                    )
                    for span in verdict.spans
                ),
            }
        )


def fit(validation: Validation, fitted_on: str, *, scale: bool = True) -> Fitted:
    """Platt's scaling of each error's probability, then the threshold of its best F1.

    `scale` False leaves probabilities as they are, for a judge that was calibrated in its own numbers.
    """
    scalings: dict[str, Logistic] = {}
    notes: dict[str, str] = {}
    for exercise, error, samples in validation.errors() if scale else ():
        judged = [s for s in samples if s.right and error in s.verdict.errors]
        found = platt(
            np.array([s.verdict.errors[error] for s in judged]),
            np.array([error in s.clip.errors for s in judged], dtype=bool),
        )
        if isinstance(found, str):
            notes[f"{exercise}.{error}"] = found
        else:
            scalings[f"{exercise}.{error}"] = found
    calibration = ProbabilityCalibration(fitted_on=fitted_on if scalings else None, errors=scalings)
    unthresholded = Fitted(fitted_on=fitted_on, calibration=calibration, notes=notes)
    return unthresholded.model_copy(update={"thresholds": _thresholds(validation, unthresholded)})


def platt(probabilities: Floats, shows: Bools) -> Logistic | str:
    """Platt's scaling (1999) in log-odds, or why there is none."""
    if min(shows.sum(), (~shows).sum()) < LEAST_EACH:
        return _few(shows)
    inside = np.clip(probabilities, LEAST, 1 - LEAST)
    odds = np.log(inside / (1 - inside))
    if np.ptp(odds) == 0:
        return "its probability is always the same"
    offset, slope = fit_logistic(odds[:, None], shows, platt=True)
    if slope <= 0:
        return "its probability does not rise with the error: left as it is"
    return Logistic(slope=float(slope), offset=float(offset))


def platt_values(values: Floats, shows: Bools) -> tuple[float, float] | str:
    """Value of an even chance, and how far beyond it the odds are e to 1; or why there are none.

    Values that grow with the error, in any unit.
    """
    if min(shows.sum(), (~shows).sum()) < LEAST_EACH:
        return _few(shows)
    spread = float(values.std())
    if spread == 0:
        return "its value is always the same"
    offset, slope = fit_logistic(((values - values.mean()) / spread)[:, None], shows, platt=True)
    if slope <= 0:
        return "its value does not rise with the error: left as it is"
    return float(values.mean() - offset / slope * spread), float(spread / slope)


def _few(shows: Bools) -> str:
    return f"{int(shows.sum())} clips with and {int((~shows).sum())} without it: too few to fit a scale"


def best_threshold(scores: Sequence[float], shows: Sequence[bool]) -> float:
    """The threshold of the best F1, halfway between two scores; of equals the one nearest to 0.5.

    0.5 where no clip shows the error. Never 0 or below: a score of 0 is a miss that no threshold names.
    """
    actual, given = np.asarray(shows, dtype=bool), np.asarray(scores, dtype=float)
    if not actual.any():
        return 0.5
    steps = np.unique(np.append(given[given > 0], 1.0))
    candidates: list[float] = [
        float(steps[0]) / 2,
        *((low + high) / 2 for low, high in pairwise(steps.tolist())),
        0.5,
    ]
    return max(candidates, key=lambda at: (f1(actual, given >= at), -abs(at - 0.5)))


def _thresholds(validation: Validation, fitted: Fitted) -> dict[str, float]:
    """By error; none where there are too few clips that show it, or too few that do not."""
    found = {}
    for exercise, error, samples in validation.errors():
        scaled = [Sample(s.clip, fitted.apply(s.verdict)) for s in samples]
        shows = [error in s.clip.errors for s in scaled]
        if LEAST_EACH <= sum(shows) <= len(shows) - LEAST_EACH:
            found[f"{exercise}.{error}"] = best_threshold([s.score(error) for s in scaled], shows)
    return found
