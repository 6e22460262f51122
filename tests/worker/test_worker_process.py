"""`streamaqa worker` as a process of its own, over a real socket."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from pydantic import ValidationError
from workers import picture, refused, request, window

from streamaqa.assessment.wire import ASSESS, Answer, AssessRequest, Ready, encode
from streamaqa.errors import UsageError
from streamaqa.worker.server import listen
from streamaqa.worker.settings import WorkerSettings, read_token

TOKEN = "open-sesame"


@contextlib.contextmanager
def started(*arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its address; killed in the end."""
    command = [sys.executable, "-m", "streamaqa", "worker", "--port", "0", *arguments]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )
    with process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def wait_until_ready(url: str) -> Ready:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        response = httpx2.get(f"{url}/ready")
        if response.status_code == 200:
            return Ready.model_validate_json(response.content)
        assert response.status_code == 503
        time.sleep(0.05)
    pytest.fail("never ready")


def post(url: str, asked: AssessRequest, token: str | None = TOKEN) -> httpx2.Response:
    kind, body = encode(asked, [picture()] * asked.frames)
    headers = {"content-type": kind} | ({"authorization": f"Bearer {token}"} if token else {})
    return httpx2.post(url + ASSESS, content=body, headers=headers, timeout=30)


def whole(deadline_ms: float = 20_000.0) -> AssessRequest:
    return request(window(phase=None), deadline_ms=deadline_ms)


def test_a_worker_answers_refuses_and_drains_on_sigterm() -> None:
    with started("--service-time", "0.4", STREAMAQA_WORKER__TOKEN=TOKEN) as (process, url):
        assert httpx2.get(f"{url}/live").status_code == 200
        ready = wait_until_ready(url)
        assert ready.model is not None
        assert ready.model.untrained
        assert post(url, whole()).status_code == 200
        wrong = post(url, whole(), token="sesame")
        assert (wrong.status_code, refused(wrong).reason) == (401, "token")
        assert post(url, whole(), token=None).status_code == 401
        late = post(url, whole(deadline_ms=100))
        assert (late.status_code, refused(late).reason) == (429, "late")

        answers: list[int] = []
        asking = [
            threading.Thread(target=lambda: answers.append(post(url, whole()).status_code)) for _ in range(3)
        ]
        for thread in asking:
            thread.start()
        while 'windows"} 2' not in httpx2.get(f"{url}/metrics").text:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        while (response := httpx2.get(f"{url}/ready")).status_code == 200:
            time.sleep(0.01)
        assert response.json()["state"] == "draining"
        new = post(url, whole())
        assert (new.status_code, refused(new).reason) == (503, "draining")
        assert "retry-after" in new.headers
        for thread in asking:
            thread.join()
        assert answers == [200] * 3, "what was let in is answered"
        assert process.wait(20) == 0
        assert process.stderr is not None
        said = process.stderr.read()
    assert "Traceback" not in said
    assert TOKEN not in said


def test_the_tiny_model_answers_windows_of_any_length_and_ends_with_its_parent() -> None:
    pytest.importorskip("torch", reason="the model needs torch: pip install -e '.[worker]'")
    with started("--weights", "tiny", "--unit", "phase", "--until-stdin-closes") as (process, url):
        ready = wait_until_ready(url)
        assert ready.contract is not None
        assert ready.contract.plan.unit == "phase"
        windows = [window(1, frames=count, hint={"squat": -0.1}) for count in (1, 4, 32)]
        response = post(url, request(*windows, deadline_ms=60_000))
        told = Answer.model_validate_json(response.content)
        for each in told.windows:
            assert each.reading is not None
            reading = each.reading.unpacked()
            assert all(
                0 <= error <= 1 for name in reading.exercises for error in reading.errors(name).values()
            )
        assert 0 < told.reps[0].exercises["squat"] < 1
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(20) == 0


def test_what_the_user_has_to_mend_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    def said(*arguments: str) -> str:
        command = [sys.executable, "-m", "streamaqa", "worker", "--port", "0", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 2, done.stderr
        lines = done.stderr.strip().splitlines()
        assert len(lines) == 1, lines
        return lines[0]

    assert "give a token" in said("--host", "0.0.0.0")
    assert "no token can be read there" in said("--token-file", str(tmp_path / "missing"))
    assert "no such folder" in said("--weights", str(tmp_path / "nothing"))


def test_only_loopback_is_open_without_a_token(tmp_path: Path) -> None:
    for host in ("127.0.0.1", "localhost", "::1"):
        WorkerSettings(host=host)
    for host in ("0.0.0.0", "::", "192.168.0.4", "gpu.local"):
        with pytest.raises(ValidationError, match="give a token"):
            WorkerSettings(host=host)
    file = tmp_path / "token"
    file.write_text("  open-sesame\n")
    token = read_token(file, {})
    assert token is not None
    settings = WorkerSettings(host="0.0.0.0", token=token)
    assert "sesame" not in repr(settings)
    file.write_text("\n")
    with pytest.raises(UsageError, match="empty"):
        read_token(file, {})
    with pytest.raises(ValidationError, match="printable") as caught:
        WorkerSettings(token="open sesame")
    assert "sesame" not in str(caught.value)


def test_an_address_that_is_taken_is_one_clear_error() -> None:
    with contextlib.closing(listen("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}"):
            listen("127.0.0.1", port)


# --- slow clients --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def impatient() -> Iterator[tuple[str, int]]:
    """A worker that waits for a body and for a head half a second, in a loop of this process."""
    import asyncio

    from workers import FakeEngine

    from streamaqa.worker.server import serve

    settings = WorkerSettings.model_validate(
        {"port": 0, "limits": {"head_s": 0.5, "body_s": 0.5, "body_bytes": 2**20}}
    )
    announced: list[str] = []
    up = threading.Event()
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []

    def announce(url: str) -> None:
        announced.append(url)
        up.set()

    async def main() -> None:
        serving = asyncio.create_task(
            serve(settings, lambda: [FakeEngine()], announce=announce, signals=False)
        )
        running.append((asyncio.get_running_loop(), serving))
        await asyncio.wait([serving])

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert up.wait(20)
    wait_until_ready(announced[0])
    yield "127.0.0.1", int(announced[0].rpartition(":")[2])
    loop, serving = running[0]
    loop.call_soon_threadsafe(serving.cancel)
    thread.join(20)
    assert not thread.is_alive()


def talk(address: tuple[str, int], *pieces: bytes) -> bytes:
    """What a client hears that sends this and then keeps quiet."""
    with socket.create_connection(address, timeout=20) as client:
        for piece in pieces:
            client.sendall(piece)
        heard = b""
        while piece := client.recv(65536):
            heard += piece
        return heard


HEAD = b"POST /v1/assess HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"


def test_a_body_that_does_not_come_is_timed_out(impatient: tuple[str, int]) -> None:
    heard = talk(impatient, HEAD + b"Content-Length: 1000\r\n\r\n--x\r\n")
    assert heard.startswith(b"HTTP/1.1 408")
    assert b'"reason":"timeout"' in heard


def test_a_head_that_does_not_end_is_hung_up_on(impatient: tuple[str, int]) -> None:
    assert talk(impatient, b"POST /v1/assess HTTP/1.1\r\nHost:") == b""
    assert talk(impatient) == b""


def test_a_second_head_that_does_not_end_is_hung_up_on(impatient: tuple[str, int]) -> None:
    with socket.create_connection(impatient, timeout=20) as client:
        client.sendall(b"GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        heard = b""
        while b"live\n" not in heard:
            heard += client.recv(65536)
        client.sendall(b"GET /li")
        assert client.recv(65536) == b""


def test_a_giant_body_is_refused_from_its_head(impatient: tuple[str, int]) -> None:
    heard = talk(impatient, HEAD + b"Content-Length: 99999999999\r\n\r\n")
    assert heard.startswith(b"HTTP/1.1 413")


def test_a_giant_head_is_refused(impatient: tuple[str, int]) -> None:
    heard = talk(impatient, b"GET /live HTTP/1.1\r\nX: " + b"a" * 40_000 + b"\r\n\r\n")
    assert heard.startswith(b"HTTP/1.1 400")
