"""What is stored, and where. By default nothing is."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from streamaqa.settings import Settings


class RecordingSettings(Settings):
    """Whether sessions are stored. `--record DIR` sets `folder`."""

    folder: Path | None = None
    """Each session becomes a folder in it; None stores nothing."""
    video: bool = True
    """Store the pictures too; without them a session replays from its poses."""
    blur_faces: bool = False
    """Make the lifter's head unrecognisable before a picture is stored, and the whole picture where nobody
    was found. Others in the picture stay as they are: one person is followed."""
    crf: int = Field(23, ge=10, le=40)
    """Quality where the video has to be encoded, x264's scale; its default. Lower is better and larger."""
    min_free_mib: float = Field(256.0, ge=0.0)
    """Recording stops while this much of the disk is free: the outbox lives on it too, and needs less than
    a MiB an hour."""
