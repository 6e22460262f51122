"""Scripts drawn by chance or by name: styles, repetitions, faults, whole scenes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from streamaqa.exercises import exercise
from streamaqa.sources.synthetic.body import BodyShape
from streamaqa.sources.synthetic.looks import random_appearance, random_camera, random_room
from streamaqa.sources.synthetic.script import (
    Distractor,
    DistractorKind,
    Fault,
    Implement,
    Passer,
    RepScript,
    Scene,
    Segment,
    SetScript,
    Style,
)


@dataclass(frozen=True, slots=True)
class FaultRange:
    """How large an error is drawn, when, and how much of the same clean repetitions show. Degrees."""

    magnitude: tuple[float, float]
    variation: float
    """Standard deviation in clean repetitions, cut at two of them."""
    start: tuple[float, float]
    """Share of the repetition's time at which it begins to show."""
    end: tuple[float, float]


# Lower ends lie where rules for Fitness-AQA's errors begin (shank over 35 to 40 degrees, knee gap 15 % down,
# forearm 10 to 15, knees 15, trunk 10 to 15 degrees). A repetition's variation is drawn beside its fault and
# lifters differ in style, so small faults and clean repetitions overlap in every angle. Intervals follow that
# data set's labels where it has any (knees inward mostly while rising, OHP knees in the first second), and
# lie where the joint angle shows the error.
FAULTS: Final[dict[str, FaultRange]] = {
    "knees_forward": FaultRange((8.0, 18.0), 2.2, (0.18, 0.30), (0.65, 0.85)),
    "knees_inward": FaultRange((13.0, 25.0), 3.0, (0.34, 0.46), (0.72, 0.88)),
    "shallow": FaultRange((14.0, 34.0), 3.5, (0.30, 0.30), (0.70, 0.70)),
    "elbows": FaultRange((16.0, 34.0), 3.5, (0.0, 0.0), (0.40, 0.60)),
    "knees": FaultRange((16.0, 36.0), 3.0, (0.0, 0.0), (0.28, 0.42)),
    "lumbar": FaultRange((26.0, 50.0), 4.0, (0.02, 0.15), (0.75, 0.95)),
    "torso_angle": FaultRange((13.0, 32.0), 3.0, (0.08, 0.18), (0.72, 0.90)),
}


def random_fault(error: str, rng: np.random.Generator, *, size: float | None = None) -> Fault:
    """That error with a magnitude and an interval drawn from its range; `size` 0 to 1 fixes the magnitude."""
    drawn = FAULTS[error]
    low, high = drawn.magnitude
    share = float(rng.uniform()) if size is None else size
    return Fault(
        error,
        low + share * (high - low),
        float(rng.uniform(*drawn.start)),
        float(rng.uniform(*drawn.end)),
    )


def random_rep(
    name: str,
    rng: np.random.Generator,
    *,
    tempo: float = 1.2,
    faults: Iterable[Fault] = (),
    hold: float | None = None,
    rest: float | None = None,
) -> RepScript:
    """A repetition whose phases last about `tempo` seconds, with the small flaws of clean ones."""
    variation = []
    for error in exercise(name).errors:
        drawn = FAULTS[error.name]
        size = drawn.variation * float(np.clip(rng.standard_normal(), -2.0, 2.0))
        start, end = float(rng.uniform(*drawn.start)), float(rng.uniform(*drawn.end))
        variation.append(Fault(error.name, size, start, end))
    first, second, extent = (float(v) for v in 1.0 + 0.08 * np.clip(rng.standard_normal(3), -2.0, 2.0))
    return RepScript(
        first=tempo * first,
        second=tempo * second,
        hold=float(rng.uniform(0.05, 0.3)) if hold is None else hold,
        rest=float(rng.uniform(0.25, 0.7)) if rest is None else rest,
        extent=1.0 if name == "squat" else min(1.0, 0.97 + 0.2 * (extent - 1.0)),
        faults=tuple(faults),
        variation=tuple(variation),
    )


def random_style(name: str, rng: np.random.Generator, implement: Implement = "barbell") -> Style:
    """How somebody does that exercise."""

    def around(centre: float, spread: float) -> float:
        return float(centre + spread * np.clip(rng.standard_normal(), -2.0, 2.0))

    usual = Style()
    return Style(
        implement=implement,
        stance=around(1.75, 0.15) if name == "squat" else around(1.45, 0.12),
        toe_out=around(18.0, 5.0) if name == "squat" else around(10.0, 4.0),
        grip=around(usual.grip, 0.06),
        shank=around(usual.shank, 2.0),
        # No more, so that hardly any sound squat ends as high as another lifter's "shallow" one.
        depth=around(usual.depth, 2.5),
        hinge=around(usual.hinge, 4.0),
        knees=around(usual.knees, 4.0),
        phase=float(rng.uniform(0.0, 2.0 * np.pi)),
    )


def make_set(
    name: str,
    rng: np.random.Generator,
    *,
    reps: int = 5,
    view: float = 0.0,
    tempo: float = 1.2,
    faults: Sequence[str] = (),
    faulty: Sequence[int] | None = None,
    implement: Implement = "barbell",
    hold: float | None = None,
    rest: float | None = None,
) -> SetScript:
    """A set of `reps` repetitions. `faults` are drawn in the repetitions `faulty` (numbers from 1; all
    unless told).
    """
    chosen = range(1, reps + 1) if faulty is None else faulty
    script = tuple(
        random_rep(
            name,
            rng,
            tempo=tempo,
            hold=hold,
            rest=rest,
            faults=[random_fault(f, rng) for f in faults] if number in chosen else (),
        )
        for number in range(1, reps + 1)
    )
    return SetScript(name, script, view=view, style=random_style(name, rng, implement))


def random_scene(rng: np.random.Generator, segments: Sequence[Segment], name: str = "synthetic") -> Scene:
    """Those segments by somebody else, in another room, seen by another camera."""
    return Scene(
        tuple(segments),
        body=BodyShape.random(rng),
        appearance=random_appearance(rng),
        camera=random_camera(rng),
        room=random_room(rng),
        name=name,
    )


def demo_scene() -> Scene:
    """One continuous scene: squats, presses and rows of one lifter, each seen from where its fault shows."""
    rng = np.random.default_rng(7)

    def faulty(script: SetScript, faults: dict[int, Fault]) -> SetScript:
        reps = [
            replace(rep, faults=(faults[n],)) if n in faults else rep
            for n, rep in enumerate(script.reps, start=1)
        ]
        return replace(script, reps=tuple(reps))

    squats = make_set("squat", rng, reps=4, view=12.0, implement="front_rack", rest=0.6)
    presses = make_set("overhead_press", rng, reps=4, view=40.0, rest=0.6)
    rows = make_set("barbell_row", rng, reps=4, view=80.0, tempo=1.05, rest=0.6)
    inward = Fault("knees_inward", 23.0, 0.36, 0.86)
    segments = (
        Distractor("stand", 1.6, view=12.0, seed=1),
        faulty(squats, {2: inward, 4: replace(inward, magnitude=21.0)}),
        faulty(presses, {2: Fault("knees", 33.0, 0.0, 0.38), 3: Fault("knees", 30.0, 0.0, 0.4)}),
        faulty(rows, {3: Fault("torso_angle", 27.0, 0.1, 0.88), 4: Fault("torso_angle", 30.0, 0.1, 0.88)}),
        Distractor("stand", 1.6, view=30.0, seed=2),
    )
    return Scene(segments, transition=2.0, name="synthetic:demo")


def negatives_scene(rng: np.random.Generator, minutes: float) -> Scene:
    """Walking, talking, racking, deadlifts and curls for that long, with people passing by."""
    kinds: list[DistractorKind] = ["walk", "deadlift", "talk", "curl", "stand", "unrack", "rack"]
    segments: list[Segment] = []
    clock, transition = 0.0, 1.6
    while clock < minutes * 60.0:
        kind = kinds[int(rng.integers(len(kinds) - 1))]
        repeats = int(rng.integers(2, 6)) if kind in ("deadlift", "curl") else 1
        length = float(rng.uniform(2.4, 3.6)) * repeats if repeats > 1 else float(rng.uniform(4.0, 12.0))
        view = float(rng.choice([0.0, 30.0, 60.0, 90.0, 135.0, 180.0, 270.0, 315.0]))
        style = random_style("squat", rng)
        for each in ("unrack", "rack") if kind == "unrack" else (kind,):
            seconds = 4.0 if kind == "unrack" else length
            segments.append(Distractor(each, seconds, view, style, repeats, int(rng.integers(1 << 30))))
            clock += seconds + transition
    passers = tuple(
        Passer(float(t), 5.0, float(rng.choice([-1.3, 1.0])), bool(rng.random() < 0.5))
        for t in np.arange(40.0, clock, 75.0)
    )
    scene = random_scene(rng, segments, "synthetic:negatives")
    return replace(scene, transition=transition, passers=passers)
