"""`streamaqa replay`: a recording through the engine, in this process and without a broker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from streamaqa.assessment.base import Remote
from streamaqa.comparing import compare
from streamaqa.config import CameraSettings, Config
from streamaqa.delivery.events import EventsFile, as_json
from streamaqa.delivery.listen import describe
from streamaqa.delivery.outlet import Outlet
from streamaqa.delivery.topics import Envelope, Sink, Topics
from streamaqa.engine import assessor_for, build, estimator_for, new_session
from streamaqa.errors import DeliveryError, UsageError
from streamaqa.pipeline import Pipeline
from streamaqa.pose.model_file import Progress as Told
from streamaqa.sessions import Recorded, read_if_session, recording, sinks_of
from streamaqa.sources import PoseSource, Source, open_source
from streamaqa.sources.pacing import paced
from streamaqa.sources.recording import RecordedVideo
from streamaqa.sources.video import DEFAULT_FPS
from streamaqa.terminal import Board
from streamaqa.worker_child import reached, with_worker

Beginning: TypeAlias = Literal["poses", "video"]

_LEAVE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
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
    beginning: Beginning | None = None,
    check: bool = False,
    own_settings: bool = False,
    judge_anew: bool = False,
    lines: Console | None = None,
) -> int:
    """Run a recording to its end under a live table; Ctrl-C ends it early and says what is under way.

    Args:
        path: a video, a pose track, or the folder of a recorded session.
        config: as for a live run; its broker is not used.
        camera: names the topics and gives hints; a recorded session has its own, its exercise apart.
        console: where to show it; without a terminal, a line for each repetition.
        speed: pace as a multiple of real time; None for as fast as this machine can.
        events: a file for every message, one JSON line each.
        progress: told how a download of the pose model goes.
        beginning: where a recorded session starts again: `poses` or `video`. Poses if not given.
        check: compare the messages with the recorded ones and list what differs.
        own_settings: run with `config` as it is, not with the settings of the recorded session.
        judge_anew: ask the assessor of `config`, also where a recorded session holds another's answers.
        lines: gets each message as a JSON line.

    Returns:
        The exit code: 1 if `check` found a difference.

    Raises:
        UsageError: the recording cannot be opened, or was cut off; what came before it has been said.
    """
    _check_apart(events, path)
    recorded = await asyncio.to_thread(read_if_session, path)
    if recorded is None and check:
        raise UsageError(f"{path}: only a recorded session can be compared: a folder made by --record")
    source = await asyncio.to_thread(_open, path, beginning)
    if recorded is not None:
        camera = recorded.camera(camera.source, camera.exercise)
        wanted = config.assessor
        config = config if own_settings else recorded.config(config)
        config = config.model_copy(update={"assessor": wanted}) if judge_anew else config
        config = config.model_copy(update={"site": recorded.record.site})
    board, said = Board(path.name), Kept()
    sinks: list[Sink] = [board] if console.is_terminal else [board, _Lines(console)]
    if lines is not None:
        sinks.append(_JsonLines(lines))
    if check:
        sinks.append(said)
    async with contextlib.AsyncExitStack() as stack:
        if events is not None:
            sinks.append(stack.enter_context(EventsFile(events)))
        estimator = await estimator_for(config, source, progress)
        if estimator is not None:
            stack.callback(estimator.close)
        assessor = recorded.assessor(config) if recorded and not judge_anew else None
        if assessor is None:
            stack.callback(source.close)
            worker = await stack.enter_async_context(with_worker(config, _noter(console), must=True))
            assessor = await assessor_for(reached(config, worker), source, wait=True)
            if isinstance(assessor, Remote):
                stack.push_async_callback(assessor.close)
        session = (
            replace(recorded.session, news_s=config.feedback.news_s)
            if recorded
            else new_session(config, camera)
        )
        recorder = await stack.enter_async_context(recording(config, camera, session, source))
        outlet = Outlet(
            Topics(config.site, camera.name), [*sinks, *sinks_of(recorder)], config.feedback.cue_expires_s
        )
        pipeline = await build(
            config,
            camera,
            _at_pace(source, speed),
            outlet.say,
            session=session,
            estimator=estimator,
            assessor=assessor,
            recorder=recorder,
            script=recorded.script if recorded else (),
            seq=recorded.seq if recorded else 0,
            in_time=speed is not None,
        )
        begun = time.monotonic()
        try:
            await _run(pipeline, source, board, console)
        except DeliveryError as error:  # the file of messages cannot be written any more
            raise UsageError(str(error)) from None
        finally:
            _sum_up(board, pipeline, time.monotonic() - begun, console)
    if recorder is not None:
        console.print(f"recorded into {recorder.folder}", highlight=False, soft_wrap=True)
    if recorded is None or not check:
        return 0
    return _tell_differences(recorded, said.messages, source, console)


def _check_apart(events: Path | None, path: Path) -> None:
    """Messages must not be written over what is replayed."""
    if events is not None and events.exists() and path.exists() and events.samefile(path):
        raise UsageError(f"{events}: is what is replayed; name another file for the messages")


def _open(path: Path, beginning: Beginning | None) -> Source | PoseSource:
    """The source that a replay starts from."""
    if path.is_dir() and beginning == "video":
        return RecordedVideo(path)
    source = open_source(path)
    gives = "video" if isinstance(source, Source) else "poses"
    if beginning not in (None, gives):
        source.close()
        raise UsageError(f"{path}: holds {gives} only; leave out --from {beginning}")
    return source


def _tell_differences(
    recorded: Recorded, said: Sequence[dict[str, Any]], source: Source | PoseSource, console: Console
) -> int:
    frame_s = 1.0 / (source.info.fps or DEFAULT_FPS) if isinstance(source, Source) else None
    ended = recorded.record.ended
    found = compare(
        recorded.messages,
        said,
        frame_s=frame_s,
        live=recorded.unordered,
        complete=ended is not None and ended.reason is None,
    )
    if found.differences:
        console.print(found.table())
        if frame_s is not None and recorded.record.blurred:
            console.print("the pictures were blurred: without a face the pose model finds other poses")
    console.print(found.summary(), highlight=False)
    return 1 if found.differences else 0


def _noter(console: Console) -> Callable[[str], None]:
    """Prints what happens to the worker."""
    return lambda text: console.print(text, style="dim", markup=False, highlight=False, soft_wrap=True)


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


class Kept:
    """Keeps every message: a sink for what is to be compared."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        """Topic and payload of each, in order."""

    async def send(self, envelope: Envelope) -> None:
        """Keep a message."""
        self.messages.append(as_json(envelope))


class _Lines:
    """Prints a readable line for each repetition: a sink for where there is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def send(self, envelope: Envelope) -> None:
        """Print what there is to say of a message."""
        print_line(envelope, self._console)


class _JsonLines:
    """Prints each message as a JSON line: a sink for other programs."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def send(self, envelope: Envelope) -> None:
        """Print topic and payload."""
        print_json_line(as_json(envelope), self._console)


def print_json_line(message: object, console: Console) -> None:
    """Print topic and payload as one line of JSON."""
    console.print(json.dumps(message), markup=False, highlight=False, soft_wrap=True)


def print_line(envelope: Envelope, console: Console) -> None:
    """Print a message as `streamaqa listen` does, if it has anything to say."""
    line = describe(envelope.topic, envelope.payload)
    if line is not None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextlib.contextmanager
def stopping_on_signals(stop: Callable[[], None]) -> Iterator[asyncio.Event]:
    """Ctrl-C, SIGTERM and a terminal that is closed call `stop` once; a second Ctrl-C interrupts as usual.

    Gives an event that is set when that has happened.
    """
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def once(number: signal.Signals) -> None:
        if number == signal.SIGINT:
            loop.remove_signal_handler(number)
        if not stopped.is_set():
            stopped.set()
            stop()

    for number in _LEAVE:
        loop.add_signal_handler(number, once, number)
    try:
        yield stopped
    finally:
        for number in _LEAVE:
            loop.remove_signal_handler(number)
