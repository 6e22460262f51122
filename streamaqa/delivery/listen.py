"""The subscriber's side: messages as they come, and a readable line for each rep."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import uuid
from collections.abc import AsyncGenerator, Callable
from typing import Any

import aiomqtt

from streamaqa.delivery.connection import connect
from streamaqa.delivery.settings import MqttSettings
from streamaqa.delivery.topics import ROOT, matches
from streamaqa.errors import BrokerError, UsageError

log = logging.getLogger(__name__)

EVERYTHING = f"{ROOT}/#"


async def listen(
    settings: MqttSettings,
    topic_filter: str = EVERYTHING,
    *,
    on_subscribed: Callable[[], None] | None = None,
) -> AsyncGenerator[tuple[str, bytes]]:
    """Topic and payload of each message, across reconnects. Close with `contextlib.aclosing`.

    `on_subscribed` is called at each subscription: what is published from then on is heard. A message may
    come twice (QoS 1). BrokerError if the broker cannot be reached the first time, UsageError if
    the filter is none.
    """
    try:
        aiomqtt.Wildcard(topic_filter)
    except ValueError:
        raise UsageError(f"{topic_filter!r} is no topic filter; {EVERYTHING} hears everything") from None
    name = f"streamaqa-listen-{uuid.uuid4().hex[:8]}"
    first = True
    while True:
        try:
            async with connect(settings, client_id=name) as link:
                await link.client.subscribe(topic_filter, qos=1)
                first = False
                if on_subscribed is not None:
                    on_subscribed()
                async for message in link.client.messages:
                    topic = str(message.topic)
                    # amqtt brokers are known to send what nobody subscribed to
                    if matches(topic, topic_filter):
                        yield topic, bytes(message.payload)
        except (BrokerError, aiomqtt.MqttError) as error:
            if first and isinstance(error, BrokerError):
                raise
            reason = error if isinstance(error, BrokerError) else f"lost the broker at {settings.where}"
            log.warning("%s; connecting again", reason)
        await asyncio.sleep(settings.backoff_s)


def describe(topic: str, payload: bytes) -> str | None:
    """One line for people; None for topics that have nothing to say, or that cannot be read.

    Reads tolerantly: a newer engine's further fields do no harm. What came over the network is shown without
    control characters.
    """
    levels = topic.split("/")
    if len(levels) != 4 or levels[0] != ROOT:
        return None
    where, what = f"{levels[1]}/{levels[2]}", levels[3]
    line = None
    with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
        line = _line(what, payload)
    return _printable(f"{where}  {line}") if line else None


def _line(what: str, payload: bytes) -> str | None:
    if what == "availability":
        return payload.decode()
    if what not in ("rep", "feedback", "set"):
        return None
    fields = json.loads(payload)
    return {"rep": _rep, "feedback": _feedback, "set": _set}[what](fields)


def _rep(fields: dict[str, Any]) -> str:
    tempo = fields["tempo"]
    line = (
        f"{_which(fields)}  {fields['end_s'] - fields['start_s']:.1f} s"
        f" ({tempo['lowering_s']:.1f} down, {tempo['pause_s']:.1f} hold, {tempo['lifting_s']:.1f} up)"
    )
    velocity, loss = fields.get("mean_lifting_velocity"), fields.get("velocity_loss")
    line += (
        "" if velocity is None else f"  velocity {velocity:.2f} {fields.get('velocity_unit', '')}".rstrip()
    )
    return line if loss is None else f"{line}  velocity loss {loss:.0%}"


def _feedback(fields: dict[str, Any]) -> str:
    named = {error["name"] for error in fields["errors"]}
    doubtful = fields.get("doubtful", ())
    parts = [_which(fields)]
    parts += [
        f"{error['name']} {error['probability']:.0%}{'?' * (error['name'] in doubtful)}"
        f" at {error['start_s']:.1f}-{error['end_s']:.1f} s"
        for error in fields["errors"]
    ]
    if unsure := [name for name in doubtful if name not in named]:
        parts.append(f"not sure: {', '.join(unsure)}")
    elif not named:
        parts.append("nothing seen" if fields["abstained"] else "nothing wrong seen")
    if fields["abstained"]:
        parts.append(f"not judged: {', '.join(fields['abstained'])}")
    if fields["cue"]:
        parts.append(f'"{fields["cue"]}"')
    if fields["degraded"]:
        parts.append("(stand-in)")
    if fields["kind"] == "update":
        parts.append("(update)")
    total = fields["latency_ms"]["total"]
    if total is not None:
        parts.append(f"{total:.0f} ms")
    return "  ".join(parts)


def _set(fields: dict[str, Any]) -> str:
    found = ", ".join(f"{error['name']} in {error['count']}" for error in fields["errors"])
    count = fields["reps"]
    reps = f"{fields['exercise']}  {count} rep{'' if count == 1 else 's'} in {fields['duration_s']:.0f} s"
    return "  ".join(filter(None, (f"set {fields['set_number']} over", reps, found, fields["text"])))


def _which(fields: dict[str, Any]) -> str:
    return f"set {fields['set_number']} rep {fields['rep']}  {fields['exercise']['name']}"


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text).rstrip()
