"""Cameras for the tests: clips whose frames name themselves, a real RTSP server, MPEG-TS over HTTP."""

from __future__ import annotations

import contextlib
import http.server
import itertools
import select
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from streamaqa.sources.live import LiveSource
from streamaqa.sources.settings import LiveSettings
from streamaqa.types import Frame

if TYPE_CHECKING:
    from av.video.stream import VideoStream

SIZE = (160, 120)
FPS = 30
BITS = 16
QUICK = LiveSettings(open_s=2.0, silence_s=1.0, lost_s=0.3, retry_most_s=0.3)
"""Short waits, so that tests are."""
SYSTEM_PYTHON = "/usr/bin/python3"
"""Has GStreamer's bindings, which pip cannot install."""
SERVER = Path(__file__).with_name("rtsp_server.py")


def picture(number: int) -> NDArray[np.uint8]:
    """(120, 160, 3): the number as a row of black and white bars, over a grey that changes with it."""
    width, height = SIZE
    image = np.full((height, width, 3), 60 + number * 7 % 120, np.uint8)
    bars = np.repeat([number >> bit & 1 for bit in range(BITS)], width // BITS).astype(np.uint8)
    image[: height // 2] = (bars * 255)[None, :, None]
    return image


def number_of(image: NDArray[np.uint8]) -> int:
    """The number that `picture` drew, whatever an encoder made of it."""
    bar = image.shape[1] // BITS
    row = image[image.shape[0] // 4, bar // 2 :: bar, 1][:BITS]
    return sum(1 << bit for bit in range(BITS) if row[bit] > 127)


def encode(
    path: Path,
    frames: int,
    *,
    codec: str = "libx264",
    container: str | None = None,
    gop: int = FPS,
    draw: Callable[[int], NDArray[np.uint8]] = picture,
) -> Path:
    """A clip of numbered pictures at 30 frames a second, without reordering, as cameras encode."""
    options = {"preset": "ultrafast", "tune": "zerolatency"} if codec == "libx264" else {}
    with av.open(path, "w", format=container) as out:
        stream = cast("VideoStream", out.add_stream(codec, rate=FPS, options=options))
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = gop
        stream.codec_context.thread_count = 1
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(draw(number), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@dataclass
class RtspServer:
    """A camera that can be switched off and on."""

    clip: Path
    port: int = field(default_factory=free_port)
    login: tuple[str, str] | None = None
    _process: subprocess.Popen[str] | None = None

    @property
    def address(self) -> str:
        """Without the login."""
        return f"rtsp://127.0.0.1:{self.port}/live"

    def start(self) -> None:
        """Serves when this returns."""
        command = [SYSTEM_PYTHON, str(SERVER), str(self.clip), "--port", str(self.port)]
        if self.login is not None:
            command += ["--user", self.login[0], "--password", self.login[1]]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == str(self.port)

    def hang(self) -> None:
        """The connection stays, and nothing comes over it any more; until killed."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """As if the plug were pulled: no goodbye."""
        if self._process is not None:
            assert self._process.stdout is not None
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()
            self._process = None


def require_rtsp() -> None:
    """Skips where GStreamer's RTSP server is not installed."""
    probe = "import gi; gi.require_version('GstRtspServer', '1.0')"
    try:
        found = subprocess.run([SYSTEM_PYTHON, "-c", probe], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        found = False
    if not found:
        pytest.skip("GStreamer's RTSP server is not installed: scripts/system.sh test")


@contextlib.contextmanager
def rtsp_server(clip: Path, login: tuple[str, str] | None = None) -> Iterator[RtspServer]:
    """One that is on, and off at the end of the block."""
    require_rtsp()
    server = RtspServer(clip, login=login)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@contextlib.contextmanager
def http_server(body: Iterable[bytes] | bytes, kind: str) -> Iterator[str]:
    """The address of a stream that sends `body`, part by part, then holds the connection and says nothing."""
    done = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                for part in [body] if isinstance(body, bytes) else body:
                    self.wfile.write(part)
                while not done.wait(0.05) and not select.select([self.connection], [], [], 0)[0]:
                    pass  # readable means gone: a client has nothing more to say

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="http")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/live"
    finally:
        done.set()
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def closing(source: LiveSource) -> Iterator[Iterator[Frame]]:
    """The frames of a source that is closed at the end of the block."""
    frames = source.frames()
    try:
        yield frames
    finally:
        source.close()
        frames.close()  # type: ignore[attr-defined]  # it is a generator


def with_(settings: LiveSettings, **changes: float) -> LiveSettings:
    """The settings, but for these."""
    return settings.model_copy(update=changes)


def steps(frames: list[Frame]) -> list[float]:
    """Seconds from each frame to the next."""
    return [after.time - before.time for before, after in itertools.pairwise(frames)]
