"""Starts a process for each camera, watches it, starts it again when it dies, and passes on what it says.

A camera that dies takes no other with it. One that hangs is killed and started again: no sign of life for
`HANG_S`, or frames that wait while none is looked at. One whose trouble the user has to mend (no such file, a
broker that refuses) is not started again; nor is one that dies more than `DEATHS_A_MINUTE` times within a
minute. Cameras may be added, removed and paused while others run.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from aiomqtt import MqttError

from streamaqa.children import Child, plain
from streamaqa.config import CameraSettings, Config
from streamaqa.delivery.builders import state_message
from streamaqa.delivery.connection import connect
from streamaqa.delivery.publisher import OFFLINE, STOPPED
from streamaqa.delivery.topics import Envelope, Topics
from streamaqa.engine import new_session
from streamaqa.errors import StreamaqaError
from streamaqa.types import SegmenterStatus

STOP_S = 0.6
"""How long a camera may take to say goodbye before it is killed: all is over within a second."""
GOODBYE_S = 0.3
"""How long the supervisor may take to say goodbye for one that was killed."""
HANG_S = 10.0
"""A camera process says that it lives every second; a machine that swaps may hold it up for some."""
LOOK_S = 1.0
"""Between two looks at the clock."""
START_S = 60.0
"""Opening a stream and loading the pose model on a slow disk may take long."""
DEATHS_A_MINUTE = 3
BACKOFF_S = 0.5
"""Wait before the first restart; doubles with each death within a minute."""

ReportKind: TypeAlias = Literal["running", "message", "failed", "finished", "died"]
Alive: TypeAlias = Callable[[str, dict[str, Any]], None]
"""Takes a camera's name and its sign of life, see `camera`."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a camera's process says, or what is said of it."""

    camera: str
    kind: ReportKind
    value: Any
    """`running`: source and rate; `message`: topic and payload; `failed`, `died`: why; `finished`: counts."""


class Supervisor:
    """Runs every camera of a configuration until each has ended or `stop` is called.

    Args:
        config: with the broker that the cameras are to use.
        tell: called with each report, in order; must not block.
        speed: pace of sources that are not live, as a multiple of real time.
        alive: called with each camera's sign of life; must not block.
    """

    def __init__(
        self,
        config: Config,
        tell: Callable[[Report], None],
        *,
        speed: float = 1.0,
        alive: Alive | None = None,
    ) -> None:
        self._config = config
        self._tell, self._alive = tell, alive
        self._speed = speed
        self._cameras: dict[str, _Kept] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._stopping = False

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names of the cameras that are run."""
        return tuple(self._cameras)

    async def run(self) -> None:
        """Until every camera has ended."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for camera in self._config.cameras:
                if not self._stopping:
                    self.add(camera)
        self._tasks = None

    def stop(self) -> None:
        """End every camera; `run` returns within a second."""
        self._stopping = True
        for kept in self._cameras.values():
            kept.stop.set()

    def add(self, camera: CameraSettings) -> None:
        """Start a camera beside those that run. ValueError if one of that name does already."""
        if camera.name in self._cameras:
            raise ValueError(f"a camera named {camera.name!r} runs already")
        if self._tasks is None:
            raise ValueError("the supervisor does not run")
        kept = self._cameras[camera.name] = _Kept(camera, self._config, self._tell, self._alive, self._speed)
        task = self._tasks.create_task(kept.run(), name=f"camera {camera.name}")
        task.add_done_callback(lambda _: self._forget(camera.name))

    def _forget(self, name: str) -> None:
        self._cameras.pop(name).gone.set()

    async def remove(self, name: str) -> None:
        """End one camera, and wait until its process is gone. KeyError if there is none of that name."""
        kept = self._cameras[name]
        kept.stop.set()
        await kept.gone.wait()

    def pause(self, name: str) -> None:
        """Let one camera count and say nothing until `resume`. KeyError if there is none of that name."""
        self._cameras[name].pause(wanted=True)

    def resume(self, name: str) -> None:
        """Go on after `pause`. KeyError if there is none of that name."""
        self._cameras[name].pause(wanted=False)


class _Kept:
    """One camera, kept running."""

    def __init__(
        self,
        camera: CameraSettings,
        config: Config,
        tell: Callable[[Report], None],
        alive: Alive | None,
        speed: float,
    ) -> None:
        self.stop = asyncio.Event()
        self.gone = asyncio.Event()
        """Set when it runs no more, and never will again."""
        self._camera = camera
        self._config = config
        self._start = {
            "config": plain(config.model_copy(update={"cameras": (camera,)})),
            "camera": camera.name,
            "speed": speed,
        }
        self._tell, self._alive = tell, alive
        self._child: Child | None = None
        self._paused = False

    async def run(self) -> None:
        """Start the camera, and again when it dies."""
        loop = asyncio.get_running_loop()
        deaths: deque[float] = deque(maxlen=DEATHS_A_MINUTE + 1)
        while not self.stop.is_set():
            why = await self._live_once()
            if why is None:
                return
            deaths.append(loop.time())
            recent = sum(loop.time() - death < 60 for death in deaths)
            self._report("died", why)
            if recent > DEATHS_A_MINUTE:
                reason = f"died {recent} times within a minute; last: {why}"
                self._report("failed", reason)
                await self._say_last(OFFLINE, reason)
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BACKOFF_S * 2 ** (recent - 1)):
                    await self.stop.wait()

    async def _say_last(self, availability: bytes, reason: str | None = None) -> None:
        """Tell subscribers that nothing more comes, and why: the last will has only said `offline`."""
        session = new_session(self._config, self._camera)
        topics = Topics(session.site, session.camera)
        with contextlib.suppress(StreamaqaError, MqttError):
            async with connect(self._config.mqtt, client_id=f"streamaqa-{session.id}") as link:
                await link.publish(Envelope(topics.availability, availability, retain=True))
                if reason is not None:
                    status = SegmenterStatus(person=False, exercise=None, phase=None, set_number=0, rep=0)
                    await link.publish(topics.envelope(state_message(session, status, 0.0, text=reason)))

    def pause(self, *, wanted: bool) -> None:
        """Pause or go on; holds for a process that is started later, too."""
        self._paused = wanted
        if self._child is not None:
            self._child.say({"pause" if wanted else "resume": True})

    def _report(self, kind: ReportKind, value: Any) -> None:
        self._tell(Report(self._camera.name, kind, value))

    async def _live_once(self) -> str | None:
        """One life of the camera's process; why it died, or None if it ended as it should."""
        ended = False
        watchdog = _Watchdog()
        async with Child.start(self._camera.name) as child:
            self._child = child
            child.say({"start": self._start})
            if self._paused:
                child.say({"pause": True})
            async with asyncio.TaskGroup() as tasks:
                stopper = tasks.create_task(self._stop_child(child), name="stop")
                guard = tasks.create_task(watchdog.guard(child), name="watchdog")
                async for kind, value in child.reports():
                    watchdog.heard(kind, value)
                    if kind != "alive":
                        self._report(kind, value)
                    elif self._alive is not None:
                        self._alive(self._camera.name, value)
                    ended = ended or kind in ("failed", "finished")
                code = await child.process.wait()
                stopper.cancel()
                guard.cancel()
            self._child = None
        if ended:
            return None
        if self.stop.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await self._say_last(STOPPED)
            return None
        if watchdog.complaint:
            return watchdog.complaint
        return f"exit code {code}" + (f": {child.last_words[-1]}" if child.last_words else "")

    async def _stop_child(self, child: Child) -> None:
        await self.stop.wait()
        child.say({"stop": True})
        await asyncio.sleep(STOP_S)
        child.kill()


class _Watchdog:
    """Kills a process that hangs: says nothing, or looks at no frame while some wait."""

    def __init__(self) -> None:
        self.complaint = ""
        """Why it was killed, if it was."""
        self._loop = asyncio.get_running_loop()
        self._limit = START_S
        self._moved = self._loop.time()
        self._at: float | None = None

    def heard(self, kind: str, value: Any) -> None:
        """Take a line from the process as a sign of life, if it is one."""
        if kind == "running":
            self._limit = HANG_S
        if kind == "alive":
            stuck = value["waiting"] and value["at"] == self._at
            self._at = value["at"]
            if stuck:
                return
        self._moved = self._loop.time()

    async def guard(self, child: Child) -> None:
        """Watch until cancelled, or until it had to be killed."""
        while (left := self._moved + self._limit - self._loop.time()) > 0:  # noqa: ASYNC110 - a clock to wait for
            await asyncio.sleep(min(left, LOOK_S))
        self.complaint = f"hung for {self._limit:.0f} s and was killed"
        child.kill()
