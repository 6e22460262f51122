"""How large a synthetic data set is and how its classes are shared out."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from streamaqa.errors import UsageError

Classes: TypeAlias = Mapping[frozenset[str], float]
"""Combination of errors, by wire name, to its share or weight."""

FORMAT: Final = 1
"""Of everything that is written, counted up when the same recipe would give other files."""

REAL_VIDEOS: Final = 3883
"""Labelled videos of Fitness-AQA: 1623 squats and 2260 presses."""


def _classes(shares: Mapping[tuple[str, ...], float]) -> Classes:
    return MappingProxyType({frozenset(names): share for names, share in shares.items()})


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the four collections of samples: a folder of the data set."""

    name: str
    """Folder of its truth."""
    exercise: str
    """Wire name."""
    still: bool
    """Single images instead of videos."""
    weight: float
    """Its part of all videos, or of all images."""
    classes: Classes
    """Weights of its classes."""
    splits: tuple[float, float, float]
    """Weights of train, validation and test."""
    first_id: int
    """The video number of its first sample; ids of different kinds never meet."""


SQUAT: Final = Kind(
    name="squat",
    exercise="squat",
    still=False,
    weight=1623,
    # Fitness-AQA's training and validation videos by combination.
    classes=_classes(
        {(): 402, ("knees_forward",): 781, ("knees_inward",): 37, ("knees_forward", "knees_inward"): 159}
    ),
    splits=(1136, 243, 244),
    first_id=60001,
)
OHP: Final = Kind(
    name="ohp",
    exercise="overhead_press",
    still=False,
    weight=2260,
    classes=_classes({(): 880, ("knees",): 551, ("elbows",): 392, ("elbows", "knees"): 98}),
    splits=(1582, 339, 339),
    first_id=160001,
)
# How many images of which class the real set has is not published with its labels' description. These shares
# are our own: errors in the minority, as in its videos, rounded backs rarer than swinging ones.
SHALLOW: Final = Kind(
    name="shallow",
    exercise="squat",
    still=True,
    weight=1,
    classes=_classes({(): 65, ("shallow",): 35}),
    splits=(70, 15, 15),
    first_id=260001,
)
ROW: Final = Kind(
    name="row",
    exercise="barbell_row",
    still=True,
    weight=1,
    classes=_classes({(): 50, ("torso_angle",): 25, ("lumbar",): 15, ("lumbar", "torso_angle"): 10}),
    splits=(70, 15, 15),
    first_id=360001,
)
KINDS: Final = (SQUAT, OHP, SHALLOW, ROW)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to draw. The same recipe gives the same data set, whatever machine and however many workers."""

    videos: int = REAL_VIDEOS
    """Squats and presses together, shared as in Fitness-AQA."""
    images: int = 2000
    """Shallow squats and barbell rows together, half each."""
    size: int = 112
    """Width and height in pixels, even."""
    seconds: float = 3.5
    """Mean length of a video: Fitness-AQA's median. Each is drawn within 15 % of it, whatever its class."""
    seed: int = 0
    split: tuple[float, float, float] | None = None
    """Weights of train, validation and test; each kind's own, Fitness-AQA's, unless given."""
    imbalance: float = 1.0
    """Exponent on the classes' real weights: 1 as they are, 0 every class alike, 2 still rarer."""
    blind_views: float = 0.08
    """Share of videos and row images taken from where one of the errors cannot be seen. There it is drawn as
    often as elsewhere, if it then does stay unseen, and never labelled."""

    def __post_init__(self) -> None:
        problems = [text for wrong, text in self._problems() if wrong]
        if problems:
            raise UsageError("; ".join(problems))

    def _problems(self) -> list[tuple[bool, str]]:
        split = self.split or (1.0, 1.0, 1.0)
        return [
            (self.videos < 0 or self.images < 0, "the number of videos and images cannot be negative"),
            (self.videos + self.images == 0, "nothing to draw: no videos and no images"),
            (self.videos > 190_000 or self.images > 190_000, "at most 190,000 videos and as many images"),
            (not 48 <= self.size <= 640 or self.size % 2 > 0, "--size: an even number from 48 to 640"),
            (not 2.0 <= self.seconds <= 20.0, "--seconds: from 2 to 20"),
            (self.seed < 0, "--seed: 0 or more"),
            (
                not all(math.isfinite(w) and w >= 0.0 for w in split) or sum(split) <= 0.0,
                "--split: three shares, none negative and not all zero",
            ),
            (not 0.0 <= self.imbalance <= 3.0, "--imbalance: from 0 to 3"),
            (not 0.0 <= self.blind_views <= 0.5, "--blind-views: from 0 to 0.5"),
        ]

    def classes(self, kind: Kind) -> Classes:
        """Shares of a kind's classes, together 1."""
        weights = {names: weight**self.imbalance for names, weight in kind.classes.items()}
        return {names: weight / sum(weights.values()) for names, weight in weights.items()}

    def splits(self, kind: Kind) -> tuple[float, float, float]:
        """Shares of train, validation and test, together 1."""
        train, val, test = self.split or kind.splits
        total = train + val + test
        return train / total, val / total, test / total

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"format": FORMAT} | asdict(self)

    def digest(self) -> str:
        """The same for the same recipe only."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
