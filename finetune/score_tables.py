"""Figures as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich.box import SIMPLE
from rich.table import Table

from finetune.detection import Detection
from finetune.metrics import ErrorScore, MacroScore
from finetune.scoring import AnswerScores


def answer_tables(scores: AnswerScores) -> tuple[Table, ...]:
    """What `score --answers` prints: errors, intervals with their floor, and the paper's metric."""
    title = (
        f"{scores.videos} answers: exercise right in {scores.exercise_accuracy:.1%}, "
        f"{scores.unreadable} unreadable"
    )
    return (
        error_table(title, scores.errors, scores.macro),
        detection_table(scores.intervals, scores.blind),
        paper_table(scores),
    )


def error_table(title: str, errors: Mapping[str, ErrorScore], macro: MacroScore | None) -> Table:
    """Figures of each error with their floor, the means last."""
    table = _table(title)
    table.add_column("error", no_wrap=True)
    for heading in ("pos.", "F1 (95 %)", "all yes", "prec.", "recall", "MCC", "AUC"):
        table.add_column(heading, justify="right", no_wrap=True)
    for label, one in errors.items():
        table.add_row(label, f"{one.positives}/{one.videos}", *_figures(one))
    if macro is not None:
        table.add_section()
        table.add_row("mean", "", *_figures(macro))
    return table


def _figures(one: ErrorScore | MacroScore) -> tuple[str, ...]:
    low, high = one.f1_interval
    return (
        f"{one.f1:.3f} ({low:.2f}-{high:.2f})",
        f"{one.f1_always_positive:.3f}",
        f"{one.precision:.2f}",
        f"{one.recall:.2f}",
        f"{one.mcc:+.2f}",
        "-" if one.auroc is None else f"{one.auroc:.2f}",
    )


def detection_table(
    found: Detection, blind: Detection | None = None, words: Mapping[str, str] | None = None
) -> Table:
    """Average precision by label and threshold; the blind window's beside it, and other `words` if given."""
    table = _table("ActivityNet average precision" + (" (a blind window's beside it)" if blind else ""))
    table.add_column("error")
    for tiou in found.mean:
        table.add_column(f"tIoU {tiou:g}", justify="right")
    for label, by_tiou in found.ap.items():
        beside = blind.ap.get(label, {}) if blind else {}
        shown = (words or {}).get(label, label)
        table.add_row(shown, *(_beside(value, beside.get(tiou)) for tiou, value in by_tiou.items()))
    table.add_section()
    beside = blind.mean if blind else {}
    table.add_row("mean (mAP)", *(_beside(value, beside.get(tiou)) for tiou, value in found.mean.items()))
    return table


def paper_table(scores: AnswerScores) -> Table:
    """The paper's own metric, marked as what it is."""
    table = _table("The paper's own metric, for comparison with its table only: its AP misleads")
    table.caption = (
        "AP: share of all videos whose interval reaches IoU 0.5, gaps counted as overlap; "
        "`--json` says more under paper.why"
    )
    table.caption_justify = "left"
    table.add_column("error")
    for heading in ("videos", "F1", "AP", "AP, IoU mended"):
        table.add_column(heading, justify="right")
    for label, ap in scores.paper.ap.items():
        table.add_row(
            label,
            str(scores.paper.videos[label]),
            f"{scores.paper.f1[label]:.4f}",
            f"{ap:.4f}",
            f"{scores.paper_mended.ap[label]:.4f}",
        )
    table.add_section()
    table.add_row("mean", "", "", f"{scores.paper.mean_ap:.4f}", f"{scores.paper_mended.mean_ap:.4f}")
    return table


def _beside(value: float, floor: float | None) -> str:
    return f"{value:.4f}" if floor is None else f"{value:.4f} ({floor:.3f})"


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
