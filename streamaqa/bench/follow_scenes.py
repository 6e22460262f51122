"""Drawn scenes in which somebody else is in the picture: who walks past, who spots, who trains beside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

import numpy as np

from streamaqa.bench.drawn import VIEWS
from streamaqa.exercises import EXERCISES
from streamaqa.sources.synthetic import (
    Appearance,
    BodyShape,
    Companion,
    Distractor,
    Passer,
    Scene,
    SetScript,
    Style,
    make_set,
    random_scene,
)

FPS: Final = 15.0
"""Half the usual rate: whether somebody is followed hardly depends on it, and a scene takes half a minute."""
SIZES: Final = ((360, 480), (480, 360))
"""Upright and across: in the second the others are in the picture for longer."""
REPS: Final = 4
EMPTY_HANDED: Final = Style(implement="none")

Other: TypeAlias = Passer | Companion
Crowd: TypeAlias = Callable[[np.random.Generator, SetScript], tuple[Other, ...]]


@dataclass(frozen=True, slots=True)
class Case:
    """One scene to be drawn."""

    kind: str
    """A key of `KINDS`."""
    scene: Scene
    size: tuple[int, int]
    """Width and height in pixels."""
    seed: int
    """Of the sensor's noise."""


def _somebody(rng: np.random.Generator) -> tuple[BodyShape, Appearance]:
    """By the same chance as lifters, so that some wear nearly the same."""
    scene = random_scene(rng, ())
    return scene.body, scene.appearance


def _passer(rng: np.random.Generator, start: float, distance: tuple[float, float]) -> Passer:
    """At a stroll or in a hurry: 0.8 to 2 m/s."""
    body, looks = _somebody(rng)
    duration, away = float(rng.uniform(3.0, 7.5)), float(rng.uniform(*distance))
    return Passer(start, duration, away, bool(rng.random() < 0.5), body, looks)


def _companion(rng: np.random.Generator, start: float, *segments: Distractor | SetScript) -> Companion:
    body, looks = _somebody(rng)
    return Companion(segments, start, body=body, appearance=looks)


def _stand(rng: np.random.Generator, seconds: float, station: tuple[float, float]) -> Distractor:
    kind: Literal["talk", "stand"] = "talk" if rng.random() < 0.3 else "stand"
    view = float(rng.uniform(-60.0, 60.0))
    return Distractor(kind, seconds, view, EMPTY_HANDED, seed=int(rng.integers(1 << 30)), station=station)


def _behind(rng: np.random.Generator, script: SetScript) -> tuple[Other, ...]:
    starts = np.arange(1.0, script.duration - 2.0, 5.0)
    return tuple(_passer(rng, float(start), (-2.2, -0.7)) for start in starts)


def _before(rng: np.random.Generator, script: SetScript) -> tuple[Other, ...]:
    starts = np.arange(1.0, script.duration - 2.0, 5.0)
    return tuple(_passer(rng, float(start), (0.6, 1.5)) for start in starts)


def _crossing(rng: np.random.Generator, script: SetScript) -> tuple[Other, ...]:
    """Two at a time, one nearer and one farther than the lifter."""
    starts = np.arange(1.0, script.duration - 2.0, 6.0)
    return tuple(
        replace(_passer(rng, float(start + rng.uniform(0.0, 1.0)), reach), rightward=rightward)
        for start in starts
        for reach, rightward in (((0.6, 1.3), True), ((-2.0, -0.7), False))
    )


def _side(rng: np.random.Generator, near: float, far: float) -> float:
    return float(rng.choice([-1.0, 1.0]) * rng.uniform(near, far))


def _beside(rng: np.random.Generator, script: SetScript) -> tuple[Other, ...]:
    station = (_side(rng, 0.75, 1.0), float(rng.uniform(-0.5, 0.2)))
    return (_companion(rng, 0.0, _stand(rng, script.duration + 1.0, station)),)


def _at_the_back(rng: np.random.Generator, script: SetScript) -> tuple[Other, ...]:
    station = (_side(rng, 0.0, 0.4), float(rng.uniform(-0.9, -0.6)))
    return (_companion(rng, 0.0, _stand(rng, script.duration + 1.0, station)),)


def _steps_in(rng: np.random.Generator, script: SetScript) -> tuple[Other, ...]:
    """After the second repetition, for the third, then away."""
    station = (_side(rng, 0.0, 0.8), float(rng.uniform(-0.9, -0.5)))
    second = script.before + sum(r.first + r.hold + r.second + r.rest for r in script.reps[:2])
    seeds = [int(rng.integers(1 << 30)) for _ in range(2)]
    come = Distractor("walk_in", 2.2, 0.0, EMPTY_HANDED, seed=seeds[0], station=station)
    go = Distractor("walk_out", 2.2, 0.0, EMPTY_HANDED, seed=seeds[1], station=station)
    return (_companion(rng, second - 2.0, come, _stand(rng, 2.0, station), go),)


def _second_lifter(rng: np.random.Generator, script: SetScript) -> tuple[Other, ...]:
    """Comes in while the first lifts, and does another exercise beside them."""
    station = (_side(rng, 1.1, 1.4), float(rng.uniform(-0.8, 0.0)))
    name = str(rng.choice([e.name for e in EXERCISES if e.name != script.exercise]))
    come = Distractor("walk_in", 2.2, 0.0, EMPTY_HANDED, seed=int(rng.integers(1 << 30)), station=station)
    own = make_set(name, rng, reps=REPS, view=float(rng.choice(VIEWS)), tempo=1.0, implement="dumbbells")
    return (_companion(rng, 0.8, come, replace(own, station=station)),)


KINDS: Final[dict[str, Crowd]] = {
    "walking past behind": _behind,
    "walking past in front": _before,
    "two crossing": _crossing,
    "spotter beside": _beside,
    "spotter behind": _at_the_back,
    "spotter steps in": _steps_in,
    "second lifter": _second_lifter,
}


def cases(each: int, seed: int = 0) -> Iterator[Case]:
    """`each` scenes of every kind, all with another lifter, exercise, room and camera."""
    for row, (kind, crowd) in enumerate(KINDS.items()):
        for number in range(each):
            rng = np.random.default_rng((seed, row, number))
            exercise = EXERCISES[(row + number) % len(EXERCISES)].name
            view = float(rng.choice(VIEWS))
            script = make_set(exercise, rng, reps=REPS, view=view, tempo=float(rng.uniform(0.7, 1.3)))
            scene = random_scene(rng, (script,), f"{kind} {seed}/{number}: {exercise} {view:.0f}")
            yield Case(kind, replace(scene, passers=crowd(rng, script)), SIZES[number % 2], number)
