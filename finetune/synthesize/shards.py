"""Some tens of samples drawn and written: the unit of work, and of what a kill can cost.

A shard's samples are written first, each under a temporary name and then renamed; its list of labels comes
last and says that the shard is whole. Drawn again, a shard gives the same bytes.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from finetune.layout import OHP, PICTURE_SUFFIXES, SQUAT, VideoPart
from finetune.synthesize.drawing import draw
from finetune.synthesize.encode import FPS, Noise, jpeg, video
from finetune.synthesize.paint import paint
from finetune.synthesize.plan import Sample, count, plan
from finetune.synthesize.recipe import KINDS, Recipe
from finetune.synthesize.truth import FOLDER, ClipTruth, truth_of, write_truth

SHARD: Final = 10
"""Samples. Less than half a second of work: that much a kill costs each worker."""
WORK: Final = f"{FOLDER}/unfinished"
"""Where shards lie until the data set is whole."""
PARTS: Final[dict[str, VideoPart]] = {"squat": SQUAT, "ohp": OHP}
"""Kind to the part of the data set its videos belong to."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Samples `first` to `last - 1` of a kind."""

    kind: str
    first: int
    last: int

    @property
    def name(self) -> str:
        """Sorts in order."""
        return f"{self.kind}-{self.first:06d}"

    def labels(self, out: Path) -> Path:
        """The list that says that the shard is whole."""
        return out / WORK / f"{self.name}.json"

    def pictures(self, out: Path) -> Path:
        """The images of a shard of images."""
        return out / WORK / f"{self.name}.zip"


def shards(recipe: Recipe) -> list[Shard]:
    """All there are."""
    return [
        Shard(kind.name, first, min(first + SHARD, total))
        for kind in KINDS
        for total in (count(recipe, kind),)
        for first in range(0, total, SHARD)
    ]


class Drawer:
    """Draws shards of one recipe into one folder."""

    def __init__(self, out: Path, recipe: Recipe) -> None:
        self._out = out
        self._recipe = recipe
        self._plan = plan(recipe)

    def draw(self, shard: Shard) -> None:
        """Write all files of a shard."""
        samples = self._plan[shard.kind][shard.first : shard.last]
        labels: dict[str, Any] = {}
        if samples[0].kind.still:
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
                for sample in samples:
                    name, image, truth = self._image(sample)
                    archive.writestr(member(name + PICTURE_SUFFIXES[0]), image)
                    labels[name] = {"split": sample.split, "errors": sorted(sample.errors)}
                    self._keep(shard.kind, name, truth)
            write_whole(self._out, shard.pictures(self._out), packed.getvalue())
        else:
            for sample in samples:
                truth = self._video(sample)
                shown = {error: truth.intervals[error] for error in sorted(sample.errors)}
                labels[sample.stem] = {"split": sample.split, "errors": shown}
                self._keep(shard.kind, sample.stem, truth)
        write_whole(self._out, shard.labels(self._out), json.dumps(labels).encode())

    def _video(self, sample: Sample) -> ClipTruth:
        drawn = draw(self._recipe, sample)
        shot = drawn.shot
        pictures = paint(shot, drawn.lens, drawn.sight.bones)
        noise = Noise((shot.size, shot.size), shot.scene.room.noise, shot.seed)
        path = self._out / PARTS[sample.kind.name].video(sample.stem)
        write_whole(self._out, path, video(pictures, shot.size, noise))
        return truth_of(drawn, sample.split)

    def _image(self, sample: Sample) -> tuple[str, bytes, ClipTruth]:
        drawn = draw(self._recipe, sample)
        shot = drawn.shot
        (picture,) = paint(shot, drawn.lens, drawn.sight.bones)
        noise = Noise((shot.size, shot.size), shot.scene.room.noise, shot.seed)
        name = f"{sample.stem}_{round(float(shot.times[0]) * FPS)}"
        return name, jpeg(picture, noise), truth_of(drawn, sample.split)

    def _keep(self, kind: str, name: str, truth: ClipTruth) -> None:
        write_whole(self._out, self._out / FOLDER / kind / f"{name}.npz", write_truth(truth))


def member(name: str) -> zipfile.ZipInfo:
    """An archive's entry without the time of day, so that the same images give the same archive."""
    about = zipfile.ZipInfo(name)
    about.external_attr = 0o644 << 16
    return about


def members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of an archive's entries."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            yield name, archive.read(name)


def write_whole(out: Path, path: Path, content: bytes) -> None:
    """Write a file of the data set `out` that is there whole or not at all."""
    temporary = out / WORK / f".{os.getpid()}.part"
    temporary.write_bytes(content)
    try:
        temporary.replace(path)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(path)
