"""What flows between the stages: frames, poses, phases, reps, events, assessments.

Everything here is frozen and knows no clock, no loop and no I/O. Times are seconds of stream time unless a
field says otherwise. This module imports nothing else of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

PhaseKind: TypeAlias = Literal["lowering", "lifting"]

LANDMARKS = 33
"""Landmarks of one MediaPipe pose."""
LOAD_POINTS = 48
"""Points of a `Flow` about the hands and what they hold; they come first."""
HIP_POINTS = 24
"""Points of a `Flow` about the hips."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a stream."""

    number: int
    """Counts up from 0 over all frames the source produced, dropped ones included."""
    image: NDArray[np.uint8]
    """(H, W, 3) RGB."""
    time: float
    """Seconds of stream time, from the source's PTS; rises strictly, also across reconnects."""
    arrival: float
    """This machine's monotonic clock when the frame was decoded, seconds."""


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """How the picture moved since the frame before: measured in its pixels, not by the pose model."""

    rise: NDArray[np.float32]
    """(LOAD_POINTS + HIP_POINTS,) how far each point that is followed went up, less what the room did, as
    shares of the frame's height; NaN where it was lost. A point that is lost begins again elsewhere."""
    room: tuple[float, float]
    """How far everything but the lifter went right and down, as shares of the frame's width and height."""


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """The landmarks of one person at one time; all NaN where nobody was found."""

    time: float
    """Seconds of stream time."""
    image: NDArray[np.float32]
    """(33, 4) x and y as shares of the frame's width and height, z on x's scale, visibility in [0, 1]."""
    world: NDArray[np.float32]
    """(33, 4) x right, y down, z away from the camera, metres about the middle of the hips; visibility."""
    size: tuple[int, int]
    """Width and height of the frame in pixels, so that image coordinates can be made isotropic."""
    flow: Flow | None = None
    """None where there is no picture before this one, or where nobody looked."""

    @property
    def found(self) -> bool:
        """Whether anybody was found."""
        return not bool(np.isnan(self.image[0, 0]))

    @classmethod
    def nobody(cls, time: float, size: tuple[int, int]) -> Pose:
        """A pose for a frame in which nobody was found."""
        nothing = np.full((LANDMARKS, 4), np.nan, np.float32)
        return cls(time, nothing, nothing, size)


@dataclass(frozen=True, slots=True)
class Phase:
    """Half a repetition: the load goes down or up."""

    kind: PhaseKind
    start: float
    """Seconds of stream time."""
    end: float
    """Seconds of stream time."""

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.end - self.start


VelocityUnit: TypeAlias = Literal["torso/s", "m/s"]
"""Torso lengths (shoulder to hip) a second, or metres a second where the lifter's height is known."""


@dataclass(frozen=True, slots=True)
class Tempo:
    """How long each part of a repetition took, seconds. The pause is the hold about the turn."""

    lowering: float
    pause: float
    lifting: float


@dataclass(frozen=True, slots=True)
class Rep:
    """One repetition: two phases that touch at the turn.

    Start and end are the crossings of 5 % of the range of motion; the turn is the extreme, or the middle of
    the hold there.
    """

    unit: int
    """Names this repetition in the segmenter's events, from the moment it is only suspected."""
    set_number: int
    """From 1 within the session."""
    number: int
    """From 1 within the set."""
    exercise: str
    """Wire name, see `exercises`."""
    exercise_probability: float
    phases: tuple[Phase, Phase]
    tempo: Tempo
    range_of_motion: float
    """How far the load or body travelled, in torso lengths (shoulder to hip) of the lifter."""
    mean_lifting_velocity: float
    """From 5 to 95 % of the way of the lifting phase, in `velocity_unit`."""
    velocity_loss: float | None = None
    """(fastest - this) / fastest over the set so far; None where it means nothing (first rep)."""
    velocity_unit: VelocityUnit = "torso/s"

    @property
    def start(self) -> float:
        """Seconds of stream time."""
        return self.phases[0].start

    @property
    def turn(self) -> float:
        """Seconds of stream time."""
        return self.phases[0].end

    @property
    def end(self) -> float:
        """Seconds of stream time."""
        return self.phases[1].end

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.end - self.start

    def phase_at(self, time: float) -> PhaseKind:
        """Which phase holds `time`; times outside count to the nearer phase."""
        return self.phases[0].kind if time < self.turn else self.phases[1].kind


# --- what the segmenter says ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PhaseStarted:
    """A first phase is thought to have begun. Provisional: `PhaseEnded` and `RepEnded`, or `RepCancelled`."""

    at: float
    """Stream time at which this was said."""
    unit: int
    exercise: str
    kind: PhaseKind
    start: float


@dataclass(frozen=True, slots=True)
class PhaseEnded:
    """The first phase has turned into the second: its windows may be sent early. Still provisional."""

    at: float
    unit: int
    exercise: str
    phase: Phase


@dataclass(frozen=True, slots=True)
class RepEnded:
    """A repetition is confirmed."""

    at: float
    rep: Rep


@dataclass(frozen=True, slots=True)
class RepCancelled:
    """What was suspected was no repetition; drop what was begun for `unit`."""

    at: float
    unit: int
    reason: str


@dataclass(frozen=True, slots=True)
class SetEnded:
    """A set is over: a long pause, another exercise or athlete, or the end of the stream."""

    at: float
    set_number: int
    exercise: str
    reps: tuple[Rep, ...]


Event: TypeAlias = PhaseStarted | PhaseEnded | RepEnded | RepCancelled | SetEnded


@dataclass(frozen=True, slots=True)
class SegmenterStatus:
    """What the segmenter would say if asked now; the live `state` message is made of it."""

    person: bool
    """Whether a lifter is in view."""
    exercise: str | None
    """The best guess so far, or None."""
    phase: PhaseKind | None
    """The phase that is going on, or None between repetitions."""
    set_number: int
    """0 before the first repetition."""
    rep: int
    """Repetitions confirmed in the current set."""
    advice: tuple[str, ...] = ()
    """Set-up advice, as codes: `nobody_in_view`, `feet_not_visible`, `turn_side_on`, ..."""


# --- what an assessor says -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AssessorInfo:
    """Who judged."""

    name: str
    version: str
    calibrated: bool
    """Whether the probabilities were fitted on labels."""
    trained: bool = True
    """False for a model that was never trained for what it is asked: its answers mean nothing yet."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One error that was judged, found or not: see `probability`."""

    name: str
    """Wire name of the error."""
    probability: float
    start: float
    """Seconds of stream time: where it shows, or would show most."""
    end: float


@dataclass(frozen=True, slots=True)
class Assessment:
    """What an assessor says of one rep: each error of the exercise is in `findings` or in `abstained`."""

    exercise: str
    exercise_probability: float
    findings: tuple[Finding, ...]
    abstained: tuple[str, ...]
    """Errors that cannot be judged from this view."""
    assessor: AssessorInfo
    degraded: bool = False
    """True where this is the answer of a stand-in for the configured assessor."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What an assessor gets to see of one rep."""

    rep: Rep
    poses: Sequence[Pose]
    """In time order, from some seconds before the rep (the lifter's own standing) to its end."""
    windows: Sequence[object] = field(default=())
    """`windows.Window`s cut by the assessor's plan; empty for an assessor without one."""
