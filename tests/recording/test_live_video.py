"""What a live camera sends, stored as it came: by the recorder, over real HTTP streams."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import av
import pytest
import streams
from streams import QUICK, closing, with_

from streamaqa.recording import Recorder, RecordingSettings, SessionRecord, SourceRecord, session
from streamaqa.sources.live import LiveSource
from streamaqa.sources.recording import RecordedVideo
from streamaqa.types import Frame, Pose

BRISK = with_(QUICK, silence_s=0.4, retry_most_s=0.1)
H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "15"]
REORDERED = ["-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "30"]
HEVC = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=15:bframes=0"]
MPEG2 = ["-c:v", "mpeg2video", "-q:v", "4", "-g", "15"]
LARGER = ["-vf", "scale=320:240:flags=neighbor", *H264]

PICTURES = frozenset({1, 5})
"""Types of H.264's NAL units that hold pictures; parameter sets are repeated as each container likes."""


def transport(clip: Path, options: Sequence[str], frames: int = 45) -> bytes:
    """MPEG-TS of numbered pictures."""
    command = ["ffmpeg", "-v", "error", "-i", str(clip), "-frames:v", str(frames), *options]
    done = subprocess.run([*command, "-threads", "1", "-f", "mpegts", "-"], check=True, capture_output=True)
    return done.stdout


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return streams.encode(tmp_path_factory.mktemp("clips") / "clip.mkv", 60)


class Camera:
    """Sends one body after the other, one to a connection; the last again and again."""

    def __init__(self, *bodies: bytes) -> None:
        self._bodies = iter(bodies)
        self._body = b""

    def __iter__(self) -> Iterator[bytes]:
        self._body = next(self._bodies, self._body)
        yield self._body


@dataclass
class Stored:
    """A session's video, and the frames it was made from."""

    folder: Path
    frames: list[Frame]

    @property
    def kind(self) -> str | None:
        return session.read(self.folder).video

    @property
    def dropped(self) -> int:
        ended = session.read(self.folder).ended
        assert ended is not None
        return ended.video_dropped

    @property
    def files(self) -> list[str]:
        return [path.name for path in session.videos(self.folder)]


def record(folder: Path, camera: Camera, count: int, *, blur: bool = False) -> Stored:
    """Record `count` frames as an engine would, none dropped."""
    with streams.http_server(camera, "video/mp2t") as url:
        source = LiveSource(url, BRISK)
        about = SessionRecord(
            session="0123",
            site="gym",
            camera="rack",
            athlete=None,
            epoch=datetime(2026, 11, 23, tzinfo=UTC),
            source=SourceRecord.of(source),
            settings={},
            engine={},
        )
        settings = RecordingSettings(folder=folder, min_free_mib=0, blur_faces=blur)
        recorder = Recorder(about, source, settings)
        assert session.read(recorder.folder).video == ("encoded" if blur else None), "not known yet"
        got = []
        with closing(source) as frames:
            for frame in itertools.islice(frames, count):
                recorder.frame(frame, Pose.nobody(frame.time, (frame.image.shape[1], frame.image.shape[0])))
                got.append(frame)
        recorder.close()
    assert recorder.stopped is None
    return Stored(recorder.folder, got)


def nals(path: Path, kinds: frozenset[int], codec: str = "h264") -> list[bytes]:
    """The NAL units of these types in a Matroska file or an MPEG-TS, in decoding order."""
    found = []
    with av.open(str(path)) as container:
        marked = path.suffix == ".ts"
        for packet in container.demux(video=0):
            for unit in _split(bytes(packet), marked=marked):
                kind = unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63
                if kind in kinds:
                    found.append(unit)
    return found


def _split(data: bytes, *, marked: bool) -> list[bytes]:
    if marked:  # by start codes
        return [part.rstrip(b"\0") for part in data.split(b"\0\0\1") if part.rstrip(b"\0")]
    parts = []
    while data:
        size = int.from_bytes(data[:4], "big")
        parts.append(data[4 : 4 + size].rstrip(b"\0"))
        data = data[4 + size :]
    return parts


def check_replays(stored: Stored) -> None:
    """Each frame comes again at its own time, showing what it showed; no encoder keeps up with a test."""
    seen, again = (
        [(streams.number_of(frame.image), frame.time, frame.image.shape) for frame in frames]
        for frames in (stored.frames, RecordedVideo(stored.folder).frames())
    )
    dropped = stored.dropped
    assert len(seen) - len(again) == dropped
    assert again == (seen if not dropped else [one for one in seen if one in again])


@pytest.mark.parametrize(
    ("options", "codec", "kinds"),
    [(H264, "h264", PICTURES), (REORDERED, "h264", PICTURES), (HEVC, "hevc", frozenset(range(22)))],
    ids=["h264", "reordered", "hevc"],
)
def test_packets_are_stored_byte_for_byte_at_the_times_of_their_frames(
    tmp_path: Path, clip: Path, options: list[str], codec: str, kinds: frozenset[int]
) -> None:
    body = transport(clip, options)
    stored = record(tmp_path, Camera(body), 40)
    assert stored.kind == "copied"
    assert stored.files == ["video.mkv"]
    (tmp_path / "sent.ts").write_bytes(body)
    sent = nals(tmp_path / "sent.ts", kinds, codec)
    kept = nals(stored.folder / "video.mkv", kinds, codec)
    assert stored.dropped == 0
    assert len(kept) >= 40
    assert kept == sent[: len(kept)]
    check_replays(stored)


def test_a_camera_that_comes_back_the_same_goes_on_in_the_same_file(tmp_path: Path, clip: Path) -> None:
    body = transport(clip, H264)
    stored = record(tmp_path, Camera(body), 110)
    assert (stored.kind, stored.files) == ("copied", ["video.mkv"])
    check_replays(stored)


def test_a_camera_that_comes_back_changed_begins_another_file(tmp_path: Path, clip: Path) -> None:
    bodies = transport(clip, H264), transport(clip, LARGER), transport(clip, HEVC)
    stored = record(tmp_path, Camera(*bodies), 120)
    assert (stored.kind, stored.files) == ("copied", ["video.mkv", "video-2.mkv", "video-3.mkv"])
    assert {frame.image.shape[0] for frame in stored.frames} == {120, 240}
    check_replays(stored)


def test_what_cannot_be_copied_is_encoded_from_there_on_and_copied_again_after_it(
    tmp_path: Path, clip: Path
) -> None:
    bodies = transport(clip, H264), transport(clip, MPEG2), transport(clip, H264)
    stored = record(tmp_path, Camera(*bodies), 120)
    assert (stored.kind, stored.files) == ("mixed", ["video.mkv", "video-2.mkv", "video-3.mkv"])
    check_replays(stored)


def test_a_connection_that_begins_between_key_frames_is_stored_from_the_next_one(
    tmp_path: Path, clip: Path
) -> None:
    whole = transport(clip, H264)
    cut = 188 * (len(whole) // 188 // 2)
    head = whole[: 188 * 3]  # the tables of the stream
    stored = record(tmp_path, Camera(whole, head + whole[cut:]), 50)
    assert stored.kind == "copied"
    again = [streams.number_of(frame.image) for frame in RecordedVideo(stored.folder).frames()]
    assert again == [streams.number_of(frame.image) for frame in stored.frames]
    assert again[45] % 15 == 0


def test_faces_are_never_copied(tmp_path: Path, clip: Path) -> None:
    body = transport(clip, [*H264, "-crf", "35"])  # not as a recording encodes
    stored = record(tmp_path, Camera(body), 30, blur=True)
    assert (stored.kind, stored.files) == ("encoded", ["video.mkv"])
    assert len(list(RecordedVideo(stored.folder).frames())) == 30 - stored.dropped
    (tmp_path / "sent.ts").write_bytes(body)
    kept = nals(stored.folder / "video.mkv", PICTURES)
    assert kept
    assert not set(kept) & set(nals(tmp_path / "sent.ts", PICTURES))
