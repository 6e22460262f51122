"""Commands in, replies out: `resend` here, the others by the engine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

import aiomqtt

from streamaqa.delivery.commands import CommandReply, EngineCommand, ResendCommand, parse_command
from streamaqa.delivery.outbox_thread import OutboxThread
from streamaqa.delivery.topics import Envelope, Topics
from streamaqa.errors import DeliveryError, StreamaqaError

log = logging.getLogger(__name__)

CommandHandler: TypeAlias = Callable[[EngineCommand], Awaitable[CommandReply]]
"""Does what is asked. A StreamaqaError becomes the text of a refusal."""

PAYLOAD_BYTES = 4096
"""No command needs more."""
ANSWER_S = 5.0
"""An engine that takes longer is stuck, and the display should know."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, ready to send."""

    envelope: Envelope
    correlation: bytes | None
    """The request's MQTT 5 correlation data."""
    resends: bool
    """Whether the outbox has something to send again."""


async def answer(
    message: aiomqtt.Message, topics: Topics, outbox: OutboxThread, handler: CommandHandler | None
) -> Reply | None:
    """Do what `message` asks and say so; None if it is not for us.

    A retained command is ignored: it would be done again at every reconnect. So is a topic we did not
    subscribe to, which amqtt brokers are known to send.
    """
    what = topics.command_of(str(message.topic))
    if what is None or message.retain:
        return None
    said = await _do(what, bytes(message.payload), outbox, handler)
    log.info("command %s: %s", what, said.text)
    return Reply(
        Envelope(_response_topic(message) or topics.reply(what), said.render()),
        getattr(message.properties, "CorrelationData", None),
        resends=bool(said.resent),
    )


async def _do(
    what: str, payload: bytes, outbox: OutboxThread, handler: CommandHandler | None
) -> CommandReply:
    request_id: str | None = None
    try:
        if len(payload) > PAYLOAD_BYTES:
            raise DeliveryError(f"{what}: a command has at most {PAYLOAD_BYTES} bytes")
        command = parse_command(what, payload)
        request_id = command.request_id
        if isinstance(command, ResendCommand):
            return await _resend(command, outbox)
        if handler is None:
            raise DeliveryError(f"{what}: nobody here can do that")
        async with asyncio.timeout(ANSWER_S):
            reply = await handler(command)
        return reply.model_copy(update={"request_id": request_id})
    except TimeoutError:
        text = f"{what}: the engine did not answer within {ANSWER_S:g} s"
    except StreamaqaError as error:
        text = str(error)
    return CommandReply(command=what, ok=False, text=text, request_id=request_id)


async def _resend(command: ResendCommand, outbox: OutboxThread) -> CommandReply:
    found = await outbox.resend(command.from_seq, command.to_seq)
    asked = command.to_seq - command.from_seq + 1
    text = f"{found.count} of {asked} messages go out again"
    if found.count < asked:
        text += f"; kept are {found.oldest} to {found.newest}"
    return CommandReply(
        command=command.command,
        ok=found.count > 0,
        text=text,
        request_id=command.request_id,
        resent=found.count,
        oldest_seq=found.oldest,
        newest_seq=found.newest,
    )


def _response_topic(message: aiomqtt.Message) -> str | None:
    """Where an MQTT 5 request wants its answer, if that is a topic one may publish on."""
    topic = getattr(message.properties, "ResponseTopic", None)
    if not isinstance(topic, str) or not topic or topic.startswith("$") or set(topic) & set("+#\0"):
        return None
    return topic
