"""The bar chart of counts before and after."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from finetune.balance.classes import Class

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PLAIN_COLOURS: Final = ("#9ca3af", "#1d4ed8")
"""Before, and after: a grey and a blue that differ in brightness too."""
COPIES_COLOUR: Final = "#93c5fd"
"""The same blue, lighter: what was made of the plain samples."""
BAR: Final = 0.36
"""Height of a bar where the distance of two classes is 1."""


@dataclass(frozen=True, slots=True)
class Bars:
    """What is drawn of one class."""

    before: float
    plain: float
    """Afterwards, recorded samples (or draws of them)."""
    copies: float
    """Afterwards, augmented ones."""


def chart(bars: Mapping[Class, Bars], title: str, before: str, plain: str, copies: str | None) -> bytes:
    """A PNG: one panel an exercise, one pair of bars a class, each with its count.

    Args:
        bars: by class, in the order to draw.
        title: over all panels.
        before: what the legend calls the samples that came in.
        plain: ... the recorded ones afterwards.
        copies: ... the augmented ones; None where there are none by design.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    groups: dict[str, list[Class]] = {}
    for one in bars:
        groups.setdefault(one.group, []).append(one)
    heights = [len(classes) + 0.6 for classes in groups.values()] or [1.0]
    figure = Figure(figsize=(8.6, 1.5 + 0.68 * sum(heights)), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(heights), 1, squeeze=False, sharex=True, height_ratios=heights)[:, 0]
    widest = max((max(one.before, one.plain + one.copies) for one in bars.values()), default=1.0)
    for panel, (group, classes) in zip(panels, groups.items(), strict=False):
        _panel(panel, group, [(one.label, bars[one]) for one in classes], widest)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
    swatches = [Patch(color=PLAIN_COLOURS[0]), Patch(color=PLAIN_COLOURS[1]), Patch(color=COPIES_COLOUR)]
    named = [(swatch, name) for swatch, name in zip(swatches, (before, plain, copies), strict=True) if name]
    figure.legend(*zip(*named, strict=True), loc="outside lower center", ncols=len(named), frameon=False)
    panels[-1].set_xlabel("samples")
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _panel(axes: Axes, group: str, rows: Sequence[tuple[str, Bars]], widest: float) -> None:
    """One exercise: classes from top to bottom, the bar of before above that of after."""
    for place, (_, bar) in enumerate(rows):
        above, below = place - BAR / 2, place + BAR / 2
        axes.barh(above, bar.before, BAR, color=PLAIN_COLOURS[0])
        axes.barh(below, bar.plain, BAR, color=PLAIN_COLOURS[1])
        axes.barh(below, bar.copies, BAR, left=bar.plain, color=COPIES_COLOUR)
        for y, count in ((above, bar.before), (below, bar.plain + bar.copies)):
            axes.text(count + widest * 0.01, y, f"{count:,.0f}", va="center", fontsize=8.5)
    axes.set_yticks(range(len(rows)), [label for label, _ in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)  # the first class on top
    axes.set_xlim(0, widest * 1.1)
    axes.set_title(group, loc="left", fontsize=10.5, fontweight="bold")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e5e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
