"""`streamaqa-finetune synthesize`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from finetune.layout import SPLITS
from streamaqa.errors import UsageError

if TYPE_CHECKING:
    from finetune.synthesize import Outcome, Told


def synthesize(
    out: Annotated[Path, typer.Argument(help="Folder to write: a new one, or one that was begun.")],
    videos: Annotated[
        int, typer.Option(help="Squats and presses, shared as in Fitness-AQA, which has 3883.")
    ] = 3883,
    images: Annotated[int, typer.Option(help="Shallow squats and barbell rows, half each.")] = 2000,
    size: Annotated[int, typer.Option(help="Width and height in pixels.")] = 112,
    seconds: Annotated[float, typer.Option(help="Mean length of a video; each within 15 % of it.")] = 3.5,
    seed: Annotated[int, typer.Option(help="Another seed, another data set.")] = 0,
    split: Annotated[
        str | None,
        typer.Option(help="Shares of train,val,test, such as 70,15,15. Fitness-AQA's unless given."),
    ] = None,
    imbalance: Annotated[
        float, typer.Option(help="1: classes as rare as the real ones; 0: all alike; up to 3: rarer still.")
    ] = 1.0,
    blind_views: Annotated[
        float, typer.Option(help="Share of clips taken from where one of the errors cannot be seen.")
    ] = 0.08,
    workers: Annotated[int | None, typer.Option(help="Processes; one for each core unless given.")] = None,
) -> None:
    """Draw a data set in Fitness-AQA's layout, with the exact truth beside it in Truth/.

    The same options give the same files on any number of workers. Killed and started again it goes on, and
    ends with the same files.

    \b
    streamaqa-finetune synthesize data/drawn
    streamaqa-finetune synthesize data/small --videos 200 --images 100 --seed 1
    streamaqa-finetune synthesize data/even --videos 1000 --images 0 --imbalance 0 --split 80,10,10
    """
    from finetune.synthesize import Recipe
    from finetune.synthesize import synthesize as run

    if workers is not None and workers < 1:
        raise UsageError("--workers: 1 or more")
    recipe = Recipe(videos, images, size, seconds, seed, _shares(split), imbalance, blind_views)
    began = time.monotonic()
    try:
        with _bar(Console(stderr=True)) as told:
            outcome = run(out, recipe, workers=workers or os.cpu_count() or 1, told=told)
    except OSError as error:
        raise UsageError(f"{error.filename or out}: {error.strerror}") from None
    console = Console()
    console.print(_table(outcome))
    _say(console, out, outcome, time.monotonic() - began)


def _shares(text: str | None) -> tuple[float, float, float] | None:
    if text is None:
        return None
    try:
        train, val, test = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--split: three numbers with commas, not {text!r}") from None
    return train, val, test


@contextmanager
def _bar(console: Console) -> Iterator[Told]:
    columns = (TextColumn("drawing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("drawing", total=None)

        def told(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield told


def _table(outcome: Outcome) -> Table:
    table = Table(box=SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("samples")
    table.add_column("errors")
    for split in (*SPLITS, "all"):
        table.add_column(split, justify="right")
    for kind, classes in outcome.counts.items():
        table.add_section()
        for errors, by_split in classes.items():
            numbers = [by_split.get(split, 0) for split in SPLITS]
            table.add_row(kind, errors, *map(str, (*numbers, sum(numbers))))
    return table


def _say(console: Console, out: Path, outcome: Outcome, seconds: float) -> None:
    if not outcome.drawn:
        console.print(f"{out} was complete already: nothing drawn.", highlight=False, soft_wrap=True)
        return
    kept = f", {outcome.kept} were there already" if outcome.kept else ""
    console.print(
        f"{outcome.drawn} samples drawn in {seconds:.0f} s{kept}; written to {out}",
        highlight=False,
        soft_wrap=True,
    )
