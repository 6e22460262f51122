"""Reads the data set's JSON files: label files and split lists."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from finetune.fitness_aqa.problems import Problem
from finetune.layout import SPLITS, Split
from finetune.records import Interval

Labels = dict[str, Any]
"""Id to whatever stands there."""


class Files:
    """Reads files below `root` and collects what is wrong with them in `problems`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.problems: list[Problem] = []

    def labels(self, file: str, where: str) -> Labels | None:
        """A label file; None if it cannot be read as one, which is a problem."""
        value = self._json(file, where)
        if value is not None and not isinstance(value, dict):
            self._unreadable(file, f"holds {_kind(value)}, wanted an object of ids and labels")
            return None
        return value

    def ids(self, file: str) -> list[str] | None:
        """A list of ids; None if it cannot be read as one, which is a problem."""
        value = self._json(file, "")
        if value is None:
            return None
        if not isinstance(value, list):
            self._unreadable(file, f"holds {_kind(value)}, wanted a list of ids")
            return None
        odd = [entry for entry in value if not isinstance(entry, str)]
        if odd:
            self._unreadable(file, f"holds {odd[0]!r} among its ids, wanted texts")
            return None
        return value

    def _json(self, file: str, where: str) -> Any:
        path = self.root / file

        def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            found = dict(pairs)
            if len(found) < len(pairs):
                keys = [key for key, _ in pairs]
                for key in sorted({key for key in keys if keys.count(key) > 1}):
                    self.problems.append(
                        Problem("labelled twice", f"{where}/{key}", f"stands more than once in {file}")
                    )
            return found

        try:
            return json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=unique)
        except OSError as error:
            self._unreadable(file, f"cannot be read: {error.strerror}")
        except json.JSONDecodeError as error:
            self._unreadable(file, f"not JSON: {error.msg}, line {error.lineno} column {error.colno}")
        except (ValueError, RecursionError):  # not UTF-8, or nested without end
            self._unreadable(file, "not JSON")
        return None

    def _unreadable(self, file: str, what: str) -> None:
        self.problems.append(Problem("unreadable file", file, what))


class Splits:
    """Which split each id of a part is in."""

    def __init__(self, lists: dict[Split, list[str]], where: str) -> None:
        self.of: dict[str, Split] = {}
        """Ids that are in one split."""
        self.ids: set[str] = set()
        """All that are listed."""
        self.problems: list[Problem] = []
        found: dict[str, list[Split]] = {}
        for split, ids in lists.items():
            for name in ids:
                found.setdefault(name, []).append(split)
        for name, splits in found.items():
            self.ids.add(name)
            if len(set(splits)) > 1:
                listed = " and ".join(split for split in SPLITS if split in splits)
                self.problems.append(Problem("in two splits", f"{where}/{name}", f"is in {listed}"))
            else:
                self.of[name] = splits[0]


def read_splits(files: Files, paths: dict[Split, str], where: str) -> Splits | None:
    """The split lists of a part; None if one of them cannot be read, which is a problem."""
    lists = {split: files.ids(path) for split, path in paths.items()}
    whole = {split: ids for split, ids in lists.items() if ids is not None}
    return Splits(whole, where) if len(whole) == len(lists) else None


def intervals(value: Any, duration: float | None, tolerance: float) -> tuple[Interval, ...] | Problem:
    """Labelled intervals in order, those that overlap joined, or the first thing that is wrong with them.

    `duration` is None where the video could not be read. An end up to `tolerance` seconds behind the video's
    is rounding, and is cut there. The problem's `where` is left empty.
    """
    if not isinstance(value, list):
        return Problem("not a label", "", f"holds {_kind(value)}, wanted [[start, end], ...]")
    found: list[Interval] = []
    for entry in value:
        if not (isinstance(entry, list) and len(entry) == 2):
            return Problem("not a label", "", f"{_short(entry)} is no [start, end]")
        if not all(_number(time) for time in entry):
            return Problem("not a number", "", f"from {_short(entry[0])} to {_short(entry[1])}")
        start, end = float(entry[0]), float(entry[1])
        if end <= start:
            return Problem("end before start", "", f"from {start:g} to {end:g} s")
        if start < 0 or (duration is not None and (end > duration + tolerance or start >= duration)):
            lasts = "" if duration is None else f", which lasts {duration:.2f} s"
            return Problem("outside the video", "", f"from {start:g} to {end:g} s{lasts}")
        found.append((start, end if duration is None else min(end, duration)))
    return joined(found)


def joined(found: Iterable[Interval]) -> tuple[Interval, ...]:
    """Intervals in order, those that overlap or touch made one."""
    out: list[Interval] = []
    for start, end in sorted(found):
        if out and start <= out[-1][1]:
            out[-1] = out[-1][0], max(end, out[-1][1])
        else:
            out.append((start, end))
    return tuple(out)


def _number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond what a float holds
        return False


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _kind(value: Any) -> str:
    return {dict: "an object", list: "a list", str: "a text", type(None): "null"}.get(type(value), "a number")
