"""A coach that watches every repetition: video in, per-rep feedback out.

import streamaqa
async for rep in streamaqa.coach("set.mp4"):        # or "synthetic:squat", or a pose track "set.npz"
    print(rep.number, rep.exercise.name, rep.errors, rep.cue)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamaqa.coaching import coach

__all__ = ["coach"]


def __getattr__(name: str) -> object:
    # Imported when asked for: a program that wants one module should not load the whole engine.
    if name == "coach":
        from streamaqa.coaching import coach

        return coach
    raise AttributeError(f"module 'streamaqa' has no attribute {name!r}")
