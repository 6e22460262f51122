"""A report as data: sections of paragraphs, tables and plots, which Markdown and HTML both draw from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, plain."""

    text: str


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of words and figures."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    words: Sequence[int] = (0,)
    """Which columns hold words; the others hold figures."""


@dataclass(frozen=True, slots=True)
class Plot:
    """A figure with what to see in it."""

    name: str
    """File name without suffix."""
    figure: Figure
    caption: str


Block: TypeAlias = Text | Grid | Plot


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what is under it."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report."""

    title: str
    sections: Sequence[Section]
