"""Pose tracks: recorded landmarks in an `.npz`, written and read here. A track is a source without pictures.

Arrays: `t` (T,) seconds; `image` (T, 33, 4) x, y, z, visibility relative to the frame; `world` (T, 33, 4)
metres; NaN where nobody was found; `size` (2,) width, height. And, where points were followed in the picture,
`rise` (T, 72) and `room` (T, 2) as in `types.Flow`; NaN where there is none.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamaqa.errors import SourceError
from streamaqa.sources.base import SourceInfo
from streamaqa.types import HIP_POINTS, LANDMARKS, LOAD_POINTS, Flow, Pose

ARRAYS = ("t", "image", "world", "size")
FLOW_ARRAYS = ("rise", "room")
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
        arrays = _read(path)
        self._times, self._image, self._world, size = (arrays[name] for name in ARRAYS)
        self._flow = [arrays[name] for name in FLOW_ARRAYS] if "rise" in arrays else None
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
        rows = zip(self._times, self._image, self._world, strict=True)
        for index, (time, image, world) in enumerate(rows):
            if self._closed:
                return
            yield Pose(float(time), image, world, self._size, self._flow_at(index))

    def _flow_at(self, index: int) -> Flow | None:
        if self._flow is None or np.isnan(self._flow[1][index]).any():
            return None
        rise, room = self._flow[0][index], self._flow[1][index]
        return Flow(rise, (float(room[0]), float(room[1])))

    def close(self) -> None:
        """End an iteration that is under way. The file itself is closed since it was read."""
        self._closed = True


def save_track(path: str | Path, poses: Iterable[Pose]) -> None:
    """Write poses as a track that `PoseTrackSource` reads. Raises ValueError if there are none."""
    poses = list(poses)
    if not poses:
        raise ValueError("a pose track needs at least one pose")
    arrays: dict[str, Any] = {
        "t": np.array([pose.time for pose in poses], np.float64),
        "image": np.stack([pose.image for pose in poses]).astype(np.float32),
        "world": np.stack([pose.world for pose in poses]).astype(np.float32),
        "size": np.array(poses[0].size, np.int64),
    }
    if any(pose.flow is not None for pose in poses):
        arrays["rise"] = np.stack([_NO_RISE if p.flow is None else p.flow.rise for p in poses])
        arrays["room"] = np.array([_NO_ROOM if p.flow is None else p.flow.room for p in poses], np.float32)
    np.savez_compressed(path, **arrays)


_NO_RISE = np.full(LOAD_POINTS + HIP_POINTS, np.nan, np.float32)
_NO_ROOM = (np.nan, np.nan)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    try:
        # opened here, since numpy leaves a file open that turns out to be no zip
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            missing = [name for name in ARRAYS if name not in data]
            arrays = {name: data[name] for name in (*ARRAYS, *FLOW_ARRAYS) if name in data}
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
    times, size = arrays["t"], arrays["size"]
    count = len(times) if times.ndim == 1 else -1
    shapes: dict[str, tuple[int, ...]] = {"image": (count, LANDMARKS, 4), "world": (count, LANDMARKS, 4)}
    if any(name in arrays for name in FLOW_ARRAYS):
        shapes |= {"rise": (count, LOAD_POINTS + HIP_POINTS), "room": (count, 2)}
    for name, shape in shapes.items():
        found = arrays[name].shape if name in arrays else "missing"
        if found != shape:
            wanted = ", ".join(map(str, (max(count, 0), *shape[1:])))
            raise SourceError(f"{path}: no pose track: {name} is {found}, wanted ({wanted})")
    if count == 0:
        raise SourceError(f"{path}: the pose track is empty")
    if size.shape != (2,) or not np.isfinite(size).all() or (size <= 0).any():
        raise SourceError(f"{path}: no pose track: size is {size.tolist()}, wanted width and height")
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise SourceError(f"{path}: no pose track: its times do not rise strictly")
    for name in ("image", "world"):
        unknown = np.isnan(arrays[name]).reshape(count, -1)
        if (partly := unknown.any(axis=1) & ~unknown.all(axis=1)).any():
            raise SourceError(f"{path}: no pose track: {name} is partly NaN at {times[partly.argmax()]:g} s")
    if np.abs(times).max() > LONGEST_S:
        raise SourceError(f"{path}: no pose track: its times are not seconds of a stream")
    kinds = dict.fromkeys(arrays, np.float32) | {"t": np.float64, "size": np.int64}
    return {name: array.astype(kinds[name]) for name, array in arrays.items()}
