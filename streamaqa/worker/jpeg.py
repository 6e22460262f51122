"""What a JPEG's header says, read before anything is decoded.

A picture of a few kilobytes can ask for gigabytes of pixels, or, progressive, for minutes of time: each of
thousands of scans is a pass over all of them. What the frame path writes is baseline, with one scan. So only
sequential JPEGs with as many scans as components can have are let through to the decoder.
Source: ITU-T T.81, annex B.
"""

from __future__ import annotations

from streamaqa.errors import WindowError

_START, _END = b"\xff\xd8", b"\xff\xd9"
_SEQUENTIAL = {0xC0, 0xC1}
_OTHER_FRAMES = set(range(0xC2, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Progressive, lossless, hierarchical and arithmetic. C4 and CC hold tables, C8 is reserved."""
_SCAN = 0xDA
_ALONE = {0x01, *range(0xD0, 0xD8)}
"""Markers without a length."""
_SCANS = 4
"""Components of a JPEG at most, each in a scan of its own."""
_TAIL = 64
"""Bytes of padding that cameras leave behind the end marker, at most."""


def size(jpeg: bytes) -> tuple[int, int]:
    """Width and height; WindowError for what is no whole sequential JPEG."""
    if not jpeg.startswith(_START):
        raise WindowError("no JPEG: it does not begin as one")
    found: tuple[int, int] | None = None
    at = 2
    while True:
        while jpeg[at : at + 2] == b"\xff\xff":  # fill bytes may stand before a marker
            at += 1
        marker, length = _segment(jpeg, at)
        if marker == _SCAN:
            break
        if marker in _OTHER_FRAMES:
            raise WindowError("a progressive or lossless JPEG, wanted a sequential one")
        if marker in _SEQUENTIAL:
            if found is not None:
                raise WindowError("a JPEG of several pictures")
            found = _size(jpeg, at, length)
        at += 2 + length
    if found is None:
        raise WindowError("a JPEG without size")
    if jpeg.count(b"\xff\xda", at) > _SCANS:
        raise WindowError("a JPEG of more scans than components")
    if jpeg.rfind(_END) < len(jpeg) - _TAIL:
        raise WindowError("a JPEG that is cut off")
    return found


def _segment(jpeg: bytes, at: int) -> tuple[int, int]:
    """The marker at a place, and how many bytes follow it up to the next."""
    if len(jpeg) < at + 4 or jpeg[at] != 0xFF:
        raise WindowError("a JPEG whose header is cut off or broken")
    marker = jpeg[at + 1]
    if marker in _ALONE:
        return marker, 0
    length = int.from_bytes(jpeg[at + 2 : at + 4], "big")
    if length < 2:
        raise WindowError("a JPEG whose header is cut off or broken")
    return marker, length


def _size(jpeg: bytes, at: int, length: int) -> tuple[int, int]:
    if length < 8 or len(jpeg) < at + 9:
        raise WindowError("a JPEG whose header is cut off or broken")
    height = int.from_bytes(jpeg[at + 5 : at + 7], "big")
    width = int.from_bytes(jpeg[at + 7 : at + 9], "big")
    if not width or not height:
        raise WindowError(f"a JPEG of {width} x {height} pixels")
    return width, height
