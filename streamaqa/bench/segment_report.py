"""All that was measured of segmenter and kinematic assessor, beside what is wanted, as data and as tables."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from rich.table import Table

from streamaqa.bench.annotated import AnnotatedResult, Recording
from streamaqa.bench.drawn import DrawnResult
from streamaqa.bench.faults import FaultResult
from streamaqa.bench.segment_clips import ClipsResult
from streamaqa.bench.segment_cost import CostResult
from streamaqa.bench.segment_held_out import HeldOutResult, SearchResult
from streamaqa.bench.segment_others import OtherResult
from streamaqa.bench.segment_rendered import RenderedResult
from streamaqa.bench.segment_stress import Stressed
from streamaqa.bench.segment_synthetic import NEGATIVE_MINUTES, SyntheticResult

Unit: TypeAlias = Literal["count", "share", "seconds"]

COUNTED_SHARE: Final = 0.9
"""Recordings with the right count (DESIGN.md: 9 of 10)."""
DELAY_S: Final = 0.35
TWO_FRAMES_S: Final = 2 / 30


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure beside what is wanted."""

    part: str
    name: str
    measured: float
    wanted: float
    """At least, or at most."""
    least: bool
    """Whether `wanted` is the least that will do; else it is the most."""
    unit: Unit
    of: int | None = None
    """How many there were, where `measured` counts."""

    @property
    def met(self) -> bool:
        """False too where nothing could be measured."""
        return self.measured >= self.wanted if self.least else self.measured <= self.wanted


@dataclass(frozen=True, slots=True)
class SegmentResult(AnnotatedResult):
    """What `segment.measure` found; what was not asked for is None."""

    pose_cost_us: float
    """Microseconds per pose, median over recordings."""
    cost: CostResult | None = None
    clips: ClipsResult | None = None
    stressed: tuple[Stressed, ...] = ()
    synthetic: SyntheticResult | None = None
    varied: DrawnResult | None = None
    others: tuple[OtherResult, ...] = ()
    rendered: RenderedResult | None = None
    varied_rendered: DrawnResult | None = None
    others_rendered: tuple[OtherResult, ...] = ()
    held_out: SearchResult | None = None
    faults: FaultResult | None = None
    summary: tuple[dict[str, object], ...] = ()
    """`summary` of it, for those who read JSON."""


def figures(result: SegmentResult) -> list[Figure]:
    """Every figure that has something wanted beside it."""
    found = list(_annotated("recordings", result))
    if (clips := result.clips) is not None:
        found += _annotated("clips, followed in the picture", clips.followed)
        found += _annotated("clips, landmarks alone", clips.landmarks)
    if (search := result.held_out) is not None:
        found += _annotated("recordings, each left out", search.by_recording.figures)
        found += _annotated("recordings, each source left out", search.by_source.figures)
    if result.cost is not None:
        found.append(
            Figure("cost", "share of the pose model's time", result.cost.share, 0.03, False, "share")
        )
    if (exact := result.synthetic) is not None:
        right = Figure("drawn", "reps found and recognized", exact.right_share, 0.99, True, "share")
        found += [right, *_drawn("drawn", exact), _none("drawn", exact)]
    if result.varied is not None:
        found += _varied("uneven sets, drawn", result.varied, 0.99)
    found += _others("other movements, drawn", result.others)
    if (seen := result.rendered) is not None:
        ahead = Figure("rendered", "reps found and recognized", seen.right_share, 0.99, True, "share")
        behind = Figure("rendered", "... from behind", seen.right_share_behind, 0.95, True, "share")
        found += [ahead, behind, *_drawn("rendered", seen), _none("rendered", seen)]
    if result.varied_rendered is not None:
        found += _varied("uneven sets, rendered", result.varied_rendered, 0.95)
    found += _others("other movements, rendered", result.others_rendered)
    if result.faults is not None:
        found += _faults(result.faults)
    return found


def summary(result: SegmentResult) -> tuple[dict[str, object], ...]:
    """The same as plain values."""
    return tuple({**asdict(figure), "met": figure.met} for figure in figures(result))


def _annotated(part: str, result: AnnotatedResult) -> Iterator[Figure]:
    n = len(result.recordings)
    yield Figure(part, "exact count", result.exact, math.ceil(COUNTED_SHARE * n), True, "count", n)
    yield Figure(part, "worst miscount", result.worst_off_by, 1, False, "count")
    yield Figure(part, "reps on negatives", result.false_on_negatives, 0, False, "count")
    yield Figure(part, "reps matched", result.matched_share, 0.95, True, "share")
    yield Figure(part, "boundary error, median", result.boundary_median, 0.10, False, "seconds")
    yield Figure(part, "boundary error, 90th percentile", result.boundary_p90, 0.25, False, "seconds")
    yield Figure(part, "exercise and first phase right", result.exercise_right_share, 0.95, True, "share")
    yield Figure(part, "said after the end, 95th percentile", result.delay_p95, DELAY_S, False, "seconds")
    rested = result.delay_p95_rested
    yield Figure(part, "... with a second of rest around", rested, DELAY_S, False, "seconds")


def _varied(part: str, varied: DrawnResult, right: float) -> Iterator[Figure]:
    yield Figure(part, "reps found and recognized", varied.right_share, right, True, "share")
    yield from _drawn(part, varied)


def _drawn(part: str, drawn: RenderedResult | DrawnResult) -> Iterator[Figure]:
    yield Figure(part, "reps too many", drawn.extra, 0, False, "count")
    yield Figure(part, "boundaries within two frames", drawn.within_two_frames, 1.0, True, "share")
    yield Figure(part, "boundary error, 95th percentile", drawn.boundary_p95, TWO_FRAMES_S, False, "seconds")
    yield Figure(part, "said after the end, 95th percentile", drawn.delay_p95, DELAY_S, False, "seconds")


def _others(part: str, others: tuple[OtherResult, ...]) -> Iterator[Figure]:
    if others:
        counted, done = sum(each.counted for each in others), sum(each.done for each in others)
        yield Figure(part, "taken for reps", counted, 0, False, "count", done)


def _none(part: str, drawn: SyntheticResult | RenderedResult) -> Figure:
    name = f"reps in {NEGATIVE_MINUTES:.0f} min of none"
    return Figure(part, name, drawn.false_in_negatives, 1, False, "count")


def _faults(result: FaultResult) -> Iterator[Figure]:
    part = "kinematic assessor"
    for row in result.errors:
        if row.drawn:
            yield Figure(part, f"{row.error}: F1", row.f1, 0.90, True, "share")
            yield Figure(part, f"{row.error}: interval IoU, median", row.iou, 0.6, True, "share")
        if row.hidden:
            name = f"{row.error}: abstains where it cannot be seen"
            yield Figure(part, name, row.abstained, 0.95, True, "share")
    yield Figure(part, "clean reps with a fault named", result.clean_named, 0.02, False, "share")


def tables(result: SegmentResult) -> list[Table]:
    """Each recording, the choices of a leave-one-out, and all figures beside what is wanted."""
    shown = [_each("Annotated recordings", result.recordings)]
    if (clips := result.clips) is not None:
        shown.append(_each("Annotated clips, followed in the picture", clips.followed.recordings))
    if result.stressed:
        shown.append(_stressed(result.stressed))
    if (search := result.held_out) is not None:
        shown.append(_each("Annotated recordings, each left out", search.by_recording.figures.recordings))
        shown.append(_choices(search.by_recording, search.by_source))
    if (others := _each_other(result.others, result.others_rendered)).row_count:
        shown.append(others)
    total = Table("", "figure", "measured", "wanted", "met", title="Segmenter")
    part = ""
    for figure in figures(result):
        if figure.part != part:
            total.add_section()
        met = "yes" if figure.met else "[red]no[/red]"
        name = figure.part if figure.part != part else ""
        total.add_row(name, figure.name, _measured(figure), _wanted(figure), met)
        part = figure.part
    total.caption = f"A pose costs {result.pose_cost_us:.0f} µs." + (
        f" Share of the pose model's time: {result.cost.segmenter_us:.0f} of {result.cost.model_us:.0f} µs."
        if result.cost
        else ""
    )
    return [*shown, total]


def _each(title: str, recordings: tuple[Recording, ...]) -> Table:
    each = Table(title=title)
    each.add_column("recording", no_wrap=True)
    for heading in ("reps", "found", "worst", "said"):
        each.add_column(heading, justify="right")
    each.caption = "Seconds: the worst boundary; how long after the end a repetition was said, mean."
    for r in recordings:
        worst = max((e for m in r.matched for e in m.errors), default=math.nan)
        delay = float(np.mean([m.delay for m in r.matched])) if r.matched else math.nan
        reps = f"{r.expected}" + (f" + {r.partial} cut" if r.partial else "")
        found = f"{r.counted}" if r.exact else f"[red]{r.counted}[/red]"
        each.add_row(r.name, reps, found, *("" if math.isnan(x) else f"{x:.2f}" for x in (worst, delay)))
    return each


def _each_other(exact: tuple[OtherResult, ...], rendered: tuple[OtherResult, ...]) -> Table:
    """Those of which something was counted."""
    table = Table("movement", "done", "counted", "through the pose model", "as", title="Other movements")
    ways = [{each.kind: each for each in results} for results in (exact, rendered)]
    kinds = ways[0] | ways[1]
    for kind, any_way in kinds.items():
        found = [way.get(kind) for way in ways]
        names = {name for each in found if each is not None for name in each.taken_for}
        if names:
            counts = ["" if each is None else str(each.counted) for each in found]
            table.add_row(kind, str(any_way.done), *counts, ", ".join(sorted(names)))
    table.caption = f"Nothing was counted of {len(kinds) - table.row_count} others."
    return table


def _stressed(results: tuple[Stressed, ...]) -> Table:
    """A line for each stress, the first of which is none."""
    each = Table(title="All recordings, changed as others might be")
    each.add_column("changed", no_wrap=True)
    for heading in ("exact", "off", "none", "p50", "p90", "said", "rest"):
        each.add_column(heading, justify="right")
    of = len(results[0].figures.recordings)
    each.caption = (
        f"Of {of}: exact, off by, found on negatives. Milliseconds: boundary errors; how long after the end "
        "a repetition was said, without and with a second of rest around."
    )
    for result in results:
        found = result.figures
        counts = (found.exact, found.worst_off_by, found.false_on_negatives)
        times = (found.boundary_median, found.boundary_p90, found.delay_p95, found.delay_p95_rested)
        each.add_row(result.name, *map(str, counts), *(f"{1000 * time:.0f}" for time in times))
    return each


def _choices(*results: HeldOutResult) -> Table:
    """Which values the folds chose, most frequent first."""
    shares = ", ".join(f"{r.shipped_share:.0%} by {r.left_out} ({r.folds} folds)" for r in results)
    each = Table("parameter", "searched from", "shipped", title="Chosen without what is left out")
    each.caption = f"The shipped value: {shares}."
    for result in results:
        each.add_column(f"each {result.left_out} left out")
    for rows in zip(*(result.choices for result in results), strict=True):
        chosen = (sorted(row.chosen.items(), key=lambda item: -item[1]) for row in rows)
        told = (", ".join(f"{value:g} ({count})" for value, count in values) for values in chosen)
        each.add_row(rows[0].name, f"{rows[0].start:g}", f"{rows[0].shipped:g}", *told)
    return each


def _measured(figure: Figure) -> str:
    of = "" if figure.of is None else f" of {figure.of}"
    return _value(figure.measured, figure.unit) + of


def _wanted(figure: Figure) -> str:
    return ("≥ " if figure.least else "≤ ") + _value(figure.wanted, figure.unit)


def _value(value: float, unit: Unit) -> str:
    if math.isnan(value):
        return ""
    return {"count": f"{value:.0f}", "share": f"{value:.1%}", "seconds": f"{value:.3f} s"}[unit]
