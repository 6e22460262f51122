"""`poses.bin`: poses as records of fixed size, so that a killed writer costs at most the one it was at.

A header of `HEADER_BYTES`, a JSON object padded with spaces up to a newline, says what a record is; then come
the records, little-endian, without gaps:

    time   1 float64         seconds of stream time
    size   2 uint32          width and height of the frame in pixels
    image  33 x 4 float32    x, y, z, visibility as in `Pose.image`; NaN where nobody was found
    world  33 x 4 float32    the same for `Pose.world`

Also readable as `numpy.fromfile(path, RECORD, offset=HEADER_BYTES)`. Times and landmarks are stored exactly.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from streamaqa.errors import SourceError
from streamaqa.types import LANDMARKS, Pose

RECORD: Final = np.dtype(
    [
        ("time", "<f8"),
        ("size", "<u4", (2,)),
        ("image", "<f4", (LANDMARKS, 4)),
        ("world", "<f4", (LANDMARKS, 4)),
    ]
)
HEADER_BYTES: Final = 512
VERSION: Final = 1
_CHUNK: Final = 256
"""Records read at once: a quarter of a MiB."""


def header() -> bytes:
    """What the file begins with."""
    fields = {
        "format": "streamaqa-poses",
        "version": VERSION,
        "record_bytes": RECORD.itemsize,
        "record": [["time", "<f8"], ["size", "<u4", 2], ["image", "<f4", 33, 4], ["world", "<f4", 33, 4]],
    }
    return json.dumps(fields).encode().ljust(HEADER_BYTES - 1) + b"\n"


def render(pose: Pose) -> bytes:
    """One record."""
    return np.array((pose.time, pose.size, pose.image, pose.world), RECORD).tobytes()


def parse(data: bytes) -> list[Pose]:
    """The whole records of `data`, without a header."""
    whole = len(data) // RECORD.itemsize
    records = np.frombuffer(data, RECORD, whole)
    return [
        Pose(float(at), image.astype(np.float32), world.astype(np.float32), (int(size[0]), int(size[1])))
        for at, size, image, world in zip(
            records["time"], records["size"], records["image"], records["world"], strict=True
        )
    ]


class PoseFile:
    """A `poses.bin` to be read.

    Raises:
        SourceError: there is no such file, or it is none of ours.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                self._check(file.read(HEADER_BYTES))
                self.size = path.stat().st_size
        except FileNotFoundError:
            raise SourceError(f"{path}: no such file") from None
        self.count = max(self.size - HEADER_BYTES, 0) // RECORD.itemsize
        """Whole records."""

    def __iter__(self) -> Iterator[Pose]:
        """The poses in time order, up to half a record or to one whose time does not rise.

        A machine that lost its power may leave zeros where records were to be.
        """
        last = -math.inf
        with self.path.open("rb") as file:
            file.seek(HEADER_BYTES)
            while chunk := _read(file):
                for pose in chunk:
                    if not last < pose.time < math.inf:
                        return
                    last = pose.time
                    yield pose

    def first_and_last(self) -> tuple[Pose, Pose] | None:
        """Both ends of the track; None if it is empty."""
        if not self.count:
            return None
        with self.path.open("rb") as file:
            ends = []
            for index in (0, self.count - 1):
                file.seek(HEADER_BYTES + index * RECORD.itemsize)
                ends += parse(file.read(RECORD.itemsize))
        return ends[0], ends[1]

    def _check(self, head: bytes) -> None:
        try:
            fields = json.loads(head) if len(head) == HEADER_BYTES else None
        except ValueError:
            fields = None
        if not isinstance(fields, dict) or fields.get("format") != "streamaqa-poses":
            raise SourceError(f"{self.path}: no file of recorded poses")
        if fields.get("version") != VERSION:
            version = fields.get("version")
            raise SourceError(f"{self.path}: poses of version {version}; this streamaqa reads {VERSION}")


def _read(file: BinaryIO) -> list[Pose]:
    return parse(file.read(_CHUNK * RECORD.itemsize))
