"""A worker of our own: started, watched, started again, and gone when we are."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from fake_worker import PHASES, FakeWorker, paper

from streamaqa import worker_child
from streamaqa.assessment.remote import LlavaAssessor, RemoteSettings
from streamaqa.config import Config
from streamaqa.errors import UsageError
from streamaqa.windows import PAPER_PLAN, WindowPlan
from streamaqa.worker_child import WorkerChild, reached, with_worker

SCRIPT = Path(__file__).with_name("small_worker.py")


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_child, "BACKOFF_S", 0.02)


class Started:
    """A child, its notes, and what to wait for."""

    def __init__(self, child: WorkerChild, notes: list[str]) -> None:
        self.child, self.notes = child, notes

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not holds():  # noqa: ASYNC110 - what another process does
                await asyncio.sleep(0.01)

    def kill(self) -> None:
        assert self.child.pid is not None
        os.kill(self.child.pid, signal.SIGKILL)


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Started]:
    """Makes a child that runs the small worker."""

    async def ready() -> bytes:
        answer = await FakeWorker(paper())(httpx2.Request("GET", "http://worker/ready"))
        return answer.content

    (tmp_path / "ready.json").write_bytes(asyncio.run(ready()))

    def make(
        how: str = "well", plan: WindowPlan | None = None, *, must: bool = False, **settings: object
    ) -> Started:
        notes: list[str] = []
        command = [sys.executable, str(SCRIPT), str(tmp_path / "ready.json"), how]
        chosen = RemoteSettings.model_validate(settings)
        return Started(WorkerChild(chosen, plan, notes.append, must=must, command=command), notes)

    return make


@contextlib.asynccontextmanager
async def running(started: Started):  # type: ignore[no-untyped-def]  # of a fixture
    task = asyncio.create_task(started.child.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_worker_that_dies_is_started_again_at_the_same_address(start: Callable[..., Started]) -> None:
    started = start()
    child = started.child
    async with running(started):
        await started.until(lambda: child.up)
        lives = {child.pid}
        asking = LlavaAssessor(child.settings)
        for _ in range(3):
            started.kill()
            await started.until(lambda: child.up and child.pid not in lives)
            lives.add(child.pid)
            await asking.meet(5.0)  # the same address and token
        await asking.close()
        assert child.restarts == 3
    assert started.notes[0].startswith("worker: llava 7, loaded in")
    assert sum("died and is started again: exit code -9" in note for note in started.notes) == 3
    assert (child.pid, child.up) == (None, False)


async def test_one_that_keeps_dying_is_left_alone_and_said_to_be(start: Callable[..., Started]) -> None:
    started = start("broken", restarts_a_minute=2)
    async with running(started) as task:
        await started.until(lambda: "left alone" in (started.notes or [""])[-1])
        assert "died 3 times within a minute" in started.notes[-1]
        assert "Segmentation fault, as it were" in started.notes[-1]
        await asyncio.sleep(0.2)
        assert len(started.notes) == 3
        assert started.child.pid is None
        assert not task.done()


async def test_where_nothing_goes_without_it_one_that_never_comes_up_is_an_error(
    start: Callable[..., Started],
) -> None:
    started = start("broken", must=True, restarts_a_minute=1)
    with pytest.raises(UsageError, match=r"died 2 times within a minute.*Segmentation fault"):
        await started.child.run()


async def test_what_the_user_has_to_mend_is_one_line(start: Callable[..., Started]) -> None:
    started = start("unusable")
    with pytest.raises(UsageError, match=r"^the worker cannot start: models/none: no weights there$"):
        await started.child.run()


async def test_weights_under_another_contract_end_it(start: Callable[..., Started]) -> None:
    started = start(plan=PHASES)
    with pytest.raises(UsageError, match=r"plan\.unit 'rep', wanted 'phase'"):
        await started.child.run()
    assert started.child.pid is None


async def test_one_that_hangs_is_killed_and_started_again(
    start: Callable[..., Started], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_child, "LOOK_S", 0.05)
    monkeypatch.setattr(worker_child, "HANG_S", 0.3)
    monkeypatch.setattr("streamaqa.assessment.remote.client.READY_S", 0.2)
    started = start("mute")
    async with running(started):
        await started.until(lambda: started.child.restarts)
    assert any("hung for" in note for note in started.notes)


async def test_it_ends_with_us_and_its_port_is_free(start: Callable[..., Started]) -> None:
    started = start()
    async with running(started):
        await started.until(lambda: started.child.up)
        port = int(str(started.child.settings.url).rpartition(":")[2])
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))


def test_it_ends_also_when_we_are_killed(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, {str(SCRIPT)!r}, sys.argv[1], 'well', '0'],"
        " stdin=subprocess.PIPE)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    (tmp_path / "ready.json").write_text("{}")
    command = [sys.executable, "-c", program, str(tmp_path / "ready.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    for _ in range(200):
        if not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text():
            return
        subprocess.run(["sleep", "0.05"], check=True)
    pytest.fail("the worker outlived us")


async def test_none_is_started_where_none_is_wanted() -> None:
    kinematic = Config()
    named = Config.model_validate({"assessor": {"kind": "llava", "url": "http://127.0.0.1:9"}})
    for config in (kinematic, named):
        async with with_worker(config, print, must=True) as child:
            assert child is None
            assert reached(config, child) is config


def test_weights_and_plan_are_handed_on() -> None:
    plan = WindowPlan(unit="phase", sampling="consecutive", frames=16, fps=15.0, crop="person")
    settings = RemoteSettings(weights="models/coach", adapter="models/rows")
    command = " ".join(worker_child._command(settings, plan))
    assert "--weights models/coach --adapter rows=models/rows --unit phase --sampling consecutive" in command
    assert command.endswith("--frames 16 --crop person --fps 15.0 --port")


async def test_the_configuration_learns_its_address(start: Callable[..., Started]) -> None:
    config = Config.model_validate({"assessor": {"kind": "llava", "adapter": "models/rows", "deadline_s": 2}})
    child = WorkerChild(config.assessor, PAPER_PLAN, print)
    found = reached(config, child).assessor
    assert found.url is not None
    assert found.url.startswith("http://127.0.0.1:")
    assert found.token is not None
    assert len(found.token.get_secret_value()) > 40
    assert (found.adapter, found.deadline_s, found.kind) == ("rows", 2, "llava")
    child._reserved.close()
