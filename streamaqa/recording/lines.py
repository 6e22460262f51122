"""Files of JSON lines that a killed writer may have left with half a line at their end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def render(fields: Mapping[str, Any]) -> bytes:
    """One line. Floats keep every digit, so what is read is what was written."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def parse(data: bytes) -> Iterator[dict[str, Any]]:
    """The whole lines of `data`, up to the first that is none: after it nothing can be trusted."""
    for line in data.split(b"\n")[:-1]:  # what follows the last line's end is half a line, or empty
        try:
            fields = json.loads(line)
        except ValueError:
            return
        if not isinstance(fields, dict):
            return
        yield fields


def read(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a file; none if it is absent."""
    try:
        return list(parse(path.read_bytes()))
    except FileNotFoundError:
        return []
