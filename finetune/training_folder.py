"""A folder that is ready to train on, as `augment` and `balance` leave it; and what they read, a corpus.

    balance.json | augment.json      how it was made; written last: without it the folder is not whole
    phase1.json  phase2.json | train.json        records, which are LLaVA conversations
    train.messages.jsonl             the same as messages, where no picture has to be augmented on loading
    videos/  images/                 augmented copies, if they were asked for

`video_folder` and `image_folder` in the summary are absolute or relative to this folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from finetune.clips import Clip
from finetune.corpus import Corpus
from finetune.folders import claim, place
from finetune.media import Media
from finetune.records import Record, read_records, write_messages, write_records, write_whole
from streamaqa.errors import UsageError

BALANCED: Final = "balance.json"
AUGMENTED: Final = "augment.json"
FORMAT: Final = "streamaqa-training-1"
WHERE: Final = ("files", "video_folder", "image_folder", "poses")
"""What every summary tells."""
LOCK: Final = ".training"
"""Held by whoever writes to the folder; marks the folder as one of these, too."""


@dataclass(frozen=True, slots=True)
class TrainingFolder:
    """Records to train on, and where their pictures are."""

    folder: Path
    phases: Mapping[str, tuple[Record, ...]]
    """By name, in the order to train on them."""
    media: Media
    poses: Path
    """Folder of pose tracks."""
    clips: tuple[Clip, ...] = ()
    """Of a corpus; empty for a folder made of one."""
    derived: bool = False
    """Whether `augment` or `balance` made it already."""

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The training records of a folder that `convert`, `augment` or `balance` wrote.

        UsageError if it is none, is not whole, holds no records, or holds one of the test split.
        """
        summary = next((folder / name for name in (BALANCED, AUGMENTED) if (folder / name).exists()), None)
        if summary is None:
            corpus = Corpus.open(folder)
            phases = {"train": tuple(corpus.records("train"))}
            opened = cls(folder, phases, corpus.media, corpus.poses, tuple(corpus.clips()))
        else:
            told = _read(summary)
            phases = {name: tuple(read_records(folder / file)) for name, file in told["files"].items()}
            media = Media(folder / told["video_folder"], folder / told["image_folder"])
            opened = cls(folder, phases, media, folder / told["poses"], derived=True)
        for name, records in opened.phases.items():
            check_training(records, folder / f"{name}.json")
        return opened


def check_training(records: Sequence[Record], where: Path) -> None:
    """UsageError unless there are records, each with an id of its own and none of the test split."""
    seen: set[str] = set()
    for record in records:
        if record.split == "test":
            raise UsageError(f"{where}: {record.id} is of the test split, which is never trained on")
        if record.id in seen:
            raise UsageError(f"{where}: {record.id} comes twice")
        seen.add(record.id)
    if not seen:
        raise UsageError(f"{where}: no records to train on")


def claimed(out: Path) -> AbstractContextManager[None]:
    """`claim` for a folder of this kind."""
    return claim(out, LOCK, (BALANCED, AUGMENTED))


def write_phases(out: Path, phases: Mapping[str, Sequence[Record]], media: Media) -> dict[str, str]:
    """Write each phase's records, and its messages where no picture is augmented on loading.

    Returns each phase's file. A file of an earlier run that is no longer wanted goes.
    """
    files = {name: f"{name}.json" for name in phases}
    for old in (*out.glob("*.messages.jsonl"), *out.glob("phase?.json"), *out.glob("train.json")):
        if old.name not in files.values():
            old.unlink()
    for name, records in phases.items():
        write_records(out / files[name], records)
        if all(record.augment is None for record in records):
            folders = {"video": media.videos.resolve(), "image": media.images.resolve()}
            write_messages(out / f"{name}.messages.jsonl", records, folders)
    return files


def write_summary(
    path: Path, files: Mapping[str, str], media: Media, poses: Path, told: Mapping[str, Any]
) -> None:
    """Write what makes the folder whole: where everything is, then `told`."""
    out = path.parent
    where = {
        "format": FORMAT,
        "files": dict(files),
        "video_folder": place(media.videos, out),
        "image_folder": place(media.images, out),
        "poses": place(poses, out),
    }
    write_whole(path, json.dumps(where | dict(told), indent=1, ensure_ascii=False) + "\n")


def _read(summary: Path) -> dict[str, Any]:
    try:
        told = json.loads(summary.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{summary}: cannot be read: {error}") from None
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise UsageError(f"{summary}: its format is not {FORMAT}")
    if missing := [name for name in WHERE if name not in told]:
        raise UsageError(f"{summary}: lacks {', '.join(missing)}")
    return told
