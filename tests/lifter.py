"""A drawn lifter for the segmenter's tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

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


def stopped(stream: Sequence[Pose], at: float, seconds: float) -> list[Pose]:
    """The same, but the lifter stands still for so long at that moment; what comes after comes later."""
    stuck = min(stream, key=lambda pose: abs(pose.time - at))
    held = [replace(stuck, time=stuck.time + n / 30) for n in range(1, round(30 * seconds) + 1)]
    later = [replace(pose, time=pose.time + seconds) for pose in stream if pose.time > stuck.time]
    return [pose for pose in stream if pose.time <= stuck.time] + held + later


def resting(stream: Sequence[Pose], arm: int) -> list[Pose]:
    """That arm (0 left, 1 right) stays as it was at first, wherever its shoulder goes."""
    shoulder, moved_along = 11 + arm, [13 + arm, 15 + arm]
    first, out = stream[0], []
    for pose in stream:
        image, world = pose.image.copy(), pose.world.copy()
        for now, then in ((image, first.image), (world, first.world)):
            now[moved_along, :3] = now[shoulder, :3] + then[moved_along, :3] - then[shoulder, :3]
        out.append(replace(pose, image=image, world=world))
    return out


def reps(events: Sequence[Event]) -> list[Rep]:
    """The confirmed repetitions."""
    return [event.rep for event in events if isinstance(event, RepEnded)]
