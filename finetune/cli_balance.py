"""`streamaqa-finetune balance`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from finetune.augment.recipes import Kind, Recipe, read_kinds
from finetune.balance.strategies import NoneRole, Strategy, Within
from finetune.cli_augment import lifters
from finetune.terminal import bars
from streamaqa.errors import UsageError

if TYPE_CHECKING:
    from finetune.balance import Balanced, Class


def balance(
    source: Annotated[Path, typer.Argument(help="Folder that convert wrote; its train.json is balanced.")],
    out: Annotated[Path, typer.Argument(help="Folder to write; made if it is not there.")],
    strategy: Annotated[Strategy, typer.Option(help="How to balance, see above.")],
    none: Annotated[
        NoneRole,
        typer.Option(help="Samples without an error: a class, kept as they are, or left out."),
    ] = NoneRole.CLASS,
    within: Annotated[
        Within | None,
        typer.Option(
            help="Look for the rarest or largest class in each exercise or over all. "
            "By default all for two-step, exercise for the others.",
            show_default=False,
        ),
    ] = None,
    recipe: Annotated[
        Recipe, typer.Option(help="What dynamic-step draws copies from; two-step always flips.")
    ] = Recipe.PAPER,
    kinds: Annotated[
        str, typer.Option(help="Which of the paper's augmentations dynamic-step takes, with commas.")
    ] = ",".join(Kind),
    find_people: Annotated[
        bool,
        typer.Option("--find-people", help="Run the pose model where a mild crop needs a lifter's place."),
    ] = False,
    seed: Annotated[int, typer.Option(help="Of every choice and draw.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print balance.json instead of the table.")] = False,
) -> None:
    """Balance the classes of the training data. Nothing of the test split ever enters.

    A class is a combination of errors within an exercise, and a sample is a conversation.

    \b
    two-step           phase1.json: everything. phase2.json: each class cut to
                       the count of the rarest, each sample plain and flipped.
    dynamic-step       train.json: everything, and augmented copies until each
                       class has as many as the largest.
    inverse-frequency  train.json: everything. weights.json: how often to draw
                       each sample, so that all classes are drawn alike.

    The paper leaves open whether samples without an error are a class (here
    they are, see --none), whether the rarest and the largest class are looked
    for over all exercises (see --within), which augmentation a copy gets
    (here each once, then new angles of rotation) and which way a rotation
    turns (anticlockwise). What was assumed is printed, and written to balance.json with the
    counts. balance.png shows them. Pictures are augmented on loading; for
    videos of their own see augment --write.

    \b
    streamaqa-finetune balance data/paper data/two-step --strategy two-step
    streamaqa-finetune balance data/paper data/dynamic --strategy dynamic-step
    streamaqa-finetune balance data/ours data/mild --strategy dynamic-step --recipe mild --find-people
    streamaqa-finetune balance data/ours data/weighted --strategy inverse-frequency --none as-is
    """
    from finetune.balance import Balancing, make, write
    from finetune.training_folder import BALANCED, TrainingFolder

    how = Balancing(strategy, none, within, recipe, read_kinds(kinds), seed)
    taken = TrainingFolder.open(source)
    if taken.derived:
        raise UsageError(f"{source}: is augmented or balanced already: give the folder that convert wrote")
    with bars(Console(stderr=True)) as progress:
        people = lifters(taken, recipe, progress, find=find_people)
    made = make(taken.phases["train"], how, people)
    write(made, out, taken)
    if as_json:
        typer.echo((out / BALANCED).read_text(encoding="utf-8"), nl=False)
        return
    _show(made, out)


def _show(made: Balanced, out: Path) -> None:
    from finetune.balance import assumptions, identical

    console = Console()
    console.print(table(made))
    console.print("Assumed where the paper leaves it open:")
    for sentence in assumptions(made.how):
        console.print(Padding(sentence, (0, 0, 0, 2)), highlight=False)
    if repeated := sum(identical(phase.picks) for phase in made.plan):
        console.print(f"{repeated} copies are the same as another: --kinds has nothing that varies")
    console.print(f"written to {out}", highlight=False, soft_wrap=True)


def table(made: Balanced) -> Table:
    """Counts before and after, by class."""
    from finetune.balance import after

    shown = Table(
        title=f"{made.how.strategy}: samples of each class",
        title_justify="left",
        box=SIMPLE,
        padding=(0, 1, 0, 0),
    )
    shown.add_column("")
    columns: list[Mapping[Class, float]] = [made.before]
    columns += [after(phase, made.classes) for phase in made.plan]
    names = {"phase1": "phase one", "phase2": "phase two", "train": "after"}
    weighted = made.plan[-1].weights is not None
    for heading in ("before", *("expected draws" if weighted else names[p.name] for p in made.plan)):
        shown.add_column(heading, justify="right")
    last = None
    for one in made.before:
        if last is not None and one.group != last:
            shown.add_section()
        last = one.group
        shown.add_row(str(one), *(f"{column[one]:,.0f}" for column in columns))
    shown.add_section()
    shown.add_row("all", *(f"{sum(column.values()):,.0f}" for column in columns))
    return shown
