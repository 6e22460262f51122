"""One camera's process: `python -m streamaqa.camera FD`, started by the supervisor and by nothing else.

It owns its source, pose model, segmenter, MQTT client and outbox, and dies alone. With the supervisor it
talks JSON lines over the socket FD; when that closes, the supervisor is gone and this process ends too.

    down   {"start": {"config": {...}, "camera": "rack", "speed": 1.0}}   once
           {"pause": true}, {"resume": true}, {"stop": true}
    up     {"alive": {"at": 12.3, "waiting": 1, "judging": 0, "counts": {...}}}
                                                                 every second: last pose, frames and
                                                                 repetitions that wait, counters
           {"running": {"source": "...", "fps": 30.0}}
           {"message": {"topic": "...", "payload": ...}}             everything it publishes
           {"failed": "one line"}                                    the user has to do something; no restart
           {"finished": {"reps": 5, ...}}                            the source has ended
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import sys
import time
from datetime import UTC, datetime
from typing import Any

import psutil

from streamaqa import logs
from streamaqa.assessment.base import Remote
from streamaqa.config import CameraSettings, Config
from streamaqa.delivery.builders import stats_message
from streamaqa.delivery.commands import PauseCommand, ResumeCommand
from streamaqa.delivery.events import as_json
from streamaqa.delivery.outbox_thread import OutboxThread
from streamaqa.delivery.outlet import Outlet
from streamaqa.delivery.publisher import Publisher
from streamaqa.delivery.topics import Envelope, Topics
from streamaqa.engine import assessor_for, build, estimator_for, new_session
from streamaqa.errors import UsageError, first
from streamaqa.pipeline import Pipeline
from streamaqa.recording import Recorder
from streamaqa.sessions import recording, sinks_of
from streamaqa.sources import open_source
from streamaqa.sources.pacing import paced

LINE_BYTES = 1 << 20
"""The longest line on the socket: a configuration, or a set's summary, is far smaller."""
UNREAD_BYTES = 1 << 20
"""What may wait for the supervisor: some thousand messages."""
ALIVE_S = 1.0
"""Between signs of life."""
STATS_S = 60.0
"""Between `stats` messages."""
DELIVER_S = 5.0
"""How long the last messages may take to reach the broker when the source has ended; the outbox keeps
them."""


class Link:
    """The socket to the supervisor. As a `Sink` it passes on what is published."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.unread = 0
        """Messages that the supervisor did not get."""

    @classmethod
    async def open(cls, fd: int) -> Link:
        """Over an inherited socket, which it then owns."""
        return cls(*await asyncio.open_unix_connection(sock=socket.socket(fileno=fd), limit=LINE_BYTES))

    def tell(self, what: str, value: Any) -> None:
        """Send one line; a supervisor that is gone hears nothing, and `order` says so."""
        self._writer.write(json.dumps({what: value}).encode() + b"\n")

    async def send(self, envelope: Envelope) -> None:
        """Pass on a message, unless the supervisor has stopped reading: a camera waits for nobody."""
        if self._writer.transport.get_write_buffer_size() < UNREAD_BYTES:
            self.tell("message", as_json(envelope))
        else:
            self.unread += 1

    async def order(self) -> dict[str, Any] | None:
        """The next line from the supervisor, or None once it is gone."""
        try:
            line = await self._reader.readline()
        except (ConnectionError, ValueError):
            return None
        order: dict[str, Any] | None = json.loads(line) if line else None
        return order

    async def close(self) -> None:
        """Close the socket."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


async def serve(fd: int) -> int:
    """Run one camera to its end; the exit code."""
    link = await Link.open(fd)
    try:
        opening = await link.order()
        if opening is None:
            return 1
        start = opening["start"]
        config = Config.model_validate(start["config"])
        camera = next(camera for camera in config.cameras if camera.name == start["camera"])
        try:
            counters = await _run(config, camera, float(start["speed"]), link)
        except* UsageError as errors:
            link.tell("failed", str(first(errors)))
            code = 2
        else:
            link.tell("finished", counters)
            code = 0
        return code
    finally:
        await link.close()


async def _run(config: Config, camera: CameraSettings, speed: float, link: Link) -> dict[str, int]:
    """Until the source ends or the supervisor says stop."""
    topics = Topics(config.site, camera.name)
    box = config.outbox.folder / f"{config.site}-{camera.name}.sqlite"
    async with OutboxThread(box, config.outbox) as outbox, contextlib.AsyncExitStack() as stack:
        source = await asyncio.to_thread(open_source, camera.address(), config.live)
        estimator = await estimator_for(config, source)
        if estimator is not None:
            stack.callback(estimator.close)
        assessor = await assessor_for(config, source)
        if isinstance(assessor, Remote):
            stack.push_async_callback(assessor.close)
        session = new_session(config, camera)
        recorder = await stack.enter_async_context(recording(config, camera, session, source))
        publisher = Publisher(config.mqtt, topics, outbox, also=[link, *sinks_of(recorder)])
        pipeline = await build(
            config,
            camera,
            paced(source, speed=speed),
            Outlet(topics, [publisher], config.feedback.cue_expires_s).say,
            session=session,
            estimator=estimator,
            assessor=assessor,
            recorder=recorder,
        )
        publisher.on_command = pipeline.command
        link.tell("running", {"source": source.info.name, "fps": source.info.fps})
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(publisher.run(), name="publish")
            obey = tasks.create_task(_until_stopped(link, pipeline), name="obey")
            stats = tasks.create_task(_tell_stats(pipeline, publisher, outbox, recorder), name="stats")
            alive = tasks.create_task(_tell_alive(pipeline, link), name="alive")
            failure = await _end_of(pipeline)
            await stack.aclose()  # the recording is complete before the broker has everything
            in_hurry = obey.done()
            obey.cancel()
            stats.cancel()
            alive.cancel()
            if not in_hurry:
                await publisher.flush(DELIVER_S)
            await publisher.close()
    if failure is not None:
        raise failure
    return pipeline.counts


async def _end_of(pipeline: Pipeline) -> UsageError | None:
    """Run the pipeline; what ended it early is returned, so that what came before is delivered first."""
    try:
        await pipeline.run()
    except UsageError as error:
        return error
    return None


async def _tell_stats(
    pipeline: Pipeline, publisher: Publisher, outbox: OutboxThread, recorder: Recorder | None
) -> None:
    """Counters for whoever watches the watchers."""
    begun = time.monotonic()
    while True:
        await asyncio.sleep(STATS_S)
        counters = pipeline.counts | publisher.counts | await outbox.counts()
        gauges = {"outbox_waiting": float(counters.pop("waiting")), "memory_mib": _memory_mib()}
        if recorder is not None:
            gauges["recording"] = float(recorder.stopped is None)
        uptime = time.monotonic() - begun
        message = stats_message(pipeline.session, datetime.now(UTC), uptime, counters, gauges)
        await publisher.send(publisher.topics.envelope(message))


async def _tell_alive(pipeline: Pipeline, link: Link) -> None:
    """For the watchdog: a loop that is blocked says nothing, a pose model that is stuck makes no progress."""
    while True:
        alive = {"at": pipeline.at, "waiting": pipeline.waiting, "judging": pipeline.judging}
        link.tell("alive", alive | {"counts": pipeline.counts})
        await asyncio.sleep(ALIVE_S)


def _memory_mib() -> float:
    return float(psutil.Process().memory_info().rss) / 2**20


async def _until_stopped(link: Link, pipeline: Pipeline) -> None:
    """Obey the supervisor until it says stop, or is gone."""
    while (order := await link.order()) is not None and "stop" not in order:
        if "pause" in order:
            await pipeline.command(PauseCommand())
        elif "resume" in order:
            await pipeline.command(ResumeCommand())
    pipeline.stop()


def main() -> int:
    """Entry point of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's; it says stop
    logs.quiet_native()
    logs.configure()
    return asyncio.run(serve(int(sys.argv[1])))


if __name__ == "__main__":
    sys.exit(main())
