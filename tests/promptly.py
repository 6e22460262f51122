"""What is promised to happen at once, told from what waits a time-out through.

The promise is a second or less, but a stop-watch in a test measures the machine as well. So each test sets
the time-out that must not be waited for to `NEVER_S` or more, and fails only when that was waited for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

NEVER_S = 20.0
"""What a test sets its time-outs to, at least."""
LIMIT_S = 8.0
"""Far from a second on a machine that is busy elsewhere, and far from `NEVER_S`."""


@contextmanager
def promptly() -> Iterator[None]:
    """Fail when the block waited for a time-out of `NEVER_S`."""
    begun = time.monotonic()
    yield
    lasted = time.monotonic() - begun
    assert lasted < LIMIT_S, f"it took {lasted:.1f} s: some time-out was waited for"
