"""A clip: one labelled video or still image of the data set, as every verb reads it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from finetune.layout import Split
from finetune.records import Combination, Errors, read_whole, write_whole
from streamaqa.settings import Settings


class Clip(Settings):
    """One labelled video or still image. Times are seconds from the video's first frame."""

    id: str
    """Unique over the data set: the part, then the data set's own id. May serve as a relative path."""
    part: str
    """What `--only` calls where it comes from."""
    exercise: str
    """Wire name."""
    kind: Literal["video", "image"]
    file: str
    """Relative to the data set's folder; for an image in an archive, where unpacking would put it."""
    archive: str | None = None
    """The zip file that holds the image, relative to the data set's folder; None for a file of its own."""
    member: str | None = None
    """The image's name in the archive."""
    split: Split
    errors: Errors
    """What shows: an error's intervals in order and apart from each other."""
    judged: tuple[str, ...]
    """Wire names of the errors that were labelled: of others nothing is known."""
    duration: float = 0.0
    """Seconds: last frame - first frame + one frame interval; 0 for an image."""
    fps: float = 0.0
    """Mean frames a second; 0 for an image."""
    frames: int = 1
    size: tuple[int, int] = (0, 0)
    """Width and height in pixels as shown; unknown, 0, for an image."""

    @property
    def combination(self) -> Combination:
        """The exercise and its errors: the class that balancing counts."""
        return self.exercise, frozenset(self.errors)


_MANY: TypeAdapter[list[Clip]] = TypeAdapter(list[Clip])


def read_clips(path: Path) -> list[Clip]:
    """The clips that `convert` read, of all splits: the truth that answers are scored against.

    UsageError as `read_whole`.
    """
    return read_whole(path, _MANY)


def write_clips(path: Path, clips: Iterable[Clip]) -> None:
    """Write clips, one a line, whole or not at all."""
    lines = (clip.model_dump_json(exclude_none=True) for clip in clips)
    write_whole(path, "[\n" + ",\n".join(lines) + "\n]\n")
