"""Every parameter of the segmenter, with its unit and its reason."""

from __future__ import annotations

from pydantic import Field

from streamaqa.settings import Settings


class SignalSettings(Settings):
    """How poses become signals."""

    ruler_s: float = Field(2.0, gt=0)
    """Seconds over which the scale of the picture is averaged: longer than a phase, shorter than a walk."""
    jump: float = Field(0.7, gt=0)
    """Torso lengths the shoulders may move between two poses before it is taken for somebody else."""
    jump_speed: float = Field(5.0, gt=0)
    """... and torso lengths a second more than that after a gap: a fast squat peaks at about 4."""
