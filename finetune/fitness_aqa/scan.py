"""What each video holds: its frames' times, found by decoding it once, which also tells a damaged one.

A scan of the real data set decodes 400,000 frames, so what was found is kept in a file, a line a video, and a
video that has not changed since is not decoded again. Still images are scanned alike, for damage.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import TypeAdapter, ValidationError

from streamaqa.errors import SourceError
from streamaqa.sources.video import VideoSource
from streamaqa.windows import frame_interval


@dataclass(frozen=True, slots=True)
class Scan:
    """One video or picture, decoded."""

    times: tuple[float, ...]
    """Seconds from the first frame, of every frame that could be decoded."""
    size: tuple[int, int]
    """Width and height in pixels as shown."""
    damage: str | None = None
    """Why it is not usable; None for a whole one."""

    @property
    def duration(self) -> float:
        """Seconds: last - first + one frame interval, as for a window of all its frames."""
        return self.times[-1] - self.times[0] + frame_interval(self.times) if self.times else 0.0

    @property
    def fps(self) -> float:
        """Mean frames a second; 0 for a picture."""
        return len(self.times) / self.duration if self.duration else 0.0


def scan_video(path: Path) -> Scan:
    """Decode a video once."""
    try:
        source = VideoSource(path)
    except SourceError as error:
        return Scan((), (0, 0), _reason(error, path))
    times: list[float] = []
    try:
        times.extend(source.times())
    except SourceError as error:
        return Scan(tuple(times), source.info.size, _reason(error, path))
    finally:
        source.close()
    damage = None
    if source.corrupt_frames:
        damage = f"frames that cannot be decoded: {source.corrupt_frames}"
    elif len(times) < 2:
        damage = f"frames: {len(times)}, too few for a video"
    return Scan(tuple(times), source.info.size, damage)


def _reason(error: SourceError, path: Path) -> str:
    return str(error).removeprefix(f"{path}: ")


@dataclass(frozen=True, slots=True)
class Job:
    """Something to scan."""

    name: str
    """What its scan is called in the result."""
    key: str
    """Names it and its state in the store: what was replaced has another key."""
    run: Callable[[], Scan]


def video_job(root: Path, file: str) -> Job:
    """Scan the video `file` below `root`."""
    about = (root / file).stat()
    return Job(file, f"{file} {about.st_size} {about.st_mtime_ns}", lambda: scan_video(root / file))


def store_of(root: Path) -> Path:
    """Where scans of a data set are kept unless told otherwise: in the user's cache, for every conversion."""
    name = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]
    return platformdirs.user_cache_path("streamaqa") / "scans" / f"{name}.jsonl"


_SCAN: TypeAdapter[Scan] = TypeAdapter(Scan)


class Scans:
    """Runs scans, on all cores, and keeps them in `store` if there is one that can be written.

    A line that a kill has left half written is passed over, so its video is decoded again.
    """

    def __init__(self, store: Path | None = None) -> None:
        self._store = store
        self._kept: dict[str, Scan] = {}
        if store is not None:
            with suppress(OSError):  # none yet, or not ours to read: everything is scanned then
                self._kept = dict(_read_store(store))

    def scan(self, jobs: Sequence[Job], done: Callable[[], None] = lambda: None) -> dict[str, Scan]:
        """Every job's scan by name, in order; `done` is called for each as soon as it is known."""
        found = {job.name: self._kept[job.key] for job in jobs if job.key in self._kept}
        for _ in found:
            done()
        new = [job for job in jobs if job.name not in found]
        if new:
            found |= self._run(new, done)
        return {job.name: found[job.name] for job in jobs}

    def _run(self, jobs: Sequence[Job], done: Callable[[], None]) -> dict[str, Scan]:
        found: dict[str, Scan] = {}
        store = None
        if self._store is not None:
            with suppress(OSError):  # a cache that cannot be written costs time, and nothing else
                store = _appending(self._store)
        pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="scan")
        try:
            for job, scan in zip(jobs, pool.map(lambda job: job.run(), jobs), strict=True):
                found[job.name] = self._kept[job.key] = scan
                if store is not None:
                    kept = {"key": job.key, "times": scan.times, "size": scan.size, "damage": scan.damage}
                    store.write(json.dumps(kept).encode() + b"\n")
                done()
        finally:
            pool.shutdown(cancel_futures=True)
            if store is not None:
                store.close()
        return found


def _appending(store: Path) -> FileIO:
    """The store, unbuffered: a line is there as a whole once written, or is the last."""
    store.parent.mkdir(parents=True, exist_ok=True)
    file = FileIO(store, "ab")
    if file.tell():
        file.write(b"\n")  # what a kill left half written stays a line of its own
    return file


def _read_store(store: Path) -> Iterator[tuple[str, Scan]]:
    with store.open("rb") as file:
        for line in file:
            try:
                kept: dict[str, Any] = json.loads(line)
                key = str(kept.pop("key"))
                yield key, _SCAN.validate_python(kept)
            except (ValueError, KeyError, AttributeError, ValidationError):
                continue
