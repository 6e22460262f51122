"""What is known of the error sets' probabilities, while the answers are still being searched."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping

from streamaqa.assessment.merge import ErrorSet, fuse
from streamaqa.llava.grammar import Grammar, Outcome


class Masses:
    """Probability by outcome where it is decided, and by the outcomes that are left where it is not."""

    def __init__(self, grammar: Grammar, prior: Mapping[str, float] | None, likely: float) -> None:
        self._grammar = grammar
        self._prior = prior
        self._likely = likely
        self._decided: dict[Outcome, float] = defaultdict(float)
        self._open: dict[frozenset[Outcome], float] = defaultdict(float)
        self._forks: dict[frozenset[Outcome], int] = defaultdict(int)
        """Of open probability, in how many parts it lies: none left means exactly 0, and not float dust."""
        self._shared: dict[Outcome, float] | None = None

    def put(self, outcomes: frozenset[Outcome], mass: float) -> None:
        """Add probability of which one of these outcomes will come."""
        self._shared = None
        if len(outcomes) == 1:
            self._decided[next(iter(outcomes))] += mass
        else:
            self._open[outcomes] += mass
            self._forks[outcomes] += 1

    def take(self, outcomes: frozenset[Outcome], mass: float) -> None:
        """Take back what was put where several outcomes were possible: more is known of it now."""
        self._shared = None
        self._forks[outcomes] -= 1
        self._open[outcomes] = self._open[outcomes] - mass if self._forks[outcomes] else 0.0

    def split(self, outcomes: frozenset[Outcome], parts: int) -> None:
        """A part that was put has become so many, each to be taken back apart."""
        self._forks[outcomes] += parts - 1

    @property
    def undecided(self) -> float:
        """Probability whose outcome is not known."""
        return max(0.0, math.fsum(self._open.values()))

    def shared(self) -> dict[Outcome, float]:
        """By outcome; what is open is shared equally until something is decided, then likewise."""
        if self._shared is None:
            masses = dict(self._decided)
            for outcomes, mass in self._open.items():
                weights = {outcome: self._decided.get(outcome, 0.0) + max(mass, 0.0) for outcome in outcomes}
                total = math.fsum(weights.values())
                for outcome, weight in weights.items():
                    masses[outcome] = masses.get(outcome, 0.0) + (mass * weight / total if total else 0.0)
            self._shared = masses
        return self._shared

    def exercises(self) -> dict[str, float]:
        """Wire name to log-probability, without the prior."""
        totals: dict[str, float] = defaultdict(float)
        for (exercise, _), mass in self.shared().items():
            totals[exercise] += mass
        whole = math.fsum(totals.values())
        return {name: _log(mass / whole) for name, mass in totals.items()}

    def likely_errors(self) -> tuple[str, list[str]]:
        """The likeliest exercise, prior included, and those of its errors that are worth asking when."""
        fused = fuse(self.exercises(), self._prior)
        exercise = max(fused, key=lambda name: fused[name])
        mine = self._of(exercise)
        total = math.fsum(mine.values())
        chances: dict[str, float] = defaultdict(float)
        for names, mass in mine.items():
            for name in names:
                chances[name] += mass / total if total else 0.0
        return exercise, [name for name, chance in chances.items() if chance >= self._likely]

    def sets(self, exercise: str) -> tuple[ErrorSet, ...]:
        """Of one exercise, the likeliest first; they sum to 1."""
        mine = self._of(exercise)
        whole = math.fsum(mine.values())
        found = [
            ErrorSet(self._grammar.ordered(exercise, names), _log(mass / whole))
            for names, mass in mine.items()
        ]
        return tuple(sorted(found, key=lambda combination: -combination.log_probability))

    def _of(self, exercise: str) -> dict[frozenset[str], float]:
        return {names: mass for (performed, names), mass in self.shared().items() if performed == exercise}


def _log(probability: float) -> float:
    return math.log(probability) if probability > 0 else -745.0  # below the least positive float
