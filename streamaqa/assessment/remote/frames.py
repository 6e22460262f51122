"""How many frames are sent: the plan's, or fewer where a configuration allows it and a deadline asks for it.

The weights' contract names the number they were trained with. LLaVA-Video takes any number up to it, spread
over the same unit in the same way, at some cost in accuracy; so fewer are sent only where a configuration
lists them, and never more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from streamaqa.errors import UsageError
from streamaqa.windows import Window, WindowPlan, uniform_indices

FRESH_S = 5.0
"""A forecast older than this says nothing of the queue any more: a repetition or two have passed."""
MARGIN_S = 0.05
"""For the way there and back: 3 MB of pictures take 30 ms at 1 Gbit/s."""


def check_frames(frames: Sequence[int], plan: WindowPlan) -> None:
    """UsageError unless fewer frames can be sent under this plan."""
    if frames and plan.sampling != "uniform":
        raise UsageError("assessor.frames: only uniform windows can be sent with fewer frames")
    if frames and frames[0] > plan.frames:
        raise UsageError(
            f"assessor.frames: {frames[0]} frames, but the weights were trained with {plan.frames}"
        )


def thinned(window: Window, frames: int) -> Window:
    """The window with at most `frames` of its frames, sampled as before: ends included, the same duration."""
    if len(window.times) <= frames:
        return window
    kept = uniform_indices(len(window.times), frames) if frames > 1 else (0,)
    return dataclasses.replace(
        window,
        times=tuple(window.times[index] for index in kept),
        frames=tuple(window.frames[index] for index in kept),
    )


class FrameChoice:
    """Chooses the number of frames by what the worker forecasts. Knows no clock.

    Args:
        allowed: as configured, most first; empty always chooses None, which is as many as were cut.
    """

    def __init__(self, allowed: Sequence[int]) -> None:
        self._allowed = tuple(allowed)
        self._forecast: Mapping[int, float] = {}
        self._told = float("-inf")

    def told(self, forecast_ms: Mapping[int, float], now: float) -> None:
        """Take a forecast that came with an answer or a refusal."""
        if forecast_ms:
            self._forecast, self._told = dict(forecast_ms), now

    def first(self, remaining_s: float, now: float) -> int | None:
        """How many frames to begin with, with so many seconds left."""
        if now - self._told > FRESH_S:
            return next(iter(self._allowed), None)
        return self._most(self._allowed, remaining_s) if self._allowed else None

    def fewer(self, than: int | None, remaining_s: float) -> int | None:
        """After a refusal: the most that is fewer and may make it; None if there is nothing fewer to try."""
        below = [count for count in self._allowed if than is not None and count < than]
        return self._most(below, remaining_s) if below else None

    def _most(self, counts: Sequence[int], remaining_s: float) -> int:
        return next((count for count in counts if self._seconds(count) + MARGIN_S < remaining_s), counts[-1])

    def _seconds(self, frames: int) -> float:
        """As forecast for the nearest number, in proportion: vision and prefill go with frames."""
        if not self._forecast:
            return 0.0
        nearest = min(self._forecast, key=lambda count: abs(count - frames))
        return self._forecast[nearest] / 1000 * frames / nearest
