"""How fast each pose model is on this machine, and what following one lifter costs: over decoded frames."""

from __future__ import annotations

import itertools
import os
import time
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from streamaqa.errors import SourceError
from streamaqa.pose import MediaPipePose, PoseSettings, Variant
from streamaqa.pose.model_file import locate
from streamaqa.sources.video import VideoSource
from streamaqa.types import Frame

FRAMES = 150
"""Five seconds of video: long enough for a steady rate, short enough for three models."""
WARM_UP = 5
"""Frames before the clock starts: the first ones build the delegate."""
VARIANTS: tuple[Variant, ...] = ("lite", "full", "heavy")


@dataclass(frozen=True, slots=True)
class PoseRow:
    """One model."""

    variant: Variant
    frames_per_second: float
    tracker_frames_per_second: float
    """Of MediaPipe's tracker alone, without following one lifter: in turn with it, frame by frame."""
    found: float
    """Share of frames in which somebody was found."""


@dataclass(frozen=True, slots=True)
class PoseResult:
    """All models on one video."""

    video: str
    size: tuple[int, int]
    cores: int
    rows: tuple[PoseRow, ...]


def measure(video: Path) -> PoseResult:
    """Run each model over the first frames of `video`. SourceError if it holds too few."""
    source = VideoSource(video)
    frames = list(itertools.islice(source.frames(), FRAMES))
    source.close()
    if len(frames) <= WARM_UP:
        raise SourceError(f"{video}: {len(frames)} frames are too few to measure on")
    rows = tuple(_measure(variant, frames) for variant in VARIANTS)
    return PoseResult(video.name, source.info.size, os.cpu_count() or 1, rows)


def _measure(variant: Variant, frames: list[Frame]) -> PoseRow:
    followed, tracked = PoseSettings(variant=variant), PoseSettings(variant=variant, people=1)
    model = locate(followed)
    seconds, found = [0.0, 0.0], []
    with MediaPipePose(model, followed) as one, MediaPipePose(model, tracked) as other:
        for number, frame in enumerate(frames):
            turns = [(0, one), (1, other)]
            for which, estimator in turns if number % 2 else reversed(turns):
                begun = time.perf_counter()
                pose = estimator.estimate(frame)
                if number >= WARM_UP:
                    seconds[which] += time.perf_counter() - begun
                if which == 0:
                    found.append(pose.found)
    count = len(frames) - WARM_UP
    return PoseRow(variant, count / seconds[0], count / seconds[1], sum(found) / len(found))


def table(result: PoseResult) -> Table:
    """For people."""
    width, height = result.size
    title = f"Pose models on {result.video}, {width}x{height}, {result.cores} cores"
    shown = Table("Model", title=title, title_justify="left")
    shown.add_column("Frames a second", justify="right")
    shown.add_column("Of the tracker alone", justify="right")
    shown.add_column("Ratio", justify="right")
    shown.add_column("Lifter found", justify="right")
    for row in result.rows:
        fast, bare = row.frames_per_second, row.tracker_frames_per_second
        shown.add_row(row.variant, f"{fast:.1f}", f"{bare:.1f}", f"{fast / bare:.3f}", f"{row.found:.1%}")
    return shown
