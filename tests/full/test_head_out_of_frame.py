"""Lifters cut off at nose, chin and neck by an edge of the picture, through the real pose model.

By the upper edge; a row by the edge that the lifter bends towards, since above a bent lifter's nose are the
shoulders as well. A press that is cut off there is also one whose hands leave the picture.
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
    """Its pictures without what is above that height, or beyond the nose of who bends to a side."""
    take = case.take
    points = truth.landmarks(np.array([truth.reps[0].start]))[0][0, :, :2] * take.size
    nose, mouth, shoulders = points[0], points[9:11].mean(axis=0), points[11:13].mean(axis=0)
    ahead, above = nose[0] - shoulders[0], shoulders[1] - nose[1]
    part: tuple[slice, slice] = np.s_[int(nose[1] + below * (mouth - nose)[1]) :, :]
    if case.exercise == "barbell_row" and abs(ahead) > above:
        part = np.s_[:, : int(nose[0])] if ahead > 0 else np.s_[:, int(nose[0]) :]
    for frame in SyntheticSource(take.scene, size=take.size, fps=take.fps, seed=take.seed).frames():
        yield replace(frame, image=np.ascontiguousarray(frame.image[part]))


@pytest.mark.parametrize(
    ("exercise", "cut", "least"),
    [
        ("squat", "nose", 0.9),
        ("squat", "chin", 0.9),
        ("squat", "neck", 0.9),
        ("overhead_press", "nose", 0.9),
        ("overhead_press", "chin", 0.8),
        ("barbell_row", "nose", 0.8),
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
