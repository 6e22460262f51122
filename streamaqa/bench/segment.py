"""Everything that is asked of the segmenter, measured: what `streamaqa bench segment` prints.

Recordings annotated by hand (`annotated`), their clips where they are there (`segment_clips`), the same
recordings changed as other cameras would have (`segment_stress`) and with parameters chosen without them
(`segment_held_out`), drawn lifters on exact landmarks (`segment_synthetic`) and through the pose model
(`segment_rendered`), uneven sets among other things (`segment_varied`) and other exercises (`segment_others`)
both ways, the segmenter's time (`segment_cost`), and the kinematic assessor on drawn faults (`faults`).
`segment_report` lays the figures beside what is wanted.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
from rich.table import Table

from streamaqa.bench.annotated import Recording, annotations_in, rest, run, score, sum_up
from streamaqa.bench.faults import measure as measure_faults
from streamaqa.bench.segment_clips import measure_clips
from streamaqa.bench.segment_cost import measure_cost
from streamaqa.bench.segment_held_out import measure_held_out
from streamaqa.bench.segment_others import measure_others, measure_others_rendered
from streamaqa.bench.segment_rendered import BODIES, measure_rendered
from streamaqa.bench.segment_report import SegmentResult, summary, tables
from streamaqa.bench.segment_stress import measure_stressed
from streamaqa.bench.segment_synthetic import measure_synthetic
from streamaqa.bench.segment_varied import measure_varied, measure_varied_rendered
from streamaqa.segmentation.settings import SegmenterSettings
from streamaqa.sources.pose_track import PoseTrackSource

__all__ = ["SegmentResult", "measure", "table"]


def measure(
    shared: Path,
    *,
    plots: Path | None = None,
    settings: SegmenterSettings | None = None,
    only: Collection[str] | None = None,
    cost: bool = True,
    synthetic: bool = True,
    clips: bool = False,
    stressed: bool = False,
    rendered: bool = False,
    held_out: bool = False,
    faults: bool = False,
    workers: int = 1,
    seed: int = 0,
    bodies: int = BODIES,
) -> SegmentResult:
    """Run the segmenter over every annotated recording under `shared`, and whatever else is asked for.

    Args:
        shared: the folder that holds `clips/annotations.json` and the pose tracks it names.
        plots: a folder for one picture per recording, and of some rendered sets.
        settings: of the segmenter; a search of parameters has its own.
        only: the recordings to run; a search of parameters takes all.
        cost: time the pose model beside the segmenter.
        synthetic: drawn lifters on exact landmarks, in even sets and in uneven ones, and other exercises.
        clips: the annotated clips, from their pictures: a minute.
        stressed: the recordings changed in many ways, a minute.
        rendered: all of these through the pose model, 45 minutes the first time.
        held_out: score each recording with parameters chosen without it, an hour the first time.
        faults: the kinematic assessor on drawn faults, half an hour the first time.
        workers: processes that search parameters.
        seed: of all that is drawn but the even sets on exact landmarks; on 0 parameters were tried.
        bodies: how many people are rendered.

    Raises SourceError where a pose track or the clip is missing, ModelFileError if what is asked for needs a
    pose model and there is none.
    """
    result = replace(
        _measure_recordings(shared, plots, settings, only),
        cost=measure_cost(shared, settings) if cost else None,
        synthetic=measure_synthetic(settings) if synthetic else None,
        varied=measure_varied(settings, seed) if synthetic else None,
        others=measure_others(settings, seed) if synthetic else (),
        clips=measure_clips(shared, settings) if clips else None,
        stressed=measure_stressed(shared, settings) if stressed else (),
        rendered=measure_rendered(settings, plots=plots, seed=seed, bodies=bodies) if rendered else None,
        varied_rendered=measure_varied_rendered(settings, seed=seed) if rendered else None,
        others_rendered=measure_others_rendered(settings, seed=seed) if rendered else (),
        held_out=measure_held_out(shared, workers=workers) if held_out else None,
        faults=measure_faults() if faults else None,
    )
    return replace(result, summary=summary(result))


def _measure_recordings(
    shared: Path, plots: Path | None, settings: SegmenterSettings | None, only: Collection[str] | None
) -> SegmentResult:
    recordings: list[Recording] = []
    rested: list[Recording] = []
    costs: list[float] = []
    for annotation in annotations_in(shared):
        if only is not None and annotation["name"] not in only:
            continue
        poses = list(PoseTrackSource(shared / annotation["poses"]).poses())
        begun = time.perf_counter()
        events = run(poses, settings)
        costs.append((time.perf_counter() - begun) / len(poses) * 1e6)
        recordings.append(score(annotation, events))
        rested.append(score(annotation, run(rest(poses), settings)))
        if plots is not None:
            from streamaqa.bench.segment_plot import annotated, plot

            plot(
                plots / f"{annotation['name']}.png", annotation["name"], poses, events, annotated(annotation)
            )
    summed = sum_up(recordings, rested)
    of_all = {field.name: getattr(summed, field.name) for field in fields(summed)}
    return SegmentResult(**of_all, pose_cost_us=float(np.median(costs)))


def table(result: SegmentResult) -> list[Table]:
    """For people; see `segment_report.tables`."""
    return tables(result)
