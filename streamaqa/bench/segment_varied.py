"""Sets as lifters do them: each phase at its own pace, held or not, rested or not, half or whole.

The grids of `segment_synthetic` and `segment_rendered` are of even tempos and whole repetitions from eight
views, which hides what uneven ones show. Here everything is drawn by chance, the view too, with something
else done before and after, so that what is found too much counts as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, get_args

import numpy as np

from streamaqa.bench.drawn import SIZE, DrawnResult, Tally, found_in, sum_up
from streamaqa.bench.estimated import EstimatedTracks, Take
from streamaqa.bench.progress import tracked
from streamaqa.exercises import EXERCISES
from streamaqa.segmentation import SegmenterSettings
from streamaqa.sources.synthetic import Distractor, Scene, Truth, make_set, poses, random_scene
from streamaqa.sources.synthetic.script import DistractorKind, Implement, RepScript, Style

SETS: Final = 90
RENDERED_SETS: Final = 45
RENDERED_FPS: Final = 15.0
REPS: Final = 3
RATES: Final = (10.0, 15.0, 25.0, 30.0, 60.0)
"""Frames a second."""
NOISE: Final = 0.007
"""Trunk lengths."""
PHASE_S: Final = (0.35, 3.5)
"""Seconds of a phase, standstill to standstill; a repetition lasts for 0.8 at least."""
SHORTEST_S: Final = 0.8
EXTENT: Final = {"squat": (0.45, 1.05), "overhead_press": (0.75, 1.0), "barbell_row": (0.75, 1.0)}
"""Share of the full range."""
HELD: Final[dict[str, tuple[Implement, ...]]] = {
    "squat": ("barbell", "front_rack", "dumbbells", "none"),
    "overhead_press": ("barbell", "dumbbells"),
    "barbell_row": ("barbell", "dumbbells"),
}


def measure_varied(settings: SegmenterSettings | None = None, seed: int = 0) -> DrawnResult:
    """On exact landmarks, at several frame rates."""
    tally = Tally()
    for number in range(SETS):
        scene, rate = draw(seed, number), RATES[number % len(RATES)]
        stream = poses(scene, rate, size=SIZE, noise=NOISE, seed=number)
        tally.add(Truth(scene, SIZE).reps, found_in(stream, settings))
    return sum_up(tally)


def measure_varied_rendered(
    settings: SegmenterSettings | None = None, tracks: EstimatedTracks | None = None, *, seed: int = 0
) -> DrawnResult:
    """Through the real pose model; some ten minutes the first time. Raises ModelFileError without one."""
    tally, tracks = Tally(), tracks or EstimatedTracks()
    for number in tracked(range(RENDERED_SETS), "Varied sets"):
        scene = draw(seed, number)
        stream = tracks.get(Take(scene, SIZE, RENDERED_FPS, number))
        tally.add(Truth(scene, SIZE).reps, found_in(stream, settings))
    return sum_up(tally)


def draw(seed: int, number: int) -> Scene:
    """Something, a set, something else; exercises in turn."""
    rng = np.random.default_rng((seed, number))
    name = EXERCISES[number % len(EXERCISES)].name
    view = float(rng.uniform(0.0, 360.0))
    held = HELD[name][int(rng.integers(len(HELD[name])))]
    script = make_set(name, rng, reps=REPS, view=view, implement=held)
    reps = tuple(_varied(rep, name, rng) for rep in script.reps)
    before, after = float(rng.uniform(0.1, 2.0)), float(rng.uniform(0.3, 2.0))
    style = _wide(script.style, name, rng)
    uneven = replace(script, reps=reps, style=style, before=before, after=after)
    first, last = _something_else(rng, view)
    return random_scene(rng, [first, uneven, last], f"varied {seed}/{number}: {name} {view:.0f}")


def _varied(rep: RepScript, name: str, rng: np.random.Generator) -> RepScript:
    low, high = (math.log(seconds) for seconds in PHASE_S)
    first, second = (math.exp(drawn) for drawn in rng.uniform(low, high, 2))
    return replace(
        rep,
        first=first,
        second=max(second, SHORTEST_S - first),
        hold=float(rng.uniform(0.0, 0.3) if rng.random() < 0.6 else rng.uniform(0.3, 2.5)),
        rest=float(rng.uniform(0.0, 0.25) if rng.random() < 0.5 else rng.uniform(0.25, 3.0)),
        extent=float(rng.uniform(*EXTENT[name])),
    )


def _wide(style: Style, name: str, rng: np.random.Generator) -> Style:
    if name == "barbell_row":
        return replace(style, hinge=float(rng.uniform(38.0, 75.0)), knees=float(rng.uniform(10.0, 45.0)))
    if name == "squat":
        return replace(style, stance=float(rng.uniform(1.2, 2.4)), shank=float(rng.uniform(23.0, 36.0)))
    return style


def _something_else(rng: np.random.Generator, view: float) -> Iterator[Distractor]:
    for strange in ("walk_out", "walk_in"):  # nobody leaves just before a set, or comes just after it
        kinds = [kind for kind in get_args(DistractorKind) if kind != strange]
        kind: DistractorKind = kinds[int(rng.integers(len(kinds)))]
        seconds, style = float(rng.uniform(3.0, 6.0)), make_set("squat", rng).style
        yield Distractor(kind, seconds, view, style, repeats=2, seed=int(rng.integers(1 << 30)))
