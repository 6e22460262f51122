"""Which worker is asked, and how long a lifter waits for it."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from streamaqa.errors import UsageError
from streamaqa.settings import Settings
from streamaqa.windows import MAX_FRAMES

Seconds = Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)]
FrameCount = Annotated[int, Field(ge=1, le=MAX_FRAMES)]


class RemoteSettings(Settings):
    """The GPU worker as its client sees it."""

    # a bad value is named without being shown: it may hold a token
    model_config = ConfigDict(hide_input_in_errors=True)

    weights: str = "tiny"
    """For a worker that we start: a folder of weights, or `tiny`: random ones, to try everything out."""
    adapter: str | None = None
    """One of the adapters that the worker was given, by name; for a worker that we start, a folder. None for
    the weights as they are."""
    url: str | None = None
    """A worker that runs already, `https://host:port`; in the clear on this machine only. None starts one."""
    token: SecretStr | None = None
    """The worker's bearer token. Best given in the environment: `STREAMAQA_ASSESSOR__TOKEN`."""
    token_file: Path | None = None
    """A file that holds the token alone."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's, PEM."""
    deadline_s: Seconds = 3.0
    """From the end of a repetition to its feedback. Then the stand-in's answer goes out: a cue after the next
    repetition has begun helps nobody, and sets are lifted at 2 to 5 s a repetition."""
    stale_s: Seconds = 10.0
    """From the end of a repetition until a late answer is no longer worth an `update`: two or three
    repetitions later, or the lifter has racked the bar."""
    wait_s: Seconds = 120.0
    """How long a recording, which has time, waits for one answer before the stand-in judges."""
    start_s: Seconds = 600.0
    """How long a worker may take to load its weights; 15 GB from a slow disk take minutes."""
    frames: tuple[FrameCount, ...] = ()
    """Numbers of frames that may be sent in place of the plan's, such as [32, 16, 8], where fewer make the
    deadline; for uniform windows of weights that were trained with more. Empty keeps to the plan."""
    early: bool = True
    """Send the first phase while the second is under way, if the plan's unit is the phase."""
    connections: Annotated[int, Field(ge=1, le=64)] = 4
    """Requests under way at once: two repetitions, each with an early one, and one of each to spare."""
    restarts_a_minute: Annotated[int, Field(ge=0, le=60)] = 6
    """How often a worker that we started is started again; one that dies oftener is left alone a while."""

    @field_validator("url")
    @classmethod
    def _address(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("should be https://host:port, or http:// for this machine")
        if parts.username or parts.password or parts.query or parts.fragment or parts.path.strip("/"):
            raise ValueError(
                "should be https://host:port alone; a token goes into the environment as"
                " STREAMAQA_ASSESSOR__TOKEN, or into a file named by assessor.token_file"
            )
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            raise ValueError(
                f"http:// to {parts.hostname} would send pictures and token in the clear: use https://"
            )
        _ = parts.port  # ValueError for one that cannot be
        return url.rstrip("/")

    @field_validator("frames")
    @classmethod
    def _most_first(cls, frames: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(frames), reverse=True))

    @model_validator(mode="after")
    def _one_token(self) -> RemoteSettings:
        if self.token and self.token_file:
            raise ValueError("give token or token_file, not both")
        if self.stale_s < self.deadline_s:
            raise ValueError("stale_s should not be less than deadline_s")
        return self

    def secret(self) -> str | None:
        """The token, read now; UsageError if its file cannot be read."""
        if self.token_file is None:
            return self.token.get_secret_value() if self.token else None
        try:
            return self.token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise UsageError(f"cannot read assessor.token_file {self.token_file}: {reason}") from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
