"""From a message to every way out: numbered, put into its envelope, and handed to each sink in turn."""

from __future__ import annotations

from collections.abc import Sequence

from streamaqa.delivery.messages import AnyMessage, FeedbackMessage, RepMessage, SetMessage
from streamaqa.delivery.topics import Sink, Topics


class Outlet:
    """Says each message to every sink, in order.

    Args:
        topics: of the camera.
        sinks: an outbox numbers by itself, since its count survives restarts; the others get this outlet's.
    """

    def __init__(self, topics: Topics, sinks: Sequence[Sink]) -> None:
        self._topics = topics
        self._sinks = tuple(sinks)
        self._seq = 0

    async def say(self, message: AnyMessage) -> None:
        """Hand over one message, and its cue if it has one."""
        if isinstance(message, RepMessage | FeedbackMessage | SetMessage):
            self._seq += 1
            message = message.model_copy(update={"seq": self._seq})
        for sink in self._sinks:
            await sink.send(self._topics.envelope(message))
        if isinstance(message, FeedbackMessage) and message.cue:
            cue = self._topics.cue_envelope(message.cue)
            for sink in self._sinks:
                await sink.send(cue)
