"""Reads YAML and remembers on which line each key stood, so that a complaint can name it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

Path: TypeAlias = tuple[str | int, ...]
"""Keys and list positions from the top."""


@dataclass(slots=True)
class Document:
    """What a YAML text holds, and what is wrong with it as YAML."""

    value: Any = None
    """Plain dicts, lists and scalars; every key is a str. None for an empty text."""
    lines: dict[Path, int] = field(default_factory=dict)
    """Line of each key and list item, from 1."""
    problems: list[tuple[int, str]] = field(default_factory=list)
    """Line and complaint: syntax, duplicate keys, anchors, unknown tags."""


def read(text: str) -> Document:
    """Parse `text` with YAML's safe types. Never raises: see `Document.problems`."""
    document = Document()
    try:
        loader = yaml.SafeLoader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        document.problems.append((line, f"the character {chr(error.character)!r} is not allowed in YAML"))
        return document
    try:
        root = loader.get_single_node()
        if root is not None:
            document.value = _Builder(loader, document).build(root, ())
    except yaml.MarkedYAMLError as error:
        document.problems.append((_line(error.problem_mark or error.context_mark), _syntax(error)))
    except RecursionError:
        document.problems.append((1, "nested too deeply"))
    finally:
        loader.dispose()
    return document


class _Builder:
    """Turns nodes into values, noting lines and complaints in a document."""

    def __init__(self, loader: yaml.SafeLoader, document: Document) -> None:
        self._loader = loader
        self._document = document
        self._built: set[int] = set()

    def build(self, node: yaml.Node, path: Path) -> Any:
        """The value of `node`, which stands at `path`."""
        if id(node) in self._built:
            line = self._document.lines.get(path, 1)  # the node itself stands at the anchor
            complaint = "anchors and aliases (& and *) are not supported here: write it out"
            self._document.problems.append((line, complaint))
            return None
        self._built.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self._document.lines[*path, index] = _line(item.start_mark)
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._complain(key_node, "a key must be a plain word")
                continue
            key = key_node.value
            if key in values:
                first = self._document.lines[*path, key]
                self._complain(
                    key_node, f"{'.'.join(map(str, (*path, key)))} is given twice, first on line {first}"
                )
                continue
            self._document.lines[*path, key] = _line(key_node.start_mark)
            values[key] = self.build(value_node, (*path, key))
        return values

    def _scalar(self, node: yaml.Node) -> Any:
        try:
            return self._loader.construct_object(node)
        except yaml.constructor.ConstructorError:
            self._complain(node, f"the tag {node.tag} is not supported here")
        except (ValueError, OverflowError) as error:  # 2026-13-45 looks like a date
            self._complain(node, f"cannot read {node.value!r}: {error}")
        return None

    def _complain(self, node: yaml.Node, complaint: str) -> None:
        self._document.problems.append((_line(node.start_mark), complaint))


def _line(mark: yaml.Mark | None) -> int:
    return mark.line + 1 if mark else 1


def _syntax(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "not YAML"
    if r"'\t'" in problem:
        return "a tab; YAML is indented with spaces"
    if "mapping values are not allowed" in problem:
        return "not YAML: a colon too many, or a key indented unlike its neighbours"
    return f"not YAML: {problem}"
