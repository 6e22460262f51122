"""From `send` to a subscriber's hands: through the outbox on disk, a real broker on loopback, and back.

Messages go out one at a time at the pace of a busy gym many times over, then a backlog that gathered while
the broker was away; with the outbox as it is (SQLite synchronous NORMAL) and durable (FULL).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

import numpy as np
from rich.table import Table

from streamaqa.delivery.listen import listen
from streamaqa.delivery.outbox_thread import OutboxThread
from streamaqa.delivery.publisher import Publisher
from streamaqa.delivery.settings import MqttSettings, OutboxSettings
from streamaqa.delivery.topics import Envelope, Topics
from streamaqa.errors import UsageError

TOPICS: Final = Topics("bench", "delivery")
EVERY_S: Final = 0.005
"""Seconds between messages: 200 a second, where one lifter makes one."""
START_S: Final = 10.0
"""Mosquitto starts in milliseconds; a busy machine may take longer."""
WAIT_S: Final = 120.0
"""For everything to arrive, or it counts as lost."""


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One way to keep the outbox. Latencies in milliseconds from `send` to the subscriber's loop."""

    durable: bool
    """SQLite synchronous FULL, else NORMAL."""
    p50_ms: float
    p99_ms: float
    worst_ms: float
    drained_per_s: float
    """Messages a second out of a backlog, from the connection to the last acknowledgement."""
    lost: int
    """Sent and never received."""
    disordered: int
    """Received for the first time after one with a higher `seq`."""


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """Both ways, one after the other, against the same broker."""

    broker: str
    messages: int
    """Paced."""
    backlog: int
    payload_bytes: int
    rows: tuple[DeliveryRow, ...]


def measure(
    broker: MqttSettings | None = None, *, messages: int = 2000, backlog: int = 2000
) -> DeliveryResult:
    """Measure against `broker`, or a Mosquitto of our own that is started for it and ended after.

    UsageError if there is none to start, BrokerError if `broker` cannot be reached.
    """
    with contextlib.ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        settings = broker or stack.enter_context(_mosquitto(Path(folder)))
        rows = tuple(
            asyncio.run(_measure(settings, Path(folder) / f"outbox-{durable}", messages, backlog, durable))
            for durable in (False, True)
        )
    return DeliveryResult(settings.where, messages, backlog, len(_payload(0)), rows)


def table(result: DeliveryResult) -> Table:
    """For the terminal."""
    title = (
        f"{result.messages} messages of {result.payload_bytes} bytes, one each {EVERY_S * 1000:.0f} ms, then "
        f"a backlog of {result.backlog}, by way of {result.broker}"
    )
    shown = Table("", title=title, title_justify="left")
    for row in result.rows:
        shown.add_column("FULL (durable: true)" if row.durable else "synchronous NORMAL", justify="right")
    shown.add_row("median, ms", *(f"{row.p50_ms:.1f}" for row in result.rows))
    shown.add_row("99th percentile, ms", *(f"{row.p99_ms:.1f}" for row in result.rows))
    shown.add_row("worst, ms", *(f"{row.worst_ms:.1f}" for row in result.rows))
    shown.add_row("backlog, messages a second", *(f"{row.drained_per_s:.0f}" for row in result.rows))
    shown.add_row("lost", *(str(row.lost) for row in result.rows))
    shown.add_row("out of order", *(str(row.disordered) for row in result.rows))
    return shown


class _Heard:
    """What the subscriber got: when each message came, and whether in order."""

    def __init__(self) -> None:
        self.at: dict[int, float] = {}
        self.disordered = 0
        self._newest = 0
        self._news = asyncio.Event()

    def add(self, payload: bytes) -> None:
        now = time.perf_counter()
        fields = json.loads(payload)
        if fields["rep"] in self.at:
            return  # QoS 1: at least once
        self.at[fields["rep"]] = now
        self.disordered += fields["seq"] < self._newest
        self._newest = max(self._newest, fields["seq"])
        self._news.set()

    async def until(self, count: int) -> None:
        """Wait for so many messages, `WAIT_S` at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAIT_S):
                while len(self.at) < count:
                    self._news.clear()
                    await self._news.wait()


async def _measure(
    broker: MqttSettings, outbox: Path, messages: int, backlog: int, durable: bool
) -> DeliveryRow:
    kept = OutboxSettings(durable=durable)
    async with _subscribed(broker) as heard:
        sent = await _paced(broker, outbox, kept, messages)
        await heard.until(messages)
        drained_s = await _drained(broker, outbox, kept, messages, backlog)
        await heard.until(messages + backlog)
    late = [1000 * (heard.at[number] - at) for number, at in enumerate(sent) if number in heard.at]
    p50, p99, worst = np.percentile(late, (50, 99, 100)) if late else (float("nan"),) * 3
    return DeliveryRow(
        durable=durable,
        p50_ms=float(p50),
        p99_ms=float(p99),
        worst_ms=float(worst),
        drained_per_s=backlog / drained_s,
        lost=messages + backlog - len(heard.at),
        disordered=heard.disordered,
    )


async def _paced(broker: MqttSettings, outbox: Path, kept: OutboxSettings, messages: int) -> list[float]:
    """Send one message each `EVERY_S`; when each was sent."""
    sent: list[float] = []
    async with OutboxThread(outbox, kept) as box, asyncio.TaskGroup() as tasks:
        publisher = Publisher(broker, TOPICS, box)
        tasks.create_task(publisher.run(), name="publisher")
        await publisher.connected.wait()
        begun = time.perf_counter()
        for number in range(messages):
            await asyncio.sleep(max(0.0, begun + number * EVERY_S - time.perf_counter()))
            sent.append(time.perf_counter())
            await publisher.send(Envelope(TOPICS.rep, _payload(number)))
        await publisher.flush(WAIT_S)
        await publisher.close()
    return sent


async def _drained(
    broker: MqttSettings, outbox: Path, kept: OutboxSettings, first: int, backlog: int
) -> float:
    """Let a backlog gather without a connection, then connect; seconds until all is acknowledged."""
    async with OutboxThread(outbox, kept) as box, asyncio.TaskGroup() as tasks:
        publisher = Publisher(broker, TOPICS, box)
        for number in range(first, first + backlog):
            await publisher.send(Envelope(TOPICS.rep, _payload(number)))
        tasks.create_task(publisher.run(), name="publisher")
        await publisher.connected.wait()
        begun = time.perf_counter()
        await publisher.flush(WAIT_S)
        seconds = time.perf_counter() - begun
        await publisher.close()
    return seconds


@contextlib.asynccontextmanager
async def _subscribed(broker: MqttSettings) -> AsyncIterator[_Heard]:
    """A subscriber on a connection of its own, from the moment that it hears everything."""
    heard, ready = _Heard(), asyncio.Event()

    async def follow() -> None:
        async with contextlib.aclosing(listen(broker, TOPICS.rep, on_subscribed=ready.set)) as messages:
            async for _, payload in messages:
                heard.add(payload)

    following = asyncio.create_task(follow(), name="subscriber")
    waiting = asyncio.create_task(ready.wait(), name="until subscribed")
    try:
        await asyncio.wait((following, waiting), return_when=asyncio.FIRST_COMPLETED)
        if following.done():
            following.result()  # why there is no broker
        yield heard
    finally:
        for task in (following, waiting):
            task.cancel()
        await asyncio.gather(following, waiting, return_exceptions=True)


def _payload(number: int) -> bytes:
    """The shipped example of a `rep` message, told apart by its repetition's number."""
    example = json.loads(files("streamaqa.delivery.schema").joinpath("examples", "rep.json").read_bytes())
    return json.dumps({**example, "id": f"bench-{number}", "rep": number}, separators=(",", ":")).encode()


@contextlib.contextmanager
def _mosquitto(folder: Path) -> Iterator[MqttSettings]:
    """A broker on a free port of 127.0.0.1, without memory."""
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if program is None:
        raise UsageError("no mosquitto on this machine: install it, or name a broker with --broker")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    with (folder / "mosquitto.log").open("wb") as log:
        process = subprocess.Popen([program, "-c", str(config)], stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_for(port, process)
        yield MqttSettings(host="127.0.0.1", port=port)
    finally:
        process.terminate()
        process.wait(START_S)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise UsageError("mosquitto does not start here: name a broker with --broker")
