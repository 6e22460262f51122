"""What a settings model looks like from outside: which keys stand where, and what they hold."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr

Key: TypeAlias = tuple[str | int, ...]
"""Keys and list positions from the top."""


def dotted(key: Key) -> str:
    """The key as people write it: `cameras[0].name`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return text.removeprefix(".")


class Shape:
    """The annotations that may stand at one place; several where a union does."""

    def __init__(self, *annotations: Any) -> None:
        self._types = [kind for annotation in annotations for kind in _members(annotation)]

    @property
    def keys(self) -> dict[str, Shape]:
        """Of a section, its keys."""
        return {
            name: Shape(info.annotation)
            for kind in self._types
            if isinstance(kind, type) and issubclass(kind, BaseModel)
            for name, info in kind.model_fields.items()
        }

    @property
    def container(self) -> bool:
        """Whether a section, a list or a table stands here."""
        return bool(self.keys) or self.items is not None

    @property
    def items(self) -> Shape | None:
        """Of a list or table, what each of its items is."""
        inner = []
        for kind in self._types:
            origin, arguments = get_origin(kind), get_args(kind)
            if isinstance(origin, type) and issubclass(origin, Sequence | Mapping):
                inner.append(arguments[0] if arguments[-1] is ... else arguments[-1])
        return Shape(*inner) if inner else None

    @property
    def one_word(self) -> str | None:
        """The key that a plain value in this section's place stands for: its model's `ONE_WORD`."""
        return next((kind.ONE_WORD for kind in self._types if hasattr(kind, "ONE_WORD")), None)

    def holds(self, kind: type) -> bool:
        """Whether a value of this very type may stand here."""
        return kind in self._types

    @property
    def secret(self) -> bool:
        """Whether what stands here must not be shown."""
        return self.holds(SecretStr)

    def at(self, key: Key) -> Shape | None:
        """What stands at `key` from here; None if nothing may."""
        shape: Shape | None = self
        for part in key:
            if shape is None:
                return None
            shape = shape.keys.get(part) if shape.keys and isinstance(part, str) else shape.items
        return shape

    def walk(self, key: Key = ()) -> Iterator[Key]:
        """Every key of sections, from the top down."""
        for name, shape in self.keys.items():
            yield (*key, name)
            yield from shape.walk((*key, name))


def _members(annotation: Any) -> list[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _members(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return [member for part in get_args(annotation) for member in _members(part)]
    return [annotation]


def suggestion(root: Shape, key: Key) -> str:
    """What the user may have meant by the unknown `key`: `did you mean 'port'?`, or what there is."""
    *section, unknown = key
    place = root.at(tuple(section))
    known = list(place.keys) if place else []
    if close := difflib.get_close_matches(str(unknown).lower(), known, n=1):
        return f"did you mean '{close[0]}'?"
    elsewhere = {str(place[-1]): place for place in root.walk()}
    if close := difflib.get_close_matches(str(unknown).lower(), elsewhere, n=1, cutoff=0.75):
        return f"did you mean '{dotted(elsewhere[close[0]])}'?"
    return f"there are {', '.join(known)}"
