"""The segmenter on drawn lifters, whose truth is exact: every exercise, view and tempo, and what is none.

Landmarks are the drawn ones with a little noise, not the pose model's: this measures the segmenter alone, in
seconds. `segment_rendered` goes the whole way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from streamaqa.bench.drawn import FPS, SIZE, TEMPOS, VIEWS, Tally, found_in
from streamaqa.exercises import EXERCISES
from streamaqa.segmentation import SegmenterSettings
from streamaqa.sources.synthetic import Scene, Truth, make_set, negatives_scene, poses, random_scene
from streamaqa.types import RepEnded

REPS: Final = 3
NOISE: Final = 0.005
"""Trunk lengths: what the pose model's landmarks of a standing lifter shake by."""
NEGATIVE_MINUTES: Final = 10.0


@dataclass(frozen=True, slots=True)
class SyntheticResult:
    """Shares are in [0, 1], times in seconds."""

    reps: int
    """Drawn."""
    right_share: float
    """Drawn repetitions found with the right exercise."""
    extra: int
    """Found, but not drawn."""
    within_two_frames: float
    """Share of boundaries."""
    boundary_p95: float
    delay_p95: float
    """From the true end to when it was said."""
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
    return SyntheticResult(
        reps=tally.reps,
        right_share=tally.right_share,
        extra=tally.extra,
        within_two_frames=tally.within,
        boundary_p95=tally.boundary_p95,
        delay_p95=tally.delay_p95,
        false_in_negatives=len(_found(negatives_scene(rng, NEGATIVE_MINUTES), settings, seed)),
    )


def _found(scene: Scene, settings: SegmenterSettings | None, seed: int) -> list[RepEnded]:
    return found_in(poses(scene, FPS, size=SIZE, noise=NOISE, seed=seed), settings)
