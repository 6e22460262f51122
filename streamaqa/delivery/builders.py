"""From what the engine knows to what is published."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean
from typing import Literal, Protocol, TypedDict

from streamaqa.delivery.messages import (
    CUE_BYTES,
    AssessorEntry,
    ErrorCount,
    ErrorEntry,
    ExerciseEntry,
    FeedbackMessage,
    Latency,
    PhaseEntry,
    RangeEntry,
    RepMessage,
    SetMessage,
    StateMessage,
    StatsMessage,
    TempoEntry,
    VelocityEntry,
)
from streamaqa.delivery.topics import cut_utf8
from streamaqa.exercises import EXERCISES, Exercise
from streamaqa.feedback.settings import NEWS_S
from streamaqa.types import Assessment, Finding, Rep, SegmenterStatus, SetEnded, VelocityUnit


@dataclass(frozen=True, slots=True)
class Session:
    """One run of one camera."""

    id: str
    site: str
    camera: str
    epoch: datetime
    """UTC of stream time 0; aware."""
    athlete: str | None = None
    news_s: float = NEWS_S
    """Seconds for which a repetition is news."""

    def utc(self, time: float) -> datetime:
        """UTC of a stream time."""
        return self.epoch + timedelta(seconds=time)


class Advice(Protocol):
    """What a message needs of `streamaqa.feedback`'s advice."""

    @property
    def text(self) -> str: ...
    @property
    def cue(self) -> str | None: ...
    @property
    def cue_code(self) -> str | None: ...
    @property
    def lang(self) -> str: ...
    @property
    def doubtful(self) -> tuple[str, ...]: ...


def rep_message(session: Session, rep: Rep, at: float, *, latency: Latency | None = None) -> RepMessage:
    """The message at the end of a rep; `at` is the stream time of saying so."""
    exercise = ExerciseEntry(name=rep.exercise, probability=_share(rep.exercise_probability))
    return RepMessage(**_of_rep(session, rep, exercise, at, latency))


def feedback_message(
    session: Session,
    rep: Rep,
    assessment: Assessment,
    advice: Advice,
    errors: Sequence[Finding],
    at: float,
    *,
    kind: Literal["feedback", "update"] = "feedback",
    latency: Latency | None = None,
    vocabulary: Iterable[Exercise] = EXERCISES,
) -> FeedbackMessage:
    """The judgement of a rep. `errors` are those findings that count, by the coach's threshold."""
    exercise = ExerciseEntry(name=assessment.exercise, probability=_share(assessment.exercise_probability))
    parts = _body_parts(assessment.exercise, vocabulary)
    likely_first = sorted(errors, key=lambda finding: -finding.probability)
    assessor = assessment.assessor
    return FeedbackMessage(
        **_of_rep(session, rep, exercise, at, latency),
        kind=kind,
        errors=tuple(_error(rep, finding, parts) for finding in likely_first),
        doubtful=advice.doubtful,
        abstained=assessment.abstained,
        text=advice.text,
        cue=cut_utf8(advice.cue, CUE_BYTES) if advice.cue else None,
        cue_code=advice.cue_code or None,
        lang=advice.lang,
        assessor=AssessorEntry(name=assessor.name, version=assessor.version, calibrated=assessor.calibrated),
        degraded=assessment.degraded,
    )


def set_message(
    session: Session,
    ended: SetEnded,
    errors: Mapping[int, Sequence[Finding]],
    *,
    text: str,
    lang: str,
    technique_limit_rep: int | None = None,
    judged: Mapping[str, int] | None = None,
    doubtful: Sequence[str] = (),
    vocabulary: Iterable[Exercise] = EXERCISES,
) -> SetMessage:
    """The summary of a set. `errors` are the findings that counted, by rep number; `judged` says of each
    error in how many reps it could be judged, `doubtful` are those never seen beyond doubt.
    """
    reps = ended.reps
    start = reps[0].start if reps else ended.at
    end = reps[-1].end if reps else ended.at
    ranges = _finite(rep.range_of_motion for rep in reps)
    speeds = _finite(rep.mean_lifting_velocity for rep in reps)
    return SetMessage(
        id=uuid.uuid4().hex,
        site=session.site,
        camera=session.camera,
        session=session.id,
        athlete=session.athlete,
        set_number=ended.set_number,
        exercise=ended.exercise,
        reps=len(reps),
        start_s=start,
        end_s=end,
        at_s=ended.at,
        started_at=session.utc(start),
        ended_at=session.utc(end),
        duration_s=end - start,
        tempo=_mean_tempo(reps),
        range_of_motion=_range(ranges),
        velocity=_velocity(speeds),
        velocity_unit=reps[-1].velocity_unit if reps else "torso/s",
        velocity_loss=_velocity_loss(speeds),
        technique_limit_rep=technique_limit_rep,
        errors=_count_errors(errors, _body_parts(ended.exercise, vocabulary)),
        judged=dict(judged or {}),
        doubtful=tuple(doubtful),
        text=text,
        lang=lang,
    )


def state_message(
    session: Session,
    status: SegmenterStatus,
    at: float,
    *,
    fps: float | None = None,
    lag_ms: float | None = None,
    shown: Mapping[str, tuple[str, ...]] | None = None,
    text: str = "",
    details: str | None = None,
) -> StateMessage:
    """What is going on at stream time `at`; `text` says it for people, `details` tells the set so far."""
    return StateMessage(
        site=session.site,
        camera=session.camera,
        session=session.id,
        at=session.utc(at),
        at_s=at,
        phase=status.phase,
        rep=status.rep,
        set_number=status.set_number,
        exercise=status.exercise,
        athlete=session.athlete,
        fps=fps,
        lag_ms=lag_ms,
        person=status.person,
        advice=status.advice,
        shown=dict(shown or {}),
        text=text,
        details=details,
    )


def stats_message(
    session: Session,
    at: datetime,
    uptime_s: float,
    counters: Mapping[str, int],
    gauges: Mapping[str, float] | None = None,
) -> StatsMessage:
    """Counters since the engine started; `at` is the wall clock, aware."""
    return StatsMessage(
        site=session.site,
        camera=session.camera,
        session=session.id,
        at=at,
        uptime_s=uptime_s,
        counters=dict(counters),
        gauges=dict(gauges or {}),
    )


class _RepFields(TypedDict):
    id: str
    site: str
    camera: str
    session: str
    athlete: str | None
    set_number: int
    rep: int
    exercise: ExerciseEntry
    start_s: float
    turn_s: float
    end_s: float
    at_s: float
    started_at: datetime
    ended_at: datetime
    phases: tuple[PhaseEntry, PhaseEntry]
    tempo: TempoEntry
    range_of_motion: float | None
    mean_lifting_velocity: float | None
    velocity_unit: VelocityUnit
    velocity_loss: float | None
    latency_ms: Latency
    expires_at: datetime


def _of_rep(
    session: Session, rep: Rep, exercise: ExerciseEntry, at: float, latency: Latency | None
) -> _RepFields:
    """Fields shared by the messages about a rep."""
    first, second = (
        PhaseEntry(kind=phase.kind, start_s=phase.start, end_s=phase.end) for phase in rep.phases
    )
    return {
        "id": uuid.uuid4().hex,
        "site": session.site,
        "camera": session.camera,
        "session": session.id,
        "athlete": session.athlete,
        "set_number": rep.set_number,
        "rep": rep.number,
        "exercise": exercise,
        "start_s": rep.start,
        "turn_s": rep.turn,
        "end_s": rep.end,
        "at_s": at,
        "started_at": session.utc(rep.start),
        "ended_at": session.utc(rep.end),
        "phases": (first, second),
        "tempo": TempoEntry(
            lowering_s=rep.tempo.lowering, pause_s=rep.tempo.pause, lifting_s=rep.tempo.lifting
        ),
        "range_of_motion": _or_none(rep.range_of_motion),
        "mean_lifting_velocity": _or_none(rep.mean_lifting_velocity),
        "velocity_unit": rep.velocity_unit,
        "velocity_loss": _or_none(rep.velocity_loss),
        "latency_ms": latency or Latency(),
        "expires_at": session.utc(at + session.news_s),
    }


def _error(rep: Rep, finding: Finding, parts: Mapping[str, str]) -> ErrorEntry:
    return ErrorEntry(
        name=finding.name,
        body_part=parts.get(finding.name, ""),
        phase=rep.phase_at((finding.start + finding.end) / 2),
        probability=_share(finding.probability),
        start_s=finding.start,
        end_s=finding.end,
    )


def _count_errors(
    errors: Mapping[int, Sequence[Finding]], parts: Mapping[str, str]
) -> tuple[ErrorCount, ...]:
    """How often each error was seen, most frequent first."""
    seen: dict[str, list[int]] = {}
    for number in sorted(errors):
        for name in dict.fromkeys(finding.name for finding in errors[number]):
            seen.setdefault(name, []).append(number)
    often_first = sorted(seen.items(), key=lambda item: -len(item[1]))
    return tuple(
        ErrorCount(name=name, body_part=parts.get(name, ""), count=len(numbers), reps=tuple(numbers))
        for name, numbers in often_first
    )


def _mean_tempo(reps: Sequence[Rep]) -> TempoEntry | None:
    if not reps:
        return None
    return TempoEntry(
        lowering_s=fmean(rep.tempo.lowering for rep in reps),
        pause_s=fmean(rep.tempo.pause for rep in reps),
        lifting_s=fmean(rep.tempo.lifting for rep in reps),
    )


def _body_parts(exercise: str, vocabulary: Iterable[Exercise]) -> dict[str, str]:
    """Body part by error name; empty for an exercise that is not in the vocabulary."""
    return {
        error.name: error.body_part
        for known in vocabulary
        if known.name == exercise
        for error in known.errors
    }


def _range(ranges: Sequence[float]) -> RangeEntry | None:
    return RangeEntry(mean=fmean(ranges), smallest=min(ranges), largest=max(ranges)) if ranges else None


def _velocity(speeds: Sequence[float]) -> VelocityEntry | None:
    return VelocityEntry(mean=fmean(speeds), fastest=max(speeds), last=speeds[-1]) if speeds else None


def _velocity_loss(speeds: Sequence[float]) -> float | None:
    """(fastest - last) / fastest, as velocity-based training defines it; one rep alone has none."""
    fastest = max(speeds, default=0.0)
    return (fastest - speeds[-1]) / fastest if len(speeds) > 1 and fastest > 0 else None


def _finite(values: Iterable[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]


def _or_none(value: float | None) -> float | None:
    """A measure that could not be taken (NaN) is null on the wire."""
    return value if value is not None and math.isfinite(value) else None


def _share(probability: float) -> float:
    """Into [0, 1]: sums of probabilities leave it by rounding."""
    return min(max(probability, 0.0), 1.0) if math.isfinite(probability) else 0.0
