"""How well the segmenter cuts: counts, boundaries, exercise and delay on recordings annotated by hand.

The definitions are DESIGN.md's. A repetition found matches the annotated one whose turn is nearest and
within 0.75 s. The error of a boundary is what its difference exceeds the annotation's own doubt by, beyond
0.1 s: `max(0, |difference| - max(0, tol_s - 0.1))`. Repetitions that the clip cuts (`partial`) may be counted
or not.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from streamaqa.bench.drawn import NEAR_S
from streamaqa.bench.segment_cost import CostResult, measure_cost
from streamaqa.bench.segment_rendered import RenderedResult, measure_rendered
from streamaqa.bench.segment_synthetic import NEGATIVE_MINUTES, SyntheticResult, measure_synthetic
from streamaqa.exercises import EXERCISES, exercise
from streamaqa.segmentation.segmenter import Segmenter
from streamaqa.segmentation.settings import SegmenterSettings
from streamaqa.sources.pose_track import PoseTrackSource
from streamaqa.types import Event, Pose, Rep, RepEnded

REST_S = 1.0
"""Seconds of standing still put before and after a recording to measure when repetitions are said: clips end
with the last repetition, and what the stream's end confirms would flatter."""

SAME = {"overhead_press_seated": "overhead_press", "dumbbell_row": "barbell_row"}
"""Annotated movements that count as another exercise of the vocabulary (DESIGN.md)."""


@dataclass(frozen=True, slots=True)
class Matched:
    """One annotated repetition and the one found for it. Seconds; differences are found less annotated."""

    turn: float
    """As annotated."""
    start_difference: float
    turn_difference: float
    end_difference: float
    errors: tuple[float, float, float]
    """Of start, turn and end, less the annotation's doubt."""
    delay: float
    """When it was said, less the annotated end."""
    exercise: str
    """As found."""
    exercise_right: bool
    """Exercise and first phase."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One annotated recording."""

    name: str
    exercise: str
    """As annotated, in the words of the vocabulary; "none" for a negative."""
    expected: int
    """Whole repetitions annotated."""
    partial: int
    """Cut ones, which may be counted or not."""
    counted: int
    matched: tuple[Matched, ...]

    @property
    def exact(self) -> bool:
        """Whether the count is right."""
        return self.off_by == 0

    @property
    def off_by(self) -> int:
        """How far the count is from the nearest right one."""
        return max(self.expected - self.counted, self.counted - self.expected - self.partial, 0)


@dataclass(frozen=True, slots=True)
class SegmentResult:
    """What `measure` found. Shares are in [0, 1], times in seconds."""

    recordings: tuple[Recording, ...]
    exact: int
    """Recordings with the right count."""
    worst_off_by: int
    false_on_negatives: int
    matched_share: float
    boundary_median: float
    boundary_p90: float
    exercise_right_share: float
    delay_p95: float
    """As recorded, where the end of the stream may confirm the last repetition."""
    delay_p95_rested: float
    """With `REST_S` of standing still before and after."""
    pose_cost_us: float
    """Microseconds per pose, median over recordings."""
    cost: CostResult | None = None
    synthetic: SyntheticResult | None = None
    rendered: RenderedResult | None = None


def measure(
    shared: Path,
    *,
    plots: Path | None = None,
    settings: SegmenterSettings | None = None,
    only: Collection[str] | None = None,
    cost: bool = True,
    synthetic: bool = True,
    rendered: bool = False,
) -> SegmentResult:
    """Run the segmenter over every annotated recording under `shared` (`clips/annotations.json`).

    `plots` is a folder for one picture per recording, `only` names the recordings to run, `cost` times the
    pose model beside the segmenter, `synthetic` adds drawn lifters, `rendered` drawn lifters through the pose
    model, which takes 25 minutes the first time. Raises SourceError where a pose track or the clip is
    missing, ModelFileError if `cost` or `rendered` finds no pose model.
    """
    annotations: list[dict[str, Any]] = json.loads((shared / "clips" / "annotations.json").read_text())
    recordings: list[Recording] = []
    rested: list[Recording] = []
    costs: list[float] = []
    for annotation in annotations:
        if only is not None and annotation["name"] not in only:
            continue
        poses = list(PoseTrackSource(shared / annotation["poses"]).poses())
        begun = time.perf_counter()
        events = run(poses, settings)
        costs.append((time.perf_counter() - begun) / len(poses) * 1e6)
        recordings.append(score(annotation, events))
        rested.append(score(annotation, run(rest(poses), settings)))
        if plots is not None:
            from streamaqa.bench.segment_plot import plot

            plots.mkdir(parents=True, exist_ok=True)
            plot(plots / f"{annotation['name']}.png", annotation, poses, events)
    result = _sum_up(recordings, rested, float(np.median(costs)))
    return replace(
        result,
        cost=measure_cost(shared, settings) if cost else None,
        synthetic=measure_synthetic(settings) if synthetic else None,
        rendered=measure_rendered(settings) if rendered else None,
    )


def run(poses: Sequence[Pose], settings: SegmenterSettings | None = None) -> list[Event]:
    """All events of one track."""
    segmenter = Segmenter(settings)
    events = [event for pose in poses for event in segmenter.push(pose)]
    return events + segmenter.flush()


def rest(poses: Sequence[Pose]) -> list[Pose]:
    """The track with its first and its last pose held for `REST_S`."""
    steps = np.arange(1, round(30 * REST_S) + 1) / 30
    before = [replace(poses[0], time=poses[0].time - step) for step in steps[::-1].tolist()]
    return [*before, *poses, *(replace(poses[-1], time=poses[-1].time + step) for step in steps.tolist())]


def score(annotation: dict[str, Any], events: Sequence[Event]) -> Recording:
    """Compare the events with one entry of `annotations.json`."""
    wanted = SAME.get(annotation["exercise"], annotation["exercise"])
    wanted = wanted if wanted in {e.name for e in EXERCISES} else "none"
    ended = [event for event in events if isinstance(event, RepEnded)]
    whole = [rep for rep in annotation["reps"] if not rep.get("partial")]
    pairs = _pair([rep["turn_s"] for rep in whole], [event.rep.turn for event in ended])
    matched = tuple(_compare(whole[i], ended[j], wanted) for i, j in pairs)
    cut = len(annotation["reps"]) - len(whole)
    return Recording(annotation["name"], wanted, len(whole), cut, len(ended), matched)


def _pair(annotated: list[float], found: list[float]) -> list[tuple[int, int]]:
    """Indices of turns that belong together, nearest first, each used once."""
    near = sorted(
        (abs(a - f), i, j)
        for i, a in enumerate(annotated)
        for j, f in enumerate(found)
        if abs(a - f) <= NEAR_S
    )
    pairs: list[tuple[int, int]] = []
    for _, i, j in near:
        if all(i != a and j != b for a, b in pairs):
            pairs.append((i, j))
    return sorted(pairs)


def _compare(annotated: dict[str, Any], event: RepEnded, wanted: str) -> Matched:
    rep: Rep = event.rep
    doubt = max(0.0, annotated["tol_s"] - 0.1)
    start, turn, end = (
        found - annotated[key]
        for found, key in ((rep.start, "start_s"), (rep.turn, "turn_s"), (rep.end, "end_s"))
    )
    right = rep.exercise == wanted and rep.phases[0].kind == exercise(wanted).first_phase
    errors = (max(0.0, abs(start) - doubt), max(0.0, abs(turn) - doubt), max(0.0, abs(end) - doubt))
    return Matched(
        turn=annotated["turn_s"],
        start_difference=start,
        turn_difference=turn,
        end_difference=end,
        errors=errors,
        delay=event.at - annotated["end_s"],
        exercise=rep.exercise,
        exercise_right=right,
    )


def _delay(recordings: Sequence[Recording]) -> float:
    delays = [m.delay for recording in recordings for m in recording.matched]
    return float(np.percentile(delays, 95)) if delays else float("nan")


def _sum_up(recordings: Sequence[Recording], rested: Sequence[Recording], cost: float) -> SegmentResult:
    matched = [m for recording in recordings for m in recording.matched]
    errors = np.array([e for m in matched for e in m.errors])
    expected = sum(recording.expected for recording in recordings)
    return SegmentResult(
        recordings=tuple(recordings),
        exact=sum(recording.exact for recording in recordings),
        worst_off_by=max(recording.off_by for recording in recordings),
        false_on_negatives=sum(r.counted for r in recordings if r.exercise == "none"),
        matched_share=len(matched) / max(expected, 1),
        boundary_median=float(np.median(errors)) if len(errors) else float("nan"),
        boundary_p90=float(np.percentile(errors, 90)) if len(errors) else float("nan"),
        exercise_right_share=float(np.mean([m.exercise_right for m in matched])) if matched else float("nan"),
        delay_p95=_delay(recordings),
        delay_p95_rested=_delay(rested),
        pose_cost_us=cost,
    )


def table(result: SegmentResult) -> list[Table]:
    """Two tables: each recording, and the figures against their limits."""
    each = Table("recording", "reps", "found", "worst boundary", "mean delay", title="Annotated recordings")
    for r in result.recordings:
        worst = max((e for m in r.matched for e in m.errors), default=float("nan"))
        delay = float(np.mean([m.delay for m in r.matched])) if r.matched else float("nan")
        reps = f"{r.expected}" + (f" + {r.partial} cut" if r.partial else "")
        found = f"{r.counted}" if r.exact else f"[red]{r.counted}[/red]"
        each.add_row(r.name, reps, found, _seconds(worst), _seconds(delay))
    total = Table("figure", "measured", "wanted", title="Segmenter")
    n = len(result.recordings)
    total.add_row("exact count", f"{result.exact} of {n}", f"{-(-9 * n // 10)}")
    total.add_row("worst miscount", f"{result.worst_off_by}", "1")
    total.add_row("reps on negatives", f"{result.false_on_negatives}", "0")
    total.add_row("reps matched", f"{result.matched_share:.1%}", "95 %")
    total.add_row("boundary error, median", _seconds(result.boundary_median), "0.10 s")
    total.add_row("boundary error, 90th percentile", _seconds(result.boundary_p90), "0.25 s")
    total.add_row("exercise and first phase right", f"{result.exercise_right_share:.1%}", "95 %")
    total.add_row("said after the end, 95th percentile", _seconds(result.delay_p95), "0.35 s")
    total.add_row("... with a second of rest around", _seconds(result.delay_p95_rested), "0.35 s")
    total.add_row("cost per pose", f"{result.pose_cost_us:.0f} µs", "")
    if (cost := result.cost) is not None:
        share = f"{cost.segmenter_us:.0f} of {cost.model_us:.0f} µs: {cost.share:.2%}"
        total.add_row("share of the pose model's time", share, "3 %")
    if (drawn := result.synthetic) is not None:
        total.add_section()
        total.add_row("drawn: reps found and recognized", f"{drawn.right_share:.1%} of {drawn.reps}", "99 %")
        _add_drawn(total, "drawn", drawn)
        false = f"{drawn.false_in_negatives}"
        total.add_row(f"drawn: reps in {NEGATIVE_MINUTES:.0f} min of none", false, "1")
    if (seen := result.rendered) is not None:
        total.add_section()
        total.add_row("rendered: reps found and recognized", f"{seen.right_share:.1%}", "99 %")
        total.add_row("rendered: ... from behind", f"{seen.right_share_behind:.1%}", "95 %")
        _add_drawn(total, "rendered", seen)
        false = f"{seen.false_in_negatives}"
        total.add_row(f"rendered: reps in {NEGATIVE_MINUTES:.0f} min of none", false, "1")
    return [each, total]


def _add_drawn(total: Table, how: str, drawn: SyntheticResult | RenderedResult) -> None:
    total.add_row(f"{how}: reps too many", f"{drawn.extra}", "0")
    total.add_row(f"{how}: boundaries within two frames", f"{drawn.within_two_frames:.1%}", "all")
    total.add_row(f"{how}: boundary error, 95th percentile", _seconds(drawn.boundary_p95), "0.067 s")
    total.add_row(f"{how}: said after the end, 95th percentile", _seconds(drawn.delay_p95), "0.35 s")


def _seconds(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.3f} s"
