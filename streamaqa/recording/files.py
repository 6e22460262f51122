"""The files that a recording is written to."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol


class NewFile(Protocol):
    """A file that is being written. `write` takes all of its data or raises OSError."""

    def write(self, data: bytes, /) -> int:
        """Hand all of `data` to the system; how many bytes that were."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Where the next write goes: Matroska's index is written back into its beginning."""

    def tell(self) -> int:
        """Where the next write goes."""

    def close(self) -> None:
        """More than once does no harm."""


Opener = Callable[[Path], NewFile]


class Unbuffered:
    """A file whose writes reach the system at once, so that they outlive this process.

    Raises:
        OSError: it exists, or cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb", buffering=0)

    def write(self, data: bytes, /) -> int:
        """All of `data`: a disk that is nearly full takes a part of it first."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file.fileno(), rest) :]
        return len(data)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """As files do."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """As files do."""
        return self._file.tell()

    def close(self) -> None:
        """As files do."""
        self._file.close()


class VideoFile:
    """The file of a muxer: opened by its first write, and silenced where it has failed.

    A muxer is made where its stream is known and written to by another thread; and one that failed still
    writes while it is being closed.
    """

    def __init__(self, opener: Callable[[], NewFile]) -> None:
        self._opener = opener
        self._file: NewFile | None = None
        self.silent = False
        """Take everything and keep nothing."""

    def write(self, data: bytes, /) -> int:
        """Pass on, unless silenced."""
        if self.silent:
            return len(data)
        if self._file is None:
            self._file = self._opener()
        return self._file.write(data)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Pass on."""
        return 0 if self._file is None else self._file.seek(offset, whence)

    def tell(self) -> int:
        """Pass on."""
        return 0 if self._file is None else self._file.tell()

    def close(self) -> None:
        """Pass on."""
        if self._file is not None:
            self._file.close()
