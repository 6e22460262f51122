"""Still images that the data set keeps in archives are unpacked, so that any trainer can open them."""

from __future__ import annotations

import os
from pathlib import Path

from finetune.clips import Clip
from finetune.fitness_aqa import DataSet, Progress
from finetune.fitness_aqa.pictures import PictureReader
from streamaqa.errors import UsageError, WindowError

STILLS = "images"
"""Folder below the conversion's."""


def packed(data: DataSet) -> bool:
    """Whether any image is in an archive; then all are put together, since loaders know one image folder."""
    return any(clip.archive for clip in data.clips)


def unpack(data: DataSet, folder: Path, progress: Progress) -> None:
    """Put every labelled image below `folder`, under the path that it has in the data set's.

    What is there already, in full length, is left. Names come from our own layout and never from an archive.
    """
    if not packed(data):
        return
    clips = [clip for clip in data.clips if clip.kind == "image"]
    step = progress("unpacking images", len(clips))
    with PictureReader(data.root) as reader:
        for archive in {clip.archive for clip in clips if clip.archive}:
            reader.open(archive)
        for clip in clips:
            _put(reader, clip, folder / clip.file)
            step()


def _put(reader: PictureReader, clip: Clip, target: Path) -> None:
    try:
        content = reader.read(clip.file, clip.archive, clip.member)
    except WindowError as error:  # it could be read a moment ago
        raise UsageError(f"{clip.archive or clip.file}: {clip.id} {error}") from None
    if target.exists() and target.stat().st_size == len(content):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        beside.write_bytes(content)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
