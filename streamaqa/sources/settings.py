"""Every parameter of live sources, with its unit and its reason."""

from __future__ import annotations

from pydantic import Field

from streamaqa.settings import Settings


class PictureSettings(Settings):
    """When a picture is taken for that of a camera in trouble."""

    frozen_s: float = Field(5.0, gt=0)
    """Seconds without any change. A lifter's pause is shorter, and nobody stands stiller than the noise."""
    still_levels: int = Field(3, ge=0, le=64)
    """Grey levels a point may change by and count as unchanged: what an encoder alters in a still picture."""
    black_s: float = Field(2.0, gt=0)
    """Seconds of black: longer than somebody walking close by."""
    black_level: int = Field(24, ge=1, le=255)
    """Grey level under which 98 of 100 points of a black picture lie: a covered lens has noise of about 5."""


class LiveSettings(Settings):
    """Cameras and streams: how long to wait, how to come back."""

    open_s: float = Field(5.0, gt=0)
    """Seconds until an opening that gets no answer is given up; a camera that starts up answers in 1 to 3."""
    silence_s: float = Field(4.0, gt=0)
    """Seconds without a picture after which the connection is given up: Wi-Fi stalls are 1 to 3 s, and TCP
    brings what they held back."""
    unreadable_s: float = Field(20.0, gt=0)
    """Seconds in which nothing that comes can be decoded, after which the connection is given up: more than
    the longest group of pictures of cameras that save bandwidth, about 10 s."""
    lost_s: float = Field(1.5, gt=0)
    """Seconds without a picture after which the camera is said to be lost: within 2 s of its last one."""
    retry_first_s: float = Field(0.1, gt=0)
    """Wait before the first try to come back; doubles with each try in vain."""
    retry_most_s: float = Field(2.0, gt=0)
    """... up to this, so that a camera that returns is found soon; a try every 1 to 2 s harms no camera."""
    late_s: float = Field(1.0, gt=0)
    """Seconds that pictures may be late, and for how long, before all up to the next key frame are left out:
    this machine then decodes more slowly than the camera sends."""
    camera_size: str = Field("640x480", pattern=r"^\d+x\d+$")
    """Asked of a V4L2 camera, which takes what is nearest: nearly all give this at 30 frames a second without
    compression, and the pose model looks at 256 pixels."""
    camera_fps: float = Field(30.0, gt=0)
    """Asked of a V4L2 camera."""
    picture: PictureSettings = PictureSettings()
