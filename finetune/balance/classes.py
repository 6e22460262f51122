"""What is balanced: classes of samples, and how many there are of each.

A class is a combination of errors within an exercise. Samples that were labelled for different errors are
never counted together: an image judged for depth alone says nothing of knees, so its "none" is another class
than a video's (group "Squat (shallow depth)" beside "Squat").
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from finetune.records import Record
from streamaqa.exercises import EXERCISES, Exercise, exercise

NONE: Final = "none"
"""What the class without any error is called."""


@dataclass(frozen=True, slots=True, order=True)
class Class:
    """A combination of errors."""

    group: str
    """The exercise in the dialogue's words; with what was judged where that differs within the exercise."""
    errors: tuple[str, ...]
    """Wire names in the vocabulary's order; empty for none."""

    @property
    def is_none(self) -> bool:
        """Whether no error was labelled."""
        return not self.errors

    @property
    def label(self) -> str:
        """For people: `knees forward + knees inward`."""
        return " + ".join(name.replace("_", " ") for name in self.errors) or NONE

    def __str__(self) -> str:
        """As it stands in `balance.json`."""
        return f"{self.group}: {self.label}"


def classes_of(records: Sequence[Record], vocabulary: Sequence[Exercise] = EXERCISES) -> dict[str, Class]:
    """The class of each record, by id.

    KeyError if `vocabulary` lacks an exercise or the exercise an error.
    """
    usual = _usually_judged(records)
    out: dict[str, Class] = {}
    for record in records:
        known = exercise(record.exercise, vocabulary)
        group = known.words
        if frozenset(record.judged) != usual[record.exercise]:
            group += f" ({', '.join(error.words for error in known.errors if error.name in record.judged)})"
        for name in record.errors:
            known.error(name)
        out[record.id] = Class(group, tuple(e.name for e in known.errors if e.name in record.errors))
    return out


def _usually_judged(records: Iterable[Record]) -> dict[str, frozenset[str] | None]:
    """By exercise what its videos were labelled for, or else its samples; None where they differ."""
    seen: dict[str, set[frozenset[str]]] = defaultdict(set)
    in_videos: dict[str, set[frozenset[str]]] = defaultdict(set)
    for record in records:
        seen[record.exercise].add(frozenset(record.judged))
        if not record.still:
            in_videos[record.exercise].add(frozenset(record.judged))

    def only(sets: set[frozenset[str]]) -> frozenset[str] | None:
        return next(iter(sets)) if len(sets) == 1 else None

    return {name: only(in_videos[name] or seen[name]) for name in seen}


def counts(classes: Iterable[Class], vocabulary: Sequence[Exercise] = EXERCISES) -> dict[Class, int]:
    """How many of each: exercises in the vocabulary's order, none first, then by the number of errors."""
    found = Counter(classes)
    words = [known.words for known in vocabulary]

    def place(one: Class) -> tuple[int, str, int, tuple[str, ...]]:
        known = next((n for n, each in enumerate(words) if one.group.split(" (")[0] == each), len(words))
        return known, one.group, len(one.errors), one.errors

    return {one: found[one] for one in sorted(found, key=place)}


def total(table: Mapping[Class, int]) -> int:
    """Samples of all classes."""
    return sum(table.values())
