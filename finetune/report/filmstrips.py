"""A clip as a strip of pictures with its labelled and its said intervals underneath."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from finetune.evaluate import Library
from finetune.report.cases import Case
from finetune.report.plots import SAID, TRUTH
from streamaqa.errors import SourceError
from streamaqa.windows import uniform_indices

PICTURES = 8
"""In a strip: a repetition of 3 s every 0.4 s, each phase with three or four."""
HEIGHT = 160
"""Pixels of a picture: a lifter's knees can be seen, and a strip takes 50 kB."""


def filmstrip(case: Case, library: Library) -> Figure | None:
    """The strip; None where the clip can no longer be read."""
    try:
        frames = [(frame.time, _small(frame.image)) for frame in library.material(case.clip).frames()]
    except SourceError:
        return None
    if not frames:
        return None
    shown = [frames[place] for place in uniform_indices(len(frames), PICTURES)]
    ratio = shown[0][1].shape[1] / shown[0][1].shape[0]
    width = max(PICTURES * ratio * 1.35, 8.0)
    figure = Figure(figsize=(width, width / PICTURES / ratio + 1.0), layout="constrained")
    heights = width / PICTURES / ratio + 0.25, 0.75
    upper, lower = np.ravel(figure.subfigures(2, 1, squeeze=False, height_ratios=heights))
    line = case.timeline
    for axes, (time, picture) in zip(upper.subplots(1, PICTURES), shown, strict=True):
        axes.imshow(picture)
        axes.set_axis_off()
        axes.set_title(f"{time:.2f} s", fontsize=8)
        _edge(axes, 0, TRUTH, line is not None and any(start <= time <= end for start, end in line.truth))
        _edge(axes, 1, SAID, line is not None and any(start <= time <= end for start, end in line.named))
    axes = lower.subplots()
    for start, end in line.truth if line else ():
        axes.barh(0, end - start, 0.7, start, color=TRUTH)
    for start, end, score in line.said if line else ():
        named = line is not None and score >= line.threshold
        axes.barh(1, end - start, 0.7, start, color=SAID if named else "none", edgecolor=SAID)
    axes.set(xlim=(0, case.clip.duration), ylim=(1.6, -0.6), yticks=(0, 1))
    axes.set_yticklabels(("labelled", "said"))
    axes.set_xlabel("seconds", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _edge(axes: Axes, side: int, colour: str, shows: bool) -> None:
    """A line along a picture's upper (0) or lower (1) edge while the error is labelled, or said."""
    if shows:
        y = 1.0 - side
        axes.plot([0, 1], [y, y], color=colour, lw=5, transform=axes.transAxes, clip_on=False, zorder=5)


def _small(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    height, width = image.shape[:2]
    if height <= HEIGHT:
        return image
    size = round(width * HEIGHT / height), HEIGHT
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
