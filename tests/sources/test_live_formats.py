"""What streams carry and how it is read: MPEG-TS and MJPEG over HTTP, a camera by way of a file and a pipe.

A V4L2 camera cannot be had here: `/dev/video0` needs a kernel module. What is tested in its place is the same
code (`Connection`, PyAV's container) with a file and a pipe for the device, and the options a device gets.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import streams
from numpy.typing import NDArray
from streams import QUICK, closing, steps, with_

from streamaqa.errors import SourceError
from streamaqa.sources.address import Address
from streamaqa.sources.base import (
    CAMERA_BLACK,
    CAMERA_FROZEN,
    CAMERA_RESIZED,
    CAMERA_TIMES,
    CAMERA_WRAPPED,
)
from streamaqa.sources.connection import Connection, ConnectionCounts
from streamaqa.sources.live import LiveSource
from streamaqa.sources.settings import LiveSettings


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds, with a key frame each second."""
    return streams.encode(tmp_path_factory.mktemp("clips") / "clip.mkv", 5 * streams.FPS)


@pytest.mark.parametrize("by_ffmpeg", [True, False])
def test_an_mpeg_ts_whose_pts_wrap_is_read_without_a_jump(clip: Path, by_ffmpeg: bool) -> None:
    """33 bits of 90 kHz are 95,443.7 s; FFmpeg unwraps the first wrap itself, unless told not to."""
    command = ["ffmpeg", "-v", "error", "-t", "4", "-i", str(clip), "-c", "copy"]
    command += ["-output_ts_offset", "95440.5", "-f", "mpegts", "-"]
    body = subprocess.run(command, check=True, capture_output=True).stdout
    with streams.http_server(body, "video/mp2t") as url:
        address = Address.parse(url, QUICK)
        if not by_ffmpeg:
            raw = {**address.options, "correct_ts_overflow": "0"}
            address = dataclasses.replace(address, options=raw)
        with closing(source := LiveSource(address, QUICK)) as frames:
            got = list(itertools.islice(frames, 118))
            assert source.notices == {CAMERA_WRAPPED}
    assert steps(got) == pytest.approx([1 / streams.FPS] * 117, abs=2e-3)
    counts = source.counts
    assert counts["pts_wraps"] == 1
    assert counts["pts_jumps"] + counts["pts_broken"] + counts["pts_backward"] == 0


def test_a_new_resolution_in_mid_stream_is_followed_counted_and_told(tmp_path: Path) -> None:
    body = b""
    for size, begin in (("320x240", 0), ("160x120", 1)):
        command = [
            "ffmpeg",
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            f"testsrc=s={size}:r=30:d=1",
            "-threads",
            "1",
        ]
        command += ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"]
        command += ["-output_ts_offset", str(begin), "-f", "mpegts", "-"]
        body += subprocess.run(command, check=True, capture_output=True).stdout
    with (
        streams.http_server(body, "video/mp2t") as url,
        closing(source := LiveSource(url, QUICK)) as frames,
    ):
        got = list(itertools.islice(frames, 55))
        assert CAMERA_RESIZED in source.notices
    assert {frame.image.shape[:2] for frame in got} == {(240, 320), (120, 160)}
    assert source.counts[CAMERA_RESIZED] == 1


def test_a_picture_that_freezes_and_then_goes_black_is_told_and_cleared(tmp_path: Path) -> None:
    def draw(number: int) -> NDArray[np.uint8]:
        if 210 <= number < 300:
            return np.zeros_like(streams.picture(0))
        return streams.picture(30 if 30 <= number < 210 else number)

    body = streams.encode(tmp_path / "clip.ts", 330, container="mpegts", draw=draw).read_bytes()
    told = []
    with (
        streams.http_server(body, "video/mp2t") as url,
        closing(source := LiveSource(url, QUICK)) as frames,
    ):
        for frame in itertools.islice(frames, 325):
            told.append(source.notices)
            assert frame.number == len(told) - 1
    assert told[150] == told[325 - 1] == frozenset()
    assert told[205] == {CAMERA_FROZEN}
    assert told[295] == {CAMERA_BLACK}
    assert (source.counts[CAMERA_FROZEN], source.counts[CAMERA_BLACK]) == (1, 1)


def test_pts_that_begin_again_and_again_are_told_and_time_goes_on(tmp_path: Path) -> None:
    body = streams.encode(tmp_path / "clip.ts", 30, container="mpegts").read_bytes()
    with (
        streams.http_server(body * 5, "video/mp2t") as url,
        closing(source := LiveSource(url, QUICK)) as frames,
    ):
        got = list(itertools.islice(frames, 140))
        assert CAMERA_TIMES in source.notices
    assert min(steps(got)) > 0
    assert source.counts["pts_jumps"] >= 3


def test_a_stream_of_which_nothing_can_be_decoded_is_opened_anew(tmp_path: Path) -> None:
    whole = streams.encode(tmp_path / "clip.ts", 300, container="mpegts", gop=600).read_bytes()

    class Mended:
        """Sends no key frame and no parameters to the first who asks, and all to the next."""

        asked = 0
        read_to_its_end = False

        def __iter__(self) -> Iterator[bytes]:
            self.asked += 1
            first = self.asked == 1
            part = whole if not first else whole[188 * (len(whole) // 188 // 4) :] * 100
            for start in range(0, len(part), 1880):
                yield part[start : start + 1880]
                time.sleep(0.02)
            self.read_to_its_end |= first

    body = Mended()
    settings = with_(QUICK, unreadable_s=0.5)
    with (
        streams.http_server(body, "video/mp2t") as url,
        closing(LiveSource(url, settings)) as frames,
    ):
        assert streams.number_of(next(frames).image) == 0
    assert body.asked == 2
    assert not body.read_to_its_end, "unreadable_s was not heeded"


def test_mjpeg_over_http_takes_its_times_from_the_arrivals(tmp_path: Path) -> None:
    """FFmpeg would make up 25 frames a second; this camera sends 16."""
    pause = 0.06
    pictures = [
        streams.encode(tmp_path / f"{number}.jpg", 1, codec="mjpeg", container="mjpeg").read_bytes()
        for number in range(2)
    ]

    def body() -> Iterator[bytes]:
        for number in range(36):
            picture = pictures[number % 2]
            yield b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture)
            yield picture + b"\r\n"
            time.sleep(pause)

    with (
        streams.http_server(body(), "multipart/x-mixed-replace;boundary=frame") as url,
        closing(source := LiveSource(url, QUICK)) as frames,
    ):
        got = list(itertools.islice(frames, 28))
    late = got[12:]  # what was read to find out the format came at once
    assert (late[-1].time - late[0].time) / (len(late) - 1) == pytest.approx(pause, rel=0.15)
    assert source.notices == frozenset()


# --- a camera, by way of a file and a pipe ----------------------------------------------------------


def test_a_camera_number_is_a_v4l2_device_that_never_blocks_in_the_kernel(tmp_path: Path) -> None:
    import av

    number, device = (Address.parse(spec, LiveSettings()) for spec in ("3", "/dev/video3"))
    assert number.target == device.target == "/dev/video3"
    assert number.format == device.format == "v4l2"
    assert number.options == device.options
    assert number.options["video_size"] == "640x480"
    assert av.ContainerFormat("v4l2", "r").is_input
    flags = {"fflags": number.options["fflags"]}
    with av.open(streams.encode(tmp_path / "clip.mkv", 3), options=flags) as container:
        assert container.flags & 4  # AVFMT_FLAG_NONBLOCK, avformat.h


def test_a_picture_is_out_as_soon_as_its_packet_is_in(clip: Path) -> None:
    """Frame threads would hold back as many pictures as there are threads."""
    address = Address(str(clip), "camera 0")
    connection = Connection(address, QUICK, ConnectionCounts(), threading.Event())
    try:
        packets = connection._packets()
        assert [len(next(packets).decode()) for _ in range(5)] == [1] * 5
    finally:
        connection.close()


def test_a_file_in_place_of_the_device_is_read_again_and_again(tmp_path: Path) -> None:
    address = Address(str(streams.encode(tmp_path / "clip.mkv", 10)), "camera 0", "matroska")
    with closing(source := LiveSource(address, QUICK)) as frames:
        got = list(itertools.islice(frames, 25))
    assert [streams.number_of(frame.image) for frame in got] == [*range(10), *range(10), *range(5)]
    assert min(steps(got)) > 0
    assert source.counts["reconnects"] == 2


def test_a_pipe_in_place_of_the_device_is_read_as_pictures_come_and_survives_being_unplugged(
    tmp_path: Path,
) -> None:
    path = tmp_path / "video0"
    os.mkfifo(path)
    data = streams.encode(tmp_path / "clip.mjpeg", 30, codec="mjpeg", container="mjpeg").read_bytes()

    def plug_in() -> None:
        for _ in range(2):
            with contextlib.suppress(BrokenPipeError), path.open("wb", buffering=0) as pipe:
                for start in range(0, len(data), 2000):
                    pipe.write(data[start : start + 2000])
                    time.sleep(0.005)
            time.sleep(0.2)

    camera = threading.Thread(target=plug_in)
    camera.start()
    with closing(source := LiveSource(Address(str(path), "camera 0", "mjpeg"), QUICK)) as frames:
        got = list(itertools.islice(frames, 45))
    camera.join(5)
    assert source.counts["reconnects"] == 1
    assert min(steps(got)) > 0


def test_a_device_that_this_user_may_not_open_is_an_error_with_the_command_that_mends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import av

    def refuse(*args: object, **options: object) -> None:
        raise av.error.PermissionError(13, "Permission denied", "/dev/video0")

    monkeypatch.setattr(av, "open", refuse)
    with pytest.raises(SourceError, match="usermod -aG video"):
        next(LiveSource("0").frames())
