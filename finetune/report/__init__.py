"""The report of an evaluation: what was found, beside what anybody could have guessed, and where it fails.

html, markdown = report(evaluation, library, Path("out"))
"""

from __future__ import annotations

from finetune.report.contents import report

__all__ = ["report"]
