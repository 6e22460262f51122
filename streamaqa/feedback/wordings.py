"""Which wording of a cue to use for one athlete: the one that has worked, and another one if it does not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Tried:
    """What is known of one cue's wordings."""

    count: int
    """How many there are."""
    turn: int = 0
    """Which one is in use."""
    failed: int = 0
    """Times in a row that it was said and the fault showed again."""
    open: bool = False
    """Whether it was said and no repetition has told yet what came of it."""
    score: Counter[int] = field(default_factory=Counter)
    """By wording: how often it led to "fixed", less how often it was given up."""


class Wordings:
    """Remembers over sets. `tries` is how often a wording is said without effect before the next one."""

    def __init__(self, tries: int) -> None:
        self._tries = tries
        self._codes: dict[str, _Tried] = {}

    def turn(self, code: str, count: int, *, fresh: bool) -> int:
        """Which of `count` wordings to say now. A `fresh` cue, not under way before, begins with the best."""
        tried = self._codes.setdefault(code, _Tried(count))
        if fresh:
            tried.turn = max(range(count), key=lambda turn: (tried.score[turn], turn == tried.turn))
        tried.open = True
        return tried.turn

    def judged(self, code: str, *, faulty: bool) -> None:
        """What the next repetition in which that fault was judged has shown."""
        tried = self._codes.get(code)
        if tried is None or not tried.open:
            return
        tried.open = False
        tried.failed = tried.failed + 1 if faulty else 0
        if tried.failed == self._tries:
            tried.score[tried.turn] -= 1
            tried.turn, tried.failed = (tried.turn + 1) % tried.count, 0

    def worked(self, code: str) -> None:
        """It was fixed."""
        if (tried := self._codes.get(code)) is not None:
            tried.failed, tried.open = 0, False
            tried.score[tried.turn] += 1
