"""`poses.bin`: poses as records of fixed size, so that a killed writer costs at most the one it was at.

A header of `HEADER_BYTES`, a JSON object padded with spaces up to a newline, says what a record is; then come
the records, little-endian, without gaps:

    time   1 float64         seconds of stream time
    size   2 uint32          width and height of the frame in pixels
    image  33 x 4 float32    x, y, z, visibility as in `Pose.image`; NaN where nobody was found
    world  33 x 4 float32    the same for `Pose.world`
    rise   72 float32        `Flow.rise`
    room   2 float32         `Flow.room`; NaN where there is no flow

Also readable as `numpy.fromfile(path, RECORD, offset=HEADER_BYTES)`. Times and landmarks are stored exactly.
Version 1 had no flow.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from streamaqa.errors import SourceError
from streamaqa.types import HIP_POINTS, LANDMARKS, LOAD_POINTS, Flow, Pose

_OLD: Final = [
    ("time", "<f8"),
    ("size", "<u4", (2,)),
    ("image", "<f4", (LANDMARKS, 4)),
    ("world", "<f4", (LANDMARKS, 4)),
]
RECORD: Final = np.dtype([*_OLD, ("rise", "<f4", (LOAD_POINTS + HIP_POINTS,)), ("room", "<f4", (2,))])
HEADER_BYTES: Final = 512
VERSION: Final = 2
RECORDS: Final = {1: np.dtype(_OLD), VERSION: RECORD}
"""What a record is, by the file's version."""
_CHUNK: Final = 256
"""Records read at once: a quarter of a MiB."""


def header() -> bytes:
    """What the file begins with."""
    fields = {
        "format": "streamaqa-poses",
        "version": VERSION,
        "record_bytes": RECORD.itemsize,
        "record": [[name, kind.base.str, *kind.shape] for name, (kind, *_) in (RECORD.fields or {}).items()],
    }
    return json.dumps(fields).encode().ljust(HEADER_BYTES - 1) + b"\n"


def render(pose: Pose) -> bytes:
    """One record."""
    rise, room = (np.nan, np.nan) if pose.flow is None else (pose.flow.rise, pose.flow.room)
    record = np.empty((), RECORD)
    for name, value in zip(
        RECORD.names or (), (pose.time, pose.size, pose.image, pose.world, rise, room), strict=True
    ):
        record[name] = value
    return record.tobytes()


def parse(data: bytes, version: int = VERSION) -> list[Pose]:
    """The whole records of `data`, without a header."""
    record = RECORDS[version]
    records = np.frombuffer(data, record, len(data) // record.itemsize)
    return [_pose(each) for each in records]


def _pose(record: np.void) -> Pose:
    size = record["size"]
    flow = None
    if "room" in (record.dtype.fields or {}) and not np.isnan(record["room"][0]):
        room = record["room"]
        flow = Flow(record["rise"].astype(np.float32), (float(room[0]), float(room[1])))
    image, world = record["image"].astype(np.float32), record["world"].astype(np.float32)
    return Pose(float(record["time"]), image, world, (int(size[0]), int(size[1])), flow)


class PoseFile:
    """A `poses.bin` to be read.

    Raises:
        SourceError: there is no such file, or it is none of ours.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                self._version = self._check(file.read(HEADER_BYTES))
                self.size = path.stat().st_size
        except FileNotFoundError:
            raise SourceError(f"{path}: no such file") from None
        self._bytes = RECORDS[self._version].itemsize
        self.count = max(self.size - HEADER_BYTES, 0) // self._bytes
        """Whole records."""

    def __iter__(self) -> Iterator[Pose]:
        """The poses in time order, up to half a record or to one whose time does not rise.

        A machine that lost its power may leave zeros where records were to be.
        """
        last = -math.inf
        with self.path.open("rb") as file:
            file.seek(HEADER_BYTES)
            while chunk := self._read(file):
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
                file.seek(HEADER_BYTES + index * self._bytes)
                ends += parse(file.read(self._bytes), self._version)
        return ends[0], ends[1]

    def _read(self, file: BinaryIO) -> list[Pose]:
        return parse(file.read(_CHUNK * self._bytes), self._version)

    def _check(self, head: bytes) -> int:
        """The version of a file that begins so."""
        try:
            fields = json.loads(head) if len(head) == HEADER_BYTES else None
        except ValueError:
            fields = None
        if not isinstance(fields, dict) or fields.get("format") != "streamaqa-poses":
            raise SourceError(f"{self.path}: no file of recorded poses")
        version = fields.get("version")
        if not isinstance(version, int) or version not in RECORDS:
            known = " and ".join(map(str, RECORDS))
            raise SourceError(f"{self.path}: poses of version {version}; this streamaqa reads {known}")
        return version
