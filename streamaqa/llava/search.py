"""Best-first search through the answers of one window: what to run through the model next, and what it means.

The distribution that is read out is the one of sampling under the grammar: at each token the model's
probabilities of what the grammar allows, normalized. Then an error set's probability stands as soon as the
tokens that tell sets apart are known, however its sentence goes on, and nothing depends on how many words a
sentence takes. What the model would have said instead is reported as mass outside.

Two bounds make the search exact without walking all answers. A stretch's probability is that of everything
behind it, so sets are known up to the mass of stretches where they are still open; and no interval behind a
stretch is likelier than it, so an interval that is likelier than all of them is the best (branch and bound).

No torch here: `batch` says which tokens are to be fed, `receive` takes log-probabilities. Only what is fed,
or ends an interval, becomes an object; the other ways on from a fork stay numbers in a sorted list.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamaqa.assessment.merge import Interval, WindowReading
from streamaqa.llava.forks import Begun, WindowGrammar
from streamaqa.llava.masses import Masses
from streamaqa.llava.stretches import Bundle, Fan, Piece, Span, Stretch, Way

_NEGLIGIBLE = 1e-3
"""Share of the tolerance below which a stretch is not looked into: a thousand of them are within it."""

_EAGER = math.log(4.0)
"""What a digit that is said is worth. Without it an unsure model's intervals are searched in breadth and none
is finished; at a quarter, two bits a digit, a search reaches an end before it looks at every beginning. The
bounds do not depend on it."""

_AT_FIRST = 3
"""How much wider the first pass is: 130 tokens tell all sets of two exercises apart up to the first time."""
_FIRST = 20.0
"""Words are asked before times: nothing behind the first time weighs this much."""
_CLOSING = 0.5
"""By how much the rest of an answer that tells nothing new stands back: it only shows what is outside."""
_LAST_DIGIT = 10
"""Whole intervals that come to light at once when one has been followed to its end."""

_NEVER = -math.inf
_Open: TypeAlias = Stretch | Fan


@dataclass(frozen=True, slots=True)
class _Goals:
    """What is asked for at present."""

    sets: bool
    """Whether too much of the error sets' probability is undecided."""
    roots: Sequence[tuple[tuple[str, str], float]]
    """Likely errors, and how likely an answer must be to name one where its interval is worth more."""
    spans: Mapping[Span, float]
    """Intervals of likely errors that are being said, and what lifts the best way on in each to the level of
    the others: no error waits until another one's interval is known."""


class Search:
    """One window's search. Alternate `batch` and `receive` until `batch` is empty, then ask for `reading`."""

    def __init__(
        self,
        grammar: WindowGrammar,
        *,
        prior: Mapping[str, float] | None = None,
        tolerance: float = 1e-2,
        likely: float = 0.1,
        width: int = 64,
        reach: float = 1e-2,
        guess: float = 0.02,
    ) -> None:
        self._grammar = grammar
        self._tolerance = tolerance
        self._width = width
        self._reach = -math.log(reach)
        self._worth = math.log(tolerance) if tolerance > 0 else _NEVER
        """What a single open stretch must have to be worth a pass: an unsure model spreads what is undecided
        over hundreds of times, and feeding them one by one decides nothing."""
        self._cut = self._worth + math.log(_NEGLIGIBLE)
        self._guess = math.log(guess) if guess > 0 else _NEVER
        self._masses = Masses(grammar.grammar, prior, likely)
        self._open: list[_Open] = []
        self._spans: dict[tuple[str, str], Span] = {}
        """By exercise and error: behind the likeliest answer that names it."""
        self._unasked: dict[Stretch, dict[int, Stretch]] = {}
        """Fed in the same pass as the fork they follow, by that fork's stretch."""
        self._leak = 0.0
        self._began = False
        start = grammar.start()
        self._root = Stretch(start._replace(ids=(-1, *start.ids)), None)  # the prompt's end stands before it
        self._root.own = self._root.raw = 0.0
        self._masses.put(start.fork.outcomes, 1.0)

    # --- what the model is asked -----------------------------------------------------------------------

    def prompt(self) -> list[Piece]:
        """What a prefill feeds: nothing of the answer, and its last logits foretell the first token."""
        self._open.append(self._root)
        return [self._root.feed(1)]

    def batch(self) -> list[Piece]:
        """What to feed next, parents first; empty when all that was asked is known."""
        goals = self._goals()
        order = count()
        self._open = [item for item in self._open if item.open]
        heap: list[tuple[float, int, _Open | Bundle]] = [
            (-worth, next(order), item) for item in self._open if (worth := self._value(item, goals)) > _NEVER
        ]
        heapq.heapify(heap)
        dearest = heap[0][0] + self._reach if heap else 0.0
        # until the first time, all that can be said is little, and worth one pass
        room = self._width if self._began else _AT_FIRST * self._width
        self._began = True
        pieces: list[Piece] = []
        while heap and room and heap[0][0] <= dearest:
            cost, place, item = heapq.heappop(heap)
            stretch = item if isinstance(item, Stretch) else self._next(item)
            if isinstance(item, Bundle):
                if item.open:
                    heapq.heappush(heap, (cost, place, item))
                if not stretch.fork.tokens:
                    heapq.heappush(heap, (cost + _CLOSING, next(order), stretch))
                    continue
            elif isinstance(item, Fan) and (worth := self._value(item, goals)) > _NEVER:
                heapq.heappush(heap, (-worth, next(order), item))
            piece = stretch.feed(room)
            if piece.start == piece.stop:
                continue
            pieces.append(piece)
            room -= piece.stop - piece.start
            if ways := stretch.ways:  # until the model has spoken, each is as likely as the other
                heapq.heappush(heap, (cost + math.log(ways) - _EAGER, next(order), Bundle(stretch)))
        return pieces

    def _next(self, item: Fan | Bundle) -> Stretch:
        """Its likeliest way on, made a stretch."""
        if isinstance(item, Bundle):
            option = item.take()
            made = self._unasked.setdefault(item.above, {})
            made[option] = self._follow(item.above, option)
            return made[option]
        own, option, raw = item.take()
        stretch = self._follow(item.above, option)
        stretch.own, stretch.raw = own, raw
        self._visit(stretch)
        return stretch

    def _follow(self, above: Stretch, option: int) -> Stretch:
        return Stretch(self._grammar.run(above.fork, option), above)

    def _goals(self) -> _Goals:
        exercise, names = self._masses.likely_errors()
        keys = [(exercise, name) for name in names]
        spans = [self._spans.get(key) for key in keys]
        tops = dict.fromkeys((span for span in spans if span), _NEVER)
        for item in self._open:
            if item.span in tops and item.open:
                tops[item.span] = max(tops[item.span], self._promise(item, item.span))
        most = max(tops.values(), default=0.0)
        return _Goals(
            self._masses.undecided > self._tolerance,
            [(key, span.own if span else _NEVER) for key, span in zip(keys, spans, strict=True)],
            {span: most - top for span, top in tops.items() if top > _NEVER},
        )

    def _promise(self, item: _Open, span: Span) -> float:
        """How much it would help to find the interval's likeliest times."""
        own = item.own
        if own <= span.best or not (span.offers < _LAST_DIGIT or own - span.own > self._guess):
            return _NEVER
        return own - span.own + _EAGER * (item.forks - span.forks)

    def _value(self, item: _Open, goals: _Goals) -> float:
        """How much it would help to go on there."""
        own, fork, span = item.own, item.fork, item.span
        eager = own + _EAGER * item.forks
        value = _NEVER
        if goals.sets and not fork.single:
            if item.first:
                value = own + _FIRST
            elif own > self._worth:
                value = eager
        if fork.more and any(_names(item, key, least) for key, least in goals.roots):
            value = max(value, own + _FIRST if fork.start else eager)
        if span is not None and (lift := goals.spans.get(span)) is not None:
            value = max(value, lift + self._promise(item, span))
        return value

    # --- what it answers -------------------------------------------------------------------------------

    def receive(self, pieces: Sequence[Piece], ways: Sequence[int], logs: NDArray[np.float64]) -> None:
        """Take the model's log-probabilities of what may follow each token that was fed, one after the other.

        `Piece.following` has the tokens they belong to, `Piece.ways` how many there are of each.
        """
        starts = np.cumsum(ways) - ways
        add_up: Any = np.logaddexp.reduceat  # its annotation takes logical arrays only
        inside: Iterator[float] = iter(add_up(logs, starts).tolist())
        values = logs.tolist()
        at = 0
        for piece in pieces:
            stretch = piece.stretch
            forced = piece.stop - piece.start - piece.ended
            for log in islice(inside, forced):
                self._lose(stretch.raw, log)
                stretch.raw += log
            at += forced
            if piece.ended:
                stop = at + len(stretch.fork.tokens)
                self._branch(stretch, values[at:stop], next(inside))
                at = stop

    def _lose(self, raw: float, inside: float) -> None:
        """Of a path's probability, what leaves the grammar with its next token."""
        self._leak += math.exp(raw) * max(0.0, -math.expm1(min(inside, 0.0)))

    def _branch(self, stretch: Stretch, logs: Sequence[float], inside: float) -> None:
        """A stretch's end was fed: its ways on are known."""
        self._lose(stretch.raw, inside)
        fork, shift = stretch.fork, stretch.own - inside
        made = self._unasked.pop(stretch, {})
        ways = sorted(
            ((log + shift, option, stretch.raw + log) for option, log in enumerate(logs)), reverse=True
        )
        tells = fork.tells and not fork.single
        if tells:
            self._masses.take(fork.outcomes, math.exp(stretch.own))
        elif not fork.single:
            self._masses.split(fork.outcomes, len(ways))
        wanted = set(range(len(ways))) if fork.tells else self._best_ending(stretch, ways) | made.keys()
        for own, option, raw in ways:
            if option in wanted:
                child = made.get(option) or self._follow(stretch, option)
                child.own, child.raw = own, raw
                self._visit(child)
                if tells:
                    self._masses.put(child.fork.outcomes, math.exp(own))
        rest = [way for way in ways if way[1] not in wanted and way[0] >= self._cut]
        if rest and (stretch.span or fork.more or not fork.single):
            self._open.append(Fan(stretch, rest))

    def _best_ending(self, stretch: Stretch, ways: Sequence[Way]) -> set[int]:
        """The likeliest way on that says the end of the interval, if there is one: no other one is better."""
        if stretch.span is None:
            return set()
        endings = self._grammar.endings(stretch.fork)
        if not endings:
            return set()
        found = [option for own, option, _ in ways if option in endings and own >= self._cut]
        stretch.span.offers += len(found)
        return set(found[:1])

    def _visit(self, stretch: Stretch) -> None:
        """Take note of a stretch whose probability has become known."""
        if stretch.own < self._cut:
            return
        span = stretch.above.span if stretch.above else None
        for event in stretch.events:
            if isinstance(event, Begun):
                span = Span(stretch.own, stretch.forks)
                known = self._spans.get((event.exercise, event.error))
                if known is None or known.own < span.own:
                    self._spans[event.exercise, event.error] = span
            elif span is not None:
                span.offer(stretch.own, event.begin, event.end)
                span = None
        stretch.span = span
        if stretch.open:
            self._open.append(stretch)

    # --- what is known ---------------------------------------------------------------------------------

    def reading(self, passes: int) -> WindowReading:
        """What is known now."""
        exercises = self._masses.exercises()
        intervals: dict[str, dict[str, Interval]] = {}
        exercise, names = self._masses.likely_errors()
        for name in names:
            span = self._spans.get((exercise, name))
            if span is not None and span.end:
                found = Interval(
                    span.begin / 100,
                    span.end / 100,
                    span.best - span.own,
                    proven=not any(self._doubts(span, (exercise, name))),
                )
                intervals.setdefault(exercise, {})[name] = found
        return WindowReading(
            exercises,
            {performed: self._masses.sets(performed) for performed in exercises},
            intervals,
            min(self._leak, 1.0),
            self._masses.undecided,
            passes,
        )

    def _doubts(self, span: Span, key: tuple[str, str]) -> Iterator[bool]:
        """Whether a likelier interval, or a likelier answer that names the error, may lie behind each open
        stretch.
        """
        for item in self._open:
            if item.open:
                yield item.span is span and item.own > span.best
                yield item.fork.more and _names(item, key, span.own)


def _names(item: _Open, key: tuple[str, str], least: float) -> bool:
    """Whether an answer that is likelier than that may name the error behind it."""
    return item.own > least and key in item.fork.further
