"""A folder of conversations, as `convert` leaves it and every later step reads it.

    convert.json              settings, counts, problems; written last: without it the folder is not whole
    train.json  val.json  test.json            records, which are LLaVA conversations
    train.messages.jsonl  ...                  the same samples as messages
    clips.json                every clip that was read, with its labels: the truth to score against
    images/                   still images that the data set keeps in archives
    poses/                    pose tracks, where they were needed

`video_folder` and `image_folder` in `convert.json` are absolute or relative to this folder.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from finetune.clips import Clip, read_clips
from finetune.layout import Split
from finetune.media import Media
from finetune.records import Record, read_records
from streamaqa.errors import UsageError

MANIFEST = "convert.json"
CLIPS = "clips.json"
FORMAT = "streamaqa-conversations-1"


@dataclass(frozen=True, slots=True)
class Corpus:
    """A whole folder of conversations."""

    folder: Path
    manifest: dict[str, Any]
    """What stands in `convert.json`."""

    @classmethod
    def open(cls, folder: Path) -> Self:
        """UsageError if the folder is not there, or a conversion that has not come to its end."""
        path = folder / MANIFEST
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
        except OSError:
            raise UsageError(
                f"{folder}: no finished conversion: {MANIFEST} is not there; run streamaqa-finetune convert"
            ) from None
        except ValueError:
            raise UsageError(f"{path}: not JSON") from None
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise UsageError(f"{path}: no manifest of a conversion: its format is not {FORMAT}")
        return cls(folder, manifest)

    @property
    def media(self) -> Media:
        """Where pixels are."""
        return Media(
            self.folder / str(self.manifest["video_folder"]), self.folder / str(self.manifest["image_folder"])
        )

    @property
    def poses(self) -> Path:
        """The folder of pose tracks."""
        return self.folder / str(self.manifest["poses"])

    def records(self, split: Split) -> list[Record]:
        """A split's records; none where validation was joined to training."""
        path = self.folder / f"{split}.json"
        return read_records(path) if path.exists() else []

    def clips(self) -> list[Clip]:
        """Every clip that was read."""
        return read_clips(self.folder / CLIPS)
