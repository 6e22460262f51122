"""Messages as lines of a file, `{"topic": ..., "payload": ...}`: recordings and `replay --events`."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any, TextIO

from streamaqa.delivery.topics import Envelope
from streamaqa.errors import DeliveryError, UsageError


def as_json(envelope: Envelope) -> dict[str, Any]:
    """Topic and payload: a JSON object, or a string where it is plain text (`cue`, `availability`)."""
    text = envelope.payload.decode(errors="replace")
    payload: object = text
    if text.startswith("{"):
        try:
            payload = json.loads(text)
        except ValueError:
            payload = text
    return {"topic": envelope.topic, "payload": payload}


class EventsFile:
    """A sink that writes one JSON line per message. Use as `with`.

    Each line is flushed, so that a killed engine leaves whole lines and at most one broken one at the end.

    UsageError if the file cannot be made, DeliveryError if it cannot be written any more.
    """

    def __init__(self, path: Path | str, *, append: bool = False) -> None:
        self.path = Path(path)
        self.lines = 0
        """Written so far."""
        try:
            self._file: TextIO = self.path.open("a" if append else "w", encoding="utf-8")
        except OSError as error:
            raise UsageError(f"cannot write events to {path}: {error.strerror}") from None

    async def send(self, envelope: Envelope) -> None:
        """Write one line; so short that the loop does not notice."""
        try:
            self._file.write(json.dumps(as_json(envelope), ensure_ascii=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise DeliveryError(f"cannot write to {self.path}: {error.strerror}") from None
        self.lines += 1

    def close(self) -> None:
        """Close the file; more than once does no harm."""
        with contextlib.suppress(OSError):  # what could not be written was said when it was
            self._file.close()

    def __enter__(self) -> EventsFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
