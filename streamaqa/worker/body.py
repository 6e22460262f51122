"""A request's body, read as it comes in and refused at the first byte that is one too many.

Nothing is written to disk, and what is held is what the limits allow: part headers are counted and short,
the part `request` comes first and says how many frames follow, and each frame's JPEG header is looked at as
soon as the frame is whole.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from streamaqa.assessment.wire import FRAME_PART, REQUEST_PART, AssessRequest
from streamaqa.errors import WindowError
from streamaqa.worker import jpeg
from streamaqa.worker.refused import RefusedError
from streamaqa.worker.settings import LimitSettings

JSON_BYTES = 256 * 2**10
"""Of the part `request`: 32 windows of 32 times in full precision are 30 kB."""
_HEADERS = 4
_HEADER_BYTES = 512
"""Of one header line: ours has 60."""


@dataclass(frozen=True)
class Body:
    """A whole request."""

    asked: AssessRequest
    frames: tuple[bytes, ...]


class BodyReader:
    """Takes a body in pieces. Raises `RefusedError` as soon as it cannot be right any more."""

    def __init__(self, content_type: str, limits: LimitSettings) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise RefusedError("malformed", f"content type {content_type[:80]!r}, wanted multipart/form-data")
        self.received = 0
        """Bytes."""
        self._limits = limits
        self._asked: AssessRequest | None = None
        self._frames: list[bytes] = []
        self._part = bytearray()
        self._header: list[bytes] = [b"", b""]
        self._name: str | None = None
        self._ended = False
        self._parser = self._made(boundary)

    def _made(self, boundary: bytes) -> MultipartParser:
        try:
            return MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._on_field,
                    "on_header_value": self._on_value,
                    "on_header_end": self._on_header,
                    "on_headers_finished": self._on_headers,
                    "on_part_data": self._on_data,
                    "on_part_end": self._on_part,
                    "on_end": self._on_end,
                },
                max_header_count=_HEADERS,
                max_header_size=_HEADER_BYTES,
            )
        except FormParserError as error:
            raise RefusedError("malformed", str(error)) from error

    def feed(self, data: bytes) -> None:
        """The next piece."""
        self.received += len(data)
        if self.received > self._limits.body_bytes:
            raise RefusedError("too_large", f"a body of more than {self._limits.body_bytes} bytes")
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise RefusedError("malformed", f"no multipart body: {error}") from error

    def finish(self) -> Body:
        """The whole request, when no more comes."""
        if not self._ended:
            raise RefusedError("malformed", f"the body is cut off after {self.received} bytes")
        if self._asked is None:
            raise RefusedError("malformed", f"no part {REQUEST_PART!r}")
        if len(self._frames) != self._asked.frames:
            raise RefusedError(
                "invalid",
                f"{len(self._frames)} frames for {self._asked.frames} times: one frame for each time",
            )
        return Body(self._asked, tuple(self._frames))

    # --- what the parser says --------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._ended:
            raise RefusedError("malformed", "parts behind the end of the body")
        self._name = None
        self._part = bytearray()

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0] += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1] += data[start:end]

    def _on_header(self) -> None:
        field, value = self._header
        self._header = [b"", b""]
        if field.lower() == b"content-disposition":
            kind, options = parse_options_header(value)
            if kind == b"form-data" and b"name" in options:
                self._name = options[b"name"].decode("utf-8", "replace")

    def _on_headers(self) -> None:
        wanted = REQUEST_PART if self._asked is None else FRAME_PART
        if self._name != wanted:
            raise RefusedError(
                "malformed",
                f"a part {str(self._name)[:40]!r} where {wanted!r} was wanted: "
                f"first {REQUEST_PART!r}, then every {FRAME_PART!r}",
            )
        if self._asked is not None and len(self._frames) >= self._asked.frames:
            raise RefusedError(
                "invalid", f"more frames than the {self._asked.frames} times: one for each time"
            )

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._part += memoryview(data)[start:end]
        most = JSON_BYTES if self._asked is None else self._limits.frame_bytes
        if len(self._part) > most:
            what = REQUEST_PART if self._asked is None else f"{FRAME_PART} {len(self._frames)}"
            raise RefusedError("too_large", f"part {what} has more than {most} bytes")

    def _on_part(self) -> None:
        content = bytes(self._part)
        self._part = bytearray()
        if self._asked is None:
            self._asked = read_request(content, self._limits)
        else:
            check_frame(content, len(self._frames), self._limits)
            self._frames.append(content)

    def _on_end(self) -> None:
        self._ended = True


def read_request(content: bytes, limits: LimitSettings) -> AssessRequest:
    """The part `request`; RefusedError, saying what is wrong with which field."""
    try:
        asked = AssessRequest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        raise _refusal(first) from None
    if len(asked.windows) > limits.windows:
        raise RefusedError("too_large", f"{len(asked.windows)} windows, wanted at most {limits.windows}")
    return asked


def _refusal(first: ErrorDetails) -> RefusedError:
    where = ".".join(str(step) for step in first["loc"])
    said = first["msg"].removeprefix("Value error, ")
    if first["type"] == "json_invalid":
        return RefusedError("malformed", f"part {REQUEST_PART!r} is no JSON: {said}")
    return RefusedError(
        "too_large" if first["type"] == "too_long" else "invalid", f"{where or 'request'}: {said}"
    )


def check_frame(content: bytes, number: int, limits: LimitSettings) -> None:
    """RefusedError unless the header promises a JPEG of a size that will be decoded."""
    try:
        width, height = jpeg.size(content)
    except WindowError as error:
        raise RefusedError("invalid", f"frame {number}: {error}") from error
    if width * height > limits.frame_pixels:
        raise RefusedError(
            "too_large",
            f"frame {number} is {width} x {height} pixels, wanted at most {limits.frame_pixels} in all",
        )
