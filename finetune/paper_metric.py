"""The metric of the paper that fine-tuned LLaVA-Video on Fitness-AQA, kept so that its table can be compared.

Dibenedetto et al., UMAP 2025. Not a metric to steer by. Its rules, as its released evaluation applies them:

- A video whose exercise was named wrong is left out, of F1 and of AP alike, instead of counting as a miss.
- Each error has one interval in a video, the labelled one and the named one. Of several of the same name the
  last counts, and of more than two named errors only the first and the last are read at all.
- A missing interval is [0, 0].
- AP is the share of videos, those without the error included, in which the two intervals reach IoU 0.5.
  There is no confidence and no precision over recall in it; leaving an absent error unnamed earns nothing.
- The intersection is `max(0, abs(end - start))`: the gap between two disjoint intervals counts as overlap.
  The union is the sum of lengths less that intersection; an IoU over a union that is not above 0 is 0.

So an answer that names nothing scores wherever the label begins between a third and all of its own length
after 0, and one that names an error that is not there scores if its interval does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from finetune.metrics import f1

Span: TypeAlias = tuple[float, float]
"""Start and end, seconds."""

TIOU = 0.5

WHY_MISLEADING = (
    "AP here is the share of videos, those without the error included, whose interval reaches IoU 0.5. "
    "It knows no confidence, takes the gap between disjoint intervals for overlap (abs of a negative "
    "length), reads a missing interval as [0, 0] and leaves out videos whose exercise was named wrong. "
    "Naming nothing at all scores above zero. On the paper's test set its 0.229 becomes 0.160 with the "
    "IoU mended and 0.132 as ActivityNet AP@0.5."
)
WHY_MENDED = (
    "The same share of videos, with an intersection that is 0 for disjoint intervals. It still knows no "
    "confidence and gives nothing for an absent error that was rightly left unnamed: no answer can reach 1."
)


@dataclass(frozen=True, slots=True)
class Case:
    """One video of one exercise that was named right."""

    truth: Mapping[str, Span | None]
    """By label."""
    said: Sequence[tuple[str, Span | None]]
    """Labels in the order they were named, None where no interval was given."""


@dataclass(frozen=True, slots=True)
class PaperScores:
    """The paper's figures by label, and its mAP."""

    f1: dict[str, float]
    ap: dict[str, float]
    videos: dict[str, int]
    """What the shares are of: the videos of the exercise whose exercise was named right."""

    @property
    def mean_ap(self) -> float:
        """Mean over the labels; 0 without any."""
        return float(np.mean(list(self.ap.values()))) if self.ap else 0.0

    def as_json(self, why: str) -> dict[str, Any]:
        """Plain values; `why` says what is wrong with them."""
        return {
            "f1": self.f1,
            "ap": self.ap,
            "mAP": self.mean_ap,
            "tiou": TIOU,
            "videos": self.videos,
            "why": why,
        }


def paper_scores(cases: Sequence[Case], labels: Sequence[str], *, mended: bool = False) -> PaperScores:
    """The paper's F1 and AP of each label over the cases whose truth has it; `mended` repairs the IoU."""
    iou = mended_iou if mended else paper_iou
    f1s, aps, videos = {}, {}, {}
    for label in labels:
        judged = [(case.truth[label], *_said(case, label)) for case in cases if label in case.truth]
        actual = np.array([truth is not None for truth, _, _ in judged], dtype=bool)
        named = np.array([named for _, named, _ in judged], dtype=bool)
        f1s[label] = f1(actual, named)
        aps[label] = _share_reached([(truth, span) for truth, _, span in judged], iou)
        videos[label] = len(judged)
    return PaperScores(f1s, aps, videos)


def paper_iou(one: Span, other: Span) -> float:
    """IoU as the paper's evaluation has it, the gap between disjoint intervals taken for overlap."""
    return _iou(one, other, abs(min(one[1], other[1]) - max(one[0], other[0])))


def mended_iou(one: Span, other: Span) -> float:
    """The same with an intersection that is 0 for disjoint intervals."""
    return _iou(one, other, max(0.0, min(one[1], other[1]) - max(one[0], other[0])))


def _iou(one: Span, other: Span, shared: float) -> float:
    union = (one[1] - one[0]) + (other[1] - other[0]) - shared
    return shared / union if union > 0 else 0.0


def _said(case: Case, label: str) -> tuple[bool, Span | None]:
    """Whether the label was named, and its interval."""
    read = {case.said[place][0]: case.said[place][1] for place in (0, -1)} if case.said else {}
    return label in read, read.get(label)


def _share_reached(
    pairs: Sequence[tuple[Span | None, Span | None]], iou: Callable[[Span, Span], float]
) -> float:
    reached = sum(iou(said or (0.0, 0.0), truth or (0.0, 0.0)) >= TIOU for truth, said in pairs)
    return reached / len(pairs) if pairs else 0.0
