"""Why a request gets no answer: status, reason and one line. `app` turns it into the response."""

from __future__ import annotations

from collections.abc import Mapping

from streamaqa.assessment.wire import Reason, Refusal
from streamaqa.errors import StreamaqaError

STATUS: Mapping[Reason, int] = {
    "malformed": 400,
    "token": 401,
    "host": 403,
    "not_found": 404,
    "method": 405,
    "timeout": 408,
    "too_large": 413,
    "invalid": 422,
    "late": 429,
    "full": 429,
    "internal": 500,
    "loading": 503,
    "draining": 503,
    "memory": 503,
}
LONGEST_LINE = 300
"""Characters of an error; it may quote what the client sent."""


class RefusedError(StreamaqaError):
    """A request that is answered with another status than 200."""

    def __init__(self, reason: Reason, error: str, *, retry_after_s: float | None = None) -> None:
        self.reason: Reason = reason
        self.error = _one_line(error)
        self.retry_after_s = retry_after_s
        super().__init__(self.error)

    @property
    def status(self) -> int:
        """Of the response."""
        return STATUS[self.reason]

    def told(self, forecast_ms: Mapping[int, float] | None = None) -> Refusal:
        """The response's body."""
        return Refusal(
            reason=self.reason,
            error=self.error,
            retry_after_s=self.retry_after_s,
            forecast_ms=forecast_ms or {},
        )


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    printable = "".join(letter if letter.isprintable() else "?" for letter in line)
    return printable if len(printable) <= LONGEST_LINE else printable[: LONGEST_LINE - 3] + "..."
