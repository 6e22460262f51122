"""The blind floor: one fixed window an error, whatever the video shows.

Labelled intervals lie much alike from video to video, so that such a window scores well above zero. An mAP
says something only beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from finetune.resampling import Floats

GRID = 24
"""Candidates for start and for end: steps of 4 % of the labels, less than the floor's own noise."""


def best_window(spans: Sequence[tuple[float, float]], threshold: float = 0.5) -> tuple[float, float] | None:
    """The window that reaches tIoU `threshold` with most of `spans`; None without any.

    Starts and ends are tried at evenly spaced quantiles of those of `spans`; among equals the one with the
    highest mean tIoU is taken. Spans may be in seconds or in shares of each video's duration.
    """
    if not spans:
        return None
    start, end = np.asarray(spans, dtype=float).T
    at = np.linspace(0, 1, GRID)
    low, high = np.meshgrid(np.quantile(start, at), np.quantile(end, at))
    possible = high > low
    if not possible.any():
        return None
    low, high = low[possible], high[possible]
    reached = _tiou(low, high, start, end)  # (candidates, spans)
    best = np.lexsort((reached.mean(axis=1), (reached >= threshold).sum(axis=1)))[-1]
    return float(low[best]), float(high[best])


def _tiou(low: Floats, high: Floats, start: Floats, end: Floats) -> Floats:
    """Of each candidate with each span, (candidates, spans)."""
    shared = np.minimum(high[:, None], end) - np.maximum(low[:, None], start)
    shared = np.maximum(shared, 0.0)
    union = (high - low)[:, None] + (end - start) - shared
    share: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return share
