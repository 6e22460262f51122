"""Brings a blocking source into the event loop: one thread reads, a bounded queue holds, losses are counted.

A live source drops its oldest frame when the engine is slower than the camera, so that what is judged is
what happens now; any other source waits.
"""

from __future__ import annotations

import asyncio
import collections
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

Item = TypeVar("Item")


class Feed(Generic[Item]):
    """An async iterator over what a blocking iterator gives.

        async with Feed(source.frames(), source.close, live=True, limit=4) as frames:
            async for frame in frames: ...

    An exception of the iterator is raised from the async iteration, after what came before it. Leaving the
    block stops the thread.

    Args:
        items: iterated by a thread of this feed only, and closed by it.
        stop: ends an iteration that blocks; called from another thread.
        live: drop the oldest item instead of waiting when `limit` are waiting.
        limit: how many items may wait.
        lost: told of each item that is dropped, in the thread that reads; must not block.
    """

    def __init__(
        self,
        items: Iterator[Item],
        stop: Callable[[], None],
        *,
        live: bool,
        limit: int,
        lost: Callable[[Item], None] | None = None,
    ) -> None:
        self._items = items
        self._stop = stop
        self._live = live
        self._limit = limit
        self._lost = lost
        self._waiting: collections.deque[Item] = collections.deque()
        self._changed = threading.Condition()
        self._stopped = False
        self._finished = False
        self._failure: BaseException | None = None
        self._ready = asyncio.Event()
        self.dropped = 0
        """Items lost because the engine was slower than a live source."""

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._read, name="feed", daemon=True)
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._stop()
        await asyncio.shield(self._loop.run_in_executor(None, self._thread.join))

    async def __aiter__(self) -> AsyncIterator[Item]:
        while True:
            with self._changed:
                self._ready.clear()
                item = self._waiting.popleft() if self._waiting else None
                if item is not None:
                    self._changed.notify_all()
                elif self._finished:
                    if self._failure is not None:
                        raise self._failure
                    return
            if item is None:
                await self._ready.wait()
            else:
                yield item

    @property
    def waiting(self) -> int:
        """Items read and not yet taken."""
        return len(self._waiting)

    def _read(self) -> None:
        failure: BaseException | None = None
        try:
            for item in self._items:
                if not self._put(item):
                    break
        except BaseException as error:  # noqa: BLE001 - carried over to whoever iterates
            failure = error
        finally:
            close = getattr(self._items, "close", None)
            if close is not None:
                close()
            with self._changed:
                self._finished, self._failure = True, failure
            self._wake()

    def _put(self, item: Item) -> bool:
        """Queue an item; False once the feed is stopped."""
        with self._changed:
            while len(self._waiting) >= self._limit and not self._stopped:
                if self._live:
                    oldest = self._waiting.popleft()
                    self.dropped += 1
                    if self._lost is not None:
                        self._lost(oldest)
                else:
                    self._changed.wait()
            if self._stopped:
                return False
            self._waiting.append(item)
        self._wake()
        return True

    def _wake(self) -> None:
        # The loop may be closed already if the process is going down; then nobody listens.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ready.set)
