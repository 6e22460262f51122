"""What a display may ask of an engine, on `command/<what>`, and the reply.

A request is a JSON object or, where a command needs nothing, an empty payload.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from streamaqa.delivery.wire import Count, Entry, Message, Ordinal
from streamaqa.errors import DeliveryError


class _Request(Entry):
    request_id: Annotated[str, Field(max_length=128)] | None = None
    """Comes back in the reply."""


class AthleteCommand(_Request):
    """From now on this athlete lifts; ends the running set."""

    command: Literal["athlete"] = "athlete"
    athlete: Annotated[str, Field(max_length=128)] | None
    """Null for nobody in particular."""
    height_m: Annotated[float, Field(ge=1.0, le=2.5)] | None = None
    """Metres; makes velocities metres a second. Null for what was last said of that athlete, here or in the
    configuration."""


class ExerciseCommand(_Request):
    """A hint which exercise comes next; null takes the hint back."""

    command: Literal["exercise"] = "exercise"
    exercise: str | None


class PauseCommand(_Request):
    """Count and say nothing until `resume`."""

    command: Literal["pause"] = "pause"


class ResumeCommand(_Request):
    """Go on after `pause`."""

    command: Literal["resume"] = "resume"


class ResetCommand(_Request):
    """End the running set and forget the lifter's baseline."""

    command: Literal["reset"] = "reset"


class ResendCommand(_Request):
    """Send messages again, both ends included."""

    command: Literal["resend"] = "resend"
    from_seq: Ordinal
    to_seq: Ordinal

    @model_validator(mode="after")
    def _in_order(self) -> ResendCommand:
        if self.from_seq > self.to_seq:
            raise ValueError("from_seq must not be above to_seq")
        return self


EngineCommand: TypeAlias = AthleteCommand | ExerciseCommand | PauseCommand | ResumeCommand | ResetCommand
"""Commands that the pipeline answers; `resend` is answered by the publisher."""
Command: TypeAlias = Annotated[EngineCommand | ResendCommand, Field(discriminator="command")]

COMMANDS = ("athlete", "exercise", "pause", "resume", "reset", "resend")


class CommandReply(Message):
    """The answer to a command, on `command/<what>/reply` or the request's MQTT 5 response topic."""

    kind: Literal["reply"] = "reply"
    command: str
    ok: bool
    text: str
    """What was done, or what to do differently."""
    request_id: str | None = None
    resent: Count | None = None
    """Of `resend`: how many messages go out again. Fewer than asked for where some are no longer kept."""
    oldest_seq: Count | None = None
    """Of `resend`: the oldest message still kept; 0 for none."""
    newest_seq: Count | None = None
    """Of `resend`: the newest message."""


_FIELDS: TypeAdapter[dict[str, object]] = TypeAdapter(dict[str, object])
_COMMAND: TypeAdapter[EngineCommand | ResendCommand] = TypeAdapter(Command)


def parse_command(what: str, payload: bytes) -> EngineCommand | ResendCommand:
    """Read the request that came on `command/<what>`; DeliveryError with one line if it cannot be read."""
    if what not in COMMANDS:
        raise DeliveryError(f"no command {what[:40]!r}: there are {', '.join(COMMANDS)}")
    try:
        fields = _FIELDS.validate_json(payload or b"{}")
        return _COMMAND.validate_python({**fields, "command": what})
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"] if part != what)
        raise DeliveryError(f"{what}: {where + ': ' if where else ''}{first['msg']}") from None
