"""The seam between a repetition and what is said of it: an `Assessor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from streamaqa.types import Assessment, AssessorInfo, Evidence

if TYPE_CHECKING:
    from streamaqa.windows import WindowPlan


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
