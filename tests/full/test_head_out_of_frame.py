"""Lifters cut off at nose, chin and neck by the picture's upper edge, through the real pose model.

A press is then also one whose hands leave the picture. Rows are not asked: who is bent over that far has no
shoulders either, and is found from ahead only (13 of 32 at the nose, 10 of 12 from ahead, 3 too many).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from streamaqa.bench.annotated import run
from streamaqa.bench.drawn import Tally
from streamaqa.bench.segment_rendered import Case, cases
from streamaqa.pose import MediaPipePose
from streamaqa.sources.synthetic import SyntheticSource, Truth
from streamaqa.types import Frame, RepEnded

pytestmark = pytest.mark.full

TEMPO: Final = 1.2
BODIES: Final = 2
CUTS: Final = {"nose": 0.0, "chin": 2.2, "neck": 3.0}
"""How far below the nose, in distances from nose to mouth, at the first repetition's start."""


def cut_off(case: Case, truth: Truth, below: float) -> Iterator[Frame]:
    """Its pictures without what is above that height."""
    take = case.take
    points = truth.landmarks(np.array([truth.reps[0].start]))[0][0]
    nose, mouth = points[0, 1], points[9:11, 1].mean()
    top = int(take.size[1] * (nose + below * (mouth - nose)))
    for frame in SyntheticSource(take.scene, size=take.size, fps=take.fps, seed=take.seed).frames():
        yield replace(frame, image=np.ascontiguousarray(frame.image[top:]))


@pytest.mark.parametrize(
    ("exercise", "cut", "least"),
    [
        ("squat", "nose", 0.9),
        ("squat", "chin", 0.9),
        ("squat", "neck", 0.9),
        ("overhead_press", "nose", 0.9),
        ("overhead_press", "chin", 0.8),
    ],
)
def test_repetitions_of_a_lifter_who_is_cut_off_are_counted(
    exercise: str, cut: str, least: float, pose_model: Path
) -> None:
    tally = Tally()
    for case in cases(bodies=BODIES):
        if (case.exercise, case.tempo) != (exercise, TEMPO):
            continue
        truth = Truth(case.take.scene, case.take.size)
        with MediaPipePose(pose_model) as estimator:
            poses = [estimator.estimate(frame) for frame in cut_off(case, truth, CUTS[cut])]
        tally.add(truth.reps, [event for event in run(poses) if isinstance(event, RepEnded)])
    print(f"\n{exercise}, {cut}: {tally.right} of {tally.reps} found, {tally.extra} too many")  # noqa: T201
    assert tally.right >= least * tally.reps
    assert tally.extra <= 0.1 * tally.reps
