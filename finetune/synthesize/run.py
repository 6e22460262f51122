"""Draw a data set into a folder, going on where an earlier run was stopped.

Order makes it safe: shards first, each whole or not there; then archives, labels and splits, without which no
reader takes the folder for a data set; last the note that it is complete.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from finetune.synthesize.finish import finish
from finetune.synthesize.plan import plan
from finetune.synthesize.recipe import Recipe
from finetune.synthesize.shards import PARTS, WORK, Shard, shards, write_whole
from finetune.synthesize.truth import FOLDER
from finetune.synthesize.workers import drawn
from streamaqa.errors import UsageError

NOTE: Final = f"{FOLDER}/synthesis.json"
"""What the folder is: the recipe, the counts, and whether it is complete."""
_LOCK: Final = f"{FOLDER}/.lock"
Told: TypeAlias = Callable[[int, int], None]
"""Is told how many samples of how many are drawn: at the beginning, and after each shard."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did."""

    drawn: int
    """Samples drawn now."""
    kept: int
    """Samples that an earlier run had drawn."""
    counts: dict[str, dict[str, dict[str, int]]]
    """Kind to class (`none`, or errors joined by ` + `) to split to samples."""


def synthesize(out: Path, recipe: Recipe, *, workers: int = 1, told: Told | None = None) -> Outcome:
    """Draw what the recipe asks for into `out`.

    UsageError if the folder holds something else, or another run is at work in it. The run may be killed at
    any time; the same call then goes on, and ends with the same files as a run that was not.
    """
    every = shards(recipe)
    total = sum(shard.last - shard.first for shard in every)
    counts = _counts(recipe)
    with _locked(out):
        if _begin(out, recipe):
            shutil.rmtree(out / WORK, ignore_errors=True)
            return Outcome(0, total, counts)
        missing = _missing(out, every)
        todo = sum(shard.last - shard.first for shard in missing)
        done = total - todo
        if told:
            told(done, total)
        for shard in drawn(out, recipe, missing, workers):
            done += shard.last - shard.first
            if told:
                told(done, total)
        finish(out, every)
        _note(out, recipe, counts, complete=True)
        shutil.rmtree(out / WORK)
    return Outcome(todo, total - todo, counts)


def _begin(out: Path, recipe: Recipe) -> bool:
    """Note what is drawn here; True if it is all there already. UsageError for another recipe's folder."""
    (out / WORK).mkdir(parents=True, exist_ok=True)
    note = out / NOTE
    if not note.exists():
        _note(out, recipe, {}, complete=False)
        return False
    try:
        found: dict[str, Any] = json.loads(note.read_text(encoding="utf-8"))
        theirs, complete = dict(found["recipe"]), bool(found["complete"])
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{note}: not the note of a synthetic data set: choose another folder") from None
    ours = _plain(recipe)
    if theirs != ours:
        changed = ", ".join(
            f"{name} {theirs.get(name)!r}, now {ours.get(name)!r}"
            for name in sorted(theirs.keys() | ours.keys())
            if theirs.get(name) != ours.get(name)
        )
        state = "holds" if complete else "was begun with"
        raise UsageError(f"{out} {state} another synthetic data set ({changed}): choose another folder")
    return complete


def _missing(out: Path, every: list[Shard]) -> list[Shard]:
    """The shards that are not whole."""
    there = {kind: set(_names(out / part.videos)) for kind, part in PARTS.items()}
    missing = []
    for shard in every:
        try:
            labels = json.loads(shard.labels(out).read_text(encoding="utf-8"))
        except FileNotFoundError:
            missing.append(shard)
            continue
        wanted = {f"{name}.mp4" for name in labels} if shard.kind in PARTS else set()
        if wanted - there.get(shard.kind, set()):
            missing.append(shard)
    return missing


def _names(folder: Path) -> Iterator[str]:
    if folder.is_dir():
        with os.scandir(folder) as entries:
            yield from (entry.name for entry in entries)


def _note(out: Path, recipe: Recipe, counts: dict[str, Any], *, complete: bool) -> None:
    note = {"recipe": _plain(recipe), "counts": counts, "complete": complete}
    write_whole(out, out / NOTE, (json.dumps(note, indent=1) + "\n").encode())


def _plain(recipe: Recipe) -> dict[str, Any]:
    """As JSON gives it back."""
    plain: dict[str, Any] = json.loads(json.dumps(recipe.to_dict()))
    return plain


def _counts(recipe: Recipe) -> dict[str, dict[str, dict[str, int]]]:
    out: dict[str, dict[str, dict[str, int]]] = {}
    for kind, samples in plan(recipe).items():
        found = Counter((" + ".join(sorted(s.errors)) or "none", s.split) for s in samples)
        for (errors, split), number in sorted(found.items()):
            out.setdefault(kind, {}).setdefault(errors, {})[split] = number
    return out


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Hold the folder for this run. UsageError if it cannot be ours."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file: give a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / FOLDER).is_dir():
        raise UsageError(f"{out} is not empty, and no synthetic data set: choose a new folder")
    lock = out / _LOCK
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        file = lock.open("wb")
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"another run is drawing into {out}: wait for it, or stop it") from None
        yield
