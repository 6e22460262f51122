"""The publisher against a real Mosquitto: order, nothing lost, availability, state, cues, closing."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest
from brokers import Mosquitto, free_port, subscribed
from promptly import LIMIT_S, NEVER_S, promptly

from streamaqa.delivery.connection import connect
from streamaqa.delivery.outbox_thread import OutboxThread
from streamaqa.delivery.publisher import Publisher
from streamaqa.delivery.settings import MqttSettings
from streamaqa.delivery.topics import Envelope, Topics

TOPICS = Topics("gym", "rack")
PATIENT = {"connect_timeout_s": NEVER_S, "ack_timeout_s": NEVER_S, "backoff_s": NEVER_S}


def feedback(number: int) -> Envelope:
    return Envelope(TOPICS.feedback, json.dumps({"seq": 0, "n": number}).encode())


def state(number: int) -> Envelope:
    return Envelope(TOPICS.state, b"%d" % number, qos=0, retain=True)


def numbers(payloads: list[bytes], key: str = "n") -> list[int]:
    return [json.loads(payload)[key] for payload in payloads]


def without_repeats(values: list[int]) -> list[int]:
    return list(dict.fromkeys(values))


@asynccontextmanager
async def publishing(
    settings: MqttSettings, box: Path, *, connected: bool = True
) -> AsyncIterator[Publisher]:
    async with OutboxThread(box) as outbox, asyncio.TaskGroup() as tasks:
        publisher = Publisher(settings, TOPICS, outbox)
        tasks.create_task(publisher.run())
        if connected:
            async with asyncio.timeout(10):
                await publisher.connected.wait()
        try:
            yield publisher
        finally:
            await publisher.close()


async def test_a_subscriber_sees_online_then_the_messages_in_order_then_stopped(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    async with subscribed(mosquitto.settings) as heard:
        async with publishing(mosquitto.settings, tmp_path / "box") as publisher:
            for number in range(50):
                await publisher.send(feedback(number))
            assert await publisher.flush(5)
        await heard.until_payload(TOPICS.availability, b"stopped")
    assert heard.on(TOPICS.availability) == [b"online", b"stopped"]
    assert numbers(heard.on(TOPICS.feedback)) == list(range(50))
    assert numbers(heard.on(TOPICS.feedback), "seq") == list(range(1, 51))


async def test_flushing_waits_for_what_was_said_last(mosquitto: Mosquitto, tmp_path: Path) -> None:
    async with publishing(mosquitto.settings, tmp_path / "box") as publisher:
        for number in range(3):
            await publisher.send(feedback(number))
            assert await publisher.flush(5)
            assert publisher.counts["delivered"] == number + 1


async def test_availability_and_the_last_feedback_and_set_are_there_for_a_display_that_joins_late(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    async with publishing(mosquitto.settings, tmp_path / "box") as publisher:
        for number in range(3):
            await publisher.send(feedback(number))
        await publisher.send(Envelope(TOPICS.set, b'{"seq":0,"n":9}'))
        assert await publisher.flush(5)
        async with subscribed(mosquitto.settings) as heard:
            await heard.until(TOPICS.last(TOPICS.feedback))
            await heard.until(TOPICS.last(TOPICS.set))
            await heard.until_payload(TOPICS.availability, b"online")
    assert numbers(heard.on(TOPICS.last(TOPICS.feedback))) == [2]
    assert numbers(heard.on(TOPICS.last(TOPICS.set))) == [9]
    assert heard.on(TOPICS.feedback) == []


async def test_a_killed_broker_costs_no_message_and_no_order(mosquitto: Mosquitto, tmp_path: Path) -> None:
    async with (
        subscribed(mosquitto.settings) as heard,
        publishing(mosquitto.settings, tmp_path / "box") as publisher,
    ):
        for number in range(300):
            await publisher.send(feedback(number))
            if number in (60, 180):
                mosquitto.kill()
            if number in (120, 240):
                mosquitto.start()
                await heard.until_subscribed(2 if number == 120 else 3)
            await asyncio.sleep(0.001)
        assert await publisher.flush(10)
        await heard.until_payload(TOPICS.last(TOPICS.feedback), b'{"seq":300,"n":299}')
        # a dying broker may have acknowledged what it has not passed on, and a subscriber may be back later
        # than the publisher: such gaps are seen in `seq` and asked for again
        missing = sorted(set(range(1, 301)) - set(numbers(heard.on(TOPICS.feedback), "seq")))
        async with connect(mosquitto.settings) as display:
            for seq in missing:
                request = json.dumps({"from_seq": seq, "to_seq": seq}).encode()
                await display.publish(Envelope(TOPICS.command("resend"), request))
        async with asyncio.timeout(10):
            while len(set(heard.on(TOPICS.feedback))) < 300:
                await heard.until(TOPICS.feedback, count=len(heard.on(TOPICS.feedback)) + 1)
    got = numbers(heard.on(TOPICS.feedback), "seq")
    assert set(got) == set(range(1, 301))
    first_time = [seq for seq in without_repeats(got) if seq not in missing]
    assert first_time == sorted(first_time)


async def test_messages_said_while_the_broker_is_away_arrive_when_it_comes(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    async with publishing(broker.settings, tmp_path / "box", connected=False) as publisher:
        for number in range(40):
            await publisher.send(feedback(number))
        assert not await publisher.flush(0.05)
        broker.start()
        try:
            assert await publisher.flush(10)
        finally:
            broker.kill()
    assert publisher.counts["delivered"] == 40


async def test_numbering_goes_on_after_a_restart_of_the_engine(mosquitto: Mosquitto, tmp_path: Path) -> None:
    async with subscribed(mosquitto.settings) as heard:
        for _ in range(3):
            async with publishing(mosquitto.settings, tmp_path / "box") as publisher:
                await publisher.send(feedback(0))
                assert await publisher.flush(5)
        await heard.until(TOPICS.feedback, count=3)
    assert numbers(heard.on(TOPICS.feedback), "seq") == [1, 2, 3]


async def test_a_killed_engine_is_offline_and_its_messages_go_out_at_the_next_start(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    engine = f"""
import asyncio
from pathlib import Path
from streamaqa.delivery.outbox_thread import OutboxThread
from streamaqa.delivery.publisher import Publisher
from streamaqa.delivery.settings import MqttSettings
from streamaqa.delivery.topics import Envelope, Topics

async def main():
    topics = Topics("gym", "rack")
    async with OutboxThread(Path({str(tmp_path / "box")!r})) as outbox, asyncio.TaskGroup() as tasks:
        publisher = Publisher(MqttSettings(port={mosquitto.port}), topics, outbox)
        tasks.create_task(publisher.run())
        await publisher.connected.wait()
        for number in range(5):
            await outbox.append(Envelope(topics.feedback, b'{{"seq":0,"n":%d}}' % number))
        print("ready", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""
    async with subscribed(mosquitto.settings) as heard:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", engine, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        process.kill()
        await process.wait()
        await heard.until_payload(TOPICS.availability, b"offline")
        async with publishing(mosquitto.settings, tmp_path / "box") as publisher:
            assert await publisher.flush(5)
        await heard.until(TOPICS.feedback, count=5)
    assert without_repeats(numbers(heard.on(TOPICS.feedback))) == list(range(5))


async def test_state_comes_at_most_five_times_a_second_and_the_newest_wins(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    async with (
        subscribed(mosquitto.settings) as heard,
        publishing(mosquitto.settings, tmp_path / "box") as publisher,
    ):
        began = time.monotonic()
        for number in range(100):
            await publisher.send(state(number))
            await asyncio.sleep(0.008)
        await heard.until_payload(TOPICS.state, b"99")
        lasted = time.monotonic() - began
    assert 2 <= len(heard.on(TOPICS.state)) <= 5 * lasted + 1


async def test_state_is_retained_and_told_again_to_a_broker_that_has_forgotten(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    async with publishing(mosquitto.settings, tmp_path / "box") as publisher:
        await publisher.send(state(7))
        await publisher.send(feedback(1))
        assert await publisher.flush(5)
        mosquitto.kill()
        mosquitto.start()
        async with subscribed(mosquitto.settings) as heard:
            await heard.until_payload(TOPICS.state, b"7")
            await heard.until(TOPICS.last(TOPICS.feedback))
            await heard.until_payload(TOPICS.availability, b"online")


async def test_a_cue_arrives_as_its_bytes_and_one_that_is_too_old_does_not(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    async with publishing(broker.settings, tmp_path / "box", connected=False) as publisher:
        await publisher.send(TOPICS.cue_envelope("too late", expires_s=0.01))
        await asyncio.sleep(0.05)
        broker.start()
        try:
            async with subscribed(broker.settings) as heard:
                await publisher.connected.wait()
                await publisher.send(TOPICS.cue_envelope("Füße fest"))
                await heard.until_payload(TOPICS.cue, "Füße fest".encode())
        finally:
            broker.kill()
    assert heard.on(TOPICS.cue) == ["Füße fest".encode()]
    assert publisher.counts["cues_dropped"] == 1


async def test_others_get_each_message_with_its_number(mosquitto: Mosquitto, tmp_path: Path) -> None:
    class Kept:
        def __init__(self) -> None:
            self.envelopes: list[Envelope] = []

        async def send(self, envelope: Envelope) -> None:
            self.envelopes.append(envelope)

    kept = Kept()
    async with OutboxThread(tmp_path / "box") as outbox:
        publisher = Publisher(mosquitto.settings, TOPICS, outbox, also=[kept])
        await publisher.send(feedback(0))
        await publisher.send(feedback(1))
        await publisher.send(TOPICS.cue_envelope("Brace"))
    assert [json.loads(kept.envelopes[i].payload)["seq"] for i in (0, 1)] == [1, 2]
    assert kept.envelopes[2].payload == b"Brace"


@pytest.mark.parametrize("silent", [False, True], ids=["nobody listens", "nobody answers"])
async def test_closing_waits_for_no_broker_that_never_came(tmp_path: Path, silent: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1] if silent else free_port()
        async with OutboxThread(tmp_path / "box") as outbox, asyncio.TaskGroup() as tasks:
            publisher = Publisher(MqttSettings.model_validate({"port": port, **PATIENT}), TOPICS, outbox)
            tasks.create_task(publisher.run())
            await publisher.send(feedback(0))
            await asyncio.sleep(0.2)
            with promptly():
                await publisher.close()
    assert await _waiting(tmp_path / "box") == 1


@pytest.mark.parametrize("size", [10, 1_000_000], ids=["small", "more than the socket takes"])
async def test_closing_waits_for_no_broker_that_freezes(
    mosquitto: Mosquitto, tmp_path: Path, size: int
) -> None:
    async with OutboxThread(tmp_path / "box") as outbox, asyncio.TaskGroup() as tasks:
        publisher = Publisher(mosquitto.settings.model_copy(update=PATIENT), TOPICS, outbox)
        tasks.create_task(publisher.run())
        await publisher.connected.wait()
        mosquitto.freeze()
        for _ in range(12):
            await publisher.send(Envelope(TOPICS.feedback, json.dumps({"text": "x" * size}).encode()))
        await asyncio.sleep(0.1)
        with promptly():
            await publisher.close()
    await asyncio.sleep(0.05)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert await _waiting(tmp_path / "box") == 12


async def test_closing_ends_it_though_the_connection_breaks_at_that_moment(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task group that is cancelled as a task of it fails raises the failure: the cancellation is lost."""

    async def breaking() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise aiomqtt.MqttError("gone") from None

    async def serve(publisher: Publisher, link: object) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(breaking())
            publisher.connected.set()

    monkeypatch.setattr(Publisher, "_serve", serve)
    async with OutboxThread(tmp_path / "box") as outbox, asyncio.TaskGroup() as tasks:
        publisher = Publisher(mosquitto.settings.model_copy(update=PATIENT), TOPICS, outbox)
        tasks.create_task(publisher.run())
        await publisher.connected.wait()
        async with asyncio.timeout(LIMIT_S):
            await publisher.close()


async def _waiting(box: Path) -> int:
    async with OutboxThread(box) as outbox:
        return (await outbox.counts())["waiting"]
