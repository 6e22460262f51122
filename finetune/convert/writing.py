"""Writes the folder of a conversion. See `corpus` for what is in it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.clips import write_clips
from finetune.convert.settings import ConvertSettings
from finetune.convert.stills import STILLS, packed
from finetune.corpus import CLIPS, FORMAT, MANIFEST
from finetune.fitness_aqa import DataSet
from finetune.folders import place
from finetune.layout import SPLITS, Split
from finetune.poses import PoseTracks
from finetune.records import Record, write_messages, write_records, write_whole
from streamaqa.dialogue import VERSION

if TYPE_CHECKING:
    from finetune.convert.converting import Outcome

LOCK = ".convert"
"""Held by the conversion that writes to the folder; marks the folder as a conversion's, too."""


def write(out: Path, data: DataSet, settings: ConvertSettings, outcome: Outcome, tracks: PoseTracks) -> None:
    """Write everything; `convert.json` last, which `claim` has taken away if it was there."""
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
        "poses": place(tracks.folder, out),
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
