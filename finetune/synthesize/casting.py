"""Who is seen, from where, and how: everything about a sample but its errors.

All of it is drawn from the seed and the sample's number before a fault is, so none of it can betray the
label. Only the view knows the class a little: see `view_of`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, TypeAlias

import numpy as np

from finetune.synthesize.encode import FPS
from finetune.synthesize.plan import Sample
from finetune.synthesize.recipe import KINDS, Recipe
from finetune.synthesize.shot import Screen, Shot
from streamaqa.sources.synthetic.body import BodyShape
from streamaqa.sources.synthetic.generate import random_rep, random_style
from streamaqa.sources.synthetic.looks import random_appearance, random_room
from streamaqa.sources.synthetic.posture import Array
from streamaqa.sources.synthetic.script import Camera, RepScript, Room, Scene, SetScript

Range: TypeAlias = tuple[float, float]

TELLING: Final[dict[str, tuple[tuple[Range, float], ...]]] = {
    "squat": (((28.0, 66.0), 0.7), ((114.0, 150.0), 0.3)),
    "ohp": (((20.0, 70.0), 0.7), ((120.0, 158.0), 0.3)),
    "shallow": (((0.0, 180.0), 1.0),),
    "row": (((52.0, 128.0), 1.0),),
}
"""Kind to the views, degrees from the front, from where each of its errors can be seen, with their shares."""
BLIND: Final[dict[str, tuple[tuple[str, tuple[Range, ...]], ...]]] = {
    "squat": (
        ("knees_forward", ((0.0, 7.0),)),
        ("knees_inward", ((84.0, 96.0),)),
    ),
    "ohp": (("knees", ((0.0, 6.0), (174.0, 180.0))),),
    "shallow": (),
    "row": (("lumbar", ((0.0, 8.0), (172.0, 180.0))),),
}
"""Kind to its errors that some views cannot show, and those views."""

HANDHELD: Final = 0.6
"""Share of clips whose camera is held in a hand."""
SCREENED: Final = 0.25
"""Share of samples with something in front of the lifter."""


def stream(recipe: Recipe, sample: Sample, purpose: int) -> np.random.Generator:
    """Chance of a sample: 0 for looks, 1 for motion, 2 for faults. No stream knows what another has drawn."""
    return np.random.default_rng((recipe.seed, 1000 + KINDS.index(sample.kind), sample.number, purpose))


def cast(recipe: Recipe, sample: Sample) -> Shot:
    """The sample without its faults."""
    looks, motion = stream(recipe, sample, 0), stream(recipe, sample, 1)
    body = BodyShape.random(looks)
    appearance = random_appearance(looks)
    room = _room(looks)
    camera = _camera(looks)
    roll = float(np.clip(looks.normal(0.0, 1.5), -4.0, 4.0))
    handheld = looks.random() < HANDHELD
    screens = _screens(looks, recipe.seconds) if looks.random() < SCREENED else ()
    seed = int(looks.integers(1 << 31))
    seconds = recipe.seconds * float(motion.uniform(0.85, 1.15))
    view, _ = view_of(recipe, sample)
    rep, before = _repetition(sample.kind.exercise, seconds, motion)
    script = SetScript(
        sample.kind.exercise,
        (rep,),
        view=view,
        style=random_style(sample.kind.exercise, motion),
        before=before,
        after=seconds - before - rep.first - rep.hold - rep.second,
        station=(float(motion.uniform(-0.12, 0.12)), float(motion.uniform(-0.25, 0.25))),
    )
    times = np.arange(round(seconds * FPS)) / FPS
    shake = _shake(times, recipe.size, looks) if handheld else np.zeros((len(times), 2))
    scene = Scene((script,), body, appearance, camera, room, name=sample.stem)
    shot = Shot(scene, times, recipe.size, roll, shake, screens, seed)
    return at_moment(shot, _moment(script, motion)) if sample.kind.still else shot


def view_of(recipe: Recipe, sample: Sample) -> tuple[float, str | None]:
    """The sample's view in degrees, and which error cannot be seen from there.

    Views are shared out alike in every class, with one exception that the matter itself makes: a view that
    hides an error is never given to a sample that is to show it.
    """
    rng = stream(recipe, sample, 3)
    blind = [(error, ranges) for error, ranges in BLIND[sample.kind.name] if error not in sample.errors]
    hidden: str | None = None
    if rng.random() < recipe.blind_views and blind:
        hidden, ranges = blind[int(rng.integers(len(blind)))]
        low, high = ranges[int(rng.integers(len(ranges)))]
    else:
        telling = TELLING[sample.kind.name]
        low, high = telling[int(rng.choice(len(telling), p=[share for _, share in telling]))][0]
    angle = float(rng.uniform(low, high))
    return (angle if rng.random() < 0.5 else 360.0 - angle), hidden


def at_moment(shot: Shot, moment: int) -> Shot:
    """A single frame of a shot."""
    return replace(shot, times=shot.times[[moment]], shake=shot.shake[[moment]])


def thinned(shot: Shot, step: int) -> Shot:
    """Every `step`-th frame of a shot."""
    return replace(shot, times=shot.times[::step], shake=shot.shake[::step])


# --- parts -------------------------------------------------------------------------------------------------


def _room(rng: np.random.Generator) -> Room:
    """Exposure and noise of telephones: wider than those the pose model is tried on."""
    return replace(
        random_room(rng), brightness=float(rng.uniform(0.7, 1.2)), noise=float(rng.uniform(0.4, 2.2))
    )


def _camera(rng: np.random.Generator) -> Camera:
    """A telephone held so that the lifter fills some three quarters of a square picture."""
    distance, height = float(rng.uniform(3.4, 4.8)), float(rng.uniform(0.6, 1.7))
    aim = float(rng.uniform(1.0, 1.14))
    shown = float(rng.uniform(2.3, 2.8))
    field = 2.0 * np.degrees(np.arctan(0.5 * shown / np.hypot(distance, height - aim)))
    return Camera(distance, height, aim, float(field), aside=float(rng.uniform(-0.2, 0.2)))


def _repetition(exercise: str, seconds: float, rng: np.random.Generator) -> tuple[RepScript, float]:
    """One repetition that takes 70 to 95 % of the clip, and how long before it the lifter stands."""
    length = seconds * float(rng.uniform(0.70, 0.95))
    hold = float(rng.uniform(0.05, 0.3))
    rep = random_rep(exercise, rng, hold=hold, rest=0.0)
    scale = (length - hold) / (rep.first + rep.second)
    before = (seconds - length) * float(rng.uniform())
    return replace(rep, first=rep.first * scale, second=rep.second * scale), before


def _moment(script: SetScript, rng: np.random.Generator) -> int:
    """The frame that becomes an image: at the turn of a squat; while the load is up in a row."""
    rep = script.reps[0]
    turn = script.before + rep.first + rep.hold / 2.0
    # A row's bar has done nine tenths of its way at two thirds of the phase's time.
    reach = 0.33 * min(rep.first, rep.second) + rep.hold / 2.0
    spread = 0.10 if script.exercise == "squat" else reach
    return round((turn + spread * float(rng.uniform(-1.0, 1.0))) * FPS)


def _shake(times: Array, size: int, rng: np.random.Generator) -> Array:
    """A hand's: slow drift and a little tremor, at most 5 % of the picture."""
    amplitude = size * float(rng.uniform(0.002, 0.012))
    out = np.zeros((len(times), 2))
    for low, high, share in ((0.15, 0.5, 2.0), (0.6, 1.6, 0.8), (2.0, 5.0, 0.25)):
        rate, phase = rng.uniform(low, high, 2), rng.uniform(0.0, 2.0 * np.pi, 2)
        out += amplitude * share * np.sin(2.0 * np.pi * rate * times[:, None] + phase)
    return out


def _screens(rng: np.random.Generator, seconds: float) -> tuple[Screen, ...]:
    """A post of a rack, the end of a bench, or somebody who walks past close to the camera."""
    grey = int(rng.integers(30, 110))
    colour = (grey, grey, min(255, grey + int(rng.integers(0, 20))))
    choice = rng.random()
    if choice < 0.45:
        x, width = float(rng.uniform(0.02, 0.98)), float(rng.uniform(0.02, 0.05))
        lean = float(rng.uniform(-0.02, 0.02))
        return (Screen(((x, -0.2), (x + width, -0.2), (x + width + lean, 1.2), (x + lean, 1.2)), colour),)
    if choice < 0.85:
        top, inner = float(rng.uniform(0.72, 0.90)), float(rng.uniform(0.15, 0.42))
        edge, inner = (-0.1, inner) if rng.random() < 0.5 else (1.1, 1.0 - inner)
        return (Screen(((edge, top), (inner, top + 0.02), (inner, 1.2), (edge, 1.2)), colour),)
    speed = float(rng.uniform(0.7, 1.4)) * (1.0 if rng.random() < 0.5 else -1.0)
    # Crosses the middle of the picture at some time within the clip.
    x = 0.5 - speed * float(rng.uniform(0.1, 0.9)) * seconds
    shirt = tuple(int(c) for c in rng.integers(30, 210, 3))
    head = [(x + 0.07 * np.cos(a), 0.10 + 0.09 * np.sin(a)) for a in np.arange(10) * 0.2 * np.pi]
    trunk = ((x - 0.13, 0.20), (x + 0.13, 0.20), (x + 0.15, 0.75), (x - 0.15, 0.75))
    legs = ((x - 0.12, 0.70), (x + 0.12, 0.70), (x + 0.10, 1.2), (x - 0.10, 1.2))
    return (
        Screen(trunk, (shirt[0], shirt[1], shirt[2]), speed),
        Screen(legs, colour, speed),
        Screen(tuple((float(a), float(b)) for a, b in head), random_appearance(rng).skin, speed),
    )
