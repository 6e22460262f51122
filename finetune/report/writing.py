"""Writes a document: Markdown with its pictures beside it, and one HTML page that needs nothing else."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from finetune.records import write_whole
from finetune.report.document import Block, Document, Grid, Plot, Text

DPI = 110
"""Text of 8 points is then 12 pixels high: readable, and a page of twenty plots stays below 3 MB."""

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.55 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; color: #1f2430;
       margin: 0; background: #f6f7f9; }
main { max-width: 1160px; margin: 0 auto; padding: 28px 32px 64px; background: #fff; min-height: 100vh; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 40px 0 8px; padding-top: 14px;
     border-top: 1px solid #e4e6ea; }
p { max-width: 76ch; margin: 8px 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 12px 0 6px; font-size: 13.5px;
        font-variant-numeric: tabular-nums; }
th, td { padding: 5px 8px; text-align: right; border-bottom: 1px solid #e9ebef; white-space: nowrap; }
th { font-weight: 600; color: #4a5160; border-bottom: 2px solid #c9ced8; white-space: normal;
     vertical-align: bottom; }
.words { text-align: left; } td.words:not(:first-child) { white-space: normal; min-width: 16ch; }
tr:last-child td { border-bottom: 1px solid #c9ced8; }
figure { margin: 14px 0 20px; } figure img { max-width: 100%; height: auto; }
figcaption, .caption { color: #5a6170; font-size: 13px; max-width: 84ch; }
nav { margin: 10px 0 0; font-size: 13.5px; }
nav a { margin-right: 14px; color: #2b6cb0; text-decoration: none; }
@media print { body, main { background: #fff; } h2 { break-after: avoid; } figure { break-inside: avoid; } }
"""


def write(document: Document, folder: Path) -> tuple[Path, Path]:
    """Write `report.html`, `report.md` and `plots/*.png` into `folder`; the paths of the first two."""
    plots = folder / "plots"
    plots.mkdir(parents=True, exist_ok=True)
    pictures: dict[str, bytes] = {}
    for section in document.sections:
        for block in section.blocks:
            if isinstance(block, Plot):
                pictures[block.name] = _png(block.figure)
                write_whole(plots / f"{block.name}.png", pictures[block.name])
    page, text = folder / "report.html", folder / "report.md"
    write_whole(text, _markdown(document))
    write_whole(page, _html(document, pictures))
    return page, text


def _png(figure: Figure) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=DPI)
    return out.getvalue()


def _markdown(document: Document) -> str:
    lines = [f"# {document.title}", ""]
    for section in document.sections:
        lines += [f"## {section.title}", ""]
        for block in section.blocks:
            lines += [_markdown_block(block), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _markdown_block(block: Block) -> str:
    if isinstance(block, Text):
        return block.text
    if isinstance(block, Plot):
        return f"![{block.caption}](plots/{block.name}.png)\n\n*{block.caption}*"
    ruler = ["---" if column in block.words else "---:" for column in range(len(block.headings))]
    rows = [block.headings, ruler, *block.rows]
    table = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
    return f"{table}\n\n*{block.caption}*" if block.caption else table


def _html(document: Document, pictures: dict[str, bytes]) -> str:
    anchors = [f"s{place}" for place in range(len(document.sections))]
    links = "".join(
        f'<a href="#{anchor}">{html.escape(section.title)}</a>'
        for anchor, section in zip(anchors, document.sections, strict=True)
    )
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{html.escape(document.title)}</title><style>{_STYLE}</style></head><body><main>",
        f"<h1>{html.escape(document.title)}</h1><nav>{links}</nav>",
    ]
    for anchor, section in zip(anchors, document.sections, strict=True):
        parts.append(f'<h2 id="{anchor}">{html.escape(section.title)}</h2>')
        parts += [_html_block(block, pictures) for block in section.blocks]
    return "\n".join([*parts, "</main></body></html>"]) + "\n"


def _html_block(block: Block, pictures: dict[str, bytes]) -> str:
    if isinstance(block, Text):
        return f"<p>{html.escape(block.text)}</p>"
    if isinstance(block, Plot):
        data = base64.b64encode(pictures[block.name]).decode()
        caption = html.escape(block.caption)
        return (
            f'<figure><img src="data:image/png;base64,{data}" alt="{caption}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    return _html_table(block)


def _html_table(block: Grid) -> str:
    def line(kind: str, cells: Sequence[str]) -> str:
        marks = (' class="words"' if column in block.words else "" for column in range(len(cells)))
        return "".join(
            f"<{kind}{mark}>{html.escape(cell)}</{kind}>" for mark, cell in zip(marks, cells, strict=True)
        )

    head = line("th", block.headings)
    rows = "".join(f"<tr>{line('td', row)}</tr>" for row in block.rows)
    caption = f'<div class="caption">{html.escape(block.caption)}</div>' if block.caption else ""
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{caption}'
    )
