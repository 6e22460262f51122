"""Topic names, envelopes and filters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamaqa.delivery.messages import FeedbackMessage, StateMessage
from streamaqa.delivery.schema.worked_examples import EXAMPLES
from streamaqa.delivery.topics import Topics, cut_utf8, matches
from streamaqa.errors import UsageError

TOPICS = Topics("main-street", "front rack")


@pytest.mark.parametrize("name", ["", "a/b", "a+b", "#", "a\0", "a\n", "$SYS", "x" * 129, "\ud800"])
@pytest.mark.parametrize("where", ["site", "camera"])
def test_a_name_that_cannot_be_a_topic_level_is_refused_in_one_line(where: str, name: str) -> None:
    names = {"site": "gym", "camera": "rack"} | {where: name}
    with pytest.raises(UsageError, match=where) as caught:
        Topics(**names)
    assert "\n" not in str(caught.value)


@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
def test_any_accepted_pair_of_names_makes_topics_that_no_other_pair_makes(site: str, camera: str) -> None:
    try:
        topics = Topics(site, camera)
    except UsageError:
        return
    assert topics.rep.split("/") == ["streamaqa", site, camera, "rep"]


def test_messages_go_where_the_table_says() -> None:
    feedback, state = EXAMPLES["feedback"], EXAMPLES["state"]
    assert isinstance(feedback, FeedbackMessage)
    assert isinstance(state, StateMessage)
    envelope = TOPICS.envelope(feedback)
    assert (envelope.topic, envelope.qos, envelope.retain) == (
        "streamaqa/main-street/front rack/feedback",
        1,
        False,
    )
    assert FeedbackMessage.model_validate_json(envelope.payload) == feedback
    live = TOPICS.envelope(state)
    assert (live.qos, live.retain) == (0, True)


def test_a_command_topic_tells_its_command_and_a_reply_is_none() -> None:
    assert TOPICS.command_of(TOPICS.command("reset")) == "reset"
    assert TOPICS.command_of(TOPICS.reply("reset")) is None
    assert TOPICS.command_of(Topics("other", "front rack").command("reset")) is None
    assert TOPICS.command_of(TOPICS.base + "/command/") is None


@given(st.text(), st.integers(0, 80))
def test_a_cut_text_is_the_longest_beginning_that_fits(text: str, limit: int) -> None:
    cut = cut_utf8(text, limit)
    assert text.startswith(cut)
    assert len(cut.encode()) <= limit
    assert cut == text or len(text[: len(cut) + 1].encode()) > limit


def test_a_long_cue_is_cut_between_characters() -> None:
    payload = TOPICS.cue_envelope("ü" * 40).payload
    assert payload == ("ü" * 32).encode()


@pytest.mark.parametrize(
    ("topic", "topic_filter", "delivered"),
    [
        ("a/b/c", "a/b/c", True),
        ("a/b/c", "a/+/c", True),
        ("a/b/c", "a/#", True),
        ("a", "a/#", True),
        ("a/b", "a", False),
        ("a", "a/b", False),
        ("a/b/c", "a/+", False),
        ("a/b", "+/+", True),
        ("$SYS/x", "#", False),
        ("$SYS/x", "+/x", False),
        ("$SYS/x", "$SYS/#", True),
        ("a//c", "a/+/c", True),
    ],
)
def test_filters_match_as_the_standard_says(topic: str, topic_filter: str, delivered: bool) -> None:
    assert matches(topic, topic_filter) is delivered
