"""Writes the folder of a conversion. See `corpus` for what is in it."""

from __future__ import annotations

import fcntl
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.clips import write_clips
from finetune.convert.settings import ConvertSettings
from finetune.convert.stills import STILLS, packed
from finetune.corpus import CLIPS, FORMAT, MANIFEST
from finetune.fitness_aqa import DataSet
from finetune.layout import SPLITS, Split
from finetune.poses import PoseTracks
from finetune.records import Record, write_messages, write_records, write_whole
from streamaqa.dialogue import VERSION
from streamaqa.errors import UsageError

if TYPE_CHECKING:
    from finetune.convert.converting import Outcome

LOCK = ".convert"
"""Held by the conversion that writes to the folder; marks the folder as a conversion's, too."""


@contextmanager
def claim(out: Path) -> Iterator[None]:
    """Make `out` ours while this lasts.

    UsageError if it holds files that are no conversion's, or if another conversion is writing to it.
    """
    ours = (out / MANIFEST).exists() or (out / LOCK).exists()
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: no folder")
    if out.is_dir() and not ours and any(out.iterdir()):
        raise UsageError(f"{out}: holds other files: give an empty folder, or one that does not exist yet")
    out.mkdir(parents=True, exist_ok=True)
    with (out / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(f"{out}: another conversion is writing to this folder") from None
        for left in out.rglob(".*.part*"):  # of one that was killed
            left.unlink(missing_ok=True)
        yield


def write(out: Path, data: DataSet, settings: ConvertSettings, outcome: Outcome, tracks: PoseTracks) -> None:
    """Write everything; while it is under way, and after a kill, `convert.json` is not there."""
    (out / MANIFEST).unlink(missing_ok=True)
    video_folder = data.root.resolve()
    image_folder = (out / STILLS).resolve() if packed(data) else video_folder
    for split in SPLITS:
        records = [record for record in outcome.records if record.split == split]
        files = out / f"{split}.json", out / f"{split}.messages.jsonl"
        if settings.join_val and split == "val":
            for file in files:
                file.unlink(missing_ok=True)
            continue
        write_records(files[0], records)
        write_messages(files[1], records, {"video": video_folder, "image": image_folder})
    write_clips(out / CLIPS, data.clips)
    manifest = {
        "format": FORMAT,
        "dialogue": VERSION,
        "data": str(video_folder),
        "video_folder": str(video_folder),
        "image_folder": STILLS if packed(data) else str(video_folder),
        "poses": _told(tracks.folder, out),
        "parts": data.parts,
        "question": outcome.question,
        "settings": settings.model_dump(mode="json"),
        "splits": {split: _counts(split, data, outcome) for split in SPLITS},
        "counts": {what: count for what, count in sorted(outcome.counts.items()) if count},
        "without_windows": outcome.unseen,
        "ignored": dict(data.ignored),
        "left_out": data.left_out,
        "problems": [
            {"kind": problem.kind, "where": problem.where, "what": problem.what}
            for problem in outcome.problems
        ],
    }
    write_whole(out / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")


def _told(folder: Path, out: Path) -> str:
    """A path relative to `out` if it is below it, so that the folder can be moved; else whole."""
    whole = folder.resolve()
    return os.path.relpath(whole, out.resolve()) if whole.is_relative_to(out.resolve()) else str(whole)


def _counts(split: Split, data: DataSet, outcome: Outcome) -> dict[str, Any]:
    records = [record for record in outcome.records if record.split == split]
    return {
        "clips": sum(clip.split == split for clip in data.clips),
        "conversations": len(records),
        "by_errors": by_errors(records),
    }


def by_errors(records: Sequence[Record]) -> dict[str, int]:
    """How many records of each combination of errors: `squat: knees_forward + knees_inward`.

    Stills are told apart, since theirs are other errors: a video's "none" says nothing of a squat's depth.
    """
    counted = Counter(
        f"{record.exercise}{', still' if record.still else ''}: {' + '.join(record.errors) or 'none'}"
        for record in records
    )
    return dict(sorted(counted.items()))
