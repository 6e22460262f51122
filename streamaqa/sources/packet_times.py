"""Gives the packets of a live stream the stream times of their frames. Knows nothing of FFmpeg.

A packet is there before its frame is stamped, and where pictures are stored out of order it is there long
before. FFmpeg's decoder hands each frame the mark of its packet, so which belongs to which is known and not
guessed from times that may be broken.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from streamaqa.sources.base import Compressed

REORDERED_MOST = 16
"""Frames that H.264 and HEVC may hold back (max_dec_frame_buffering). A packet overtaken by more has no frame
of its own: the second field of an interlaced picture, or one that could not be decoded."""
STEP_S = 0.001
"""How long after the one before it such a packet is put: what Matroska can tell apart."""


@dataclass(slots=True)
class _Waiting:
    mark: int
    data: bytes
    keyframe: bool
    time: float | None = None
    frameless: bool = False


class PacketTimes:
    """The packets of one connection, in decoding order.

    Args:
        take: gets each packet once its frame has been stamped; with cameras, which reorder nothing, that is
            before its frame is given.
    """

    def __init__(self, take: Callable[[Compressed], None]) -> None:
        self._take = take
        self._waiting: deque[_Waiting] = deque()
        self._marks = 0
        self._begun = False
        """Whether a frame was shown; what comes before the first gives none."""
        self._last = -STEP_S

    def packet(self, data: bytes, *, keyframe: bool) -> int:
        """A packet that is about to be decoded; returns the mark that its frame is to bear."""
        self._marks += 1
        self._waiting.append(_Waiting(self._marks, data, keyframe))
        if len(self._waiting) > REORDERED_MOST:
            self._waiting[0].frameless = True
            self._pass_on()
        return self._marks

    def shown(self, mark: int, time: float) -> None:
        """The frame that bears `mark` is shown at `time`, seconds of stream time."""
        found = next((one for one in self._waiting if one.mark == mark), None)
        if found is None:
            return
        found.time = time
        if found.keyframe:  # what was sent before a keyframe is shown before it, or never
            for one in itertools.takewhile(lambda one: one is not found, self._waiting):
                one.frameless = one.time is None
        self._pass_on()
        self._begun = True

    def frameless(self, mark: int) -> None:
        """The packet with this mark gives no whole frame. It is kept: others may refer to it."""
        for one in self._waiting:
            if one.mark == mark:
                one.frameless = True
        self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting and (self._waiting[0].frameless or self._waiting[0].time is not None):
            # a decoding time is not after any time of showing that is still to come
            known = [one.time for one in self._waiting if one.time is not None]
            head = self._waiting.popleft()
            if head.time is None and not self._begun:
                continue
            at = self._last + STEP_S if head.time is None else head.time
            self._last = at
            self._take(Compressed(head.data, at, min([at, *known]), head.keyframe))
