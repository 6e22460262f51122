"""How fast the synthetic lifter is drawn: frames a second on one core, everything included."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.table import Table

from streamaqa.sources.synthetic import from_spec

WARM_UP = 16
"""Frames before the clock starts: the room is painted and arrays are laid out."""
SCENES = ("squat?view=0", "overhead_press?view=45", "barbell_row?view=90")
"""Each takes a third of the time: the mannequin covers most of the picture in a press, least in a row."""


@dataclass(frozen=True, slots=True)
class RenderRow:
    """One picture size."""

    size: tuple[int, int]
    """Width and height in pixels."""
    frames_per_second: float
    """By the wall clock; lower where other programs want the core too."""
    frames_per_cpu_second: float
    """By the time that the core spent on it."""


@dataclass(frozen=True, slots=True)
class RenderResult:
    """All sizes, drawn by one thread on one core."""

    rows: tuple[RenderRow, ...]
    seconds: float
    """How long each size was measured."""


def measure(
    sizes: Sequence[tuple[int, int]] = ((360, 480), (112, 112)), seconds: float = 6.0
) -> RenderResult:
    """Draw each size for about that many seconds."""
    with _one_core():
        rows = tuple(RenderRow(size, *_rates(size, seconds)) for size in sizes)
    return RenderResult(rows, seconds)


def table(result: RenderResult) -> Table:
    """For the terminal."""
    out = Table(title="Synthetic lifter, one thread on one core")
    out.add_column("size")
    out.add_column("frames a second", justify="right")
    out.add_column("frames a CPU second", justify="right")
    for row in result.rows:
        out.add_row(
            f"{row.size[0]}x{row.size[1]}", f"{row.frames_per_second:.0f}", f"{row.frames_per_cpu_second:.0f}"
        )
    return out


def _rates(size: tuple[int, int], seconds: float) -> tuple[float, float]:
    frames, clock, work = 0, 0.0, 0.0
    for scene in SCENES:
        source = from_spec(f"synthetic:{scene}&size={size[0]}x{size[1]}&reps=1000")
        pictures = source.frames()
        for _ in range(WARM_UP):
            next(pictures)
        start, begun = time.perf_counter(), time.process_time()
        while (spent := time.perf_counter() - start) < seconds / len(SCENES):
            next(pictures)
            frames += 1
        clock += spent
        work += time.process_time() - begun
        source.close()
    return frames / clock, frames / work


@contextmanager
def _one_core() -> Iterator[None]:
    """Keep this thread, and those that OpenCV would start, on one core where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
