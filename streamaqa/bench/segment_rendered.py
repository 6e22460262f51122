"""The segmenter on rendered lifters, the whole way: drawn pixels, the real pose model, then the segmenter.

Every exercise, view and tempo, by three people, each time in another room before another camera, and what is
no repetition. It takes some 45 minutes the first time and seconds after that: see `estimated`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from streamaqa.bench.annotated import run
from streamaqa.bench.drawn import FPS, SIZE, TEMPOS, VIEWS, Tally, found_in
from streamaqa.bench.estimated import EstimatedTracks, Take
from streamaqa.bench.progress import tracked
from streamaqa.exercises import EXERCISES
from streamaqa.segmentation import SegmenterSettings
from streamaqa.sources.synthetic import Truth, make_set, negatives_scene, random_scene
from streamaqa.types import RepEnded

BODIES: Final = 3
REPS: Final = 2
NEGATIVE_MINUTES: Final = 10.0
NEGATIVE_FPS: Final = 15.0
"""Half the usual rate: 9,000 frames take some five minutes to estimate, and the segmenter's events hardly
depend on the rate."""
PLOTTED: Final = (0, 1.2)
"""Body and tempo of the sets that are plotted: each exercise from every view."""
BEHIND: Final = (135.0, 180.0, 225.0)
"""Views in which the lifter's back is turned to the camera."""


@dataclass(frozen=True, slots=True)
class Case:
    """One set to be drawn."""

    exercise: str
    view: float
    """Degrees, see `script.SetScript`."""
    tempo: float
    """Seconds of a phase."""
    body: int
    take: Take


@dataclass(frozen=True, slots=True)
class RenderedResult:
    """Shares are in [0, 1], times in seconds."""

    reps: int
    """Drawn."""
    right_share: float
    """Drawn repetitions found with the right exercise."""
    right_share_behind: float
    """Of these that are seen from behind."""
    extra: int
    """Found, but not drawn."""
    within_two_frames: float
    """Share of boundaries."""
    boundary_p95: float
    delay_p95: float
    """From the true end to when it was said."""
    false_in_negatives: int
    """Repetitions found in `NEGATIVE_MINUTES` of walking, racking, deadlifts, curls and talking."""


def negatives(seed: int = 0) -> Take:
    """Movements that are no repetition, with people passing by."""
    scene = negatives_scene(np.random.default_rng((seed, BODIES)), NEGATIVE_MINUTES)
    return Take(scene, SIZE, NEGATIVE_FPS, seed)


def cases(seed: int = 0, bodies: int = BODIES) -> Iterator[Case]:
    """All sets, one body after another."""
    for body in range(bodies):
        rng = np.random.default_rng((seed, body))
        somebody = random_scene(rng, ())
        for exercise in EXERCISES:
            for view in VIEWS:
                for tempo in TEMPOS:
                    script = make_set(exercise.name, rng, reps=REPS, view=view, tempo=tempo)
                    drawn = random_scene(rng, (script,), f"{exercise.name} {view:.0f} {tempo}")
                    scene = replace(drawn, body=somebody.body, appearance=somebody.appearance)
                    yield Case(exercise.name, view, tempo, body, Take(scene, SIZE, FPS, seed))


def measure_rendered(
    settings: SegmenterSettings | None = None,
    tracks: EstimatedTracks | None = None,
    plots: Path | None = None,
    *,
    seed: int = 0,
    bodies: int = BODIES,
) -> RenderedResult:
    """Draw, estimate and segment all `cases`; `plots` is a folder for pictures of one body's sets.

    On seed 0 parameters were tried; other seeds are people, rooms and cameras that nothing was set by.

    Raises ModelFileError if there is no pose model.
    """
    tracks = tracks or EstimatedTracks()
    ahead, behind = Tally(), Tally()
    for case in tracked(list(cases(seed, bodies)), "Rendered lifters"):
        poses, truth = tracks.get(case.take), Truth(case.take.scene, SIZE).reps
        events = run(poses, settings)
        tally = behind if case.view in BEHIND else ahead
        tally.add(truth, [event for event in events if isinstance(event, RepEnded)])
        if plots is not None and (case.body, case.tempo) == PLOTTED:
            from streamaqa.bench.segment_plot import drawn, plot

            name = f"rendered_{case.exercise}_{case.view:.0f}_degrees"
            plot(plots / f"{name}.png", case.take.scene.name, poses, events, drawn(truth))
    false = found_in(tracks.get(negatives(seed)), settings)
    both = Tally(errors=ahead.errors + behind.errors, delays=ahead.delays + behind.delays)
    return RenderedResult(
        reps=ahead.reps + behind.reps,
        right_share=(ahead.right + behind.right) / (ahead.reps + behind.reps),
        right_share_behind=behind.right_share,
        extra=ahead.extra + behind.extra,
        within_two_frames=both.within,
        boundary_p95=both.boundary_p95,
        delay_p95=both.delay_p95,
        false_in_negatives=len(false),
    )
