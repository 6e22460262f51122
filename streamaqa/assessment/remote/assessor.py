"""`assessor: llava`: repetitions judged by a GPU worker, here or elsewhere.

A request is worth sending as long as its answer is of use, and not longer: each tells the worker what remains
of its deadline. Where the deadline cannot be made (nobody there, refused) the one who waits is told at once,
so that the stand-in can speak, and the request goes on at leisure until it would be stale.

    hasty      a few attempts, fewer frames where that helps; any obstacle is told at once
    patient    waits for the worker to be back or to have room, until nobody wants the answer any more
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import httpx2
import structlog

from streamaqa.assessment.merge import Placed
from streamaqa.assessment.remote.asking import WORTH_S, Asking, Requester
from streamaqa.assessment.remote.client import WorkerClient
from streamaqa.assessment.remote.contact import Contact, Terms, info_of
from streamaqa.assessment.remote.reading import assessment_of, hint_of
from streamaqa.assessment.remote.settings import RemoteSettings
from streamaqa.errors import StreamaqaError, WindowError, WorkerBusyError, WorkerError, WorkerGoneError
from streamaqa.exercises import EXERCISES, Exercise
from streamaqa.types import Assessment, AssessorInfo, Evidence, Phase, PhaseEnded
from streamaqa.windows import Window, WindowPlan

log = structlog.get_logger(__name__)

EARLY = 2
"""First phases under way ahead of time; one lifter has one, and its successor overlaps with it at most."""
EARLY_SURE = 0.9
"""How sure the segmenter counts of an exercise at the turn, before it has confirmed it."""
SAME_TIME_S = 1e-6


@dataclass(frozen=True, slots=True)
class _Early:
    """A first phase that was sent ahead of time."""

    phase: Phase
    """As it was thought to be."""
    frame_s: float
    windows: int
    answer: asyncio.Task[list[Placed] | None]
    """None where the worker gave none."""

    def fits(self, phase: Phase) -> bool:
        """Whether the confirmed phase is the same within a frame."""
        most = self.frame_s + SAME_TIME_S
        return (
            phase.kind == self.phase.kind
            and abs(phase.start - self.phase.start) <= most
            and abs(phase.end - self.phase.end) <= most
        )


class LlavaAssessor:
    """Asks a worker. A `Remote` assessor: `run` has to be under way while it is used.

    Args:
        settings: with the worker's `url`.
        plan: as configured; None takes the worker's.
        exercises: the vocabulary.
        transport: in place of the network, for tests.

    Raises:
        UsageError: token or certificates cannot be read.
    """

    def __init__(
        self,
        settings: RemoteSettings,
        plan: WindowPlan | None = None,
        exercises: Sequence[Exercise] = EXERCISES,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self._client = WorkerClient(settings, transport=transport)
        self._contact = Contact(self._client, settings, plan, exercises)
        self._requester = Requester(self._client, self._contact, settings)
        self._early: dict[int, _Early] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._written_off = False
        """A recording has waited for a worker in vain, and will not wait again until it is back."""
        self._counts = dict.fromkeys(("early_sent", "early_used"), 0)

    @property
    def info(self) -> AssessorInfo:
        """The model that the worker serves, `untrained` where it is."""
        terms = self._contact.terms
        return info_of(terms.model if terms else None)

    @property
    def plan(self) -> WindowPlan | None:
        """The contract's; None before the worker was reached: nobody can say how to cut then."""
        return self._contact.terms.plan if self._contact.terms else None

    @property
    def counts(self) -> Mapping[str, int]:
        """Requests, and how they fared."""
        counts = {f"worker_{name}": n for name, n in (self._requester.counts | self._counts).items()}
        return counts | {"worker_lost": self._contact.breaks}

    async def meet(self, within_s: float) -> None:
        """Wait for the worker before anything is judged.

        Raises:
            UsageError: it serves something else than is wanted, or wants another token.
            WorkerGoneError: it does not serve within this time.
        """
        await self._contact.meet(within_s)

    async def close(self) -> None:
        """Free the connections; see `Remote.close`."""
        await self._client.close()

    async def run(self) -> None:
        """Keep in touch with the worker, and own the requests that are sent early, until cancelled."""
        async with self._client, asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                await self._contact.keep()
            finally:
                self._tasks = None
                for early in self._early.values():
                    early.answer.cancel()

    # --- ahead of time --------------------------------------------------------------------------------

    def begin(self, ended: PhaseEnded, windows: Sequence[Window]) -> None:
        """Send the windows of a first phase while the second goes on; its answer waits for `ask`."""
        terms = self._contact.terms
        if self._tasks is None or terms is None or not (self._settings.early and windows):
            return
        if not self._contact.up.is_set() or ended.exercise not in {known.name for known in terms.exercises}:
            return
        while len(self._early) >= EARLY:
            self.cancel(next(iter(self._early)))
        self._counts["early_sent"] += 1
        hint = hint_of(ended.exercise, EARLY_SURE, terms.exercises)
        asking = self._ahead(Asking(windows, ended.phase.start, hint, "ahead"))
        last = windows[-1]
        self._early[ended.unit] = _Early(
            ended.phase,
            last.duration - (last.times[-1] - last.times[0]),
            len(windows),
            self._tasks.create_task(asking, name=f"early {ended.unit}"),
        )

    def cancel(self, unit: int) -> None:
        """What was sent early for this unit is of no use."""
        early = self._early.pop(unit, None)
        if early is not None:
            early.answer.cancel()

    async def _ahead(self, asking: Asking) -> list[Placed] | None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._settings.stale_s):
                return await self._requester.hastily(asking, loop.time() + self._settings.deadline_s)
        except (StreamaqaError, TimeoutError) as error:
            log.info("no answer ahead of time", reason=str(error))
            return None

    # --- asked ----------------------------------------------------------------------------------------

    async def assess(self, evidence: Evidence) -> Assessment:
        """For a recording, which has time: waits for a worker that is gone or has no room."""
        if self._written_off and not self._contact.up.is_set():
            raise WorkerGoneError(self._contact.reason)
        self._written_off = False
        until = asyncio.get_running_loop().time() + self._settings.wait_s
        try:
            async with asyncio.timeout_at(until):
                await self._contact.up.wait()
                asking = self._asking(evidence)
                return self._judged(evidence, asking, await self._requester.patiently(asking, until))
        except TimeoutError:
            self._written_off = not self._contact.up.is_set()
            why = self._contact.reason if self._written_off else "the worker gave no answer"
            raise WorkerGoneError(f"{why}, for {self._settings.wait_s:.0f} s") from None

    async def ask(
        self, evidence: Evidence, *, deadline_s: float, stale_s: float, missed: Callable[[], None]
    ) -> Assessment:
        """For a lifter, who waits: see `Remote.ask`."""
        loop = asyncio.get_running_loop()
        deadline, until = loop.time() + deadline_s, loop.time() + stale_s
        asking = self._asking(evidence)
        try:
            async with asyncio.timeout_at(until):
                try:
                    read = await self._in_time(evidence, asking, deadline)
                except (WorkerGoneError, WorkerBusyError) as error:
                    log.info("the worker will not make it", rep=evidence.rep.number, reason=str(error))
                    missed()
                    read = await self._requester.patiently(asking, until, after=error)
                return self._judged(evidence, asking, read)
        except TimeoutError:
            raise WorkerError("no answer before the repetition was stale") from None

    async def _in_time(self, evidence: Evidence, asking: Asking, deadline: float) -> list[Placed]:
        """Hastily; a worker that has said nothing by the deadline is noted."""
        loop = asyncio.get_running_loop()
        if loop.time() + WORTH_S > deadline:  # this machine is behind; the worker cannot help that
            raise WorkerGoneError("the deadline had passed when the repetition was confirmed")
        silence = loop.call_at(deadline, self._contact.silent)
        try:
            return await self._in_two(evidence, asking, deadline)
        finally:
            silence.cancel()

    def _asking(self, evidence: Evidence) -> Asking:
        """What to ask of a repetition; WorkerError or WindowError if there is nothing."""
        terms, rep = self._terms(), evidence.rep
        if rep.exercise not in {known.name for known in terms.exercises}:
            raise WorkerError(f"the worker's weights know no {rep.exercise}")
        windows = [window for window in evidence.windows if isinstance(window, Window)]
        if not windows:
            raise WindowError("a repetition without windows: its frames were not kept")
        hint = hint_of(rep.exercise, rep.exercise_probability, terms.exercises)
        return Asking(windows, rep.start, hint)

    async def _in_two(self, evidence: Evidence, asking: Asking, deadline: float) -> list[Placed]:
        """Hastily; the first phase's answer is taken from what was sent early, if that was the same phase."""
        first = evidence.rep.phases[0]
        early = self._early.pop(evidence.rep.unit, None)
        if early is None:
            return await self._requester.hastily(asking, deadline)
        ahead = [window for window in asking.windows if window.phase == first.kind]
        if not (early.fits(first) and len(ahead) == early.windows):
            early.answer.cancel()
            return await self._requester.hastily(asking, deadline)
        answer = early.answer.result() if early.answer.done() and not early.answer.cancelled() else None
        if answer is None:  # a busy worker has put it off: all or nothing now, since half is of no use
            early.answer.cancel()
            return await self._requester.hastily(asking, deadline)
        self._counts["early_used"] += 1
        rest = [window for window in asking.windows if window.phase != first.kind]
        return [*answer, *await self._requester.hastily(asking.only(rest), deadline)]

    def _judged(self, evidence: Evidence, asking: Asking, read: Sequence[Placed]) -> Assessment:
        return assessment_of(evidence.rep, read, asking.hint, self._terms())

    def _terms(self) -> Terms:
        if self._contact.terms is None:
            raise WorkerGoneError(self._contact.reason)
        return self._contact.terms
