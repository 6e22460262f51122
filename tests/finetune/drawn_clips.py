"""Labelled clips of the synthetic lifter as exact poses: a data set that needs no video and no pose model."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from finetune.clips import Clip
from finetune.evaluate import Library, Material
from finetune.layout import SPLITS, Split
from streamaqa.sources.synthetic import Fault, RepScript, Scene, SetScript, Truth, poses
from streamaqa.types import Frame, Pose

EXERCISES = {
    "squat": (0.0, "knees_inward", (8.0, 34.0), ("knees_forward", "knees_inward")),
    "overhead_press": (270.0, "knees", (8.0, 34.0), ("elbows", "knees")),
}
"""Exercise to a view, the error drawn from there, its size in degrees, and what is labelled."""


@dataclass
class Drawn:
    """The clips, and what there is to see of them."""

    clips: list[Clip] = field(default_factory=list)
    poses: dict[str, Sequence[Pose]] = field(default_factory=dict)


def draw(root: Path, counts: dict[Split, int], seed: int = 0) -> Drawn:
    """So many clips of each split, half of each exercise, half with its error; empty files below `root`."""
    rng = random.Random(seed)
    drawn = Drawn()
    for split in SPLITS:
        for number in range(counts.get(split, 0)):
            exercise = list(EXERCISES)[number // 2 % 2]
            view, error, size, judged = EXERCISES[exercise]
            faulty = number % 2 == 0
            start = rng.uniform(0.0, 0.3)
            fault = Fault(error, rng.uniform(*size), start, start + rng.uniform(0.3, 0.6))
            rep = RepScript(
                rng.uniform(0.9, 1.5), rng.uniform(0.9, 1.5), rest=0.3, faults=(fault,) if faulty else ()
            )
            scene = Scene((SetScript(exercise, (rep,), view=view, before=0.6, after=0.4),))
            name = f"{exercise}/{split}_{number}"
            track = poses(scene, 30.0, noise=0.01, seed=rng.randrange(10**6))
            (true,) = Truth(scene, (360, 480)).reps
            drawn.poses[name] = track
            drawn.clips.append(
                Clip(
                    id=name,
                    part=exercise,
                    exercise=exercise,
                    kind="video",
                    file=f"{split}_{number}.mp4",
                    split=split,
                    errors={one.name: ((one.start, one.end),) for one in true.errors},
                    judged=judged,
                    duration=track[-1].time + 1 / 30,
                    fps=30.0,
                    frames=len(track),
                    size=(360, 480),
                )
            )
            (root / f"{split}_{number}.mp4").touch()
    return drawn


class DrawnLibrary(Library):
    """Gives judges the drawn poses, and frames that show their number as brightness."""

    def __init__(self, root: Path, drawn: Drawn) -> None:
        super().__init__(root, root / "poses")
        self.drawn = drawn
        self.looked: list[str] = []
        """Clips that were asked for, in order."""

    def material(self, clip: Clip) -> Material:
        return self._of(clip, lambda: self.drawn.poses[clip.id])

    def without_person(self, clip: Clip) -> Material | None:
        nobody = [Pose.nobody(pose.time, pose.size) for pose in self.drawn.poses[clip.id]]
        return self._of(clip, lambda: nobody)

    def _of(self, clip: Clip, track: Callable[[], Sequence[Pose]]) -> Material:
        def frames() -> Iterator[Frame]:
            for number, pose in enumerate(track()):
                yield Frame(number, np.full((96, 72, 3), number % 250, np.uint8), pose.time, pose.time)

        self.looked.append(clip.id)
        return Material(clip.id, clip.exercise, False, clip.duration, frames, track)
