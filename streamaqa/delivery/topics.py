"""Where messages go: topic names, and the `Envelope` and `Sink` that every way out speaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from streamaqa.delivery.messages import (
    CUE_BYTES,
    AnyMessage,
    FeedbackMessage,
    RepMessage,
    SetMessage,
    StateMessage,
    StatsMessage,
)
from streamaqa.errors import UsageError
from streamaqa.feedback.settings import CUE_EXPIRES_S

ROOT = "streamaqa"
QoS: TypeAlias = Literal[0, 1]
NAME_BYTES = 128
"""Generous, and keeps a topic far below MQTT's 65,535 bytes."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message, ready to send."""

    topic: str
    payload: bytes
    qos: QoS = 1
    retain: bool = False
    expires_s: float | None = None
    """Not worth delivering after this many seconds; None for always."""


class Sink(Protocol):
    """Where messages go: a broker, a file, a page."""

    async def send(self, envelope: Envelope) -> None:
        """Take one message. Does not wait for the network."""


@dataclass(frozen=True, slots=True)
class Topics:
    """The topic names of one camera.

    UsageError if `site` or `camera` cannot be one level of a topic.
    """

    site: str
    camera: str

    def __post_init__(self) -> None:
        for what, name in (("site", self.site), ("camera", self.camera)):
            _check_level(what, name)

    @property
    def base(self) -> str:
        """What all topics of this camera begin with, without a slash at its end."""
        return f"{ROOT}/{self.site}/{self.camera}"

    @property
    def availability(self) -> str:
        """`online`, `stopped` or `offline`, retained."""
        return f"{self.base}/availability"

    @property
    def state(self) -> str:
        """Live state, retained."""
        return f"{self.base}/state"

    @property
    def rep(self) -> str:
        """One message per repetition, at once."""
        return f"{self.base}/rep"

    @property
    def feedback(self) -> str:
        """One message per repetition, judged; sometimes an update."""
        return f"{self.base}/feedback"

    @property
    def set(self) -> str:
        """One message per set."""
        return f"{self.base}/set"

    @property
    def cue(self) -> str:
        """Plain text for watches."""
        return f"{self.base}/cue"

    @property
    def stats(self) -> str:
        """Counters, retained."""
        return f"{self.base}/stats"

    @property
    def numbered(self) -> tuple[str, str, str]:
        """Topics whose messages carry `seq` and go through the outbox."""
        return self.rep, self.feedback, self.set

    @property
    def kept_last(self) -> tuple[str, str]:
        """Topics whose newest message is also retained on `<topic>/last`."""
        return self.feedback, self.set

    def last(self, topic: str) -> str:
        """Where the newest message of `topic` is retained."""
        return f"{topic}/last"

    def command(self, what: str = "+") -> str:
        """Where a command comes in; the default is the filter for all."""
        return f"{self.base}/command/{what}"

    def reply(self, what: str) -> str:
        """Where a command is answered."""
        return f"{self.command(what)}/reply"

    def command_of(self, topic: str) -> str | None:
        """Which command `topic` carries, or None if it is none of this camera's command topics."""
        before, slash, what = topic.rpartition("/")
        return what if slash and before == f"{self.base}/command" and what else None

    def envelope(self, message: AnyMessage) -> Envelope:
        """The message in its envelope: topic, QoS and retain as DESIGN's table has them."""
        match message:
            case RepMessage():
                return Envelope(self.rep, message.render())
            case FeedbackMessage():
                return Envelope(self.feedback, message.render())
            case SetMessage():
                return Envelope(self.set, message.render())
            case StateMessage():
                return Envelope(self.state, message.render(), qos=0, retain=True)
            case StatsMessage():
                return Envelope(self.stats, message.render(), qos=0, retain=True)

    def cue_envelope(self, cue: str, expires_s: float = CUE_EXPIRES_S) -> Envelope:
        """The cue in its envelope, cut to 64 bytes between characters."""
        return Envelope(self.cue, cut_utf8(cue, CUE_BYTES).encode(), expires_s=expires_s)


def cut_utf8(text: str, limit: int) -> str:
    """The longest beginning of `text` that has at most `limit` bytes as UTF-8."""
    return text.encode()[:limit].decode(errors="ignore")


def matches(topic: str, topic_filter: str) -> bool:
    """Whether MQTT would deliver `topic` to a subscription to `topic_filter` (MQTT 3.1.1, section 4.7)."""
    names, levels = topic.split("/"), topic_filter.split("/")
    if topic.startswith("$") and levels[0] in ("+", "#"):
        return False
    for index, level in enumerate(levels):
        if level == "#":
            return True
        if index >= len(names) or level not in ("+", names[index]):
            return False
    return len(names) == len(levels)


def _check_level(what: str, name: str) -> None:
    if not name or len(name.encode(errors="replace")) > NAME_BYTES:
        raise UsageError(f"{what} {name[:20]!r}: give a name of 1 to {NAME_BYTES} bytes")
    for character in name:
        if character in "/+#" or not character.isprintable():
            raise UsageError(
                f"{what} {name!r}: {character!r} cannot stand in an MQTT topic; choose another name"
            )
    if name.startswith("$"):
        raise UsageError(f"{what} {name!r}: a name must not begin with $; choose another one")
