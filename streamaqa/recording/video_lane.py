"""The thread that stores pictures, or packets as they come.

What a camera sends may change when it comes back: its size, its codec, whether its packets can be stored at
all. A Matroska track has one description, so each change begins another file: `video.mkv`, `video-2.mkv`, ...
A connection like the one before it goes on in the same file, from its first keyframe.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from streamaqa.recording.blur import blurred
from streamaqa.recording.files import NewFile, VideoFile
from streamaqa.recording.lane import Lane
from streamaqa.recording.settings import RecordingSettings
from streamaqa.recording.video import CopiedVideo, EncodedVideo
from streamaqa.sources.base import Compressed, Copyable, Source
from streamaqa.types import Frame, Pose

if TYPE_CHECKING:
    from av.video.stream import VideoStream

PICTURES: Final = 8
"""Pictures that may wait for the encoder: 50 MiB at 1080p, a quarter of a second."""
PACKETS: Final = 600
"""Packets that may wait for the disk: 20 s."""

Kind: TypeAlias = Literal["copied", "encoded", "mixed"]


class _Resumed:
    """In the queue: what follows belongs into the same file, from its next keyframe on."""


class _Part:
    """In the queue: what follows belongs into another file.

    Args:
        template: of the packets that follow; None if pictures do.
    """

    def __init__(self, opener: Callable[[], NewFile], template: VideoStream | None) -> None:
        self.file = VideoFile(opener)
        self.writer: CopiedVideo | EncodedVideo | None = None
        if template is not None:
            self.writer = CopiedVideo(self.file, template)

    def end(self) -> None:
        """Write its index, and close it."""
        try:
            if self.writer is not None:
                self.writer.close()
        finally:
            self.file.close()


_Item: TypeAlias = "tuple[Frame, Pose] | Compressed | _Part | _Resumed"


class VideoLane:
    """Stores one session's video. A `PacketTaker`.

    Args:
        opener: opens file number 1, 2, ... of the video, in the thread that writes.
        source: gives its packets, if it can, they stand for its pictures and no face is to be blurred; else
            pictures are encoded.
        failed: told in the thread, once, of what ended the video.
    """

    def __init__(
        self,
        opener: Callable[[int], NewFile],
        source: Source,
        settings: RecordingSettings,
        failed: Callable[[Exception], None],
    ) -> None:
        self.dropped = 0
        """Pictures or packets that a live source brought faster than they could be stored."""
        self.kind: Kind | None = None
        """How pictures are stored; None until that is known."""
        self._source, self._settings, self._failed, self._opener = source, settings, failed, opener
        self._live = source.info.live
        self._gap = False
        self._parts = 0
        self._part: _Part | None = None
        """Being written: belongs to the thread."""
        self._lock = threading.Lock()
        self._owed: _Part | _Resumed | None = None
        """To be put into the queue before the next packet or picture; guarded by the lock."""
        self._copied: tuple[str, bytes | None] | None = None
        """Codec and parameters of the packets that come now; None while pictures are encoded."""
        self._encoded_before = False
        self._since = 0
        """Number of the first frame that is stored as is done now."""
        if isinstance(source, Copyable) and not settings.blur_faces:
            source.copy_to(self)
        else:
            self.begin(None, 0)
        limit = PACKETS if self._live or self._copied is not None else PICTURES
        self._lane: Lane[_Item] = Lane("record video", limit, self._work, self._finish, self._fail)

    # --- told by the source and by the engine --------------------------------------------------------

    def begin(self, stream: VideoStream | None, first: int) -> None:
        """See `PacketTaker`."""
        like = None
        if stream is not None:
            like = (stream.codec_context.name, stream.codec_context.extradata)
        with self._lock:
            self._encoded_before = self.kind is not None and self._copied is None
            same = like == self._copied and self.kind is not None
            if not same:
                self._owed = _Part(self._open, stream)
            elif like is not None and not isinstance(self._owed, _Part):
                self._owed = _Resumed()
            kind: Kind = "encoded" if like is None else "copied"
            self.kind = kind if self.kind in (None, kind) else "mixed"
            self._copied, self._since, self._gap = like, first, False

    def packet(self, packet: Compressed) -> None:
        """See `PacketTaker`. Where one is missing, those up to the next keyframe cannot be shown either."""
        if not self._live:
            self._pay()
            self._lane.put(packet)
        elif (self._gap and not packet.keyframe) or not self._pay() or not self._lane.offer(packet):
            self._gap = True
            self.dropped += 1
        else:
            self._gap = False

    def picture(self, frame: Frame, pose: Pose) -> None:
        """Store a frame, unless its packet is stored. Waits for room if the source can."""
        if frame.number < self._since:  # seen by the engine only when its camera had come back
            self.dropped += self._encoded_before
        elif self._copied is None:
            if not self._live:
                self._pay()
                self._lane.put((frame, pose))
            elif self._lane.waiting >= PICTURES or not self._pay() or not self._lane.offer((frame, pose)):
                self.dropped += 1

    def _pay(self) -> bool:
        """Put into the queue what is owed to it; False if it has no room."""
        with self._lock:
            if self._owed is None:
                return True
            if not self._live:
                self._lane.put(self._owed)
            elif not self._lane.offer(self._owed):
                return False
            self._owed = None
            return True

    def stop(self) -> None:
        """Throw away what waits and what still comes."""
        self._lane.stop()

    def close(self) -> None:
        """Store what waits, and end the file."""
        self._lane.close()
        if self._part is not None:  # what failed has a trailer to write
            self._part.file.silent = True
            with contextlib.suppress(Exception):
                self._part.end()

    # --- in the thread -------------------------------------------------------------------------------

    def _open(self) -> NewFile:
        self._parts += 1
        return self._opener(self._parts)

    def _work(self, items: Sequence[_Item]) -> None:
        for item in items:
            if isinstance(item, _Part):
                self._finish()
                self._part = item
            elif isinstance(item, _Resumed):
                assert self._part is not None
                assert isinstance(self._part.writer, CopiedVideo)
                self._part.writer.resume()
            elif isinstance(item, Compressed):
                assert self._part is not None
                assert isinstance(self._part.writer, CopiedVideo), "packets follow their stream"
                self._part.writer.packet(item)
            else:
                self._encode(*item)

    def _encode(self, frame: Frame, pose: Pose) -> None:
        part = self._part
        assert part is not None
        image = blurred(frame.image, pose) if self._settings.blur_faces else frame.image
        if part.writer is None:
            size = (image.shape[1], image.shape[0])
            part.writer = EncodedVideo(part.file, size, self._source.info.fps, self._settings.crf)
        assert isinstance(part.writer, EncodedVideo), "pictures follow the end of packets"
        part.writer.picture(image, frame.time)

    def _finish(self) -> None:
        if self._part is not None:
            self._part.end()
            self._part = None

    def _fail(self, error: Exception) -> None:
        if self._part is not None:
            self._part.file.silent = True
        self._failed(error)
