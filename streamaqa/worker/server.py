"""The worker as a process: listens at once, loads behind `/ready`, drains on SIGTERM.

uvicorn has two holes that are filled here: it waits for ever for a request's head, and on SIGTERM it turns
new clients away at the socket, where they cannot be told that the worker is stopping.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any

import h11
import structlog
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from streamaqa.errors import UsageError
from streamaqa.worker.app import build
from streamaqa.worker.service import Load, Service
from streamaqa.worker.settings import WorkerSettings

log = structlog.get_logger(__name__)

_HEAD_BYTES = 16 * 2**10
"""Of a request's head; h11 counts what is not yet a whole event."""
_KEEP_ALIVE_S = 75
"""A lifter rests for a minute between sets: the next repetition finds its connection open."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that clients can connect to from now on. UsageError for an address that cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only where the protocol is named: else each answer waits 40 ms
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    listening.listen(128)
    return listening


async def serve(
    settings: WorkerSettings,
    load: Load,
    *,
    announce: Callable[[str], None] | None = None,
    until_stdin_closes: bool = False,
    signals: bool = True,
) -> None:
    """Serve until a signal comes, standard input closes where it is watched, or this is cancelled.

    `announce` is told the address as soon as clients can connect; `/ready` says when the model is loaded.
    Signals can be taken in the main thread only.
    """
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns of each body that is broken
    listening = listen(settings.host, settings.port)
    try:
        bound = settings.model_copy(update={"port": listening.getsockname()[1]})
        service = Service(bound, load)
        async with service.running():
            server = _Server(_config(service))
            with _told_to_stop(server, signals=signals, until_stdin_closes=until_stdin_closes):
                if announce is not None:
                    announce(bound.url)
                await server.run_until_drained(listening, service)
    finally:
        listening.close()


def _config(service: Service) -> uvicorn.Config:
    limits = service.settings.limits

    class Protocol(_ImpatientProtocol):
        head_s = limits.head_s

    return uvicorn.Config(
        build(service),
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=limits.connections,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=1,  # all answers are given by then: see `run_until_drained`
        h11_max_incomplete_event_size=_HEAD_BYTES,
    )


class _ImpatientProtocol(H11Protocol):
    """Hangs up on a client that does not finish a request's head in time."""

    head_s: float

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._timer = self.loop.call_later(self.head_s, self._hang_up)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        waits = self.conn.their_state is h11.IDLE and self.conn.trailing_data[0] != b""
        if not waits:
            self._stop()
        elif self._timer is None:  # the next request's head has begun
            self._timer = self.loop.call_later(self.head_s, self._hang_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _hang_up(self) -> None:
        self._timer = None
        self.transport.close()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Server(uvicorn.Server):
    """Keeps answering while the service drains."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stop = asyncio.Event()
        """Set when the worker is to drain and end; set again, it ends at once."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are ours."""
        yield

    async def run_until_drained(self, listening: socket.socket, service: Service) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.serve(sockets=[listening]), name="http")
            await self.stop.wait()
            waiting = len(service.line) + service.line.running
            log.warning("draining", windows=waiting)
            try:
                async with asyncio.timeout(service.settings.drain_s):
                    await service.drain()
            except TimeoutError:
                log.warning("not drained in time", windows=len(service.line) + service.line.running)
            self.should_exit = True

    def ask_to_stop(self) -> None:
        """Drain first; asked twice, end now."""
        if self.stop.is_set():
            self.should_exit = self.force_exit = True
        self.stop.set()


@contextlib.contextmanager
def _told_to_stop(server: _Server, *, signals: bool, until_stdin_closes: bool) -> Iterator[None]:
    """Drain on SIGTERM and SIGINT, and at the end of standard input where that is watched."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            loop.remove_reader(sys.stdin.fileno())
            server.ask_to_stop()

    numbers = (signal.SIGTERM, signal.SIGINT) if signals else ()
    for number in numbers:
        loop.add_signal_handler(number, server.ask_to_stop)
    if until_stdin_closes:
        loop.add_reader(sys.stdin.fileno(), read)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
        if until_stdin_closes:
            loop.remove_reader(sys.stdin.fileno())
