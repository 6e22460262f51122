"""Shards given out to processes. Each has one at a time, and none outlives the process that started it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

import cv2

from finetune.synthesize.recipe import Recipe
from finetune.synthesize.shards import Drawer, Shard


def drawn(out: Path, recipe: Recipe, shards: Sequence[Shard], workers: int) -> Iterator[Shard]:
    """Draw shards and yield each when it is whole, in whatever order; one worker is the calling process."""
    if min(workers, len(shards)) <= 1:
        drawer = Drawer(out, recipe)
        for shard in shards:
            drawer.draw(shard)
            yield shard
        return
    waiting = list(reversed(shards))
    busy: dict[Connection, Shard] = {}
    with ExitStack() as started:
        for _ in range(min(workers, len(shards))):
            worker = started.enter_context(_Worker(out, recipe))
            busy[worker.connection] = _give(worker.connection, waiting.pop())
        while busy:
            for connection in wait(list(busy)):
                assert isinstance(connection, Connection)
                shard = busy.pop(connection)
                _check(connection, shard)
                if waiting:
                    busy[connection] = _give(connection, waiting.pop())
                yield shard


class _Worker:
    """A process and our end of the pipe to it."""

    def __init__(self, out: Path, recipe: Recipe) -> None:
        # Spawned: a forked child would hold every pipe of its elders open, and share OpenCV's threads.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process: SpawnProcess = context.Process(target=_work, args=(theirs, out, recipe), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        self._process.terminate()
        self._process.join()
        self._process.close()


def _give(connection: Connection, shard: Shard) -> Shard:
    """Send a worker its next shard. Should it have died just now, its answer will say so."""
    with suppress(ConnectionError):
        connection.send(shard)
    return shard


def _check(connection: Connection, shard: Shard) -> None:
    """Take a worker's answer; raise what went wrong there."""
    try:
        problem = connection.recv()
    except (EOFError, ConnectionError):
        raise RuntimeError(f"the worker that drew {shard.name} was ended from outside") from None
    if isinstance(problem, OSError):
        raise problem
    if problem is not None:
        raise RuntimeError(f"{shard.name} could not be drawn:\n{problem}")


def _work(orders: Connection, out: Path, recipe: Recipe) -> None:
    """The worker's process: shards until the pipe closes."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Ctrl-C reaches the whole terminal: the parent stops, and takes its workers along.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    drawer = Drawer(out, recipe)
    while True:
        try:
            shard = orders.recv()
        except EOFError:
            return
        problem: str | OSError | None = None
        try:
            drawer.draw(shard)
        except OSError as error:
            problem = OSError(error.errno, error.strerror, error.filename)
        except Exception:  # noqa: BLE001 - whatever it is, the parent tells it
            problem = traceback.format_exc()
        orders.send(problem)


def _end_with_parent() -> None:
    """Go at once when the parent is gone, however it went: a killed run leaves nobody who still writes."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
