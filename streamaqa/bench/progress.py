"""How far a measurement is, on the error stream: what takes minutes says how long it will."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

_Item = TypeVar("_Item")


def tracked(items: Sequence[_Item], description: str) -> Iterator[_Item]:
    """The items, with a bar that is gone when they are done."""
    columns = (*Progress.get_default_columns()[:3], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield from progress.track(items, description=description)
