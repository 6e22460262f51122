"""What commands show while they work."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO, TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Steps: TypeAlias = Callable[[str, int], Callable[[], None]]
"""Told of each long step and its size, gives back what is called for each item done."""


@contextmanager
def bars(console: Console) -> Iterator[Steps]:
    """Progress bars while this lasts; none where nobody watches."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:

        def step(what: str, total: int) -> Callable[[], None]:
            task = shown.add_task(what, total=total)
            return lambda: shown.advance(task)

        yield step


@contextmanager
def quiet_native() -> Iterator[None]:
    """What native libraries write to descriptor 2 goes nowhere while this lasts; Python's own goes on.

    MediaPipe's lines bypass Python, cannot be switched off, and tear up a progress bar.
    """
    try:
        kept = os.dup(2)
    except OSError:  # no standard error at all
        yield
        return
    python = sys.stderr
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        with os.fdopen(os.dup(kept), "w", 1, encoding="utf-8", errors="backslashreplace") as beside:
            if _writes_to(python, 2):
                sys.stderr = beside
            os.dup2(nowhere, 2)
            yield
    finally:
        sys.stderr = python
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _writes_to(stream: TextIO, descriptor: int) -> bool:
    try:
        return stream.fileno() == descriptor
    except (AttributeError, OSError, ValueError):  # a stream of Python's own has none
        return False
