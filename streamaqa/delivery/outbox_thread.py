"""The outbox in a thread of its own, so that the event loop never waits for a disk."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from streamaqa.delivery.outbox import IN_MEMORY, Entry, Outbox, Resent
from streamaqa.delivery.settings import OutboxSettings
from streamaqa.delivery.topics import Envelope
from streamaqa.errors import DeliveryError

log = logging.getLogger(__name__)

T = TypeVar("T")


class OutboxThread:
    """An outbox in a thread of its own. Use as `async with`.

    A disk that fails in mid-stream costs durability, not messages: the outbox goes on in memory, with a
    warning, from the number it had reached.
    """

    def __init__(self, path: Path | str, settings: OutboxSettings | None = None) -> None:
        self._path = path
        self._settings = settings or OutboxSettings()
        self._thread: ThreadPoolExecutor | None = None
        self._box: Outbox | None = None
        self._newest = 0

    async def __aenter__(self) -> OutboxThread:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        try:
            await self._call(self._open)
        except BaseException:
            self._thread.shutdown(wait=False)
            self._thread = None
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._call(self._close)
        finally:
            # what was handed to the thread is still done, this close included, should we be cancelled here
            if self._thread is not None:
                self._thread.shutdown(wait=False)
                self._thread = None

    async def append(self, envelope: Envelope) -> Entry:
        """See `Outbox.append`."""
        entry = await self._try(lambda box: box.append(envelope))
        self._newest = entry.seq
        return entry

    async def pending(self, limit: int) -> list[Entry]:
        """See `Outbox.pending`."""
        return await self._try(lambda box: box.pending(limit))

    async def acknowledge(self, seqs: Sequence[int]) -> None:
        """See `Outbox.acknowledge`."""
        await self._try(lambda box: box.acknowledge(seqs))

    async def resend(self, from_seq: int, to_seq: int) -> Resent:
        """See `Outbox.resend`."""
        return await self._try(lambda box: box.resend(from_seq, to_seq))

    async def counts(self) -> dict[str, int]:
        """`waiting`, `dropped` and `newest`, for `stats`."""
        return await self._try(
            lambda box: {"waiting": box.waiting(), "dropped": box.dropped(), "newest": box.newest()}
        )

    async def _try(self, work: Callable[[Outbox], T]) -> T:
        return await self._call(partial(self._guarded, work))

    async def _call(self, work: Callable[[], T]) -> T:
        if self._thread is None:
            raise DeliveryError("the outbox is closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _open(self) -> None:
        self._box = Outbox(self._path, self._settings)
        self._newest = self._box.newest()

    def _close(self) -> None:
        if self._box is not None:
            self._box.close()

    def _guarded(self, work: Callable[[Outbox], T]) -> T:
        assert self._box is not None, "opened before the first call"
        try:
            return work(self._box)
        except sqlite3.Error as error:
            log.error("outbox %s fails (%s): going on in memory until the next start", self._path, error)
            self._box = _salvage(self._box, self._newest)
            return work(self._box)


def _salvage(broken: Outbox, newest: int) -> Outbox:
    """An outbox in memory that goes on where `broken` stopped, with its pending messages if readable."""
    try:
        left = broken.pending(broken.settings.keep_messages)
    except sqlite3.Error:
        left = []
    broken.close()
    box = Outbox(IN_MEMORY, broken.settings, first_seq=left[0].seq if left else newest + 1)
    for entry in left:
        box.number_from(entry.seq)
        box.append(entry.envelope)
    if newest >= box.newest():
        box.number_from(newest + 1)
    return box
