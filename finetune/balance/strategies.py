"""The three ways to balance, as functions of ids, classes and a seed. Nothing here knows videos or files.

    two_step         phase one: everything as it is; phase two: each class cut to the rarest one's count,
                     each sample plain and flipped
    dynamic_step     nothing removed: augmented copies until each class has as many as the largest
    by_frequency     nothing removed or copied: a weight for each sample, the same sum for each class

What the paper leaves open, and what is taken here, is told by `assumptions.assumptions`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from finetune.augment import Kind, Recipe, paper_kind
from finetune.augment.recipes import shuffled
from finetune.balance.classes import Class, counts


class Strategy(StrEnum):
    """How to balance."""

    TWO_STEP = "two-step"
    DYNAMIC_STEP = "dynamic-step"
    INVERSE_FREQUENCY = "inverse-frequency"


class NoneRole(StrEnum):
    """What becomes of samples without an error."""

    CLASS = "class"
    """They are a class like the others."""
    AS_IS = "as-is"
    """They are no class: all are kept, neither cut, copied nor weighted, and no class is held to them."""
    OUT = "out"
    """They are no class and left out, but for phase one of two-step, which is everything."""


class Within(StrEnum):
    """Among which classes the rarest or largest one is looked for."""

    EXERCISE = "exercise"
    ALL = "all"


DEFAULT_WITHIN: Final = {
    Strategy.TWO_STEP: Within.ALL,
    Strategy.DYNAMIC_STEP: Within.EXERCISE,
    Strategy.INVERSE_FREQUENCY: Within.EXERCISE,
}
"""The paper gives one number for its cut, 37, and says of the largest class that it has 781 in the squat."""


@dataclass(frozen=True, slots=True)
class Pick:
    """One sample of an output."""

    id: str
    """Of the record it is made from."""
    copy: int = 0
    """0 is the record itself; augmented copies count from 1."""
    kind: Kind | None = None
    """Which of the paper's augmentations; None for a plain sample, and for a copy of another recipe."""


@dataclass(frozen=True, slots=True)
class Phase:
    """What is trained on, and in which order phases are."""

    name: str
    """The file's name without its ending."""
    picks: tuple[Pick, ...]
    weights: Mapping[str, float] | None = None
    """By id how often to draw a sample, 1 being the mean; None draws each once."""


@dataclass(frozen=True, slots=True)
class Balancing:
    """How to balance."""

    strategy: Strategy
    none: NoneRole = NoneRole.CLASS
    within: Within | None = None
    """None takes the strategy's own, see `DEFAULT_WITHIN`."""
    recipe: Recipe = Recipe.PAPER
    """What copies of dynamic-step are drawn from; two-step always flips."""
    kinds: tuple[Kind, ...] = tuple(Kind)
    """Which of the paper's augmentations dynamic-step takes."""
    seed: int = 0

    @property
    def scope(self) -> Within:
        """Among which classes the rarest or largest is looked for."""
        return self.within or DEFAULT_WITHIN[self.strategy]


def balance(classes: Mapping[str, Class], how: Balancing) -> tuple[Phase, ...]:
    """The phases for samples of those classes (by id). Same input in any order, same output."""
    ordered = {name: classes[name] for name in sorted(classes)}
    if how.strategy is Strategy.TWO_STEP:
        return two_step(ordered, how)
    if how.strategy is Strategy.DYNAMIC_STEP:
        return (dynamic_step(ordered, how),)
    return (by_frequency(ordered, how),)


def two_step(classes: Mapping[str, Class], how: Balancing) -> tuple[Phase, Phase]:
    """Everything, then each class cut to the count of the rarest, each sample plain and flipped."""
    rarest = {group: min(sizes, default=0) for group, sizes in _sizes(classes, how).items()}
    picks: list[Pick] = []
    for one, names in _by_class(classes).items():
        if one.is_none and how.none is NoneRole.AS_IS:
            picks += [Pick(name) for name in names]
        elif not (one.is_none and how.none is NoneRole.OUT):
            chosen = shuffled(names, "two-step", how.seed, one)[: rarest[one.group]]
            picks += [pick for name in chosen for pick in (Pick(name), Pick(name, 1, Kind.FLIP))]
    return Phase("phase1", tuple(map(Pick, classes))), Phase("phase2", tuple(picks))


def dynamic_step(classes: Mapping[str, Class], how: Balancing) -> Phase:
    """Everything, and augmented copies until each class has as many as the largest.

    Copies go round the class's samples in an order drawn for it: none has two more copies than another.
    """
    largest = {group: max(sizes, default=0) for group, sizes in _sizes(classes, how).items()}
    picks: list[Pick] = []
    for one, names in _by_class(classes).items():
        if one.is_none and how.none is NoneRole.OUT:
            continue
        picks += [Pick(name) for name in names]
        if one.is_none and how.none is NoneRole.AS_IS:
            continue
        order = shuffled(names, "dynamic-step", how.seed, one)
        for number in range(max(largest[one.group] - len(names), 0)):
            name, copy = order[number % len(order)], number // len(order) + 1
            kind = paper_kind(name, copy, how.seed, how.kinds) if how.recipe is Recipe.PAPER else None
            picks.append(Pick(name, copy, kind))
    return Phase("train", tuple(picks))


def by_frequency(classes: Mapping[str, Class], how: Balancing) -> Phase:
    """Each sample once, with a weight that goes against its class's size; the weights' mean is 1.

    Within an exercise, each exercise keeps its share of all draws.
    """
    kept = {name: one for name, one in classes.items() if not (one.is_none and how.none is NoneRole.OUT)}
    weighed = {name: one for name, one in kept.items() if not (one.is_none and how.none is NoneRole.AS_IS)}
    size = counts(weighed.values())
    weights = dict.fromkeys(kept, 1.0)
    for name, one in weighed.items():
        others = [n for each, n in size.items() if how.scope is Within.ALL or each.group == one.group]
        weights[name] = sum(others) / (len(others) * size[one])
    return Phase("train", tuple(map(Pick, kept)), weights)


def _by_class(classes: Mapping[str, Class]) -> dict[Class, list[str]]:
    """Ids of each class, in the order of `counts`."""
    out: dict[Class, list[str]] = {one: [] for one in counts(classes.values())}
    for name, one in classes.items():
        out[one].append(name)
    return out


def _sizes(classes: Mapping[str, Class], how: Balancing) -> dict[str, list[int]]:
    """By group the counts of the classes that its samples are held to."""
    sizes: dict[str, list[int]] = defaultdict(list)
    for one, count in counts(classes.values()).items():
        sizes[one.group] += [count] if how.none is NoneRole.CLASS or not one.is_none else []
    if how.scope is Within.ALL:
        everywhere = [count for several in sizes.values() for count in several]
        return dict.fromkeys(sizes, everywhere)
    return dict(sizes)


def after(phase: Phase, classes: Mapping[str, Class]) -> dict[Class, float]:
    """How many samples of each class a phase has; with weights, how many an epoch of draws is expected to."""
    weights = phase.weights or {}
    out = dict.fromkeys(counts(classes.values()), 0.0)
    for pick in phase.picks:
        out[classes[pick.id]] += weights.get(pick.id, 1.0)
    return out


def identical(picks: Sequence[Pick]) -> int:
    """Copies that are the same as an earlier one of their sample: kinds that do not vary, taken again."""
    fixed = [(pick.id, pick.kind) for pick in picks if pick.kind is not None and not pick.kind.varies]
    return len(fixed) - len(set(fixed))
