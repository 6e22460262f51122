"""Requests to the worker: in a hurry, or with patience."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError

from streamaqa.assessment.merge import Placed
from streamaqa.assessment.remote.client import RefusedError, WorkerClient
from streamaqa.assessment.remote.contact import Contact
from streamaqa.assessment.remote.frames import FrameChoice, thinned
from streamaqa.assessment.remote.reading import placed
from streamaqa.assessment.remote.settings import RemoteSettings
from streamaqa.assessment.wire import MAX_WINDOWS, AskedWindow, AssessRequest, Urgency, frames_of
from streamaqa.errors import WindowError, WorkerBusyError, WorkerError, WorkerGoneError
from streamaqa.windows import Window

RETRIES, RETRY_S = 2, (0.03, 0.25)
"""A connection that broke is tried again this often, after so many seconds at random: long enough for a load
balancer to name another worker, short enough to leave a deadline of 3 s standing."""
WORTH_S = 0.2
"""An attempt with less time than this cannot succeed: one window takes 0.16 s on an H200."""
AGAIN_S = 0.5
"""Least pause of a patient request after a refusal that names none."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked of one repetition, or of a part of it."""

    windows: Sequence[Window]
    start: float
    """Of the repetition, stream time."""
    hint: Mapping[str, float]
    urgency: Urgency = "now"
    """Who waits for it; see `wire.Urgency`."""

    def only(self, windows: Sequence[Window]) -> Asking:
        """The same about some of the windows."""
        return replace(self, windows=windows)

    def request(self, windows: Sequence[Window], remaining_ms: float, adapter: str | None) -> AssessRequest:
        """For the wire; WindowError for what cannot be asked, such as a repetition of several minutes."""
        if len(windows) > MAX_WINDOWS:
            raise WindowError(f"a repetition of {len(windows)} windows; a request holds {MAX_WINDOWS}")
        try:
            asked = tuple(AskedWindow.of(window, start=self.start, hint=self.hint) for window in windows)
            return AssessRequest(
                windows=asked, deadline_ms=remaining_ms, adapter=adapter, urgency=self.urgency
            )
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise WindowError(f"a window that cannot be asked about: {first['msg']}") from None


class Requester:
    """Sends what is asked, as long as the answer would be of use, and no more at once than allowed.

    Args:
        client: how to reach the worker.
        contact: whether it is there; told of what is met.
        settings: how many frames, and how many requests at once.
    """

    def __init__(self, client: WorkerClient, contact: Contact, settings: RemoteSettings) -> None:
        self.counts = dict.fromkeys(("asked", "retried", "refused"), 0)
        """Requests sent; those of them after a broken connection; those that the worker had no time for."""
        self._client, self._contact, self._adapter = client, contact, settings.adapter
        self._choice = FrameChoice(settings.frames)
        self._room = asyncio.Semaphore(settings.connections)

    async def hastily(self, asking: Asking, deadline: float) -> list[Placed]:
        """A few attempts while there is time. WorkerGoneError or WorkerBusyError when there is no hope."""
        loop = asyncio.get_running_loop()
        frames, attempts = self._choice.first(deadline - loop.time(), loop.time()), 0
        while True:
            if not self._contact.up.is_set():
                raise WorkerGoneError(self._contact.reason)
            try:
                return await self._request(asking, frames, deadline)
            except WorkerGoneError as error:
                attempts += 1
                pause = random.uniform(*RETRY_S)  # noqa: S311 - cameras should not come all at once
                if attempts > RETRIES or loop.time() + pause + WORTH_S > deadline:
                    self._contact.lost(str(error))
                    raise
                self.counts["retried"] += 1
                await asyncio.sleep(pause)
            except WorkerBusyError:
                frames = self._choice.fewer(frames, deadline - loop.time())
                if frames is None or loop.time() + WORTH_S > deadline:
                    raise

    async def patiently(self, asking: Asking, until: float, after: WorkerError | None = None) -> list[Placed]:
        """Again and again, when the worker is back or has room. The caller ends it when time is up.

        `after` is what the last attempt met.
        """
        while True:
            if isinstance(after, WorkerBusyError):
                pause = max(after.retry_after_s or 0.0, AGAIN_S)
                await asyncio.sleep(pause * random.uniform(1.0, 1.5))  # noqa: S311 - as above
            await self._contact.up.wait()
            try:
                return await self.hastily(replace(asking, urgency="spare"), until)
            except (WorkerGoneError, WorkerBusyError) as error:
                after = error

    async def _request(self, asking: Asking, frames: int | None, deadline: float) -> list[Placed]:
        loop = asyncio.get_running_loop()
        windows = [thinned(window, frames) for window in asking.windows] if frames else asking.windows
        async with self._room:
            self.counts["asked"] += 1
            remaining_ms = 1000 * (deadline - loop.time())
            request = asking.request(windows, remaining_ms, self._adapter)
            try:
                answer = await self._client.assess(request, frames_of(windows))
            except RefusedError as refused:
                self.counts["refused"] += 1
                self._contact.heard()
                self._choice.told(refused.forecast_ms, loop.time())
                raise
        self._contact.heard()
        self._choice.told(answer.forecast_ms, loop.time())
        return placed(windows, answer)
