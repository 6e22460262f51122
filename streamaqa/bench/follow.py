"""Whether the pose model stays with the lifter while others are about: drawn scenes, the real pose model,
then the segmenter.

A frame is off where shoulders and hips lie on average more than `OFF` trunks from where they were drawn, and
given up where nobody was told although most of the lifter could be seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from streamaqa.bench.drawn import Tally, found_in
from streamaqa.bench.estimated import EstimatedTracks, Take
from streamaqa.bench.follow_scenes import FPS, KINDS, Case, cases
from streamaqa.bench.progress import tracked
from streamaqa.pose import MediaPipePose, PoseSettings
from streamaqa.pose.model_file import locate
from streamaqa.sources.synthetic import SyntheticSource, Truth
from streamaqa.sources.synthetic.cast import actors
from streamaqa.sources.synthetic.landmarks import mediapipe_points
from streamaqa.sources.synthetic.posture import Array, skeleton
from streamaqa.types import Pose, RepEnded

OFF: Final = 0.6
"""Trunk lengths: the model's own slips are rarely as large, the next person is farther."""
TRUNK: Final = (11, 12, 23, 24)
MAIN: Final = (0, 11, 12, 23, 24, 25, 26)
"""Nose, shoulders, hips and knees: what has to show of a lifter."""
SOLID_M: Final = 0.1
"""Metres from the joints of somebody's trunk and legs to where they end."""


@dataclass(slots=True)
class Row:
    """The scenes of one kind, summed up."""

    kind: str
    frames: int = 0
    seen: int = 0
    """Frames in which most of the lifter shows."""
    off: int = 0
    """Frames off the lifter."""
    given_up: int = 0
    """Frames without a pose, of those `seen`."""
    looks: int = 0
    """Second looks."""
    reps: Tally = field(default_factory=Tally)
    """Repetitions through the segmenter."""
    alone: Tally = field(default_factory=Tally)
    """The same sets with nobody else in the picture."""
    shown: Tally = field(default_factory=Tally)
    """... without a pose where others hide the lifter: as well as following can do."""
    stolen: int = 0
    """Repetitions that were somebody else's: most of their frames are off."""

    def add(self, other: Row) -> None:
        """Add another row's counts to these."""
        for name in ("frames", "seen", "off", "given_up", "looks", "stolen"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for mine, more in ((self.reps, other.reps), (self.alone, other.alone), (self.shown, other.shown)):
            mine.reps, mine.right, mine.extra = (
                mine.reps + more.reps,
                mine.right + more.right,
                mine.extra + more.extra,
            )


@dataclass(frozen=True, slots=True)
class FollowResult:
    """What `measure` found."""

    seed: int
    scenes: int
    rows: tuple[Row, ...]
    total: Row


@dataclass(frozen=True, slots=True)
class Followed:
    """One scene, frame by frame: (T,) each."""

    poses: tuple[Pose, ...]
    apart: NDArray[np.float64]
    """Trunks between the pose and the lifter; NaN without a pose."""
    seen: NDArray[np.bool_]
    """Whether most of the lifter shows."""

    @property
    def off(self) -> NDArray[np.bool_]:
        """Whether the pose is not the lifter's."""
        return self.apart > OFF

    @property
    def given_up(self) -> NDArray[np.bool_]:
        """Whether there is no pose though the lifter shows."""
        return np.isnan(self.apart) & self.seen


def measure(each: int = 3, *, seed: int = 0, settings: PoseSettings | None = None) -> FollowResult:
    """Draw, estimate and segment `each` scenes of every kind. Raises ModelFileError without a pose model."""
    settings = settings or PoseSettings()
    model, tracks = locate(settings), EstimatedTracks()
    rows = {kind: Row(kind) for kind in KINDS}
    for case in tracked(list(cases(each, seed)), "Scenes"):
        with MediaPipePose(model, settings) as estimator:
            row = score(case, follow(case, estimator), alone=tracks.get(alone(case)))
            row.looks = estimator.looks
        rows[case.kind].add(row)
    total = Row("all")
    for row in rows.values():
        total.add(row)
    return FollowResult(seed, each * len(rows), tuple(rows.values()), total)


def follow(case: Case, estimator: MediaPipePose) -> Followed:
    """Run the pose model over one scene."""
    source = SyntheticSource(case.scene, size=case.size, fps=FPS, seed=case.seed)
    poses = tuple(estimator.estimate(frame) for frame in source.frames())
    return compare(case, poses)


def compare(case: Case, poses: Sequence[Pose]) -> Followed:
    """Those poses of one scene, at `FPS`, against where the lifter was drawn."""
    truth = Truth(case.scene, case.size)
    times = np.array([pose.time for pose in poses])
    image, _ = truth.landmarks(times)
    drawn = image[..., :2] * case.size
    told = np.stack([pose.image[:, :2] for pose in poses]) * case.size
    trunk = truth.view.focal / case.scene.camera.distance * case.scene.body.trunk
    apart = np.hypot(*np.moveaxis((told - drawn)[:, TRUNK].mean(axis=1), -1, 0)) / trunk
    return Followed(tuple(poses), apart, seen_share(truth, times) > 0.5)


def seen_share(truth: Truth, times: Array) -> Array:
    """(T,) share of the lifter's `MAIN` landmarks that nobody nearer stands before."""
    lifter, *others = (
        (truth.view.to_camera(mediapipe_points(a.body, skeleton(a.body, a.posture(times)))), a.present(times))
        for a in actors(truth.scene)
    )
    points = truth.view.project(lifter[0][:, MAIN])
    free = np.ones(points.shape[:2], bool)
    for place, present in others:
        flat = truth.view.project(place[:, MAIN])
        depth = place[:, TRUNK, 2].mean(axis=1)
        wide = (SOLID_M * truth.view.focal / np.maximum(depth, 0.1))[:, None]
        low, high = flat.min(axis=1) - wide, flat.max(axis=1) + wide
        within = ((points >= low[:, None]) & (points <= high[:, None])).all(axis=2)
        nearer = present & (depth < lifter[0][:, TRUNK, 2].mean(axis=1))
        free &= ~(within & nearer[:, None])
    return np.asarray(free.mean(axis=1))


def alone(case: Case) -> Take:
    """The same scene with nobody else in it."""
    return Take(replace(case.scene, passers=()), case.size, FPS, case.seed)


def score(case: Case, followed: Followed, alone: Sequence[Pose]) -> Row:
    """Counts of one scene; `alone` are the poses of the same scene with nobody else."""
    found = found_in(followed.poses)
    row = Row(
        case.kind,
        frames=len(followed.poses),
        seen=int(followed.seen.sum()),
        off=int(followed.off.sum()),
        given_up=int(followed.given_up.sum()),
        stolen=sum(_stolen(event, followed) for event in found),
    )
    drawn = Truth(case.scene, case.size).reps
    shown = (p if s else Pose.nobody(p.time, p.size) for p, s in zip(alone, followed.seen, strict=True))
    row.reps.add(drawn, found)
    row.alone.add(drawn, found_in(alone))
    row.shown.add(drawn, found_in(shown))
    return row


def _stolen(event: RepEnded, followed: Followed) -> bool:
    times = np.array([pose.time for pose in followed.poses])
    during = (times >= event.rep.start) & (times <= event.rep.end)
    return bool(followed.off[during].mean() > 0.5)


def table(result: FollowResult) -> Table:
    """For people."""
    title = f"{result.scenes} scenes, seed {result.seed}; right + too many + somebody else's"
    shown = Table("Others", title=title, title_justify="left")
    for heading in ("Frames", "Off", "Given up", "Looks", "Reps", "Found", "Shown", "Alone"):
        shown.add_column(heading, justify="right")
    for row in _with_total(result):
        shown.add_row(
            row.kind,
            f"{row.frames}",
            f"{row.off}",
            f"{row.given_up}",
            f"{row.looks}",
            f"{row.reps.reps}",
            f"{row.reps.right} + {row.reps.extra} + {row.stolen}",
            f"{row.shown.right} + {row.shown.extra}",
            f"{row.alone.right} + {row.alone.extra}",
        )
    return shown


def _with_total(result: FollowResult) -> Iterator[Row]:
    yield from result.rows
    yield result.total
