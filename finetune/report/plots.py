"""The report's plots. Each function makes one figure; none touches pyplot, so nothing is left open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from finetune.evaluate import ErrorFigures, Evaluation, Figures
from finetune.report.cases import Timeline

OURS, FLOOR, TRUTH, SAID, CONTROL = "#2b6cb0", "#8a8f98", "#2f855a", "#dd6b20", "#b83280"
"""Told apart by readers with any colour vision, and in grey by their shapes."""
COLUMNS = 4
"""Small plots side by side."""


def f1_bars(evaluation: Evaluation) -> Figure:
    """F1 of each error with its interval, its floors beside it, and the mean."""
    errors = evaluation.figures.errors
    macro = evaluation.figures.macro
    names = [_name(one) for one in errors] + (["mean"] if macro else [])
    scores = [one.score for one in errors] + ([macro] if macro else [])
    figure = Figure(figsize=(max(6.5, 1.25 * len(names) + 1.5), 4.2), layout="constrained")
    axes = figure.subplots()
    at = np.arange(len(names))
    values = np.array([score.f1 for score in scores])
    low, high = np.array([score.f1_interval for score in scores], dtype=float).reshape(-1, 2).T
    spread = np.clip([values - low, high - values], 0, None)
    axes.bar(at, values, 0.5, color=OURS, label=evaluation.figures.judge, zorder=2)
    axes.errorbar(at, values, spread, fmt="none", ecolor="black", capsize=4, lw=1.2, zorder=4)
    floors = [score.f1_always_positive for score in scores]
    axes.hlines(
        floors, at - 0.36, at + 0.36, color="black", ls="--", lw=1.4, label='always "error"', zorder=3
    )
    for place, value in zip(at, values, strict=True):
        axes.text(place - 0.27, value + 0.015, f"{value:.2f}", fontsize=8, ha="left", va="bottom", zorder=6)
    for number, ((name, control), marker) in enumerate(
        zip(_controls(evaluation).items(), "v^sDo", strict=False)
    ):
        points = _control_f1(control, errors, macro is not None)
        x = at + 0.31 + 0.07 * number
        axes.plot(x, points, marker, color=CONTROL, ms=5.5, mec="white", label=name, zorder=5)
    axes.set(xticks=at, xticklabels=names, ylim=(-0.02, 1.08), ylabel="F1")
    if macro:
        axes.axvline(len(names) - 1.5, color="#d0d3d9", lw=1)
    _calm(axes)
    figure.legend(loc="outside upper center", ncols=5, frameon=False, fontsize=8.5)
    return figure


def ap_bars(evaluation: Evaluation) -> Figure:
    """ActivityNet AP of each error at each tIoU with its interval, a blind window's beside it."""
    found, blind = evaluation.figures, evaluation.controls.get("blind window")
    codes = list(found.intervals.ap)
    tious = list(found.intervals.mean)
    names = [_words(code, found.errors) for code in codes] + ["mean (mAP)"]
    figure = Figure(figsize=(max(6.5, 1.5 * len(names) + 1), 4.0), layout="constrained")
    axes = figure.subplots()
    at = np.arange(len(names))
    width = 0.26
    for place, (tiou, colour) in enumerate(zip(tious, ("#90b4d8", OURS, "#1a3f66"), strict=False)):
        values = [found.intervals.ap[code][tiou] for code in codes] + [found.intervals.mean[tiou]]
        ends = [found.ap_intervals[code][tiou] for code in codes]
        x = at + (place - 1) * width
        axes.bar(x, values, width * 0.92, color=colour, label=f"tIoU {tiou:g}", zorder=2)
        spread = np.clip([[v - low, high - v] for v, (low, high) in zip(values, ends, strict=False)], 0, None)
        if len(spread):
            axes.errorbar(
                x[:-1], values[:-1], spread.T, fmt="none", ecolor="black", capsize=2, lw=1, zorder=4
            )
        if blind:
            floor = [blind.intervals.ap.get(code, {}).get(tiou, 0.0) for code in codes]
            floor.append(blind.intervals.mean.get(tiou, 0.0))
            label = "blind fixed window" if place == 0 else ""
            axes.hlines(
                floor, x - width / 2, x + width / 2, color="black", ls="--", lw=1.3, label=label, zorder=5
            )
    axes.set(xticks=at, xticklabels=names, ylim=(0, 1.02), ylabel="average precision")
    axes.axvline(len(names) - 1.5, color="#d0d3d9", lw=1)
    _calm(axes)
    figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize=8.5)
    return figure


def precision_recall(evaluation: Evaluation) -> Figure:
    """Precision over recall of naming each error, and of its intervals at tIoU 0.5."""
    errors = evaluation.figures.errors
    figure, grid = _grid(len(errors), 2.9)
    for axes, one in zip(grid, errors, strict=False):
        _curve(axes, one.curve, OURS, "named or not")
        if one.timed:
            _curve(axes, one.timed_curve, SAID, "interval, tIoU 0.5")
        share = one.score.positives / max(one.score.videos, 1)
        axes.axhline(share, color=FLOOR, ls="--", lw=1.2, label="share that shows it")
        if one.confusion[0] or one.confusion[1]:
            axes.plot(one.score.recall, one.score.precision, "o", color=OURS, ms=7, mec="white", zorder=5)
        if not one.curve:
            axes.text(0.5, 0.5, "never scored above 0", ha="center", color=FLOOR, fontsize=8.5)
        axes.set(xlim=(0, 1.02), ylim=(0, 1.04), title=_name(one).replace("\n", ": "))
        axes.set(xlabel="recall", ylabel="precision")
        _calm(axes)
    marks = [
        Line2D([], [], color=OURS, label="named or not"),
        Line2D([], [], color=OURS, marker="o", ls="", label="at its threshold"),
        Line2D([], [], color=SAID, label="interval, tIoU 0.5"),
        Line2D([], [], color=FLOOR, ls="--", label="share of clips that show it"),
    ]
    figure.legend(handles=marks, loc="outside upper center", ncols=4, frameon=False, fontsize=8.5)
    return figure


def reliability(evaluation: Evaluation) -> Figure:
    """How often an error is there where its probability says so; dots by the number of clips."""
    errors = evaluation.figures.errors
    figure, grid = _grid(len(errors), 2.9)
    for axes, one in zip(grid, errors, strict=False):
        axes.plot([0, 1], [0, 1], color=FLOOR, ls="--", lw=1.2)
        if one.reliability.bins:
            said, share, count = np.array(one.reliability.bins).T
            axes.plot(said, share, color=OURS, lw=1.2, zorder=3)
            axes.scatter(said, share, 14 + 160 * count / count.sum(), color=OURS, alpha=0.8, zorder=4)
            note = f"ECE {one.reliability.ece:.2f}, Brier {one.reliability.brier:.2f}"
        else:
            note = "never judged"
        title = _name(one).replace("\n", ": ")
        axes.set(xlim=(-0.05, 1.05), ylim=(-0.05, 1.05), title=f"{title}\n{note}")
        axes.set(xlabel="probability said", ylabel="share that shows it")
        _calm(axes)
    return figure


def confusion(evaluation: Evaluation) -> Figure:
    """What was said against what is there: exercises, then each error at its threshold."""
    found = evaluation.figures
    count = len(found.errors) + (not found.told)
    figure, grid = _grid(count, 2.7)
    cells = iter(grid)
    if not found.told:
        rows = list(found.confusion)
        columns = list(dict.fromkeys([*rows, *(said for row in found.confusion.values() for said in row)]))
        table = np.array([[found.confusion[row].get(said, 0) for said in columns] for row in rows])
        _matrix(
            next(cells),
            table.reshape(len(rows), len(columns)),
            [row.replace("_", "\n") for row in rows],
            [said.replace("_", "\n") for said in columns],
            "exercise",
        )
    for axes, one in zip(cells, found.errors, strict=False):
        hit, false, missed, right = one.confusion
        table = np.array([[hit, missed], [false, right]])
        _matrix(axes, table, ["there", "absent"], ["named", "not named"], _name(one).replace("\n", ": "))
    return figure


def timelines(rows: Mapping[str, Sequence[Timeline]]) -> Figure:
    """True and predicted intervals of some clips, by error; above and below each clip's line."""
    most = max((len(lines) for lines in rows.values()), default=1)
    figure, grid = _grid(len(rows), 0.25 * most + 1.1, columns=2, width=5.2)
    for axes, (title, lines) in zip(grid, rows.items(), strict=False):
        for place, line in enumerate(lines):
            axes.plot([0, line.duration], [place, place], color="#c5c9d1", lw=1, zorder=1)
            for start, end in line.truth:
                axes.barh(place - 0.2, end - start, 0.36, start, color=TRUTH, zorder=2)
            for start, end, score in line.said:
                named = score >= line.threshold
                axes.barh(
                    place + 0.2, end - start, 0.36, start, zorder=3, lw=1,
                    color=SAID if named else "none", edgecolor=SAID, alpha=1.0 if named else 0.45,
                )  # fmt: skip
        axes.set(yticks=range(len(lines)), yticklabels=[line.name for line in lines], title=title)
        axes.set(ylim=(most - 0.4, -0.6), xlabel="seconds")
        axes.tick_params(axis="y", labelsize=7)
        _calm(axes, grid="x")
    marks = [
        Line2D([], [], color=TRUTH, lw=6, label="labelled"),
        Line2D([], [], color=SAID, lw=6, label="said"),
        Line2D([], [], color=SAID, lw=1, alpha=0.6, label="weighed, not said"),
    ]
    figure.legend(handles=marks, loc="outside upper center", ncols=3, frameon=False, fontsize=8.5)
    return figure


def _controls(evaluation: Evaluation) -> dict[str, Figures]:
    """Those whose F1 says something: a blind window's is that of always naming the error."""
    return {name: one for name, one in evaluation.controls.items() if name != "blind window"}


def _control_f1(control: Figures, errors: Sequence[ErrorFigures], mean: bool) -> list[float]:
    of = {one.code: one.score.f1 for one in control.errors}
    points = [of.get(one.code, float("nan")) for one in errors]
    if mean:
        points.append(control.macro.f1 if control.macro else float("nan"))
    return points


def _curve(axes: Axes, points: Sequence[tuple[float, float]], colour: str, label: str) -> None:
    if points:
        recall, precision = np.array([(0.0, points[0][1]), *points]).T
        axes.step(recall, precision, where="pre", color=colour, lw=1.6, label=label, zorder=3)


def _matrix(axes: Axes, table: np.ndarray, rows: list[str], columns: list[str], title: str) -> None:
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(table):
        dark = share[row, column] > 0.55
        axes.text(
            column, row, f"{count}\n{share[row, column]:.0%}", ha="center", va="center",
            color="white" if dark else "black", fontsize=9,
        )  # fmt: skip
    axes.set(xticks=range(len(columns)), xticklabels=columns, yticks=range(len(rows)), yticklabels=rows)
    axes.set_title(title, fontsize=9.5)
    axes.set(xlabel="said", ylabel="true")
    axes.tick_params(length=0, labelsize=8)


def _grid(count: int, height: float, columns: int = COLUMNS, width: float = 2.9) -> tuple[Figure, list[Axes]]:
    """A figure of `count` small plots of `height` inches; places without one stay empty."""
    columns = max(1, min(columns, count))
    rows = max(1, -(-count // columns))
    figure = Figure(figsize=(columns * width, rows * height + 0.4), layout="constrained")
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in grid[count:]:
        axes.set_axis_off()
    for axes in grid:
        axes.title.set_fontsize(9.5)
        axes.xaxis.label.set_fontsize(8.5)
        axes.yaxis.label.set_fontsize(8.5)
    return figure, grid[:count]


def _calm(axes: Axes, grid: Literal["x", "y"] = "y") -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=grid, color="#e4e6ea", lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8.5)
    axes.title.set_fontsize(9.5)


def _name(one: ErrorFigures) -> str:
    return _words(one.code, [one])


def _words(code: str, errors: Sequence[ErrorFigures]) -> str:
    label = next((one.label for one in errors if one.code == code), code)
    return f"{code.split('.')[0].replace('_', ' ')}\n{label}"
