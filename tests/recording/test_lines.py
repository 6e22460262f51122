"""Files of JSON lines: whole lines are read, half a line is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streamaqa.recording import lines

FIELDS = st.dictionaries(
    st.text(max_size=8),
    st.one_of(st.none(), st.booleans(), st.floats(allow_nan=False), st.text()),
    max_size=4,
)


@given(st.lists(FIELDS, max_size=5))
def test_what_is_written_is_what_is_read(given_lines: list[dict[str, Any]]) -> None:
    assert list(lines.parse(b"".join(map(lines.render, given_lines)))) == given_lines


@given(st.lists(FIELDS, min_size=1, max_size=5), st.integers(min_value=1))
def test_a_writer_that_was_killed_costs_its_last_line(given_lines: list[dict[str, Any]], cut: int) -> None:
    last = lines.render(given_lines[-1])
    whole = b"".join(map(lines.render, given_lines[:-1]))
    torn = whole + last[: cut % len(last)]
    assert list(lines.parse(torn)) == given_lines[:-1]


def test_nothing_is_read_after_a_line_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl"
    path.write_bytes(b'{"n":0}\n\0\0\0\n{"n":2}\n')
    assert lines.read(path) == [{"n": 0}]
    path.write_bytes(b'{"n":0}\n[1]\n{"n":2}\n')
    assert lines.read(path) == [{"n": 0}]
    assert lines.read(tmp_path / "absent.jsonl") == []
