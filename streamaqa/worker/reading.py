"""A batch through its engine's thread, and what may go wrong there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import structlog

from streamaqa.assessment.merge import WindowReading
from streamaqa.errors import StreamaqaError
from streamaqa.worker.engine import DeviceMemoryError, Engine
from streamaqa.worker.line import Line
from streamaqa.worker.metrics import Metrics
from streamaqa.worker.refused import RefusedError

log = structlog.get_logger(__name__)

Outcome: TypeAlias = WindowReading | StreamaqaError

FAILURES = 3
"""Batches that fail one after the other for no reason of their own before the worker gives up: a GPU that has
met an error answers nothing until its process is new."""


class EngineFailedError(StreamaqaError):
    """The model fails again and again: the process must be started anew."""


class Reading:
    """One engine, in a thread of its own."""

    def __init__(self, engine: Engine, line: Line, metrics: Metrics) -> None:
        self.engine = engine
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._line, self._metrics = line, metrics
        self._failures = 0

    async def read(
        self, windows: Sequence[Any], adapter: str | None, frames: int
    ) -> tuple[list[Outcome], float | None]:
        """Each window's outcome, and the seconds of the batch if it ran as one.

        A batch that does not fit into the device's memory is halved until it does. EngineFailedError when the
        model has failed too often.
        """
        self._metrics.batch.observe(len(windows))
        start = time.perf_counter()
        try:
            outcomes = await asyncio.get_running_loop().run_in_executor(
                self.thread, self.engine.read, windows, adapter
            )
            self._failures = 0
        except DeviceMemoryError as error:
            self._metrics.memory.inc()
            self._line.out_of_memory(frames, len(windows))
            log.warning("out of device memory", windows=len(windows), frames=frames)
            return await self._halves(windows, adapter, frames, error), None
        except Exception as error:  # noqa: BLE001  whatever a model's libraries raise costs its batch alone
            self._count_failure(error)
            return [RefusedError("internal", "the model failed") for _ in windows], None
        finally:
            self._metrics.busy.labels(self.engine.device).inc(time.perf_counter() - start)
        return outcomes, time.perf_counter() - start

    async def _halves(
        self, windows: Sequence[Any], adapter: str | None, frames: int, error: StreamaqaError
    ) -> list[Outcome]:
        if len(windows) == 1:
            return [RefusedError("memory", str(error), retry_after_s=5.0)]
        middle = len(windows) // 2
        outcomes: list[Outcome] = []
        for half in (windows[:middle], windows[middle:]):
            read, seconds = await self.read(half, adapter, frames)
            if seconds is not None:
                self._line.fitted(frames, len(half))
            outcomes += read
        return outcomes

    def _count_failure(self, error: Exception) -> None:
        self._failures += 1
        log.error("the model failed", error=f"{type(error).__name__}: {error}", exc_info=error)
        if self._failures >= FAILURES:
            raise EngineFailedError(f"the model failed {FAILURES} times in a row: {error}") from error
