"""Judges repetitions by the lifter's joints alone: no frames, no weights, and a reason for each answer.

Each error has signs (see `signs`). A sign is read as the highest mean of its measure over a moment (0.2 s)
less the moment's extremes: a single jittering pose raises nothing. One that must last longer is read as the
highest level that it never leaves. Its distance from the threshold gives the probability through
a logistic; of several signs the strongest speaks. A sign that cannot be seen from this view, or whose joints
are out of frame or hidden, says nothing, and an error left without a sign is abstained from by name.

The judgement is a pure function of the evidence. What is the lifter's own (how they stand, how long their
legs are) is read from the poses just before the repetition, which the evidence holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from pydantic import Field

from streamaqa.assessment.calibration import RULES, Calibration, Threshold
from streamaqa.body import Array, Body
from streamaqa.exercises import EXERCISES, ErrorType, Exercise
from streamaqa.settings import Settings
from streamaqa.signs import Sign
from streamaqa.types import Assessment, AssessorInfo, Evidence, Finding, Pose, Rep

if TYPE_CHECKING:
    from streamaqa.windows import WindowPlan

OUTSET = (0.3, 0.35)
"""The window of the baseline: from so many seconds before the repetition to that share of its first phase.
Shorter than the rest between two, so that nothing of the one before is in it."""


class KinematicSettings(Settings):
    """How joints are read. What counts as a fault is in the calibration."""

    calibration: Path | None = None
    """A file written by `streamaqa-finetune`, see `assessment.calibration`; None for the vocabulary's own."""
    min_duration: Annotated[float, Field(gt=0)] = 0.2
    """Seconds that a sign must hold: shorter is jitter (six poses at 30 a second)."""
    min_visibility: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Below this a joint counts as hidden: MediaPipe's visibility of the far side in side views is 0.3."""
    min_share: Annotated[float, Field(ge=0, le=1)] = 0.65
    """Share of the repetition's poses in which a joint must be in view and not hidden."""
    min_share_throughout: Annotated[float, Field(ge=0, le=1)] = 0.8
    """The same for what must hold throughout: a bottom that is hidden would pass for one that is not there,
    where of other signs a hidden moment at most goes unseen."""
    max_gap_throughout: Annotated[float, Field(gt=0)] = 0.4
    """Seconds within the repetition without any pose beyond which nothing is said of what must hold
    throughout: nobody knows what was there."""
    lead: Annotated[float, Field(ge=0)] = 0.5
    """Seconds before the repetition that still count: a leg drive dips before the bar moves."""
    rate: Annotated[float, Field(gt=0)] = 30.0
    """Samples a second at which measures are compared, so that the camera's rate changes no answer."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one sign says of one repetition: the explanation behind a `Finding`."""

    sign: str
    value: float
    """In the sign's unit, counted from its baseline."""
    probability: float
    start: float
    """Seconds of stream time."""
    end: float


@dataclass(frozen=True, slots=True)
class Shown:
    """What can be judged from where a lifter is seen: names of errors."""

    judged: tuple[str, ...]
    hidden: tuple[str, ...]
    """The view would do, but the joints are out of the picture or covered."""


class KinematicAssessor:
    """The default assessor, the stand-in when a model is late, and the baseline that a model must beat."""

    def __init__(
        self,
        settings: KinematicSettings | None = None,
        exercises: Sequence[Exercise] = EXERCISES,
        calibration: Calibration | None = None,
    ) -> None:
        """Raise ConfigError if the settings name a calibration that cannot be used.

        `calibration` is used in place of the one that the settings name; it has a number for every sign.
        """
        self._settings = settings or KinematicSettings()
        self._exercises = {exercise.name: exercise for exercise in exercises}
        path = self._settings.calibration
        named = Calibration.load(path, exercises) if path else Calibration.of(exercises)
        self._calibration = calibration or named

    @property
    def info(self) -> AssessorInfo:
        """Calibrated only where the thresholds were fitted on labels."""
        fitted = self._calibration.fitted_on is not None
        return AssessorInfo("kinematic", f"{RULES}.{self._calibration.version}", calibrated=fitted)

    @property
    def plan(self) -> WindowPlan | None:
        """None: it wants no frames."""
        return None

    async def assess(self, evidence: Evidence) -> Assessment:
        """See `judge`, which takes a few milliseconds once for each rep: not worth a thread."""
        return self.judge(evidence)

    def judge(self, evidence: Evidence) -> Assessment:
        """Each error of the rep's exercise, found, not found or abstained from. Raises nothing."""
        rep = evidence.rep
        exercise = self._exercises.get(rep.exercise)
        body = Body.of(evidence.poses, rep.start, rep.end) if evidence.poses else None
        findings, abstained = [], []
        for error in exercise.errors if exercise else ():
            readings = self._readings(body, rep, error) if body else []
            if readings:
                best = max(readings, key=lambda reading: reading.probability)
                findings.append(Finding(error.name, best.probability, best.start, best.end))
            else:
                abstained.append(error.name)
        return Assessment(
            rep.exercise, rep.exercise_probability, tuple(findings), tuple(abstained), self.info
        )

    def explain(self, evidence: Evidence, error: ErrorType) -> list[Reading]:
        """What each sign of `error` says; none for those that cannot be seen. Fitting starts from these."""
        rep = evidence.rep
        return (
            self._readings(Body.of(evidence.poses, rep.start, rep.end), rep, error) if evidence.poses else []
        )

    def shown(self, exercises: Iterable[Exercise], poses: Sequence[Pose]) -> dict[str, Shown]:
        """By exercise, what it could judge of a lifter who is seen as in these poses.

        Empty while that cannot be told: there is nobody in most of the poses, or they are turned to and fro.
        """
        found = [pose for pose in poses if pose.found]
        if 2 * len(found) <= len(poses):
            return {}
        body = Body.of(found)
        if body.view is None:
            return {}
        s = self._settings
        told = {}
        for exercise in exercises:
            judged, hidden = [], []
            for error in exercise.errors:
                signs = [sign for sign in error.signs if sign.shown_from(body.yaw)]
                if any(self._suffices(sign.watched(body.seen, s.min_visibility), sign) for sign in signs):
                    judged.append(error.name)
                elif signs:
                    hidden.append(error.name)
            told[exercise.name] = Shown(tuple(judged), tuple(hidden))
        return told

    def _readings(self, body: Body, rep: Rep, error: ErrorType) -> list[Reading]:
        readings = []
        for sign in error.signs:
            if _shown(body, sign) and (series := self._series(body, rep, sign)):
                numbers = self._calibration.signs[f"{rep.exercise}.{error.name}.{sign.name}"]
                readings.append(self._read(*series, rep, sign, numbers))
        return readings

    def _series(self, body: Body, rep: Rep, sign: Sign) -> tuple[Array, Array, Array | None] | None:
        """Times, values and heights (for a sign with any) where joints are seen; None if too seldom."""
        during = (body.time >= rep.start) & (body.time <= rep.end)
        known = sign.watched(body.seen, self._settings.min_visibility, during)
        if not during.any() or not self._suffices(known[during], sign):
            return None
        if sign.throughout and _longest_gap(body.time[during], rep) > self._settings.max_gap_throughout:
            return None
        values = sign.measure(body)
        known &= np.isfinite(values)
        height = None if sign.height is None else sign.height(body)
        if height is not None:
            known &= np.isfinite(height)
        if not (known & during).any():
            return None
        return body.time[known], values[known], None if height is None else height[known]

    def _suffices(self, known: NDArray[np.bool_], sign: Sign) -> bool:
        """Whether joints are seen often enough; `known` is (N,)."""
        settings = self._settings
        least = settings.min_share_throughout if sign.throughout else settings.min_share
        return bool(known.mean() >= least)

    def _read(
        self, time: Array, values: Array, height: Array | None, rep: Rep, sign: Sign, numbers: Threshold
    ) -> Reading:
        """The sign's value, probability and interval."""
        settings = self._settings
        lead = 0.0 if sign.throughout else settings.lead
        grid = np.arange(rep.start - lead, rep.end + 0.5 / settings.rate, 1.0 / settings.rate)
        series = np.interp(grid, time, values)
        at = None if height is None else np.interp(grid, time, height)
        base: Array | float
        if at is not None and sign.baseline in ("way_back", "way_there"):
            base = sign.share * _other_way(sign, grid, series, at, rep)
        else:
            base = _baseline(sign, time, values, rep)
        moment = max(settings.min_duration, sign.lasting * rep.duration)
        width = min(len(series), 1 + round(moment * settings.rate))
        held = sliding_window_view(series - base, width)
        rise = series - base
        if sign.throughout:
            levels = held.mean(axis=1)
            peak = int(levels.argmin())
            rise = rise.max() - rise
        else:
            levels = held.min(axis=1) if sign.lasting else _steady(held)
            peak = int(levels.argmax())
            if at is not None and sign.soon is not None:
                peak = min(max(_gone(grid, at, rep, sign.soon) - width // 2, 0), len(levels) - 1)
            if sign.baseline != "outset":
                rise = rise - rise.min()
        value = float(levels[peak])
        start, end = _interval(rise, peak, width, numbers.hold)
        start_s, end_s = _inside(grid[start], grid[end], rep, settings.min_duration)
        probability = 1.0 / (1.0 + np.exp(-np.clip((value - numbers.threshold) / numbers.softness, -30, 30)))
        return Reading(sign.name, value, float(probability), start_s, end_s)


def _shown(body: Body, sign: Sign) -> bool:
    """Whether the view shows that sign."""
    return body.view is not None and sign.shown_from(body.yaw)


def _longest_gap(time: Array, rep: Rep) -> float:
    """Longest time of the repetition, seconds, without any of the poses at (T,) times."""
    return float(np.diff(time, prepend=rep.start, append=rep.end).max())


def _steady(held: Array) -> Array:
    """(N,) the mean of each row of (N, W) without its highest and lowest fifth."""
    cut = held.shape[1] // 5
    return np.asarray(np.sort(held, axis=1)[:, cut : held.shape[1] - cut].mean(axis=1))


def _baseline(sign: Sign, time: Array, values: Array, rep: Rep) -> float:
    """What the measure is counted from: see `signs.Baseline`."""
    if sign.baseline == "none":
        return 0.0
    before, share = OUTSET
    begins = (time >= rep.start - before) & (time <= rep.start + share * (rep.turn - rep.start))
    begins = begins if begins.any() else time == time[np.abs(time - rep.start).argmin()]
    return float(np.percentile(values[begins], 10))


def _gone(grid: Array, height: Array, rep: Rep, share: float) -> int:
    """The first sample of the first phase at which the load has gone `share` of its way to the turn."""
    first, turn = (int(np.searchsorted(grid, moment)) for moment in (rep.start, rep.turn))
    turn = min(max(turn, first), len(grid) - 1)
    gone = (height[first : turn + 1] - height[first]) / (height[turn] - height[first] or 1.0)
    there = np.flatnonzero(gone >= share)
    return first + int(there[0]) if len(there) else turn


def _other_way(sign: Sign, grid: Array, series: Array, height: Array, rep: Rep) -> Array:
    """The measure at the same height of the load in the phase that the judged one is held against.

    For samples of that other phase, and where one of the two is missing, the measure itself.
    """
    first = grid < rep.turn
    judged, other = (first, ~first) if sign.baseline == "way_back" else (~first, first)
    level = series.copy()
    if judged.any() and other.any():
        order = np.argsort(height[other])
        level[judged] = np.interp(height[judged], height[other][order], series[other][order])
    return level


def _interval(rise: Array, peak: int, width: int, hold: float) -> tuple[int, int]:
    """First and last sample around the moment at `peak` between which the sign keeps `hold` of its rise."""
    moment = slice(peak, peak + width)
    level = hold * rise[moment].max()
    below = rise < level
    before = np.flatnonzero(below[:peak])
    after = np.flatnonzero(below[peak + width :])
    start = int(before[-1]) + 1 if len(before) else 0
    end = peak + width + int(after[0]) - 1 if len(after) else len(rise) - 1
    return start, end


def _inside(start: float, end: float, rep: Rep, least: float) -> tuple[float, float]:
    """The interval cut to the repetition, and no shorter than `least` unless the repetition is."""
    least = min(least, rep.duration)
    start = min(max(float(start), rep.start), rep.end - least)
    return start, min(max(float(end), start + least), rep.end)
