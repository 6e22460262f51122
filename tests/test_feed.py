"""The bridge from a blocking source into the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from streamaqa.feed import Feed


def _no_stop() -> None:
    pass


async def test_a_file_waits_and_loses_nothing() -> None:
    async with Feed(iter(range(200)), _no_stop, live=False, limit=2) as feed:
        got = [item async for item in feed]
    assert got == list(range(200))
    assert feed.dropped == 0


async def test_a_live_source_drops_its_oldest_and_counts_them() -> None:
    all_read = threading.Event()

    def camera() -> Iterator[int]:
        yield from range(100)
        all_read.set()

    async with Feed(camera(), _no_stop, live=True, limit=3) as feed:
        await asyncio.to_thread(all_read.wait, 5)
        got = [item async for item in feed]
    assert got == [97, 98, 99]
    assert feed.dropped == 97


async def test_an_error_of_the_source_comes_after_what_came_before_it() -> None:
    def broken() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("cable pulled")

    got = []
    async with Feed(broken(), _no_stop, live=False, limit=4) as feed:
        with pytest.raises(OSError, match="cable pulled"):
            async for item in feed:
                got.append(item)
    assert got == [1, 2]


async def test_leaving_early_stops_a_source_that_blocks() -> None:
    stop = threading.Event()
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            yield 0
            while not stop.wait(0.01):
                pass
        finally:
            closed.set()

    async with asyncio.timeout(2), Feed(endless(), stop.set, live=True, limit=1) as feed:
        async for _ in feed:
            break
    assert closed.is_set()
    assert not any(thread.name == "feed" for thread in threading.enumerate())
