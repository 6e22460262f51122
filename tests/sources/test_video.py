"""Video files as people really have them; the clips are made here with FFmpeg."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from streamaqa.errors import SourceError
from streamaqa.sources import open_source
from streamaqa.sources.video import VideoSource
from streamaqa.types import Frame


def ffmpeg(*arguments: str | Path) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds, 160x120, 20 frames a second, a key frame each half second."""
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    pattern = "testsrc=size=160x120:rate=20:duration=3"
    ffmpeg("-f", "lavfi", "-i", pattern, "-pix_fmt", "yuv420p", "-g", "10", "-movflags", "+faststart", path)
    return path


def read(path: Path) -> list[Frame]:
    source = VideoSource(path)
    try:
        return list(source.frames())
    finally:
        source.close()


def test_frames_come_in_order_with_their_own_times(clip: Path) -> None:
    frames = read(clip)
    assert [frame.number for frame in frames] == list(range(60))
    assert np.allclose([frame.time for frame in frames], np.arange(60) / 20)
    assert all(frame.image.shape == (120, 160, 3) and frame.image.dtype == np.uint8 for frame in frames)
    arrivals = [frame.arrival for frame in frames]
    assert arrivals == sorted(arrivals)


def test_a_variable_frame_rate_keeps_its_gaps(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "variable.mkv"
    kept = "select='lt(n,20)+not(mod(n,4))',setpts=PTS"
    ffmpeg("-i", clip, "-vf", kept, "-fps_mode", "vfr", path)
    gaps = np.diff([frame.time for frame in read(path)])
    assert np.allclose(gaps[:18], 0.05, atol=0.002)
    assert np.allclose(gaps[21:], 0.2, atol=0.002)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_phone_clip_stands_as_it_was_held(clip: Path, tmp_path: Path, degrees: int) -> None:
    path, shown = tmp_path / "phone.mp4", tmp_path / "shown.mkv"
    ffmpeg("-i", clip, "-c", "copy", "-metadata:s:v", f"rotate={degrees}", path)
    ffmpeg("-i", path, "-frames:v", "3", "-c:v", "ffv1", shown)  # FFmpeg's player turns it too
    frames = read(path)
    expected = read(shown)
    source = VideoSource(path)
    source.close()
    assert source.info.size == ((120, 160) if degrees % 180 else (160, 120))
    for frame, picture in zip(frames, expected, strict=False):
        assert frame.image.shape == picture.image.shape
        assert np.abs(frame.image.astype(int) - picture.image).mean() < 2


def test_pixels_that_are_not_square_are_made_so(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "wide.mp4"
    ffmpeg("-i", clip, "-vf", "setsar=2/1", path)
    assert read(path)[0].image.shape == (120, 320, 3)


def test_a_corrupt_frame_in_the_middle_costs_that_frame(clip: Path, tmp_path: Path) -> None:
    raw, path = tmp_path / "clean.avi", tmp_path / "corrupt.avi"
    ffmpeg("-i", clip, "-c:v", "mjpeg", raw)  # each frame by itself
    content = bytearray(raw.read_bytes())
    middle = content.find(b"\xff\xd8", len(content) // 2)
    end = content.find(b"\xff\xd9", middle)
    content[middle : end + 2] = bytes(end + 2 - middle)
    path.write_bytes(content)
    source = VideoSource(path)
    frames = list(source.frames())
    assert len(frames) == 59
    assert source.corrupt_frames == 1
    times = [frame.time for frame in frames]
    assert times == sorted(set(times))


def test_a_file_that_was_cut_off_gives_what_it_holds_and_then_says_so(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    path.write_bytes(clip.read_bytes()[: clip.stat().st_size // 3])
    got = []
    with pytest.raises(SourceError, match=r"cut off: \d\.\d of 3\.0 s"):
        for frame in VideoSource(path).frames():
            got.append(frame)
    assert 5 < len(got) < 55


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"", "not a video"), (b"Not a video at all.\n" * 50, "not a video"), (None, "no such file")],
)
def test_what_is_no_video_is_one_clear_line(tmp_path: Path, content: bytes | None, complaint: str) -> None:
    path = tmp_path / "thing.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=complaint) as caught:
        open_source(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_without_a_picture_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", path)
    with pytest.raises(SourceError, match="holds no video"):
        open_source(path)


def test_closing_ends_an_iteration_that_is_under_way(clip: Path) -> None:
    source = VideoSource(clip)
    frames = source.frames()
    next(frames)
    source.close()
    assert list(frames) == []
    source.close()
