"""A thread behind a bounded queue: work that must not hold up the engine."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")

_BATCH = 256
"""Items handed over at once where that many wait: fewer and larger writes."""


class Lane(Generic[Item]):
    """Hands items to `work`, in order, in a thread of its own.

    Args:
        name: of the thread.
        limit: how many items may wait.
        work: takes what waits, at least one item. What it raises goes to `failed`, and the lane then takes
            items only to throw them away.
        finish: called in the thread after the last item.
        failed: told in the thread of what `work` or `finish` raised: an `Exception`, once.
    """

    def __init__(
        self,
        name: str,
        limit: int,
        work: Callable[[Sequence[Item]], None],
        finish: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._queue: queue.Queue[Item | None] = queue.Queue(limit)
        self._work, self._finish, self._failed = work, finish, failed
        self._limit = limit
        self._over = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def offer(self, item: Item) -> bool:
        """Take an item if there is room; does not block."""
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            return False
        return True

    def put(self, item: Item) -> None:
        """Take an item, after waiting for room if need be."""
        self._queue.put(item)

    @property
    def waiting(self) -> int:
        """Items taken and not yet handed over."""
        return self._queue.qsize()

    @property
    def crowded(self) -> bool:
        """Whether more than half of the room is taken."""
        return self._queue.qsize() * 2 > self._limit

    def stop(self) -> None:
        """Throw away what waits and what still comes."""
        self._over = True

    def close(self) -> None:
        """Wait until all is done; more than once does no harm."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _run(self) -> None:
        try:
            while batch := self._batch():
                if not self._over:
                    self._work(batch)
            if not self._over:
                self._finish()
        except Exception as error:  # noqa: BLE001 - whoever made the lane decides; it must go on taking
            self._over = True
            self._failed(error)
            while self._batch():
                pass

    def _batch(self) -> list[Item]:
        """What waits, in order; empty once the lane is closed."""
        if self._last_seen:
            return []
        batch: list[Item] = []
        item = self._queue.get()
        while item is not None:
            batch.append(item)
            if len(batch) == _BATCH:
                return batch
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return batch
        self._last_seen = True
        return batch

    _last_seen = False
