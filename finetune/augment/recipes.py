"""Which augmentations there are to draw from, and the draw: a pure function of sample, copy and seed.

Two recipes. `paper`: five kinds, one of them per copy. `mild`: a little of everything at once, each amount
small enough that a coach would say the same of the picture.

    draw(MILD, Sample("64000_1", duration=3.5), copy=2, seed=0)
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from finetune.augment.augmentation import WHOLE, Array, Augmentation, Box, Interval, Size, move_box
from streamaqa.errors import UsageError

PAPER_DEGREES: Final = (0.0, 50.0)
"""Uniform, one angle a video, as the paper has it. It does not say which way: anticlockwise here."""

GOLDEN: Final = (math.sqrt(5.0) - 1.0) / 2.0

MIN_SHARE: Final = 0.8
"""How much of each labelled interval a time shift leaves. A fault takes up to 0.3 of its interval to come and
as much to go (`sources.synthetic`): cut at both ends, the part where it shows in full is still whole."""


class Kind(StrEnum):
    """The paper's five."""

    FLIP = "flip"
    INVERSION = "inversion"
    ROTATION = "rotation"
    FLIP_INVERSION = "flip+inversion"
    FLIP_ROTATION = "flip+rotation"

    @property
    def varies(self) -> bool:
        """Whether two draws of it differ: a second flip of the same video is the same video again."""
        return self in (Kind.ROTATION, Kind.FLIP_ROTATION)


class Recipe(StrEnum):
    """What an augmented copy is drawn from."""

    PAPER = "paper"
    MILD = "mild"


def read_kinds(text: str) -> tuple[Kind, ...]:
    """Kinds with commas between them; UsageError names those there are."""
    try:
        return tuple(dict.fromkeys(Kind(part.strip()) for part in text.split(",")))
    except ValueError:
        raise UsageError(f"--kinds {text}: there are {', '.join(Kind)}") from None


@dataclass(frozen=True, slots=True)
class Person:
    """Where the lifter is."""

    box: Box
    """Holds the joints in all frames."""
    size: Size
    """Of the picture: a rotation needs its proportions."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a draw has to know of a sample so that its labels stay true."""

    id: str
    duration: float = 0.0
    """Seconds; 0 for a still image, which has no times to change."""
    intervals: tuple[Interval, ...] = ()
    """Of all its errors, seconds from its first frame."""
    person: Person | None = None
    """Without it nothing is cropped, since that could cut off a joint."""


def generator(*key: object) -> np.random.Generator:
    """Chance that depends on `key` alone: the same on every machine, whatever else is drawn before it."""
    text = "\x1f".join(str(part) for part in key)
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big"))


def shuffled(items: Sequence[str], *key: object) -> list[str]:
    """`items` in an order drawn from `key`, whatever order they come in.

    Each is placed by a hash of its own, so that the others keep their order when one comes or goes.
    """
    return sorted(
        items, key=lambda item: hashlib.sha256("\x1f".join(map(str, (*key, item))).encode()).digest()
    )


def draw(recipe: Recipe, sample: Sample, copy: int, seed: int) -> Augmentation:
    """The augmentation of that copy (from 1) of a sample.

    An epoch's number will do as a copy where a trainer wants a new draw each time.
    """
    if recipe is Recipe.PAPER:
        return draw_kind(paper_kind(sample.id, copy, seed), sample.id, copy, seed)
    return _draw_mild(sample, generator("mild", seed, sample.id, copy))


def paper_kind(sample_id: str, copy: int, seed: int, kinds: Sequence[Kind] = tuple(Kind)) -> Kind:
    """Which of `kinds` copy number `copy` (from 1) of a sample is.

    Each once, in an order drawn for the sample; then only those that vary, if there are any, so that no two
    copies of a sample are the same.
    """
    order = [Kind(name) for name in shuffled([str(kind) for kind in kinds], "kinds", seed, sample_id)]
    if copy <= len(order):
        return order[copy - 1]
    again = [kind for kind in order if kind.varies] or order
    return again[(copy - len(order) - 1) % len(again)]


def draw_kind(kind: Kind, sample_id: str, copy: int, seed: int) -> Augmentation:
    """One of the paper's five."""
    return Augmentation(
        flip=kind in (Kind.FLIP, Kind.FLIP_INVERSION, Kind.FLIP_ROTATION),
        invert=kind in (Kind.INVERSION, Kind.FLIP_INVERSION),
        rotation=_angle(sample_id, copy, seed) if kind.varies else 0.0,
    )


def _angle(sample_id: str, copy: int, seed: int) -> float:
    """Degrees in thousandths, uniform over samples; a sample's copies lie apart by steps of the golden ratio.

    Such steps never meet (H. Weyl, 1916): n copies are at least 1 / (sqrt(5) n) of the range apart, so that
    chance and rounding give no two of thousands the same angle, as independent draws did.
    """
    first = float(generator("paper", seed, sample_id).random())
    low, high = PAPER_DEGREES
    angle = low + (first + copy * GOLDEN) % 1.0 * (high - low)
    return max(round(angle, 3), 0.001)  # one that rounds to nothing would be no rotation


# --- the mild recipe: amounts ------------------------------------------------------------------------------

TILT: Final = 7.0
"""Degrees either way: a phone put up crookedly. Below the 10 to 15 degrees from which rules call a forearm or
a trunk off, so that tilt alone draws no fault."""
CROP_AWAY: Final = 0.2
"""Share of width and height that is cut away at most, and nothing of `Sample.person`: a camera that stands
3 m away put 2.4 m away."""
DIMMEST: Final = 0.75
BRIGHTEST: Final = 1.25
"""Factors on the pixels' values, drawn evenly in proportion: a choice. Darker, black clothes lose their
folds; brighter, white walls lose their edges."""
BLUR: Final = 0.004
"""Share of the shorter side at most: 2 pixels of 480, a lens slightly out of focus. Every second copy has
some."""
TEMPO: Final = 1.15
"""Speed between its inverse and it, drawn evenly in proportion: a choice, well inside of what lifters' own
tempos differ by, so that no tempo comes out that nobody lifts in."""
SHORTEST: Final = 0.1
"""Seconds. A sample with an interval below it keeps its times: answers tell hundredths, so a tenth of such
an interval would be lost in rounding."""
SHIFT: Final = 0.12
"""Share of the duration left out at most at either end: 0.4 s of Fitness-AQA's median clip of 3.5 s."""


def _draw_mild(sample: Sample, rng: np.random.Generator) -> Augmentation:
    flip = bool(rng.random() < 0.5)
    rotation = round(float(rng.uniform(-TILT, TILT)), 2)
    away = rng.uniform(0.0, CROP_AWAY)
    place = rng.random(2)
    brightness = round(float(np.exp(rng.uniform(math.log(DIMMEST), math.log(BRIGHTEST)))), 3)
    blur = round(float(rng.uniform(0.0, BLUR)), 5) if rng.random() < 0.5 else 0.0
    speed = round(float(np.exp(rng.uniform(-math.log(TEMPO), math.log(TEMPO)))), 3)
    shift = rng.uniform(0.0, SHIFT, size=2) * sample.duration
    turned = Augmentation(flip=flip, rotation=rotation, brightness=brightness, blur=blur)
    crop = WHOLE if sample.person is None else _crop_around(sample.person, turned, float(away), place)
    if sample.duration == 0.0 or any(end - start < SHORTEST for start, end in sample.intervals):
        return turned.model_copy(update={"crop": crop})
    cut_start, cut_end = _cuts(sample, (float(shift[0]), float(shift[1])))
    return turned.model_copy(
        update={"crop": crop, "speed": speed, "cut_start": cut_start, "cut_end": cut_end}
    )


def _crop_around(person: Person, turned: Augmentation, away: float, place: Array) -> Box:
    """A box of the picture's own proportions that leaves out `away` of it, less where the person needs it."""
    left, top, right, bottom = move_box(person.box, turned, person.size)
    side = max(1.0 - away, right - left, bottom - top)

    def start(low: float, high: float, share: float) -> float:
        """Where the crop begins along one axis, so that it holds `low` to `high` and stays in the picture."""
        first, last = max(0.0, high - side), min(low, 1.0 - side)
        return first + share * max(last - first, 0.0)

    x, y = start(left, right, float(place[0])), start(top, bottom, float(place[1]))
    # outward to ten-thousandths of the picture, so that records stay readable
    x, y = math.floor(x * 1e4) / 1e4, math.floor(y * 1e4) / 1e4
    w, z = max(x + side, right), max(y + side, bottom)
    return x, y, min(math.ceil(w * 1e4) / 1e4, 1.0), min(math.ceil(z * 1e4) / 1e4, 1.0)


def _cuts(sample: Sample, wanted: tuple[float, float]) -> tuple[float, float]:
    """What to leave out at start and end: as wanted, or less, so that each interval keeps `MIN_SHARE`."""
    start, end = wanted
    for first, last in sample.intervals:
        spare = (1.0 - MIN_SHARE) * (last - first)
        # Half of what may go at either end, as an interval may reach from the first frame to the last.
        start = min(start, first + spare / 2.0)
        end = min(end, sample.duration - last + spare / 2.0)
    # Down to whole milliseconds: rounded up they could take what has to stay.
    return math.floor(max(start, 0.0) * 1000) / 1000, math.floor(max(end, 0.0) * 1000) / 1000
