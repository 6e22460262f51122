"""From a record to pixels: the frames of its window, by serving's own frame path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finetune.augment import apply, augmentation_of
from finetune.records import Record
from streamaqa.errors import SourceError
from streamaqa.sources.video import VideoSource
from streamaqa.types import Frame
from streamaqa.windows import Window, crop, decode, encode


@dataclass(frozen=True, slots=True)
class Media:
    """The folders that records' files are below."""

    videos: Path
    images: Path

    def path(self, record: Record) -> Path:
        """The record's video or image."""
        return (self.images if record.still else self.videos) / record.file

    def frames(self, record: Record) -> list[Frame]:
        """The window's frames as they are in the clip, repeated where the window repeats them.

        SourceError if the video cannot be read or lacks one of them, WindowError for an image that is none.
        """
        path = self.path(record)
        if record.still:
            try:
                picture = decode(path.read_bytes())
            except OSError as error:
                raise SourceError(f"{path}: cannot be read: {error.strerror}") from None
            return [Frame(0, picture, 0.0, 0.0)]
        wanted = set(record.frames)
        found = {frame.number: frame for frame in _first(path, max(wanted) + 1) if frame.number in wanted}
        if missing := wanted - found.keys():
            raise SourceError(f"{path}: has no frame {min(missing)}: is it the video that was converted?")
        return [found[number] for number in record.frames]

    def window(self, record: Record) -> Window:
        """The window as serving would cut it, each frame a JPEG of serving's making; times are the clip's."""
        frames = self.frames(record)
        encoded: dict[int, bytes] = {}
        for frame in frames:
            if frame.number not in encoded:
                encoded[frame.number] = encode(frame.image)[0]
        return Window(
            unit=record.number,
            phase=record.phase,
            times=tuple(round(record.start + time, 6) for time in record.times) or (0.0,),
            duration=record.duration,
            frames=tuple(encoded[frame.number] for frame in frames),
            crop=record.crop,
        )

    def pictures(self, record: Record) -> list[NDArray[np.uint8]]:
        """The window's pictures, (H, W, 3) RGB each, encoded, decoded and cropped as in serving.

        Then they are augmented, if the record says so.
        """
        window = self.window(record)
        augmentation = augmentation_of(record)
        shown = {
            jpeg: apply(crop(decode(jpeg), window.crop)[None], augmentation)[0] for jpeg in set(window.frames)
        }
        return [shown[jpeg] for jpeg in window.frames]


def _first(path: Path, count: int) -> Iterator[Frame]:
    """The first frames of a video; it is read no further."""
    source = VideoSource(path)
    try:
        for frame in source.frames():
            yield frame
            if frame.number + 1 == count:
                return
    finally:
        source.close()
