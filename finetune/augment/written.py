"""Augmented copies as videos and images of their own, for trainers that cannot augment on the fly.

What is written is what the model would have seen: the window's frames, each through serving's JPEG, the crop
to the person and the augmentation. A file's name holds a digest of all that went into it, so a run that was
stopped goes on where it was, and another seed never finds the files of this one.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from finetune.augment.records import augmentation_of
from finetune.media import Media
from finetune.records import Record, write_whole

CLOCK: Final = 90_000
"""Ticks a second of the videos' times: MPEG's clock, finer than any frame rate needs."""
CRF: Final = "17"
"""H.264's constant rate factor; below 18 the loss is not seen."""
JPEG_QUALITY: Final = 95
"""Of images: above serving's 90, which they will go through again."""


VIDEOS: Final = "videos"
IMAGES: Final = "images"


def media_of(folder: Path) -> Media:
    """Where the pictures are that `write_media` wrote to a folder."""
    return Media(folder / VIDEOS, folder / IMAGES)


def write_media(record: Record, media: Media, folder: Path) -> Record:
    """Write the record's picture below `folder` unless it is there, and return the record that names it.

    Args:
        record: with or without an augmentation. One without keeps its own file, named from the new folder.
        media: where the record's file is.
        folder: gets `videos/` and `images/`.

    Raises:
        SourceError: the video cannot be read or lacks a frame.
        WindowError: the image is none.
    """
    kind = IMAGES if record.still else VIDEOS
    if record.augment is None:
        place = os.path.relpath(media.path(record), folder / kind)
        return record.model_copy(update={"image" if record.still else "video": place})
    name = f"{record.id}-{_digest(record, media)}.{'jpg' if record.still else 'mp4'}"
    path = folder / kind / name
    if record.still:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            (picture,) = media.pictures(record)
            write_whole(path, _jpeg(picture))
        return record.model_copy(update={"image": name, "crop": None, "augment": None})
    whole = _all_frames(record)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, _mp4(media.pictures(whole), whole.times))
    first = record.frames[0]
    return record.model_copy(
        update={
            "video": name,
            "frames": tuple(number - first for number in record.frames),
            "start": 0.0,
            "span": (0.0, record.duration),
            "crop": None,
            "augment": None,
        }
    )


def prune(folder: Path, records: Iterable[Record]) -> None:
    """Remove the pictures below `folder` that none of `records` names: those of an earlier run."""
    media = media_of(folder)
    named = {media.path(record).resolve() for record in records}
    for kind in (media.videos, media.images):
        for path in kind.rglob("*.*"):
            if path.is_file() and path.resolve() not in named:
                path.unlink()


def _all_frames(record: Record) -> Record:
    """The same window with every frame from its first to its last, so that what is written plays smoothly."""
    numbers = tuple(range(record.frames[0], record.frames[-1] + 1))
    times = np.interp(numbers, record.frames, record.times).tolist()
    return record.model_copy(update={"frames": numbers, "times": tuple(times)})


def _digest(record: Record, media: Media) -> str:
    """Of all that the written file depends on."""
    told = (
        record.file,
        media.path(record).stat().st_size,
        record.frames[:1] + record.frames[-1:],
        augmentation_of(record).model_dump_json(),
        record.crop,
        record.times[-1:],
    )
    return hashlib.sha256(repr(told).encode()).hexdigest()[:10]


def _mp4(pictures: Sequence[NDArray[np.uint8]], times: Sequence[float]) -> bytes:
    """An H.264 video of (H, W, 3) pictures shown at `times`, seconds; the same bytes on every run."""
    import av  # only needed where videos are

    out = io.BytesIO()
    height, width = pictures[0].shape[:2]
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(30))
        # 4:2:0 wants even sides: what is odd gets its last row or column twice.
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, CLOCK)
        # Slower presets turn x264's macroblock tree on, whose bytes differ from run to run.
        stream.options = {"crf": CRF, "preset": "superfast"}
        stream.codec_context.thread_count = 1  # with more, bytes depend on the machine
        for picture, time in zip(pictures, times, strict=True):
            even = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
            frame = av.VideoFrame.from_ndarray(even, format="rgb24")
            frame.pts, frame.time_base = round(time * CLOCK), Fraction(1, CLOCK)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    import cv2

    done, data = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done, "a picture of bytes can be written as JPEG"
    return data.tobytes()
