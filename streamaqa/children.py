"""A camera's process as its supervisor sees it: the socket to it, its log lines, its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import structlog
from pydantic import SecretStr

from streamaqa.camera import LINE_BYTES
from streamaqa.config import Config

log = structlog.get_logger(__name__)

LAST_WORDS = 20
"""Lines of a camera's standard error that are kept to explain its death."""


class Child:
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
    async def start(cls, name: str) -> AsyncIterator[Child]:
        """Start the process; it is gone when the block is left."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # nothing is imported from the folder we happen to be in
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

    async def reports(self) -> AsyncIterator[tuple[Any, Any]]:
        """What it says, kind and value, until it closes the socket."""
        with contextlib.suppress(ConnectionError):
            while line := await self._line(self._reader):
                with contextlib.suppress(ValueError):  # half a line of a process that was killed
                    for kind, value in json.loads(line).items():
                        yield kind, value

    async def _listen(self) -> None:
        """Its log lines, into ours."""
        assert self.process.stderr is not None
        while line := await self._line(self.process.stderr):
            words = line.decode(errors="replace").rstrip()
            self.last_words.append(words)
            log.warning(words, camera=self.name)

    async def _line(self, reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readline()
        except ValueError:  # longer than the reader's limit, which then drops what it holds
            log.warning("a line that is too long was dropped", camera=self.name)
            return b"...\n"


def plain(config: Config) -> dict[str, Any]:
    """The configuration as JSON data, secrets readable: only for a socket that nobody else can read."""
    dumped: dict[str, Any] = json.loads(json.dumps(config.model_dump(), default=_reveal))
    return dumped


def _reveal(value: object) -> object:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"no JSON for {type(value).__name__}")
