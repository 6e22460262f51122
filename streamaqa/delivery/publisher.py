"""From the outbox to the broker, for as long as it takes; commands back.

One `Publisher` is one MQTT client with one last will, so one per camera. Three ways lead out of it:

    rep, feedback, set   through the outbox: in order, acknowledged, again after a reconnect
    cue, replies         at once or, while the broker is away, not later than they expire
    state, stats         the newest only, a few times a second

The broker's sessions are always clean: what was under way when a connection broke goes out again from the
outbox, in order, and a subscriber tells repeats by `id`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import aiomqtt

from streamaqa.delivery.answering import CommandHandler, answer
from streamaqa.delivery.connection import GIVE_UP_S, Link, connect
from streamaqa.delivery.outbox import Entry
from streamaqa.delivery.outbox_thread import OutboxThread
from streamaqa.delivery.settings import MqttSettings
from streamaqa.delivery.topics import Envelope, Sink, Topics
from streamaqa.errors import DeliveryError, UsageError, first

log = logging.getLogger(__name__)

CUES = 16
"""Cues that wait for the broker; they expire before as many reps are done."""
STEADY_S = 5.0
"""A connection that broke sooner counts as a failed attempt: two engines under one client id throw each
other out for ever."""

ONLINE, STOPPED, OFFLINE = b"online", b"stopped", b"offline"


class Publisher:
    """A `Sink` that publishes to a broker. Put `run()` into a TaskGroup; it ends when cancelled or closed.

    `also` gets every envelope as it is published, numbered: a recording, a page. `on_command` answers
    commands other than `resend`; without it they are refused.
    """

    def __init__(
        self,
        settings: MqttSettings,
        topics: Topics,
        outbox: OutboxThread,
        *,
        on_command: CommandHandler | None = None,
        also: Sequence[Sink] = (),
    ) -> None:
        self.settings = settings
        self.topics = topics
        self.outbox = outbox
        self.connected = asyncio.Event()
        """Set while the broker is there and `online` is said."""
        self.counts = {"delivered": 0, "connections": 0, "cues_dropped": 0, "states_skipped": 0}
        """For `stats`; they only rise."""
        self.on_command = on_command
        self._also = tuple(also)
        self._closing = asyncio.Event()
        self._ended = asyncio.Event()
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._cues: deque[tuple[float, Envelope]] = deque()
        self._cue_news = asyncio.Event()
        self._latest: dict[str, Envelope] = {}
        self._unseen: set[str] = set()
        self._state_news = asyncio.Event()
        self._last: dict[str, Envelope] = {}

    async def send(self, envelope: Envelope) -> None:
        """Take a message; returns when it is safe (outbox) or noted (others), not when it is delivered."""
        if envelope.topic in self.topics.numbered:
            envelope = (await self.outbox.append(envelope)).envelope
            self._idle.clear()
            self._news.set()
        elif envelope.qos == 0 and envelope.retain:
            self._show(envelope)
        else:
            self._say(envelope)
        for sink in self._also:
            await sink.send(envelope)

    async def run(self) -> None:
        """Connect, deliver, and connect again whenever the connection is lost, until cancelled or closed."""
        try:
            async with asyncio.TaskGroup() as tasks:
                staying = tasks.create_task(self._stay_connected(), name="mqtt")
                try:
                    await self._closing.wait()
                finally:
                    self._closing.set()  # also where this is cancelled: see `_stay_connected`
                    staying.cancel()
        finally:
            self._ended.set()

    async def flush(self, timeout_s: float) -> bool:
        """Wait until the broker has everything in the outbox; False if that took too long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        return self._idle.is_set()

    async def close(self) -> None:
        """End a `run()` that is under way: says `stopped`, leaves the rest in the outbox. Under a second."""
        self._closing.set()
        await self._ended.wait()

    # --- staying connected

    async def _stay_connected(self) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            began = loop.time()
            try:
                await self._connect_once()
            except (UsageError, DeliveryError) as error:
                if self._closing.is_set():
                    return  # a task group that is cancelled as a task of it fails tells of the failure alone
                failures = 1 if loop.time() - began > STEADY_S else failures + 1
                level = logging.WARNING if failures == 1 else logging.DEBUG
                log.log(level, "%s; trying again, messages wait in the outbox", error)
            await asyncio.sleep(self._backoff(failures))

    def _backoff(self, failures: int) -> float:
        """Seconds until the next attempt: doubling, with jitter, so that cameras do not come all at once."""
        longest = min(self.settings.backoff_max_s, self.settings.backoff_s * 2 ** min(failures - 1, 16))
        return secrets.SystemRandom().uniform(longest / 2, longest)

    async def _connect_once(self) -> None:
        name = self.settings.client_id or f"streamaqa-{self.topics.site}-{self.topics.camera}"
        async with connect(self.settings, client_id=name, will=self._availability(OFFLINE)) as link:
            try:
                await self._serve(link)
            except asyncio.CancelledError:
                with contextlib.suppress(TimeoutError, aiomqtt.MqttError):
                    async with asyncio.timeout(GIVE_UP_S):
                        await link.publish(self._availability(STOPPED))
                raise
            except ExceptionGroup as group:
                lost, other = group.split(aiomqtt.MqttError)
                if other is not None or lost is None:
                    raise
                raise DeliveryError(f"lost the broker at {self.settings.where} ({first(lost)})") from None
            finally:
                self.connected.clear()

    async def _serve(self, link: Link) -> None:
        """Everything that goes over one connection, until it breaks."""
        async with asyncio.TaskGroup() as tasks:
            await self._greet(link)
            tasks.create_task(self._deliver(link), name="mqtt outbox")
            tasks.create_task(self._speak(link), name="mqtt cues")
            tasks.create_task(self._keep_shown(link), name="mqtt state")
            tasks.create_task(self._obey(link), name="mqtt commands")

    async def _greet(self, link: Link) -> None:
        """`online`, and what should be retained, in case it is a broker without memory that has restarted."""
        limit = self.settings.ack_timeout_s
        await link.publish(self._availability(ONLINE), timeout_s=limit)
        await link.client.subscribe(self.topics.command(), qos=1, timeout=limit)
        for envelope in self._last.values():
            await link.publish(envelope, timeout_s=limit)
        self._unseen.update(self._latest)
        self._state_news.set()
        self.counts["connections"] += 1
        self.connected.set()
        log.info("connected to the broker at %s as %s", self.settings.where, link.client.identifier)

    def _availability(self, what: bytes) -> Envelope:
        return Envelope(self.topics.availability, what, retain=True)

    # --- rep, feedback, set

    async def _deliver(self, link: Link) -> None:
        """Keep up to `in_flight` messages under way, handed to the socket in order.

        Tasks start in the order they were made, and each gives its message to the socket before it waits.
        """
        under_way: set[int] = set()
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._news.clear()
                free = self.settings.in_flight - len(under_way)
                waiting = await self.outbox.pending(self.settings.in_flight) if free else []
                entries = [entry for entry in waiting if entry.seq not in under_way][:free]
                newest = {entry.envelope.topic: entry.seq for entry in entries if not entry.again}
                for entry in entries:
                    under_way.add(entry.seq)
                    is_last = newest.get(entry.envelope.topic) == entry.seq
                    tasks.create_task(self._hand_over(link, entry, under_way, is_last=is_last))
                if not entries:
                    if not under_way:
                        self._idle.set()
                    await self._news.wait()

    async def _hand_over(self, link: Link, entry: Entry, under_way: set[int], *, is_last: bool) -> None:
        """Publish one message, and its retained copy if it is the newest, until both are acknowledged."""
        envelopes = [entry.envelope]
        if is_last and entry.envelope.topic in self.topics.kept_last:
            last = replace(entry.envelope, topic=self.topics.last(entry.envelope.topic), retain=True)
            self._last[last.topic] = last
            envelopes.append(last)
        async with asyncio.TaskGroup() as tasks:
            for envelope in envelopes:
                tasks.create_task(link.publish(envelope, timeout_s=self.settings.ack_timeout_s))
        await self.outbox.acknowledge([entry.seq])
        under_way.discard(entry.seq)
        self.counts["delivered"] += 1
        self._news.set()

    # --- cue

    def _say(self, envelope: Envelope) -> None:
        if len(self._cues) == CUES:
            self._cues.popleft()
            self.counts["cues_dropped"] += 1
        self._cues.append((asyncio.get_running_loop().time(), envelope))
        self._cue_news.set()

    async def _speak(self, link: Link) -> None:
        while True:
            self._cue_news.clear()
            while self._cues:
                said, envelope = self._cues.popleft()
                late = asyncio.get_running_loop().time() - said
                if envelope.expires_s is not None and late > envelope.expires_s:
                    self.counts["cues_dropped"] += 1
                    continue
                try:
                    await link.publish(envelope, timeout_s=self.settings.ack_timeout_s)
                except aiomqtt.MqttError:
                    self._cues.appendleft((said, envelope))
                    raise
            await self._cue_news.wait()

    # --- state, stats

    def _show(self, envelope: Envelope) -> None:
        if envelope.topic in self._unseen:
            self.counts["states_skipped"] += 1
        self._latest[envelope.topic] = envelope
        self._unseen.add(envelope.topic)
        self._state_news.set()

    async def _keep_shown(self, link: Link) -> None:
        while True:
            await self._state_news.wait()
            self._state_news.clear()
            unseen, self._unseen = self._unseen, set()
            for topic in sorted(unseen):
                await link.publish(self._latest[topic], timeout_s=self.settings.ack_timeout_s)
            await asyncio.sleep(1 / self.settings.state_rate)

    # --- commands

    async def _obey(self, link: Link) -> None:
        async for message in link.client.messages:
            reply = await answer(message, self.topics, self.outbox, self.on_command)
            if reply is None:
                continue
            await link.publish(
                reply.envelope, timeout_s=self.settings.ack_timeout_s, correlation=reply.correlation
            )
            if reply.resends:
                self._idle.clear()
                self._news.set()
