"""How values look on the wire: rounding, ranges and the base of every message.

Rounding happens when a value enters a model, not when it leaves, so that a message equals what a subscriber
reads back: `parse(render(x)) == x`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, TypeAlias

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

SCHEMA_VERSION: Final = 1


def _places(digits: int) -> Callable[[float], float]:
    return lambda value: round(value, digits)


def _to_ms(moment: datetime) -> datetime:
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _with_z(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


Seconds: TypeAlias = Annotated[FiniteFloat, AfterValidator(_places(3))]
"""Rounded to a millisecond: a frame at 60 a second lasts 17 of them."""
Milliseconds: TypeAlias = Annotated[FiniteFloat, AfterValidator(_places(1))]
Measure: TypeAlias = Annotated[FiniteFloat, AfterValidator(_places(4))]
"""A length, a speed or a share; four places are finer than any pose model."""
Probability: TypeAlias = Annotated[FiniteFloat, Field(ge=0, le=1), AfterValidator(_places(4))]
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

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=True,  # the schema explains its fields
        json_schema_serialization_defaults_required=True,
    )


class Message(Entry):
    """What is published on a topic as JSON."""

    schema_version: Literal[1] = SCHEMA_VERSION
    """Rises when a field changes its meaning or goes away; fields may be added without."""

    def render(self) -> bytes:
        """As UTF-8 JSON."""
        return self.model_dump_json().encode()
