"""Reads a part that consists of videos with intervals of errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from finetune.clips import Clip
from finetune.fitness_aqa.files import Files, Labels, Splits, intervals, read_splits
from finetune.fitness_aqa.problems import Problem
from finetune.fitness_aqa.scan import Scan, Scans, video_job
from finetune.layout import SPLITS, VideoPart
from finetune.records import Interval

END_TOLERANCE_S = 0.1
"""A label that ends this much behind its video is rounding, three frames at the data set's 30 a second, and
is cut there. More is another video's label."""

Progress: TypeAlias = Callable[[str, int], Callable[[], None]]
"""Told of each long step and its size, gives back what is called for each item done."""


@dataclass(slots=True)
class Found:
    """What was read of a part."""

    clips: list[Clip] = field(default_factory=list)
    times: dict[str, tuple[float, ...]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unlabelled: int = 0
    """Files that no label and no split names."""
    left_out: int = 0
    """Clips that something is wrong with."""
    passed_over: int = 0
    """Labels of images that are held out for another error."""


def read_videos(files: Files, part: VideoPart, scans: Scans, progress: Progress) -> Found:
    """Read a part's clips. What is wrong goes into the problems found, or those of `files`."""
    before = len(files.problems)
    labels = {error: files.labels(file, part.name) for error, file in part.labels.items()}
    splits = read_splits(files, {split: part.split(split) for split in SPLITS}, part.name)
    twice = {problem.where for problem in files.problems[before:] if problem.kind == "labelled twice"}
    there = {path.stem for path in (files.root / part.videos).iterdir() if path.suffix == ".mp4"}
    named = set().union(*(found for found in labels.values() if found), splits.ids if splits else ())
    jobs = [video_job(files.root, part.video(name)) for name in sorted(there & named)]
    scanned = scans.scan(jobs, progress(f"{part.name}: videos", len(jobs)))
    found = Found(problems=list(splits.problems) if splits else [], unlabelled=len(there - named))
    for name in sorted(named):
        scan = scanned.get(part.video(name))
        wrong, errors = _check(part, name, scan, labels, splits)
        found.problems += wrong
        split = splits.of.get(name) if splits else None
        if wrong or scan is None or split is None or f"{part.name}/{name}" in twice:
            found.left_out += 1
            continue
        clip = Clip(
            id=f"{part.name}/{name}",
            part=part.name,
            exercise=part.exercise,
            kind="video",
            file=part.video(name),
            split=split,
            errors={error: when for error, when in errors.items() if when},
            judged=tuple(part.labels),
            duration=round(scan.duration, 6),
            fps=round(scan.fps, 3),
            frames=len(scan.times),
            size=scan.size,
        )
        found.clips.append(clip)
        found.times[clip.id] = scan.times
    return found


def _check(
    part: VideoPart,
    name: str,
    scan: Scan | None,
    labels: Mapping[str, Labels | None],
    splits: Splits | None,
) -> tuple[list[Problem], dict[str, tuple[Interval, ...]]]:
    """All that is wrong with one id, and its intervals. A file that could not be read accuses no clip."""
    where = f"{part.name}/{name}"
    wrong: list[Problem] = []
    errors: dict[str, tuple[Interval, ...]] = {}
    if scan is None:
        by = [file for error, file in part.labels.items() if name in (labels[error] or ())]
        by += ["a split"] if splits and name in splits.ids else []
        wrong.append(
            Problem("missing video", where, f"{part.video(name)} is not there; named by {' and '.join(by)}")
        )
    elif scan.damage:
        wrong.append(Problem("damaged video", where, scan.damage))
    if splits and name not in splits.ids:
        wrong.append(Problem("in no split", where, "is labelled, but in no split"))
    duration = scan.duration if scan and not scan.damage else None
    for error, found in labels.items():
        if found is None:
            continue
        if name not in found:
            wrong.append(Problem("not labelled", where, f"{part.labels[error]} has nothing of it"))
            continue
        read = intervals(found[name], duration, END_TOLERANCE_S)
        if isinstance(read, Problem):
            wrong.append(replace(read, where=where, what=f"{error}: {read.what}"))
        else:
            errors[error] = read
    return wrong, errors
