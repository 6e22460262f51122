"""The repetitions of a clip, by serving's segmenter; the whole clip where it finds none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streamaqa.exercises import EXERCISES, Exercise
from streamaqa.motion import Measure, Motion, Posture
from streamaqa.segmentation import Segmenter, SegmenterSettings
from streamaqa.segmentation.signals import PostureReader
from streamaqa.types import Phase, Pose, Rep, RepEnded, Tempo


@dataclass(frozen=True, slots=True)
class Repetitions:
    """What there is to judge in a clip."""

    reps: tuple[Rep, ...]
    """None where nobody was seen."""
    notes: tuple[str, ...] = ()
    """`no_rep`, `several_reps` or `nobody`, see `Verdict.notes`."""


def repetitions(
    poses: Sequence[Pose],
    settings: SegmenterSettings | None = None,
    exercises: Sequence[Exercise] = EXERCISES,
) -> Repetitions:
    """The segmenter's repetitions; one that fills the clip if it finds none."""
    segmenter = Segmenter(settings, exercises)
    events = [event for pose in poses for event in segmenter.push(pose)] + segmenter.flush()
    found = tuple(event.rep for event in events if isinstance(event, RepEnded))
    if found:
        return Repetitions(found, ("several_reps",) if len(found) > 1 else ())
    whole = whole_clip(poses, settings or SegmenterSettings(), exercises)
    return Repetitions((whole,), ("no_rep",)) if whole else Repetitions((), ("nobody",))


def whole_clip(
    poses: Sequence[Pose], settings: SegmenterSettings, exercises: Sequence[Exercise] = EXERCISES
) -> Rep | None:
    """One repetition from the first pose to the last, of the exercise that the clip looks most like.

    That is, of those whose signal travels far enough for a repetition, the one whose worst gate is passed
    best or missed least: a clip may be cut within the repetition. The turn is where the signal is furthest
    out. None where nobody was seen for three poses.
    """
    reader = PostureReader(settings.signal)
    postures = [posture for pose in poses if (posture := reader.read(pose)) is not None]
    if len(postures) < 3:
        return None
    likeness = [_likeness(exercise, exercise.motion, postures) for exercise in exercises if exercise.motion]
    if not likeness:
        return None
    _, exercise, turn, travel = max(likeness, key=lambda found: found[0])
    start, end = poses[0].time, poses[-1].time
    phases = Phase(exercise.first_phase, start, turn), Phase(exercise.second_phase, turn, end)
    lifting, lowering = phases if exercise.first_phase == "lifting" else phases[::-1]
    return Rep(
        unit=1,
        set_number=1,
        number=1,
        exercise=exercise.name,
        exercise_probability=1.0 / len(exercises),
        phases=phases,
        tempo=Tempo(lowering.duration, 0.0, lifting.duration),
        range_of_motion=travel,
        mean_lifting_velocity=travel / lifting.duration if lifting.duration else 0.0,
    )


def _likeness(
    exercise: Exercise, motion: Motion, postures: Sequence[Posture]
) -> tuple[tuple[bool, float], Exercise, float, float]:
    """How like the exercise the clip is, the exercise, its turn and its signal's travel."""
    sign = -1.0 if exercise.first_phase == "lowering" else 1.0
    series = sign * np.array([motion.signal(posture) for posture in postures])
    place = 1 + int(series[1:-1].argmax())
    travel = float(series[place] - series.min())

    def values(measure: Measure) -> tuple[float, float, float]:
        return measure(postures[0]), measure(postures[place]), measure(postures[-1])

    margins = [gate.judge(values) for gate in motion.gates]
    like = travel >= motion.least_range, min(margins, default=0.0)
    return like, exercise, postures[place].time, travel
