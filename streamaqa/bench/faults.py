"""How well the kinematic assessor names faults, measured the whole way: drawn pixels, pose model, segmenter.

Each seed is one set of somebody else, in another room, before another camera: half of its repetitions are
clean, most of the others have the error that the seed is about, in two sets of three from a view that shows
it. `SHOWN` says which views those are by where the lifter was drawn, not by what the assessor makes of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Final, Protocol

import numpy as np
from rich import box
from rich.table import Table

from streamaqa.assessment import KinematicAssessor
from streamaqa.bench.drawn import SIZE, found_in, paired
from streamaqa.bench.estimated import EstimatedTracks, Take
from streamaqa.bench.progress import tracked
from streamaqa.exercises import exercise
from streamaqa.sources.synthetic import (
    Fault,
    Scene,
    TrueRep,
    Truth,
    make_set,
    random_fault,
    random_scene,
)
from streamaqa.types import Assessment, Evidence, Pose

SEEDS: Final = range(11000, 11168)
"""Lifters and views on which nothing was tuned: `signs` says which seeds its rules were fitted on."""
REPS: Final = 5
TEMPOS: Final = (0.7, 1.0, 1.6)
"""Seconds of a phase."""
FPS: Final = 20.0
"""The slowest camera rate that is promised: less than that hurts, more costs time here only."""
LEAD_S: Final = 3.0
"""Seconds of poses before a repetition, as the pipeline hands out."""

Band = tuple[float, float]
"""Degrees from facing the camera, 0 to 180, to either side."""


@dataclass(frozen=True, slots=True)
class Views:
    """From where an error can be seen. Views in neither list are borders, where either answer is fair."""

    shown: tuple[Band, ...]
    hidden: tuple[Band, ...]


SHOWN: Final[dict[str, Views]] = {
    "knees_forward": Views(((70, 110),), ((0, 50), (130, 180))),
    "knees_inward": Views(((0, 15), (165, 180)), ((40, 140),)),
    "shallow": Views(((0, 180),), ()),
    "elbows": Views(((0, 15),), ((40, 65), (115, 180))),
    "knees": Views(((0, 100),), ((130, 180),)),
    "torso_angle": Views(((45, 120),), ((0, 15), (165, 180))),
    "lumbar": Views((), ((0, 180),)),
}
"""Forward and back shows from the side, left and right from ahead or behind."""
THEMES: Final = (
    ("squat", "knees_inward"),
    ("overhead_press", "elbows"),
    ("barbell_row", "torso_angle"),
    ("squat", "shallow"),
    ("overhead_press", "knees"),
    ("squat", "knees_forward"),
)


@dataclass(frozen=True, slots=True)
class ErrorResult:
    """One error over all drawn sets. Shares are in [0, 1], NaN where there is nothing to count."""

    error: str
    reps: int
    """Repetitions in views that show it."""
    drawn: int
    """Of these, with the error drawn."""
    judged: float
    """Share of these repetitions that the assessor did not abstain from."""
    precision: float
    recall: float
    """What was abstained from is missed."""
    f1: float
    iou: float
    """Median temporal intersection over union, of those named rightly."""
    hidden: int
    """Repetitions in views that cannot show it."""
    abstained: float
    """Share of these that were abstained from."""


@dataclass(frozen=True, slots=True)
class FaultResult:
    """What `measure` found."""

    reps: int
    """Drawn."""
    matched: int
    """Found by the segmenter, with the right exercise."""
    errors: tuple[ErrorResult, ...]
    clean: int
    """Matched repetitions without any drawn error."""
    clean_named: float
    """Share of these in which some error was named."""


@dataclass(frozen=True, slots=True)
class Case:
    """One error in one repetition: what was drawn and what was said."""

    error: str
    view: float
    """Degrees from facing the camera, 0 to 180."""
    drawn: tuple[float, float] | None
    """Seconds of stream time."""
    clean: bool
    """Whether the repetition has no error at all."""
    named: tuple[float, float] | None
    """Where the assessor says that it is, if it does."""
    abstained: bool


class Tracks(Protocol):
    """Where poses come from: the pose model, which takes seconds for each set, or what it once said."""

    def get(self, take: Take) -> list[Pose]:
        """The poses of that scene, in time order."""


def measure(
    seeds: Iterable[int] = SEEDS, *, assessor: KinematicAssessor | None = None, tracks: Tracks | None = None
) -> FaultResult:
    """Draw and judge one set per seed; a run that was stopped goes on where it was.

    Raises ModelFileError if there is no pose model.
    """
    judge, tracks = assessor or KinematicAssessor(), tracks or EstimatedTracks()
    drawn, judged = 0, []
    for seed in tracked(list(seeds), "Drawn lifters"):
        scene = draw(seed)
        drawn += REPS
        for true, shown in matched(scene, tracks.get(Take(scene, SIZE, FPS, seed))):
            judged.append(compare(true, judge.judge(shown)))
    return sum_up(drawn, judged)


def draw(seed: int) -> Scene:
    """The set of that seed."""
    rng = np.random.default_rng(seed)
    name, theme = THEMES[seed % len(THEMES)]
    bands = SHOWN[theme].shown if rng.random() < 2 / 3 else ((0.0, 180.0),)
    view = float(rng.uniform(*bands[int(rng.integers(len(bands)))]) * rng.choice([-1.0, 1.0]))
    script = make_set(name, rng, reps=REPS, view=view % 360.0, tempo=float(rng.choice(TEMPOS)))
    reps = tuple(replace(rep, faults=_faults(name, theme, rng)) for rep in script.reps)
    return random_scene(rng, [replace(script, reps=reps)], f"faults {seed}")


def _faults(name: str, theme: str, rng: np.random.Generator) -> tuple[Fault, ...]:
    """None in one repetition of two; else mostly the theme."""
    if rng.random() < 0.5:
        return ()
    others = [error.name for error in exercise(name).errors]
    return (random_fault(theme if rng.random() < 0.8 else str(rng.choice(others)), rng),)


def matched(scene: Scene, poses: Sequence[Pose]) -> Iterator[tuple[TrueRep, Evidence]]:
    """Drawn repetitions that the segmenter found and recognized, with what an assessor gets to see."""
    for true, event in paired(Truth(scene, SIZE).reps, found_in(poses)):
        if (rep := event.rep).exercise == true.exercise:
            shown = [pose for pose in poses if rep.start - LEAD_S <= pose.time <= rep.end]
            yield true, Evidence(rep, shown)


def compare(true: TrueRep, said: Assessment) -> list[Case]:
    """What was said of one repetition against what was drawn, one case for each error of its exercise."""
    named = {f.name: (f.start, f.end) for f in said.findings if f.probability >= 0.5}
    drawn = {error.name: (error.start, error.end) for error in true.errors}
    view = abs((true.view + 180.0) % 360.0 - 180.0)
    return [
        Case(name, view, drawn.get(name), not drawn, named.get(name), name in said.abstained)
        for name in (error.name for error in exercise(true.exercise).errors)
    ]


def sum_up(drawn: int, judged: Sequence[Sequence[Case]]) -> FaultResult:
    """The figures of `drawn` repetitions, of which those in `judged` were found."""
    cases = [case for rep in judged for case in rep]
    each = tuple(_one(error, [case for case in cases if case.error == error]) for error in SHOWN)
    clean = [rep for rep in judged if rep[0].clean]
    named = sum(any(case.named for case in rep) for rep in clean)
    return FaultResult(drawn, len(judged), each, len(clean), _share(named, len(clean)))


def _one(error: str, cases: Sequence[Case]) -> ErrorResult:
    views = SHOWN[error]
    shown = [case for case in cases if _within(case.view, views.shown)]
    hidden = [case for case in cases if _within(case.view, views.hidden)]
    drawn = [case for case in shown if case.drawn]
    named = [case for case in shown if case.named]
    hits = [(case.drawn, case.named) for case in shown if case.drawn and case.named]
    return ErrorResult(
        error,
        reps=len(shown),
        drawn=len(drawn),
        judged=_share(sum(not case.abstained for case in shown), len(shown)),
        precision=_share(len(hits), len(named)),
        recall=_share(len(hits), len(drawn)),
        f1=_share(2 * len(hits), len(named) + len(drawn)),
        iou=median(overlap(*hit) for hit in hits) if hits else float("nan"),
        hidden=len(hidden),
        abstained=_share(sum(case.abstained for case in hidden), len(hidden)),
    )


def _within(view: float, bands: Iterable[Band]) -> bool:
    return any(low <= view <= high for low, high in bands)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def overlap(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Intersection over union of two intervals."""
    both = max(0.0, min(one[1], other[1]) - max(one[0], other[0]))
    return both / (one[1] - one[0] + other[1] - other[0] - both)


def table(result: FaultResult) -> list[Table]:
    """For people: each error, and the repetitions against their limit."""
    title = "Kinematic assessor on drawn lifters, through the pose model"
    # Narrow enough for 80 columns: a space between columns and no line.
    each = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=0)
    each.add_column("error", no_wrap=True)
    heads = ("reps", "drawn", "judged", "precision", "recall", "F1", "IoU", "hidden", "abstained")
    for head in heads:
        each.add_column(head, justify="right")
    for row in result.errors:
        shares = (row.judged, row.precision, row.recall, row.f1, row.iou)
        told = (f"{row.reps}", f"{row.drawn}", *map(_cell, shares))
        each.add_row(row.error, *told, f"{row.hidden}", _cell(row.abstained))
    total = Table("figure", "measured", "wanted")
    total.add_row("repetitions found and recognized", f"{result.matched} of {result.reps}", "99 %")
    total.add_row(
        "clean repetitions with a fault named", f"{result.clean_named:.1%} of {result.clean}", "2 %"
    )
    return [each, total]


def _cell(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.2f}"
