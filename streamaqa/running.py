"""`streamaqa run`: broker, supervisor and live table together."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Iterator

from rich.console import Console
from rich.live import Live

from streamaqa.config import BrokerSettings, Config
from streamaqa.delivery.broker import EmbeddedBroker
from streamaqa.delivery.connection import check_broker
from streamaqa.delivery.topics import Envelope
from streamaqa.errors import UsageError
from streamaqa.replaying import print_line, stopping_on_signals
from streamaqa.supervisor import Report, Supervisor
from streamaqa.terminal import Board


async def run(config: Config, console: Console, *, speed: float = 1.0) -> int:
    """Run every camera of `config` until each has ended or Ctrl-C; the exit code.

    Raises:
        BrokerError: the broker refuses or cannot be reached.
    """
    if not config.cameras:
        raise UsageError("no camera: name a source, or put cameras into the configuration file")
    board = Board("Repetitions")
    async with with_broker(config, console) as config:
        failures = await supervise(config, console, board, speed=speed)
    if board.sets:
        console.print(board.summary())
    return tell_failures(failures, console)


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


async def supervise(config: Config, console: Console, board: Board, *, speed: float = 1.0) -> list[Report]:
    """Run every camera under a live table, or under plain lines where there is no terminal.

    Returns what the user has to mend, if anything.
    """
    failures: list[Report] = []

    def tell(report: Report) -> None:
        match report.kind:
            case "message":
                topic, payload = report.value["topic"], report.value["payload"]
                board.take(topic, payload)
                if not console.is_terminal:
                    text = payload if isinstance(payload, str) else json.dumps(payload)
                    print_line(Envelope(topic, text.encode()), console)
            case "failed":
                failures.append(report)
            case "died":
                board.note(f"{report.camera} died and is started again: {report.value}")

    supervisor = Supervisor(config, tell, speed=speed)
    with stopping_on_signals(supervisor.stop), shown(board, console):
        await supervisor.run()
    return failures


@contextlib.contextmanager
def shown(board: Board, console: Console) -> Iterator[None]:
    """The board, live, where there is a terminal to show it on."""
    if not console.is_terminal:
        yield
        return
    with Live(board, console=console, refresh_per_second=8):
        yield


def tell_failures(failures: list[Report], console: Console) -> int:
    """Say what the user has to mend; the exit code."""
    for failure in failures:
        console.print(f"streamaqa: {failure.camera}: {failure.value}", style="red", markup=False)
    return 2 if failures else 0
