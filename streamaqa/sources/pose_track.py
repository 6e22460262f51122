"""Pose tracks: recorded landmarks in an `.npz`, written and read here. A track is a source without pictures.

Arrays: `t` (T,) seconds; `image` (T, 33, 4) x, y, z, visibility relative to the frame; `world` (T, 33, 4)
metres; NaN where nobody was found; `size` (2,) width, height.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamaqa.errors import SourceError
from streamaqa.sources.base import SourceInfo
from streamaqa.types import LANDMARKS, Pose

ARRAYS = ("t", "image", "world", "size")
LONGEST_S = 1e9
"""Thirty years: what is beyond is no stream time."""
_DAMAGE = (
    OSError,
    ValueError,
    TypeError,
    AttributeError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What numpy and zipfile raise for files that are none of theirs, or no longer whole."""


class PoseTrackSource:
    """A pose track read from an `.npz`.

    Raises:
        SourceError: the file is missing, no `.npz`, or lacks or misshapes an array.
    """

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        self._times, self._image, self._world, size = _read(path)
        self._size = (int(size[0]), int(size[1]))
        count = len(self._times)
        duration = float(self._times[-1] - self._times[0]) if count > 1 else 0.0
        self.info = SourceInfo(
            name=path.name,
            live=False,
            size=self._size,
            fps=(count - 1) / duration if duration > 0 else None,
            frames=count,
            duration=duration,
        )
        self._closed = False

    def poses(self) -> Iterator[Pose]:
        """The recorded poses in time order."""
        for time, image, world in zip(self._times, self._image, self._world, strict=True):
            if self._closed:
                return
            yield Pose(float(time), image, world, self._size)

    def close(self) -> None:
        """End an iteration that is under way. The file itself is closed since it was read."""
        self._closed = True


def save_track(path: str | Path, poses: Iterable[Pose]) -> None:
    """Write poses as a track that `PoseTrackSource` reads. Raises ValueError if there are none."""
    poses = list(poses)
    if not poses:
        raise ValueError("a pose track needs at least one pose")
    np.savez_compressed(
        path,
        t=np.array([pose.time for pose in poses], np.float64),
        image=np.stack([pose.image for pose in poses]).astype(np.float32),
        world=np.stack([pose.world for pose in poses]).astype(np.float32),
        size=np.array(poses[0].size, np.int64),
    )


_Arrays = tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]


def _read(path: Path) -> _Arrays:
    try:
        # opened here, since numpy leaves a file open that turns out to be no zip
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            missing = [name for name in ARRAYS if name not in data]
            arrays = {name: data[name] for name in ARRAYS if name in data}
    except FileNotFoundError:
        raise SourceError(f"{path}: no such file") from None
    except _DAMAGE as error:
        raise SourceError(f"{path}: no pose track that can be read: {error}") from None
    if missing:
        wanted = ", ".join(ARRAYS)
        raise SourceError(f"{path}: no pose track: the array {missing[0]!r} is missing (wanted: {wanted})")
    for name, array in arrays.items():
        if array.dtype.kind not in "iuf":
            raise SourceError(f"{path}: no pose track: {name} holds {array.dtype}, wanted numbers")
    times, image, world, size = (arrays[name] for name in ARRAYS)
    count = len(times) if times.ndim == 1 else -1
    for name, array in (("image", image), ("world", world)):
        if array.shape != (count, LANDMARKS, 4):
            raise SourceError(
                f"{path}: no pose track: {name} is {array.shape}, wanted ({max(count, 0)}, {LANDMARKS}, 4)"
            )
    if count == 0:
        raise SourceError(f"{path}: the pose track is empty")
    if size.shape != (2,) or not np.isfinite(size).all() or (size <= 0).any():
        raise SourceError(f"{path}: no pose track: size is {size.tolist()}, wanted width and height")
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise SourceError(f"{path}: no pose track: its times do not rise strictly")
    if np.abs(times).max() > LONGEST_S:
        raise SourceError(f"{path}: no pose track: its times are not seconds of a stream")
    return (
        times.astype(np.float64),
        image.astype(np.float32),
        world.astype(np.float32),
        size.astype(np.int64),
    )
