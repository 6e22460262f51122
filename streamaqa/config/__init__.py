"""The configuration: one YAML file joined from the stages' own settings, with the environment over it.

`STREAMAQA_MQTT__HOST=broker` stands for `mqtt: {host: broker}`, `STREAMAQA_CAMERAS__0__SOURCE` for the first
camera's source. Secrets come from the environment, or from a file that the YAML names, never from the YAML
itself: configurations are shown, sent and committed. Relative paths count from the working directory.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal
from urllib.parse import quote, urlsplit

import yaml
from platformdirs import user_state_path
from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from streamaqa.assessment.kinematic import KinematicSettings
from streamaqa.assessment.remote.settings import RemoteSettings
from streamaqa.config.reading import load_model
from streamaqa.config.shape import Shape
from streamaqa.delivery.settings import MqttSettings, OutboxSettings
from streamaqa.delivery.topics import Topics
from streamaqa.errors import UsageError
from streamaqa.exercises import EXERCISES
from streamaqa.feedback import FeedbackSettings
from streamaqa.pose import PoseSettings
from streamaqa.recording.settings import RecordingSettings
from streamaqa.segmentation.settings import SegmenterSettings
from streamaqa.settings import Settings
from streamaqa.sources.settings import LiveSettings
from streamaqa.windows import BufferSettings, WindowPlan

__all__ = [
    "AssessorSettings",
    "BrokerSettings",
    "CameraSettings",
    "Config",
    "LimitSettings",
    "StoreSettings",
    "describe",
    "dump",
    "load",
]

_SECRET_IN_QUERY = re.compile(r"[?&](?:pass\w*|pwd|token|auth\w*|api_?key|key|secret)=(?!\{)", re.IGNORECASE)


class CameraSettings(Settings):
    """One camera, and who lifts before it."""

    # a bad value is named without being shown: an address may hold a password
    model_config = ConfigDict(hide_input_in_errors=True)

    name: str
    """A level of its topics."""
    source: str
    """A camera number, a device, `rtsp://...`, a file, or `synthetic:squat`. Without credentials: they go
    where `{username}` and `{password}` stand, or before the host if neither does."""
    username: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None
    """A file that holds the password alone."""
    athlete: str | None = None
    """Until told otherwise by `command/athlete`."""
    exercise: str | None = None
    """A hint, by wire name; None to have it worked out."""
    height_m: float | None = Field(None, ge=1.0, le=2.5)
    """The athlete's height: velocities are then in metres a second. Another athlete's comes with theirs, in
    `command/athlete`."""

    @field_validator("source", mode="before")
    @classmethod
    def _numbers_are_cameras(cls, source: Any) -> Any:
        return str(source) if isinstance(source, int) and not isinstance(source, bool) else source

    @field_validator("source")
    @classmethod
    def _no_secret(cls, source: str) -> str:
        urlsplit(source)  # ValueError for what `address` could not take apart
        if re.match(r"\w+://[^/?#]*@", source) or _SECRET_IN_QUERY.search(source):
            raise ValueError(
                "credentials do not belong in the address: give username, and the password in the environment"
                " (STREAMAQA_CAMERAS__0__PASSWORD for the first camera) or in a file named by password_file"
            )
        return source

    @field_validator("name")
    @classmethod
    def _topic_level(cls, name: str) -> str:
        return _checked_level("camera", name)

    @field_validator("exercise")
    @classmethod
    def _known(cls, exercise: str | None) -> str | None:
        names = [known.name for known in EXERCISES]
        if exercise is not None and exercise not in names:
            raise ValueError(f"should be one of {', '.join(names)}, not {exercise!r}")
        return exercise

    @model_validator(mode="after")
    def _one_password(self) -> CameraSettings:
        if self.password and self.password_file:
            raise ValueError("give password or password_file, not both")
        return self

    def address(self) -> str:
        """What to open, credentials included: not for logs. UsageError if the password file is unreadable."""
        password = self._secret()
        username = quote(self.username or "", safe="")
        if "{username}" in self.source or "{password}" in self.source:
            return self.source.replace("{username}", username).replace(
                "{password}", quote(password or "", safe="")
            )
        parts = urlsplit(self.source)
        if not parts.netloc or not (username or password):
            return self.source
        login = username if password is None else f"{username}:{quote(password, safe='')}"
        return parts._replace(netloc=f"{login}@{parts.netloc}").geturl()

    def _secret(self) -> str | None:
        if self.password_file is None:
            return self.password.get_secret_value() if self.password else None
        try:
            return self.password_file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise UsageError(
                f"cannot read password_file {self.password_file} of camera {self.name}: {reason}"
            ) from None


class AssessorSettings(KinematicSettings, RemoteSettings):
    """Who judges, and how. `assessor: llava` alone stands for `assessor: {kind: llava}`.

    The keys of `kinematic` hold for the stand-in of `llava`, too.
    """

    ONE_WORD: ClassVar = "kind"
    """The key that a plain value in this section's place is for."""

    kind: Literal["kinematic", "llava"] = "kinematic"
    """`kinematic` judges by pose alone: no GPU, no weights. `llava` asks a worker, which looks at frames."""

    @model_validator(mode="before")
    @classmethod
    def _kind_alone(cls, given: Any) -> Any:
        return {cls.ONE_WORD: given} if isinstance(given, str) else given


class BrokerSettings(MqttSettings):
    """Which broker to publish to."""

    embedded: bool
    """Start a broker in this process, for this machine only. True unless a host is given."""

    @model_validator(mode="before")
    @classmethod
    def _embedded_without_host(cls, given: Any) -> Any:
        if isinstance(given, dict) and "embedded" not in given:
            return {**given, "embedded": "host" not in given}
        return given

    @model_validator(mode="after")
    def _on_this_machine(self) -> BrokerSettings:
        if self.embedded and (self.host not in ("127.0.0.1", "::1", "localhost") or self.tls):
            raise ValueError(
                "an embedded broker serves this machine only and without TLS: leave out host and tls"
            )
        return self


class StoreSettings(OutboxSettings):
    """Where messages wait for the broker."""

    folder: Path = Field(default_factory=lambda: user_state_path("streamaqa"))
    """One file for each camera lies here."""


class LimitSettings(Settings):
    """How much may wait between two stages."""

    frames: int = Field(4, ge=1, le=64)
    """Frames before the pose model: at 30 a second, 0.13 s of lag before a live source drops its oldest."""
    assessments: int = Field(8, ge=1, le=64)
    """Repetitions before the assessor: a whole set of eight, should it stall."""


class MetricsSettings(Settings):
    """Where `run` serves what Prometheus collects."""

    port: int | None = Field(None, ge=0, le=65535)
    """`http://address:port/metrics`; 0 takes a free port and says which. None serves nothing."""
    address: str = "127.0.0.1"
    """This machine only, unless told otherwise: the figures tell who trains when."""


class Config(Settings):
    """Everything that can be set."""

    site: str = "home"
    """The place, a level of every topic."""
    cameras: tuple[CameraSettings, ...] = ()
    live: LiveSettings = LiveSettings()
    """How cameras and streams are opened, and opened again."""
    pose: PoseSettings = PoseSettings()
    segmenter: SegmenterSettings = SegmenterSettings()
    assessor: AssessorSettings = AssessorSettings()
    plan: WindowPlan | None = None
    """How repetitions are cut for weights that do not say it themselves; None needs no frames kept."""
    buffer: BufferSettings = BufferSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    mqtt: BrokerSettings = Field(default_factory=lambda: BrokerSettings.model_validate({}))
    outbox: StoreSettings = Field(default_factory=StoreSettings)
    recording: RecordingSettings = RecordingSettings()
    limits: LimitSettings = LimitSettings()
    metrics: MetricsSettings = MetricsSettings()

    @field_validator("site")
    @classmethod
    def _topic_level(cls, site: str) -> str:
        return _checked_level("site", site)

    @field_validator("cameras")
    @classmethod
    def _names_differ(cls, cameras: tuple[CameraSettings, ...]) -> tuple[CameraSettings, ...]:
        twice = [name for name, count in Counter(camera.name for camera in cameras).items() if count > 1]
        if twice:
            raise ValueError(f"two cameras are named {twice[0]!r}")
        return cameras


def load(path: Path | None, environ: Mapping[str, str]) -> Config:
    """The configuration of a YAML file, or the default, with the environment over it.

    ConfigError lists every mistake, one line each: file, line and key, or the environment variable.
    """
    return load_model(Config, path, environ)


def dump(config: Config) -> str:
    """The whole configuration as YAML that `load` reads, secrets left out."""
    plain = _without_secrets(config.model_dump(mode="json"), Shape(Config))
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)


def _without_secrets(value: Any, shape: Shape | None) -> Any:
    if isinstance(value, dict):
        inner = {name: (item, shape.at((name,)) if shape else None) for name, item in value.items()}
        return {
            name: _without_secrets(item, at) for name, (item, at) in inner.items() if not (at and at.secret)
        }
    if isinstance(value, list):
        return [_without_secrets(item, shape.items if shape else None) for item in value]
    return value


def describe(config: Config) -> list[tuple[str, str]]:
    """What would run, as rows of (what, how) for people. Shows no secret."""
    mqtt, plan = config.mqtt, config.plan
    broker = f"embedded, port {mqtt.port} or a free one" if mqtt.embedded else mqtt.where
    if mqtt.username:
        broker += f" as {mqtt.username}"
    rows = [("site", config.site)]
    rows += [(f"camera {camera.name}", _describe_camera(camera)) for camera in config.cameras]
    if not config.cameras:
        rows.append(("cameras", "none: name a source on the command line"))
    rows += [
        ("pose model", str(config.pose.model or f"MediaPipe {config.pose.variant}")),
        ("assessor", _describe_assessor(config.assessor)),
        ("windows", "none" if plan is None else _describe_plan(plan)),
        ("broker", broker + (" with TLS" if mqtt.tls else "")),
        ("outbox", f"{config.outbox.folder}, {config.outbox.keep_days:g} days"),
        ("recording", _describe_recording(config.recording)),
    ]
    return rows


def _describe_camera(camera: CameraSettings) -> str:
    told = [
        f"athlete {camera.athlete}" if camera.athlete else "",
        camera.exercise.replace("_", " ") if camera.exercise else "any exercise",
        f"{camera.height_m:g} m" if camera.height_m else "",
    ]
    return f"{camera.source} ({', '.join(filter(None, told))})"


def _describe_assessor(assessor: AssessorSettings) -> str:
    if assessor.kind == "kinematic":
        return assessor.kind
    where = f"at {assessor.url}" if assessor.url else f"started here with weights {assessor.weights}"
    fewer = f", {' or '.join(map(str, assessor.frames))} frames" if assessor.frames else ""
    return f"llava, worker {where}, answer within {assessor.deadline_s:g} s{fewer}"


def _describe_recording(recording: RecordingSettings) -> str:
    if recording.folder is None:
        return "none: nothing is stored"
    what = "poses and messages" if not recording.video else "video, poses and messages"
    return f"{what} into {recording.folder}" + (", faces blurred" if recording.blur_faces else "")


def _describe_plan(plan: WindowPlan) -> str:
    rate = f" at {plan.fps:g} a second" if plan.fps else ""
    crop = ", cropped to the person" if plan.crop == "person" else ""
    return f"{plan.sampling}, {plan.frames} frames per {plan.unit}{rate}{crop}"


def _checked_level(what: str, name: str) -> str:
    try:
        Topics(site=name, camera=name)
    except UsageError as error:
        raise ValueError(str(error).removeprefix("site ")) from None
    if name.startswith("."):
        raise ValueError(f"a {what}'s name also names files, so it must not begin with a dot")
    return name
