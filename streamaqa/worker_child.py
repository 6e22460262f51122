"""A GPU worker of our own, on this machine: started, watched, started again when it dies or hangs, stopped.

One worker serves all cameras. It is given an address and a token that stay the same over its lives, so that
cameras find it again by themselves. It ends with us, however we end: its standard input closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import structlog
from pydantic import SecretStr

from streamaqa.assessment.remote import LlavaAssessor, RemoteSettings
from streamaqa.config import Config
from streamaqa.errors import UsageError, WorkerError, first
from streamaqa.windows import WindowPlan

log = structlog.get_logger(__name__)

HOST = "127.0.0.1"
TOKEN = "STREAMAQA_WORKER__TOKEN"  # noqa: S105 - the variable's name
BACKOFF_S, BACKOFF_MOST_S = 0.5, 8.0
"""Wait before the first restart; doubles with each death within a minute."""
REST_S = 300.0
"""How long a worker that keeps dying is left alone: loading weights in a loop cures nothing."""
LOOK_S, HANG_S = 5.0, 30.0
"""Between looks at whether it answers, and how long it may not: loading a CUDA kernel takes seconds."""
STOP_S = 0.6
"""How long it may take to leave, as cameras may: all is over within a second."""
LAST_WORDS = 20
"""Lines of its standard error that are kept to explain its death."""
USER_HAS_TO_MEND = 2
"""Exit code of every command of ours after a UsageError."""

Note = Callable[[str], None]
"""Takes one line for people; must not block."""


class WorkerChild:
    """Keeps one worker running while `run` is under way.

    Args:
        settings: which weights, and how often it is started again.
        plan: as configured, for weights without a contract.
        note: told what happens to it.
        must: whether nothing can be done without it, so that one that never comes up is an error.
        command: what to start in place of `streamaqa worker`, for tests; the port is its last argument.
    """

    def __init__(
        self,
        settings: RemoteSettings,
        plan: WindowPlan | None,
        note: Note,
        *,
        must: bool = False,
        command: Sequence[str] | None = None,
    ) -> None:
        self.restarts = 0
        """How often it was started again."""
        self.up = False
        """Whether it is loaded and answers."""
        self.pid: int | None = None
        """Of the process, while there is one."""
        self._plan, self._note, self._must = plan, note, must
        self._reserved = _reserve()
        token = secrets.token_urlsafe(32)
        self.settings = settings.model_copy(
            update={
                "url": f"http://{HOST}:{self._reserved.getsockname()[1]}",
                "token": SecretStr(token),
                "token_file": None,
                "adapter": Path(settings.adapter).name if settings.adapter else None,
            }
        )
        """How it is reached."""
        command = command or _command(settings, plan)
        self._command = (*command, str(self._reserved.getsockname()[1]))
        self._environment = os.environ | {TOKEN: token}
        self._limit = settings.restarts_a_minute
        self._was_up = False
        self._last_words: deque[str] = deque(maxlen=LAST_WORDS)

    async def run(self) -> None:
        """Start it, and again whenever it dies, until cancelled.

        Raises:
            UsageError: it cannot be used as configured, and never could; or `must`, and it never came up.
        """
        loop = asyncio.get_running_loop()
        deaths: deque[float] = deque(maxlen=self._limit + 1)
        with self._reserved:
            while True:
                why = await self._live_once()
                deaths.append(loop.time())
                recent = sum(loop.time() - death < 60 for death in deaths)
                if recent > self._limit:
                    if self._must and not self._was_up:
                        raise UsageError(f"the worker died {recent} times within a minute; last: {why}")
                    self._note(
                        f"the worker died {recent} times within a minute and is left alone for"
                        f" {REST_S / 60:.0f} minutes; repetitions are judged by pose; last: {why}"
                    )
                    await asyncio.sleep(REST_S)
                else:
                    self._note(f"the worker died and is started again: {why}")
                    await asyncio.sleep(min(BACKOFF_S * 2 ** (recent - 1), BACKOFF_MOST_S))
                self.restarts += 1

    async def _live_once(self) -> str:
        """One life; why it ended. UsageError for what the user has to mend before it can ever run."""
        self._last_words.clear()
        process = await asyncio.create_subprocess_exec(
            *self._command,
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in the terminal is for us alone
        )
        self.pid = process.pid
        complaint: list[str] = []
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen(process), name="worker log")
                watching = tasks.create_task(self._watch(process, complaint), name="worker watch")
                code = await process.wait()
                watching.cancel()
        except BaseExceptionGroup as group:
            raise first(group) from None
        finally:
            self.pid, self.up = None, False
            await asyncio.shield(_stop(process))
        words = self._last_words[-1] if self._last_words else ""
        if code == USER_HAS_TO_MEND and not self._was_up:
            raise UsageError(f"the worker cannot start: {words.removeprefix('streamaqa: ')}")
        return complaint[0] if complaint else f"exit code {code}" + (f": {words}" if words else "")

    async def _watch(self, process: asyncio.subprocess.Process, complaint: list[str]) -> None:
        """Wait until it is loaded, then see that it answers; kill it if it does not."""
        begun = time.monotonic()
        asking = LlavaAssessor(self.settings, self._plan)
        try:
            await asking.meet(self.settings.start_s)
            info = asking.info
            if not self._was_up:
                seconds = time.monotonic() - begun
                self._note(f"worker: {info.name} {info.version}, loaded in {seconds:.0f} s")
            self.up = self._was_up = True
            heard = time.monotonic()
            while (silent := time.monotonic() - heard) < HANG_S:
                await asyncio.sleep(LOOK_S)
                with contextlib.suppress(WorkerError):
                    await asking.meet(0.0)
                    heard = time.monotonic()
            complaint.append(f"hung for {silent:.0f} s and was killed")
        except WorkerError as error:
            complaint.append(f"did not load within {self.settings.start_s:.0f} s and was killed: {error}")
        finally:
            await asking.close()
        with contextlib.suppress(ProcessLookupError):
            process.kill()

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Its log lines, into ours."""
        assert process.stderr is not None, "a pipe"
        while True:
            try:
                line = await process.stderr.readline()
            except ValueError:  # longer than the reader's limit, which then drops what it holds
                continue
            if not line:
                return
            words = line.decode(errors="replace").rstrip()
            self._last_words.append(words)
            log.info(words, process="worker")


@contextlib.asynccontextmanager
async def with_worker(config: Config, note: Note, *, must: bool) -> AsyncIterator[WorkerChild | None]:
    """A worker of our own while the block runs, if the configuration wants one that it does not name.

    Use `reached` for the configuration with its address. UsageError as `WorkerChild.run`, out of the block.
    """
    if config.assessor.kind != "llava" or config.assessor.url is not None:
        yield None
        return
    child = WorkerChild(config.assessor, config.plan, note, must=must)
    try:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(child.run(), name="worker")
            try:
                yield child
            finally:
                running.cancel()
    except BaseExceptionGroup as group:
        raise first(group) from None


def reached(config: Config, child: WorkerChild | None) -> Config:
    """The configuration with the address of that worker."""
    if child is None:
        return config
    remote = child.settings.model_dump(include={"url", "token", "token_file", "adapter"})
    return config.model_copy(update={"assessor": config.assessor.model_copy(update=remote)})


def _reserve() -> socket.socket:
    """A port of this machine that nobody is given by chance while the socket is open. It never listens."""
    reserved = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # so that the worker can bind it, too
    reserved.bind((HOST, 0))
    return reserved


def _command(settings: RemoteSettings, plan: WindowPlan | None) -> Sequence[str]:
    """How it is started; the port follows."""
    command = [sys.executable, "-P", "-m", "streamaqa", "worker", "--until-stdin-closes"]
    command += ["--host", HOST, "--weights", settings.weights]
    if settings.adapter is not None:
        command += ["--adapter", f"{Path(settings.adapter).name}={settings.adapter}"]
    if plan is not None:
        command += ["--unit", plan.unit, "--sampling", plan.sampling, "--frames", str(plan.frames)]
        command += ["--crop", plan.crop, *(("--fps", str(plan.fps)) if plan.fps else ())]
    return [*command, "--port"]


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Let it leave, and end it if it does not."""
    if process.stdin is not None:
        process.stdin.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STOP_S):
            await process.wait()
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
