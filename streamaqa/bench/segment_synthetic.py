"""The segmenter on drawn lifters, whose truth is exact: every exercise, view and tempo, and what is none.

Landmarks are the drawn ones with a little noise, not the pose model's: this measures the segmenter alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from streamaqa.exercises import EXERCISES
from streamaqa.segmentation import Segmenter, SegmenterSettings
from streamaqa.sources.synthetic import Scene, Truth, make_set, negatives_scene, poses, random_scene
from streamaqa.types import RepEnded

VIEWS: Final = (0.0, 45.0, 90.0, 135.0, 180.0, 225.0, 270.0, 315.0)
TEMPOS: Final = (0.5, 1.2, 3.0)
"""Seconds of a phase."""
REPS: Final = 3
NOISE: Final = 0.005
"""Trunk lengths: what the pose model's landmarks of a standing lifter shake by."""
SIZE: Final = (360, 480)
FPS: Final = 30.0
NEGATIVE_MINUTES: Final = 10.0
NEAR_S: Final = 0.75
"""A turn farther away than this is another repetition's."""


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
    errors: list[float] = []
    delays: list[float] = []
    drawn = right = extra = 0
    for exercise in EXERCISES:
        for view in VIEWS:
            for tempo in TEMPOS:
                scene = random_scene(rng, [make_set(exercise.name, rng, reps=REPS, view=view, tempo=tempo)])
                found = _found(scene, settings, seed)
                drawn += REPS
                extra += max(0, len(found) - REPS)
                for true in Truth(scene, SIZE).reps:
                    near = [e for e in found if abs(e.rep.turn - true.turn) <= NEAR_S]
                    if not near or near[0].rep.exercise != exercise.name:
                        continue
                    right += 1
                    rep = near[0].rep
                    errors += [rep.start - true.start, rep.turn - true.turn, rep.end - true.end]
                    delays.append(near[0].at - true.end)
    far = np.abs(errors)
    return SyntheticResult(
        reps=drawn,
        right_share=right / drawn,
        extra=extra,
        within_two_frames=float(np.mean(far <= 2 / FPS)),
        boundary_p95=float(np.percentile(far, 95)),
        delay_p95=float(np.percentile(delays, 95)),
        false_in_negatives=len(_found(negatives_scene(rng, NEGATIVE_MINUTES), settings, seed)),
    )


def _found(scene: Scene, settings: SegmenterSettings | None, seed: int) -> list[RepEnded]:
    segmenter = Segmenter(settings)
    stream = poses(scene, FPS, size=SIZE, noise=NOISE, seed=seed)
    events = [event for pose in stream for event in segmenter.push(pose)] + segmenter.flush()
    return [event for event in events if isinstance(event, RepEnded)]
