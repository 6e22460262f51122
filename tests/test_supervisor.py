"""Camera processes under a supervisor, with a real Mosquitto."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from brokers import Mosquitto, subscribed
from promptly import LIMIT_S

from streamaqa import camera as camera_process
from streamaqa import supervisor as supervisor_module
from streamaqa.children import plain
from streamaqa.config import BrokerSettings, CameraSettings, Config, StoreSettings
from streamaqa.delivery.messages import FeedbackMessage, RepMessage, StateMessage, StatsMessage
from streamaqa.sources.pose_track import save_track
from streamaqa.sources.synthetic import poses
from streamaqa.supervisor import Report, Supervisor


@pytest.fixture(scope="module")
def squats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tracks") / "squats.npz"
    save_track(path, poses("synthetic:squat?reps=2&seed=1", fps=30))
    return path


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tracks") / "long.npz"
    save_track(path, poses("synthetic:squat?reps=20&seed=1", fps=30))
    return path


def configured(broker: Mosquitto, folder: Path, **sources: Path) -> Config:
    return Config(
        cameras=tuple(CameraSettings(name=name, source=str(path)) for name, path in sources.items()),
        mqtt=BrokerSettings.model_validate({**broker.settings.model_dump(), "embedded": False}),
        outbox=StoreSettings(folder=folder),
    )


class Reports(list[Report]):
    """What the supervisor tells."""

    def __init__(self) -> None:
        super().__init__()
        self._news = asyncio.Event()

    def take(self, report: Report) -> None:
        self.append(report)
        self._news.set()

    def kinds(self, camera: str) -> list[str]:
        return [report.kind for report in self if report.camera == camera and report.kind != "message"]

    async def until(self, camera: str, kind: str, count: int = 1) -> None:
        async with asyncio.timeout(15):
            while self.kinds(camera).count(kind) < count:
                self._news.clear()
                await self._news.wait()

    def messages(self, topic: str) -> int:
        return sum(report.kind == "message" and report.value["topic"] == topic for report in self)

    async def message(self, topic: str, count: int) -> None:
        async with asyncio.timeout(20):
            while self.messages(topic) < count:
                self._news.clear()
                await self._news.wait()

    async def death(self) -> str:
        """The first camera that died."""
        async with asyncio.timeout(15):
            while not (dead := [report.camera for report in self if report.kind == "died"]):
                self._news.clear()
                await self._news.wait()
        return dead[0]


def children(of: int | None = None) -> list[psutil.Process]:
    """Camera processes that are alive."""
    below = psutil.Process(of).children(recursive=True)
    return [p for p in below if "streamaqa.camera" in p.cmdline()]


@asynccontextmanager
async def running(config: Config, speed: float = 1.0) -> AsyncIterator[tuple[Supervisor, Reports]]:
    reports = Reports()
    supervisor = Supervisor(config, reports.take, speed=speed)
    task = asyncio.create_task(supervisor.run())
    try:
        yield supervisor, reports
    finally:
        supervisor.stop()
        await task


async def test_reps_and_feedback_of_a_camera_reach_a_subscriber(
    mosquitto: Mosquitto, squats: Path, tmp_path: Path
) -> None:
    topic = "streamaqa/home/rack"
    async with subscribed(mosquitto.settings) as heard:
        async with running(configured(mosquitto, tmp_path, rack=squats), speed=20) as (_, reports):
            await reports.until("rack", "finished")
        await heard.until_payload(f"{topic}/availability", b"stopped")
        reps = [RepMessage.model_validate_json(payload) for payload in heard.on(f"{topic}/rep")]
        feedback = [FeedbackMessage.model_validate_json(p) for p in heard.on(f"{topic}/feedback")]
    assert [message.rep for message in reps] == [1, 2]
    assert [message.rep for message in feedback] == [1, 2]
    assert heard.on(f"{topic}/availability")[0] == b"online"
    seqs = [json.loads(p)["seq"] for where, p in heard.messages if where.split("/")[-1] in "rep feedback set"]
    assert seqs == list(range(1, len(seqs) + 1))
    assert reports.kinds("rack") == ["running", "finished"]
    told = [report.value["topic"] for report in reports if report.kind == "message"]
    assert {f"{topic}/rep", f"{topic}/feedback", f"{topic}/set", f"{topic}/state"} <= set(told)


async def test_a_camera_that_is_killed_comes_back_and_takes_no_other_with_it(
    mosquitto: Mosquitto, long: Path, tmp_path: Path
) -> None:
    config = configured(mosquitto, tmp_path, one=long, two=long)
    async with subscribed(mosquitto.settings) as heard, running(config) as (_, reports):
        await reports.until("one", "running")
        await reports.until("two", "running")
        for camera in ("one", "two"):
            await heard.until_payload(f"streamaqa/home/{camera}/availability", b"online")
        victims = {p.pid for p in children()}
        assert len(victims) == 2
        pid = next(iter(victims))
        os.kill(pid, signal.SIGKILL)
        dead = await reports.death()
        other = "two" if dead == "one" else "one"
        await reports.until(dead, "running", 2)
        said = await heard.until(f"streamaqa/home/{dead}/availability", 3)
        assert said == [b"online", b"offline", b"online"]
        assert reports.kinds(other) == ["running"]
        assert len(children()) == 2


async def test_stopping_takes_less_than_a_second_and_leaves_no_process(
    mosquitto: Mosquitto, long: Path, tmp_path: Path
) -> None:
    async with subscribed(mosquitto.settings) as heard:
        async with running(configured(mosquitto, tmp_path, rack=long)) as (supervisor, reports):
            await reports.until("rack", "running")
            await heard.until_payload("streamaqa/home/rack/availability", b"online")
            loop = asyncio.get_running_loop()
            begun = loop.time()
            supervisor.stop()
        assert loop.time() - begun < 1.5  # a second by the clock of an idle machine
        assert children() == []
        await heard.until_payload("streamaqa/home/rack/availability", b"stopped")


async def test_a_camera_that_is_too_slow_to_say_goodbye_is_killed_and_said_to_have_stopped(
    mosquitto: Mosquitto, long: Path, tmp_path: Path
) -> None:
    topic = "streamaqa/home/rack/availability"
    async with subscribed(mosquitto.settings) as heard:
        async with running(configured(mosquitto, tmp_path, rack=long)) as (_, reports):
            await reports.until("rack", "running")
            await heard.until_payload(topic, b"online")
            children()[0].suspend()
        assert children() == []
        await heard.until_payload(topic, b"stopped")
    assert heard.on(topic) == [b"online", b"offline", b"stopped"]
    assert reports.kinds("rack") == ["running"]


async def test_a_camera_the_user_has_to_mend_is_not_started_again(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    async with running(configured(mosquitto, tmp_path, rack=tmp_path / "nowhere.mp4")) as (_, reports):
        await reports.until("rack", "failed")
    assert reports.kinds("rack") == ["failed"]
    assert "no such file" in reports[0].value


async def test_camera_processes_end_with_a_supervisor_that_is_killed(
    mosquitto: Mosquitto, long: Path, tmp_path: Path
) -> None:
    config = plain(configured(mosquitto, tmp_path, rack=long))
    program = (
        "import asyncio, json, sys; from streamaqa.config import Config; "
        "from streamaqa.supervisor import Supervisor; "
        "config = Config.model_validate(json.loads(sys.argv[1])); "
        "asyncio.run(Supervisor(config, lambda report: print(report.kind, flush=True)).run())"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, json.dumps(config), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(15):
        while await process.stdout.readline() != b"running\n":
            pass
    cameras = children(process.pid)
    assert len(cameras) == 1
    process.kill()
    await process.wait()
    _, alive = await asyncio.to_thread(psutil.wait_procs, cameras, LIMIT_S)
    assert alive == []


def test_secrets_cross_to_a_camera_only_in_the_socket(tmp_path: Path) -> None:
    mqtt = BrokerSettings.model_validate(
        {"host": "gym.local", "username": "coach", "password": "hunter2", "embedded": False}
    )
    config = Config(mqtt=mqtt)
    assert plain(config)["mqtt"]["password"] == "hunter2"
    assert Config.model_validate(plain(config)) == config
    assert "hunter2" not in repr(config)


async def test_a_camera_tells_its_counters(
    mosquitto: Mosquitto, squats: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process, as a camera's own is told every minute."""
    monkeypatch.setattr(camera_process, "STATS_S", 0.1)
    config = configured(mosquitto, tmp_path, rack=squats)
    ours, theirs = socket.socketpair()
    with ours:
        ours.sendall(
            json.dumps({"start": {"config": plain(config), "camera": "rack", "speed": 10.0}}).encode()
        )
        ours.sendall(b"\n")
        async with subscribed(mosquitto.settings) as heard:
            assert await camera_process.serve(theirs.detach()) == 0
            stats = await heard.until("streamaqa/home/rack/stats", 2)
    told = StatsMessage.model_validate_json(stats[-1])
    assert told.counters["frames"] > 0
    assert told.gauges["memory_mib"] > 10


async def test_a_camera_that_hangs_is_killed_and_started_again(
    mosquitto: Mosquitto, long: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "HANG_S", 3.0)
    async with running(configured(mosquitto, tmp_path, rack=long)) as (_, reports):
        await reports.until("rack", "running")
        (hanging,) = children()
        hanging.suspend()
        await reports.until("rack", "died")
        await reports.until("rack", "running", 2)
        assert not hanging.is_running()
    (died,) = [report for report in reports if report.kind == "died"]
    assert died.value == "hung for 3 s and was killed"


async def test_a_camera_that_keeps_dying_is_given_up_with_the_reason(
    mosquitto: Mosquitto, long: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "BACKOFF_S", 0.01)
    config = configured(mosquitto, tmp_path, rack=long)
    async with subscribed(mosquitto.settings) as heard, running(config) as (_, reports):
        for life in range(1, supervisor_module.DEATHS_A_MINUTE + 2):
            await reports.until("rack", "running", life)
            for process in children():
                process.kill()
        await reports.until("rack", "failed")
        await heard.until_payload("streamaqa/home/rack/availability", b"offline")
        count = 0
        reason = ""
        while "died 4 times within a minute" not in reason:  # the states before it are the camera's own
            count += 1
            states = await heard.until("streamaqa/home/rack/state", count)
            reason = StateMessage.model_validate_json(states[count - 1]).text
    assert reports.kinds("rack").count("died") == supervisor_module.DEATHS_A_MINUTE + 1
    assert "within a minute" in next(report.value for report in reports if report.kind == "failed")


async def test_cameras_are_added_paused_and_removed_while_others_run(
    mosquitto: Mosquitto, long: Path, tmp_path: Path
) -> None:
    async with running(configured(mosquitto, tmp_path, one=long), speed=4) as (supervisor, reports):
        await reports.until("one", "running")
        supervisor.add(CameraSettings(name="two", source=str(long)))
        with pytest.raises(ValueError, match="runs already"):
            supervisor.add(CameraSettings(name="two", source=str(long)))
        supervisor.pause("two")
        await reports.until("two", "running")
        assert list(supervisor.cameras) == ["one", "two"]
        await reports.message("streamaqa/home/one/rep", 2)
        assert reports.messages("streamaqa/home/two/rep") == 0
        supervisor.resume("two")
        await reports.message("streamaqa/home/two/rep", 1)
        await supervisor.remove("two")
        assert len(children()) == 1
        assert list(supervisor.cameras) == ["one"]
        assert reports.kinds("one") == ["running"]
