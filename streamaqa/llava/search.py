"""Best-first search through the answers of one window: what to run through the model next, and what it means.

The distribution that is read out is the one of sampling under the grammar: at each token the model's
probabilities of what the grammar allows, normalized. Then an error set's probability stands as soon as the
tokens that tell sets apart are known, however its sentence goes on, and nothing depends on how many words a
sentence takes. What the model would have said instead is reported as mass outside.

Two bounds make the search exact without walking all answers. A node's probability is that of everything below
it, so sets are known up to the mass of nodes where they are still open; and no interval below a node is
likelier than the node, so an interval that is likelier than every open node is the best (branch and bound).

No torch here: `batch` names nodes in the order they are to be fed, `receive` takes log-probabilities.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import count

import numpy as np
from numpy.typing import NDArray

from streamaqa.assessment.merge import ErrorSet, Interval, WindowReading, fuse
from streamaqa.llava.grammar import Outcome, Place, Trie, WindowGrammar

_NEGLIGIBLE = 1e-3
"""Share of the tolerance below which a node is not looked into: a thousand of them are within it."""

_EAGER = math.log(4.0)
"""What a digit that is said is worth. Without it an unsure model's intervals are searched in breadth and
none is
finished; at a quarter, two bits a digit, a search reaches an end before it looks at every beginning. The
bounds do not depend on it."""

_AT_FIRST = 3
"""How much wider the first pass is: 130 tokens tell all sets of two exercises apart up to the first time."""
_FIRST = 20.0
"""Words are asked before times: nothing behind the first time weighs this much."""
_LAST_DIGIT = 10
"""Whole intervals that come to light at once when one has been followed to its end."""
_WORTH = 1.0
"""Share of the tolerance that a single open node must have to be worth a pass: an unsure model spreads
what is undecided over hundreds of times, and feeding them one by one decides nothing."""


class Node:
    """One token of an answer, with all tokens before it. Its probabilities are known once its parent was
    fed.
    """

    __slots__ = (
        "at", "children", "fed", "forks", "known", "opened", "own", "parent", "place", "raw", "slot",
        "span", "token", "trie",
    )  # fmt: skip

    def __init__(self, token: int, parent: Node | None, place: Place, trie: Trie, forks: int = 0) -> None:
        self.token = token
        self.parent = parent
        self.place = place
        self.trie = trie
        """Where `token` led within the place's trie."""
        self.at: int = parent.at + 1 if parent else -1
        """Tokens of the answer before this one."""
        self.own = -math.inf
        """Log-probability of the path under the grammar."""
        self.raw = -math.inf
        """Log-probability of the path as the model has it."""
        self.forks = forks
        """Choices made on the way here."""
        self.fed = False
        self.slot = -1
        """Where its keys and values lie behind the prompt's, once fed."""
        self.children: list[Node] | None = None
        self.opened: Place | None = None
        """The place that follows, where this node ends a trie; known with the children."""
        self.known = False
        """Whether only one outcome is left."""
        self.span: _Span | None = None
        """The interval that is being said here."""

    def above(self) -> Iterator[Node]:
        """Nodes from the parent up to the first token of the answer."""
        node = self.parent
        while node is not None and node.parent is not None:
            yield node
            node = node.parent


class _Span:
    """The intervals that can be said behind one node, as far as they are known."""

    __slots__ = ("begin", "best", "end", "offers", "open", "root")

    def __init__(self, root: Node) -> None:
        self.root = root
        self.best = -math.inf
        self.begin = 0
        self.end = 0
        self.offers = 0
        """Whole intervals seen."""
        self.open: set[Node] = set()

    def offer(self, node: Node) -> None:
        """A node where start and end are said."""
        self.offers += 1
        if node.own > self.best:
            self.best, self.begin, self.end = node.own, node.place.begin, node.trie.most

    def promising(self) -> list[Node]:
        """Nodes below which a likelier interval may lie."""
        return [node for node in self.open if node.own > self.best]


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
        self._prior = prior
        self._tolerance = tolerance
        self._likely = likely
        self._width = width
        self._reach = -math.log(reach)
        self._cut = math.log(tolerance * _NEGLIGIBLE) if tolerance > 0 else -math.inf
        self._worth = self._cut - math.log(_NEGLIGIBLE) + math.log(_WORTH)
        self._guess = math.log(guess) if guess > 0 else -math.inf
        self._decided: dict[Outcome, float] = defaultdict(float)
        """Probability by outcome."""
        self._open: dict[Node, frozenset[Outcome]] = {}
        """Nodes where the outcome is still open."""
        self._open_mass: dict[frozenset[Outcome], float] = defaultdict(float)
        """Their probability, and that of negligible ones, by the outcomes that are left."""
        self._followed: dict[Node, None] = {}
        """Open nodes behind which a further error can be named."""
        self._spans: dict[tuple[str, str], _Span] = {}
        """By exercise and error: behind the likeliest node that names it."""
        self._leak = 0.0
        start = Place("start")
        trie = grammar.trie(start)
        assert trie is not None
        self.root = Node(-1, None, start, trie)
        self.root.own = self.root.raw = 0.0
        self._visit(self.root)

    # --- what the model is asked -----------------------------------------------------------------------

    def children(self, node: Node) -> list[Node]:
        """The nodes that can follow, made when first asked for; none where the answer is done."""
        if node.children is None:
            place, trie = self._below(node)
            following = self._grammar.follow(place, trie) if trie else ()
            forks = node.forks + (len(following) > 1)
            node.children = [Node(token, node, place, below, forks) for token, below in following]
        return node.children

    def _below(self, node: Node) -> tuple[Place, Trie | None]:
        """The place and trie that the next token is in; no trie where the answer is done."""
        if node.trie.value is None:
            return node.place, node.trie
        if node.opened is None:
            node.opened = self._grammar.after(node.place, node.trie.value)
        return node.opened, self._grammar.trie(node.opened)

    def batch(self) -> list[Node]:
        """The nodes to feed next, parents first; empty when all that was asked is known."""
        order = count()
        heap = [(-worth, next(order), _topmost_unfed(node)) for node, worth in self._goals()]
        heapq.heapify(heap)
        chosen: dict[Node, None] = {}
        dearest = heap[0][0] + self._reach if heap else 0.0
        # until the first time, all that can be said is little, and worth one pass
        width = self._width if self.root.children and self.root.children[0].fed else _AT_FIRST * self._width
        while heap and len(chosen) < width:
            cost, _, node = heapq.heappop(heap)
            if cost > dearest:
                break
            if node in chosen or not (children := self.children(node)):
                continue
            chosen[node] = None
            if len(children) > 1:  # until the model has spoken, each is as likely as the other
                cost += math.log(len(children)) - _EAGER
            if cost <= dearest:
                for child in children:
                    heapq.heappush(heap, (cost, next(order), child))
        return list(chosen)

    def receive(self, batch: Sequence[Node], log_probabilities: Sequence[NDArray[np.float64]]) -> None:
        """Take the model's log-probabilities of each node's children, in the order of `batch`."""
        for node, logs in zip(batch, log_probabilities, strict=True):
            node.fed = True
            children = self.children(node)
            inside = float(np.logaddexp.reduce(logs)) if len(children) > 1 else float(logs[0])
            self._leak += math.exp(node.raw) * max(0.0, -math.expm1(min(inside, 0.0)))
            for child, log in zip(children, logs.tolist(), strict=True):
                child.raw = node.raw + log
                if len(children) > 1:
                    child.own = node.own + log - inside
            if len(children) > 1:
                self._close(node)
                for child in children:
                    self._visit(child)

    def _goals(self) -> Iterator[tuple[Node, float]]:
        """Nodes that would help, and how much."""
        if self._undecided() > self._tolerance:
            for node in self._open:
                if node.place.kind == "start":
                    yield node, node.own + _FIRST
                elif node.own > self._worth:
                    yield node, node.own + _EAGER * node.forks
        exercise, names = self._likely_errors()
        for name in names:
            span = self._spans.get((exercise, name))
            yield from self._likelier_roots(exercise, name, span.root.own if span else -math.inf)
            if span is not None:
                yield from (
                    (node, node.own - span.root.own + _EAGER * (node.forks - span.root.forks))
                    for node in span.promising()
                    if span.offers < _LAST_DIGIT or node.own - span.root.own > self._guess
                )

    def _likelier_roots(self, exercise: str, name: str, than: float) -> Iterator[tuple[Node, float]]:
        """Nodes behind which the error may be named likelier than where it was so far."""
        for node in self._followed:
            place = node.opened or node.place
            if node.own > than and name not in place.names and self._can_name(node, exercise, name):
                yield node, node.own + (_FIRST if place.kind == "start" else _EAGER * node.forks)

    def _can_name(self, node: Node, exercise: str, name: str) -> bool:
        return any(performed == exercise and name in names for performed, names in self._outcomes(node))

    # --- what is known ---------------------------------------------------------------------------------

    def _visit(self, node: Node) -> None:
        """Take note of a node whose probability has become known, and of those that must follow it."""
        if node.parent is not None:
            node.known, node.span = node.parent.known, node.parent.span
        while node.own >= self._cut:
            place, trie = self._below(node)
            if not node.known and len(outcomes := self._outcomes(node)) == 1:
                self._decide(node, outcomes)
            if node.opened is not None:
                self._pass_place(node, node.opened)
            if trie is None:
                return
            if self._grammar.forks(place, trie):
                self._leave_open(node)
                return
            (child,) = self.children(node)
            child.own, child.known, child.span = node.own, node.known, node.span
            node = child
        if not node.known:
            outcomes = self._outcomes(node)
            if len(outcomes) == 1:
                self._decide(node, outcomes)
            else:
                self._open_mass[outcomes] += math.exp(node.own)

    def _leave_open(self, node: Node) -> None:
        if not node.known:
            outcomes = self._outcomes(node)
            self._open[node] = outcomes
            self._open_mass[outcomes] += math.exp(node.own)
        if node.span is not None:
            node.span.open.add(node)
        place = node.opened or node.place
        said = len(place.names)
        if place.kind == "start" or (place.many and said < self._grammar.grammar.most(place.exercise)):
            self._followed[node] = None

    def _pass_place(self, node: Node, opened: Place) -> None:
        """An interval begins to be said, or has been."""
        if opened.kind == "from":
            node.span = _Span(node)
            key = opened.exercise, opened.names[-1]
            if key not in self._spans or self._spans[key].root.own < node.own:
                self._spans[key] = node.span
        elif opened.kind == "tail" and node.span is not None:
            node.span.offer(node)
            node.span = None

    def _decide(self, node: Node, outcomes: frozenset[Outcome]) -> None:
        self._decided[next(iter(outcomes))] += math.exp(node.own)
        node.known = True

    def _close(self, node: Node) -> None:
        """A node was fed: it is open no more."""
        if (outcomes := self._open.pop(node, None)) is not None:
            self._open_mass[outcomes] -= math.exp(node.own)
        if node.span is not None:
            node.span.open.discard(node)
        self._followed.pop(node, None)

    def _outcomes(self, node: Node) -> frozenset[Outcome]:
        """The error sets possible below."""
        if node.trie.outcomes:
            return node.trie.outcomes
        return self._grammar.grammar.outcomes(node.opened or node.place)

    def _undecided(self) -> float:
        """The open nodes' probability, and that of those not looked into; 0 and not float dust if none
        are.
        """
        if not self._open and self._cut == -math.inf:
            return 0.0
        return max(0.0, math.fsum(self._open_mass.values()))

    def _likely_errors(self) -> tuple[str, list[str]]:
        """The likeliest exercise, and those of its errors that are likely enough to ask when."""
        masses = self._shared()
        fused = fuse(_log_exercises(masses), self._prior)
        exercise = max(fused, key=lambda name: fused[name])
        total = math.fsum(mass for (performed, _), mass in masses.items() if performed == exercise)
        chances: dict[str, float] = defaultdict(float)
        for (performed, names), mass in masses.items():
            for name in names if performed == exercise else ():
                chances[name] += mass / total if total else 0.0
        return exercise, [name for name, chance in chances.items() if chance >= self._likely]

    def _shared(self) -> dict[Outcome, float]:
        """Probability by outcome; what is open is shared equally until something is decided, then
        likewise.
        """
        masses = dict(self._decided)
        for outcomes, mass in self._open_mass.items():
            weights = {outcome: self._decided.get(outcome, 0.0) + max(mass, 0.0) for outcome in outcomes}
            total = math.fsum(weights.values())
            for outcome, weight in weights.items():
                masses[outcome] = masses.get(outcome, 0.0) + (mass * weight / total if total else 0.0)
        return masses

    def reading(self, passes: int) -> WindowReading:
        """What is known now."""
        masses = self._shared()
        exercises = _log_exercises(masses)
        intervals: dict[str, dict[str, Interval]] = {}
        exercise, names = self._likely_errors()
        for name in names:
            span = self._spans.get((exercise, name))
            if span is not None and span.end:
                doubt = bool(span.promising()) or any(self._likelier_roots(exercise, name, span.root.own))
                intervals.setdefault(exercise, {})[name] = Interval(
                    span.begin / 100, span.end / 100, span.best - span.root.own, proven=not doubt
                )
        return WindowReading(
            exercises,
            {performed: self._sets(masses, performed) for performed in exercises},
            intervals,
            min(self._leak, 1.0),
            max(0.0, self._undecided()),
            passes,
        )

    def _sets(self, masses: Mapping[Outcome, float], exercise: str) -> tuple[ErrorSet, ...]:
        mine = {names: mass for (performed, names), mass in masses.items() if performed == exercise}
        whole = math.fsum(mine.values())
        found = [
            ErrorSet(self._grammar.grammar.ordered(exercise, names), _log(mass / whole))
            for names, mass in mine.items()
        ]
        return tuple(sorted(found, key=lambda combination: -combination.log_probability))


def _topmost_unfed(node: Node) -> Node:
    """The ancestor, or the node, that must be fed first; between the two only one token can follow."""
    while node.parent is not None and not node.parent.fed:
        node = node.parent
    return node


def _log_exercises(masses: Mapping[Outcome, float]) -> dict[str, float]:
    totals: dict[str, float] = defaultdict(float)
    for (exercise, _), mass in masses.items():
        totals[exercise] += mass
    whole = math.fsum(totals.values())
    return {name: _log(mass / whole) for name, mass in totals.items()}


def _log(probability: float) -> float:
    return math.log(probability) if probability > 0 else -745.0  # below the least positive float
