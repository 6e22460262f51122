"""What is exactly so in a scene: repetitions, errors, and where each landmark is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from streamaqa.exercises import exercise
from streamaqa.sources.synthetic.camera import View
from streamaqa.sources.synthetic.landmarks import mediapipe_points, visibility
from streamaqa.sources.synthetic.posture import Array, Joint, skeleton
from streamaqa.sources.synthetic.script import Scene, SetScript
from streamaqa.sources.synthetic.timeline import Timeline, fault_interval, onsets, true_times
from streamaqa.types import Phase, PhaseKind, Pose


@dataclass(frozen=True, slots=True)
class TrueError:
    """An error that was drawn."""

    name: str
    start: float
    """Seconds of stream time: where its ramp begins."""
    end: float
    magnitude: float
    """Degrees at the plateau, see `script.Fault`."""


@dataclass(frozen=True, slots=True)
class TrueRep:
    """A repetition that was drawn; times as `types.Rep` defines them."""

    exercise: str
    set_number: int
    """From 1 within the scene."""
    number: int
    """From 1 within the set."""
    view: float
    """Degrees, see `script.SetScript`."""
    start: float
    turn: float
    end: float
    hold: float
    """Seconds of standstill about the turn."""
    errors: tuple[TrueError, ...]

    @property
    def phases(self) -> tuple[Phase, Phase]:
        """The two phases, touching at the turn."""
        known = exercise(self.exercise)
        return (
            Phase(known.first_phase, self.start, self.turn),
            Phase(known.second_phase, self.turn, self.end),
        )

    def phase_at(self, time: float) -> PhaseKind:
        """Which phase holds `time`."""
        return self.phases[0].kind if time < self.turn else self.phases[1].kind


class Truth:
    """The truth of one scene. `reps` is there at once; landmarks are worked out for the times asked."""

    def __init__(self, scene: Scene, size: tuple[int, int]) -> None:
        self.scene = scene
        self.size = size
        self.timeline = Timeline(scene)
        self.view = View(scene.camera, size)
        self.reps = _reps(self.timeline)

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.timeline.duration

    def landmarks(self, times: Array) -> tuple[Array, Array]:
        """Image and world landmarks, both (T, 33, 4), as `types.Pose` describes them."""
        bones = skeleton(self.scene.body, self.timeline.posture(times))
        points = mediapipe_points(self.scene.body, bones)
        camera = self.view.to_camera(points)
        hips = self.view.to_camera(bones[Joint.PELVIS])
        seen = visibility(self.scene.body, bones, camera, self.view)
        flat = self.view.project(camera)
        image = np.empty((len(points), 33, 4))
        image[..., :2] = flat / np.asarray(self.size)
        # z on x's scale: metres of depth as they would show across the picture at the hips' distance.
        image[..., 2] = (
            (camera[..., 2] - hips[:, None, 2]) * self.view.focal / hips[:, None, 2] / self.size[0]
        )
        world = np.empty_like(image)
        world[..., :3] = camera - hips[:, None, :]
        image[..., 3] = world[..., 3] = seen
        return image, world

    def poses(self, times: Array) -> list[Pose]:
        """Exact poses at `times`."""
        image, world = self.landmarks(times)
        image, world = image.astype(np.float32), world.astype(np.float32)
        return [Pose(float(t), i, w, self.size) for t, i, w in zip(times, image, world, strict=True)]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "name": self.scene.name,
            "duration": self.duration,
            "size": list(self.size),
            "body": self.scene.body.to_dict(),
            "reps": [asdict(rep) | {"errors": [asdict(e) for e in rep.errors]} for rep in self.reps],
        }


def _reps(timeline: Timeline) -> tuple[TrueRep, ...]:
    out = []
    set_number = 0
    for clip in timeline.clips:
        script = clip.segment
        if not isinstance(script, SetScript):
            continue
        set_number += 1
        for number, (rep, onset) in enumerate(zip(script.reps, onsets(script), strict=True), start=1):
            start, turn, end = true_times(rep, clip.start + onset)
            errors = tuple(
                TrueError(f.error, *fault_interval(rep, f, clip.start + onset), f.magnitude)
                for f in rep.faults
            )
            out.append(
                TrueRep(script.exercise, set_number, number, script.view, start, turn, end, rep.hold, errors)
            )
    return tuple(out)
