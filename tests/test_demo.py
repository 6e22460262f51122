"""The demo from start to end, with Debian's `mosquitto_sub` beside it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from brokers import program

from streamaqa.delivery.schema import load

BIN = Path(sys.executable).parent
SCHEMAS = {"rep": "rep", "feedback": "feedback", "set": "set", "state": "state", "stats": "stats"}
"""Last level of a topic to the schema of its payload."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[tuple[str, str]]]:
    """What the demo printed, and what the subscriber it told us to start has heard."""
    demo = subprocess.Popen(
        [BIN / "streamaqa", "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert demo.stdout is not None
    assert demo.stderr is not None
    printed = ""
    told = None
    while told is None:
        line = demo.stdout.readline()
        assert line, demo.stderr.read()
        printed += line
        told = re.search(r"mosquitto_sub -h (\S+) -p (\d+) -v -t '(\S+)'", line)
    host, port, topic = told.groups()
    # Line by line: it is killed in the end, and what it held back would be lost. To a file: nobody reads a
    # pipe while the demo runs, and a full one would stop it.
    listen = ["stdbuf", "-oL", program("mosquitto_sub"), "-h", host, "-p", port, "-v", "-t", topic, "-q", "1"]
    heard = tmp_path_factory.mktemp("demo") / "heard"
    with heard.open("w") as file:
        listening = subprocess.Popen(listen, stdout=file)
        try:
            rest, complaints = demo.communicate(timeout=170)
        finally:
            listening.terminate()
            listening.wait(10)
    assert demo.returncode == 0, complaints
    assert complaints == ""
    messages = [line.split(" ", 1) for line in heard.read_text().splitlines()]
    return printed + rest, [(topic, payload) for topic, payload in messages]


def of_kind(heard: list[tuple[str, str]], what: str) -> list[dict[str, Any]]:
    return [json.loads(payload) for topic, payload in heard if topic == f"streamaqa/home/demo/{what}"]


def test_the_demo_counts_each_set_right(watched: tuple[str, list[tuple[str, str]]]) -> None:
    sets = of_kind(watched[1], "set")
    assert [(ended["exercise"], ended["reps"]) for ended in sets] == [
        ("squat", 4),
        ("overhead_press", 4),
        ("barbell_row", 4),
    ]
    assert len(of_kind(watched[1], "rep")) == len(of_kind(watched[1], "feedback")) == 12


def test_the_demo_names_the_drawn_faults_and_no_others(watched: tuple[str, list[tuple[str, str]]]) -> None:
    rows = re.findall(r"│\s+\d │[^\n]+", watched[0].partition("Drawn and seen")[2])
    assert len(rows) == 3
    for row in rows:
        drawn, counted = (cell.strip() for cell in row.split("│")[3:5])
        named, extra = (cell.strip() for cell in row.split("│")[6:8])
        assert drawn == counted == "4"
        assert named == "2 of 2"
        assert extra == "–"


def test_each_message_beside_the_demo_validates_against_its_schema(
    watched: tuple[str, list[tuple[str, str]]],
) -> None:
    seen = set()
    for topic, payload in watched[1]:
        what = topic.removeprefix("streamaqa/home/demo/").removesuffix("/last")
        seen.add(what)
        if what in SCHEMAS:
            jsonschema.validate(json.loads(payload), load(SCHEMAS[what]))
        elif what == "cue":
            assert 0 < len(payload.encode()) <= 64
        else:
            assert what == "availability"
            assert payload in ("online", "stopped", "offline")
    assert {"rep", "feedback", "set", "state", "cue", "availability"} <= seen


def test_the_demos_messages_are_numbered_without_a_gap(watched: tuple[str, list[tuple[str, str]]]) -> None:
    numbers = [
        json.loads(p)["seq"] for t, p in watched[1] if t.rpartition("/")[2] in ("rep", "feedback", "set")
    ]
    assert numbers == list(range(1, len(numbers) + 1))
