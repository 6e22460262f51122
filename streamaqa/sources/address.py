"""What a user writes for a live source, as FFmpeg wants it, and a name for it without credentials."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from streamaqa.errors import SourceError
from streamaqa.sources.settings import LiveSettings

_LIVE = re.compile(r"^(\d+|/dev/.*|(rtsps?|https?|rtmps?|udp|tcp)://.*)$", re.IGNORECASE)

_NONBLOCK = "+4"
"""AVFMT_FLAG_NONBLOCK, which has no name among the options. Without it a V4L2 camera that sends nothing
blocks in the kernel, where no time-out reaches."""


def is_live(spec: str) -> bool:
    """Whether this names a camera or a stream."""
    return _LIVE.match(spec) is not None


@dataclass(frozen=True, slots=True)
class Address:
    """Where a live source is, and how FFmpeg is to open it."""

    target: str = field(repr=False)
    """With credentials: for FFmpeg alone."""
    name: str
    """For people."""
    format: str | None = None
    """FFmpeg's name of the format; None to find out."""
    options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, spec: str, settings: LiveSettings) -> Address:
        """A camera number, a device or the address of a stream.

        Raises:
            SourceError: it cannot be taken apart. Never shows the address, which may hold a password.
        """
        if spec.isdigit() or spec.startswith("/dev/"):
            return _device(spec, settings)
        return _stream(spec, settings)


def _device(spec: str, settings: LiveSettings) -> Address:
    path = f"/dev/video{int(spec)}" if spec.isdigit() else spec
    asked = {"video_size": settings.camera_size, "framerate": f"{settings.camera_fps:g}"}
    return Address(path, f"camera {spec}" if spec.isdigit() else spec, "v4l2", asked | {"fflags": _NONBLOCK})


def _stream(spec: str, settings: LiveSettings) -> Address:
    try:
        parts = urlsplit(spec)
        host, port = parts.hostname, parts.port
        rest = parts.path + parts.query + parts.fragment
    except ValueError:
        host = port = None
        rest = ""
    # An unescaped / # or ? ends the login early, and what is left of the password would be shown as the path.
    if not host or "@" in rest:
        raise SourceError(
            "the address of the stream cannot be read: it should look like rtsp://host:554/path, with "
            "special characters of user name and password percent-encoded (@ as %40, / as %2F, # as %23)"
        )
    scheme = parts.scheme.lower()
    where = f"[{host}]" if ":" in host else host
    path = "" if "=" in parts.path else parts.path.rstrip("/")  # some cameras want the password in the path
    name = f"{scheme}://{where}{f':{port}' if port else ''}{path}"
    return Address(spec, name, None, _options(scheme, settings))


def _options(scheme: str, settings: LiveSettings) -> dict[str, str]:
    """FFmpeg's options for a stream.

    `nobuffer` is left out: it throws away what was read to analyse the stream, the key frame with it, and
    there would be no picture until the next one. `low_delay` is left out: it hands reordered frames out of
    order, and a stream without them has no such delay.
    """
    microseconds = f"{settings.silence_s * 1e6:.0f}"
    options = {"analyzeduration": "1000000", "fpsprobesize": "0"}  # 1 s: the rate is not worth waiting for
    if scheme.startswith("rtsp"):
        return options | {"rtsp_transport": "tcp", "timeout": microseconds}
    if scheme == "udp":
        return options | {"timeout": microseconds}
    return options | {"rw_timeout": microseconds}
