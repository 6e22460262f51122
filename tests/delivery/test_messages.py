"""Messages: what is rendered is read back, ranges hold, the shipped schema and examples are the models'."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from streamaqa.assessment import KinematicAssessor
from streamaqa.delivery.messages import (
    AssessorEntry,
    ErrorEntry,
    ExerciseEntry,
    FeedbackMessage,
    Latency,
    PhaseEntry,
    RepMessage,
    StateMessage,
    TempoEntry,
)
from streamaqa.delivery.outbox import numbered
from streamaqa.delivery.schema import FOLDER, files, load, schemas
from streamaqa.delivery.schema.worked_examples import EXAMPLES
from streamaqa.types import PhaseKind

MESSAGES_PAGE = (Path(__file__).resolve().parents[2] / "docs" / "messages.md").read_text(encoding="utf-8")

seconds = st.floats(-10, 1e6)
measures = st.none() | st.floats(-1e3, 1e3)
shares = st.floats(0, 1)
names = st.text(max_size=20)
kinds: st.SearchStrategy[PhaseKind] = st.sampled_from(["lowering", "lifting"])
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
latencies = st.builds(Latency, segment=measures, queue=measures, assess=measures, total=measures)
phases = st.builds(PhaseEntry, kind=kinds, start_s=seconds, end_s=seconds)
error_entries = st.builds(
    ErrorEntry, name=names, body_part=names, phase=kinds, probability=shares, start_s=seconds, end_s=seconds
)


@st.composite
def rep_fields(draw: st.DrawFn) -> dict[str, object]:
    start, turn, end = sorted(draw(st.tuples(seconds, seconds, seconds)))
    return {
        "id": draw(st.text(min_size=1)),
        "seq": draw(st.integers(0, 2**53)),
        "site": draw(names),
        "camera": draw(names),
        "session": draw(names),
        "athlete": draw(st.none() | names),
        "set_number": draw(st.integers(1, 99)),
        "rep": draw(st.integers(1, 99)),
        "exercise": draw(st.builds(ExerciseEntry, name=names, probability=shares)),
        "start_s": start,
        "turn_s": turn,
        "end_s": end,
        "at_s": draw(seconds),
        "started_at": draw(moments),
        "ended_at": draw(moments),
        "phases": (draw(phases), draw(phases)),
        "tempo": draw(st.builds(TempoEntry, lowering_s=seconds, pause_s=seconds, lifting_s=seconds)),
        "range_of_motion": draw(measures),
        "mean_lifting_velocity": draw(measures),
        "velocity_unit": draw(st.sampled_from(["torso/s", "m/s"])),
        "velocity_loss": draw(measures),
        "latency_ms": draw(latencies),
        "expires_at": draw(moments),
    }


feedback_fields = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["feedback", "update"]),
        "errors": st.lists(error_entries, max_size=3).map(tuple),
        "abstained": st.lists(names, max_size=3).map(tuple),
        "text": st.text(),
        "cue": st.none() | names,
        "cue_code": st.none() | names,
        "lang": st.just("en"),
        "assessor": st.builds(AssessorEntry, name=names, version=names, calibrated=st.booleans()),
        "degraded": st.booleans(),
    }
)


@given(rep_fields())
def test_a_rep_message_is_read_back_as_it_was(fields: dict[str, object]) -> None:
    message = RepMessage.model_validate(fields)
    assert RepMessage.model_validate_json(message.render()) == message


@given(rep_fields(), feedback_fields)
@settings(max_examples=40)
def test_a_feedback_message_is_read_back_as_it_was_and_follows_the_schema(
    fields: dict[str, object], judged: dict[str, object]
) -> None:
    message = FeedbackMessage.model_validate(fields | judged)
    assert FeedbackMessage.model_validate_json(message.render()) == message
    FEEDBACK_SCHEMA.validate(json.loads(message.render()))


@given(rep_fields(), st.integers(1, 2**53))
def test_numbering_changes_the_seq_and_nothing_else(fields: dict[str, object], seq: int) -> None:
    message = RepMessage.model_validate(fields)
    read = RepMessage.model_validate_json(numbered(message.render(), seq))
    assert read == message.model_copy(update={"seq": seq})


FEEDBACK_SCHEMA = jsonschema.Draft202012Validator(schemas()["feedback"])


@pytest.mark.parametrize("name", sorted(files()))
def test_shipped_schema_and_examples_are_those_of_the_models(name: str) -> None:
    shipped = (FOLDER / name).read_text(encoding="utf-8")
    assert shipped == files()[name], "stale: run python -m streamaqa.delivery.schema"


def test_no_other_schema_or_example_is_shipped() -> None:
    there = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.json")}
    assert there == set(files())


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_each_example_follows_its_schema(name: str) -> None:
    schema = load(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    example = json.loads((FOLDER / "examples" / f"{name}.json").read_text(encoding="utf-8"))
    jsonschema.validate(example, schema)


@pytest.mark.parametrize("block", re.findall(r"```json\n(\{.*?\n)```", MESSAGES_PAGE, re.DOTALL))
def test_what_the_page_shows_is_of_these_examples(block: str) -> None:
    shown = json.loads(block)
    examples = [example.model_dump(mode="json") for example in EXAMPLES.values()]
    assert any(all(example.get(key) == value for key, value in shown.items()) for example in examples)


def test_the_examples_are_judged_by_the_assessor_that_is_shipped() -> None:
    feedback = EXAMPLES["feedback"]
    assert isinstance(feedback, FeedbackMessage)
    info = KinematicAssessor().info
    assert (feedback.assessor.name, feedback.assessor.version) == (info.name, info.version)


@pytest.mark.parametrize("name", ["rep", "feedback"])
def test_the_schema_refuses_a_message_without_its_times(name: str) -> None:
    example = EXAMPLES[name].model_dump(mode="json")
    del example["start_s"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(example, load(name))


def test_the_schema_lets_a_later_version_add_a_field() -> None:
    jsonschema.validate({**EXAMPLES["rep"].model_dump(mode="json"), "weight_kg": 80}, load("rep"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"start_s": float("nan")},
        {"at_s": float("inf")},
        {"set_number": 0},
        {"exercise": {"name": "squat", "probability": 1.2}},
        {"start_s": 30.0},
        {"started_at": "2026-11-23T18:00:19"},
        {"kind": "feedback"},
        {"weight_kg": 80},
        {"schema_version": 2},
        {"id": ""},
    ],
)
def test_a_message_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RepMessage.model_validate({**EXAMPLES["rep"].model_dump(), **wrong})


def test_a_message_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        EXAMPLES["rep"].seq = 3  # type: ignore[attr-defined] # that it cannot is the point


def test_times_are_written_in_utc_with_z_to_the_millisecond() -> None:
    moment = datetime(2026, 11, 23, 19, 0, 19, 400_900, tzinfo=timezone(timedelta(hours=1)))
    message = RepMessage.model_validate(
        {**EXAMPLES["rep"].model_dump(), "started_at": moment, "at_s": 2.00049}
    )
    written = json.loads(message.render())
    assert written["started_at"] == "2026-11-23T18:00:19.400Z"
    assert written["at_s"] == 2.0


def test_a_rep_message_has_the_fields_of_feedback_and_none_that_would_read_as_clean() -> None:
    assert set(RepMessage.model_fields) == set(FeedbackMessage.model_fields)
    written = EXAMPLES["rep"].model_dump(mode="json")
    assert all(written[name] is None for name in ("errors", "abstained", "text", "cue", "degraded"))


def test_feedback_prints_readably() -> None:
    message = EXAMPLES["feedback"]
    assert isinstance(message, FeedbackMessage)
    assert message.number == message.rep == 3
    printed = f"{message.number} {message.exercise} {list(message.errors)} {message.cue}"
    assert printed == "3 squat [<knees_inward 0.83 at 20.4-21.6 s>] Spread the floor"
    assert str(message.errors[0]) == "knees_inward 0.83 at 20.4-21.6 s"


def test_state_may_know_nothing_yet() -> None:
    state = EXAMPLES["state"]
    assert isinstance(state, StateMessage)
    empty = {"phase": None, "exercise": None, "athlete": None, "fps": None, "lag_ms": None, "advice": ()}
    blank = StateMessage.model_validate({**state.model_dump(), **empty, "rep": 0, "set_number": 0})
    jsonschema.validate(json.loads(blank.render()), load("state"))
