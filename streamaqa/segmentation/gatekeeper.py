"""Asks an exercise's gates of a movement, finished or under way: see `motion.Gate`."""

from __future__ import annotations

import math

from streamaqa.motion import Gate, Measure, Moment
from streamaqa.segmentation.past import Past, Sample


class Gatekeeper:
    """Knows the gates and the past they are asked about; `stand_on` says where a movement begins."""

    def __init__(self, gates: tuple[Gate, ...], past: Past, patience_s: float) -> None:
        """`patience_s` is for how long a movement may be beyond what its highest is bounded by."""
        self._gates = gates
        self._past = past
        self._patience = patience_s
        self._ceilings = [gate for gate in gates if gate.moment == "peak" and not gate.instead]
        self._starts = [gate for gate in gates if gate.moment == "start" and not gate.instead]
        self._ground: dict[str, float] = {}
        """What each measure whose highest is bounded was at the start, by the gate's name."""
        self._beyond: dict[str, float] = {}
        """For how many seconds it has been beyond that bound."""

    def margins(self, start: float, turn: float, end: float | None = None) -> list[tuple[float, str, Moment]]:
        """How far inside each gate a movement cut there is, the gate's name, and where it looks.

        Without an `end` the movement is under way still.
        """
        around, until = self._past.around, turn if end is None else end

        def values(measure: Measure) -> tuple[float, float, float]:
            return around(start, measure), around(turn, measure), around(until, measure)

        def highest(measure: Measure) -> float:
            return self._past.highest(start, until, measure)

        return [
            (gate.judge(values, highest, ended=end is not None), gate.name, gate.moment)
            for gate in self._gates
        ]

    def failed(
        self, moments: tuple[Moment, ...], start: float, turn: float, end: float | None = None
    ) -> bool:
        """Whether a gate that looks there is not passed."""
        return any(margin < 0 and moment in moments for margin, _, moment in self.margins(start, turn, end))

    def may_begin(self, time: float, *, roughly: bool = False) -> bool:
        """Whether a repetition may begin at that moment, by the gates that are asked of a start alone.

        `roughly` leaves each its softness, for a start that is not known well yet.
        """
        for gate in self._starts:
            slack = gate.softness if roughly else 0.0
            value = self._past.around(time, gate.measure)
            margins = [gate.margin(moved, moved, moved) for moved in (value - slack, value + slack)]
            if max(margins) < 0:
                return False
        return True

    def stand_on(self, time: float) -> None:
        """Count from that moment how high what is bounded comes."""
        self._ground = {gate.name: self._past.around(time, gate.measure) for gate in self._ceilings}
        self._beyond = dict.fromkeys(self._ground, -math.inf)

    def went_beyond(self, now: Sample) -> str | None:
        """The gate beyond whose highest the movement is, and not for a moment only: somebody stood up."""
        for gate in self._ceilings:
            ground = self._ground[gate.name]
            if gate.margin(ground, gate.measure(now.posture), ground) >= 0:
                self._beyond[gate.name] = -math.inf
                continue
            # the first pose beyond may be a leap, and after a gap nobody knows since when
            self._beyond[gate.name] = max(self._beyond[gate.name] + self._past.gap(), 0.0)
            if self._beyond[gate.name] >= self._patience:
                return gate.name
        return None
