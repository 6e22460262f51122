"""`streamaqa-finetune augment`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from finetune.augment.recipes import Kind, Person, Recipe, read_kinds
from finetune.terminal import Steps, bars, quiet_native
from streamaqa.errors import UsageError

if TYPE_CHECKING:
    from finetune.training_folder import TrainingFolder


def augment(
    source: Annotated[Path, typer.Argument(help="Folder that convert wrote, or with --write balance.")],
    out: Annotated[Path, typer.Argument(help="Folder to write; made if it is not there.")],
    recipe: Annotated[
        Recipe | None,
        typer.Option(help="What copies are drawn from; paper unless told otherwise.", show_default=False),
    ] = None,
    copies: Annotated[int | None, typer.Option(min=1, help="Of each conversation; 1 unless told.")] = None,
    kinds: Annotated[
        str, typer.Option(help="Which of the paper's augmentations to take, with commas.")
    ] = ",".join(Kind),
    originals: Annotated[
        bool, typer.Option("--originals/--no-originals", help="Keep the plain conversations as well.")
    ] = True,
    find_people: Annotated[
        bool,
        typer.Option("--find-people", help="Run the pose model where a mild crop needs a lifter's place."),
    ] = False,
    seed: Annotated[int, typer.Option(help="Of every draw.")] = 0,
    write: Annotated[
        bool, typer.Option("--write", help="Write videos and images, for trainers that do not augment.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Threads that write pictures.")] = os.cpu_count() or 1,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at a video that cannot be read.")] = False,
) -> None:
    """Add augmented copies to the training data. Pictures are augmented on loading unless --write.

    \b
    paper  each copy is one of flip, inversion, rotation (0 to 50 degrees, one
           angle a video), flip+inversion, flip+rotation: each kind once for
           each video, then only new angles
    mild   a little of all: flip, rotation of up to 7 degrees, crop that holds
           the lifter, brightness, blur, speed, and a shift in time. Times,
           intervals and answers move along.

    Texts keep their words, "left" and "right" included: the dialogue names no
    side of the body. A crop needs the lifter's place, which it takes from the
    pose tracks of SOURCE; --find-people makes those that are missing.

    \b
    streamaqa-finetune augment data/paper data/augmented --copies 5
    streamaqa-finetune augment data/ours data/mild --recipe mild --copies 3 --find-people
    streamaqa-finetune augment data/two-step data/two-step-written --write
    """
    from finetune.augment.run import Augmenting, augment_records, summary, write_all
    from finetune.augment.written import media_of, prune
    from finetune.training_folder import AUGMENTED, TrainingFolder, claimed, write_phases, write_summary

    taken = TrainingFolder.open(source)
    if taken.derived and (recipe or copies or not write):
        raise UsageError(f"{source}: has its augmentations already; augment can only --write them")
    how = None
    if not taken.derived:
        how = Augmenting(recipe or Recipe.PAPER, copies or 1, read_kinds(kinds), originals, seed)
    phases, media, problems = dict(taken.phases), taken.media, list[str]()
    with claimed(out), bars(Console(stderr=True)) as progress:
        people: dict[str, Person] = {}
        if how:
            people = lifters(taken, how.recipe, progress, find=find_people)
            phases = {
                name: augment_records(records, how, people, progress("copies", len(records)))
                for name, records in phases.items()
            }
        copied = sum(record.augment is not None for records in phases.values() for record in records)
        told = summary(how, phases, len(people)) | {"written": write}
        if write:
            for name, records in phases.items():
                done = progress(f"{name}: pictures", len(records))
                written = write_all(records, media, out, workers=workers, strict=strict, done=done)
                phases[name] = written.records
                problems += written.problems
            media = media_of(out)
        prune(out, [record for records in phases.values() for record in records])
        files = write_phases(out, phases, media)
        write_summary(out / AUGMENTED, files, media, taken.poses, told | {"problems": problems})
    if problems:
        typer.echo(f"{len(problems)} conversations left out:\n" + "\n".join(problems), err=True)
    console = Console()
    console.print(_table(told["augmentations"]))
    console.print(
        f"{sum(map(len, phases.values())):,} samples, {copied:,} of them augmented", highlight=False
    )
    console.print(f"written to {out}", highlight=False, soft_wrap=True)


def lifters(taken: TrainingFolder, recipe: Recipe, progress: Steps, *, find: bool) -> dict[str, Person]:
    """Where the lifters are, for a recipe that crops."""
    from finetune.augment.people import people_in
    from finetune.poses import PoseTracks

    if recipe is not Recipe.MILD:
        return {}
    wanted = {record.source for records in taken.phases.values() for record in records}
    clips = [clip for clip in taken.clips if clip.id in wanted and clip.kind == "video"]
    tracks = PoseTracks(taken.poses, taken.media.videos)
    with quiet_native():
        people = people_in(clips, tracks, find=find, done=progress("lifters", len(clips)))
    if missing := len(clips) - len(people):
        typer.echo(
            f"{missing} of {len(clips)} clips are not cropped: no pose track says where the lifter is"
            + ("" if find else "; --find-people makes the tracks that are missing"),
            err=True,
        )
    return people


def _table(kinds: dict[str, dict[str, int]]) -> Table:
    """Samples by augmentation; by each thing that is done where copies are mixtures of many."""
    if len({kind for counts in kinds.values() for kind in counts}) > len(Kind) + 1:
        kinds = {name: _parts(counts) for name, counts in kinds.items()}
    table = Table(title="samples", title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("")
    for name in kinds:
        table.add_column(name, justify="right")
    for kind in dict.fromkeys(kind for counts in kinds.values() for kind in counts):
        table.add_row(kind, *(f"{counts.get(kind, 0):,}" for counts in kinds.values()))
    return table


def _parts(counts: dict[str, int]) -> dict[str, int]:
    """How many have each thing done to them; one sample may be in several rows."""
    parts = dict.fromkeys(["plain", *sorted({part for kind in counts for part in kind.split("+")})], 0)
    for kind, count in counts.items():
        for part in kind.split("+"):
            parts[part] += count
    return {f"with {part}" if part != "plain" else part: count for part, count in parts.items()}
