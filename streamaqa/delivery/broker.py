"""A small MQTT broker inside this process, for the demo and for first steps.

amqtt does the protocol (3.1.1 only). The listener is ours, so that the port is known, every connection's task
is owned, and closing is prompt. Use Mosquitto where more than one machine is involved: this broker listens on
loopback alone, asks for no password and forgets everything when it closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging

from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig, ListenerType
from amqtt.session import Session

from streamaqa.delivery.settings import PLAIN_PORT, MqttSettings
from streamaqa.errors import BrokerError

HOST = "127.0.0.1"
SETTLE_S = 0.3
"""For subscribers to get what was published just before the end."""
CLOSE_S = 0.2
"""For clients to be told; then their connections are dropped."""
_LISTENER = "default"
_NOISY = ("amqtt", "transitions")


class EmbeddedBroker:
    """An anonymous broker on loopback. Use as `async with`; `port` tells where it listens.

    Takes `port`, or a free one if that is taken. BrokerError if it cannot listen at all.
    """

    def __init__(self, port: int = PLAIN_PORT) -> None:
        self._wanted = port
        self._broker: _Broker | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._levels: dict[str, int] = {}

    @property
    def port(self) -> int:
        """Where it listens."""
        if self._server is None:
            raise BrokerError("the embedded broker is not running")
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def settings(self) -> MqttSettings:
        """What a client needs to connect."""
        return MqttSettings(host=HOST, port=self.port, protocol="3.1.1")

    async def __aenter__(self) -> EmbeddedBroker:
        self._hush()
        listener = ListenerConfig(type=ListenerType.EXTERNAL, bind="by us")
        plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
        self._broker = _Broker(BrokerConfig(listeners={_LISTENER: listener}, plugins=plugins))
        await self._broker.start()
        try:
            self._server = await self._listen()
        except OSError as error:
            await self.close()
            raise BrokerError(f"cannot listen on {HOST}: {error.strerror}") from None
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Drop all clients and stop, within a second; more than once does no harm."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        broker, self._broker = self._broker, None
        if broker is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_S):
                    await broker.settle()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await broker.shutdown()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        while self._levels:
            name, level = self._levels.popitem()
            logging.getLogger(name).setLevel(level)

    async def _listen(self) -> asyncio.Server:
        try:
            return await asyncio.start_server(self._accept, HOST, self._wanted)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            return await asyncio.start_server(self._accept, HOST, 0)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.get_running_loop().create_task(self._serve(reader, writer), name="embedded broker")
        self._connections.add(serving)
        serving.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        broker = self._broker
        try:
            if broker is not None:
                await broker.external_connected(
                    StreamReaderAdapter(reader), StreamWriterAdapter(writer), _LISTENER
                )
        except OSError as error:
            logging.getLogger(__name__).debug("a client of the embedded broker broke off: %s", error)
        finally:
            writer.transport.abort()

    def _hush(self) -> None:
        """Quiet the warnings about clients that come and go in unusual ways; nobody can act on them here."""
        for name in _NOISY:
            logger = logging.getLogger(name)
            self._levels[name] = logger.level
            logger.setLevel(logging.CRITICAL)


class _Broker(Broker):  # type: ignore[misc] # amqtt carries no types
    """amqtt with two mends: it can be waited for, and it hands retained messages only to who subscribed."""

    async def settle(self) -> None:
        """Until every message that was taken has been handed to its subscribers."""
        while self._under_way():  # noqa: ASYNC110 - amqtt has no event for it
            await asyncio.sleep(0.01)

    def _under_way(self) -> bool:
        return not self._broadcast_queue.empty() or any(not task.done() for task in self._tasks_queue)

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        subscribers = self.subscriptions.get(subscription[0], [])
        if any(subscriber.client_id == session.client_id for subscriber, _ in subscribers):
            await super()._publish_retained_messages_for_subscription(subscription, session)
