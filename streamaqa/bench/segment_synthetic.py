"""The segmenter on drawn lifters, whose truth is exact: every exercise, view and tempo, and what is none.

Landmarks are the drawn ones with a little noise, not the pose model's: this measures the segmenter alone, in
seconds. `segment_rendered` goes the whole way.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from streamaqa.bench.drawn import FPS, SIZE, TEMPOS, VIEWS, DrawnResult, Tally, found_in, sum_up
from streamaqa.exercises import EXERCISES
from streamaqa.segmentation import SegmenterSettings
from streamaqa.sources.synthetic import Scene, Truth, make_set, negatives_scene, poses, random_scene
from streamaqa.types import RepEnded

REPS: Final = 3
NOISE: Final = 0.005
"""Trunk lengths: what the pose model's landmarks of a standing lifter shake by."""
NEGATIVE_MINUTES: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticResult(DrawnResult):
    """... and of what is no repetition."""

    false_in_negatives: int
    """Repetitions found in `NEGATIVE_MINUTES` of walking, racking, deadlifts, curls and talking."""


def measure_synthetic(settings: SegmenterSettings | None = None, seed: int = 0) -> SyntheticResult:
    """Draw and segment one set of each exercise, view and tempo, each by somebody else."""
    rng = np.random.default_rng(seed)
    tally = Tally()
    for exercise in EXERCISES:
        for view in VIEWS:
            for tempo in TEMPOS:
                scene = random_scene(rng, [make_set(exercise.name, rng, reps=REPS, view=view, tempo=tempo)])
                tally.add(Truth(scene, SIZE).reps, _found(scene, settings, seed))
    false = _found(negatives_scene(rng, NEGATIVE_MINUTES), settings, seed)
    return SyntheticResult(**asdict(sum_up(tally)), false_in_negatives=len(false))


def _found(scene: Scene, settings: SegmenterSettings | None, seed: int) -> list[RepEnded]:
    return found_in(poses(scene, FPS, size=SIZE, noise=NOISE, seed=seed), settings)
