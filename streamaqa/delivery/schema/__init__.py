"""The JSON Schema and an example of every message, shipped with the package.

`python -m streamaqa.delivery.schema` writes them anew from the models; a test fails when they are stale.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from streamaqa.delivery.commands import Command, CommandReply
from streamaqa.delivery.messages import (
    FeedbackMessage,
    RepMessage,
    SetMessage,
    StateMessage,
    StatsMessage,
)
from streamaqa.delivery.schema.worked_examples import EXAMPLES
from streamaqa.delivery.wire import Message

FOLDER = Path(__file__).parent
DIALECT = "https://json-schema.org/draft/2020-12/schema"

_MESSAGES: dict[str, type[Message]] = {
    "rep": RepMessage,
    "feedback": FeedbackMessage,
    "set": SetMessage,
    "state": StateMessage,
    "stats": StatsMessage,
    "command-reply": CommandReply,
}


def schemas() -> dict[str, dict[str, Any]]:
    """JSON Schema (draft 2020-12) by name; `feedback` also covers updates.

    A message always has every field, and a later version may add some: its schema is open. A command is
    closed, and may leave out what has a default.
    """
    found = {name: _open(model.model_json_schema(mode="serialization")) for name, model in _MESSAGES.items()}
    found["command"] = TypeAdapter(Command).json_schema(mode="validation")
    return {name: {"$schema": DIALECT, **_untitled(schema)} for name, schema in found.items()}


def files() -> dict[str, str]:
    """Path below this folder, and what the file should hold."""
    written = {f"{name}.schema.json": _text(schema) for name, schema in schemas().items()}
    for name, example in EXAMPLES.items():
        written[f"examples/{name}.json"] = _text(example.model_dump(mode="json"))
    return written


def write(folder: Path = FOLDER) -> list[Path]:
    """Write all files and say which; delete others of ours."""
    wanted = {folder / name: text for name, text in files().items()}
    for path in {*folder.glob("*.json"), *folder.glob("examples/*.json")} - wanted.keys():
        path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return sorted(wanted)


def load(name: str) -> dict[str, Any]:
    """The shipped schema by name: `rep`, `feedback`, `set`, `state`, `stats`, `command`, `command-reply`."""
    loaded: dict[str, Any] = json.loads((FOLDER / f"{name}.schema.json").read_text(encoding="utf-8"))
    return loaded


def _open(schema: dict[str, Any]) -> dict[str, Any]:
    """Without `additionalProperties: false`; maps of counters keep what they allow."""
    for part in [schema, *schema.get("$defs", {}).values()]:
        part.pop("additionalProperties", None)
    return schema


def _untitled(schema: dict[str, Any]) -> dict[str, Any]:
    """Without the titles that pydantic makes of field names."""
    for part in [schema, *schema.get("$defs", {}).values()]:
        for field in part.get("properties", {}).values():
            field.pop("title", None)
    return schema


def _text(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
