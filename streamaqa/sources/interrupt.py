"""Ends a PyAV call that blocks in another thread.

FFmpeg asks a callback, some ten times a second, whether to give up what it waits for. PyAV's callback answers
by `time.monotonic()` against a time-out fixed when the container was opened, and offers no other way in. So
the clock it asks is ours: for a thread that is to stop, time has run out. For every other thread, and in a
PyAV that no longer asks this clock, the time-outs hold as given.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any

_LEAP_S = 1e6
"""Longer than any time-out; each answer is this much later than the one before, as the time-out may begin to
run only after the stop."""


class _Clock:
    """Stands in for the module `time` in `av.container.core`."""

    def __init__(self) -> None:
        self.stops: dict[int, threading.Event] = {}
        self._leaps = itertools.count(1)

    def monotonic(self) -> float:
        stop = self.stops.get(threading.get_ident())
        leap = _LEAP_S * next(self._leaps) if stop is not None and stop.is_set() else 0.0
        return time.monotonic() + leap

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


_clock = _Clock()


@contextlib.contextmanager
def interruptible(stop: threading.Event) -> Iterator[None]:
    """Within the block, PyAV calls of this thread that have a time-out end soon after `stop` is set."""
    import av.container.core

    vars(av.container.core)["time"] = _clock
    thread = threading.get_ident()
    _clock.stops[thread] = stop
    try:
        yield
    finally:
        if _clock.stops.get(thread) is stop:  # and not of another source that this thread has opened since
            del _clock.stops[thread]
