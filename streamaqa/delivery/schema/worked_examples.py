"""One worked example of every message: a set of five squats, the knees coming in on the second and third.

Words and cues are the coach's own, told what is told here.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from streamaqa.exercises import SQUAT
from streamaqa.feedback import Advice, Coach, SetAdvice, advise, tell_shown
from streamaqa.types import Assessment, AssessorInfo, Finding, Phase, Rep, SegmenterStatus, SetEnded, Tempo

SESSION = Session(
    id="20261123T180000Z-front-rack",
    site="main-street",
    camera="front-rack",
    epoch=datetime(2026, 11, 23, 18, 0, tzinfo=UTC),
    athlete="anna",
)
REPS = 5
FAULTY = (2, 3)
SHOWN = {"squat": ("knees_inward", "shallow")}


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
        velocity_unit="m/s",
    )


def _knees(rep: Rep) -> Finding:
    return Finding("knees_inward", 0.83 if rep.number in FAULTY else 0.06, rep.start + 1.0, rep.start + 2.2)


def _assessed(rep: Rep) -> Assessment:
    return Assessment(
        exercise="squat",
        exercise_probability=0.97,
        findings=(_knees(rep), Finding("shallow", 0.08, rep.start, rep.end)),
        abstained=("knees_forward",),
        assessor=AssessorInfo("kinematic", "6.1", calibrated=False),
    )


def _coached() -> tuple[Sequence[Advice], SetAdvice, SetEnded]:
    """What the coach says of each repetition and of the set."""
    coach, reps = Coach(), tuple(_rep(number) for number in range(1, REPS + 1))
    ended = SetEnded(at=reps[-1].end + 20.0, set_number=1, exercise="squat", reps=reps)
    return [coach.rep(rep, _assessed(rep)) for rep in reps], coach.set_ended(ended), ended


def _feedback() -> FeedbackMessage:
    rep, (advice, _, _) = _rep(3), _coached()
    latency = Latency(segment=233.0, queue=0.4, assess=6.2, publish=1.1, total=240.7)
    said = advice[rep.number - 1]
    message = feedback_message(
        SESSION, rep, _assessed(rep), said, said.errors, at=rep.end + 0.24, latency=latency
    )
    return message.model_copy(update={"id": "5f0c2b7d9e6a4c1f8d3b2a1908f7e6d5", "seq": 6})


def _rep_message() -> RepMessage:
    rep = _rep(3)
    message = rep_message(SESSION, rep, at=rep.end + 0.233, latency=Latency(segment=233.0, total=234.0))
    return message.model_copy(update={"id": "0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5e", "seq": 5})


def _set() -> SetMessage:
    _, advice, ended = _coached()
    message = set_message(
        SESSION,
        ended,
        {number: [_knees(_rep(number))] for number in FAULTY},
        text=advice.text,
        lang=advice.lang,
        technique_limit_rep=advice.technique_limit,
        judged=advice.judged,
        doubtful=advice.doubtful,
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
            shown=SHOWN,
            text=" ".join(
                (
                    advise(status.advice, exercise=SQUAT, shown=SHOWN),
                    tell_shown(SHOWN, (SQUAT,), told=status.advice),
                )
            ),
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
