"""`streamaqa run`: broker, supervisor and live table together."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.live import Live

from streamaqa.config import BrokerSettings, Config, load
from streamaqa.delivery.broker import EmbeddedBroker
from streamaqa.delivery.connection import check_broker
from streamaqa.delivery.topics import Envelope
from streamaqa.errors import ConfigError, UsageError
from streamaqa.metrics import EngineMetrics, served
from streamaqa.replaying import print_json_line, print_line, stopping_on_signals
from streamaqa.supervisor import Report, Supervisor
from streamaqa.terminal import Board
from streamaqa.worker_child import reached, with_worker

FOLLOW_S = 1.0
"""Between two looks at the configuration file."""


async def run(
    config: Config,
    console: Console,
    *,
    problems: Console,
    lines: Console | None = None,
    follow: Path | None = None,
    speed: float = 1.0,
) -> int:
    """Run every camera of `config` until each has ended or Ctrl-C; the exit code.

    Args:
        config: cameras and all that goes for them.
        console: where to show what happens.
        problems: where to say what the user has to mend.
        lines: gets each message as a JSON line.
        follow: the configuration file; cameras that are added to it, changed or taken out are started,
            started anew or ended while the others run.
        speed: pace of sources that are not live.

    Raises:
        BrokerError: the broker refuses or cannot be reached.
    """
    if not config.cameras:
        raise UsageError("no camera: name a source, or put cameras into the configuration file")
    board = Board("Repetitions")
    note = noter(board, console)
    async with with_broker(config, console) as config, with_worker(config, note, must=False) as worker:
        config = reached(config, worker)
        metrics = EngineMetrics(worker)
        with served(metrics, config.metrics, note):
            ended = await supervise(
                config, console, board, lines=lines, follow=follow, speed=speed, metrics=metrics
            )
    if board.sets:
        console.print(board.summary())
    return tell_failures(ended.failures, problems)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run came to its end."""

    failures: list[Report]
    """What the user has to mend, if anything."""
    stopped: bool
    """Whether it was stopped, by Ctrl-C or SIGTERM."""


@contextlib.asynccontextmanager
async def with_broker(config: Config, console: Console) -> AsyncIterator[Config]:
    """The configuration with a broker that is there: an embedded one, or the user's."""
    if not config.mqtt.embedded:
        await check_broker(config.mqtt)
        yield config
        return
    async with EmbeddedBroker(config.mqtt.port) as broker:
        console.print(
            f"MQTT broker on 127.0.0.1, port {broker.port}. The same in another terminal:\n"
            f"  mosquitto_sub -h 127.0.0.1 -p {broker.port} -v -t 'streamaqa/#'\n"
            f"  streamaqa listen --broker mqtt://127.0.0.1:{broker.port}",
            highlight=False,
            soft_wrap=True,
        )
        mqtt = BrokerSettings.model_validate({**broker.settings.model_dump(), "embedded": True})
        yield config.model_copy(update={"mqtt": mqtt})


def noter(board: Board, console: Console) -> Callable[[str], None]:
    """Says what happens beside the repetitions: under the table, or as a line where there is no terminal."""

    def note(text: str) -> None:
        board.note(text)
        if not console.is_terminal:
            console.print(text, markup=False, highlight=False, soft_wrap=True)

    return note


async def supervise(
    config: Config,
    console: Console,
    board: Board,
    *,
    lines: Console | None = None,
    follow: Path | None = None,
    speed: float = 1.0,
    metrics: EngineMetrics | None = None,
) -> Ended:
    """Run every camera under a live table, or under plain lines where there is no terminal.

    `lines` gets each message as a JSON line; `metrics` counts what happens.
    """
    failures: list[Report] = []
    note = noter(board, console)

    metrics = metrics or EngineMetrics()

    def tell(report: Report) -> None:
        count(report, metrics)
        match report.kind:
            case "message":
                topic, payload = report.value["topic"], report.value["payload"]
                board.take(topic, payload)
                if lines is not None:
                    print_json_line(report.value, lines)
                if not console.is_terminal:
                    text = payload if isinstance(payload, str) else json.dumps(payload)
                    print_line(Envelope(topic, text.encode()), console)
            case "failed":
                failures.append(report)
            case "died":
                note(f"{report.camera} died and is started again: {report.value}")

    supervisor = Supervisor(config, tell, speed=speed, alive=metrics.alive)
    with stopping_on_signals(supervisor.stop) as stopped, shown(board, console):
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(supervisor.run(), name="supervisor")
            if follow is not None:
                following = tasks.create_task(_follow(follow, config, supervisor, board), name="follow")
                running.add_done_callback(lambda _: following.cancel())
    return Ended(failures, stopped.is_set())


def count(report: Report, metrics: EngineMetrics) -> None:
    """What a report is for whoever watches the figures."""
    match report.kind:
        case "message":
            metrics.message(report.camera, report.value["topic"], report.value["payload"])
        case "died":
            metrics.died(report.camera)


async def _follow(path: Path, config: Config, supervisor: Supervisor, board: Board) -> None:
    """Bring the cameras that run in line with the file, whenever it changes."""
    known = {camera.name: camera for camera in config.cameras}
    written = _written(path)
    while True:
        await asyncio.sleep(FOLLOW_S)
        if written == (written := _written(path)):
            continue
        try:
            wanted = {camera.name: camera for camera in load(path, os.environ).cameras}
        except ConfigError as error:
            board.note(f"{str(error).splitlines()[0]}; the cameras stay as they are")
            continue
        for name, camera in known.items():
            if wanted.get(name) != camera and name in supervisor.cameras:
                await supervisor.remove(name)
        for name, camera in wanted.items():
            if known.get(name) != camera:
                supervisor.add(camera)
        known = wanted


def _written(path: Path) -> float | None:
    """When the file was last written; None while an editor is replacing it."""
    try:
        return path.stat().st_mtime
    except OSError:
        return None


@contextlib.contextmanager
def shown(board: Board, console: Console) -> Iterator[None]:
    """The board, live, where there is a terminal to show it on."""
    if not console.is_terminal:
        yield
        return
    with Live(board, console=console, refresh_per_second=8):
        yield


def tell_failures(failures: list[Report], problems: Console) -> int:
    """Say what the user has to mend; the exit code."""
    for failure in failures:
        line = f"streamaqa: {failure.camera}: {failure.value}"
        problems.print(line, style="red", markup=False, highlight=False, soft_wrap=True)
    return 2 if failures else 0
