"""The thread that stores pictures, or packets as they come."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from streamaqa.recording.blur import blurred
from streamaqa.recording.files import NewFile, Silenced
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


class VideoLane:
    """Stores one session's video.

    Args:
        source: gives its packets, if it can, they stand for its pictures and no face is to be blurred; else
            pictures are encoded.
        failed: told in the thread, once, of what ended the video.
    """

    def __init__(
        self,
        file: NewFile,
        source: Source,
        settings: RecordingSettings,
        failed: Callable[[Exception], None],
    ) -> None:
        self.dropped = 0
        """Pictures or packets that a live source brought faster than they could be stored."""
        self._file, self._source, self._settings, self._failed = Silenced(file), source, settings, failed
        self._live = source.info.live
        self._gap = False
        template = None
        if isinstance(source, Copyable) and not settings.blur_faces:
            template = source.copy_to(self._packet)
        self.copies = template is not None
        """Whether packets are stored as they come."""
        self._writer: CopiedVideo | EncodedVideo | None = None
        self._lane: Lane[tuple[Frame, Pose] | Compressed]
        if template is not None:
            self._copied(template)
        else:
            self._lane = Lane("record video", PICTURES, self._encode, self._finish, self._fail)

    def _copied(self, template: VideoStream) -> None:
        self._writer = writer = CopiedVideo(self._file, template)

        def work(packets: Sequence[tuple[Frame, Pose] | Compressed]) -> None:
            for packet in packets:
                assert isinstance(packet, Compressed), "a copied video gets no pictures"
                writer.packet(packet)

        self._lane = Lane("record video", PACKETS, work, self._finish, self._fail)

    def picture(self, frame: Frame, pose: Pose) -> None:
        """Store a frame, unless packets are stored. Waits for room if the source can."""
        if self.copies:
            return
        if not self._live:
            self._lane.put((frame, pose))
        elif not self._lane.offer((frame, pose)):
            self.dropped += 1

    def stop(self) -> None:
        """Throw away what waits and what still comes."""
        self._lane.stop()

    def close(self) -> None:
        """Store what waits, and end the file."""
        self._lane.close()
        self._file.silent = True  # what failed above still has a trailer to write
        if self._writer is not None:
            with contextlib.suppress(Exception):
                self._writer.close()

    def _packet(self, packet: Compressed) -> None:
        """Take a packet; without one, those up to the next keyframe cannot be shown either."""
        if not self._live:
            self._lane.put(packet)
        elif (self._gap and not packet.keyframe) or not self._lane.offer(packet):
            self._gap = True
            self.dropped += 1
        else:
            self._gap = False

    def _encode(self, pictures: Sequence[tuple[Frame, Pose] | Compressed]) -> None:
        for item in pictures:
            assert not isinstance(item, Compressed), "an encoded video gets no packets"
            frame, pose = item
            image = blurred(frame.image, pose) if self._settings.blur_faces else frame.image
            if self._writer is None:
                size = (image.shape[1], image.shape[0])
                self._writer = EncodedVideo(self._file, size, self._source.info.fps, self._settings.crf)
            assert isinstance(self._writer, EncodedVideo)
            self._writer.picture(image, frame.time)

    def _finish(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def _fail(self, error: Exception) -> None:
        self._file.silent = True
        self._failed(error)
