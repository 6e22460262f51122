"""Whether the worker is there, and what it serves: the circuit breaker, and the contract.

While the circuit is closed nothing is asked on the side: requests show whether the worker is there. Once they
say it is not, nothing is sent any more until `/ready` has answered again, asked at growing intervals.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from streamaqa import dialogue
from streamaqa.assessment.remote.client import WorkerClient
from streamaqa.assessment.remote.frames import check_frames
from streamaqa.assessment.remote.settings import RemoteSettings
from streamaqa.assessment.wire import Ready, Served
from streamaqa.errors import StreamaqaError, UsageError, WeightsError, WorkerGoneError
from streamaqa.exercises import Exercise
from streamaqa.llava.contract import Contract
from streamaqa.types import AssessorInfo
from streamaqa.windows import WindowPlan

log = structlog.get_logger(__name__)

PROBE_S, PROBE_GROWTH, PROBE_MOST_S = 0.25, 1.5, 5.0
"""Seconds between looks at a worker that is gone. After a short absence it is found within half as long
again, after a long one within two repetitions; a look is one connection that is refused."""
SILENT = 3
"""Repetitions in a row that got no answer by their deadline until the worker counts as hung."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the worker serves, checked."""

    plan: WindowPlan
    exercises: tuple[Exercise, ...]
    """Those that its weights know."""
    model: Served

    @property
    def info(self) -> AssessorInfo:
        """Who judges; weights that were never trained for it say so."""
        return info_of(self.model)


def info_of(model: Served | None) -> AssessorInfo:
    """For messages; None before anything is known."""
    if model is None:
        return AssessorInfo("llava", "not reached yet", calibrated=False)
    version = f"{model.version} untrained" if model.untrained else model.version
    return AssessorInfo(model.name, version, calibrated=model.calibrated, trained=not model.untrained)


class Contact:
    """The circuit to one worker. `keep` has to be under way for it to close again.

    Args:
        client: how to reach the worker.
        settings: which adapter, and how many frames.
        plan: as configured: must agree with the contract, and stands in for one of untrained weights.
        exercises: the vocabulary.
    """

    def __init__(
        self,
        client: WorkerClient,
        settings: RemoteSettings,
        plan: WindowPlan | None,
        exercises: Sequence[Exercise],
    ) -> None:
        self.terms: Terms | None = None
        """What it serves; what it served last, while it is gone."""
        self.up = asyncio.Event()
        """The circuit is closed."""
        self.breaks = 0
        """How often it was opened."""
        self.reason = f"the worker at {client.where} was not reached yet"
        """Why the circuit is open."""
        self._client, self._settings, self._plan = client, settings, plan
        self._exercises = {known.words: known for known in exercises}
        self._opened = asyncio.Event()
        self._silent = 0

    async def meet(self, within_s: float) -> None:
        """First contact, before anything is judged.

        Raises:
            UsageError: the worker serves something else than is wanted, or wants another token.
            WorkerGoneError: it does not serve within this time.
        """
        loop = asyncio.get_running_loop()
        end, pause = loop.time() + within_s, PROBE_S
        while True:
            try:
                return self._adopt(await self._client.ready())
            except WorkerGoneError:
                if loop.time() + pause > end:
                    raise
            await asyncio.sleep(pause)
            pause = min(pause * PROBE_GROWTH, 1.0)  # somebody waits before the screen

    async def keep(self) -> None:
        """Close the circuit whenever the worker is back, until cancelled."""
        pause = PROBE_S
        while True:
            if self.up.is_set():
                self._opened.clear()
                await self._opened.wait()
                pause = PROBE_S
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - cameras should not come all at once
            pause = min(pause * PROBE_GROWTH, PROBE_MOST_S)
            try:
                self._adopt(await self._client.ready())
                log.warning("the worker is there", worker=self._client.where)
            except UsageError as error:  # it is there, but with something else
                if str(error) != self.reason:
                    log.error("the worker cannot be used", reason=str(error))
                self.reason = str(error)
            except StreamaqaError as error:
                self.reason = str(error)

    def heard(self) -> None:
        """The worker said something."""
        self._silent = 0

    def silent(self) -> None:
        """A deadline has passed without an answer."""
        self._silent += 1
        if self._silent >= SILENT:
            self.lost(f"the worker at {self._client.where} left {self._silent} repetitions without an answer")

    def lost(self, reason: str) -> None:
        """Open the circuit."""
        self._silent = 0
        self.reason = reason
        if self.up.is_set():
            self.up.clear()
            self._opened.set()
            self.breaks += 1
            log.warning("the worker is gone, repetitions are judged by pose", reason=reason)

    def _adopt(self, ready: Ready) -> None:
        """Close the circuit. UsageError unless what is served fits."""
        self.terms = self._checked(ready)
        self._silent = 0
        self.up.set()

    def _checked(self, ready: Ready) -> Terms:
        where = f"the worker at {self._client.where}"
        model = self._model(ready, where)
        found = ready.contract or (Contract.of(self._plan) if self._plan else None)
        if found is None:
            raise WeightsError(
                f"{where} serves weights without a contract: say in `plan` how to cut for them"
            )
        known = {words: errors for words, errors in found.vocabulary.items() if words in self._exercises}
        ours = {words: tuple(e.words for e in self._exercises[words].errors) for words in known}
        wanted = Contract(dialogue=dialogue.VERSION, plan=self._plan or found.plan, vocabulary=ours)
        found.check(wanted, where)
        check_frames(self._settings.frames, found.plan)
        return Terms(found.plan, tuple(self._exercises[words] for words in known), model)

    def _model(self, ready: Ready, where: str) -> Served:
        adapter = self._settings.adapter
        model = ready.model if adapter is None else ready.adapters.get(adapter)
        if model is None:
            there = ", ".join(ready.adapters) or "none"
            raise WeightsError(f"{where} has no adapter {adapter!r}; there are {there}")
        return model
