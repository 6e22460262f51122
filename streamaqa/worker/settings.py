"""What a worker is told: where it listens, what it serves, and how much a client may ask of it."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from streamaqa.assessment.wire import MAX_WINDOWS
from streamaqa.errors import UsageError
from streamaqa.settings import Settings
from streamaqa.windows import WindowPlan
from streamaqa.worker.line import LineSettings

PORT = 8040
TOKEN = "STREAMAQA_WORKER__TOKEN"  # noqa: S105  the variable's name
"""Holds the token; service managers hand it over in a file instead."""


class LimitSettings(Settings):
    """What one client may take of the worker."""

    windows: int = Field(default=MAX_WINDOWS, ge=1, le=MAX_WINDOWS)
    """Of one request."""
    body_bytes: int = Field(default=96 * 2**20, ge=2**16)
    """32 windows of 32 frames of 90 kB, which is what the frame path makes of 480 x 853 pixels."""
    frame_bytes: int = Field(default=2 * 2**20, ge=2**10)
    """Of one JPEG: twenty times what the frame path makes."""
    frame_pixels: int = Field(default=2**21, ge=1)
    """Of one JPEG, told by its header before it is decoded; 1920 x 1080 passes."""
    held_bytes: int = Field(default=2**30, ge=2**20)
    """Of all bodies that are being received or wait."""
    connections: int = Field(default=512, ge=1)
    head_s: float = Field(default=10.0, gt=0)
    """For a request's head to come."""
    body_s: float = Field(default=15.0, gt=0)
    """For a body to come: 3 MB over a Wi-Fi of 2 Mbit/s. Feedback that comes later is of no use."""


class WorkerSettings(Settings):
    """One worker process."""

    # a bad value is named without being shown: it may be the token
    model_config = ConfigDict(hide_input_in_errors=True)

    host: str = "127.0.0.1"
    port: int = Field(default=PORT, ge=0, le=65535)
    """0 takes a free one."""
    token: SecretStr | None = None
    """What clients must send as `Authorization: Bearer`; never logged."""
    weights: str = "tiny"
    """A folder or hub id of weights, `tiny`, or `random:0.5b` and `random:7b` for benches."""
    adapters: Mapping[str, Path] = {}
    """By the name that requests choose it by."""
    plan: WindowPlan | None = None
    """For weights without a contract; others state their own."""
    device: str | None = None
    """`cuda`, `cuda:1`, `cpu`; by default every GPU there is, one model each, and the CPU without any."""
    quantize: str | None = None
    service_time_s: float | None = Field(default=None, ge=0)
    """Sleep so long for each window instead of asking a model: for benches of everything else."""
    line: LineSettings = LineSettings()
    limits: LimitSettings = LimitSettings()
    decode_threads: int = Field(default_factory=lambda: min(8, os.cpu_count() or 1), ge=1)
    """One H200 at 7B takes 6.4 windows a second: 205 frames of 5 ms, one core."""
    decode_ahead: int = Field(default=16, ge=1)
    """Windows that are decoded and wait: two batches. 28 MB each at 32 x 384 x 384 pixels in bfloat16."""
    warm_up_s: float = Field(default=20.0, ge=0)
    """No further batch size is tried when this has passed; the first always is."""
    drain_s: float = Field(default=30.0, ge=0)
    """After SIGTERM, what was let in may take so long."""

    @field_validator("token")
    @classmethod
    def _usable(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None:
            text = token.get_secret_value()
            if not text or not text.isascii() or not text.isprintable() or " " in text:
                raise ValueError("a token is printable ASCII without spaces, and not empty")
        return token

    @model_validator(mode="after")
    def _guarded(self) -> WorkerSettings:
        if self.token is None and not is_loopback(self.host):
            raise ValueError(
                f"host {self.host} can be reached from elsewhere: give a token in {TOKEN} or --token-file"
            )
        return self

    @property
    def url(self) -> str:
        """Where clients of this machine reach it."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches that address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_token(file: Path | None, environment: Mapping[str, str]) -> SecretStr | None:
    """The token of a file, or of the environment; None without either. UsageError if a file holds none."""
    if file is None:
        given = environment.get(TOKEN)
        return SecretStr(given) if given is not None else None
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: no token can be read there: {error}") from error
    if not text:
        raise UsageError(f"{file}: the token file is empty")
    return SecretStr(text)
