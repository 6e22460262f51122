"""One picture per recording for `bench segment --plots`: signals, phases found, phases annotated."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from streamaqa.exercises import EXERCISES
from streamaqa.segmentation.settings import SignalSettings
from streamaqa.segmentation.signals import PostureReader
from streamaqa.types import Event, Pose, RepCancelled, RepEnded

_COLOURS = {"lowering": "tab:orange", "lifting": "tab:green"}


def plot(path: Path, annotation: dict[str, Any], poses: Sequence[Pose], events: Sequence[Event]) -> None:
    """Draw each exercise's signal; found phases as bands above, annotated boundaries as lines."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    reader = PostureReader(SignalSettings())
    postures = [posture for pose in poses if (posture := reader.read(pose)) is not None]
    figure = Figure(figsize=(14, 7), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    times = [posture.time for posture in postures]
    for exercise in EXERCISES:
        if exercise.motion is not None:
            above.plot(times, [exercise.motion.signal(p) for p in postures], label=exercise.name)
    for name in ("knee", "lean", "elbow"):
        below.plot(times, [getattr(p, name) for p in postures], label=name, linewidth=0.8)
    for event in events:
        if isinstance(event, RepEnded):
            for phase in event.rep.phases:
                above.axvspan(phase.start, phase.end, 0.93, 1.0, color=_COLOURS[phase.kind], alpha=0.6)
            above.axvline(event.at, 0.88, 1.0, color="black")
        elif isinstance(event, RepCancelled):
            above.text(event.at, above.get_ylim()[0], event.reason, rotation=90, fontsize=7, color="red")
    for rep in annotation["reps"]:
        style = "--" if rep.get("partial") else "-"
        for key, colour in (("start_s", "tab:green"), ("turn_s", "tab:blue"), ("end_s", "tab:red")):
            if rep[key] is not None:
                above.axvspan(rep[key] - rep["tol_s"], rep[key] + rep["tol_s"], color=colour, alpha=0.07)
                above.axvline(rep[key], color=colour, linestyle=style, linewidth=0.8)
    above.set(title=annotation["name"], ylabel="height [torso lengths]")
    below.set(xlabel="time [s]", ylabel="angle [degrees]")
    above.legend(loc="lower left", fontsize=8)
    below.legend(loc="lower left", fontsize=8)
    figure.savefig(path, dpi=70)
