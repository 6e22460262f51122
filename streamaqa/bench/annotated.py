"""Repetitions found against recordings annotated by hand.

The definitions are DESIGN.md's. A repetition found matches the annotated one whose turn is nearest and
within 0.75 s. The error of a boundary is what its difference exceeds the annotation's own doubt by, beyond
0.1 s: `max(0, |difference| - max(0, tol_s - 0.1))`. Repetitions that the clip cuts (`partial`) may be counted
or not.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from streamaqa.bench.drawn import NEAR_S
from streamaqa.exercises import EXERCISES, Exercise, exercise
from streamaqa.segmentation.segmenter import Segmenter
from streamaqa.segmentation.settings import SegmenterSettings
from streamaqa.types import Event, Flow, Pose, Rep, RepEnded

Annotation: TypeAlias = dict[str, Any]
"""One entry of `clips/annotations.json`."""

REST_S: Final = 1.0
"""Seconds of standing still put before and after a recording to measure when repetitions are said: clips end
with the last repetition, and what the stream's end confirms would flatter."""

SAME: Final = {"overhead_press_seated": "overhead_press", "dumbbell_row": "barbell_row"}
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
class AnnotatedResult:
    """All recordings together. Shares are in [0, 1], times in seconds; NaN where nothing was matched."""

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


def annotations_in(shared: Path) -> list[Annotation]:
    """The entries of `clips/annotations.json` in that folder."""
    entries: list[Annotation] = json.loads((shared / "clips" / "annotations.json").read_text())
    return entries


def run(
    poses: Sequence[Pose],
    settings: SegmenterSettings | None = None,
    exercises: Sequence[Exercise] = EXERCISES,
) -> list[Event]:
    """All events of one track."""
    segmenter = Segmenter(settings, exercises)
    events = [event for pose in poses for event in segmenter.push(pose)]
    return events + segmenter.flush()


def rest(poses: Sequence[Pose]) -> list[Pose]:
    """The track with its first and its last pose held for `REST_S`."""
    steps = (np.arange(1, round(30 * REST_S) + 1) / 30).tolist()
    first, last = poses[0], poses[-1]
    still = None if last.flow is None else Flow(np.zeros_like(last.flow.rise), (0.0, 0.0))
    begin = replace(first, time=first.time - steps[-1])  # nothing comes before it, so it has no flow
    before = [replace(first, time=first.time - step, flow=still) for step in reversed(steps[:-1])]
    after = [replace(last, time=last.time + step, flow=still) for step in steps]
    return [begin, *before, replace(first, flow=still), *poses[1:], *after]


def score(annotation: Annotation, events: Sequence[Event]) -> Recording:
    """Compare the events with one entry of `annotations.json`."""
    wanted = SAME.get(annotation["exercise"], annotation["exercise"])
    wanted = wanted if wanted in {e.name for e in EXERCISES} else "none"
    ended = [event for event in events if isinstance(event, RepEnded)]
    whole = [rep for rep in annotation["reps"] if not rep.get("partial")]
    pairs = _pair([rep["turn_s"] for rep in whole], [event.rep.turn for event in ended])
    matched = tuple(_compare(whole[i], ended[j], wanted) for i, j in pairs)
    cut = len(annotation["reps"]) - len(whole)
    return Recording(annotation["name"], wanted, len(whole), cut, len(ended), matched)


def sum_up(recordings: Sequence[Recording], rested: Sequence[Recording]) -> AnnotatedResult:
    """The figures of all recordings; `rested` are the same with `rest` around."""
    matched = [m for recording in recordings for m in recording.matched]
    errors = np.array([e for m in matched for e in m.errors])
    expected = sum(recording.expected for recording in recordings)
    return AnnotatedResult(
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
    )


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
