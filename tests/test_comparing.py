"""What counts as a difference between a recorded session and its replay."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from streamaqa.comparing import Comparison, compare
from streamaqa.delivery.builders import Session, rep_message, set_message, state_message
from streamaqa.delivery.events import as_json
from streamaqa.delivery.messages import AnyMessage, Latency
from streamaqa.delivery.topics import Topics
from streamaqa.types import Phase, Rep, SegmenterStatus, SetEnded, Tempo

SESSION = Session("s", "gym", "rack", datetime(2026, 11, 23, 18, 0, tzinfo=UTC))
TOPICS = Topics("gym", "rack")
FRAME_S = 1 / 30


def messages(shift: float = 0.0) -> list[dict[str, Any]]:
    """A set of two, `shift` seconds later than recorded."""
    reps = tuple(
        Rep(
            unit=number,
            set_number=1,
            number=number,
            exercise="squat",
            exercise_probability=0.9,
            phases=(
                Phase("lowering", 3.0 * number + shift, 3.0 * number + 1.0 + shift),
                Phase("lifting", 3.0 * number + 1.0 + shift, 3.0 * number + 2.0 + shift),
            ),
            tempo=Tempo(0.8, 0.2, 0.8),
            range_of_motion=1.1,
            mean_lifting_velocity=0.6,
        )
        for number in (1, 2)
    )
    status = [
        SegmenterStatus(True, "squat", "lowering", 1, 0),
        SegmenterStatus(True, "squat", None, 1, 1),
        SegmenterStatus(True, "squat", None, 1, 2),
    ]
    said: list[AnyMessage] = [
        state_message(SESSION, one, 3.0 * n + shift, lag_ms=n) for n, one in enumerate(status, start=1)
    ]
    said += [rep_message(SESSION, rep, rep.end + 0.2, latency=Latency(segment=shift)) for rep in reps]
    said.append(set_message(SESSION, SetEnded(30.0 + shift, 1, "squat", reps), {}, text="2 reps", lang="en"))
    return [as_json(TOPICS.envelope(message)) for message in said]


def changed(change: Callable[[list[dict[str, Any]]], object]) -> list[dict[str, Any]]:
    made = copy.deepcopy(messages())
    change(made)
    return made


def told(found: Comparison) -> list[tuple[str, str]]:
    return [(difference.message, difference.field) for difference in found.differences]


def test_ids_and_latencies_are_no_difference() -> None:
    found = compare(messages(), changed(lambda m: m[3]["payload"]["latency_ms"].update(segment=99.0)))
    assert found.summary() == "no differences in 6 messages"


def test_one_digit_is_a_difference_from_poses_and_none_from_video() -> None:
    replayed = changed(lambda m: m[4]["payload"]["tempo"].update(pause_s=0.201))
    assert told(compare(messages(), replayed)) == [("rep of set 1, rep 2", "tempo.pause_s")]
    assert compare(messages(), replayed, frame_s=FRAME_S).differences == ()


def test_a_frame_is_no_difference_from_video_and_two_are() -> None:
    assert compare(messages(), messages(FRAME_S), frame_s=FRAME_S).differences == ()
    assert compare(messages(), messages(0.001)).differences
    fields = {field for _, field in told(compare(messages(), messages(2 * FRAME_S), frame_s=FRAME_S))}
    assert {"start_s", "turn_s", "end_s", "at_s", "started_at"} <= fields


def test_a_number_in_a_sentence_is_a_measure() -> None:
    replayed = changed(lambda m: m[5]["payload"].update(text="3 reps"))
    assert compare(messages(), replayed, frame_s=FRAME_S).differences == ()
    assert told(compare(messages(), replayed)) == [("set 1", "text")]


def test_another_exercise_or_text_is_a_difference_from_video_too() -> None:
    replayed = changed(lambda m: m[5]["payload"].update(text="2 reps. Knees out"))
    assert told(compare(messages(), replayed, frame_s=FRAME_S)) == [("set 1", "text")]
    replayed = changed(lambda m: m[3]["payload"]["exercise"].update(name="overhead_press"))
    assert told(compare(messages(), replayed, frame_s=FRAME_S)) == [("rep of set 1, rep 1", "exercise.name")]


def test_a_message_too_few_or_too_many_is_told() -> None:
    fewer = messages()[:-1]
    assert told(compare(messages(), fewer)) == [("set 1", "")]
    (difference,) = compare(fewer, messages()).differences
    assert (difference.recorded, difference.replayed) == ("-", "said")


def test_a_recording_that_was_cut_off_may_be_gone_beyond_but_not_contradicted() -> None:
    found = compare(messages()[:-2], messages(), complete=False)
    assert found.summary() == "no differences in 4 messages; 2 more follow where the recording was cut off"
    wrong = changed(lambda m: m[3]["payload"].update(rep=7))
    assert told(compare(messages()[:-2], wrong, complete=False)) == [("rep of set 1, rep 1", "rep")]
    assert compare(messages(), messages()[:-2], complete=False).differences


@pytest.mark.parametrize(("live", "differences"), [(True, 0), (False, 1)])
def test_numbers_depend_on_latencies_only_where_the_source_was_live(live: bool, differences: int) -> None:
    replayed = changed(lambda m: m[4]["payload"].update(seq=9))
    assert len(compare(messages(), replayed, live=live).differences) == differences


def test_the_order_between_topics_is_no_difference_and_that_within_one_is() -> None:
    assert compare(messages(), messages()[::-1][:1] + messages()[:-1]).differences == ()
    swapped = changed(lambda m: m.insert(3, m.pop(4)))
    assert ("rep of set 1, rep 1", "rep") in told(compare(messages(), swapped))


def test_a_state_that_never_showed_is_a_difference_from_video() -> None:
    replayed = changed(lambda m: m[1]["payload"].update(phase="lifting"))
    assert told(compare(messages(), replayed, frame_s=FRAME_S)) == [("state at 6.0 s", "phase")]


def test_a_table_shows_what_is_told() -> None:
    found = compare(messages(), changed(lambda m: m[5]["payload"].update(text="[bold] 3 reps")))
    assert found.summary() == "1 difference in 6 messages"
    console = Console(file=io.StringIO(), width=160)
    console.print(found.table())
    assert isinstance(console.file, io.StringIO)
    assert "[bold] 3 reps" in console.file.getvalue()
