"""Where the broker is, and how the outbox keeps messages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import ConfigDict, Field, SecretStr, model_validator

from streamaqa.errors import UsageError
from streamaqa.settings import Settings

PLAIN_PORT = 1883
TLS_PORT = 8883
"""As registered with IANA for MQTT."""


class MqttSettings(Settings):
    """The MQTT broker and how to reach it."""

    # a bad value is named without being shown: it may hold a password
    model_config = ConfigDict(hide_input_in_errors=True)

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """Name or address."""
    port: Annotated[int, Field(ge=1, le=65535)] = PLAIN_PORT
    """1883, or 8883 where `tls` is on and no port is given."""
    username: str | None = None
    password: SecretStr | None = None
    """Best given in the environment: `STREAMAQA_MQTT__PASSWORD`."""
    password_file: Path | None = None
    """A file that holds the password alone; for service managers that hand secrets over as files."""
    tls: bool = False
    ca_file: Path | None = None
    """Certificates to trust instead of the system's, PEM."""
    client_id: str | None = None
    """One per connection at the broker; by default `streamaqa-<site>-<camera>`."""
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    """`auto` tries MQTT 5 and goes back to 3.1.1 where the broker does not know it."""
    keepalive_s: Annotated[int, Field(ge=5, le=3600)] = 15
    """The broker publishes `offline` 1.5 times this after a cable is pulled."""
    connect_timeout_s: Annotated[float, Field(gt=0, le=60)] = 5.0
    """For name, TCP, TLS and the broker's answer, each."""
    ack_timeout_s: Annotated[float, Field(gt=0, le=60)] = 5.0
    """A broker that takes longer to acknowledge is connected to anew."""
    in_flight: Annotated[int, Field(ge=1, le=20)] = 16
    """Messages under way without acknowledgement; Mosquitto takes 20 at once by default."""
    backoff_s: Annotated[float, Field(gt=0)] = 0.5
    """Wait before the first reconnect; doubles with each failure, with jitter."""
    backoff_max_s: Annotated[float, Field(gt=0)] = 30.0
    state_rate: Annotated[float, Field(gt=0, le=50)] = 5.0
    """`state` messages a second at most."""

    @model_validator(mode="before")
    @classmethod
    def _tls_port(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("tls") and "port" not in given:
            return {**given, "port": TLS_PORT}
        return given

    @model_validator(mode="after")
    def _one_password(self) -> MqttSettings:
        if self.password and self.password_file:
            raise ValueError("give password or password_file, not both")
        if (self.password or self.password_file) and not self.username:
            raise ValueError("a password needs a username")
        if self.ca_file and not self.tls:
            raise ValueError("ca_file needs tls: true")
        return self

    @property
    def where(self) -> str:
        """Host and port for people; never holds credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def secret(self) -> str | None:
        """The password, read now; UsageError if its file cannot be read."""
        if self.password_file is None:
            return self.password.get_secret_value() if self.password else None
        try:
            return self.password_file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise UsageError(f"cannot read mqtt.password_file {self.password_file}: {reason}") from None

    @classmethod
    def from_url(cls, url: str) -> MqttSettings:
        """Settings from `mqtt://user@host:port` or `mqtts://...`; a bare `host` or `host:port` will do.

        UsageError if it cannot be read. A password in it is refused, since arguments are seen by every user
        of the machine and land in shell histories.
        """
        try:
            parts = urlsplit(url if "://" in url else f"mqtt://{url}")
        except ValueError:
            raise UsageError("cannot read the broker's URL as mqtt://[user@]host[:port]") from None
        if parts.scheme not in ("mqtt", "mqtts"):
            raise UsageError("the broker's URL must begin with mqtt:// or mqtts://")
        if parts.password is not None:
            raise UsageError(
                f"leave the password out of {_shown(parts)} and give it as STREAMAQA_MQTT__PASSWORD "
                "or in a file named by mqtt.password_file"
            )
        if not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
            raise UsageError(f"cannot read {_shown(parts)} as mqtt://[user@]host[:port]")
        tls = parts.scheme == "mqtts"
        return cls(
            host=parts.hostname,
            port=_port(parts) or (TLS_PORT if tls else PLAIN_PORT),
            username=unquote(parts.username) if parts.username else None,
            tls=tls,
        )


class OutboxSettings(Settings):
    """How messages are kept until, and for a while after, the broker has them."""

    durable: bool = False
    """False survives a killed engine (SQLite synchronous NORMAL); true also a power cut (FULL), one disk
    flush per message slower."""
    keep_messages: Annotated[int, Field(ge=100)] = 20_000
    """A gym's week: 3 messages a rep, 1,000 reps a day; about 30 MB."""
    keep_days: Annotated[float, Field(gt=0)] = 7.0
    """Delivered messages are kept this long for `command/resend`."""


def _port(parts: SplitResult) -> int | None:
    """The port, None if none is given; UsageError for one that cannot be."""
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise UsageError(f"cannot read the port after {_shown(parts)}: give a number from 1 to 65535")
    return port


def _shown(parts: SplitResult) -> str:
    """The URL without anything that may be a secret."""
    user = f"{parts.username}@" if parts.username else ""
    return f"{parts.scheme}://{user}{parts.hostname or ''}"
