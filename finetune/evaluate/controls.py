"""Judges that do not look, or look at one number: what an assessor has to beat before it sees anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from finetune.blind import best_window
from finetune.clips import Clip
from finetune.evaluate.judges import Found, Verdict
from finetune.evaluate.material import Material
from finetune.logistic import fit_logistic
from finetune.resampling import Floats
from streamaqa.errors import UsageError


@dataclass(frozen=True, slots=True)
class Prior:
    """What the labels of the training split say before any video is looked at."""

    exercise: str
    """The most frequent one of the videos."""
    prevalence: Mapping[str, Mapping[str, float]]
    """By exercise and error, the share of labelled clips that show it."""
    windows: Mapping[str, Mapping[str, tuple[float, float]]]
    """By exercise and error, the fixed window that meets most labels, in shares of the clip's duration."""

    @classmethod
    def of(cls, clips: Sequence[Clip]) -> Prior:
        """UsageError if there is no video among `clips`."""
        exercises = Counter(clip.exercise for clip in clips if clip.kind == "video")
        if not exercises:
            raise UsageError("the training split holds no video to take floors from")
        prevalence: dict[str, dict[str, float]] = {}
        windows: dict[str, dict[str, tuple[float, float]]] = {}
        for exercise, error in sorted({(clip.exercise, name) for clip in clips for name in clip.judged}):
            labelled = [clip for clip in clips if clip.exercise == exercise and error in clip.judged]
            prevalence.setdefault(exercise, {})[error] = float(
                np.mean([error in clip.errors for clip in labelled])
            )
            spans = [
                (start / clip.duration, end / clip.duration)
                for clip in labelled
                if clip.duration > 0
                for start, end in clip.errors.get(error, ())
            ]
            if window := best_window(spans):
                windows.setdefault(exercise, {})[error] = window
        return cls(exercises.most_common(1)[0][0], prevalence, windows)

    def spans(self, material: Material, errors: Mapping[str, float]) -> tuple[Found, ...]:
        """The blind window of each error, scored by its probability."""
        if material.still:
            return ()
        return tuple(
            Found(
                error=name,
                start=window[0] * material.duration,
                end=window[1] * material.duration,
                score=errors[name],
            )
            for name, window in self.windows.get(material.told, {}).items()
            if name in errors
        )


@dataclass(frozen=True, slots=True)
class Constant:
    """Says the most frequent exercise and every error of it, for the whole clip, of every video."""

    prior: Prior
    name: str = "constant"
    told: bool = False
    stills: bool = False

    @property
    def key(self) -> str:
        """See `Judge`."""
        return f"constant {self.prior}"

    def judge(self, material: Material) -> Verdict:
        """See `Judge`."""
        errors = dict.fromkeys(self.prior.prevalence[self.prior.exercise], 1.0)
        spans = tuple(
            Found(error=name, start=0.0, end=material.duration, score=1.0)
            for name in errors
            if name in self.prior.windows.get(self.prior.exercise, {})
        )
        return Verdict(exercise=self.prior.exercise, errors=errors, spans=spans)


@dataclass(frozen=True, slots=True)
class Blind:
    """Told the exercise, says every error with one confidence, in one fixed window."""

    prior: Prior
    name: str = "blind window"
    told: bool = True
    stills: bool = True

    @property
    def key(self) -> str:
        """See `Judge`."""
        return f"blind {self.prior}"

    def judge(self, material: Material) -> Verdict:
        """See `Judge`."""
        errors = dict(self.prior.prevalence.get(material.told, {}))
        return Verdict(exercise=material.told, errors=errors, spans=self.prior.spans(material, errors))


class Duration:
    """Told the exercise and how long the clip is, and nothing else.

    A logistic regression on the duration and its square. What it finds, a model may have found there too.
    """

    name = "duration only"
    told = True
    stills = False

    def __init__(self, prior: Prior, clips: Sequence[Clip]) -> None:
        """`clips` are the training split's."""
        self._prior = prior
        self._fits: dict[tuple[str, str], tuple[float, float, Floats]] = {}
        videos = [clip for clip in clips if clip.kind == "video"]
        for exercise, error in sorted({(clip.exercise, name) for clip in videos for name in clip.judged}):
            labelled = [clip for clip in videos if clip.exercise == exercise and error in clip.judged]
            lengths = np.array([clip.duration for clip in labelled])
            middle, spread = float(lengths.mean()), float(lengths.std()) or 1.0
            shows = np.array([error in clip.errors for clip in labelled])
            self._fits[exercise, error] = (
                middle,
                spread,
                fit_logistic(_powers(lengths, middle, spread), shows),
            )

    @property
    def key(self) -> str:
        """See `Judge`."""
        return f"duration {[(name, *fit[:2], fit[2].tolist()) for name, fit in self._fits.items()]}"

    def judge(self, material: Material) -> Verdict:
        """See `Judge`."""
        errors = {}
        for (exercise, error), (middle, spread, weights) in self._fits.items():
            if exercise == material.told:
                odds = _powers(np.array([material.duration]), middle, spread) @ weights[1:] + weights[0]
                errors[error] = float(1 / (1 + np.exp(-np.clip(odds[0], -30, 30))))
        return Verdict(exercise=material.told, errors=errors, spans=self._prior.spans(material, errors))


def _powers(lengths: Floats, middle: float, spread: float) -> Floats:
    """Standardized durations and their squares, (clips, 2)."""
    by = (lengths - middle) / spread
    return np.stack([by, by**2], axis=1)
