"""A worker in this process: engines that do as they are told, pictures, and clients without a network."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2
import numpy as np

from streamaqa.assessment.merge import WindowReading
from streamaqa.assessment.wire import ASSESS, Answer, AskedWindow, AssessRequest, Refusal, Served, encode
from streamaqa.errors import StreamaqaError
from streamaqa.exercises import OVERHEAD_PRESS, SQUAT
from streamaqa.llava.contract import Contract
from streamaqa.windows import Box, WindowPlan, decode
from streamaqa.windows import encode as to_jpeg
from streamaqa.worker.app import build
from streamaqa.worker.engine import Slept, uniform
from streamaqa.worker.service import Service
from streamaqa.worker.settings import WorkerSettings

T = TypeVar("T")
PHASES = WindowPlan(unit="phase", frames=8)


def picture(seed: int = 0, size: tuple[int, int] = (24, 16)) -> bytes:
    """A JPEG of that width and height."""
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return to_jpeg(noise)[0]


def window(unit: int = 1, frames: int = 2, phase: str | None = "lowering", **more: Any) -> AskedWindow:
    times = tuple(round(0.1 * number, 3) for number in range(frames))
    fields = {"unit": unit, "times": times, "duration": 0.1 * frames, "phase": phase}
    return AskedWindow.model_validate({**fields, **more})


def request(*windows: AskedWindow, deadline_ms: float = 5000.0, adapter: str | None = None) -> AssessRequest:
    return AssessRequest(windows=windows or (window(),), deadline_ms=deadline_ms, adapter=adapter)


class FakeEngine:
    """Answers at once, or when it is let; notes what it was asked."""

    device = "fake"

    def __init__(
        self,
        *,
        answer: Callable[[Sequence[Slept]], list[WindowReading | StreamaqaError]] | None = None,
        adapters: Sequence[str] = (),
    ) -> None:
        self.contract = Contract.of(PHASES)
        self.vocabulary = (SQUAT, OVERHEAD_PRESS)
        self.model = Served(name="fake", version="1", calibrated=False, untrained=True)
        self.adapters: Mapping[str, Served] = {
            name: Served(name=name, version="2", calibrated=False, untrained=False) for name in adapters
        }
        self.batches: list[tuple[int, str | None]] = []
        """Windows and adapter of each."""
        self.asked: list[list[int]] = []
        """The units of each."""
        self.decoding_threads: set[str] = set()
        self.gate = threading.Event()
        """The model waits for it."""
        self.gate.set()
        self.entered = threading.Event()
        self._answer = answer

    def part(self, frames: Sequence[bytes], box: Box | None) -> int:
        self.decoding_threads.add(threading.current_thread().name)
        return sum(1 for frame in frames if decode(frame).size)

    def window(self, asked: AskedWindow, parts: Sequence[int]) -> Slept:
        return Slept(asked, sum(parts))

    def read(self, windows: Sequence[Slept], adapter: str | None) -> list[WindowReading | StreamaqaError]:
        self.entered.set()
        self.gate.wait(20)
        self.batches.append((len(windows), adapter))
        self.asked.append([each.asked.unit for each in windows])
        if self._answer is not None:
            return self._answer(windows)
        return [uniform(each.asked, self.vocabulary) for each in windows]

    def rehearsals(self, most: int) -> Sequence[tuple[int, int]]:
        return [(8, 1)]


@dataclass
class Worker:
    """A service that runs, and who asks it."""

    service: Service
    client: httpx2.AsyncClient

    async def post(
        self,
        asked: AssessRequest,
        frames: Sequence[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        jpegs = [picture()] * asked.frames if frames is None else frames
        kind, body = encode(asked, jpegs)
        return await self.client.post(ASSESS, content=body, headers={"content-type": kind, **(headers or {})})

    async def ask(self, asked: AssessRequest) -> Answer:
        response = await self.post(asked)
        assert response.status_code == 200, response.text
        return Answer.model_validate_json(response.content)

    async def ready(self) -> None:
        await until(lambda: self.service.state != "loading")


@contextlib.asynccontextmanager
async def worker(engine: Any = None, *more: Any, **settings: Any) -> AsyncIterator[Worker]:
    """A ready worker over an in-process transport."""
    engines = [engine or FakeEngine(), *more]
    service = Service(WorkerSettings.model_validate(settings), lambda: engines)
    async with service.running():
        transport = httpx2.ASGITransport(app=build(service))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8040") as client:
            running = Worker(service, client)
            await running.ready()
            yield running


def refused(response: httpx2.Response) -> Refusal:
    """The body of an answer that is none; it must be one line."""
    told = Refusal.model_validate_json(response.content)
    assert told.error
    assert "\n" not in told.error
    assert len(told.error) <= 300
    return told


async def until(condition: Callable[[], object]) -> None:
    """Wait for other tasks and threads."""
    while not condition():  # noqa: ASYNC110  what is waited for tells nobody
        await asyncio.sleep(0.001)


class Background:
    """A loop in a thread of its own, for tests that hypothesis drives."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)


@contextlib.contextmanager
def background(**settings: Any) -> Iterator[tuple[Background, Worker]]:
    """A worker that runs in a thread of its own."""
    started: list[tuple[Background, Worker, asyncio.Event]] = []
    up = threading.Event()

    async def main() -> None:
        async with worker(**settings) as running:
            stop = asyncio.Event()
            started.append((Background(asyncio.get_running_loop()), running, stop))
            up.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(main()), name="loop")
    thread.start()
    try:
        assert up.wait(20)
        yield started[0][:2]
    finally:
        if started:
            started[0][0].loop.call_soon_threadsafe(started[0][2].set)
        thread.join(20)
