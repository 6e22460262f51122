"""Repetitions found against repetitions drawn, with exact landmarks or with estimated ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from streamaqa.segmentation import Segmenter, SegmenterSettings
from streamaqa.sources.synthetic import TrueRep
from streamaqa.types import Pose, RepEnded

FPS: Final = 30.0
SIZE: Final = (360, 480)
VIEWS: Final = (0.0, 45.0, 90.0, 135.0, 180.0, 225.0, 270.0, 315.0)
TEMPOS: Final = (0.5, 1.2, 3.0)
"""Seconds of a phase."""
NEAR_S: Final = 0.75
"""A turn farther away than this is another repetition's (DESIGN.md)."""
FRAMES: Final = 2
"""Frames that a boundary may lie off the crossing of 5 % of the range (DESIGN.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnResult:
    """Shares are in [0, 1], times in seconds."""

    reps: int
    """Drawn."""
    right_share: float
    """Drawn repetitions found with the right exercise."""
    extra: int
    """Found, but not drawn."""
    within_two_frames: float
    """Share of boundaries."""
    boundary_p95: float
    delay_p95: float
    """From the true end to when it was said."""


@dataclass(slots=True)
class Tally:
    """What was drawn and what was found of it; adds up over scenes."""

    reps: int = 0
    """Drawn."""
    right: int = 0
    """Of these, found with the right exercise."""
    extra: int = 0
    """Found, but not drawn."""
    errors: list[tuple[float, float, float]] = field(default_factory=list)
    """Start, turn and end found less drawn, seconds."""
    delays: list[float] = field(default_factory=list)
    """From the true end to when it was said, seconds."""

    def add(self, drawn: Sequence[TrueRep], found: Sequence[RepEnded]) -> None:
        """Compare one scene."""
        self.reps += len(drawn)
        pairs = paired(drawn, found)
        for true, event in pairs:
            if (rep := event.rep).exercise == true.exercise:
                self.right += 1
                self.errors.append((rep.start - true.start, rep.turn - true.turn, rep.end - true.end))
                self.delays.append(event.at - true.end)
        self.extra += len(found) - len(pairs)

    @property
    def right_share(self) -> float:
        """Share of what was drawn, in [0, 1]."""
        return self.right / self.reps if self.reps else float("nan")

    @property
    def within(self) -> float:
        """Share of boundaries that lie within `FRAMES` of the truth."""
        return float(np.mean(np.abs(self.errors) <= FRAMES / FPS)) if self.errors else float("nan")

    @property
    def boundary_p95(self) -> float:
        """95th percentile of how far boundaries lie off, seconds."""
        return float(np.percentile(np.abs(self.errors), 95)) if self.errors else float("nan")

    @property
    def delay_p95(self) -> float:
        """95th percentile, seconds."""
        return float(np.percentile(self.delays, 95)) if self.delays else float("nan")


def paired(drawn: Iterable[TrueRep], found: Sequence[RepEnded]) -> list[tuple[TrueRep, RepEnded]]:
    """Each drawn repetition and the one found for it, of any exercise: that with the nearest turn."""
    pairs: list[tuple[TrueRep, RepEnded]] = []
    for true in drawn:
        used = {id(event) for _, event in pairs}
        near = [e for e in found if id(e) not in used and abs(e.rep.turn - true.turn) <= NEAR_S]
        if near:
            pairs.append((true, min(near, key=lambda e: abs(e.rep.turn - true.turn))))
    return pairs


def sum_up(tally: Tally) -> DrawnResult:
    """What a tally comes to."""
    return DrawnResult(
        reps=tally.reps,
        right_share=tally.right_share,
        extra=tally.extra,
        within_two_frames=tally.within,
        boundary_p95=tally.boundary_p95,
        delay_p95=tally.delay_p95,
    )


def found_in(stream: Iterable[Pose], settings: SegmenterSettings | None = None) -> list[RepEnded]:
    """The repetitions that the segmenter finds."""
    segmenter = Segmenter(settings)
    events = [event for pose in stream for event in segmenter.push(pose)] + segmenter.flush()
    return [event for event in events if isinstance(event, RepEnded)]
