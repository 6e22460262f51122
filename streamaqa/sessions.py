"""One camera's session on its way into a recording, and out of it again."""

from __future__ import annotations

import asyncio
import contextlib
import platform
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import TypeAdapter, ValidationError

from streamaqa.assessment import Assessor, KinematicAssessor
from streamaqa.config import CameraSettings, Config
from streamaqa.delivery.builders import Session
from streamaqa.delivery.commands import Command, EngineCommand, ResendCommand
from streamaqa.delivery.events import as_json
from streamaqa.delivery.topics import Envelope
from streamaqa.errors import SourceError
from streamaqa.pipeline import CameraSaid, Script
from streamaqa.recording import Recorder, SessionRecord, SourceRecord, lines
from streamaqa.recording import session as layout
from streamaqa.sources import PoseSource, Source
from streamaqa.types import Assessment, AssessorInfo, Evidence, Finding, Rep

STAGES = ("pose", "segmenter", "assessor", "plan", "buffer", "feedback")
"""Parts of the configuration that messages depend on."""
OF_THE_MACHINE = {
    "pose": {"model", "sha256"},
    "assessor": {"weights", "url", "token", "token_file", "ca_file"},
}
"""Settings that name files and services of the machine that recorded, and secrets."""
KINEMATIC = "kinematic"
"""Name of the assessor whose answers follow from the poses."""
SAME_REP_S = 0.5
"""A repetition whose start is farther from the recorded one's is another one: other settings found it."""


# --- recording -------------------------------------------------------------------------------------------


class RecordingSink:
    """Hands each message to a recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    async def send(self, envelope: Envelope) -> None:
        """Never waits, never fails."""
        self._recorder.message(as_json(envelope))


def sinks_of(recorder: Recorder | None) -> list[RecordingSink]:
    """Where messages go to be recorded: nowhere without a recorder."""
    return [] if recorder is None else [RecordingSink(recorder)]


@contextlib.asynccontextmanager
async def recording(
    config: Config, camera: CameraSettings, session: Session, source: Source | PoseSource
) -> AsyncIterator[Recorder | None]:
    """A recorder for this session, if the configuration asks for one; completed when the block is left.

    `source` must not have been wrapped. UsageError if the folder cannot be written to; `source` is then
    closed.
    """
    if config.recording.folder is None:
        yield None
        return
    record = describe(config, camera, session, source)
    try:
        recorder = await asyncio.to_thread(Recorder, record, source, config.recording)
    except BaseException:
        source.close()
        raise
    try:
        yield recorder
    finally:
        await asyncio.shield(asyncio.to_thread(recorder.close))


def describe(
    config: Config, camera: CameraSettings, session: Session, source: Source | PoseSource
) -> SessionRecord:
    """What `session.json` says at the start."""
    settings: dict[str, Any] = config.model_dump(
        mode="json", include=set(STAGES), exclude=dict(OF_THE_MACHINE)
    )
    settings |= {"exercise": camera.exercise, "height_m": camera.height_m}
    return SessionRecord(
        session=session.id,
        site=session.site,
        camera=session.camera,
        athlete=session.athlete,
        epoch=session.epoch,
        source=SourceRecord.of(source),
        settings=settings,
        engine=_versions(),
    )


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in ("streamaqa", "mediapipe", "av", "numpy"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


# --- replaying -------------------------------------------------------------------------------------------


Key: TypeAlias = tuple[int, int]
"""Set and repetition."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was recorded of a session, ready to run again."""

    record: SessionRecord
    script: Script
    """What displays asked for, and what a live camera said of itself."""
    answers: Mapping[Key, tuple[float, Assessment]]
    """By set and repetition: its start, and what an assessor said of it."""
    late: Mapping[Key, Sequence[tuple[Key, Assessment]]]
    """By set and repetition: of which repetitions an assessor said what between its feedback and the next."""
    messages: Sequence[dict[str, Any]]
    """Topic and payload of each, in order."""

    @property
    def session(self) -> Session:
        """As it was at the start."""
        record = self.record
        return Session(record.session, record.site, record.camera, record.epoch, record.athlete)

    @property
    def seq(self) -> int:
        """The number of the last message before this session."""
        numbers = (message["payload"].get("seq", 0) for message in self.messages if _is_json(message))
        return max(next((number for number in numbers if number), 1) - 1, 0)

    def config(self, config: Config) -> Config:
        """`config` with the settings that the session was recorded with. SourceError if they are unknown."""
        own = config.model_dump(mode="python", include=set(OF_THE_MACHINE))
        recorded = {name: self.record.settings.get(name) for name in STAGES if name in self.record.settings}
        for stage, keys in OF_THE_MACHINE.items():
            recorded[stage] = {**(recorded.get(stage) or {}), **{key: own[stage][key] for key in keys}}
        try:
            part = Config.model_validate({**recorded, "site": self.record.site})
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise SourceError(
                f"the session was recorded with a setting that this version does not take: {where}:"
                f" {first['msg']}; give your own with --config"
            ) from None
        update = {name: getattr(part, name) for name in (*recorded, "site")}
        return config.model_copy(update=update)

    def camera(self, source: str, exercise: str | None) -> CameraSettings:
        """The camera as it was, with another hint if given."""
        return CameraSettings(
            name=self.record.camera,
            source=source,
            athlete=self.record.athlete,
            exercise=exercise or self.record.settings.get("exercise"),
            height_m=self.record.settings.get("height_m"),
        )

    def assessor(self, config: Config) -> Assessor | None:
        """Who answers as was recorded; None where the one that judges by pose did, for its answers follow."""
        others = {
            key: (start, answer)
            for key, (start, answer) in self.answers.items()
            if answer.degraded or answer.assessor.name != KINEMATIC
        }
        return RecordedAssessor(others, KinematicAssessor(config.assessor), self.late) if others else None

    @property
    def unordered(self) -> bool:
        """Whether the order of messages on different topics depended on how long an assessor took."""
        return self.record.source.live or (self.record.settings.get("assessor") or {}).get("kind") == "llava"


def read(folder: Path) -> Recorded:
    """A recorded session; SourceError with one line if `folder` holds none that we can read."""
    answers, late = _answers(folder)
    return Recorded(
        layout.read(folder), tuple(_script(folder)), answers, late, lines.read(folder / layout.EVENTS)
    )


def read_if_session(path: Path) -> Recorded | None:
    """The session in the folder `path`; None for what is no folder. SourceError as of `read`."""
    return read(path) if path.is_dir() else None


class RecordedAssessor:
    """Answers as was recorded.

    Args:
        answers: by set and repetition, with the repetition's start.
        other: judges repetitions that were not recorded.
        late: by set and repetition, what was said of others after it.
    """

    plan = None

    def __init__(
        self,
        answers: Mapping[Key, tuple[float, Assessment]],
        other: KinematicAssessor,
        late: Mapping[Key, Sequence[tuple[Key, Assessment]]] | None = None,
    ) -> None:
        self._answers = answers
        self._other = other
        self._late = late or {}
        self.info: AssessorInfo = next(iter(answers.values()))[1].assessor

    async def assess(self, evidence: Evidence) -> Assessment:
        """What was said of this repetition then."""
        rep = evidence.rep
        start, answer = self._answers.get((rep.set_number, rep.number), (None, None))
        if start is None or answer is None or abs(start - rep.start) > SAME_REP_S:
            return await self._other.assess(evidence)
        return answer

    def updates_after(self, rep: Rep) -> Sequence[tuple[Key, Assessment]]:
        """What was said late, between the feedback of this repetition and the next."""
        return self._late.get((rep.set_number, rep.number), ())


_COMMAND: TypeAdapter[EngineCommand | ResendCommand] = TypeAdapter(Command)


def _script(folder: Path) -> list[tuple[float, EngineCommand | CameraSaid]]:
    script: list[tuple[float, EngineCommand | CameraSaid]] = []
    for line in lines.read(folder / layout.SCRIPT):
        after = float("-inf") if line.get("after") is None else float(line["after"])
        if "notices" in line:
            script.append((after, CameraSaid(frozenset(line["notices"]), line.get("at"))))
            continue
        try:
            command = _COMMAND.validate_python(line.get("command"))
        except ValidationError:
            what = f"{folder / layout.SCRIPT}: a command that this version does not know"
            raise SourceError(f"{what}: {line.get('command')}") from None
        if not isinstance(command, ResendCommand):
            script.append((after, command))
    return script


def _answers(
    folder: Path,
) -> tuple[dict[Key, tuple[float, Assessment]], dict[Key, list[tuple[Key, Assessment]]]]:
    """Answers, and those that were said late by the repetition whose feedback they followed."""
    path = folder / layout.ASSESSMENTS
    answers: dict[Key, tuple[float, Assessment]] = {}
    late: dict[Key, list[tuple[Key, Assessment]]] = {}
    last: Key = (0, 0)
    try:
        for line in lines.read(path):
            key, assessment = (line["set"], line["rep"]), _assessment(line["assessment"])
            if line.get("update"):
                late.setdefault(last, []).append((key, assessment))
            else:
                answers[key] = line["start"], assessment
                last = key
        return answers, late
    except (KeyError, TypeError) as error:
        raise SourceError(f"{path}: not as this version writes it: {error}") from None


def _assessment(fields: Mapping[str, Any]) -> Assessment:
    return Assessment(
        exercise=fields["exercise"],
        exercise_probability=fields["exercise_probability"],
        findings=tuple(Finding(**finding) for finding in fields["findings"]),
        abstained=tuple(fields["abstained"]),
        assessor=AssessorInfo(**fields["assessor"]),
        degraded=fields["degraded"],
    )


def _is_json(message: Mapping[str, Any]) -> bool:
    return isinstance(message.get("payload"), dict)
