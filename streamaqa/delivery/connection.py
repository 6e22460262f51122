"""One MQTT connection as an `async with`: safe to cancel, and its errors say what to do.

aiomqtt connects in a thread of the loop's pool, which cannot be cancelled, and leaves its socket open when it
is cancelled or times out while it waits for the broker's answer. So the way to the broker is tried first
(name, TCP, TLS: each can be cancelled and has a limit), and only then does aiomqtt connect; if it does not
get through, its socket is closed here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from streamaqa.delivery.reach import reach
from streamaqa.delivery.settings import MqttSettings
from streamaqa.delivery.topics import Envelope
from streamaqa.errors import BrokerError

INCOMING = 1000
"""Messages kept for a slow reader; what does not fit is dropped."""
GIVE_UP_S = 0.3
"""For saying goodbye to a broker that may be dead: the engine leaves within a second."""

_paho_log = logging.getLogger(f"{__name__}.paho")
"""What paho logs also reaches us as an exception, and that is told once, in our words."""

# CONNACK codes of MQTT 3.1.1 (table 3.1) and MQTT 5 (section 3.2.2.2)
_UNSUPPORTED = frozenset({1, 132})
_WRONG_CLIENT_ID = frozenset({2, 133})
_NOT_AVAILABLE = frozenset({3, 136, 137})
_WRONG_PASSWORD = frozenset({4, 5, 134, 135})


@dataclass(frozen=True, slots=True)
class Link:
    """An open connection."""

    client: aiomqtt.Client
    v5: bool
    """Whether MQTT 5 is spoken: message expiry, correlation data."""

    async def publish(
        self, envelope: Envelope, *, timeout_s: float | None = None, correlation: bytes | None = None
    ) -> None:
        """Send; with QoS 1 until acknowledged. `aiomqtt.MqttError` if the connection is lost."""
        properties = None
        if self.v5 and (envelope.expires_s or correlation):
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call] # paho leaves it bare
            if envelope.expires_s:
                properties.MessageExpiryInterval = max(1, round(envelope.expires_s))
            if correlation:
                properties.CorrelationData = correlation
        await self.client.publish(
            envelope.topic,
            envelope.payload,
            envelope.qos,
            envelope.retain,
            properties,
            timeout=timeout_s,
        )


@contextlib.asynccontextmanager
async def connect(
    settings: MqttSettings, *, client_id: str | None = None, will: Envelope | None = None
) -> AsyncIterator[Link]:
    """An open connection; BrokerError with one line that says what to do if there is none to be had.

    `client_id` goes before the settings' own; without either it is a random one. Once open, a lost connection
    shows as `aiomqtt.MqttError` from whatever is being awaited.
    """
    tls = await reach(settings)
    name = client_id or settings.client_id or f"streamaqa-{uuid.uuid4().hex[:12]}"
    link = await _negotiate(settings, name, will, tls)
    try:
        yield link
    finally:
        await _leave(link.client)


async def check_broker(settings: MqttSettings) -> None:
    """Connect and leave again; BrokerError with one line that says what to do if that fails."""
    async with connect(settings, client_id=f"streamaqa-check-{uuid.uuid4().hex[:8]}"):
        pass


async def _negotiate(
    settings: MqttSettings, name: str, will: Envelope | None, tls: ssl.SSLContext | None
) -> Link:
    """Connect with the newest protocol that the settings allow and the broker speaks."""
    versions = {"auto": (True, False), "5": (True,), "3.1.1": (False,)}[settings.protocol]
    problem = ""
    for v5 in versions:
        client = _client(settings, name, will, tls, v5)
        try:
            await _enter(client)
        except MqttConnectError as error:
            problem = _refusal(settings, error)
            if _code(error) not in _UNSUPPORTED:
                break
        except aiomqtt.MqttError:
            problem = f"{settings.where} takes calls but does not answer as an MQTT broker: check mqtt.port"
        else:
            return Link(client, v5)
    raise BrokerError(problem)


def _client(
    settings: MqttSettings, name: str, will: Envelope | None, tls: ssl.SSLContext | None, v5: bool
) -> aiomqtt.Client:
    """A client that leaves nothing at the broker: the outbox sends again what was under way."""
    _paho_log.setLevel(logging.CRITICAL)
    client = aiomqtt.Client(
        settings.host,
        settings.port,
        username=settings.username,
        password=settings.secret(),
        logger=_paho_log,
        identifier=name,
        protocol=aiomqtt.ProtocolVersion.V5 if v5 else aiomqtt.ProtocolVersion.V311,
        keepalive=settings.keepalive_s,
        timeout=settings.connect_timeout_s,
        will=aiomqtt.Will(will.topic, will.payload, will.qos, will.retain) if will else None,
        tls_context=tls,
        max_queued_incoming_messages=INCOMING,
        # a message and its retained copy are two small writes: the second must not wait for the first's ACK
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    )
    # aiomqtt warns beyond this; the publisher bounds what is under way itself
    client.pending_calls_threshold = 2 * settings.in_flight
    return client


async def _enter(client: aiomqtt.Client) -> None:
    opening = asyncio.create_task(client.__aenter__(), name="mqtt connect")
    try:
        await asyncio.shield(opening)
    except BaseException:
        await _abandon(client, opening)
        raise


async def _abandon(client: aiomqtt.Client, opening: asyncio.Task[aiomqtt.Client]) -> None:
    """Close the socket of a client that is not through yet.

    aiomqtt's own task ends last: its callbacks trip over a connect that was cancelled under them.
    """
    paho = client._client  # aiomqtt itself offers no way to give up
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GIVE_UP_S):
            while paho.socket() is None and not opening.done():  # noqa: ASYNC110 - a thread sets it
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.01)  # that thread's call to watch the socket has arrived by now
    await _hang_up(client)
    opening.cancel()
    with contextlib.suppress(aiomqtt.MqttError, asyncio.CancelledError):
        await opening


async def _leave(client: aiomqtt.Client) -> None:
    """Say goodbye, or hang up on a broker that does not even take that."""
    with contextlib.suppress(TimeoutError, aiomqtt.MqttError):
        async with asyncio.timeout(GIVE_UP_S):
            await client.__aexit__(None, None, None)
    await _hang_up(client)
    lost = client._disconnected
    if lost.done() and not lost.cancelled():
        lost.exception()  # asyncio would log that nobody asked; whoever was waiting has been told


async def _hang_up(client: aiomqtt.Client) -> None:
    """Close what is still open without a word: the client reads an end of file and cleans up after itself."""
    paho = client._client
    open_socket = paho.socket()
    if open_socket is None:
        return
    assert isinstance(open_socket, socket.socket), "TCP or TLS; we open no WebSocket"
    with contextlib.suppress(OSError):
        open_socket.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GIVE_UP_S):
            while paho.socket() is not None:  # noqa: ASYNC110 - a callback of the loop's reader resets it
                await asyncio.sleep(0.005)


def _code(error: MqttConnectError) -> int:
    return error.rc if isinstance(error.rc, int) else error.rc.value if error.rc else -1


def _refusal(settings: MqttSettings, error: MqttConnectError) -> str:
    """Why the broker said no, and what to do."""
    code = _code(error)
    broker = f"the broker at {settings.where}"
    if code in _WRONG_PASSWORD:
        if settings.username is None:
            return f"{broker} wants a user name and password: give mqtt.username and STREAMAQA_MQTT__PASSWORD"
        return f"{broker} refuses user {settings.username!r}: check mqtt.username and the password"
    if code in _WRONG_CLIENT_ID:
        return f"{broker} does not accept our client id: choose another mqtt.client_id"
    if code in _UNSUPPORTED:
        return f"{broker} does not speak MQTT {settings.protocol}: set mqtt.protocol to auto"
    if code in _NOT_AVAILABLE:
        return f"{broker} is up but not ready: try again in a moment"
    return f"{broker} refuses the connection: {error}"
