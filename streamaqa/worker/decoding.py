"""From JPEG to pixels, in threads, while the model runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog

from streamaqa.errors import WindowError
from streamaqa.windows import Box
from streamaqa.worker.engine import Engine
from streamaqa.worker.line import Job, Line, Ticket
from streamaqa.worker.refused import RefusedError
from streamaqa.worker.settings import WorkerSettings
from streamaqa.worker.work import Work, work_of

log = structlog.get_logger(__name__)

AT_ONCE = 2
"""Windows that are decoded at once: one keeps all threads busy, the next fills the gap at its end."""
WEIGHT = 0.1
"""Of the newest window in the mean time of decoding."""


class Decoding:
    """Decodes what waits in a line, those first that run first, and not much more than will run soon.

    Args:
        settings: threads, and how many windows may lie about decoded.
        done: told that a window of the line can run.
        failed: told the requests whose pictures cannot be shown.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        done: Callable[[], None],
        failed: Callable[[Job, RefusedError], None],
    ) -> None:
        self.threads = ThreadPoolExecutor(settings.decode_threads, thread_name_prefix="decode")
        self._settings, self._done, self._failed = settings, done, failed
        self._under_way = 0

    def more(self, line: Line, engine: Engine, tasks: asyncio.TaskGroup) -> None:
        """Begin with what runs next, while threads and memory are free."""
        waiting = [(ticket, work_of(ticket)) for ticket in line.waiting()]
        ahead = sum(1 for _, work in waiting if work.decode is not None)
        for ticket, work in waiting:
            if self._under_way >= AT_ONCE or ahead >= self._settings.decode_ahead:
                return
            if work.decode is None:
                now = asyncio.get_running_loop().time()
                work.decode = now, now
                self._under_way += 1
                ahead += 1
                tasks.create_task(self._one(line, engine, tasks, ticket, work), name="decode")

    async def _one(
        self, line: Line, engine: Engine, tasks: asyncio.TaskGroup, ticket: Ticket, work: Work
    ) -> None:
        assert work.decode is not None, "begun"
        try:
            work.window, seconds = await self._decoded(engine, work)
            work.decode = work.decode[0], asyncio.get_running_loop().time()
            work.frames = ()
            ticket.decoded = True
            each = seconds / ticket.frames / self._settings.decode_threads
            line.decode_s = line.decode_s + WEIGHT * (each - line.decode_s) if line.decode_s else each
        except WindowError as error:
            self._failed(ticket.job, RefusedError("invalid", f"window {work.number}: {error}"))
        except Exception as error:  # whatever a decoder raises costs its request alone
            log.error("decoding failed", error=f"{type(error).__name__}: {error}", exc_info=error)
            self._failed(ticket.job, RefusedError("internal", "the pictures cannot be decoded"))
        finally:
            self._under_way -= 1
        self.more(line, engine, tasks)
        self._done()

    async def _decoded(self, engine: Engine, work: Work) -> tuple[Any, float]:
        """A window as the engine takes it, and the thread time that it took."""
        loop = asyncio.get_running_loop()
        each = -(-len(work.frames) // self._settings.decode_threads)
        runs = [work.frames[at : at + each] for at in range(0, len(work.frames), each)]
        parts = await asyncio.gather(
            *(loop.run_in_executor(self.threads, _part, engine, run, work.asked.crop) for run in runs),
            return_exceptions=True,  # all threads are done with it when the first error is told
        )
        for part in parts:
            if isinstance(part, BaseException):
                raise part
        whole = [part for part in parts if not isinstance(part, BaseException)]
        contents = [content for content, _ in whole]
        window = await loop.run_in_executor(self.threads, engine.window, work.asked, contents)
        return window, sum(seconds for _, seconds in whole)


def _part(engine: Engine, frames: Sequence[bytes], box: Box | None) -> tuple[Any, float]:
    start = time.perf_counter()
    return engine.part(frames, box), time.perf_counter() - start
