"""The live table: what fits the terminal, newest first to survive."""

from __future__ import annotations

import json
import logging
from io import StringIO

import pytest
from rich.console import Console

from streamaqa import logs
from streamaqa.delivery.schema.worked_examples import EXAMPLES
from streamaqa.terminal import KEPT, Board


def board(reps: int) -> Board:
    """A board after so many judged repetitions."""
    filled = Board("Repetitions")
    example = {name: json.loads(message.model_dump_json()) for name, message in EXAMPLES.items()}
    base = "streamaqa/home/rack"
    filled.take(f"{base}/state", example["state"] | {"camera": "rack"})
    for number in range(1, reps + 1):
        of = {"rep": number, "camera": "rack", "set_number": 1}
        filled.take(f"{base}/rep", example["rep"] | of)
        filled.take(
            f"{base}/feedback", example["feedback"] | of | {"errors": [], "abstained": ["knees_forward"]}
        )
    return filled


def drawn(what: Board, width: int, height: int) -> list[str]:
    console = Console(file=StringIO(), width=width, height=height, force_terminal=False)
    with console.capture() as captured:
        console.print(what, height=height)
    return captured.get().splitlines()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (160, 50), (80, 16)])
def test_the_newest_rep_and_the_state_are_in_view(width: int, height: int) -> None:
    lines = [line for line in drawn(board(40), width, height) if line.strip()]
    assert len(lines) <= height
    assert any(line.startswith("rack") for line in lines)
    assert any(" 40 " in line for line in lines)
    assert all(len(line) <= width for line in lines)


def test_the_table_at_the_end_has_every_rep_in_full() -> None:
    console = Console(file=StringIO(), width=100)
    with console.capture() as captured:
        console.print(board(20).table())
    text = captured.get()
    assert all(f" {number} " in text for number in range(1, 21))


def test_an_endless_run_keeps_a_bounded_board() -> None:
    filled = board(KEPT + 50)
    assert filled.reps == KEPT + 50
    assert len(filled.feedback) == KEPT
    assert len(filled.latencies_ms) <= KEPT


def test_what_is_no_message_of_ours_is_passed_over() -> None:
    filled = Board("Repetitions")
    filled.take("somebody/else", "hello")
    filled.take("streamaqa/home/rack/cue", "Spread the floor")
    assert filled.reps == 0


def test_a_logged_traceback_shows_no_local_variables() -> None:
    stream = StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        logs.configure(stream=stream)
        password = "hunter2"
        try:
            raise ValueError(f"a password of {len(password)} letters")
        except ValueError:
            logging.getLogger("test").exception("it failed")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    assert "it failed" in stream.getvalue()
    assert "ValueError" in stream.getvalue()
    assert "hunter2" not in stream.getvalue().replace('password = "hunter2"', "")
