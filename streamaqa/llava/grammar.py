"""Which answers there are, as tokens: a trie of whole-answer tokenisations, joined where it is walked.

Everything comes from `dialogue.render`: an answer is rendered with times that stand out, cut at them, and its
pieces are encoded. A window of 3 s has 45,000 intervals for each error, so the trie is never written out:
small tries for the words and for the times follow each other by `Place`. That the pieces' ids are the whole
answer's is checked, not assumed. `forks` walks them for one window.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import permutations
from typing import Literal, Protocol, TypeAlias

from streamaqa.dialogue import Answer, ErrorSpan, render
from streamaqa.errors import WeightsError, WindowError
from streamaqa.exercises import Exercise

Ids: TypeAlias = tuple[int, ...]
Outcome: TypeAlias = tuple[str, frozenset[str]]
"""An exercise and a set of errors, by wire name: what a reading is about."""

MOST_ERRORS = 2
"""Errors that one answer names at most: the dialogue's longest form."""

LONGEST_S = 300
"""Seconds of a window at most: every hundredth is encoded once, and no repetition lasts minutes."""

_STAND_OUT = (901.07, 902.07, 903.07, 904.07, 905.07, 906.07)
"""Times that no vocabulary holds; three errors have six."""

_JOINED = "the tokenizer joins times and words in {!r}: wanted one that keeps them apart, as Qwen2's does"


class Encoder(Protocol):
    """What the grammar needs of a tokenizer."""

    end: int
    """Ends an answer."""

    def encode(self, text: str) -> Ids:
        """Ids of a text."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer has come to: which trie follows, and what was said."""

    kind: Literal["start", "from", "between", "to", "tail", "done"]
    """`from` and `to`: a time follows. `tail`: the end, or "and" a further error."""
    exercise: str = ""
    many: bool = False
    """Whether the answer has said "parts"."""
    names: tuple[str, ...] = ()
    """Errors named so far, in order."""
    begin: int = 0
    """Behind `from`: the start that was said, in hundredths of a second."""


class Trie:
    """Alternatives by token. Each ends in a value: a `Place`, or hundredths of a second."""

    __slots__ = ("children", "outcomes", "times", "value")

    def __init__(self) -> None:
        self.children: dict[int, Trie] = {}
        self.value: Place | int | None = None
        self.times: list[int] = []
        """Below, rising: they are put in in this order."""
        self.outcomes: frozenset[Outcome] = frozenset()
        """Of the places below."""

    def add(self, ids: Ids, value: Place | int, outcomes: frozenset[Outcome] = frozenset()) -> None:
        """Put in one alternative; none may begin with another."""
        node = self
        for token in (None, *ids):
            node = node if token is None else node.children.setdefault(token, Trie())
            if isinstance(value, int):
                node.times.append(value)
            node.outcomes |= outcomes
        if node.children or node.value is not None:
            raise WeightsError("the tokenizer writes two answers of the vocabulary alike")
        node.value = value


class Grammar:
    """The answers about windows of any length. Keep one per tokenizer: what was encoded is remembered."""

    def __init__(
        self, encoder: Encoder, vocabulary: Iterable[Exercise], most_errors: int = MOST_ERRORS
    ) -> None:
        if not 1 <= most_errors <= len(_STAND_OUT) // 2:
            raise ValueError(f"most_errors is {most_errors}, wanted 1 to {len(_STAND_OUT) // 2}")
        self.vocabulary = tuple(vocabulary)
        self._by_name = {known.name: known for known in self.vocabulary}
        self._encoder = encoder
        self._most = most_errors
        self._possible: dict[tuple[str, tuple[str, ...], bool], frozenset[Outcome]] = {}
        self._pieces: dict[tuple[str, tuple[str, ...]], tuple[Ids, ...]] = {}
        self._starts = {timed: self._start(timed=timed) for timed in (True, False)}
        self._unit, self._separator = self._around_times()
        self._tails: dict[tuple[str, tuple[str, ...], bool], Trie] = {}
        self.times = Trie()
        """Every time up to the longest window so far, each followed by its unit."""
        self.between = Trie()
        """What leads from a start to its end."""
        self.between.add(self._separator, 0)

    def last(self, duration: float) -> int:
        """The latest end in a window of that many seconds, in hundredths; `times` then holds all before it.

        WindowError if no interval fits, or far more than any repetition lasts.
        """
        last = math.floor(round(duration, 2) * 100 + 1e-6)
        if last < 1:
            raise WindowError(f"a window of {duration} s has no interval of a hundredth of a second")
        if duration > LONGEST_S:
            raise WindowError(f"a window of {duration} s, wanted at most {LONGEST_S} s")
        for hundredths in range(len(self.times.times), last + 1):
            self.times.add((*self._time(hundredths), *self._unit), hundredths)
        return last

    def start(self, *, timed: bool) -> Trie:
        """How answers begin."""
        return self._starts[timed]

    def ordered(self, exercise: str, names: Iterable[str]) -> tuple[str, ...]:
        """Errors in the vocabulary's order."""
        said = set(names)
        return tuple(error.name for error in self._by_name[exercise].errors if error.name in said)

    def outcomes(self, place: Place) -> frozenset[Outcome]:
        """The error sets that are still possible at a place behind the start."""
        key = place.exercise, place.names, place.many and place.kind != "done"
        if key not in self._possible:
            exercise, names, more_follow = key
            said = frozenset(names)
            sets = {said} if len(said) > 1 or not more_follow else set()
            others = {error.name for error in self._by_name[exercise].errors} - said
            for more in range(1, self.most(exercise) - len(said) + 1) if more_follow else ():
                sets |= {said | frozenset(chosen) for chosen in permutations(sorted(others), more)}
            self._possible[key] = frozenset((exercise, chosen) for chosen in sets)
        return self._possible[key]

    def most(self, exercise: str) -> int:
        """Errors that an answer about it can name."""
        return min(self._most, len(self._by_name[exercise].errors))

    def tail(self, place: Place) -> Trie:
        """What can follow an interval, its unit of seconds left out."""
        key = place.exercise, place.names, place.many
        if key not in self._tails:
            trie, unit, said = Trie(), len(self._unit), len(place.names)
            if said > 1 or not place.many:
                done = Place("done", place.exercise, place.many, place.names)
                trie.add(self._ids(place.exercise, place.names)[-1][unit:], done, self.outcomes(done))
            if place.many and said < self.most(place.exercise):
                for error in self._by_name[place.exercise].errors:
                    if error.name not in place.names:
                        then = Place("from", place.exercise, place.many, (*place.names, error.name))
                        ids = self._ids(place.exercise, then.names)[2 * said]
                        trie.add(ids[unit:], then, self.outcomes(then))
            self._tails[key] = trie
        return self._tails[key]

    def _start(self, *, timed: bool) -> Trie:
        """How answers begin: up to the first time, or whole where there are no times."""
        options: dict[Place, Ids] = {}
        for known in self.vocabulary:
            for count in range(self.most(known.name) + 1):
                for names in permutations([error.name for error in known.errors], count):
                    if timed and names:
                        place = Place("from", known.name, count > 1, names[:1])
                        options[place] = self._ids(known.name, names)[0]
                    else:
                        place = Place("done", known.name, count > 1, names)
                        whole = render(Answer(known.name, tuple(map(ErrorSpan, names))), self.vocabulary)
                        options[place] = (*self._encoder.encode(whole), self._encoder.end)
        trie = Trie()
        for place, ids in options.items():
            trie.add(ids, place, self.outcomes(place))
        return trie

    def _ids(self, exercise: str, names: tuple[str, ...]) -> tuple[Ids, ...]:
        """An answer's ids cut at its times: before the first, between, and from the last one's unit on."""
        key = exercise, names
        if key not in self._pieces:
            spans = [ErrorSpan(name, *_STAND_OUT[2 * at : 2 * at + 2]) for at, name in enumerate(names)]
            text = render(Answer(exercise, tuple(spans)), self.vocabulary)
            pieces = re.split("|".join(re.escape(str(time)) for time in _STAND_OUT), text)
            ids = tuple(self._encoder.encode(piece) for piece in pieces)
            woven = list(ids[0])
            for time, piece in zip(_STAND_OUT, ids[1:], strict=False):
                woven += [*self._encoder.encode(str(time)), *piece]
            if len(pieces) != 2 * len(names) + 1 or tuple(woven) != self._encoder.encode(text):
                raise WeightsError(_JOINED.format(text))
            self._pieces[key] = (*ids[:-1], (*ids[-1], self._encoder.end))
        return self._pieces[key]

    def _around_times(self) -> tuple[Ids, Ids]:
        """What follows every time, and what then leads from a start to its end."""
        after: set[Ids] = set()
        for known in self.vocabulary:
            for count in range(1, self.most(known.name) + 1):
                for names in permutations([error.name for error in known.errors], count):
                    after |= set(self._ids(known.name, names)[1:])
        between = {
            self._ids(known.name, (error.name,))[1] for known in self.vocabulary for error in known.errors
        }
        if len(between) != 1:
            raise WeightsError("the dialogue writes intervals in more than one way")
        first = min(after)
        shared = 0
        while all(len(ids) > shared + 1 and ids[shared] == first[shared] for ids in after):
            shared += 1
        if shared == 0:  # then 0.5 could not be told from the beginning of 0.53
            raise WeightsError(_JOINED.format("0.5s"))
        return first[:shared], between.pop()[shared:]

    def _time(self, hundredths: int) -> Ids:
        """Ids of a time as the dialogue writes it, checked within an answer."""
        known, time = self.vocabulary[0], hundredths / 100
        name = known.errors[0].name
        whole = render(Answer(known.name, (ErrorSpan(name, time, time),)), self.vocabulary)
        before, between, after = self._ids(known.name, (name,))
        ids = (*self._encoder.encode(whole), self._encoder.end)
        long = (len(ids) - len(before) - len(between) - len(after)) // 2
        written = ids[len(before) : len(before) + long]
        if ids != (*before, *written, *between, *written, *after):
            raise WeightsError(_JOINED.format(whole))
        return written
