"""Messages as lines of a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamaqa.delivery.events import EventsFile, as_json
from streamaqa.delivery.messages import RepMessage
from streamaqa.delivery.schema.worked_examples import EXAMPLES
from streamaqa.delivery.topics import Envelope, Topics
from streamaqa.errors import DeliveryError, UsageError

TOPICS = Topics("gym", "rack")


async def test_each_message_is_one_line_that_is_there_at_once(tmp_path: Path) -> None:
    rep = EXAMPLES["rep"]
    assert isinstance(rep, RepMessage)
    with EventsFile(tmp_path / "events.jsonl") as events:
        await events.send(TOPICS.envelope(rep))
        await events.send(TOPICS.cue_envelope("Füße fest\nund atmen"))
        lines = (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()
        assert events.lines == 2
    first, second = (json.loads(line) for line in lines)
    assert first["topic"] == "streamaqa/gym/rack/rep"
    assert RepMessage.model_validate(first["payload"] | {"phases": tuple(first["payload"]["phases"])}) == rep
    assert second == {"topic": "streamaqa/gym/rack/cue", "payload": "Füße fest\nund atmen"}


async def test_appending_keeps_what_was_there(tmp_path: Path) -> None:
    for append in (False, True):
        with EventsFile(tmp_path / "events.jsonl", append=append) as events:
            await events.send(TOPICS.cue_envelope("Brace"))
    assert len((tmp_path / "events.jsonl").read_text().splitlines()) == 2


def test_text_that_only_looks_like_json_stays_text() -> None:
    assert as_json(Envelope("t", b"{not json"))["payload"] == "{not json"
    assert as_json(Envelope("t", b"\xff"))["payload"] == "\ufffd"


def test_a_file_that_cannot_be_made_gives_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write events"):
        EventsFile(tmp_path / "nowhere" / "events.jsonl")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is a Linux device")
async def test_a_full_disk_is_a_delivery_error() -> None:
    events = EventsFile("/dev/full")
    with pytest.raises(DeliveryError, match="No space left"):
        await events.send(TOPICS.cue_envelope("Brace"))
    events.close()  # has nothing to add: what was lost has been said
