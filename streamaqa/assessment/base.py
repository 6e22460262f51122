"""The seam between a repetition and what is said of it: an `Assessor`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from streamaqa.types import Assessment, AssessorInfo, Evidence, PhaseEnded, Rep

if TYPE_CHECKING:
    from streamaqa.windows import Window, WindowPlan


@runtime_checkable
class Assessor(Protocol):
    """Judges repetitions, one at a time or several at once.

    `assess` names each error of the rep's exercise either in `findings` or in `abstained`. It may be
    cancelled at any await, and raises only `StreamaqaError`s: the caller then asks its stand-in.
    """

    @property
    def info(self) -> AssessorInfo:
        """Who judges."""

    @property
    def plan(self) -> WindowPlan | None:
        """How windows are to be cut for it; None if it wants no frames."""

    async def assess(self, evidence: Evidence) -> Assessment:
        """What there is to say of one repetition."""


@runtime_checkable
class Recalled(Assessor, Protocol):
    """An assessor that answers as was recorded, late answers included."""

    def updates_after(self, rep: Rep) -> Sequence[tuple[tuple[int, int], Assessment]]:
        """Set, number and answer of what was said late, between this repetition's feedback and the next."""


@runtime_checkable
class Remote(Assessor, Protocol):
    """An assessor that works elsewhere: it may be late or gone, and takes a first phase before the rest.

    `run` has to be under way while it is asked.
    """

    @property
    def counts(self) -> Mapping[str, int]:
        """What happened on the way since the start; only ever rises."""

    async def run(self) -> None:
        """Keep in touch until cancelled; everything is freed then."""

    async def close(self) -> None:
        """Free everything, where `run` was never under way. May be called more than once."""

    def begin(self, ended: PhaseEnded, windows: Sequence[Window]) -> None:
        """Look at the windows of a first phase ahead of time. Never waits; may do nothing."""

    def cancel(self, unit: int) -> None:
        """What was begun for this unit was no repetition."""

    async def ask(
        self, evidence: Evidence, *, deadline_s: float, stale_s: float, missed: Callable[[], None]
    ) -> Assessment:
        """As `assess`, for somebody who waits.

        Args:
            evidence: what is to be judged.
            deadline_s: seconds from now in which the answer should be there.
            stale_s: seconds from now after which nobody wants it any more: StreamaqaError then.
            missed: called as soon as it is known that the deadline cannot be made.
        """
