"""Reads the whole data set: checks first, then clips."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from finetune.clips import Clip
from finetune.fitness_aqa.files import Files
from finetune.fitness_aqa.images import read_images
from finetune.fitness_aqa.problems import Problem, report
from finetune.fitness_aqa.scan import Scans
from finetune.fitness_aqa.shape import chosen_parts, describe, missing
from finetune.fitness_aqa.videos import Progress, read_videos
from finetune.layout import UNLABELED, ImagePart, VideoPart
from streamaqa.errors import UsageError


@dataclass(frozen=True, slots=True)
class DataSet:
    """What was read."""

    root: Path
    parts: tuple[str, ...]
    """Names of the parts that were read."""
    clips: tuple[Clip, ...]
    """In order of part and id; only those with which nothing is wrong."""
    times: Mapping[str, tuple[float, ...]] = field(repr=False)
    """By clip id, seconds of each frame of a video from its first."""
    problems: tuple[Problem, ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)
    """What else is in the folder, and how many of it."""
    left_out: int = 0
    """Clips that something is wrong with."""

    def report(self) -> str:
        """Every problem, one a line; empty without any."""
        return report(self.problems)


def read_data_set(
    root: Path,
    only: Sequence[str] | None = None,
    scans: Scans | None = None,
    progress: Progress = lambda *_: lambda: None,
) -> DataSet:
    """Read the data set in folder `root`, which may have any name.

    Args:
        root: the folder that holds `Squat`, `OHP` and `BarbellRow`.
        only: names of the parts to read (`squat, ohp, shallow, lumbar, torso`, or `row`), all by default.
        scans: decodes every video once and may keep what it found from run to run.
        progress: told of each long step and its size, gives back what is called for each item done.

    UsageError lists everything that is wrong, if any of it makes a part unreadable.
    """
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder" if not root.exists() else f"{root}: no folder")
    parts = chosen_parts(only)
    misshapen = missing(root, parts)
    whole = [part for part in parts if not missing(root, [part])]
    files, scans = Files(root), scans or Scans()
    videos = [read_videos(files, part, scans, progress) for part in whole if isinstance(part, VideoPart)]
    images = read_images(files, [part for part in whole if isinstance(part, ImagePart)], scans, progress)
    problems = (*files.problems, *(found for part in (*videos, images) for found in part.problems))
    if misshapen or any(problem.stops for problem in problems):
        listed = [describe(root, parts)] if misshapen else [f"{root} cannot be read as Fitness-AQA's folder."]
        raise UsageError("\n".join([*listed, report(problems)]).rstrip("\n"))
    ignored = {
        "videos without labels": sum(part.unlabelled for part in videos),
        "images without labels": images.unlabelled,
        "labels of images that another error's split holds out": images.passed_over,
        **_unlabelled(root, whole),
    }
    return DataSet(
        root=root,
        parts=tuple(part.name for part in parts),
        clips=tuple(clip for part in (*videos, images) for clip in part.clips),
        times={name: times for part in videos for name, times in part.times.items()},
        problems=problems,
        ignored={what: count for what, count in ignored.items() if count},
        left_out=sum(part.left_out for part in (*videos, images)),
    )


def _unlabelled(root: Path, parts: Sequence[VideoPart | ImagePart]) -> dict[str, int]:
    """The parts without labels, and the list of ids without a bar trajectory, which we do not need."""
    found = {folder: _count(root / folder) for folder in UNLABELED}
    for part in parts:
        if isinstance(part, VideoPart) and part.unusable:
            found[f"{part.unusable} (their videos are read)"] = _length(root / part.unusable)
    return found


def _count(folder: Path) -> int:
    """Videos in a folder and in the archives there, or 1 for an archive that cannot be opened."""
    total = 0
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.suffix == ".mp4":
            total += 1
        elif path.name == "videos.zip":
            try:
                with zipfile.ZipFile(path) as archive:
                    total += sum(name.endswith(".mp4") for name in archive.namelist())
            except (OSError, ValueError, zipfile.BadZipFile):
                total += 1
    return total


def _length(path: Path) -> int:
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return 0
    return len(listed) if isinstance(listed, list | dict) else 0
