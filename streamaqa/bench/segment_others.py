"""Other exercises and errands: how many of them are taken for repetitions, on exact landmarks or estimated.

What is asked for is that walking, racking, deadlifts and curls are none (`segment_synthetic`,
`segment_rendered`); a gym has more than these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, cast

import numpy as np

from streamaqa.bench.drawn import SIZE, VIEWS, found_in
from streamaqa.bench.estimated import EstimatedTracks, Take
from streamaqa.bench.progress import tracked
from streamaqa.segmentation import SegmenterSettings
from streamaqa.sources.synthetic import Distractor, make_set, poses, random_scene
from streamaqa.sources.synthetic.others import OTHERS
from streamaqa.sources.synthetic.script import Implement, OtherKind
from streamaqa.types import Pose

REPEATS: Final = 3
SECONDS: Final = (1.8, 3.6)
"""Of one of them."""
FPS: Final = 15.0
NOISE: Final = 0.005
"""Trunk lengths."""


@dataclass(frozen=True, slots=True)
class OtherResult:
    """One of the movements, from all views."""

    kind: str
    done: int
    counted: int
    """What of it was taken for a repetition of anything."""
    taken_for: tuple[str, ...]
    """Of which exercises."""


def measure_others(settings: SegmenterSettings | None = None, seed: int = 0) -> tuple[OtherResult, ...]:
    """On exact landmarks; seconds."""

    def exact(take: Take) -> Iterable[Pose]:
        return poses(take.scene, take.fps, size=SIZE, noise=NOISE, seed=take.seed)

    return tuple(_count(exact, settings, seed))


def measure_others_rendered(
    settings: SegmenterSettings | None = None, tracks: EstimatedTracks | None = None, *, seed: int = 0
) -> tuple[OtherResult, ...]:
    """Through the real pose model; some ten minutes the first time. Raises ModelFileError without one."""
    tracks = tracks or EstimatedTracks()
    return tuple(_count(tracks.get, settings, seed))


def takes(kind: str, seed: int = 0) -> Iterator[Take]:
    """That movement from each view, each time by somebody else."""
    for number, view in enumerate(VIEWS):
        rng = np.random.default_rng((seed, number, *kind.encode()))
        held: Implement = "barbell" if kind == "good_morning" else ("dumbbells", "none")[number % 2]
        style = make_set("squat", rng, implement=held).style
        seconds = REPEATS * float(rng.uniform(*SECONDS))
        at_ease = Distractor("stand", 1.2, view, style)
        what = cast(OtherKind, kind)
        doing = Distractor(what, seconds, view, style, REPEATS, int(rng.integers(1 << 30)))
        scene = random_scene(rng, [at_ease, doing, at_ease], f"{kind} {view:.0f}")
        yield Take(scene, SIZE, FPS, seed)


def _count(
    seen: Callable[[Take], Iterable[Pose]], settings: SegmenterSettings | None, seed: int
) -> Iterator[OtherResult]:
    for kind in tracked(list(OTHERS), "Other movements"):
        found = [event.rep for take in takes(kind, seed) for event in found_in(seen(take), settings)]
        names = tuple(sorted({rep.exercise for rep in found}))
        yield OtherResult(kind, REPEATS * len(VIEWS), len(found), names)
