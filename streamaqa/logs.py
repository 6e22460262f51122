"""Logging, set up once by a program's entry point and never at import.

One line each on standard error, from structlog and the standard library alike. MediaPipe and FFmpeg write
to file descriptor 2 behind Python's back; `quiet_native` sends that elsewhere, so that it does not tear up a
live table.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
from typing import TextIO

import structlog


def configure(*, verbose: bool = False, stream: TextIO | None = None) -> None:
    """Send log lines to `stream` (standard error if not given); `verbose` adds informational ones."""
    level = logging.INFO if verbose else logging.WARNING
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
    ]
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            # plain: the default would print local variables, and some of those are secrets
            processor=structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            ),
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )


def quiet_native() -> None:
    """Keep Python's standard error, and send what native libraries write to descriptor 2 nowhere."""
    try:
        kept = os.dup(2)
    except OSError:  # no standard error at all
        return
    sys.stderr = os.fdopen(kept, "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    faulthandler.enable(sys.stderr)  # a native crash still says where
