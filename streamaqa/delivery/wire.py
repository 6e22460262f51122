"""How values look on the wire: rounding, ranges and the base of every message.

Rounding happens when a value enters a model, not when it leaves, so that a message equals what a subscriber
reads back: `parse(render(x)) == x`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, TypeAlias

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    PlainSerializer,
    WithJsonSchema,
)

SCHEMA_VERSION = 1
"""Rises when a field changes its meaning or goes away."""


def _to_ms(moment: datetime) -> datetime:
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _with_z(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


Seconds: TypeAlias = Annotated[FiniteFloat, AfterValidator(lambda value: round(value, 3))]
"""Rounded to a millisecond: a frame at 60 a second lasts 17 of them."""
Milliseconds: TypeAlias = Annotated[FiniteFloat, AfterValidator(lambda value: round(value, 1))]
Measure: TypeAlias = Annotated[FiniteFloat, AfterValidator(lambda value: round(value, 4))]
"""A length, a speed or a share; four places are finer than any pose model."""
Probability: TypeAlias = Annotated[Measure, Field(ge=0, le=1)]
Moment: TypeAlias = Annotated[
    AwareDatetime,
    AfterValidator(_to_ms),
    PlainSerializer(_with_z, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""UTC, written `2026-11-23T18:03:07.250Z`."""
Count: TypeAlias = Annotated[int, Field(ge=0)]
Ordinal: TypeAlias = Annotated[int, Field(ge=1)]


class Entry(BaseModel):
    """A part of a message: frozen, finite, and with no field but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Message(Entry):
    """What is published on a topic as JSON."""

    schema_version: Annotated[int, Field(ge=SCHEMA_VERSION, le=SCHEMA_VERSION)] = SCHEMA_VERSION

    def render(self) -> bytes:
        """As UTF-8 JSON."""
        return self.model_dump_json().encode()
