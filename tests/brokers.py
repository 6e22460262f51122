"""A real Mosquitto on a loopback port of its own, to be killed and restarted at will."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from streamaqa.delivery.listen import listen
from streamaqa.delivery.settings import MqttSettings

START_S = 10.0
"""Mosquitto starts in milliseconds; a busy machine may take longer."""


class Mosquitto:
    """One broker process. It keeps nothing on disk, so a restart forgets retained messages too."""

    def __init__(
        self,
        folder: Path,
        *,
        users: dict[str, str] | None = None,
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        self.port = free_port()
        self._folder = folder
        self._config = folder / "mosquitto.conf"
        self._process: subprocess.Popen[bytes] | None = None
        lines = [f"listener {self.port} 127.0.0.1", "persistence false", "user root"]
        if users is None:
            lines.append("allow_anonymous true")
        else:
            passwords = folder / "passwords"
            passwords.touch(mode=0o600)
            for user, password in users.items():
                subprocess.run(["mosquitto_passwd", "-b", str(passwords), user, password], check=True)
            lines += ["allow_anonymous false", f"password_file {passwords}"]
        if certificate is not None:
            lines += [f"certfile {certificate[0]}", f"keyfile {certificate[1]}"]
        self._config.write_text("\n".join(lines) + "\n")

    @property
    def settings(self) -> MqttSettings:
        """How to reach it; reconnects quickly."""
        return MqttSettings(host="127.0.0.1", port=self.port, backoff_s=0.05, backoff_max_s=0.2)

    def start(self) -> None:
        """Start, and wait until it listens."""
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program("mosquitto"), "-c", str(self._config)], stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.01)
        pytest.fail(f"mosquitto does not start: {(self._folder / 'mosquitto.log').read_text()}")

    def freeze(self) -> None:
        """Takes calls and bytes, answers nothing."""
        assert self._process is not None, "it runs"
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """As a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Heard:
    """What a subscriber has received so far."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self.subscriptions = 0
        """How often the subscriber has subscribed: once, and again after each restart of the broker."""
        self._arrived = asyncio.Event()

    def add(self, topic: str, payload: bytes) -> None:
        """Take note of one message."""
        self.messages.append((topic, payload))
        self._arrived.set()

    def on(self, topic: str) -> list[bytes]:
        """The payloads of one topic, in order of arrival."""
        return [payload for where, payload in self.messages if where == topic]

    def subscribed(self) -> None:
        """Take note of a subscription."""
        self.subscriptions += 1
        self._arrived.set()

    async def until_subscribed(self, times: int, timeout_s: float = 10.0) -> None:
        """Wait until the subscriber has subscribed so often."""
        async with asyncio.timeout(timeout_s):
            while self.subscriptions < times:
                self._arrived.clear()
                await self._arrived.wait()

    async def until(self, topic: str, count: int = 1, timeout_s: float = 10.0) -> list[bytes]:
        """Wait for so many messages on `topic`."""
        async with asyncio.timeout(timeout_s):
            while len(self.on(topic)) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return self.on(topic)

    async def until_payload(self, topic: str, payload: bytes, timeout_s: float = 10.0) -> None:
        """Wait until `payload` is the newest on `topic`."""
        async with asyncio.timeout(timeout_s):
            while self.on(topic)[-1:] != [payload]:
                self._arrived.clear()
                await self._arrived.wait()


@asynccontextmanager
async def subscribed(settings: MqttSettings, topic_filter: str = "streamaqa/#") -> AsyncIterator[Heard]:
    """A subscriber that is there before the body runs, and stays through broker restarts."""
    heard = Heard()

    async def hear() -> None:
        async for topic, payload in listen(settings, topic_filter, on_subscribed=heard.subscribed):
            heard.add(topic, payload)

    listening = asyncio.create_task(hear())
    try:
        await heard.until_subscribed(1)
        yield heard
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


def program(name: str) -> str:
    """Where a program is; fails the test with advice if it is not installed."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.fail(f"{name} is not installed: `make test` installs it, or: apt-get install mosquitto")
    return found


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running broker that takes anybody."""
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def locked_mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running broker that knows only user `gym` with password `iron`."""
    broker = Mosquitto(tmp_path, users={"gym": "iron"})
    broker.start()
    yield broker
    broker.kill()
