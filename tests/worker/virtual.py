"""A worker in virtual time: arrivals and service by a simulated clock, the real line deciding."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

from streamaqa.worker.line import Job, Line, LineSettings, Ticket


@dataclass(frozen=True)
class Arrival:
    at: float
    frames: tuple[int, ...]
    deadline: float
    """Seconds that are left when it arrives."""


@dataclass
class Outcome:
    """What became of every request, by its number."""

    refused: dict[int, float] = field(default_factory=dict)
    """When it was told so."""
    expired: dict[int, float] = field(default_factory=dict)
    answered: dict[int, float] = field(default_factory=dict)
    in_time: int = 0
    batches: list[int] = field(default_factory=list)
    most_waiting: int = 0

    @property
    def told(self) -> int:
        return len(self.refused) + len(self.expired) + len(self.answered)


def simulate(
    arrivals: Sequence[Arrival],
    service: Callable[[int, int], float],
    *,
    lanes: int = 1,
    settings: LineSettings | None = None,
    warm: Sequence[tuple[int, int]] = ((32, 1),),
) -> Outcome:
    """Run all arrivals to their end. `service` gives the seconds of a batch by frames and windows."""
    line = Line(settings or LineSettings(overhead_s=0.0), lanes)
    for frames, windows in warm:
        line.rates.learn(frames, windows, service(frames, windows))
    outcome, order = Outcome(), count()
    events: list[tuple[float, int, Callable[[float], None]]] = []
    idle = set(range(lanes))
    number: dict[Job, int] = {}
    open_windows: dict[Job, int] = {}

    def start(now: float) -> None:
        for job in line.expired(now):
            outcome.expired[number[job]] = now
        for lane in sorted(idle):
            batch = line.next_batch(now, lane)
            if not batch:
                return
            idle.discard(lane)
            outcome.batches.append(len(batch))
            takes = service(max(ticket.frames for ticket in batch), len(batch))

            def end(at: float, lane: int = lane, batch: list[Ticket] = batch, takes: float = takes) -> None:
                line.finished(lane, batch[0].frames, len(batch), takes)
                idle.add(lane)
                for ticket in batch:
                    open_windows[ticket.job] -= 1
                    if open_windows[ticket.job] == 0 and number[ticket.job] not in outcome.expired:
                        outcome.answered[number[ticket.job]] = at
                        outcome.in_time += at <= ticket.job.deadline + 1e-9

            heapq.heappush(events, (now + takes, next(order), end))

    def arrive(index: int, arrival: Arrival) -> Callable[[float], None]:
        def act(now: float) -> None:
            job = Job.of(now + arrival.deadline, arrival.frames)
            number[job], open_windows[job] = index, len(arrival.frames)
            if line.admit(now, job).admitted:
                for ticket in job.tickets:
                    ticket.decoded = True
            else:
                outcome.refused[index] = now
            outcome.most_waiting = max(outcome.most_waiting, len(line))

        return act

    for index, arrival in enumerate(arrivals):
        heapq.heappush(events, (arrival.at, next(order), arrive(index, arrival)))
    while events:
        now, _, act = heapq.heappop(events)
        act(now)
        start(now)
    return outcome
