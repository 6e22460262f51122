"""What goes over the wire between a camera and the GPU worker: request, answer, refusal and readiness.

`POST /v1/assess` carries `multipart/form-data`: a part `request` (JSON, `AssessRequest`), then a part
`frame` (JPEG) for each frame of each window, in the windows' order. Deadlines are told as what remains of
them: the two machines' clocks never meet. Nothing is pickled. Asking twice does no harm: an answer depends on
the request alone.

Worker and client share these models, and the client writes bodies with `encode`; this module needs neither
torch nor a web framework.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from streamaqa.assessment.merge import (
    ErrorSet,
    Interval,
    MergedReading,
    ProbabilityCalibration,
    WindowReading,
)
from streamaqa.llava.contract import Contract
from streamaqa.types import PhaseKind
from streamaqa.windows import MAX_FRAMES, Box, Window

ASSESS = "/v1/assess"
REQUEST_PART = "request"
FRAME_PART = "frame"

MAX_WINDOWS = 32
"""Windows of one request: a repetition of 16 s, every frame, at 60 a second."""
MAX_DURATION_S = 120.0
"""Of one window. The longest repetition the engine's buffer holds by default lasts 30 s."""
MAX_DEADLINE_MS = 600_000.0
"""Ten minutes. Above it somebody sent a point in time instead of what remains."""

Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=64)]
LogProbability: TypeAlias = Annotated[float, Field(ge=-1e4, le=1e-6)]
"""Rounding may lift a certainty a little over 0."""


class _Asked(BaseModel):
    """From the edge. Strict: a number in quotes is a mistake of the sender's."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class _Told(BaseModel):
    """From the worker. A newer one may say more than this code knows."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


# --- asked ---------------------------------------------------------------------------------------------


class AskedWindow(_Asked):
    """One window; its frames follow as parts."""

    unit: Annotated[int, Field(ge=0, le=2**53)]
    """The repetition it belongs to, as `types.Rep.unit` names it; windows of one unit are merged."""
    phase: PhaseKind | None = None
    """None for a window of a whole repetition."""
    offset: Annotated[float, Field(ge=-MAX_DURATION_S, le=10 * MAX_DURATION_S)] = 0.0
    """Seconds from the repetition's start to the first frame: merged answers are in the repetition's time."""
    times: Annotated[tuple[float, ...], Field(min_length=1, max_length=MAX_FRAMES)]
    """Seconds from the first frame, of each frame; the first is 0."""
    duration: Annotated[float, Field(ge=0, le=MAX_DURATION_S)]
    """Seconds: last - first + one frame interval. Nothing is said of it for a still image."""
    crop: Box | None = None
    """Left, top, right, bottom in pixels of each frame, cut out after decoding."""
    hint: Annotated[Mapping[Name, LogProbability], Field(max_length=16)] | None = None
    """The segmenter's log-probabilities of exercises, by wire name."""

    @model_validator(mode="after")
    def _in_order(self) -> AskedWindow:
        if abs(self.times[0]) > 1e-6:
            raise ValueError(f"times begin at {self.times[0]:.3f}, wanted 0: they count from the first frame")
        for earlier, later in pairwise(self.times):
            if later < earlier:
                raise ValueError(f"times fall from {earlier:.3f} to {later:.3f} s")
        # the duration may be told rounded to 0.01 s
        if len(self.times) > 1 and self.times[-1] > self.duration + 0.005:
            raise ValueError(f"times reach {self.times[-1]:.3f} s in a window of {self.duration:.3f} s")
        if len(self.times) > 1 and self.duration <= 0:
            raise ValueError("several frames in a window of 0 s")
        if self.crop is not None:
            left, top, right, bottom = self.crop
            if not (0 <= left < right and 0 <= top < bottom):
                raise ValueError(f"crop {self.crop} is empty; wanted left, top, right, bottom")
        return self

    @classmethod
    def of(cls, window: Window, *, start: float, hint: Mapping[str, float] | None = None) -> AskedWindow:
        """A cut window; `start` is the repetition's, in stream time."""
        return cls(
            unit=window.unit,
            phase=window.phase,
            offset=window.start - start,
            times=window.relative_times,
            duration=window.duration,
            crop=window.crop,
            hint=dict(hint) if hint else None,
        )

    @property
    def still(self) -> bool:
        """Whether this is a still image, which is asked about without times."""
        return len(self.times) == 1


Urgency: TypeAlias = Literal["now", "ahead", "spare"]
"""`now`: a lifter waits. `ahead`: a first phase whose repetition may yet prove none. `spare`: nobody waits
any more, and a late answer is better than none."""


class AssessRequest(_Asked):
    """The part `request`."""

    windows: Annotated[tuple[AskedWindow, ...], Field(min_length=1, max_length=MAX_WINDOWS)]
    deadline_ms: Annotated[float, Field(ge=-MAX_DEADLINE_MS, le=MAX_DEADLINE_MS)]
    """How long an answer is still of use, counted from the sending; 0 or less is refused as too late."""
    adapter: Name | None = None
    """One of those that `Ready.adapters` names; None for the model as it was loaded."""
    urgency: Urgency = "now"
    """The model runs whatever is more urgent first, and lets it push out what is less."""

    @property
    def frames(self) -> int:
        """Frame parts that follow."""
        return sum(len(window.times) for window in self.windows)


def encode(request: AssessRequest, frames: Iterable[bytes]) -> tuple[str, bytes]:
    """Content type and body of `POST /v1/assess`; `frames` are all windows' JPEGs in order."""
    boundary = secrets.token_hex(16)
    parts = [_part(boundary, REQUEST_PART, "application/json", request.model_dump_json().encode())]
    parts += [_part(boundary, FRAME_PART, "image/jpeg", jpeg) for jpeg in frames]
    return f"multipart/form-data; boundary={boundary}", b"".join([*parts, f"--{boundary}--\r\n".encode()])


def _part(boundary: str, name: str, kind: str, content: bytes) -> bytes:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\nContent-Type: {kind}\r\n\r\n'
    return b"%b%b\r\n" % (head.encode(), content)


# --- told ----------------------------------------------------------------------------------------------


class ModelTold(_Told):
    """Who judges."""

    name: str
    version: str
    calibrated: bool
    """Whether the probabilities were fitted on labels."""
    untrained: bool
    """Weights without a contract: never trained for these answers."""


class Served(ModelTold):
    """One model or adapter that can be asked."""

    calibration: ProbabilityCalibration = ProbabilityCalibration()
    """Merged probabilities pass through it; a client that merges windows of several answers applies it."""


class IntervalTold(_Told):
    """When an error shows, if it does; see `merge.Interval`."""

    start: float
    """Seconds from the window's first frame."""
    end: float
    log_probability: float
    proven: bool = True


class ErrorSetTold(_Told):
    """One combination of errors; see `merge.ErrorSet`."""

    names: tuple[str, ...]
    log_probability: float


class Reading(_Told):
    """What the model said of one window; see `merge.WindowReading`, which it is turned into."""

    exercises: Mapping[str, float]
    """Log-probabilities, without the hint."""
    sets: Mapping[str, tuple[ErrorSetTold, ...]]
    intervals: Mapping[str, Mapping[str, IntervalTold]]
    outside: float
    undecided: float
    passes: int

    @classmethod
    def of(cls, reading: WindowReading) -> Reading:
        """For the wire."""
        return cls(
            exercises=dict(reading.exercises),
            sets={
                name: tuple(
                    ErrorSetTold(names=found.names, log_probability=found.log_probability) for found in sets
                )
                for name, sets in reading.sets.items()
            },
            intervals={
                name: {
                    error: IntervalTold(
                        start=found.start,
                        end=found.end,
                        log_probability=found.log_probability,
                        proven=found.proven,
                    )
                    for error, found in spans.items()
                }
                for name, spans in reading.intervals.items()
            },
            outside=reading.outside,
            undecided=reading.undecided,
            passes=reading.passes,
        )

    def unpacked(self) -> WindowReading:
        """For `assessment.merge`."""
        return WindowReading(
            dict(self.exercises),
            {
                name: tuple(ErrorSet(found.names, found.log_probability) for found in sets)
                for name, sets in self.sets.items()
            },
            {
                name: {
                    error: Interval(found.start, found.end, found.log_probability, found.proven)
                    for error, found in spans.items()
                }
                for name, spans in self.intervals.items()
            },
            self.outside,
            self.undecided,
            self.passes,
        )


class WindowTold(_Told):
    """One window's outcome: either `reading` or `error`."""

    unit: int
    phase: PhaseKind | None
    reading: Reading | None = None
    error: str | None = None
    """One line: why this window could not be read. The others are not touched by it."""


class MergedErrorTold(_Told):
    """One error over a whole repetition; see `merge.MergedError`."""

    name: str
    probability: float
    intervals: tuple[tuple[float, float], ...]
    """Seconds from the repetition's start."""
    best: tuple[float, float]


class RepTold(_Told):
    """What this request's windows of one repetition say together; `error` where none could be read."""

    unit: int
    exercise: str | None = None
    exercises: Mapping[str, float] = {}
    """Probabilities, hint included."""
    errors: tuple[MergedErrorTold, ...] = ()
    error: str | None = None

    @classmethod
    def of(cls, unit: int, merged: MergedReading) -> RepTold:
        """For the wire; `merged` is in the repetition's time."""
        return cls(
            unit=unit,
            exercise=merged.exercise,
            exercises=dict(merged.exercises),
            errors=tuple(
                MergedErrorTold(
                    name=error.name,
                    probability=error.probability,
                    intervals=error.intervals,
                    best=error.best,
                )
                for error in merged.errors
            ),
        )


class Timings(_Told):
    """Where a request's time went, milliseconds. Of several windows, those of the one that was done last; the
    stages follow each other and sum to `total`.
    """

    receive: float
    """From the request's head to the end of its body."""
    queue: float
    """Waiting: for decoding threads, and then for the model."""
    decode: float
    """JPEG to pixels; it goes on while other requests are in the model."""
    model: float
    """The batch that held the window."""
    answer: float
    """Merging."""
    total: float


class Answer(_Told):
    """200: windows in the order asked, and each repetition's windows merged."""

    model: ModelTold
    windows: tuple[WindowTold, ...]
    reps: tuple[RepTold, ...]
    timings_ms: Timings
    forecast_ms: Mapping[int, float] = {}
    """See `Refusal`."""


Reason: TypeAlias = Literal[
    "malformed",  # 400: not the multipart that was asked for
    "token",  # 401
    "host",  # 403: without a token, only programs on this machine may ask
    "not_found",  # 404
    "method",  # 405
    "timeout",  # 408: the body came too slowly
    "too_large",  # 413
    "invalid",  # 422: read, and cannot be right
    "late",  # 429: cannot make the deadline
    "full",  # 429: no room in the queue
    "loading",  # 503
    "draining",  # 503
    "memory",  # 503: the device's memory does not hold even one window
    "internal",  # 500: a defect of the worker's
]


class Refusal(_Told):
    """Any other status: what was wrong, in one line."""

    reason: Reason
    error: str
    retry_after_s: float | None = None
    """With 429 and 503: the earliest that the same request may fit; `Retry-After` has it in whole seconds."""
    forecast_ms: Mapping[int, float] = {}
    """By number of frames: how long one more window of so many would take from now to its answer, if it came
    behind everything that waits. A client may send fewer frames where that makes its deadline."""


class Limits(_Told):
    """What a request may hold at most."""

    windows: int
    body_bytes: int
    frame_bytes: int
    frame_pixels: int


class Ready(_Told):
    """`GET /ready`: 200 when `state` is `ready`, else 503 with the state alone."""

    state: Literal["loading", "ready", "draining"]
    model: Served | None = None
    adapters: Mapping[str, Served] = {}
    contract: Contract | None = None
    device: str | None = None
    limits: Limits | None = None
    forecast_ms: Mapping[int, float] = {}


def frames_of(windows: Sequence[Window]) -> list[bytes]:
    """All windows' JPEGs in the order that `encode` wants."""
    return [jpeg for window in windows for jpeg in window.frames]
