"""A recorded session's folder: what lies where, and `session.json`, which says what it is.

    session.json        who, when, from what, with which settings; its `ended` is filled in last
    poses.bin           the pose of each frame that was looked at, exact
    frames.jsonl        each frame: number, time, arrival, whether it was used or dropped
    video.mkv           the pictures, if the source had any; video-2.mkv, ... where a camera came back changed
    script.jsonl        commands, and what a live camera said of itself: each after which pose
    assessments.jsonl   each answer of the assessor
    events.jsonl        each message as {"topic", "payload"}

All but `session.json` are only ever appended to. A writer that is killed leaves at most half a line or record
at their ends, and what is in `events.jsonl` follows from poses and script that were written before it.
"""

from __future__ import annotations

import itertools
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from streamaqa.errors import SourceError
from streamaqa.sources.base import PoseSource, Source

SESSION: Final = "session.json"
POSES: Final = "poses.bin"
FRAMES: Final = "frames.jsonl"
VIDEO: Final = "video.mkv"
SCRIPT: Final = "script.jsonl"
ASSESSMENTS: Final = "assessments.jsonl"
EVENTS: Final = "events.jsonl"


def video_name(number: int) -> str:
    """The name of file `number` of the video; the first is 1."""
    return VIDEO if number == 1 else f"{Path(VIDEO).stem}-{number}{Path(VIDEO).suffix}"


def videos(folder: Path) -> list[Path]:
    """The files of the video that are there, in order."""
    names = itertools.takewhile(Path.exists, (folder / video_name(number) for number in itertools.count(1)))
    return list(names)


FORMAT: Final = "streamaqa-session"
VERSION: Final = 1
"""Rises when an older reader would misread a folder."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")  # a later version may say more


class SourceRecord(_Entry):
    """What was recorded from."""

    name: str
    live: bool
    size: tuple[int, int]
    fps: float | None
    pictures: bool
    """Frames; else poses only."""

    @classmethod
    def of(cls, source: Source | PoseSource) -> SourceRecord:
        """What is known of an opened source by now."""
        info = source.info
        pictures = isinstance(source, Source)
        return cls(name=info.name, live=info.live, size=info.size, fps=info.fps, pictures=pictures)


class Ended(_Entry):
    """How a recording came to its end. A session that was killed has none."""

    at: AwareDatetime
    reason: str | None = None
    """Why it ended before its session did: a full disk. None if it is complete."""
    frames: int = 0
    """Used by the engine."""
    dropped: int = 0
    """Dropped before the engine saw them."""
    video_dropped: int = 0
    """Pictures or packets that the video lacks since the machine was too slow to store them."""


class SessionRecord(_Entry):
    """`session.json`."""

    format: Literal["streamaqa-session"] = FORMAT
    version: int = VERSION
    session: str
    site: str
    camera: str
    athlete: str | None
    """At the start; `script.jsonl` tells of others."""
    epoch: AwareDatetime
    """UTC of stream time 0."""
    source: SourceRecord
    video: Literal["copied", "encoded", "mixed"] | None = None
    """Whether the source's packets were stored as they came, or its pictures encoded again; None if there
    were none. Mixed where a camera came back, and packets could be stored only before or after that."""
    blurred: bool = False
    """Whether faces were made unrecognisable in `video.mkv`."""
    settings: dict[str, Any]
    """What the messages depend on. No secrets."""
    engine: dict[str, str]
    """Versions."""
    ended: Ended | None = None

    @property
    def folder_name(self) -> str:
        """Camera, start and id: sorts by time within a camera."""
        return f"{self.camera}-{self.epoch:%Y%m%dT%H%M%SZ}-{self.session}"


def write(folder: Path, record: SessionRecord) -> None:
    """Write `session.json` at once or not at all. OSError if the disk does not take it."""
    unfinished = folder / f".{SESSION}"
    with unfinished.open("w", encoding="utf-8") as file:
        file.write(record.model_dump_json(indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(folder / SESSION)


def read(folder: Path) -> SessionRecord:
    """What `session.json` says; SourceError with one line if `folder` is no session that we can read."""
    path = folder / SESSION
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SourceError(f"{folder}: no recorded session: {SESSION} is missing{_hint(folder)}") from None
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be read: {_reason(error)}") from None
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        raise SourceError(f"{path}: does not describe a recorded session")
    if fields.get("version") != VERSION:
        version = fields.get("version")
        raise SourceError(
            f"{folder}: recorded in format {version}, this streamaqa reads {VERSION}: use the streamaqa that"
            " recorded it, or a newer one"
        )
    try:
        return SessionRecord.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SourceError(f"{path}: {where}: {first['msg']}") from None


def is_session(folder: Path) -> bool:
    """Whether a session was recorded here."""
    return (folder / SESSION).is_file()


def now_in(epoch: datetime) -> datetime:
    """The present, in the time zone of `epoch`."""
    return datetime.now(epoch.tzinfo)


def _hint(folder: Path) -> str:
    if not folder.is_dir():
        return ""
    inside = sorted(path for path in folder.iterdir() if path.is_dir() and is_session(path))
    return f"; it holds {len(inside)} sessions, the newest is {inside[-1].name}" if inside else ""


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
