"""Fits the numbers of the kinematic rules on the validation split, in the form that the engine reads.

Each sign's value becomes a probability by Platt's scaling: slope and offset are its softness and threshold.
Of `hold`, which decides how far an interval reaches, the value with the best mean tIoU over the labels is
taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from finetune.clips import Clip
from finetune.evaluate.assessors import TIMELESS, KinematicJudge
from finetune.evaluate.fitting import Validation, platt_values
from finetune.evaluate.material import Library
from streamaqa.assessment import Calibration, KinematicAssessor, Reading, Threshold
from streamaqa.exercises import EXERCISES, Exercise
from streamaqa.types import Evidence

HOLDS = tuple(round(0.1 * step, 1) for step in range(2, 10))
"""What `hold` may become: 0.1 apart moves an interval's ends by less than a frame or two."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A clip of the validation split and its repetitions, of those that the exercise is right of."""

    clip: Clip
    evidence: tuple[Evidence, ...]


def fit_kinematic(
    judge: KinematicJudge,
    validation: Validation,
    library: Library,
    fitted_on: str,
    exercises: Sequence[Exercise] = EXERCISES,
) -> tuple[Calibration, dict[str, str]]:
    """The fitted calibration, and by sign why one was left as it was."""
    seen = _seen(judge, validation, library)
    start = judge.calibration
    signs, notes = dict(start.signs), {}
    for exercise in exercises:
        for error in exercise.errors:
            labelled = [s for s in seen if s.clip.exercise == exercise.name and error.name in s.clip.judged]
            for sign in error.signs:
                key = f"{exercise.name}.{error.name}.{sign.name}"
                readings = [
                    (one.clip, reading)
                    for one in labelled
                    if one.clip.kind == "video" or sign.name in TIMELESS
                    if (reading := _strongest(judge.kinematic, one, error.name, sign.name, exercise))
                ]
                values = np.array([reading.value for _, reading in readings], dtype=float)
                shows = np.array([error.name in clip.errors for clip, _ in readings], dtype=bool)
                found = platt_values(values, shows)
                if isinstance(found, str):
                    notes[key] = found
                    continue
                threshold, softness = found
                signs[key] = Threshold(threshold=threshold, softness=softness, hold=start.signs[key].hold)
    calibration = start.model_copy(update={"signs": signs, "fitted_on": fitted_on, "version": "fitted"})
    return _with_holds(judge, calibration, seen, exercises), notes


def _seen(judge: KinematicJudge, validation: Validation, library: Library) -> list[_Seen]:
    """Evidence of the samples whose exercise was named right: of others no sign of theirs was read."""
    return [
        _Seen(sample.clip, tuple(one for one in evidence if one.rep.exercise == sample.clip.exercise))
        for sample in validation.samples
        if sample.right
        for evidence, _ in [judge.evidence(library.material(sample.clip))]
    ]


def _strongest(
    assessor: KinematicAssessor, seen: _Seen, error: str, sign: str, exercise: Exercise
) -> Reading | None:
    readings = [
        reading
        for evidence in seen.evidence
        for reading in assessor.explain(evidence, exercise.error(error))
        if reading.sign == sign
    ]
    return max(readings, key=lambda reading: reading.value, default=None)


def _with_holds(
    judge: KinematicJudge, calibration: Calibration, seen: Sequence[_Seen], exercises: Sequence[Exercise]
) -> Calibration:
    """Each error's signs with the `hold` of the best mean tIoU; unchanged where no labelled interval is."""
    by_hold: dict[str, dict[float, list[float]]] = {}
    for hold in HOLDS:
        trial = calibration.model_copy(
            update={
                "signs": {
                    key: numbers.model_copy(update={"hold": hold})
                    for key, numbers in calibration.signs.items()
                }
            }
        )
        assessor = KinematicAssessor(judge.settings, exercises, trial)
        for code, overlap in _overlaps(assessor, seen, exercises):
            by_hold.setdefault(code, {}).setdefault(hold, []).append(overlap)
    signs = dict(calibration.signs)
    for code, overlaps in by_hold.items():
        best = max(overlaps, key=lambda hold: float(np.mean(overlaps[hold])))
        for key in signs:
            if key.startswith(f"{code}."):
                signs[key] = signs[key].model_copy(update={"hold": best})
    return calibration.model_copy(update={"signs": signs})


def _overlaps(
    assessor: KinematicAssessor, seen: Sequence[_Seen], exercises: Sequence[Exercise]
) -> Iterator[tuple[str, float]]:
    """For each labelled interval, the tIoU of the best interval that was found for its error."""
    known = {exercise.name: exercise for exercise in exercises}
    for one in seen:
        for name, intervals in one.clip.errors.items():
            error = known[one.clip.exercise].error(name)
            found = [
                (best.start, best.end)
                for evidence in one.evidence
                if (readings := assessor.explain(evidence, error))
                for best in [max(readings, key=lambda reading: reading.probability)]
            ]
            for interval in intervals if found else ():
                yield f"{one.clip.exercise}.{name}", max(_tiou(interval, other) for other in found)


def _tiou(one: tuple[float, float], other: tuple[float, float]) -> float:
    shared = max(min(one[1], other[1]) - max(one[0], other[0]), 0.0)
    return shared / (one[1] - one[0] + other[1] - other[0] - shared)
