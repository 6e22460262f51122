"""`streamaqa replay`: a recording through the engine, in this process and without a broker."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from streamaqa.config import CameraSettings, Config
from streamaqa.delivery.events import EventsFile
from streamaqa.delivery.listen import describe
from streamaqa.delivery.outlet import Outlet
from streamaqa.delivery.topics import Envelope, Sink, Topics
from streamaqa.engine import build
from streamaqa.pipeline import Pipeline
from streamaqa.pose.model_file import Progress as Told
from streamaqa.sources import PoseSource, Source, open_source
from streamaqa.sources.pacing import paced
from streamaqa.terminal import Board

TICK_S = 0.1
"""Between updates of the progress bar."""


async def replay(
    path: Path,
    config: Config,
    camera: CameraSettings,
    console: Console,
    *,
    speed: float | None,
    events: Path | None = None,
    progress: Told | None = None,
) -> None:
    """Run a recording to its end under a live table; Ctrl-C ends it early and says what is under way.

    Args:
        path: a video or a pose track.
        config: as for a live run; its broker is not used.
        camera: names the topics and gives hints.
        console: where to show it; without a terminal, a line for each repetition.
        speed: pace as a multiple of real time; None for as fast as this machine can.
        events: a file for every message, one JSON line each.
        progress: told how a download of the pose model goes.

    Raises:
        UsageError: the recording cannot be opened, or was cut off; what came before it has been said.
    """
    source = await asyncio.to_thread(open_source, path)
    board = Board(path.name)
    sinks: list[Sink] = [board] if console.is_terminal else [board, _Lines(console)]
    with contextlib.ExitStack() as stack:
        if events is not None:
            sinks.append(stack.enter_context(EventsFile(events)))
        outlet = Outlet(Topics(config.site, camera.name), sinks)
        begun = time.monotonic()
        pipeline = await build(config, camera, _at_pace(source, speed), outlet.say, progress=progress)
        try:
            await _run(pipeline, source, board, console)
        finally:
            _sum_up(board, pipeline, time.monotonic() - begun, console)


async def _run(pipeline: Pipeline, source: Source | PoseSource, board: Board, console: Console) -> None:
    with contextlib.ExitStack() as stack:
        stack.enter_context(stopping_on_signals(pipeline.stop))
        if not console.is_terminal:
            await pipeline.run()
            return
        bar = Progress(
            TextColumn("{task.completed} frames"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
        )
        task = bar.add_task("frames", total=source.info.frames)
        stack.enter_context(Live(Group(board, bar), console=console, refresh_per_second=8, transient=True))

        async def tick() -> None:
            while True:
                bar.update(task, completed=pipeline.counters.frames)
                await asyncio.sleep(TICK_S)

        async with asyncio.TaskGroup() as tasks:
            ticking = tasks.create_task(tick(), name="progress")
            try:
                await pipeline.run()
            finally:
                ticking.cancel()


def _at_pace(source: Source | PoseSource, speed: float | None) -> Source | PoseSource:
    return source if speed is None else paced(source, speed=speed)


def _sum_up(board: Board, pipeline: Pipeline, seconds: float, console: Console) -> None:
    counters = pipeline.counters
    if console.is_terminal and board.reps:
        console.print(board.table())
    if board.sets:
        console.print(board.summary())
    reps = f"{board.reps} rep{'' if board.reps == 1 else 's'}"
    nobody = f", nobody in view in {counters.nobody}" if counters.nobody else ""
    rate = counters.frames / seconds
    console.print(
        f"{reps} in {counters.frames} frames{nobody}; {seconds:.1f} s, {rate:.0f} frames a second",
        highlight=False,
    )


class _Lines:
    """Prints a readable line for each repetition: a sink for where there is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def send(self, envelope: Envelope) -> None:
        """Print what there is to say of a message."""
        print_line(envelope, self._console)


def print_line(envelope: Envelope, console: Console) -> None:
    """Print a message as `streamaqa listen` does, if it has anything to say."""
    line = describe(envelope.topic, envelope.payload)
    if line is not None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextlib.contextmanager
def stopping_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and SIGTERM call `stop` once; a second Ctrl-C interrupts as usual."""
    loop = asyncio.get_running_loop()

    def once(number: signal.Signals) -> None:
        loop.remove_signal_handler(number)
        stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, once, number)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
