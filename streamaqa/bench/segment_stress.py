"""The annotated recordings once more, as other cameras, rooms and lifters might have made them.

Poses are dropped, hidden, shaken, swayed, tilted, mirrored, mixed up and shrunk, and the clock runs slower
or faster; what is annotated goes with them. No value is chosen by this, but a gate that loses real
repetitions here is taken back. By landmarks alone: what was followed in a picture would not fit the changed
one.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from rich.console import Console
from rich.progress import track

from streamaqa.bench.annotated import AnnotatedResult, Annotation, annotations_in, rest, run, score, sum_up
from streamaqa.body import OTHER_SIDE, mirrored
from streamaqa.segmentation import SegmenterSettings
from streamaqa.sources.pose_track import PoseTrackSource
from streamaqa.types import Pose

Poses: TypeAlias = Sequence[Pose]
Change: TypeAlias = Callable[[Poses, np.random.Generator], Poses]

SWAY_HZ: Final = (0.1, 0.5)
"""How often a held camera goes to and fro, each way by its own."""

HIDDEN_EVERY_S: Final = 4.0
"""Seconds from one who walks past to the next: two in a set."""


@dataclass(frozen=True, slots=True)
class Stress:
    """One thing that is done to all recordings."""

    name: str
    change: Change
    times: float = 1.0
    """Times as long as it took."""


@dataclass(frozen=True, slots=True)
class Stressed:
    """What came of it."""

    name: str
    figures: AnnotatedResult


def same(poses: Poses, _: np.random.Generator) -> Poses:
    """Nothing is changed."""
    return poses


def every(count: int) -> Change:
    """Every so many poses only."""
    return lambda poses, _: poses[::count]


def dropped(share: float) -> Change:
    """That share of poses is gone."""

    def change(poses: Poses, rng: np.random.Generator) -> Poses:
        kept = rng.random(len(poses)) >= share
        return [pose for pose, keep in zip(poses, kept, strict=True) if keep]

    return change


def unseen(share: float) -> Change:
    """In that share of poses nobody is found."""

    def change(poses: Poses, rng: np.random.Generator) -> Poses:
        return _without(poses, (rng.random(len(poses)) < share).tolist())

    return change


def hidden(seconds: float) -> Change:
    """Nobody is found for so long in every `HIDDEN_EVERY_S`: people walk past in front."""

    def change(poses: Poses, rng: np.random.Generator) -> Poses:
        begin = rng.uniform(0.0, HIDDEN_EVERY_S)
        return _without(poses, [(pose.time + begin) % HIDDEN_EVERY_S < seconds for pose in poses])

    return change


def shaken(share: float) -> Change:
    """Every landmark by noise of its own, as a share of the picture."""
    return lambda poses, rng: [_moved(p, rng.normal(0.0, share, (33, 2))) for p in poses]


def swayed(share: float) -> Change:
    """The camera goes to and fro by that share of the picture to either side, and up and down."""

    def change(poses: Poses, rng: np.random.Generator) -> Poses:
        often, begin = rng.uniform(*SWAY_HZ, 2), rng.uniform(0.0, 2 * np.pi, 2)
        return [_moved(p, share * np.sin(2 * np.pi * often * p.time + begin)) for p in poses]

    return change


def farther(share: float) -> Change:
    """The lifter is that much smaller in the picture."""

    def shrunk(pose: Pose) -> Pose:
        image = pose.image.copy()
        image[:, :2] = 0.5 + share * (image[:, :2] - 0.5)
        image[:, 2] *= share
        return replace(pose, image=image)

    return lambda poses, _: [shrunk(pose) for pose in poses]


def tilted(degrees: float) -> Change:
    """The camera leans that much to its right, and all that it sees to the left."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32)

    def turned(pose: Pose) -> Pose:
        image, world, size = pose.image.copy(), pose.world.copy(), np.array(pose.size, np.float32)
        image[:, :2] = 0.5 + (image[:, :2] - 0.5) * size @ turn.T / size
        world[:, :2] = world[:, :2] @ turn.T
        return replace(pose, image=image, world=world)

    return lambda poses, _: [turned(pose) for pose in poses]


def mixed_up(share: float) -> Change:
    """In that share of poses left is taken for right."""

    def swapped(pose: Pose) -> Pose:
        image, world = pose.image[OTHER_SIDE], pose.world[OTHER_SIDE]
        return replace(pose, image=image, world=world)

    return lambda poses, rng: [swapped(pose) if rng.random() < share else pose for pose in poses]


STRESSES: Final = (
    Stress("as recorded", same),
    Stress("mirrored", lambda poses, _: [mirrored(pose) for pose in poses]),
    Stress("half as large", farther(0.5)),
    *(Stress(f"{times:g} times as long", same, times) for times in (0.6, 0.75, 1.4, 2.0)),
    *(Stress(f"every {name} pose", every(count)) for count, name in ((2, "second"), (3, "third"))),
    *(Stress(f"{share:.0%} of poses dropped", dropped(share)) for share in (0.2, 0.4)),
    *(Stress(f"nobody in {share:.0%} of poses", unseen(share)) for share in (0.1, 0.25)),
    *(Stress(f"hidden for {seconds:g} s in four", hidden(seconds)) for seconds in (0.3, 0.5)),
    *(Stress(f"noise of {share:.1%} of the picture", shaken(share)) for share in (0.003, 0.006)),
    *(Stress(f"camera sways by {share:.0%}", swayed(share)) for share in (0.01, 0.02, 0.04)),
    *(Stress(f"camera tilted by {degrees:+g} degrees", tilted(degrees)) for degrees in (-12, -6, 6, 12)),
    *(Stress(f"sides mixed up in {share:.0%} of poses", mixed_up(share)) for share in (0.05, 0.15)),
)


def measure_stressed(
    shared: Path, settings: SegmenterSettings | None = None, stresses: Sequence[Stress] = STRESSES
) -> tuple[Stressed, ...]:
    """Score all recordings under each stress. Raises SourceError without the tracks."""
    entries = annotations_in(shared)
    tracks = [(entry, _landmarks(shared / entry["poses"])) for entry in entries]
    console = Console(stderr=True)
    return tuple(
        Stressed(stress.name, _figures(stress, tracks, settings))
        for stress in track(stresses, "Stresses", console=console, transient=True)
    )


def _landmarks(path: Path) -> list[Pose]:
    return [replace(pose, flow=None) for pose in PoseTrackSource(path).poses()]


def _figures(
    stress: Stress, tracks: Sequence[tuple[Annotation, Poses]], settings: SegmenterSettings | None
) -> AnnotatedResult:
    recordings, rested = [], []
    for annotation, poses in tracks:
        longer = [replace(pose, time=pose.time * stress.times) for pose in poses]
        changed = stress.change(longer, np.random.default_rng(0))
        annotated = stretched(annotation, stress.times)
        recordings.append(score(annotated, run(changed, settings)))
        rested.append(score(annotated, run(rest(changed), settings)))
    return sum_up(recordings, rested)


def stretched(annotation: Annotation, times: float) -> Annotation:
    """The same with every moment so many times as late; tolerances are those of a person and stay."""
    longer = copy.deepcopy(annotation)
    for rep in longer["reps"]:
        for name in ("start_s", "turn_s", "end_s"):
            if rep.get(name) is not None:
                rep[name] *= times
    return longer


def _without(poses: Poses, gone: Sequence[bool]) -> Poses:
    """Nobody in those poses."""
    return [Pose.nobody(p.time, p.size) if none else p for p, none in zip(poses, gone, strict=True)]


def _moved(pose: Pose, by: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Pose:
    """The landmarks moved by (33, 2) or (2,) shares of the picture."""
    image = pose.image.copy()
    image[:, :2] += by
    return replace(pose, image=image)
