"""What is published: one model per topic. `docs/messages.md` is the page for subscribers.

A repetition is told twice. `RepMessage` goes out at once with what the pose shows. `FeedbackMessage` follows
with the judgement, under the same session, set and rep number. Both have the same fields; what is not known
yet is null in a `RepMessage` and not empty, since an empty `errors` would read as "clean".
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from streamaqa.delivery.wire import (
    Count,
    Entry,
    Measure,
    Message,
    Milliseconds,
    Moment,
    Ordinal,
    Probability,
    Seconds,
)
from streamaqa.types import PhaseKind, VelocityUnit

CUE_BYTES = 64
"""A cue fits a watch: UTF-8 bytes."""


class ExerciseEntry(Entry):
    """Which movement it was."""

    name: str
    """Wire name: `squat`, `overhead_press`, `barbell_row`."""
    probability: Probability

    def __str__(self) -> str:
        return self.name


class PhaseEntry(Entry):
    """Half a repetition."""

    kind: PhaseKind
    start_s: Seconds
    """Stream time."""
    end_s: Seconds
    """Stream time."""


class TempoEntry(Entry):
    """How long each part took."""

    lowering_s: Seconds
    pause_s: Seconds
    """The hold about the turn."""
    lifting_s: Seconds


class ErrorEntry(Entry):
    """One execution error that was seen."""

    name: str
    body_part: str
    phase: PhaseKind
    """The phase that holds the middle of the interval."""
    probability: Probability
    start_s: Seconds
    """Stream time."""
    end_s: Seconds
    """Stream time."""

    def __str__(self) -> str:
        return f"{self.name} {self.probability:.2f} at {self.start_s:.1f}-{self.end_s:.1f} s"

    def __repr__(self) -> str:
        """Readable, since a printed list shows this."""
        return f"<{self}>"


class AssessorEntry(Entry):
    """Who judged."""

    name: str
    version: str
    calibrated: bool
    """Whether the probabilities were fitted on labels."""


class Latency(Entry):
    """Milliseconds from the end of the rep to the message, by stage; null where nobody measured."""

    segment: Milliseconds | None = None
    """From the end of the rep until it was confirmed, in stream time."""
    queue: Milliseconds | None = None
    """Waiting for the assessor."""
    assess: Milliseconds | None = None
    """In the assessor."""
    publish: Milliseconds | None = None
    """From the answer until the message was handed over for sending."""
    total: Milliseconds | None = None
    """From the end of the rep until the message was handed over for sending."""


class _OfRep(Message):
    """What the messages about one repetition share."""

    kind: Literal["rep", "feedback", "update"]
    id: Annotated[str, Field(min_length=1)]
    """Unique; the same when the message is sent again."""
    seq: Count = 0
    """Per camera, without gaps, also across restarts; 0 until the outbox has numbered the message."""
    site: str
    camera: str
    session: str
    """One run of the engine at this camera."""
    athlete: str | None
    """As the `athlete` command named them."""
    set_number: Ordinal
    """From 1 within the session."""
    rep: Ordinal
    """From 1 within the set."""
    exercise: ExerciseEntry
    start_s: Seconds
    """Seconds of stream time, as all `_s` that are points in time."""
    turn_s: Seconds
    """Where the first phase ends and the second begins."""
    end_s: Seconds
    at_s: Seconds
    """When this was said."""
    started_at: Moment
    """UTC of `start_s`."""
    ended_at: Moment
    """UTC of `end_s`."""
    phases: tuple[PhaseEntry, PhaseEntry]
    tempo: TempoEntry
    range_of_motion: Measure | None
    """Torso lengths."""
    mean_lifting_velocity: Measure | None
    velocity_unit: VelocityUnit = "torso/s"
    """Metres a second where the lifter's height is known, else torso lengths a second."""
    velocity_loss: Measure | None
    """(fastest - this) / fastest over the set so far; null for a first rep."""
    latency_ms: Latency
    expires_at: Moment
    """After this a display should no longer show the message as news."""

    @model_validator(mode="after")
    def _in_order(self) -> _OfRep:
        if not self.start_s <= self.turn_s <= self.end_s:
            raise ValueError("a rep starts before it turns and turns before it ends")
        return self

    @property
    def number(self) -> int:
        """Which rep of the set, from 1: the same as `rep`."""
        return self.rep


class RepMessage(_OfRep):
    """A repetition is over: what the pose shows, at once. The judgement is null; `feedback` brings it."""

    kind: Literal["rep"] = "rep"
    errors: None = None
    doubtful: None = None
    abstained: None = None
    text: None = None
    cue: None = None
    cue_code: None = None
    lang: None = None
    assessor: None = None
    degraded: None = None


class FeedbackMessage(_OfRep):
    """The judgement of one repetition."""

    kind: Literal["feedback", "update"] = "feedback"
    """`update` where a stand-in answered first and the configured assessor has answered after all."""
    errors: tuple[ErrorEntry, ...]
    """Most probable first."""
    doubtful: tuple[str, ...] = ()
    """Errors, among `errors` or not, whose probability is too near its threshold to be sure."""
    abstained: tuple[str, ...]
    """Errors that cannot be judged from this view; an error in no list was looked for and not seen."""
    text: str
    """A sentence or two for the lifter."""
    cue: str | None
    """A few words, at most 64 bytes of UTF-8; null where silence is better."""
    cue_code: str | None
    """Stable name of the cue, for displays with words or vibration patterns of their own."""
    lang: str
    """Of `text` and `cue`: a BCP 47 tag such as `en`."""
    assessor: AssessorEntry
    degraded: bool
    """Whether a stand-in answered for the configured assessor."""


class RangeEntry(Entry):
    """Range of motion over a set, torso lengths."""

    mean: Measure
    smallest: Measure
    largest: Measure


class VelocityEntry(Entry):
    """Mean lifting velocity over a set, in its `velocity_unit`."""

    mean: Measure
    fastest: Measure
    last: Measure


class ErrorCount(Entry):
    """How often one error was seen in a set."""

    name: str
    body_part: str
    count: Ordinal
    reps: tuple[Ordinal, ...]
    """In which reps."""

    def __str__(self) -> str:
        return f"{self.name} in {self.count}"


class SetMessage(Message):
    """A set is over."""

    kind: Literal["set"] = "set"
    id: Annotated[str, Field(min_length=1)]
    """Unique; the same when the message is sent again."""
    seq: Count = 0
    """As in the messages about a rep; one numbering for all three."""
    site: str
    camera: str
    session: str
    athlete: str | None
    set_number: Ordinal
    exercise: str
    reps: Count
    """How many."""
    start_s: Seconds
    """Start of the first rep."""
    end_s: Seconds
    """End of the last rep."""
    at_s: Seconds
    started_at: Moment
    ended_at: Moment
    duration_s: Seconds
    """From the start of the first rep to the end of the last."""
    tempo: TempoEntry | None
    """Mean over the reps."""
    range_of_motion: RangeEntry | None
    velocity: VelocityEntry | None
    velocity_unit: VelocityUnit = "torso/s"
    velocity_loss: Measure | None
    """(fastest - last) / fastest."""
    technique_limit_rep: Ordinal | None
    """The first rep at which technique broke beyond doubt: a severe fault, or the first of one that came back
    within the bandwidth. Null if it held, or was never judged: see `judged`."""
    errors: tuple[ErrorCount, ...]
    """Most frequent first."""
    judged: dict[str, Count]
    """By error of the exercise, in how many of the reps it could be judged; 0: never."""
    doubtful: tuple[str, ...]
    """Errors that may have been there, and in no rep beyond doubt; some of `errors`, some not."""
    text: str
    lang: str


class StateMessage(Message):
    """What is going on now; retained, so a display that joins late knows at once."""

    kind: Literal["state"] = "state"
    site: str
    camera: str
    session: str
    at: Moment
    at_s: Seconds
    phase: PhaseKind | None
    rep: Count
    set_number: Count
    exercise: str | None
    athlete: str | None
    fps: Measure | None
    """Frames a second that were looked at."""
    lag_ms: Milliseconds | None
    """How far the engine is behind the camera."""
    person: bool
    """Whether a lifter is in view."""
    advice: tuple[str, ...]
    """Set-up advice, as codes: `nobody_in_view`, `feet_not_visible`, ..."""
    shown: dict[str, tuple[str, ...]]
    """By exercise, the errors that poses can show from this view; of the exercise under way alone, once
    there is one. Empty while nobody is in view, or the view cannot be told."""
    text: str
    """Both for people."""
    details: str | None
    """The set so far, for a lifter who rests: some seconds after its last rep, until the next one or the
    set's end."""


class StatsMessage(Message):
    """Counters since the engine started, every 60 s."""

    kind: Literal["stats"] = "stats"
    site: str
    camera: str
    session: str
    at: Moment
    uptime_s: Seconds
    counters: dict[str, Count]
    """Only ever rise: frames, drops, reps, messages, reconnects."""
    gauges: dict[str, Measure]
    """Of this moment: queue lengths, frame rate, memory."""


Numbered: TypeAlias = RepMessage | FeedbackMessage | SetMessage
"""What carries a `seq` and goes through the outbox."""
AnyMessage: TypeAlias = Numbered | StateMessage | StatsMessage
