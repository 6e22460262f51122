"""Cameras that drop out, and ending them, over real servers on this machine."""

from __future__ import annotations

import contextlib
import itertools
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import streams
from promptly import LIMIT_S, NEVER_S, promptly
from streams import QUICK, closing, steps, with_

from streamaqa.errors import SourceError
from streamaqa.feed import Feed
from streamaqa.sources import open_source
from streamaqa.sources.base import (
    CAMERA_LOST,
    Source,
    Watched,
)
from streamaqa.sources.interrupt import interruptible
from streamaqa.sources.live import LiveSource
from streamaqa.sources.settings import LiveSettings
from streamaqa.types import Frame

LONG = LiveSettings(open_s=60, silence_s=60)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute, with a key frame each second."""
    return streams.encode(tmp_path_factory.mktemp("clips") / "minute.mkv", 60 * streams.FPS)


def until(true: Callable[[], bool], seconds: float = 3.0) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def test_a_stream_that_drops_out_is_reopened_and_time_goes_on_by_the_wall_clock(clip: Path) -> None:
    with streams.rtsp_server(clip) as server, closing(source := LiveSource(server.address, QUICK)) as frames:
        assert isinstance(source, Source)
        assert isinstance(source, Watched)
        before = [next(frames) for _ in range(20)]
        assert [streams.number_of(frame.image) for frame in before] == list(range(20))
        assert source.info.live
        assert source.info.size == streams.SIZE
        server.kill()
        starter = threading.Timer(0.7, server.start)
        starter.start()
        after = list(itertools.islice(frames, 20))
        starter.join()
        assert streams.number_of(after[-1].image) < 40  # the clip began again
        assert [frame.number for frame in before + after] == list(range(len(before + after)))
        assert min(steps(before + after)) > 0
        gap = after[-1].arrival - before[-1].arrival
        assert gap > 0.7
        assert after[-1].time - before[-1].time == pytest.approx(gap, abs=0.3)
        counts = source.counts
        assert (counts["reconnects"], counts["pts_broken"], counts["pts_jumps"]) == (1, 0, 0)


def test_a_lost_camera_is_told_while_it_is_lost(clip: Path) -> None:
    with streams.rtsp_server(clip) as server, closing(source := LiveSource(server.address, QUICK)) as frames:
        reader = threading.Thread(target=lambda: [None for _ in frames])
        reader.start()
        try:
            assert until(lambda: source.info.size == streams.SIZE)
            assert source.notices == frozenset()
            server.kill()
            assert until(lambda: CAMERA_LOST in source.notices, 1.0)
            server.start()
            assert until(lambda: not source.notices)
        finally:
            source.close()
            reader.join(2)
    assert not reader.is_alive()


def test_a_camera_that_hangs_is_left_within_the_silence_allowed(clip: Path) -> None:
    settings = with_(QUICK, silence_s=0.6, open_s=0.6)
    with (
        streams.rtsp_server(clip) as server,
        closing(source := LiveSource(server.address, settings)) as frames,
    ):
        last = [next(frames) for _ in range(10)][-1]
        server.hang()

        def mend() -> None:
            server.kill()
            server.start()

        mending = threading.Timer(1.0, mend)
        mending.start()
        first = next(frame for frame in frames if streams.number_of(frame.image) < 5)  # the clip begins again
        mending.join()
    assert first.arrival - last.arrival < 3.0
    assert source.counts["reconnects"] == 1


def test_a_camera_that_is_switched_on_later_is_waited_for(clip: Path) -> None:
    streams.require_rtsp()
    server = streams.RtspServer(clip)
    begun = time.monotonic()
    starter = threading.Timer(0.6, server.start)
    starter.start()
    try:
        with closing(source := LiveSource(server.address, QUICK)) as frames:
            first = next(frames)
            assert first.time == pytest.approx(first.arrival - begun, abs=0.2)
            assert source.counts["reconnects"] == 0
    finally:
        starter.join()
        server.kill()


def test_credentials_open_the_stream_and_are_shown_nowhere(
    clip: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with streams.rtsp_server(clip, login=("coach", "hunter2")) as server:
        right = server.address.replace("//", "//coach:hunter2@")
        with closing(source := LiveSource(right, QUICK)) as frames:
            next(frames)
            server.kill()
            threading.Timer(0.5, source.close).start()
            assert list(frames) is not None
            assert "hunter2" not in f"{source.info} {source._address!r}"
        server.start()
        with (
            promptly(),
            closing(LiveSource(right.replace("hunter2", "hunter3"), QUICK)) as frames,
            pytest.raises(SourceError, match="password refused") as refused,
        ):
            next(frames)
        assert "hunter" not in str(refused.value)
    said = capfd.readouterr()
    assert "hunter" not in caplog.text + said.out + said.err
    assert "trying again" in caplog.text + said.out + said.err


@pytest.mark.parametrize(
    "address",
    [
        "rtsp://coach:hun#ter2@cam/1",
        "rtsp://coach:12/hunter2@cam/1",
        "rtsp://coach:hunter2?@cam/1",
        "rtsp://coach:hunter2@[::1/1",
        "rtsp://coach:hunter2@cam:port/1",
        "rtsp:///hunter2",
    ],
)
def test_an_address_that_cannot_be_read_is_refused_at_once_and_not_shown(address: str) -> None:
    with pytest.raises(SourceError, match="percent-encoded") as refused:
        open_source(address)
    assert "hunter" not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("rtsp://coach:p%40ss@cam:8554/h264/1?token=secret", "rtsp://cam:8554/h264/1"),
        ("http://cam/user=admin_password=secret_channel=1.sdp", "http://cam"),
        ("RTSP://[fe80::1]:554/", "rtsp://[fe80::1]:554"),
        ("0", "camera 0"),
        ("/dev/v4l/by-id/usb-cam", "/dev/v4l/by-id/usb-cam"),
    ],
)
def test_a_source_is_named_without_its_secrets(address: str, name: str) -> None:
    assert open_source(address).info.name == name


# --- ending it -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def silent_server(*, reads: bool) -> Iterator[str]:
    """Takes connections and never answers; or does not even take them."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(8 if reads else 0)
        port = server.getsockname()[1]
        with contextlib.ExitStack() as stack:
            if not reads:  # the queue of connections is full, so that the next is not answered
                for _ in range(3):
                    waiting = stack.enter_context(socket.socket())
                    waiting.setblocking(False)
                    waiting.connect_ex(("127.0.0.1", port))
            yield f"rtsp://127.0.0.1:{port}/live"


def ends_at_once(source: LiveSource, after: float = 0.5) -> None:
    """Close from another thread while it blocks; no thread and no handle is left."""
    process = psutil.Process()
    files, threads = process.num_fds(), threading.active_count()
    native = process.num_threads()
    reader = threading.Thread(target=lambda: [None for _ in source.frames()])
    reader.start()
    time.sleep(after)
    assert reader.is_alive()
    with promptly():
        source.close()
        reader.join(LIMIT_S)
    assert not reader.is_alive()
    # those of a test's own server go when it has noticed
    assert until(lambda: threading.active_count() <= threads and process.num_threads() <= native)
    assert until(lambda: process.num_fds() <= files)


@pytest.mark.parametrize("reads", [True, False])
def test_close_ends_an_opening_that_blocks(reads: bool) -> None:
    with silent_server(reads=reads) as address:
        ends_at_once(LiveSource(address, LONG))


def test_what_is_opened_after_the_stop_ends_as_well() -> None:
    """The time-out begins to run only then."""
    import av

    stop = threading.Event()
    stop.set()
    with (
        silent_server(reads=True) as address,
        interruptible(stop),
        promptly(),
        pytest.raises(av.error.ExitError),
    ):
        av.open(address, options={"rtsp_transport": "tcp"}, timeout=(NEVER_S, NEVER_S))


def test_close_ends_a_read_that_blocks(tmp_path: Path) -> None:
    body = streams.encode(tmp_path / "clip.ts", 60, container="mpegts").read_bytes()
    with streams.http_server(body, "video/mp2t") as address:
        next(itertools.islice(LiveSource(address, LONG).frames(), 1))  # libraries load their own things once
        ends_at_once(LiveSource(address, LONG), after=1.0)


def test_close_ends_the_wait_for_a_device_that_is_not_there() -> None:
    source = LiveSource("/dev/video97", with_(LONG, retry_first_s=30.0, retry_most_s=60.0))
    ends_at_once(source)
    assert CAMERA_LOST not in source.notices or source.counts["reconnects"] == 0


def test_a_silent_peer_is_noticed_and_left(tmp_path: Path) -> None:
    body = streams.encode(tmp_path / "clip.ts", 60, container="mpegts").read_bytes()
    with (
        streams.http_server(body, "video/mp2t") as address,
        closing(source := LiveSource(address, QUICK)) as frames,
    ):
        got = list(itertools.islice(frames, 80))  # two connections' worth
    assert source.counts["reconnects"] == 1
    arrivals = [frame.arrival for frame in got]
    assert 0.9 < max(after - before for before, after in itertools.pairwise(arrivals)) < 2.0


# --- a machine that is too slow ----------------------------------------------------------------------


def ages(frames: list[Frame], seen: list[float]) -> list[float]:
    """How old each frame was when it was seen, against the one that was youngest."""
    taken = [streams.number_of(frame.image) / streams.FPS for frame in frames]
    since = [at - number for at, number in zip(seen, taken, strict=True)]
    return [age - min(since) for age in since]


async def test_a_slow_engine_sees_what_happens_now(clip: Path) -> None:
    """It looks at 10 of 30 frames a second; the feed drops the oldest, and nothing else waits."""
    import asyncio

    with streams.rtsp_server(clip) as server:
        source = LiveSource(server.address, QUICK)
        frames, seen = [], []
        async with Feed(source.frames(), source.close, live=True, limit=4) as feed:
            async for frame in feed:
                frames.append(frame)
                seen.append(time.monotonic())
                if len(frames) == 16:
                    break
                await asyncio.sleep(0.1)
        assert feed.dropped > 18
    assert max(ages(frames, seen)) < 0.4


def test_a_machine_that_decodes_too_slowly_skips_to_a_key_frame_and_does_not_fall_behind(clip: Path) -> None:
    """Read at 10 frames a second, 4 s of a stream would be 2.7 s old at their end."""
    settings = with_(QUICK, late_s=0.3)
    with streams.rtsp_server(clip) as server, closing(source := LiveSource(server.address, settings)) as it:
        frames, seen = [], []
        for frame in it:
            frames.append(frame)
            seen.append(time.monotonic())
            if seen[-1] - seen[0] > 4:
                break
            time.sleep(0.1)
        assert source.counts["skipped"] > 30
        assert source.counts["corrupt"] == 0
    assert max(ages(frames, seen)) < 1.8
