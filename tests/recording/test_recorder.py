"""What is stored while a session runs, and what becomes of it when the disk does not play along."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import structlog
from promptly import promptly

from streamaqa.errors import SourceError, UsageError
from streamaqa.recording import Recorder, RecordingSettings, SessionRecord, SourceRecord, lines, session
from streamaqa.recording.files import NewFile, Unbuffered
from streamaqa.recording.lane import Lane
from streamaqa.recording.poses import HEADER_BYTES, RECORD, PoseFile
from streamaqa.sources.base import SourceInfo
from streamaqa.sources.recording import RecordedPoses, RecordedVideo
from streamaqa.types import Frame, Pose

EPOCH = datetime(2026, 11, 23, 18, 0, 0, 123456, tzinfo=UTC)
SIZE = (64, 48)


class Camera:
    """A source that is only asked what it is."""

    def __init__(self, *, live: bool = False) -> None:
        self.info = SourceInfo("camera", live, SIZE, 30.0)

    def frames(self) -> Iterator[Frame]:
        return iter(())

    def close(self) -> None:
        pass


class FullDisk:
    """A file on a disk that has `room` bytes left, for all files of `opener` together."""

    def __init__(self, room: int) -> None:
        self.room = room

    def opener(self, path: Path) -> NewFile:
        disk, file = self, Unbuffered(path)

        class _File:
            seek, tell, close = file.seek, file.tell, file.close

            def write(self, data: bytes, /) -> int:
                file.write(data[: disk.room])
                disk.room -= len(data)
                if disk.room < 0:
                    disk.room = 0
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return len(data)

        return _File()


def record() -> SessionRecord:
    source = SourceRecord(name="camera", live=False, size=SIZE, fps=30.0, pictures=True)
    return SessionRecord(
        session="0123",
        site="gym",
        camera="rack 1",
        athlete="Ada",
        epoch=EPOCH,
        source=source,
        settings={},
        engine={},
    )


def settings(folder: Path, **more: object) -> RecordingSettings:
    return RecordingSettings.model_validate({"folder": folder, "min_free_mib": 0, **more})


def frame(number: int) -> Frame:
    image = np.full((SIZE[1], SIZE[0], 3), number % 256, np.uint8)
    return Frame(number, image, number / 30, 1000.0 + number / 30)


def feed(recorder: Recorder, count: int) -> None:
    for number in range(count):
        recorder.frame(frame(number), Pose.nobody(number / 30, SIZE))
        recorder.message({"topic": "t", "payload": {"n": number}})


def logged(act: Callable[[], None]) -> list[str]:
    with structlog.testing.capture_logs() as logs:
        act()
    return [entry["event"] for entry in logs]


def test_a_session_is_a_folder_that_only_its_user_may_read(tmp_path: Path) -> None:
    recorder = Recorder(record(), Camera(), settings(tmp_path))
    feed(recorder, 5)
    recorder.lost(frame(5))
    recorder.command(None, {"command": "pause"})
    recorder.close()
    folder = tmp_path / "rack 1-20261123T180000Z-0123"
    assert recorder.folder == folder
    assert folder.stat().st_mode & 0o077 == 0
    assert [line["used"] for line in lines.read(folder / session.FRAMES)] == [True] * 5 + [False]
    assert PoseFile(folder / session.POSES).count == 5
    assert [line["payload"]["n"] for line in lines.read(folder / session.EVENTS)] == [0, 1, 2, 3, 4]
    assert lines.read(folder / session.SCRIPT) == [{"after": None, "command": {"command": "pause"}}]
    told = session.read(folder)
    assert told.epoch == EPOCH
    assert told.video == "encoded"
    assert told.ended is not None
    assert (told.ended.reason, told.ended.frames, told.ended.dropped) == (None, 5, 1)


def test_everything_is_there_while_the_session_still_runs(tmp_path: Path) -> None:
    recorder = Recorder(record(), Camera(), settings(tmp_path))
    feed(recorder, 30)
    deadline = time.monotonic() + 5
    while len(lines.read(recorder.folder / session.EVENTS)) < 30 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert session.read(recorder.folder).ended is None
    assert RecordedPoses(recorder.folder).info.frames == 30
    recorder.close()
    assert [seen.time for seen in RecordedVideo(recorder.folder).frames()] == [n / 30 for n in range(30)]


@pytest.mark.parametrize("room", [600, 1500, 20_000, 60_000])
def test_a_full_disk_stops_the_recording_with_one_line(tmp_path: Path, room: int) -> None:
    recorder = Recorder(record(), Camera(), settings(tmp_path), opener=FullDisk(room).opener)

    def run() -> None:
        feed(recorder, 200)
        recorder.close()

    assert logged(run) == ["recording stopped, coaching goes on"]
    assert recorder.stopped == os.strerror(errno.ENOSPC)
    told = session.read(recorder.folder)
    assert told.ended is not None
    assert told.ended.reason == recorder.stopped
    kept = len(lines.read(recorder.folder / session.EVENTS))
    assert kept <= PoseFile(recorder.folder / session.POSES).count, "no message without its pose"


def test_a_limit_of_the_system_is_a_full_disk_too(tmp_path: Path) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    recorder = Recorder(record(), Camera(), settings(tmp_path, video=False))
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        feed(recorder, 200)
        recorder.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert recorder.stopped == os.strerror(errno.EFBIG)
    assert PoseFile(recorder.folder / session.POSES).count == (20_000 - HEADER_BYTES) // RECORD.itemsize


def test_room_is_left_for_the_outbox(tmp_path: Path) -> None:
    recorders: list[Recorder] = []

    def run() -> None:
        recorders.append(Recorder(record(), Camera(), settings(tmp_path / "new", min_free_mib=1e12)))
        feed(recorders[0], 3)
        recorders[0].close()

    assert logged(run) == ["recording stopped, coaching goes on"]
    assert "MiB left" in str(recorders[0].stopped)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_already_costs_the_recording_only(tmp_path: Path) -> None:
    recorder = Recorder(record(), Camera(), settings(tmp_path), opener=FullDisk(100).opener)
    feed(recorder, 3)
    recorder.close()
    assert recorder.stopped == os.strerror(errno.ENOSPC)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot record into"):
        Recorder(record(), Camera(), settings(tmp_path / "file" / "sessions"))
    Recorder(record(), Camera(), settings(tmp_path)).close()
    with pytest.raises(UsageError, match=r"rack 1-.*: File exists"):
        Recorder(record(), Camera(), settings(tmp_path))


def test_a_camera_never_waits_for_a_disk_that_hangs(tmp_path: Path) -> None:
    hangs = threading.Event()

    class Hanging(Unbuffered):
        def write(self, data: bytes, /) -> int:
            if len(data) > 512:
                hangs.wait()
            return super().write(data)

    camera = Camera(live=True)
    recorder = Recorder(record(), camera, settings(tmp_path), opener=Hanging)
    with promptly():
        assert logged(lambda: feed(recorder, 3000)) == ["recording stopped, coaching goes on"]
    assert recorder.stopped == "the disk is too slow"
    hangs.set()
    recorder.close()
    ended = session.read(recorder.folder).ended
    assert ended is not None
    assert ended.video_dropped > 0


def test_nothing_is_encoded_where_no_video_is_wanted(tmp_path: Path) -> None:
    recorder = Recorder(record(), Camera(), settings(tmp_path, video=False))
    feed(recorder, 3)
    recorder.close()
    assert not (recorder.folder / session.VIDEO).exists()
    with pytest.raises(SourceError, match="without video"):
        RecordedVideo(recorder.folder)


def test_faces_are_blurred_before_they_are_stored(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8)
    recorder = Recorder(record(), Camera(), settings(tmp_path, blur_faces=True))
    recorder.frame(Frame(0, image, 0.0, 0.0), Pose.nobody(0.0, SIZE))
    recorder.close()
    (stored,) = RecordedVideo(recorder.folder).frames()
    assert np.abs(np.diff(stored.image.astype(int), axis=1)).mean() < 30
    assert np.abs(np.diff(image.astype(int), axis=1)).mean() > 70
    assert session.read(recorder.folder).blurred


def test_dropped_frames_are_left_out_of_the_replayed_video(tmp_path: Path) -> None:
    recorder = Recorder(record(), Camera(), settings(tmp_path))
    for number in range(6):
        recorder.frame(frame(number), Pose.nobody(number / 30, SIZE))
    recorder.close()
    path = recorder.folder / session.FRAMES
    path.write_text(
        path.read_text()
        .replace('"n":2,"t":0.06666666666666667', '"n":2,"t":0.0667')
        .replace('"used":true', '"used":false', 1)
    )
    times = [seen.time for seen in RecordedVideo(recorder.folder).frames()]
    assert times == [1 / 30, 0.0667, 3 / 30, 4 / 30, 5 / 30], "recorded times, the first dropped"


def test_pictures_that_the_engine_never_saw_are_not_replayed(tmp_path: Path) -> None:
    recorder = Recorder(record(), Camera(), settings(tmp_path))
    feed(recorder, 6)
    recorder.close()
    path = recorder.folder / session.FRAMES
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:4]))
    assert [seen.time for seen in RecordedVideo(recorder.folder).frames()] == [n / 30 for n in range(4)]


def test_a_folder_that_is_no_session_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no recorded session: session\.json is missing$"):
        RecordedPoses(tmp_path)
    recorder = Recorder(record(), Camera(), settings(tmp_path))
    recorder.close()
    with pytest.raises(SourceError, match="holds 1 sessions, the newest is rack 1-2026"):
        RecordedPoses(tmp_path)
    with pytest.raises(SourceError, match="without a single pose"):
        RecordedPoses(recorder.folder)
    path = recorder.folder / session.SESSION
    newer = json.loads(path.read_text()) | {"version": 2}
    path.write_text(json.dumps(newer))
    with pytest.raises(SourceError, match="recorded in format 2, this streamaqa reads 1"):
        RecordedPoses(recorder.folder)
    path.write_text(json.dumps(newer | {"version": 1, "epoch": "yesterday"}))
    with pytest.raises(SourceError, match="epoch"):
        RecordedPoses(recorder.folder)
    path.write_text("{")
    with pytest.raises(SourceError, match="cannot be read"):
        RecordedPoses(recorder.folder)


def test_a_lane_hands_over_all_in_order_and_survives_its_work() -> None:
    done: list[int] = []
    failures: list[str] = []

    def work(batch: object) -> None:
        assert isinstance(batch, list)
        done.extend(batch)
        if 700 in batch:
            raise ValueError("no more")

    lane: Lane[int] = Lane("test", 8, work, lambda: None, lambda error: failures.append(str(error)))
    for number in range(700):
        lane.put(number)
    while len(done) < 700:
        time.sleep(0.001)
    for number in range(700, 2000):
        lane.put(number)
    lane.close()
    lane.close()
    assert done[:701] == list(range(701))
    assert len(done) < 720
    assert failures == ["no more"]
