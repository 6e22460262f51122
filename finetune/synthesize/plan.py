"""Which samples there are: ids, classes and splits, before anything is drawn.

Class counts are exact to the sample (largest remainders), in the whole and in every split; which sample gets
which class and split is drawn by the seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finetune.layout import SPLITS, Split
from finetune.synthesize.recipe import KINDS, Kind, Recipe


@dataclass(frozen=True, slots=True)
class Sample:
    """One video or image to be drawn."""

    kind: Kind
    number: int
    """From 0 within its kind: with the seed, all that its chance depends on."""
    stem: str
    """`<video>_<repetition>`; an image's id has its frame's number appended once that is drawn."""
    errors: frozenset[str]
    """Wire names of the errors that are to be seen in it."""
    split: Split


def plan(recipe: Recipe) -> dict[str, list[Sample]]:
    """Every sample, by the name of its kind."""
    return {kind.name: _samples(recipe, kind, place) for place, kind in enumerate(KINDS)}


def count(recipe: Recipe, kind: Kind) -> int:
    """How many samples of a kind the recipe asks for."""
    alike = [other for other in KINDS if other.still == kind.still]
    total = recipe.images if kind.still else recipe.videos
    return shared_out(total, [other.weight for other in alike])[alike.index(kind)]


def shared_out(total: int, weights: Sequence[float]) -> list[int]:
    """`total` in whole parts in proportion to the weights (largest remainders, the earlier one at a tie)."""
    exact = [total * weight / sum(weights) for weight in weights]
    parts = [int(value) for value in exact]
    order = sorted(range(len(weights)), key=lambda i: (parts[i] - exact[i], i))
    for i in order[: total - sum(parts)]:
        parts[i] += 1
    return parts


def _samples(recipe: Recipe, kind: Kind, place: int) -> list[Sample]:
    rng = np.random.default_rng((recipe.seed, place))
    total = count(recipe, kind)
    classes = recipe.classes(kind)
    assigned: list[tuple[frozenset[str], Split]] = []
    for errors, size in zip(classes, shared_out(total, list(classes.values())), strict=True):
        for split, part in zip(SPLITS, shared_out(size, recipe.splits(kind)), strict=True):
            assigned += [(errors, split)] * part
    assigned = [assigned[i] for i in rng.permutation(total)]
    # Ids look like the real ones: a recording's number and which of its repetitions it is.
    repetitions = rng.integers(1, 5, total)
    return [
        Sample(kind, n, f"{kind.first_id + n}_{repetitions[n]}", errors, split)
        for n, (errors, split) in enumerate(assigned)
    ]
