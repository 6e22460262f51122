"""From a message to every way out: put into its envelope, and handed to each sink in turn."""

from __future__ import annotations

from collections.abc import Sequence

from streamaqa.delivery.messages import AnyMessage, FeedbackMessage
from streamaqa.delivery.topics import Sink, Topics
from streamaqa.feedback.settings import CUE_EXPIRES_S


class Outlet:
    """Says each message of one camera to every sink, in order; a cue is of no use after `cue_expires_s`."""

    def __init__(self, topics: Topics, sinks: Sequence[Sink], cue_expires_s: float = CUE_EXPIRES_S) -> None:
        self._cue_expires_s = cue_expires_s
        self._topics = topics
        self._sinks = tuple(sinks)

    async def say(self, message: AnyMessage) -> None:
        """Hand over one message, and its cue if it has one."""
        for sink in self._sinks:
            await sink.send(self._topics.envelope(message))
        if isinstance(message, FeedbackMessage) and message.cue:
            cue = self._topics.cue_envelope(message.cue, self._cue_expires_s)
            for sink in self._sinks:
                await sink.send(cue)
