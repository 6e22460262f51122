"""Who is next: windows that wait for a model, by deadline, and whether one more request can be in time.

A request is let in only if the schedule that is predicted with it, earliest deadline first, has it done by
its deadline and makes nobody late who was let in before. So past capacity those who are let in are still
answered in time, and the rest hear so at once instead of waiting in vain. A first-come queue would not do:
under overload it serves what is late already.

What is more urgent goes before what is less, whatever the deadlines, and may push it out. Were first phases
that are sent ahead as good as repetitions that have ended, a busy worker would read many first phases and
then refuse the second ones: work that is of no use to anybody.

Logic without clock, loop or torch: `now` is handed in, and tests run it in virtual time.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from streamaqa.settings import Settings
from streamaqa.worker.rates import Rates, bucket

CAUTION = 2.0
"""Standard deviations that are kept free before a deadline: 98 of 100 batches of a normal spread."""
PAYS = 0.95
"""A larger batch is taken where it needs at most this share of the time per window; else it only delays."""
EXPLORE = 64
"""Every so many batches the largest is taken that fits, so that a wrong belief about it is mended."""
REGAIN = 100
"""Batches at the size that memory allowed before one window more is tried."""


class LineSettings(Settings):
    """How much may wait, and how much runs at once."""

    waiting: int = Field(default=256, ge=1)
    """Windows; at 3 MB of JPEG each that is 0.8 GB."""
    batch: int = Field(default=8, ge=1, le=64)
    """Windows of one call. Eight of 32 frames are 55,000 tokens, with 3 GB of keys and values at 7B."""
    overhead_s: float = Field(default=0.01, ge=0)
    """What an answer takes beside decoding and model: merging, JSON, the way back."""


@dataclass(slots=True, eq=False)
class Ticket:
    """One window in the line."""

    job: Job
    frames: int
    order: int = 0
    decoded: bool = False
    """Only then can it run."""
    content: object = None
    """What its owner keeps with it."""
    kind: tuple[str | None, int] = field(init=False)
    """Windows of one kind can share a batch: one adapter, and little padding."""

    def __post_init__(self) -> None:
        self.kind = self.job.adapter, bucket(self.frames)

    @property
    def place(self) -> tuple[int, float, int]:
        """The most urgent first, of these the earliest deadline, of these the first come."""
        return self.job.rank, self.job.deadline, self.order


@dataclass(slots=True, eq=False)
class Job:
    """One request: all its windows, one deadline."""

    deadline: float
    adapter: str | None = None
    rank: int = 0
    """How urgent, 0 the most: see `wire.Urgency`."""
    tickets: list[Ticket] = field(default_factory=list)

    @classmethod
    def of(cls, deadline: float, frames: Sequence[int], adapter: str | None = None, rank: int = 0) -> Job:
        """A request of windows with so many frames each."""
        job = cls(deadline, adapter, rank)
        job.tickets = [Ticket(job, count) for count in frames]
        return job


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request is let in."""

    admitted: bool
    finish: float
    """When it is predicted to be done."""
    reason: Literal["late", "full"] = "late"
    retry_after: float = 0.0
    """Seconds until the same request may fit, if nothing else comes."""


@dataclass(slots=True)
class _Lane:
    """One model."""

    busy_until: float = -math.inf
    running: int = 0
    """Windows in it; 0 when it is idle."""


@dataclass(frozen=True, slots=True)
class _Planned:
    """When a window is predicted to be done."""

    ticket: Ticket
    finish: float
    caution: float

    @property
    def surely(self) -> float:
        return self.finish + self.caution


class Line:
    """The windows that wait, and the lanes that take them."""

    def __init__(self, settings: LineSettings, lanes: int = 1, rates: Rates | None = None) -> None:
        self.settings = settings
        self.rates = rates or Rates()
        self.decode_s = 0.0
        """Seconds that decoding one frame takes with all threads at work; its owner measures it."""
        self._lanes = [_Lane() for _ in range(lanes)]
        self._waiting: list[Ticket] = []
        self._orders = 0
        self._batches = 0
        self._fits: dict[int, int] = {}
        """By frames: windows that the device's memory was seen to hold."""
        self._since_full: dict[int, int] = {}

    def __len__(self) -> int:
        """Windows that wait."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """Windows in a model."""
        return sum(lane.running for lane in self._lanes)

    # --- in and out ------------------------------------------------------------------------------------

    def admit(self, now: float, job: Job) -> Verdict:
        """Let a request in, or say why not."""
        for ticket in job.tickets:
            self._orders += 1
            ticket.order = self._orders
        verdict = self._judge(now, job)
        if verdict.admitted:
            for ticket in job.tickets:
                insort(self._waiting, ticket, key=lambda waiting: waiting.place)
        return verdict

    def _judge(self, now: float, job: Job) -> Verdict:
        mine = set(job.tickets)
        plan = self._plan(now, sorted([*self._waiting, *job.tickets], key=lambda ticket: ticket.place))
        finish = max(planned.finish for planned in plan if planned.ticket in mine)
        if len(self._waiting) + len(mine) > self.settings.waiting:
            soonest = min(planned.finish for planned in plan)
            return Verdict(False, finish, "full", max(0.0, soonest - now))
        late = max(planned.surely for planned in plan if planned.ticket in mine) - job.deadline
        if late <= 0:
            late = self._harm(now, plan, job)
        return Verdict(late <= 0, finish, "late", max(0.0, late))

    def _harm(self, now: float, plan: Sequence[_Planned], job: Job) -> float:
        """By how much the request would make others late that were in time without it; 0 for not at all.

        Those that are less urgent do not count.
        """
        late = {
            planned.ticket: planned.surely - planned.ticket.job.deadline
            for planned in plan
            if planned.ticket.job is not job
            and planned.ticket.job.rank <= job.rank
            and planned.surely > planned.ticket.job.deadline
        }
        if not late:
            return 0.0
        without = {planned.ticket: planned for planned in self._plan(now, self._waiting)}
        return max(
            (by for ticket, by in late.items() if without[ticket].surely <= ticket.job.deadline), default=0.0
        )

    def leave(self, job: Job) -> None:
        """Take out what still waits of a request: its client has gone, or one of its windows failed."""
        self._waiting = [ticket for ticket in self._waiting if ticket.job is not job]

    def expired(self, now: float) -> list[Job]:
        """Take out the requests that cannot be in time any more even if they ran at once."""
        gone: list[Job] = []
        for ticket in self._waiting:
            needs = self.rates.batch(ticket.frames, 1).mean
            if now + needs + self.settings.overhead_s > ticket.job.deadline and ticket.job not in gone:
                gone.append(ticket.job)
        for job in gone:
            self.leave(job)
        return gone

    def waiting(self) -> Sequence[Ticket]:
        """Windows that wait, those first that run first."""
        return tuple(self._waiting)

    # --- batches ---------------------------------------------------------------------------------------

    def next_batch(self, now: float, lane: int = 0) -> list[Ticket]:
        """Take the windows that an idle lane should run now; none if none is ready."""
        ready = [ticket for ticket in self._waiting if ticket.decoded]
        if not ready:
            return []
        self._batches += 1
        same = [ticket for ticket in ready if ticket.kind == ready[0].kind]
        left = same[0].job.deadline - now - self.settings.overhead_s
        explore = self._batches % EXPLORE == 0
        batch = same[: self._size(same[0].frames, len(same), left, explore=explore)]
        taken = set(batch)
        self._waiting = [ticket for ticket in self._waiting if ticket not in taken]
        self.begin(now, lane, batch[0].frames, len(batch))
        return batch

    def begin(self, now: float, lane: int, frames: int, count: int) -> None:
        """A lane runs a batch from now on; `next_batch` says so itself."""
        self._lanes[lane] = _Lane(now + self.rates.batch(frames, count).mean, count)

    def finished(self, lane: int, frames: int, count: int, seconds: float | None) -> None:
        """A lane is idle again; `seconds` of its batch, or None for one that failed and tells nothing."""
        self._lanes[lane] = _Lane()
        if seconds is None:
            return
        frames = bucket(frames)
        self.rates.learn(frames, count, seconds)
        if self._fits.get(frames) == count:
            self._since_full[frames] = self._since_full.get(frames, 0) + 1
            if self._since_full[frames] >= REGAIN:
                self._since_full[frames] = 0
                self._fits[frames] += 1

    def out_of_memory(self, frames: int, count: int) -> None:
        """A batch did not fit into the device's memory: half of it is the most from now on."""
        self._fits[bucket(frames)] = max(1, count // 2)
        self._since_full[bucket(frames)] = 0

    def fitted(self, frames: int, count: int) -> None:
        """Half of a batch that had not fitted did: so many windows do."""
        self._fits[bucket(frames)] = max(count, self._fits.get(bucket(frames), 1))

    def _most(self, frames: int) -> int:
        return min(self.settings.batch, self._fits.get(bucket(frames), self.settings.batch))

    def _size(self, frames: int, windows: int, left: float = math.inf, *, explore: bool = False) -> int:
        """How many of so many windows of one kind to run together: the most windows a second that are done
        within the `left` seconds, or one.
        """
        best, best_each = 1, self.rates.batch(frames, 1).mean
        for count in range(2, min(windows, self._most(frames)) + 1):
            takes = self.rates.batch(frames, count).mean
            if takes > left:
                break
            if explore or takes / count < best_each * PAYS:
                best, best_each = count, takes / count
        return best

    # --- what will be ----------------------------------------------------------------------------------

    def forecast(self, now: float, frames: int) -> float:
        """Seconds until a window of so many frames would be answered, were it the last that is urgent."""
        job = Job.of(math.inf, [frames])
        job.tickets[0].order = self._orders + 1
        ahead = [ticket for ticket in self._waiting if not ticket.job.rank]
        plan = self._plan(now, [*ahead, *job.tickets])
        return next(planned.surely for planned in plan if planned.ticket.job is job) - now

    def _plan(self, now: float, tickets: Sequence[Ticket]) -> list[_Planned]:
        """When each window will be done, batches and lanes as they would be.

        Batches are planned as large as pays, whatever the first one's deadline. Were they planned smaller
        where that lets one more window in, the line would fill until only single windows are in time, and
        stay so: under overload that cost a fifth of the throughput.
        """
        lanes = [(max(now, lane.busy_until if lane.running else now), 0.0) for lane in self._lanes]
        ready = self._decoded_at(now, tickets)
        left: dict[Ticket, None] = dict.fromkeys(tickets)
        planned: list[_Planned] = []
        while left:
            lane = min(range(len(lanes)), key=lambda number: lanes[number][0])
            free, variance = lanes[lane]
            first = next(iter(left))
            start = max(free, ready[first])
            same = _first(self._most(first.frames), (t for t in left if t.kind == first.kind))
            same = [ticket for ticket in same if ready[ticket] <= start]
            batch = same[: self._size(first.frames, len(same))]
            takes = self.rates.batch(first.frames, len(batch))
            end, variance = start + takes.mean, variance + takes.deviation**2
            lanes[lane] = end, variance
            for ticket in batch:
                del left[ticket]
                planned.append(
                    _Planned(ticket, end + self.settings.overhead_s, CAUTION * math.sqrt(variance))
                )
        return planned

    def _decoded_at(self, now: float, tickets: Iterable[Ticket]) -> dict[Ticket, float]:
        """When each window can run: all decoding threads work at one window after the other."""
        at, times = now, {}
        for ticket in tickets:
            if ticket.decoded:
                times[ticket] = now
            else:
                at += ticket.frames * self.decode_s
                times[ticket] = at
        return times


def _first(count: int, tickets: Iterable[Ticket]) -> list[Ticket]:
    found: list[Ticket] = []
    for ticket in tickets:
        found.append(ticket)
        if len(found) == count:
            break
    return found
