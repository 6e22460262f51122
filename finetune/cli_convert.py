"""`streamaqa-finetune convert`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer
from pydantic import ValidationError
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from finetune.convert.converting import Outcome
from finetune.convert.settings import ConvertSettings, read_plan
from finetune.convert.writing import by_errors
from finetune.fitness_aqa import DataSet, report
from finetune.layout import SPLITS
from finetune.terminal import bars, quiet_native
from streamaqa.errors import UsageError


def convert(
    data: Annotated[Path, typer.Argument(help="Fitness-AQA's folder, or a synthetic one.")],
    out: Annotated[Path | None, typer.Argument(help="Folder to write; made if it is not there.")] = None,
    only: Annotated[
        str | None,
        typer.Option(help="Parts to read, with commas: squat, ohp, shallow, lumbar, torso, or row."),
    ] = None,
    plan: Annotated[
        str, typer.Option(help="unit,sampling,frames[,fps[,crop]], JSON, or a YAML or JSON file.")
    ] = "rep,uniform,32",
    reps: Annotated[
        Literal["whole", "found"] | None,
        typer.Option(help="Is a clip one repetition, or does the segmenter find them? By the plan's unit."),
    ] = None,
    no_rep: Annotated[
        Literal["whole", "skip"], typer.Option(help="Where the segmenter finds no repetition.")
    ] = "whole",
    many_reps: Annotated[
        Literal["longest", "each", "skip"], typer.Option(help="Where it finds several.")
    ] = "each",
    min_share: Annotated[
        float, typer.Option(help="Least share of an interval, or of the window, that counts.")
    ] = 0.25,
    poses: Annotated[
        Path | None, typer.Option(help="Folder of pose tracks, read and filled. OUT/poses by default.")
    ] = None,
    times: Annotated[bool, typer.Option("--times/--no-times", help="Tell and ask for times.")] = True,
    named: Annotated[
        Literal["each", "longest"], typer.Option(help="Which intervals of an error an answer names.")
    ] = "each",
    hull: Annotated[
        bool, typer.Option("--hull", help="Join an error's intervals: first start, last end, as the paper.")
    ] = False,
    join_val: Annotated[
        bool, typer.Option("--join-val", help="Train on validation too, as the paper.")
    ] = False,
    paraphrase: Annotated[
        bool, typer.Option("--paraphrase", help="Vary the wording of training conversations.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the wordings.")] = 0,
    strict: Annotated[bool, typer.Option("--strict", help="Stop if anything is wrong.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Say what is wrong, and write nothing.")] = False,
) -> None:
    """Turn the data set into conversations: LLaVA's JSON, and messages. Checks it first.

    Killed and started again it goes on, and ends with the same files.

    \b
    streamaqa-finetune convert Fitness-AQA_dataset_release --check
    streamaqa-finetune convert Fitness-AQA_dataset_release data/paper --hull --join-val --only squat,ohp
    streamaqa-finetune convert Fitness-AQA_dataset_release data/phases --plan phase,consecutive,32
    streamaqa-finetune convert Fitness-AQA_dataset_release data/ours --plan rep,uniform,32,null,person
    """
    from finetune.convert import convert as run
    from finetune.fitness_aqa import Scans, read_data_set, store_of
    from finetune.poses import PoseTracks

    settings = _settings(
        plan=plan,
        reps=reps,
        no_rep=no_rep,
        many_reps=many_reps,
        min_share=min_share,
        times=times,
        named=named,
        hull=hull,
        join_val=join_val,
        paraphrase=paraphrase,
        seed=seed,
    )
    if out is None and not check:
        raise UsageError("give the folder to write, or --check")
    parts = [part.strip() for part in only.split(",")] if only else None
    told = Console(stderr=True)
    try:
        with quiet_native(), bars(told) as progress:
            found = read_data_set(data, parts, Scans(store_of(data)), progress)
        if check or out is None:
            _say_checked(data, found)
            return
        with quiet_native(), bars(told) as progress:
            tracks = PoseTracks(poses or out / "poses", data)
            outcome = run(found, out, settings, tracks=tracks, strict=strict, progress=progress)
    except OSError as error:  # a folder that may not be read or written, a disk that is full
        raise UsageError(f"{error.filename or out or data}: {error.strerror}") from None
    if outcome.problems:
        typer.echo(f"{data}: {_damage(found)}\n{report(outcome.problems)}", err=True)
    console = Console()
    console.print(_table(outcome))
    for line in (*_remarks(found, outcome, settings), f"written to {out}"):
        console.print(line, highlight=False, soft_wrap=True)


def _say_checked(data: Path, found: DataSet) -> None:
    if found.problems:
        raise UsageError(f"{data}: {_damage(found)}\n{found.report()}")
    typer.echo(f"{len(found.clips)} clips, nothing is wrong with them.")


def _settings(plan: str, reps: str | None, **others: object) -> ConvertSettings:
    """The settings; UsageError names the option that is wrong."""
    chosen = read_plan(plan)
    reps = reps or ("found" if chosen.unit == "phase" else "whole")
    try:
        return ConvertSettings.model_validate({"plan": chosen, "reps": reps, **others})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = "--" + str(first["loc"][0]).replace("_", "-") + ": " if first["loc"] else ""
        raise UsageError(name + first["msg"].removeprefix("Value error, ")) from None


def _damage(found: DataSet) -> str:
    return f"{len(found.problems)} problems, {found.left_out} clips left out"


def _table(outcome: Outcome) -> Table:
    """Conversations by split and combination of errors."""
    table = Table(title="conversations", title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("")
    of = {split: [record for record in outcome.records if record.split == split] for split in SPLITS}
    counts = {split: by_errors(records) for split, records in of.items()}
    for split in SPLITS:
        table.add_column(split, justify="right")
    for name in sorted({name for split in SPLITS for name in counts[split]}):
        table.add_row(name, *(str(counts[split].get(name, 0)) for split in SPLITS))
    table.add_section()
    table.add_row("conversations", *(str(len(of[split])) for split in SPLITS))
    table.add_row("from clips", *(str(len({record.source for record in of[split]})) for split in SPLITS))
    return table


def _remarks(found: DataSet, outcome: Outcome, settings: ConvertSettings) -> Iterator[str]:
    """What else happened, and what was passed over."""
    share = f"{settings.min_share:.0%}"
    yield f"an interval counts where {share} of it is in the window, or where it covers {share} of the window"
    for what, count in sorted(outcome.counts.items()):
        if count:
            yield f"{what}: {count}"
    if outcome.unseen:
        yield f"clips without a window: {len(outcome.unseen)}"
    for what, count in found.ignored.items():
        yield f"not read, {what}: {count}"
