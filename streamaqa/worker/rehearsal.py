"""Windows that nobody asked for: what the worker warms up and measures itself with."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from streamaqa.assessment.wire import AskedWindow
from streamaqa.windows import encode
from streamaqa.worker.engine import Engine

SECONDS = 2.8
"""Length of a window: the median repetition of the real clips."""
SIZE = 853, 480
"""Height and width of a phone's picture after the frame path."""


def rehearsed(engine: Engine, frames: int, count: int) -> tuple[Sequence[Any], float]:
    """Windows as the engine takes them, and the seconds that decoding one frame took."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (SIZE[0] // 16, SIZE[1] // 16, 3), np.uint8)
    jpeg, _ = encode(np.ascontiguousarray(coarse.repeat(16, 0).repeat(16, 1)))
    times = tuple(SECONDS * number / frames for number in range(frames))
    asked = AskedWindow(unit=0, times=times, duration=SECONDS if frames > 1 else 0.0)
    start = time.perf_counter()
    part = engine.part([jpeg] * frames, None)
    seconds = (time.perf_counter() - start) / frames
    return [engine.window(asked, [part]) for _ in range(count)], seconds
