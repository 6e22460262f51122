"""Pictures for `bench segment --plots`: signals, phases found, phases annotated or drawn."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle, pairwise
from operator import attrgetter
from pathlib import Path
from typing import Any

from streamaqa.bench.annotated import Annotation
from streamaqa.exercises import EXERCISES
from streamaqa.motion import Measure, Posture
from streamaqa.segmentation.settings import SignalSettings
from streamaqa.segmentation.signals import PostureReader
from streamaqa.sources.synthetic import TrueRep
from streamaqa.types import Event, Pose, RepCancelled, RepEnded

_PHASES = {"lowering": "tab:blue", "lifting": "tab:orange"}
_EXERCISES = ("tab:purple", "tab:cyan", "tab:olive")
_ANGLES = {"knee": "tab:green", "lean": "tab:brown", "elbow": "tab:pink"}
_WANTED = {"start": ":", "turn": "-", "end": "--"}
"""Line styles; those of repetitions that the clip cuts are grey."""
_GAP_S = 0.2
"""Lines do not go across longer times without a pose."""


@dataclass(frozen=True, slots=True)
class Marked:
    """One repetition as it should be found."""

    times: tuple[float | None, float | None, float | None]
    """Start, turn and end in seconds, as far as the stream shows them."""
    doubt: float = 0.0
    """Seconds to either side."""
    partial: bool = False
    """Cut by the clip."""


def annotated(annotation: Annotation) -> list[Marked]:
    """The repetitions of one entry of `annotations.json`."""
    return [
        Marked((rep["start_s"], rep["turn_s"], rep["end_s"]), rep["tol_s"], bool(rep.get("partial")))
        for rep in annotation["reps"]
    ]


def drawn(reps: Iterable[TrueRep]) -> list[Marked]:
    """The repetitions of a drawn scene."""
    return [Marked((rep.start, rep.turn, rep.end)) for rep in reps]


def plot(
    path: Path, title: str, poses: Sequence[Pose], events: Sequence[Event], wanted: Sequence[Marked]
) -> None:
    """Draw each exercise's signal; phases found as bands above, what is wanted as lines.

    Of an exercise that was recognized it is the height that its boundaries are read from.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    postures = _read(poses)
    figure = Figure(figsize=(14, 7), layout="constrained")
    FigureCanvasAgg(figure)
    found, above, below = figure.subplots(3, 1, sharex=True, height_ratios=(0.5, 3, 1.5))
    times = [posture.time for posture in postures]
    recognized = {event.rep.exercise for event in events if isinstance(event, RepEnded)}
    for exercise, colour in zip(EXERCISES, cycle(_EXERCISES), strict=False):
        if (motion := exercise.motion) is not None:
            told = exercise.name in recognized
            heights = _broken(postures, (told and motion.height) or motion.signal)
            above.plot(times, heights, color=colour, label=exercise.name, linewidth=2.0 if told else 0.8)
    for name, colour in _ANGLES.items():
        below.plot(times, _broken(postures, attrgetter(name)), color=colour, label=name, linewidth=0.8)
    _draw_found(found, events, times[-1] if times else 0.0)
    for rep in wanted:
        for axes in (found, above):
            _draw_wanted(axes, rep)
    found.set(title=title, ylim=(0, 1), yticks=[], ylabel="found")
    above.set(ylabel="height [torso lengths]")
    below.set(xlabel="time [s]", ylabel="angle [degrees]")
    legend: list[Any] = [Patch(color=colour, alpha=0.6, label=kind) for kind, colour in _PHASES.items()]
    legend += [Line2D([], [], color="black", label="said")]
    lines = [Line2D([], [], color="black", ls=style, lw=0.9, label=name) for name, style in _WANTED.items()]
    legend += [Line2D([], [], lw=0, label="wanted:"), *lines]
    legend += [Line2D([], [], color="grey", ls="-", lw=0.9, label="of a rep that the clip cuts")]
    figure.legend(handles=legend, loc="outside upper right", ncols=8, fontsize=8)
    for axes in (above, below):
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _read(poses: Sequence[Pose]) -> list[Posture]:
    reader = PostureReader(SignalSettings())
    return [posture for pose in poses if (posture := reader.read(pose)) is not None]


def _broken(postures: Sequence[Posture], measure: Measure) -> list[float]:
    """What is measured, but not a number where a gap ends."""
    values = [measure(posture) for posture in postures]
    for i, (one, other) in enumerate(pairwise(postures), start=1):
        if other.time - one.time > _GAP_S:
            values[i] = math.nan
    return values


def _draw_found(axes: Any, events: Sequence[Event], last: float) -> None:
    """Bands of the phases, a tick where each repetition was said, and why the others were nothing."""
    heights = cycle((0.05, 0.2, 0.35))
    for event in events:
        if isinstance(event, RepEnded):
            for phase in event.rep.phases:
                axes.axvspan(phase.start, phase.end, 0.5, 1.0, color=_PHASES[phase.kind], alpha=0.6)
            axes.text(event.rep.start, 0.55, f" {event.rep.exercise} {event.rep.number}", fontsize=8)
            axes.axvline(event.at, 0.4, 1.0, color="black")
        elif isinstance(event, RepCancelled):
            side = "right" if event.at > 0.85 * last else "left"
            axes.text(event.at, next(heights), event.reason, fontsize=7, color="tab:red", ha=side)


def _draw_wanted(axes: Any, rep: Marked) -> None:
    colour = "grey" if rep.partial else "black"
    for time, style in zip(rep.times, _WANTED.values(), strict=True):
        if time is not None:
            axes.axvspan(time - rep.doubt, time + rep.doubt, color=colour, alpha=0.06, linewidth=0)
            axes.axvline(time, color=colour, linestyle=style, linewidth=0.9)
