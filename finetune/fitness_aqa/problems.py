"""What can be wrong with a data set, and the report of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal[
    "other shape",
    "unreadable file",
    "missing video",
    "missing image",
    "image found twice",
    "damaged video",
    "damaged image",
    "unsafe archive",
    "in no split",
    "in two splits",
    "not labelled",
    "labelled twice",
    "not a number",
    "end before start",
    "outside the video",
    "not a label",
    "unfit pose track",
]

STOPPING: frozenset[Kind] = frozenset({"other shape", "unreadable file", "unsafe archive"})
"""With these a whole part cannot be told: nothing is converted."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong."""

    kind: Kind
    where: str
    """Part and id of a clip, or a file relative to the data set's folder."""
    what: str
    """In a few words, with what was found."""

    @property
    def stops(self) -> bool:
        """Whether nothing can be read before this is mended; otherwise it costs the clip."""
        return self.kind in STOPPING


def report(problems: Sequence[Problem]) -> str:
    """Every problem, one a line, sorted by kind: those that stop first."""
    kinds = sorted({problem.kind for problem in problems}, key=lambda kind: (kind not in STOPPING, kind))
    lines: list[str] = []
    for kind in kinds:
        of_kind = sorted((p for p in problems if p.kind == kind), key=lambda p: (p.where, p.what))
        lines.append(f"{kind} ({len(of_kind)})")
        lines += [f"  {problem.where}: {problem.what}" for problem in of_kind]
    return "\n".join(lines)
