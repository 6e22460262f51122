"""Published results on Fitness-AQA's test split, with their sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FINE_TUNED = "Dibenedetto et al., Fine-Tuning Large Multimodal Models for Fitness AQA, UMAP 2025"
PARMAR = "Parmar et al., Domain Knowledge-Informed Self-Supervised Representations, ECCV 2022"

CODES = ("squat.knees_inward", "squat.knees_forward", "overhead_press.elbows", "overhead_press.knees")


@dataclass(frozen=True, slots=True)
class Published:
    """One row of a table; what it does not give is left out."""

    method: str
    source: str
    f1: Mapping[str, float]
    """By `<exercise>.<error>`."""
    paper_ap: Mapping[str, float]
    """By the paper's own metric, see `finetune.paper_metric`."""


def _row(method: str, source: str, f1: tuple[float, ...], paper_ap: tuple[float, ...] = ()) -> Published:
    """Values in the order of `CODES`, the last ones left out where there are fewer."""
    return Published(
        method,
        source,
        dict(zip(CODES, f1, strict=False)),
        dict(zip(CODES, paper_ap, strict=False)),
    )


PUBLISHED: tuple[Published, ...] = (
    _row(
        "LLaVA-Video, Dynamic-Step",
        FINE_TUNED,
        (0.0000, 0.8155, 0.3959, 0.7866),
        (0.0000, 0.6475, 0.1032, 0.1622),
    ),
    _row(
        "LLaVA-Video, Two-Step",
        FINE_TUNED,
        (0.1955, 0.6266, 0.4575, 0.7611),
        (0.0410, 0.5246, 0.1534, 0.1740),
    ),
    _row("CVCSPC", PARMAR, (0.5195, 0.8286, 0.4522, 0.7203)),
    _row("MD", PARMAR, (0.4186, 0.8338, 0.4552, 0.8452)),
    _row("MD + CVCSPC", PARMAR, (0.5263, 0.8468)),
    _row("GYMetricPose", "as compared by Dibenedetto et al.", (0.4398, 0.8219, 0.4175, 0.8160)),
    _row(
        'always "error"',
        "computed from the test split's labels",
        (0.257, 0.818, 0.405, 0.548),
    ),
)
