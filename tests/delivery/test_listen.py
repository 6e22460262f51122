"""The subscriber: readable lines, tolerant reading, reconnects."""

from __future__ import annotations

import contextlib

import pytest
from brokers import Mosquitto, free_port, subscribed

from streamaqa.delivery.connection import connect
from streamaqa.delivery.listen import describe, listen
from streamaqa.delivery.messages import FeedbackMessage
from streamaqa.delivery.schema.worked_examples import EXAMPLES
from streamaqa.delivery.settings import MqttSettings
from streamaqa.delivery.topics import Envelope, Topics
from streamaqa.errors import BrokerError

TOPICS = Topics("main-street", "front-rack")


def line(name: str, **changes: object) -> str | None:
    example = EXAMPLES[name].model_copy(update=changes)
    return describe(f"{TOPICS.base}/{name}", example.model_dump_json().encode())


def test_a_rep_its_feedback_and_its_set_are_one_line_each() -> None:
    assert line("rep") == (
        "main-street/front-rack  set 1 rep 3  squat  2.5 s (1.3 down, 0.2 hold, 1.0 up)  velocity 0.95 m/s"
        "  velocity loss 10%"
    )
    assert line("feedback") == (
        "main-street/front-rack  set 1 rep 3  squat  knees_inward 83% at 20.4-21.6 s  "
        'not judged: knees_forward  "Spread the floor"  241 ms'
    )
    assert line("set") == (
        "main-street/front-rack  set 1 over  squat  5 reps in 18 s  knees_inward in 2  "
        "5 reps. Technique held up to rep 1; from rep 2: knees inward. "
        "Not judged from this view: knees forward. Velocity loss 19%."
    )


def test_a_clean_rep_a_stand_in_and_an_update_are_told() -> None:
    clean = line("feedback", errors=(), abstained=(), cue=None, degraded=True, kind="update")
    assert clean is not None
    assert "nothing wrong seen  (stand-in)  (update)" in clean


def test_what_is_doubtful_or_was_not_judged_is_not_told_as_fine() -> None:
    errors = EXAMPLES["feedback"].model_dump()["errors"]
    named = line("feedback", doubtful=("knees_inward",))
    unsure = line("feedback", errors=(), doubtful=("shallow",))
    unseen = line("feedback", errors=(), abstained=("knees_forward", "knees_inward", "shallow"))
    assert errors
    assert named is not None
    assert "knees_inward 83%? at" in named
    assert unsure is not None
    assert "not sure: shallow" in unsure
    assert "nothing" not in unsure
    assert unseen is not None
    assert "nothing seen  not judged: knees_forward, knees_inward, shallow" in unseen


def test_availability_is_told_and_the_rest_is_silent() -> None:
    assert describe(TOPICS.availability, b"offline") == "main-street/front-rack  offline"
    for topic in (
        TOPICS.state,
        TOPICS.cue,
        TOPICS.stats,
        TOPICS.last(TOPICS.feedback),
        "other/a/b/rep",
        "rep",
    ):
        assert describe(topic, b"{}") is None


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"set_number": 1}', b'"x"'])
def test_what_cannot_be_read_is_no_line_and_no_error(payload: bytes) -> None:
    for what in ("rep", "feedback", "set"):
        assert describe(f"{TOPICS.base}/{what}", payload) is None


def test_control_characters_from_the_network_do_not_reach_the_terminal() -> None:
    message = EXAMPLES["feedback"]
    assert isinstance(message, FeedbackMessage)
    shown = line("feedback", cue="\x1b[2J\nboo")
    assert shown is not None
    assert shown.isprintable()


async def test_a_subscriber_stays_through_a_restart_of_the_broker(mosquitto: Mosquitto) -> None:
    async with subscribed(mosquitto.settings, TOPICS.rep) as heard:
        for number in (b"1", b"2"):
            async with connect(mosquitto.settings) as engine:
                await engine.publish(Envelope(TOPICS.rep, number))
                await engine.publish(Envelope(TOPICS.feedback, number))
            await heard.until_payload(TOPICS.rep, number)
            mosquitto.kill()
            mosquitto.start()
            await heard.until_subscribed(int(number) + 1)
    assert heard.messages == [(TOPICS.rep, b"1"), (TOPICS.rep, b"2")]


async def test_no_broker_at_the_start_is_an_error() -> None:
    async with contextlib.aclosing(listen(MqttSettings(port=free_port()))) as messages:
        with pytest.raises(BrokerError, match="connection refused"):
            await anext(messages)
