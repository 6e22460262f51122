"""What the paper leaves open about balancing, and what is taken here. Written into each output."""

from __future__ import annotations

from typing import Final

from finetune.augment import Recipe
from finetune.balance.strategies import Balancing, NoneRole, Strategy, Within

_NONE: Final = {
    NoneRole.CLASS: "Samples without an error are a class like the others.",
    NoneRole.AS_IS: "Samples without an error are no class: all are kept as they are, and no class is held "
    "to their count.",
    NoneRole.OUT: "Samples without an error are no class and are left out, but for phase one of two-step.",
}
_STRATEGY: Final = {
    Strategy.TWO_STEP: (
        "Which samples a cut keeps is drawn from the seed. Each stands in phase two twice: as it is, and "
        "flipped.",
        "Phase two is trained after phase one, on the same model; for how long is the training's to say.",
    ),
    Strategy.DYNAMIC_STEP: (
        "The largest class gets no copies, and no sample is removed.",
        "Copies go round the samples of a class in a drawn order: none has two copies more than another.",
    ),
    Strategy.INVERSE_FREQUENCY: (
        "Not the paper's. Each class has the same sum of weights; the mean weight is 1.",
        "Counts afterwards are what an epoch of as many draws as there are samples is expected to see.",
    ),
}
_COPIES: Final = {
    Recipe.PAPER: (
        "Each copy is one of the paper's augmentations: for each sample every kind once, in a drawn order, "
        "then only rotations with new angles, flipped or not, since a second flip is the same video.",
        "A rotation is anticlockwise about the picture's middle, keeps the picture's size and leaves black "
        "corners.",
    ),
    Recipe.MILD: ("Not the paper's: copies are drawn from our own milder recipe.",),
}


def assumptions(how: Balancing) -> tuple[str, ...]:
    """One sentence each, for this way of balancing."""
    found = "largest" if how.strategy is Strategy.DYNAMIC_STEP else "rarest"
    over_all = how.scope is Within.ALL
    where = "over all exercises" if over_all else "within each exercise"
    scope = f"The {found} class is looked for {where}."
    if how.strategy is Strategy.INVERSE_FREQUENCY:
        scope = f"Classes weigh the same {where}."
    return (
        "A class is a combination of errors within an exercise: a video with two errors is in one class of "
        "its own, not in two. Samples labelled for other errors are classes apart.",
        _NONE[how.none],
        scope,
        *_STRATEGY[how.strategy],
        *(_COPIES[how.recipe] if how.strategy is Strategy.DYNAMIC_STEP else ()),
    )
