"""The seam between a stream and the engine: a `Source` of frames, or a `PoseSource` of recorded poses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from streamaqa.types import Frame, Pose

if TYPE_CHECKING:
    from av.video.stream import VideoStream


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


@dataclass(frozen=True, slots=True)
class Compressed:
    """One packet of a video stream, as it came."""

    data: bytes
    time: float
    """When its picture is shown: the `time` of the frame that is decoded from it."""
    decode_time: float
    """Seconds of stream time; below `time` where pictures are stored out of order."""
    keyframe: bool


class PacketTaker(Protocol):
    """Whoever stores packets. Called by one thread at a time, and must not block for a live source."""

    def begin(self, stream: VideoStream | None, first: int) -> None:
        """What follows begins anew: with a file once, with a live source at each connection.

        Args:
            stream: where the packets that follow come from; to be read within this call only, as it may be
                gone after it. None where packets do not stand for the frames as given (turned, stretched,
                without times): then none follow.
            first: number of the first frame that this holds for.
        """

    def packet(self, packet: Compressed) -> None:
        """The next packet, in decoding order; before its frame is given unless frames are reordered."""


@runtime_checkable
class Copyable(Protocol):
    """A source whose compressed pictures can be stored as they are. Optional for a `Source`."""

    def copy_to(self, taker: PacketTaker) -> None:
        """Hand `taker` the packets, in the iterating thread. To be called before iterating."""


CAMERA_LOST, CAMERA_FROZEN, CAMERA_BLACK = "camera_lost", "camera_frozen", "camera_black"
CAMERA_RESIZED, CAMERA_TIMES, CAMERA_WRAPPED = "camera_resized", "camera_times", "camera_wrapped"
"""What may be wrong with a live camera, or is worth knowing of it: advice codes of `state`."""
BLIND = frozenset({CAMERA_LOST, CAMERA_FROZEN, CAMERA_BLACK})
"""Those under which nothing is known of the lifter."""


@runtime_checkable
class Watched(Protocol):
    """A live source that knows how its camera is. Asked from any thread, also while no frames come."""

    @property
    def notices(self) -> frozenset[str]:
        """What is wrong now: `CAMERA_LOST`, ..."""

    @property
    def counts(self) -> dict[str, int]:
        """What went wrong and was mended; only ever rises."""
