"""What follows `synthetic:` on the command line, as a scene.

synthetic:squat
synthetic:overhead_press?reps=5&view=45&seed=3&faults=knees&tempo=1.5&size=360x480&fps=30
synthetic:lunge?reps=4&view=90&implement=dumbbells
synthetic:negatives?minutes=10
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, cast, get_args
from urllib.parse import parse_qsl

import numpy as np

from streamaqa.errors import SourceError
from streamaqa.exercises import exercise
from streamaqa.sources.synthetic.generate import (
    demo_scene,
    make_set,
    negatives_scene,
    random_fault,
    random_scene,
)
from streamaqa.sources.synthetic.motion import MOTIONS
from streamaqa.sources.synthetic.others import OTHERS
from streamaqa.sources.synthetic.script import (
    Distractor,
    DistractorKind,
    Implement,
    OtherKind,
    Scene,
    SetScript,
    Style,
)

PREFIX: Final = "synthetic:"
SCENES: Final = ("demo", "walking", "negatives")
REPEATED: Final = ("deadlift", "curl", *OTHERS)
"""What is no repetition, however often it is done."""
WITH_A_BAR: Final = ("deadlift", "curl", "good_morning")
"""... and is done with one, if nothing else is asked for; the others with empty hands."""
OF_SETS: Final = ("faults", "hold", "rest")
"""Options that nothing but a set of repetitions has."""
VIEWS: Final = {
    "knees_inward": 0.0,
    "knees_forward": 90.0,
    "shallow": 90.0,
    "elbows": 0.0,
    "knees": 60.0,
    "lumbar": 90.0,
    "torso_angle": 90.0,
}
"""From where an error is seen best, degrees: the view of a set that is told its faults but no view."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A scene and how it is to be rendered."""

    scene: Scene
    size: tuple[int, int] = (360, 480)
    """Width and height in pixels."""
    fps: float = 30.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class _Options:
    reps: int = 5
    view: float | None = None
    seed: int = 0
    faults: tuple[str, ...] = ()
    tempo: float = 1.2
    hold: float | None = None
    rest: float | None = None
    size: tuple[int, int] = (360, 480)
    fps: float = 30.0
    minutes: float = 1.0
    implement: Implement | None = None
    """The usual one if None."""


def parse(spec: str) -> Spec:
    """The scene that `spec` asks for; SourceError in one line names what is known."""
    body = spec.removeprefix(PREFIX)
    word, _, query = body.partition("?")
    known = (*MOTIONS, *SCENES, *REPEATED)
    if word not in known:
        raise SourceError(f"synthetic source {word!r} is not known; there are {', '.join(known)}")
    options = _options(query)
    for name in OF_SETS:
        if word not in MOTIONS and getattr(options, name) != getattr(_Options(), name):
            raise SourceError(f"synthetic {word} has no {name}; there are some of {', '.join(MOTIONS)}")
    return Spec(replace(_scene(word, options), name=spec), options.size, options.fps, options.seed)


def _scene(word: str, options: _Options) -> Scene:
    rng = np.random.default_rng(options.seed)
    seconds = options.minutes * 60.0
    if word == "demo":
        return demo_scene()
    if word == "negatives":
        return negatives_scene(rng, options.minutes)
    if word in MOTIONS:
        return _scene_of(_set(word, options, rng), options, rng)
    view = options.view or 0.0
    if word == "walking":
        return _scene_of(Distractor("walk", seconds, view, seed=options.seed), options, rng)
    kind = cast(DistractorKind | OtherKind, word)
    # All of these stand still for a seventh of their time or so.
    seconds = 2.0 * options.tempo * 1.15 * options.reps
    style = Style(options.implement or ("barbell" if word in WITH_A_BAR else "none"))
    script = Distractor(kind, seconds, view, style, options.reps, options.seed)
    return _scene_of(script, options, rng)


def _scene_of(segment: SetScript | Distractor, options: _Options, rng: np.random.Generator) -> Scene:
    """Seed 0 shows the standard lifter in the standard gym, other seeds somebody else elsewhere."""
    return Scene((segment,)) if options.seed == 0 else random_scene(rng, (segment,))


def _set(word: str, options: _Options, rng: np.random.Generator) -> SetScript:
    known = [e.name for e in exercise(word).errors]
    for fault in options.faults:
        if fault not in known:
            raise SourceError(f"synthetic {word} has no fault {fault!r}; there are {', '.join(known)}")
    first_view = VIEWS[options.faults[0]] if options.faults else 0.0
    script = make_set(
        word,
        rng,
        reps=options.reps,
        view=first_view if options.view is None else options.view,
        tempo=options.tempo,
        implement=options.implement or "barbell",
        hold=options.hold,
        rest=options.rest,
    )
    # Named faults show clearly: in every repetition, from the middle of their range up.
    reps = tuple(
        replace(
            rep, faults=tuple(random_fault(f, rng, size=float(rng.uniform(0.5, 1.0))) for f in options.faults)
        )
        for rep in script.reps
    )
    return replace(script, reps=reps)


# --- options -----------------------------------------------------------------------------------------------


def _size(text: str) -> tuple[int, int]:
    width, height = (int(part) for part in text.split("x"))
    if not (32 <= width <= 4096 and 32 <= height <= 4096):
        raise ValueError
    return width, height


def _between(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return read


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return read


def _implement(text: str) -> Implement:
    if text not in get_args(Implement):
        raise ValueError
    return cast(Implement, text)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.split(",") if word)


_READERS: Final[dict[str, tuple[Callable[[str], object], str]]] = {
    "reps": (_whole(1, 1000), "a number from 1 to 1000"),
    "view": (_between(-360.0, 360.0), "degrees: 0 front, 90 side, 180 from behind"),
    "seed": (_whole(0, 2**31), "a whole number"),
    "faults": (_words, "errors of the exercise, with commas between"),
    "tempo": (_between(0.3, 10.0), "seconds a phase, 0.3 to 10"),
    "hold": (_between(0.0, 30.0), "seconds at the turn, 0 to 30"),
    "rest": (_between(0.0, 60.0), "seconds between repetitions, 0 to 60"),
    "size": (_size, "WIDTHxHEIGHT in pixels, 32 to 4096"),
    "fps": (_between(1.0, 240.0), "frames a second, 1 to 240"),
    "minutes": (_between(0.05, 600.0), "minutes, 0.05 to 600"),
    "implement": (_implement, "one of " + ", ".join(get_args(Implement))),
}


def _options(query: str) -> _Options:
    values: dict[str, object] = {}
    for key, text in parse_qsl(query, keep_blank_values=True):
        if key not in _READERS:
            raise SourceError(f"synthetic option {key!r} is not known; there are {', '.join(_READERS)}")
        reader, wanted = _READERS[key]
        try:
            values[key] = reader(text)
        except ValueError:
            raise SourceError(f"synthetic option {key}={text} should be {wanted}") from None
    return replace(_Options(), **values)  # type: ignore[arg-type] # each value was read as its field wants
