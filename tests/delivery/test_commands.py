"""Commands over a real broker: a gap is sent again, others reach the engine, nonsense gets a kind answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from brokers import Heard, Mosquitto, subscribed
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from streamaqa.delivery.commands import AthleteCommand, CommandReply, EngineCommand, parse_command
from streamaqa.delivery.connection import Link, connect
from streamaqa.delivery.outbox_thread import OutboxThread
from streamaqa.delivery.publisher import Publisher
from streamaqa.delivery.topics import Envelope, Topics
from streamaqa.errors import DeliveryError, UsageError

TOPICS = Topics("gym", "rack")


class Engine:
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[EngineCommand] = []

    async def __call__(self, command: EngineCommand) -> CommandReply:
        if command.command == "exercise":
            raise UsageError("no exercise 'handstand'")
        self.asked.append(command)
        return CommandReply(command=command.command, ok=True, text="done")


@asynccontextmanager
async def scene(broker: Mosquitto, box: Path) -> AsyncIterator[tuple[Publisher, Engine, Heard, Link]]:
    """A publisher with five messages delivered, a display that listens, and the display's own connection."""
    engine = Engine()
    async with (
        subscribed(broker.settings) as heard,
        OutboxThread(box) as outbox,
        connect(broker.settings) as display,
        asyncio.TaskGroup() as tasks,
    ):
        publisher = Publisher(broker.settings, TOPICS, outbox, on_command=engine)
        tasks.create_task(publisher.run())
        for number in range(5):
            await publisher.send(Envelope(TOPICS.feedback, json.dumps({"seq": 0, "n": number}).encode()))
        assert await publisher.flush(5)
        await heard.until(TOPICS.feedback, count=5)
        yield publisher, engine, heard, display
        await publisher.close()


async def ask(display: Link, heard: Heard, what: str, payload: bytes) -> CommandReply:
    before = len(heard.on(TOPICS.reply(what)))
    await display.publish(Envelope(TOPICS.command(what), payload))
    replies = await heard.until(TOPICS.reply(what), count=before + 1)
    return CommandReply.model_validate_json(replies[-1])


async def test_a_gap_is_sent_again_unchanged_and_does_not_become_the_last(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    async with scene(mosquitto, tmp_path / "box") as (publisher, _, heard, display):
        first = heard.on(TOPICS.feedback)
        reply = await ask(display, heard, "resend", b'{"from_seq": 2, "to_seq": 3, "request_id": "w1"}')
        again = await heard.until(TOPICS.feedback, count=7)
        assert await publisher.flush(5)
        async with subscribed(mosquitto.settings, TOPICS.last(TOPICS.feedback)) as late:
            (last,) = await late.until(TOPICS.last(TOPICS.feedback))
    assert (reply.ok, reply.resent, reply.request_id) == (True, 2, "w1")
    assert again[5:] == first[1:3]
    assert json.loads(last)["seq"] == 5


async def test_what_is_no_longer_kept_is_said(mosquitto: Mosquitto, tmp_path: Path) -> None:
    async with scene(mosquitto, tmp_path / "box") as (_, _, heard, display):
        reply = await ask(display, heard, "resend", b'{"from_seq": 5, "to_seq": 9}')
    assert (reply.ok, reply.resent, reply.oldest_seq, reply.newest_seq) == (True, 1, 1, 5)
    assert "1 of 5" in reply.text


async def test_other_commands_reach_the_engine_and_its_refusal_reaches_the_display(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    async with scene(mosquitto, tmp_path / "box") as (_, engine, heard, display):
        good = await ask(display, heard, "athlete", b'{"athlete": "anna", "request_id": "7"}')
        pause = await ask(display, heard, "pause", b"")
        bad = await ask(display, heard, "exercise", b'{"exercise": "handstand"}')
    assert engine.asked[0] == AthleteCommand(athlete="anna", request_id="7")
    assert (good.ok, good.request_id, pause.ok) == (True, "7", True)
    assert (bad.ok, bad.text) == (False, "no exercise 'handstand'")


@pytest.mark.parametrize(
    ("what", "payload", "hint"),
    [
        ("resend", b'{"from_seq": 2}', "to_seq"),
        ("resend", b'{"from_seq": 3, "to_seq": 2}', "above"),
        ("pause", b'{"for_s": 3}', "for_s"),
        ("athlete", b"anna", "JSON"),
        ("athlete", b"\xff", "JSON"),
        ("athlete", b'{"athlete": "' + b"a" * 5000 + b'"}', "4096 bytes"),
        ("dance", b"{}", "athlete, exercise, pause"),
    ],
)
async def test_nonsense_gets_an_answer_that_names_what_is_wrong(
    mosquitto: Mosquitto, tmp_path: Path, what: str, payload: bytes, hint: str
) -> None:
    async with scene(mosquitto, tmp_path / "box") as (_, engine, heard, display):
        reply = await ask(display, heard, what, payload)
    assert not reply.ok
    assert hint in reply.text
    assert engine.asked == []


async def test_a_retained_command_is_not_done_again_at_every_connect(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    async with connect(mosquitto.settings) as display:
        await display.publish(Envelope(TOPICS.command("reset"), b"", retain=False))
        await display.publish(Envelope(TOPICS.command("reset"), b"{}", retain=True))
    async with scene(mosquitto, tmp_path / "box") as (_, engine, heard, display):
        await ask(display, heard, "pause", b"")
    assert [command.command for command in engine.asked] == ["pause"]


async def test_an_mqtt_5_request_is_answered_on_its_response_topic(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    asking = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call] # paho leaves it bare
    asking.ResponseTopic = "watch/7/answers"
    asking.CorrelationData = b"42"
    async with scene(mosquitto, tmp_path / "box") as (_, _, _, display):
        await display.client.subscribe("watch/7/answers")
        await display.client.publish(TOPICS.command("pause"), b"", qos=1, properties=asking)
        async with asyncio.timeout(5):
            message = await anext(aiter(display.client.messages))
    assert CommandReply.model_validate_json(bytes(message.payload)).ok
    assert message.properties is not None
    assert message.properties.CorrelationData == b"42"  # type: ignore[attr-defined] # set by name


def test_an_unknown_command_lists_the_known_ones() -> None:
    with pytest.raises(DeliveryError, match="resend"):
        parse_command("explode", b"")
