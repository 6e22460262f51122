"""What a conversation record is: one window of one clip, its question and its answer, and where it came from.

`convert` writes records, every later step reads them. On disk a record is one object of LLaVA's conversation
JSON (`id`, `video` or `image`, `conversations`) with our keys beside LLaVA's, which its loader ignores; the
same sample as `messages` stands in a second file for trainers that read roles and typed parts.

    records = read_records(Path("data/train.json"))
    records[0].turn                       # the user's turn, time instruction included
    records[0].errors                     # {"knees_inward": ((0.5, 1.2),)}, seconds from the first frame
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias, TypeVar

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from finetune.layout import Split
from streamaqa.dialogue import Answer, ErrorSpan, parse, user_turn
from streamaqa.dialogue.prompt import IMAGE
from streamaqa.errors import UsageError
from streamaqa.exercises import EXERCISES, Exercise
from streamaqa.settings import Settings
from streamaqa.types import PhaseKind
from streamaqa.windows import Box, WindowPlan

Interval: TypeAlias = tuple[float, float]
"""Start and end, seconds, start < end."""
Errors: TypeAlias = dict[str, tuple[Interval, ...]]
"""By wire name the errors that show, and when; () for one that is only known to show, as in a still."""
Unit: TypeAlias = Literal["clip", "rep", "phase", "still"]
"""What a window was cut from. `clip`: the whole video, which the paper takes for one repetition."""
Combination: TypeAlias = tuple[str, frozenset[str]]
"""An exercise and the set of its errors, by wire name: the class that balancing counts."""

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Read = TypeVar("Read")


class Turn(Settings):
    """One turn of a conversation, in LLaVA's words."""

    said_by: Literal["human", "gpt"] = Field(alias="from")
    value: str


class Record(Settings):
    """One training or test sample. Times are seconds; frames are the window's own."""

    id: str
    """Unique within a folder: the source's id, then what of it."""
    video: str | None = None
    """File below the folder's `video_folder`; for a still, None."""
    image: str | None = None
    """File below the folder's `image_folder`; for a video, None."""
    conversations: tuple[Turn, Turn]
    """As LLaVA-Video's training data has it: `<image>`, a new line and the question; then the answer."""

    source: str
    """Id of the clip, as in `clips.json`: windows of one clip share it."""
    split: Split
    exercise: str
    """Wire name."""
    errors: Errors
    """What shows, in seconds from the window's first frame."""
    judged: tuple[str, ...]
    """Wire names of the errors that somebody labelled here: of others nothing is known."""
    timed: bool
    """Whether question and answer tell times."""

    unit: Unit
    phase: PhaseKind | None = None
    number: int = 0
    """Which repetition of the clip, from 0."""
    window: int = 0
    """Which window of its unit, from 0."""
    span: Interval | None = None
    """Where the unit lies in the clip: frames with start <= time < end. None for a still."""
    start: Seconds = 0.0
    """Time in the clip of the window's first frame: add it to `errors` to get the clip's times."""
    frames: tuple[int, ...] = ()
    """Numbers of the window's frames in the clip, from 0, in order; empty for a still."""
    times: tuple[Seconds, ...] = ()
    """Seconds from the first frame, one for each of `frames`."""
    duration: Seconds = 0.0
    """Seconds of the window: last - first + one frame interval; 0 for a still."""
    crop: Box | None = None
    """What to cut out of each frame after serving's JPEG, in pixels of that picture."""
    plan: WindowPlan
    """By which the window was cut."""
    augment: dict[str, Any] | None = None
    """What is done to the pixels on loading, in `augment`'s words; None leaves them as they are."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.video is None) == (self.image is None):
            raise ValueError("wanted either video or image")
        if self.conversations[0].said_by != "human" or self.conversations[1].said_by != "gpt":
            raise ValueError("conversations: wanted a human's turn, then gpt's")
        if len(self.frames) != len(self.times) or (self.video is not None and not self.frames):
            raise ValueError("frames and times go together, and a video has some")
        for name, intervals in self.errors.items():
            if any(not 0 <= start < end for start, end in intervals):
                raise ValueError(f"errors: {name}: wanted 0 <= start < end")
        return self

    @property
    def still(self) -> bool:
        """Whether this is a still image."""
        return self.image is not None

    @property
    def file(self) -> str:
        """Of the video or image, relative to its folder."""
        return self.video or self.image or ""

    @property
    def question(self) -> str:
        """What is asked, without the image token and the time instruction."""
        return self.conversations[0].value.removeprefix(f"{IMAGE}\n")

    @property
    def answer(self) -> str:
        """What the model should say."""
        return self.conversations[1].value

    @property
    def turn(self) -> str:
        """The user turn as serving writes it: with the time instruction where the sample tells times."""
        if not self.timed:
            return user_turn(self.question)
        return user_turn(self.question, self.times, self.duration)

    @property
    def combination(self) -> Combination:
        """The class that balancing counts."""
        return self.exercise, frozenset(self.errors)

    def spoken(self, vocabulary: Sequence[Exercise] = EXERCISES) -> Answer:
        """The answer, read back."""
        return parse(self.answer, vocabulary)

    def with_answer(self, answer: str) -> Self:
        """The same record with another answer text."""
        return self.model_copy(update={"conversations": (self.conversations[0], _turn("gpt", answer))})

    def as_llava(self) -> dict[str, Any]:
        """One object of LLaVA's conversation JSON; None, empty and default values are left out."""
        plain = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        plain["plan"] = self.plan.model_dump(mode="json")
        return plain

    def as_messages(self, folder: Mapping[str, Path] | None = None) -> dict[str, Any]:
        """The same sample as roles and typed parts, as `processor.apply_chat_template` takes them.

        `folder`: by kind (`video`, `image`) what the file is below, to write whole paths.
        """
        kind = "image" if self.still else "video"
        path = str((folder[kind] / self.file) if folder else self.file)
        text = self.turn.removeprefix(f"{IMAGE}\n")
        pixels: dict[str, Any] = {"type": kind, "path": path}
        if self.span is not None and self.unit != "clip":
            pixels |= {"start": self.start, "end": round(self.start + self.duration, 6)}
        return {
            "id": self.id,
            "messages": [
                {"role": "user", "content": [pixels, {"type": "text", "text": text}]},
                {"role": "assistant", "content": [{"type": "text", "text": self.answer}]},
            ],
            **({"frames": list(self.frames)} if self.frames else {}),
        }


def conversation(question: str, answer: str) -> tuple[Turn, Turn]:
    """The two turns of a record, as LLaVA-Video's training data writes them."""
    return _turn("human", user_turn(question)), _turn("gpt", answer)


def _turn(said_by: Literal["human", "gpt"], value: str) -> Turn:
    return Turn.model_validate({"from": said_by, "value": value})


def said(interval: Interval, duration: float) -> Interval | None:
    """An interval as an answer about a window of `duration` seconds says it: in hundredths, inside it.

    None where nothing is left of it.
    """
    start, end = round(interval[0], 2), min(round(interval[1], 2), round(duration, 2))
    return (start, end) if start < end else None


def spans(
    errors: Mapping[str, Sequence[Interval]], duration: float, *, timed: bool = True
) -> tuple[ErrorSpan, ...]:
    """Errors as an answer says them, in their order; one with several intervals is said once for each.

    An error without intervals, and every error where times are not told, is named once, without times.
    """
    found: list[ErrorSpan] = []
    for name, intervals in errors.items():
        if not timed or not intervals:
            found.append(ErrorSpan(name))
            continue
        found += [ErrorSpan(name, *when) for interval in intervals if (when := said(interval, duration))]
    return tuple(found)


_MANY: TypeAdapter[list[Record]] = TypeAdapter(list[Record])


def read_records(path: Path) -> list[Record]:
    """The records of a file that `convert`, `augment` or `balance` wrote; UsageError as `read_whole`."""
    return read_whole(path, _MANY)


def read_whole(path: Path, kind: TypeAdapter[Read]) -> Read:
    """A JSON file as `kind`. UsageError names the file and the first place that is not as it should be."""
    try:
        return kind.validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        raise UsageError(f"{path}: {place(error)}") from None


def place(error: ValidationError) -> str:
    """The first thing that a file has wrong, and where."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    return f"{where.lstrip('.') or 'file'}: {first['msg']}"


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Write LLaVA's conversation JSON, whole or not at all: one record a line, so that a diff can be read."""
    lines = (json.dumps(record.as_llava(), ensure_ascii=False) for record in records)
    write_whole(path, "[\n" + ",\n".join(lines) + "\n]\n")


def write_messages(path: Path, records: Iterable[Record], folder: Mapping[str, Path] | None = None) -> None:
    """Write the `messages` form, one JSON object a line, whole or not at all."""
    lines = (json.dumps(record.as_messages(folder), ensure_ascii=False) for record in records)
    write_whole(path, "".join(f"{line}\n" for line in lines))


def write_whole(path: Path, text: str | bytes) -> None:
    """Write a file so that nobody ever reads half of it: under another name, then renamed."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            file.write(text.encode() if isinstance(text, str) else text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
