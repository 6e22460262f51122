"""One tree of errors. Each says what its catcher does.

StreamaqaError
├── UsageError          something the user gave cannot be used: print one line, exit 2
│   ├── ConfigError     ... in the configuration: names file, line and key
│   ├── SourceError     ... a video, pose track or stream that cannot be opened
│   ├── ModelFileError  ... the pose model: missing, out of reach, or with the wrong hash
│   ├── WeightsError    ... weights or an adapter: says what was found and what was wanted
│   └── BrokerError     ... the MQTT broker refuses us or cannot be reached at the start
├── AnswerError         a model's answer cannot be read: costs that window, never the stream
├── WindowError         a window cannot be cut or shown: costs that window
├── WorkerError         the GPU worker gives no answer to a request: its stand-in judges, marked degraded
│   ├── WorkerGoneError ... nobody is there, or not yet: ask again when it is back
│   └── WorkerBusyError ... it cannot make the deadline: ask for less, or later
└── DeliveryError       a message could not be handed over: it stays in the outbox and is tried again
"""

from __future__ import annotations


class StreamaqaError(Exception):
    """Root of everything this package raises on purpose."""


class UsageError(StreamaqaError):
    """Something the user gave cannot be used. The command line prints it as one line and exits with 2."""


class ConfigError(UsageError):
    """The configuration cannot be used; the message names file, line and key."""


class SourceError(UsageError):
    """A source cannot be opened; the message says what was found and what would work."""


class ModelFileError(UsageError):
    """The pose model is missing, out of reach or not the file it should be."""


class WeightsError(UsageError):
    """Weights, an adapter or their configuration cannot be used; says what was found and what was wanted."""


class BrokerError(UsageError):
    """The MQTT broker refuses the connection or cannot be reached."""


class AnswerError(StreamaqaError, ValueError):
    """A model's answer cannot be read. Costs one window, never the stream."""


class WindowError(StreamaqaError, ValueError):
    """A window cannot be cut or shown to the model. Costs that window."""


class WorkerError(StreamaqaError):
    """The GPU worker gives no answer to a request. The stand-in judges; asking again would not help."""


class WorkerGoneError(WorkerError):
    """Nobody is there, or it does not serve yet. Nothing was judged: ask again when it is back."""


class WorkerBusyError(WorkerError):
    """The worker refuses what it cannot do in time. Ask for less, or later.

    Args:
        retry_after_s: the earliest that the same request may fit, if the worker said so.
    """

    def __init__(self, text: str, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class DeliveryError(StreamaqaError):
    """A message could not be handed over. It stays in the outbox and is tried again."""


def first(error: BaseException) -> BaseException:
    """The first error that is no group, of a task group's exception."""
    return first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
