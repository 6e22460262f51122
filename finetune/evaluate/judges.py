"""The seam of evaluation: a `Judge` looks at a clip and says what it saw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from finetune.evaluate.material import Material
from streamaqa.settings import Settings


class Found(Settings):
    """When an error shows, as a judge has it."""

    error: str
    """Wire name."""
    start: float
    """Seconds from the clip's first frame."""
    end: float
    score: float
    """Confidence, in [0, 1]."""


class Verdict(Settings):
    """What a judge said of one clip."""

    exercise: str | None
    """Wire name; None where nothing could be read or nobody was seen: a miss."""
    errors: Mapping[str, float] = {}
    """Probability by wire name; an error that is left out was abstained from."""
    spans: tuple[Found, ...] = ()
    notes: tuple[str, ...] = ()
    """What was out of the ordinary, counted in the report: `no_rep`, `several_reps`, `nobody`,
    `unreadable_window`, `unreadable`."""


class Judge(Protocol):
    """Whoever is evaluated: an assessor, a model's reader, a control."""

    @property
    def name(self) -> str:
        """For tables."""

    @property
    def key(self) -> str:
        """All that decides its answers: answers kept under another key are not used again."""

    @property
    def told(self) -> bool:
        """Whether it is told the exercise of a video, so that naming it right is no merit."""

    @property
    def stills(self) -> bool:
        """Whether it can judge still images, whose exercise is told."""

    def judge(self, material: Material) -> Verdict:
        """Look at one clip. SourceError if its file is damaged: that clip is skipped and counted."""
