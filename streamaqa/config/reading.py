"""Fills a settings model from a YAML file and the environment, and says of each mistake where it stands.

Not pydantic-settings' own reader: that one ignores names it does not know and cannot tell which variable or
line a bad value came from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from streamaqa.config.shape import Key, Shape, dotted, suggestion
from streamaqa.config.yaml_lines import read
from streamaqa.errors import ConfigError

PREFIX = "STREAMAQA_"
NESTED = "__"

Model = TypeVar("Model", bound=BaseModel)


def load_model(model: type[Model], path: Path | None, environ: Mapping[str, str]) -> Model:
    """`model` with the file's values, and the environment's over them.

    ConfigError lists every mistake, one line each.
    """
    given = _Given(Shape(model))
    if path is not None:
        given.add_file(path)
    given.add_environment(environ)
    try:
        filled = model.model_validate(given.tree)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            given.explain(detail)
    if given.problems:
        raise ConfigError("\n".join(dict.fromkeys(text for _, text in sorted(given.problems))))
    return filled


def variable(key: Key) -> str:
    """The environment variable that stands for `key`."""
    return PREFIX + NESTED.join(str(part) for part in key).upper()


class _Given:
    """What the user gave, where each value came from, and what is wrong with it."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.tree: dict[str, Any] = {}
        self.problems: list[tuple[tuple[int, int], str]] = []
        """Each with its place in the listing: the file's by line, then the environment's."""
        self._file = ""
        self._lines: dict[Key, int] = {}
        self._variables: dict[Key, str] = {}
        self._spoilt: set[int | str] = set()
        """Lines and variables that are no YAML: what became of them is not worth another complaint."""

    def add_file(self, path: Path) -> None:
        """Read a YAML file. ConfigError if there is none, or it is no YAML at all."""
        self._file = str(path)
        try:
            document = read(path.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise ConfigError(f"{path}: cannot be read: {reason}") from None
        self._lines = document.lines
        for line, complaint in document.problems:
            self._complain_of_line(line, complaint)
            self._spoilt.add(line)
        if isinstance(document.value, dict):
            self._check(document.value, ())
            self.tree = document.value
        elif document.value is not None:
            self._complain_of_line(1, "the file must hold `key: value` lines")

    def _check(self, section: dict[str, Any], above: Key) -> None:
        """Drop what pydantic would not see as the user does: empty sections, secrets, yes for 1."""
        for name, value in list(section.items()):
            key = (*above, name)
            shape = self.shape.at(key)
            if shape is None:
                continue
            nested = {(*key, i): v for i, v in enumerate(value)} if isinstance(value, list) else {key: value}
            for place, item in nested.items():
                if isinstance(item, dict):
                    self._check(item, place)
            if value is None and shape.container:
                del section[name]
            elif shape.secret and value is not None:
                self._complain_of_line(
                    self._lines[key],
                    f"{dotted(key)}: secrets do not belong in this file; "
                    f"put it in the environment as {variable(key)}{self._file_key(key)}",
                )
                section[name] = None
            elif isinstance(value, bool) and not shape.holds(bool) and not shape.container:
                self._complain_of_line(self._lines[key], f"{dotted(key)}: should not be yes or no")
                del section[name]

    def _file_key(self, key: Key) -> str:
        other = (*key[:-1], f"{key[-1]}_file")
        return f", or in a file named by {dotted(other)}" if self.shape.at(other) else ""

    def add_environment(self, environ: Mapping[str, str]) -> None:
        """Lay the environment's values over what is there. Empty ones count as not given."""
        for name, text in sorted(environ.items()):
            parts = name.removeprefix(PREFIX).lower().split(NESTED)
            ours = name.startswith(PREFIX) and (len(parts) > 1 or parts[0] in self.shape.keys)
            if not ours or not text:
                continue
            key: Key = tuple(int(part) if part.isdecimal() else part for part in parts)
            self._variables[key] = name
            if not self._put(self.tree, key, self._value(key, text)):
                self._complain_of_variable(name, "there is nothing to put this into")

    def _value(self, key: Key, text: str) -> Any:
        """A list or section written as JSON or flow YAML, or the text: pydantic reads numbers itself."""
        shape = self.shape.at(key)
        if shape is None or not shape.container:
            return text
        document = read(text)
        for _, complaint in document.problems:
            self._complain_of_variable(self._variables[key], complaint)
            self._spoilt.add(self._variables[key])
        return document.value

    def _put(self, tree: Any, key: Key, value: Any) -> bool:
        """Set `value` at `key`, making the sections on the way; False where a plain value is in the way."""
        for depth, (part, following) in enumerate(zip(key, (*key[1:], None), strict=True), start=1):
            fresh: Any = value if following is None else [] if isinstance(following, int) else {}
            if isinstance(tree, dict):
                name = str(part)
                if following is None or tree.get(name) is None:
                    tree[name] = fresh
                elif isinstance(tree[name], str) and (word := self._one_word(key[:depth])):
                    tree[name] = {word: tree[name]}
                tree = tree[name]
            elif isinstance(tree, list) and isinstance(part, int) and part <= len(tree):
                tree[part : part + 1] = [fresh] if following is None else tree[part : part + 1] or [fresh]
                tree = tree[part]
            else:
                return False
        return True

    def _one_word(self, key: Key) -> str | None:
        shape = self.shape.at(key)
        return shape.one_word if shape else None

    def explain(self, detail: ErrorDetails) -> None:
        """Note one of pydantic's complaints in the user's words, with where the value came from."""
        key = self._existing(tuple(detail["loc"]))
        missing = detail["type"] == "missing"
        shown = (*key, detail["loc"][-1]) if missing else key
        complaint = self._complaint(detail, key)
        place, origin = self._origin(key)
        if origin in self._spoilt:
            return
        if isinstance(origin, str):
            self._complain_of_variable(
                origin, complaint if place == shown else f"{dotted(shown)}: {complaint}"
            )
        else:
            self._complain_of_line(origin, f"{dotted(shown)}: {complaint}".removeprefix(": "))

    def _origin(self, key: Key) -> tuple[Key, str | int]:
        """The variable or line that gave `key`, or the section it stands in, and which of these it was."""
        for above in (key[:length] for length in range(len(key), 0, -1)):
            origin = self._variables.get(above) or self._lines.get(above)
            if origin is not None:
                return above, origin
        below = sorted(name for place, name in self._variables.items() if key and place[: len(key)] == key)
        return (), below[0] if below else 1

    def _existing(self, loc: Key) -> Key:
        """`loc` without what is not in the tree: union tags, and keys that are missing."""
        tree: Any = self.tree
        key: Key = ()
        for part in loc:
            held = range(len(tree)) if isinstance(tree, list) else tree if isinstance(tree, dict) else ()
            if part in held:
                tree = tree[part]
                key = (*key, part)
        return key

    def _complaint(self, detail: ErrorDetails, key: Key) -> str:
        shape = self.shape.at(key)
        if detail["type"] == "extra_forbidden":
            return f"unknown key; {suggestion(self.shape, key)}"
        if detail["type"] == "missing":
            return "is missing"
        if detail["type"] == "model_type":
            return f"should hold keys of its own: {', '.join(shape.keys) if shape else ''}"
        if detail["type"] == "string_type" and isinstance(detail["input"], int | float):
            return f"should be text: write '{detail['input']}' in quotes"
        if "error" in detail.get("ctx", {}):  # raised by a validator of ours
            return str(detail["ctx"]["error"])
        message = re.sub(r"^Input s", "s", detail["msg"])
        value = detail["input"]
        if isinstance(value, dict | list) or (shape and shape.secret):
            return message
        return f"{message}, not {value!r}"

    def _complain_of_line(self, line: int, complaint: str) -> None:
        where = f"{self._file}:{line}: " if self._file else ""
        self.problems.append(((0, line), where + complaint))

    def _complain_of_variable(self, name: str, complaint: str) -> None:
        self.problems.append(((1, 0), f"{name}: {complaint}"))
