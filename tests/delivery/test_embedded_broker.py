"""The embedded broker: loopback only, a free port if its own is taken, retained messages, prompt close."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from pathlib import Path

import aiomqtt
import psutil
import pytest
from brokers import free_port, subscribed
from promptly import promptly

from streamaqa.delivery.broker import EmbeddedBroker
from streamaqa.delivery.connection import check_broker, connect
from streamaqa.delivery.outbox_thread import OutboxThread
from streamaqa.delivery.publisher import Publisher
from streamaqa.delivery.topics import Envelope, Topics
from streamaqa.errors import BrokerError

TOPICS = Topics("gym", "rack")


async def test_the_whole_way_from_publisher_to_subscriber(tmp_path: Path) -> None:
    async with (
        EmbeddedBroker(0) as broker,
        subscribed(broker.settings) as heard,
        OutboxThread(tmp_path / "box") as outbox,
        asyncio.TaskGroup() as tasks,
    ):
        publisher = Publisher(broker.settings, TOPICS, outbox)
        tasks.create_task(publisher.run())
        for number in range(40):
            await publisher.send(Envelope(TOPICS.feedback, b'{"seq":0,"n":%d}' % number))
        await publisher.send(TOPICS.cue_envelope("Brace"))
        assert await publisher.flush(5)
        await heard.until(TOPICS.feedback, 40)
        await heard.until_payload(TOPICS.cue, b"Brace")
        await publisher.close()
        await heard.until_payload(TOPICS.availability, b"stopped")
    assert [json.loads(payload)["n"] for payload in heard.on(TOPICS.feedback)] == list(range(40))


async def test_retained_messages_reach_those_who_subscribe_and_nobody_else() -> None:
    async with EmbeddedBroker(0) as broker, subscribed(broker.settings):
        async with connect(broker.settings) as display:
            await display.publish(Envelope(TOPICS.state, b"now", retain=True))
        async with connect(broker.settings) as other:
            await other.client.subscribe("elsewhere/#")
            await asyncio.sleep(0.1)
            assert len(other.client.messages) == 0
        async with subscribed(broker.settings, TOPICS.state) as heard:
            await heard.until_payload(TOPICS.state, b"now")


async def test_a_client_that_dies_leaves_its_last_will() -> None:
    will = Envelope(TOPICS.availability, b"offline", retain=True)
    async with (
        EmbeddedBroker(0) as broker,
        subscribed(broker.settings) as heard,
        connect(broker.settings, will=will) as doomed,
    ):
        await doomed.publish(Envelope(TOPICS.availability, b"online", retain=True))
        open_socket = doomed.client._client.socket()
        assert isinstance(open_socket, socket.socket)
        open_socket.shutdown(socket.SHUT_RDWR)
        await heard.until_payload(TOPICS.availability, b"offline")


async def test_another_port_is_taken_if_the_wanted_one_is_in_use() -> None:
    wanted = free_port()
    async with EmbeddedBroker(wanted) as first, EmbeddedBroker(wanted) as second:
        assert first.port == wanted
        assert second.port != wanted
        await check_broker(second.settings)
        await check_broker(first.settings)


async def test_it_listens_on_loopback_alone() -> None:
    async with EmbeddedBroker(0) as broker:
        listening = [
            connection.laddr.ip
            for connection in psutil.Process().net_connections("inet")
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == broker.port
        ]
    assert listening == ["127.0.0.1"]


async def test_it_closes_at_once_with_clients_there_and_leaves_no_task(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broker = EmbeddedBroker(0)
    async with broker:
        settings = broker.settings
        _, idle = await asyncio.open_connection("127.0.0.1", broker.port)
        try:
            async with subscribed(settings), connect(settings) as client:
                await client.publish(Envelope(TOPICS.state, b"1"))
                with promptly():
                    await broker.close()
                with pytest.raises(aiomqtt.MqttError):
                    await client.publish(Envelope(TOPICS.state, b"2"), timeout_s=1)
        finally:
            idle.close()
    await asyncio.sleep(0.05)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    with pytest.raises(BrokerError):
        await check_broker(settings)
    assert [record for record in caplog.records if record.name.startswith(("amqtt", "transitions"))] == []


async def test_its_silence_ends_with_it() -> None:
    before = logging.getLogger("amqtt").level
    async with EmbeddedBroker(0):
        assert logging.getLogger("amqtt").level == logging.CRITICAL
    assert logging.getLogger("amqtt").level == before


async def test_rubbish_on_its_port_does_not_bring_it_down() -> None:
    async with EmbeddedBroker(0) as broker:
        for rubbish in (
            b"GET / HTTP/1.1\r\n\r\n",
            b"\x00" * 100,
            b"\x10\xff\xff\xff\xff\xff",
            b"\x10\x04\x00\x04MQ",
        ):
            _, writer = await asyncio.open_connection("127.0.0.1", broker.port)
            writer.write(rubbish)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        await asyncio.sleep(0.05)
        await check_broker(broker.settings)
