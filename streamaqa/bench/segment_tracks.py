"""What parameters are chosen by: the annotated recordings, and a few drawn lifters.

Recordings have a second of rest around. Drawn ones have exact landmarks with noise; they are there so that
what 34 recordings choose also holds for views and tempos that they lack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Final

import numpy as np

from streamaqa.bench.annotated import Annotation, annotations_in, rest
from streamaqa.bench.drawn import SIZE, TEMPOS
from streamaqa.exercises import EXERCISES
from streamaqa.sources.pose_track import PoseTrackSource
from streamaqa.sources.synthetic import TrueRep, Truth, make_set, negatives_scene, poses, random_scene
from streamaqa.types import Pose

SEED: Final = 20
"""Of the drawn lifters: others than those of `segment_synthetic` and `segment_rendered`."""
FPS: Final = 15.0
"""About how many poses a second are looked at: time is what a search costs, and the segmenter promises to do
alike at 10 to 60. What is chosen is then scored on all poses."""
DRAWN_VIEWS: Final = (0.0, 60.0, 150.0, 270.0)
DRAWN_REPS: Final = 2
DRAWN_NOISE: Final = 0.01
"""Trunk lengths: twice what the pose model's landmarks of a standing lifter shake by."""
NEGATIVE_MINUTES: Final = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One stream of poses and what is in it."""

    name: str
    poses: Sequence[Pose]
    truth: Annotation | tuple[TrueRep, ...]


def recordings(shared: Path) -> list[Track]:
    """The annotated recordings, a second of rest around each, thinned to about `FPS`."""
    tracks = []
    for entry in annotations_in(shared):
        rested = rest(list(PoseTrackSource(shared / entry["poses"]).poses()))
        tracks.append(Track(entry["name"], rested[:: max(1, round(entry["fps"] / FPS))], entry))
    return tracks


def drawn() -> list[Track]:
    """Two sets of each exercise for each of some views, and what is no repetition."""
    rng = np.random.default_rng(SEED)
    tempos = cycle(TEMPOS)
    tracks = []
    for exercise in EXERCISES:
        for view in DRAWN_VIEWS:
            name = f"drawn {exercise.name} {view:.0f}"
            script = make_set(exercise.name, rng, reps=DRAWN_REPS, view=view, tempo=next(tempos))
            scene = random_scene(rng, [script], name)
            seen = poses(scene, FPS, size=SIZE, noise=DRAWN_NOISE, seed=SEED)
            tracks.append(Track(name, list(seen), tuple(Truth(scene, SIZE).reps)))
    nothing = negatives_scene(rng, NEGATIVE_MINUTES)
    seen = poses(nothing, FPS, size=SIZE, noise=DRAWN_NOISE, seed=SEED)
    return [*tracks, Track("drawn negatives", list(seen), ())]
