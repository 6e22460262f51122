"""From the engine's types to messages."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import jsonschema
import pytest

from streamaqa.delivery.builders import (
    Session,
    feedback_message,
    rep_message,
    set_message,
    state_message,
    stats_message,
)
from streamaqa.delivery.messages import ErrorCount, Latency
from streamaqa.delivery.schema import load
from streamaqa.exercises import BARBELL_ROW, ErrorType, Exercise
from streamaqa.types import Assessment, AssessorInfo, Finding, Phase, Rep, SegmenterStatus, SetEnded, Tempo

SESSION = Session("s1", "gym", "rack", datetime(2026, 11, 23, 18, 0, tzinfo=UTC), "anna")
KINEMATIC = AssessorInfo("kinematic", "1", False)


@dataclass(frozen=True)
class Advice:
    text: str = "Good."
    cue: str | None = None
    cue_code: str | None = None
    lang: str = "en"
    doubtful: tuple[str, ...] = ()


def rep(number: int = 1, velocity: float = 0.8) -> Rep:
    start = 10.0 * number
    phases = (Phase("lowering", start, start + 1.5), Phase("lifting", start + 1.5, start + 2.5))
    return Rep(number, 1, number, "squat", 0.9, phases, Tempo(1.4, 0.2, 0.9), 1.1, velocity)


def assessment(*findings: Finding, abstained: tuple[str, ...] = ()) -> Assessment:
    return Assessment("squat", 0.95, findings, abstained, KINEMATIC, degraded=True)


def test_a_rep_tells_stream_time_and_utc() -> None:
    message = rep_message(SESSION, rep(), at=12.7, latency=Latency(segment=200.0))
    assert (message.start_s, message.turn_s, message.end_s, message.at_s) == (10.0, 11.5, 12.5, 12.7)
    assert message.started_at == datetime(2026, 11, 23, 18, 0, 10, tzinfo=UTC)
    assert message.ended_at == datetime(2026, 11, 23, 18, 0, 12, 500_000, tzinfo=UTC)
    assert message.expires_at > message.ended_at
    assert message.latency_ms.segment == 200.0
    assert message.athlete == "anna"


def test_ids_are_unique_and_numbers_are_left_to_the_outbox() -> None:
    first, second = rep_message(SESSION, rep(), 12.7), rep_message(SESSION, rep(), 12.7)
    assert first.id != second.id
    assert first.seq == 0


def test_errors_are_the_ones_that_count_most_probable_first_each_in_its_phase() -> None:
    shallow, inward = Finding("shallow", 0.6, 11.0, 11.4), Finding("knees_inward", 0.9, 11.4, 12.4)
    quiet = Finding("knees_forward", 0.1, 10.0, 12.0)
    message = feedback_message(
        SESSION, rep(), assessment(shallow, inward, quiet), Advice(), [shallow, inward], at=12.8
    )
    assert [error.name for error in message.errors] == ["knees_inward", "shallow"]
    assert [error.phase for error in message.errors] == ["lifting", "lowering"]
    assert [error.body_part for error in message.errors] == ["knees", "hips"]
    assert message.degraded


def test_silence_is_null_and_a_long_cue_is_cut() -> None:
    assert feedback_message(SESSION, rep(), assessment(), Advice(cue=""), [], 12.8).cue is None
    long = feedback_message(SESSION, rep(), assessment(), Advice(cue="ä" * 50), [], 12.8)
    assert long.cue == "ä" * 32


def test_an_update_says_so() -> None:
    assert feedback_message(SESSION, rep(), assessment(), Advice(), [], 15.0, kind="update").kind == "update"


def test_a_measure_that_could_not_be_taken_is_null_and_probabilities_stay_in_range() -> None:
    odd = replace(
        rep(), range_of_motion=math.nan, mean_lifting_velocity=math.inf, exercise_probability=1.0001
    )
    message = rep_message(SESSION, odd, at=12.7)
    assert message.range_of_motion is None
    assert message.mean_lifting_velocity is None
    assert message.exercise.probability == 1.0


def test_a_fourth_exercise_needs_no_change_here() -> None:
    lunge = Exercise(
        "lunge",
        "Lunge",
        "Lunge",
        "lowering",
        (ErrorType("wobble", "wobble", "ankles", "low", "Steady.", "Steady"),),
    )
    wobble = Finding("wobble", 0.7, 11.0, 12.0)
    judged = Assessment("lunge", 0.8, (wobble,), (), KINEMATIC)
    message = feedback_message(
        SESSION, rep(), judged, Advice(), [wobble], 12.8, vocabulary=(BARBELL_ROW, lunge)
    )
    assert message.errors[0].body_part == "ankles"
    unknown = feedback_message(SESSION, rep(), judged, Advice(), [wobble], 12.8)
    assert unknown.errors[0].body_part == ""


def test_a_set_counts_errors_and_measures_the_loss_of_speed() -> None:
    reps = tuple(rep(number, velocity) for number, velocity in ((1, 0.8), (2, 1.0), (3, 0.7)))
    inward = Finding("knees_inward", 0.9, 11.4, 12.4)
    shallow = Finding("shallow", 0.9, 11.4, 12.4)
    message = set_message(
        SESSION,
        SetEnded(60.0, 1, "squat", reps),
        {1: [], 2: [shallow, inward], 3: [inward]},
        text="Three squats.",
        lang="en",
        technique_limit_rep=2,
    )
    assert message.reps == 3
    assert message.duration_s == 22.5
    assert message.velocity_loss == pytest.approx(0.3)
    assert message.velocity is not None
    assert (message.velocity.fastest, message.velocity.last) == (1.0, 0.7)
    assert message.errors == (
        ErrorCount(name="knees_inward", body_part="knees", count=2, reps=(2, 3)),
        ErrorCount(name="shallow", body_part="hips", count=1, reps=(2,)),
    )
    jsonschema.validate(json.loads(message.render()), load("set"))


def test_a_set_of_one_rep_or_none_has_no_loss_of_speed() -> None:
    for reps in ((), (rep(),)):
        message = set_message(SESSION, SetEnded(60.0, 1, "squat", reps), {}, text="", lang="en")
        assert message.reps == len(reps)
        assert message.velocity_loss is None
        jsonschema.validate(json.loads(message.render()), load("set"))


def test_state_and_stats_follow_their_schemas() -> None:
    nobody = SegmenterStatus(False, None, None, 0, 0, ("nobody_in_view",))
    state = state_message(SESSION, nobody, 3.2, text="Nobody in view.")
    jsonschema.validate(json.loads(state.render()), load("state"))
    stats = stats_message(SESSION, datetime.now(UTC), 60.0, {"frames": 1800}, {"fps": 29.97})
    jsonschema.validate(json.loads(stats.render()), load("stats"))
