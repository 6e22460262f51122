"""Folders that a verb leaves behind: one run at a time writes to one, and a summary says that it is whole."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from streamaqa.errors import UsageError


@contextmanager
def claim(out: Path, lock: str, summaries: Sequence[str]) -> Iterator[None]:
    """Make the folder `out` ours while this lasts.

    Its summaries are taken away, since they are no longer true, and so is what a killed run left half
    written. UsageError if it holds files of another kind, or another run is writing to it.

    Args:
        out: made if it is not there.
        lock: name of the file that is locked; it marks the folder as one of this kind, too.
        summaries: names of the files that say that a folder of this kind is whole.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: no folder")
    ours = any((out / name).exists() for name in (lock, *summaries))
    try:
        if out.is_dir() and not ours and any(out.iterdir()):
            raise UsageError(
                f"{out}: holds other files: give an empty folder, or one that does not exist yet"
            )
        out.mkdir(parents=True, exist_ok=True)
        held = (out / lock).open("w")
    except OSError as error:
        raise UsageError(f"{error.filename or out}: {error.strerror}") from None
    with held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(f"{out}: another run is writing to this folder") from None
        for name in summaries:
            (out / name).unlink(missing_ok=True)
        for left in out.rglob(".*.part*"):
            left.unlink(missing_ok=True)
        yield


def place(path: Path, out: Path) -> str:
    """A path as a summary in `out` tells it: relative if it is below, so that the folder can be moved."""
    whole, root = path.resolve(), out.resolve()
    return str(whole.relative_to(root)) if whole.is_relative_to(root) else str(whole)
