"""The seam between a stream and the engine: a `Source` of frames, or a `PoseSource` of recorded poses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from streamaqa.types import Frame, Pose


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What is known of a stream once it is open."""

    name: str
    """For people; never holds credentials."""
    live: bool
    """A live source drops the oldest frame when the machine is slow; others wait."""
    size: tuple[int, int]
    """Width and height in pixels as shown (after rotation)."""
    fps: float | None = None
    """Nominal; the frames' own times are the truth."""
    frames: int | None = None
    """How many to expect, if known: for progress bars."""
    duration: float | None = None
    """Seconds, if known."""


@runtime_checkable
class Source(Protocol):
    """An opened stream of frames.

    Iterating blocks and is done by one thread. `close` frees everything, may be called from another thread
    and more than once, and ends an iteration that is under way.
    """

    @property
    def info(self) -> SourceInfo:
        """What is known of the stream."""

    def frames(self) -> Iterator[Frame]:
        """The frames, once, in time order. A corrupt frame costs that frame."""

    def close(self) -> None:
        """Free everything."""


@runtime_checkable
class PoseSource(Protocol):
    """A recorded pose track: a source that needs no pose model. Same rules as `Source`."""

    @property
    def info(self) -> SourceInfo:
        """What is known of the stream."""

    def poses(self) -> Iterator[Pose]:
        """The poses, once, in time order."""

    def close(self) -> None:
        """Free everything."""
