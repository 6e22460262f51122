"""Faults of a sample: drawn, tried, and drawn more strongly where too little of them would show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from finetune.synthesize.casting import cast, stream, thinned, view_of
from finetune.synthesize.plan import Sample
from finetune.synthesize.recipe import Recipe
from finetune.synthesize.seen import VISIBLE, Sight, hideable, look
from finetune.synthesize.shot import Lens, Shot
from streamaqa.sources.synthetic.generate import FAULTS
from streamaqa.sources.synthetic.script import Fault, SetScript
from streamaqa.sources.synthetic.timeline import RAMP, true_times

TRIES: Final = 12
"""In 6,000 samples 99 of a hundred needed none, and but for two that were hidden none more than four."""
JUDGEABLE: Final = 0.75
"""Share of a clip in which the joints of each error must show past what stands in front of the lifter."""
LONGEST: Final = 2.0
SHORTEST: Final = 0.3
"""Seconds of a fault with its ramps; what can be seen of it is shorter, down to 0.2 s."""
TWICE: Final = 0.2
"""Share of faults that come a second time in the same repetition, where there is room."""
UNSEEN: Final = 0.75
"""Share of what is visible below which an error counts as hidden; what lies between is not drawn."""
APART: Final = 0.3
"""Seconds between the two."""
STRENGTH: Final[dict[str, tuple[float, float]]] = {
    error: drawn.magnitude for error, drawn in FAULTS.items()
} | {"knees_forward": (11.0, 24.0), "lumbar": (48.0, 80.0)}
"""Degrees. Those of the synthetic lifter, but for two that would move a joint by a pixel at 112 pixels: the
knee seen askew, and the spine."""


@dataclass(frozen=True, slots=True)
class Habit:
    """When in a repetition an error happens."""

    duration: float
    """Seconds, median of a log-normal."""
    centres: tuple[tuple[float, float, float], ...]
    """Ranges of its middle as shares of the repetition's time, each with how often."""


# A third goes into ramps too small to see. What is left lies near Fitness-AQA's labels (medians: knees
# forward 1.36 s, inward 1.20, OHP knees 0.88), but never beyond two seconds. Knees come in mostly while
# rising, OHP knees bend mostly at the start; the others can be anywhere.
HABITS: Final[dict[str, Habit]] = {
    "knees_forward": Habit(1.5, ((0.30, 0.70, 1.0),)),
    "knees_inward": Habit(1.3, ((0.45, 0.80, 0.75), (0.25, 0.45, 0.25))),
    "knees": Habit(1.1, ((0.04, 0.30, 0.6), (0.15, 0.90, 0.4))),
    "elbows": Habit(1.5, ((0.04, 0.28, 0.65), (0.75, 0.96, 0.35))),
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A sample as it will be painted."""

    shot: Shot
    lens: Lens
    sight: Sight
    hidden: str | None
    """An error that is there but cannot be seen from this view."""


@dataclass(frozen=True, slots=True)
class _Draft:
    """One fault before it is fitted: everything chance had to say about it."""

    error: str
    magnitude: float
    centre: float
    """Share of the repetition's time."""
    duration: float
    """Seconds."""


def draw(recipe: Recipe, sample: Sample) -> Drawn:
    """The sample with the faults of its class, each to be seen, and no other to be seen."""
    shot = _unscreened(sample, cast(recipe, sample))
    _, blind = view_of(recipe, sample)
    rng = stream(recipe, sample, 2)
    drafts = {error: _drafts(error, sample.kind.still, rng) for error in sorted(sample.errors)}
    hidden = blind if blind and rng.random() < _prevalence(recipe, sample, blind) else None
    if hidden:
        drafts[hidden] = _drafts(hidden, sample.kind.still, rng)
    # One sample in some thousands moves behind what stands before it; without that it can be seen.
    for each in (shot, replace(shot, screens=())):
        if drawn := _tried(sample, each, dict(drafts), hidden):
            return drawn
    raise RuntimeError(f"{sample.kind.name} {sample.stem}: {sorted(sample.errors)} cannot be seen")


def _tried(sample: Sample, shot: Shot, drafts: dict[str, list[_Draft]], hidden: str | None) -> Drawn | None:
    """The faults fitted into a shot; None if one of them cannot be made to show."""
    lens = Lens(shot)
    tries = dict.fromkeys(drafts, 0)
    for _ in range(TRIES):
        faults = [fault for error, ds in drafts.items() for fault in _apart(ds, tries[error], shot)]
        tried = shot.with_faults(_with(shot.script, faults))
        sight = look(tried, lens)
        if hidden and sight.seen[hidden].max() >= UNSEEN * VISIBLE:
            del drafts[hidden]
            hidden = None
            continue
        missing = [error for error in sample.errors if not _shows(error, tried, sight, sample)]
        if not missing:
            return Drawn(tried, lens, sight, hidden)
        for error in missing:
            tries[error] += 1
    return None


def _shows(error: str, shot: Shot, sight: Sight, sample: Sample) -> bool:
    if sample.kind.still:
        return bool(sight.seen[error][0] >= VISIBLE)
    return bool(sight.intervals(error, shot.times))


def _unscreened(sample: Sample, shot: Shot) -> Shot:
    """Take away what would hide too much. Judged without the faults and for every error of the exercise, so
    that things in front of the lifter say nothing about the class.
    """
    if not shot.screens:
        return shot
    errors = tuple(sorted(set().union(*sample.kind.classes)))
    bare = replace(shot, screens=())
    # Every sixth moment tells enough.
    free, screened = (hideable(look(s, Lens(s)), errors) for s in (thinned(bare, 6), thinned(shot, 6)))
    return shot if screened >= JUDGEABLE * free else bare


def _prevalence(recipe: Recipe, sample: Sample, error: str) -> float:
    return sum(share for names, share in recipe.classes(sample.kind).items() if error in names)


def _drafts(error: str, still: bool, rng: np.random.Generator) -> list[_Draft]:
    magnitude = float(rng.uniform(*STRENGTH[error]))
    if still:
        return [_Draft(error, magnitude, 0.0, 0.0)]
    habit = HABITS[error]
    out = []
    times = 2 if rng.random() < TWICE else 1
    for _ in range(times):
        place = int(rng.choice(len(habit.centres), p=[share for _, _, share in habit.centres]))
        centre = float(rng.uniform(*habit.centres[place][:2]))
        usual = habit.duration / times * float(np.exp(0.45 * rng.standard_normal()))
        duration = float(np.clip(usual, SHORTEST, LONGEST))
        out.append(_Draft(error, magnitude, centre, duration))
    return out


def _fitted(draft: _Draft, tries: int, shot: Shot) -> Fault:
    """The fault in its place; stronger, longer and nearer to where it shows best with every try."""
    script = shot.script
    rep = script.reps[0]
    start, turn, end = true_times(rep, script.before)
    magnitude = draft.magnitude * (1.0 + 0.10 * tries)
    if draft.error == "shallow":
        return Fault(draft.error, magnitude, 0.3, 0.7)
    if not draft.duration:
        moment = float(shot.times[0])
        return Fault(draft.error, magnitude, *((moment + d - start) / (end - start) for d in (-0.8, 0.8)))
    best = {"elbows": start, "knees": start}.get(draft.error, turn)
    middle = start + draft.centre * (end - start)
    middle += (best - middle) * min(1.0, 0.12 * tries)
    half = 0.5 * min(LONGEST, draft.duration * (1.0 + 0.15 * tries))
    first, last = (middle - half - start) / (end - start), (middle + half - start) / (end - start)
    if first <= 0.0:
        # Such a fault comes before its interval: leave room, so that its whole length is as drawn.
        first = min(0.0, (first + RAMP * last) / (1.0 + RAMP))
    return Fault(draft.error, magnitude, first, last)


def _apart(drafts: list[_Draft], tries: int, shot: Shot) -> list[Fault]:
    """The faults of one error; the second only where it stands apart from the first."""
    faults = [_fitted(draft, tries, shot) for draft in drafts]
    start, _, end = true_times(shot.script.reps[0], shot.script.before)
    room = APART / (end - start)
    first, *more = faults
    return [first, *(f for f in more if f.start > first.end + room or first.start > f.end + room)]


def _with(script: SetScript, faults: list[Fault]) -> SetScript:
    return replace(script, reps=(replace(script.reps[0], faults=tuple(faults)),))
