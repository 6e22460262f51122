"""From shards to the data set's own files: archives, labels, splits."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from finetune.layout import IMAGE_PARTS, SPLITS, ImagePart, VideoPart
from finetune.synthesize.shards import PARTS, Shard, member, members, write_whole

Labels = dict[str, dict[str, Any]]
"""Id to its split and errors, as shards list them."""
STILLS = {"shallow": "squat", "row": "barbell_row"}
"""Kind to the exercise of its image parts."""


def finish(out: Path, every: list[Shard]) -> None:
    """Write what makes the folder a data set. All shards have to be whole."""
    labels: dict[str, Labels] = {}
    for shard in every:
        found = json.loads(shard.labels(out).read_text(encoding="utf-8"))
        labels.setdefault(shard.kind, {}).update(found)
    for kind, exercise in STILLS.items():
        parts = [part for part in IMAGE_PARTS if part.exercise == exercise]
        _archive(out, parts[0], [shard for shard in every if shard.kind == kind])
        for part in parts:
            _images(out, part, labels.get(kind, {}))
    for kind, video_part in PARTS.items():
        (out / video_part.videos).mkdir(parents=True, exist_ok=True)
        _videos(out, video_part, labels.get(kind, {}))


def _videos(out: Path, part: VideoPart, labels: Labels) -> None:
    for error, file in part.labels.items():
        _write(out, file, {name: about["errors"].get(error, []) for name, about in labels.items()})
    for split in SPLITS:
        _write(out, part.split(split), _of_split(labels, split))
    if part.unusable:
        # The bar's way of every drawn video is known.
        _write(out, part.unusable, [])


def _images(out: Path, part: ImagePart, labels: Labels) -> None:
    _write(out, part.labels, {name: int(part.error in about["errors"]) for name, about in labels.items()})
    for split in SPLITS:
        _write(out, part.split(split), _of_split(labels, split))


def _of_split(labels: Labels, split: str) -> list[str]:
    return [name for name, about in labels.items() if about["split"] == split]


def _archive(out: Path, part: ImagePart, shards: list[Shard]) -> None:
    """One archive of all images, in a folder of its own name as archives of folders are."""
    folder = PurePosixPath(part.archive).stem
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for shard in shards:
            for name, content in members(shard.pictures(out)):
                archive.writestr(member(f"{folder}/{name}"), content)
    write_whole(out, out / part.archive, packed.getvalue())


def _write(out: Path, file: str, content: Mapping[str, Any] | list[str]) -> None:
    write_whole(out, out / file, json.dumps(content).encode())
