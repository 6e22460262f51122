"""One worked example of every message: the third squat of a set, with the knees coming in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from streamaqa.delivery.builders import (
    Session,
    feedback_message,
    rep_message,
    set_message,
    state_message,
    stats_message,
)
from streamaqa.delivery.commands import CommandReply, ResendCommand
from streamaqa.delivery.messages import FeedbackMessage, Latency, RepMessage, SetMessage
from streamaqa.delivery.wire import Entry
from streamaqa.types import Assessment, AssessorInfo, Finding, Phase, Rep, SegmenterStatus, SetEnded, Tempo

SESSION = Session(
    id="20261123T180000Z-front-rack",
    site="main-street",
    camera="front-rack",
    epoch=datetime(2026, 11, 23, 18, 0, tzinfo=UTC),
    athlete="anna",
)
KNEES_INWARD = Finding("knees_inward", 0.83, 20.4, 21.6)


@dataclass(frozen=True, slots=True)
class _Advice:
    text: str = "Your knees came in towards each other: spread the floor with your feet."
    cue: str | None = "Spread the floor"
    cue_code: str | None = "squat.knees_inward"
    lang: str = "en"


def _rep(number: int) -> Rep:
    start = 7.4 + 4.0 * number
    return Rep(
        unit=number,
        set_number=1,
        number=number,
        exercise="squat",
        exercise_probability=0.97,
        phases=(
            Phase("lowering", start, start + 1.4),
            Phase("lifting", start + 1.4, start + 2.5),
        ),
        tempo=Tempo(lowering=1.3, pause=0.2, lifting=1.0),
        range_of_motion=1.05,
        mean_lifting_velocity=1.1 - 0.05 * number,
        velocity_loss=round((number - 1) * 0.05 / 1.05, 4) if number > 1 else None,
    )


def _feedback() -> FeedbackMessage:
    rep = _rep(3)
    assessment = Assessment(
        exercise="squat",
        exercise_probability=0.97,
        findings=(KNEES_INWARD, Finding("shallow", 0.08, rep.start, rep.end)),
        abstained=("knees_forward",),
        assessor=AssessorInfo("kinematic", "1", calibrated=False),
    )
    latency = Latency(segment=233.0, queue=0.4, assess=6.2, publish=1.1, total=240.7)
    message = feedback_message(
        SESSION, rep, assessment, _Advice(), [KNEES_INWARD], at=rep.end + 0.24, latency=latency
    )
    return message.model_copy(update={"id": "5f0c2b7d9e6a4c1f8d3b2a1908f7e6d5", "seq": 6})


def _rep_message() -> RepMessage:
    rep = _rep(3)
    message = rep_message(SESSION, rep, at=rep.end + 0.233, latency=Latency(segment=233.0, total=234.0))
    return message.model_copy(update={"id": "0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5e", "seq": 5})


def _set() -> SetMessage:
    reps = tuple(_rep(number) for number in range(1, 6))
    message = set_message(
        SESSION,
        SetEnded(at=reps[-1].end + 20.0, set_number=1, exercise="squat", reps=reps),
        {3: [KNEES_INWARD], 5: [KNEES_INWARD]},
        text="5 squats. Knees came in on 2 of them. Speed fell by 19 %.",
        lang="en",
        technique_limit_rep=5,
    )
    return message.model_copy(update={"id": "9d8c7b6a5f4e3d2c1b0a9f8e7d6c5b4a", "seq": 11})


def _examples() -> dict[str, Entry]:
    status = SegmenterStatus(True, "squat", "lowering", 1, 3, ("turn_side_on",))
    return {
        "rep": _rep_message(),
        "feedback": _feedback(),
        "set": _set(),
        "state": state_message(
            SESSION,
            status,
            24.6,
            fps=29.9,
            lag_ms=84.0,
            shown={"squat": ("knees_inward", "shallow")},
            text="Turn side-on to the camera to have this judged: knees forward. "
            "Judged from here: knees inward, shallow depth.",
        ),
        "stats": stats_message(
            SESSION,
            SESSION.utc(60),
            60.0,
            {"frames": 1800, "frames_dropped": 3, "reps": 5, "connections": 1, "delivered": 11},
            {"outbox_waiting": 0, "fps": 29.9},
        ),
        "command": ResendCommand(from_seq=4, to_seq=6, request_id="display-7"),
        "command-reply": CommandReply(
            command="resend",
            ok=True,
            text="3 of 3 messages go out again",
            request_id="display-7",
            resent=3,
            oldest_seq=1,
            newest_seq=11,
        ),
    }


EXAMPLES: dict[str, Entry] = _examples()
"""By the name of the schema they follow."""
