"""A drawn lifter for the segmenter's tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from streamaqa.segmentation import Segmenter
from streamaqa.sources.synthetic import Scene, Truth, make_set, poses, random_scene
from streamaqa.types import Event, Pose, Rep, RepEnded

SIZE = (360, 480)


def scene(exercise: str, *, reps: int = 2, view: float = 0.0, tempo: float = 1.0, seed: int = 0) -> Scene:
    """One set by somebody drawn by `seed`."""
    rng = np.random.default_rng(seed)
    return random_scene(rng, [make_set(exercise, rng, reps=reps, view=view, tempo=tempo)])


def track(drawn: Scene, fps: float = 30.0) -> list[Pose]:
    """Its poses."""
    return list(poses(drawn, fps, size=SIZE))


def truth(drawn: Scene) -> Truth:
    """What is exactly so in it."""
    return Truth(drawn, SIZE)


def run(stream: Iterable[Pose], segmenter: Segmenter | None = None) -> list[Event]:
    """All events of a stream, flush included."""
    segmenter = segmenter or Segmenter()
    events = [event for pose in stream for event in segmenter.push(pose)]
    return events + segmenter.flush()


def reps(events: Sequence[Event]) -> list[Rep]:
    """The confirmed repetitions."""
    return [event.rep for event in events if isinstance(event, RepEnded)]
