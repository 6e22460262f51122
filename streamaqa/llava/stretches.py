"""What the search is made of: stretches of an answer, the ways on from a fork, and intervals being said."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamaqa.llava.forks import Fork, Run
from streamaqa.llava.grammar import Ids

Way: TypeAlias = tuple[float, int, float]
"""One way on from a fork: log-probability under the grammar, which of the fork's tokens, and log-probability
as the model has it."""


class Span:
    """The intervals that can be said behind one stretch, as far as they are known."""

    __slots__ = ("begin", "best", "end", "forks", "offers", "own")

    def __init__(self, own: float, forks: int) -> None:
        self.own = own
        """Log-probability of coming to say an interval here."""
        self.forks = forks
        self.best = -math.inf
        self.begin = 0
        self.end = 0
        self.offers = 0
        """Whole intervals seen."""

    def offer(self, own: float, begin: int, end: int) -> None:
        """An interval that can be said, in hundredths of a second."""
        if own > self.best:
            self.best, self.begin, self.end = own, begin, end


class Stretch:
    """Tokens of an answer that follow each other without a choice, and all that was said before them."""

    __slots__ = (
        "above", "at", "events", "fed", "first", "fork", "forks", "ids", "own", "raw", "sight", "span",
    )  # fmt: skip

    def __init__(self, run: Run, above: Stretch | None) -> None:
        self.ids, self.fork, self.events = run
        self.above = above
        self.at: int = above.at + len(above.ids) if above else -1
        """Tokens of the answer before this one."""
        self.own = -math.inf
        """Log-probability of the path under the grammar; known once the fork above was fed."""
        self.raw = -math.inf
        """Log-probability of the path as the model has it, up to the last token that is known."""
        self.forks: int = above.forks + 1 if above else 0
        """Choices made on the way here."""
        self.first: bool = above.fork.start if above else True
        """Whether it begins before the first time."""
        self.fed = 0
        self.sight: NDArray[np.bool_] | None = None
        """Which slots behind the prompt's its last fed token sees, its own included."""
        self.span: Span | None = None
        """The interval that is being said where it ends."""

    @property
    def open(self) -> bool:
        """Whether its end is still to be fed."""
        return bool(self.fork.tokens) and self.fed < len(self.ids)

    @property
    def ways(self) -> int:
        """Ways on from its end, if that is fed; 0 before."""
        return len(self.fork.tokens) if self.fed == len(self.ids) else 0

    def feed(self, room: int) -> Piece:
        """Take up to so many of its tokens into the next pass. The end of an answer leads nowhere."""
        start, last = self.fed, len(self.ids) if self.fork.tokens else len(self.ids) - 1
        self.fed = max(start, min(last, start + room))
        return Piece(self, start, self.fed)


class Fan:
    """The ways on from a fork that was fed, the likeliest first; those above are no objects yet."""

    __slots__ = ("_at", "_ways", "above", "first", "fork", "forks", "own", "span")

    def __init__(self, above: Stretch, ways: list[Way]) -> None:
        self.above = above
        self._ways = ways
        self._at = 0
        # ways on among times share what can be said behind them with the fork they leave
        self.fork: Fork = above.fork
        self.span = above.span
        self.forks = above.forks + 1
        self.first = False
        self.own = ways[0][0]
        """Of the likeliest."""

    @property
    def open(self) -> bool:
        """Whether one is left."""
        return self._at < len(self._ways)

    def take(self) -> Way:
        """The likeliest; the next becomes it."""
        way = self._ways[self._at]
        self._at += 1
        self.own = self._ways[self._at][0] if self.open else -math.inf
        return way


class Bundle:
    """The ways on from a fork that is fed in this very pass: none is known to be likelier."""

    __slots__ = ("_at", "above")

    def __init__(self, above: Stretch) -> None:
        self.above = above
        self._at = 0

    @property
    def open(self) -> bool:
        """Whether one is left."""
        return self._at < len(self.above.fork.tokens)

    def take(self) -> int:
        """Which of the fork's tokens comes next."""
        self._at += 1
        return self._at - 1


class Piece(NamedTuple):
    """Tokens of one stretch that are fed in one pass."""

    stretch: Stretch
    start: int
    stop: int

    @property
    def ids(self) -> Ids:
        """The tokens."""
        return self.stretch.ids[self.start : self.stop]

    @property
    def ended(self) -> bool:
        """Whether the stretch's end is among them."""
        return self.stop == len(self.stretch.ids)

    @property
    def following(self) -> Ids:
        """What may follow each of them, one after the other: one token, or all that a fork has."""
        ids = self.stretch.ids[self.start + 1 : self.stop + 1]
        return ids + self.stretch.fork.tokens if self.ended else ids

    @property
    def ways(self) -> Sequence[int]:
        """How many of `following` each of them has."""
        if not self.ended:
            return [1] * (self.stop - self.start)
        return [1] * (self.stop - self.start - 1) + [len(self.stretch.fork.tokens)]
