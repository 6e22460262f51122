"""One window's answers as they are walked: forks, where several tokens may follow, and the runs between them.

Forks of times differ from window to window only at their edges, since start < end <= duration. They are made
when they are come to: a read-out sees some hundred of a window's many thousands.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Literal, NamedTuple, TypeAlias

from streamaqa.llava.grammar import Grammar, Ids, Outcome, Place, Trie


class Begun(NamedTuple):
    """An interval is about to be said."""

    exercise: str
    error: str


class Said(NamedTuple):
    """An interval has been said, in hundredths of a second."""

    begin: int
    end: int


Event: TypeAlias = Begun | Said


class Run(NamedTuple):
    """Tokens that follow each other without a choice."""

    ids: Ids
    fork: Fork
    """Where they lead."""
    events: tuple[Event, ...]
    """What is said on the way, in order."""


class Fork:
    """Where several tokens may follow; or the end of an answer, where none may."""

    __slots__ = ("_further", "below", "more", "outcomes", "place", "single", "start", "tells", "tokens")

    def __init__(
        self, place: Place, tokens: Ids, below: tuple[Trie, ...], outcomes: frozenset[Outcome], more: bool
    ) -> None:
        self.place = place
        self.tokens = tokens
        """What may follow; none at the end."""
        self.below = below
        self.outcomes = outcomes
        """The error sets that are still possible."""
        self.single = len(outcomes) == 1
        self.start = place.kind == "start"
        """Whether it lies before the first time."""
        self.tells = self.start or place.kind == "tail"
        """Whether what follows may tell error sets apart; among times it never does."""
        self.more = more
        """Whether a further error may be named."""
        self._further: frozenset[tuple[str, str]] | None = None

    @property
    def further(self) -> frozenset[tuple[str, str]]:
        """Exercise and error, for each error that may yet be named."""
        if self._further is None:
            named = {(exercise, name) for exercise, names in self.outcomes for name in names}
            said = {(self.place.exercise, name) for name in self.place.names}
            self._further = frozenset(named - said) if self.more else frozenset()
        return self._further


class WindowGrammar:
    """The answers about one window of that many seconds; None for a still, whose answers have no times.

    WindowError if the window is too short for an interval, or longer than any repetition.
    """

    def __init__(self, grammar: Grammar, duration: float | None) -> None:
        self.grammar = grammar
        self._timed = duration is not None
        self._last = 0 if duration is None else grammar.last(duration)
        """The latest end, hundredths of a second."""

    def start(self) -> Run:
        """How every answer begins."""
        return self._walk(Place("start"), self.grammar.start(timed=self._timed), [])

    def run(self, fork: Fork, option: int) -> Run:
        """What follows one of a fork's tokens, that token first."""
        return self._walk(fork.place, fork.below[option], [fork.tokens[option]])

    def endings(self, fork: Fork) -> list[int]:
        """Options after which the interval that is being said has no choice left up to its end."""
        if fork.place.kind not in ("from", "to"):
            return []
        low, high = self._bounds(fork.place)
        # behind a start, the end is only settled where nothing but the window's own end is left
        last = self._last - 1 if fork.place.kind == "from" else None
        return [
            option
            for option, below in enumerate(fork.below)
            if (found := _only_between(below.times, low, high)) is not None and last in (None, found)
        ]

    def _walk(self, place: Place, trie: Trie | None, ids: list[int]) -> Run:
        """Go on for as long as one token can follow."""
        events: list[Event] = []
        while trie is not None:
            if trie.value is not None:
                value, place = trie.value, self._after(place, trie.value)
                if place.kind == "from":
                    events.append(Begun(place.exercise, place.names[-1]))
                elif place.kind == "tail" and isinstance(value, int):
                    events.append(Said(place.begin, value))
                trie = self._trie(place)
                continue
            following = trie.children
            if len(following) > 1 and len(following := self._follow(place, trie)) > 1:
                return Run(tuple(ids), self._fork(place, trie, following), tuple(events))
            ((token, trie),) = following.items()
            ids.append(token)
        done = Fork(place, (), (), self.grammar.outcomes(place), more=False)
        return Run(tuple(ids), done, tuple(events))

    def _fork(self, place: Place, trie: Trie, following: dict[int, Trie]) -> Fork:
        grammar = self.grammar
        more = place.kind == "start" or (place.many and len(place.names) < grammar.most(place.exercise))
        outcomes = trie.outcomes or grammar.outcomes(place)
        return Fork(place, tuple(following), tuple(following.values()), outcomes, more)

    def _trie(self, place: Place) -> Trie | None:
        """What follows; None where the answer is done."""
        if place.kind == "tail":
            return self.grammar.tail(place)
        if place.kind == "done":
            return None
        return self.grammar.between if place.kind == "between" else self.grammar.times

    def _bounds(self, place: Place) -> tuple[int, int]:
        """Times above the first and up to the second may be said: start < end <= duration."""
        return (-1, self._last - 1) if place.kind == "from" else (place.begin, self._last)

    def _follow(self, place: Place, trie: Trie) -> dict[int, Trie]:
        """The tokens that may follow within a trie."""
        if place.kind not in ("from", "to"):
            return trie.children
        low, high = self._bounds(place)
        if trie.times[0] > low and trie.times[-1] <= high:
            return trie.children
        return {
            token: below for token, below in trie.children.items() if _any_between(below.times, low, high)
        }

    @staticmethod
    def _after(place: Place, value: Place | int) -> Place:
        """Where the end of a trie leads."""
        if isinstance(value, Place):
            return value
        if place.kind == "from":
            return Place("between", place.exercise, place.many, place.names, value)
        kind: Literal["to", "tail"] = "to" if place.kind == "between" else "tail"
        return Place(kind, place.exercise, place.many, place.names, place.begin)


def _any_between(times: list[int], low: int, high: int) -> bool:
    first = bisect_right(times, low)
    return first < len(times) and times[first] <= high


def _only_between(times: list[int], low: int, high: int) -> int | None:
    """The time in between, if there is one and no other."""
    first = bisect_right(times, low)
    return times[first] if bisect_right(times, high) - first == 1 else None
