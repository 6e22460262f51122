"""Starts a process for each camera, watches it, starts it again when it dies, and passes on what it says.

A camera that dies takes no other with it. One whose trouble the user has to mend (no such file, a broker that
refuses) is not started again; nor is one that dies more than `DEATHS_A_MINUTE` times within a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import structlog
from pydantic import SecretStr

from streamaqa.camera import LINE_BYTES
from streamaqa.config import Config

log = structlog.get_logger(__name__)

STOP_S = 0.7
"""How long a camera may take to say goodbye before it is killed: all is over within a second."""
DEATHS_A_MINUTE = 3
BACKOFF_S = 0.5
"""Wait before the first restart; doubles with each death within a minute."""
LAST_WORDS = 20
"""Lines of a camera's standard error that are kept to explain its death."""

ReportKind: TypeAlias = Literal["running", "message", "failed", "finished", "died"]


@dataclass(frozen=True, slots=True)
class Report:
    """What a camera's process says, or what is said of it."""

    camera: str
    kind: ReportKind
    value: Any
    """`running`: source and rate; `message`: topic and payload; `failed`, `died`: why; `finished`: counts."""


class Supervisor:
    """Runs every camera of a configuration until each has ended or `stop` is called.

    Args:
        config: with the broker that the cameras are to use.
        tell: called with each report, in order; must not block.
        speed: pace of sources that are not live, as a multiple of real time.
    """

    def __init__(self, config: Config, tell: Callable[[Report], None], *, speed: float = 1.0) -> None:
        self._config = config
        self._tell = tell
        self._speed = speed
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Until every camera has ended."""
        async with asyncio.TaskGroup() as tasks:
            for index, camera in enumerate(self._config.cameras):
                tasks.create_task(self._keep(index), name=f"camera {camera.name}")

    def stop(self) -> None:
        """End every camera; `run` returns within a second."""
        self._stop.set()

    async def _keep(self, index: int) -> None:
        """Start one camera, and again when it dies."""
        name = self._config.cameras[index].name
        loop = asyncio.get_running_loop()
        deaths: deque[float] = deque(maxlen=DEATHS_A_MINUTE + 1)
        while not self._stop.is_set():
            why = await self._run_once(index)
            if why is None:
                return
            deaths.append(loop.time())
            recent = sum(loop.time() - death < 60 for death in deaths)
            self._tell(Report(name, "died", why))
            if recent > DEATHS_A_MINUTE:
                self._tell(Report(name, "failed", f"died {recent} times within a minute; last: {why}"))
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BACKOFF_S * 2 ** (recent - 1)):
                    await self._stop.wait()

    async def _run_once(self, index: int) -> str | None:
        """One life of a camera's process; why it died, or None if it ended as it should."""
        async with _Child.start(self._config.cameras[index].name) as child:
            child.say({"start": {"config": plain(self._config), "camera": index, "speed": self._speed}})
            ended = False
            async with asyncio.TaskGroup() as tasks:
                stopper = tasks.create_task(self._stop_child(child), name="stop")
                async for kind, value in child.reports():
                    self._tell(Report(child.name, kind, value))
                    ended = ended or kind in ("failed", "finished")
                code = await child.process.wait()
                stopper.cancel()
        if ended or self._stop.is_set():
            return None
        return f"exit code {code}" + (f": {child.last_words[-1]}" if child.last_words else "")

    async def _stop_child(self, child: _Child) -> None:
        await self._stop.wait()
        child.say({"stop": True})
        await asyncio.sleep(STOP_S)
        child.kill()


class _Child:
    """A camera's process and the socket to it."""

    def __init__(
        self,
        name: str,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.name = name
        self.process = process
        self.last_words: deque[str] = deque(maxlen=LAST_WORDS)
        self._reader = reader
        self._writer = writer

    @classmethod
    @contextlib.asynccontextmanager
    async def start(cls, name: str) -> AsyncIterator[_Child]:
        """Start the process; it is gone when the block is left."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "streamaqa.camera",
                str(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,  # Ctrl-C in the terminal is for the supervisor alone
            )
        reader, writer = await asyncio.open_unix_connection(sock=ours, limit=LINE_BYTES)
        child = cls(name, process, reader, writer)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(child._listen(), name=f"log {name}")
                try:
                    yield child
                finally:
                    child.kill()
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            await process.wait()

    def say(self, order: dict[str, Any]) -> None:
        """Send one line; a process that is gone hears nothing."""
        if not self._writer.is_closing():
            self._writer.write(json.dumps(order).encode() + b"\n")

    def kill(self) -> None:
        """End it at once, if it is still there."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    async def reports(self) -> AsyncIterator[tuple[ReportKind, Any]]:
        """What it says, until it closes the socket."""
        with contextlib.suppress(ConnectionError):
            while line := await self._reader.readline():
                with contextlib.suppress(ValueError):  # half a line of a process that was killed
                    for kind, value in json.loads(line).items():
                        yield kind, value

    async def _listen(self) -> None:
        """Its log lines, into ours."""
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            words = line.decode(errors="replace").rstrip()
            self.last_words.append(words)
            log.warning(words, camera=self.name)


def plain(config: Config) -> dict[str, Any]:
    """The configuration as JSON data, secrets readable: only for a socket that nobody else can read."""
    dumped: dict[str, Any] = json.loads(json.dumps(config.model_dump(), default=_reveal))
    return dumped


def _reveal(value: object) -> object:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"no JSON for {type(value).__name__}")
