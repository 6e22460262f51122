"""Stores one session while it runs. Never holds up coaching, and never ends it.

Two threads write: one the small files, each line and record handed to the system at once; one the video. What
the engine tells goes into their bounded queues. When the disk takes no more, or is too slow, recording stops
with one line in the log, and the session goes on.
"""

from __future__ import annotations

import asyncio
import errno
import shutil
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import structlog

from streamaqa.errors import UsageError
from streamaqa.recording import lines, poses, session
from streamaqa.recording.files import NewFile, Opener, Unbuffered
from streamaqa.recording.lane import Lane
from streamaqa.recording.session import Ended, SessionRecord, SourceRecord
from streamaqa.recording.settings import RecordingSettings
from streamaqa.recording.video_lane import VideoLane
from streamaqa.sources.base import PoseSource, Source
from streamaqa.types import Assessment, Frame, Pose, Rep

log = structlog.get_logger(__name__)

LINES: Final = 4096
"""Lines and records that may wait for the disk: a minute at 30 frames a second, some MiB. Memory cards pause
for seconds."""
LOOK_S: Final = 2.0
"""Between looks at how much of the disk is free; 1080p H.264 fills 2 MiB in it."""
ARRIVAL_PLACES: Final = 4
"""Of `arrival`: a tenth of a millisecond, what a scheduler leaves of a monotonic clock."""


class Recorder:
    """Records one session into a folder of its own.

    Args:
        record: what `session.json` says at the start; its `video` is worked out here.
        source: what is recorded; its packets are stored as they come where that is possible. Must not have
            been wrapped, and not be iterated yet.
        opener: opens the files.

    Raises:
        UsageError: the folder cannot be made or written to. A disk that is full already is no error: the
            recorder is then `stopped` from the beginning.
    """

    def __init__(
        self,
        record: SessionRecord,
        source: Source | PoseSource,
        settings: RecordingSettings,
        *,
        opener: Opener = Unbuffered,
    ) -> None:
        assert settings.folder is not None, "nothing is stored unless asked"
        self.folder = settings.folder / record.folder_name
        self.stopped: str | None = None
        """Why recording ended before its session did, or None."""
        self.frames = self.dropped = 0
        self._record, self._settings, self._live = record, settings, source.info.live
        self._source = source
        self._lock = threading.Lock()
        self._looked = time.monotonic()
        self._files: dict[str, NewFile] = {}
        self._video: VideoLane | None = None
        self._made = self._begun = self._closed = False
        self._lane: Lane[tuple[str, bytes]] = Lane("record", LINES, self._write, lambda: None, self._fail)
        try:
            self._begin(source, opener)
        except OSError as error:
            self._close_lanes()
            if self._made:
                shutil.rmtree(self.folder, ignore_errors=True)
            if error.errno != errno.ENOSPC:
                raise UsageError(f"cannot record into {self.folder}: {error.strerror or error}") from None
            self._fail(error)  # a camera that is started again on a full disk must coach all the same

    def _begin(self, source: Source | PoseSource, opener: Opener) -> None:
        self._opener = opener
        self._check_room()
        self.folder.mkdir(parents=True, mode=0o700)  # pictures of people: for this user alone
        self._made = True
        names = [session.POSES, session.FRAMES, session.SCRIPT, session.ASSESSMENTS, session.EVENTS]
        for name in names:
            self._files[name] = opener(self.folder / name)
        self._files[session.POSES].write(poses.header())
        if self._settings.video and isinstance(source, Source):
            self._video = VideoLane(self._open_video, source, self._settings, self._fail)
            update = {"video": self._video.kind, "blurred": self._settings.blur_faces}
            self._record = self._record.model_copy(update=update)
        session.write(self.folder, self._record)
        self._begun = True

    def _close_lanes(self) -> None:
        if self._video is not None:
            self._video.close()
        self._lane.close()
        for file in self._files.values():
            file.close()

    # --- told by the engine --------------------------------------------------------------------------

    def frame(self, frame: Frame, pose: Pose) -> None:
        """A frame that was used, with its pose. Called in the pose thread; waits there unless live."""
        self.frames += 1
        self._put(session.POSES, poses.render(pose), wait=not self._live)
        self._put(session.FRAMES, _frame_line(frame, used=True), wait=not self._live)
        if self._video is not None and self.stopped is None:
            self._video.picture(frame, pose)

    def lost(self, frame: Frame) -> None:
        """A frame that was dropped. Called in the thread that reads the source."""
        self.dropped += 1
        self._put(session.FRAMES, _frame_line(frame, used=False))

    async def pose(self, pose: Pose, arrival: float) -> None:
        """A pose of a source without frames; waits while the disk is behind, unless live."""
        if not self._live and self.stopped is None and self._lane.crowded:
            await asyncio.to_thread(self._lane.put, (session.POSES, b""))
        line = {"n": self.frames, "t": pose.time, "arrival": round(arrival, ARRIVAL_PLACES), "used": True}
        self.frames += 1
        self._put(session.POSES, poses.render(pose))
        self._put(session.FRAMES, lines.render(line))

    def command(self, after: float | None, command: dict[str, Any]) -> None:
        """A command that was obeyed after the pose at this stream time; None for before the first."""
        self._put(session.SCRIPT, lines.render({"after": after, "command": command}))

    def camera(self, after: float | None, notices: Sequence[str], at: float | None) -> None:
        """What a live source said of itself; `at` if a state was said of it while no frames came."""
        self._put(session.SCRIPT, lines.render({"after": after, "notices": notices, "at": at}))

    def assessment(self, rep: Rep, assessment: Assessment, *, update: bool = False) -> None:
        """An assessor's answer, in the order in which answers are told; `update` for one told late."""
        where: dict[str, Any] = {
            "set": rep.set_number,
            "rep": rep.number,
            "start": rep.start,
            "end": rep.end,
        }
        where |= {"update": True} if update else {}
        self._put(session.ASSESSMENTS, lines.render({**where, "assessment": asdict(assessment)}))

    def message(self, fields: dict[str, Any]) -> None:
        """What was said: topic and payload."""
        self._put(session.EVENTS, lines.render(fields))

    def close(self) -> None:
        """Write what waits and complete `session.json`. Blocks; may be called more than once."""
        if self._closed:
            return
        self._closed = True
        self._close_lanes()
        if not self._begun:
            return
        ended = Ended(
            at=session.now_in(self._record.epoch),
            reason=self.stopped,
            frames=self.frames,
            dropped=self.dropped,
            video_dropped=self._video.dropped if self._video else 0,
        )
        # a live source knows its size only when its first picture has come
        about = SourceRecord.of(self._source)
        self._record = self._record.model_copy(update={"ended": ended, "source": about})
        try:
            session.write(self.folder, self._record)
        except OSError as error:  # the session reads as one that was killed
            self._fail(error)

    # --- in the threads ------------------------------------------------------------------------------

    def _put(self, name: str, data: bytes, *, wait: bool = False) -> None:
        if self.stopped is not None:
            return
        if wait:
            self._lane.put((name, data))
        elif not self._lane.offer((name, data)):
            self._fail(OSError("the disk is too slow"))

    def _write(self, batch: Sequence[tuple[str, bytes]]) -> None:
        """Poses first and messages last: what is said follows from what was written before it."""
        for name, file in self._files.items():
            data = b"".join(part for to, part in batch if to == name)
            if data:
                file.write(data)
        if time.monotonic() - self._looked > LOOK_S:
            self._looked = time.monotonic()
            self._check_room()

    def _open_video(self, number: int) -> NewFile:
        """Open a file of the video. How a live source is stored is known only when its pictures come."""
        assert self._video is not None
        if self._record.video != self._video.kind:
            self._record = self._record.model_copy(update={"video": self._video.kind})
            session.write(self.folder, self._record)
        return self._opener(self.folder / session.video_name(number))

    def _check_room(self) -> None:
        folder = next(path for path in _upwards(self.folder) if path.exists())
        free = shutil.disk_usage(folder).free / 2**20
        if free < self._settings.min_free_mib:
            least = self._settings.min_free_mib
            raise OSError(errno.ENOSPC, f"the disk has {free:.0f} MiB left, and {least:.0f} are kept free")

    def _fail(self, error: Exception) -> None:
        """End the recording, once; coaching goes on."""
        with self._lock:
            if self.stopped is not None:
                return
            self.stopped = (error.strerror if isinstance(error, OSError) else None) or str(error)
        if self._video is not None:
            self._video.stop()
        log.warning("recording stopped, coaching goes on", folder=str(self.folder), reason=self.stopped)


def _frame_line(frame: Frame, *, used: bool) -> bytes:
    fields = {
        "n": frame.number,
        "t": frame.time,
        "arrival": round(frame.arrival, ARRIVAL_PLACES),
        "used": used,
    }
    return lines.render(fields)


def _upwards(path: Path) -> Iterable[Path]:
    return (path.absolute(), *path.absolute().parents)
