"""From training records to augmented ones, and if asked for to augmented videos and images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from finetune.augment.recipes import Kind, Person, Recipe, draw, draw_kind, paper_kind, shuffled
from finetune.augment.records import augmented, kinds, sample_of
from finetune.augment.written import write_media
from finetune.media import Media
from finetune.records import Record
from streamaqa.errors import SourceError, UsageError, WindowError


@dataclass(frozen=True, slots=True)
class Augmenting:
    """How to augment."""

    recipe: Recipe = Recipe.PAPER
    copies: int = 1
    """Of each record."""
    kinds: tuple[Kind, ...] = tuple(Kind)
    """Which of the paper's augmentations the paper's recipe takes."""
    originals: bool = True
    """Whether the plain records are there as well."""
    seed: int = 0


def augment_records(
    records: Sequence[Record],
    how: Augmenting,
    people: Mapping[str, Person] | None = None,
    done: Callable[[], None] = lambda: None,
) -> tuple[Record, ...]:
    """The records' copies, and the records themselves if wanted, in an order drawn from the seed.

    The same records in any order, and the same `how`, give the same result. UsageError for a record that is
    augmented already, or that a flip would make false.
    """
    made: dict[str, Record] = {}
    for record in records:
        sample = sample_of(record, people)
        if how.originals:
            made[record.id] = record
        for copy in range(1, how.copies + 1):
            if how.recipe is Recipe.PAPER:
                kind = paper_kind(record.id, copy, how.seed, how.kinds)
                drawn = draw_kind(kind, record.id, copy, how.seed)
            else:
                drawn = draw(how.recipe, sample, copy, how.seed)
            one = augmented(record, drawn, copy)
            made[one.id] = one
        done()
    return tuple(made[name] for name in shuffled(list(made), "order", how.seed))


@dataclass(frozen=True, slots=True)
class Written:
    """What became of records whose pictures were to be written."""

    records: tuple[Record, ...]
    problems: tuple[str, ...]
    """One line for each record that had to be left out."""


def write_all(
    records: Sequence[Record],
    media: Media,
    out: Path,
    *,
    workers: int = 1,
    strict: bool = False,
    done: Callable[[], None] = lambda: None,
) -> Written:
    """Write the pictures of all records that are augmented; what is there already is kept.

    Args:
        records: augmented and plain ones; the plain ones keep their files.
        media: where the records' files are.
        out: gets `videos/` and `images/`.
        workers: threads; decoding and encoding happen outside of Python's lock.
        strict: stop at the first record whose picture cannot be read, with a UsageError.
        done: is called after each record.
    """

    def write(record: Record) -> Record | str:
        try:
            return write_media(record, media, out)
        except (SourceError, WindowError, OSError) as error:
            return f"{record.id}: {error}"

    kept: list[Record] = []
    problems: list[str] = []
    waiting = iter(records)
    with ThreadPoolExecutor(workers) as pool:
        # A few at a time: a stop then ends after what is under way, and no queue grows with the data set.
        while batch := list(islice(waiting, 4 * workers)):
            for result in pool.map(write, batch):
                if isinstance(result, Record):
                    kept.append(result)
                elif strict:
                    raise UsageError(f"--strict: {result}")
                else:
                    problems.append(result)
                done()
    return Written(tuple(kept), tuple(problems))


def summary(how: Augmenting | None, phases: Mapping[str, Sequence[Record]], people: int) -> dict[str, Any]:
    """What `augment.json` tells beside where things are.

    Args:
        how: None where the records had their augmentations already and only pictures were written.
        phases: before their pictures are written, when each record still tells its augmentation.
        people: clips in which it is known where the lifter is.
    """
    return {
        "configuration": None if how is None else asdict(how),
        "clips_with_a_known_lifter": people,
        "samples": {name: len(records) for name, records in phases.items()},
        "augmentations": {name: kinds(records) for name, records in phases.items()},
    }
