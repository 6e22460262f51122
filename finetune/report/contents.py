"""What the report says, in which order."""

from __future__ import annotations

from pathlib import Path

from finetune.evaluate import ErrorFigures, Evaluation, Figures, Library
from finetune.paper_metric import WHY_MENDED, WHY_MISLEADING
from finetune.report import cases, plots
from finetune.report.document import Document, Grid, Plot, Section, Text
from finetune.report.filmstrips import filmstrip
from finetune.report.published import CODES, PUBLISHED
from finetune.report.writing import write

NOTES = {
    "no_rep": "the segmenter found no repetition, so the whole clip was judged as one",
    "several_reps": "the segmenter found several repetitions, and the strongest finding spoke",
    "nobody": "nobody was seen",
    "unreadable_window": "a window could not be read",
    "unreadable": "nothing could be read: a miss",
}


def report(evaluation: Evaluation, library: Library, folder: Path) -> tuple[Path, Path]:
    """Write the report into `folder`; the paths of HTML and Markdown."""
    found = evaluation.figures
    sections = [
        Section("What was tested", _tested(evaluation)),
        Section("Errors: named or not", _errors(evaluation)),
        Section("Errors: when", _intervals(evaluation)),
        Section(
            "Precision and recall",
            [
                Plot(
                    "precision_recall",
                    plots.precision_recall(evaluation),
                    "A curve that stays at the dashed line tells nothing from nothing.",
                )
            ],
        ),
        Section("Can the probabilities be believed?", _reliability(evaluation)),
        Section(
            "Confusion",
            [Plot("confusion", plots.confusion(evaluation), "Clips, and their share of each true row.")],
        ),
        Section("Timelines", _timelines(evaluation)),
        Section("Worst cases", _worst(evaluation, library)),
        Section("Controls", _controls(evaluation)),
        Section("Published results", _published(found)),
        Section("The paper's own metric", _paper(found)),
    ]
    title = f"{found.judge} on {evaluation.data}, {evaluation.split} split"
    return write(Document(title, [section for section in sections if section.blocks]), folder)


def _tested(evaluation: Evaluation) -> list[Text | Grid]:
    found = evaluation.figures
    counts = evaluation.counts
    blocks: list[Text | Grid] = [
        Text(
            f"{found.videos} videos and {found.stills} stills of {evaluation.data}, {evaluation.split} "
            f"split. Floors come from the labels of {counts.get('train', 0)} training clips, thresholds "
            f"and calibration from {counts.get('val', 0)} validation clips and from nothing else. Each "
            "video is scored whole, against its own labelled intervals; a wrong exercise or an unreadable "
            "answer is a miss. "
            "Intervals in brackets are 95 % bootstrap intervals over the clips."
        )
    ]
    if found.exercise_accuracy is not None:
        blocks.append(Text(f"The exercise was named right in {found.exercise_accuracy:.1%} of the videos."))
    rows = [[NOTES.get(note, note), str(count)] for note, count in sorted(found.notes.items())]
    if found.damaged:
        rows.append(["skipped: the file is damaged", str(len(found.damaged))])
    if rows:
        blocks.append(Grid(("out of the ordinary", "clips"), rows))
    if found.damaged:
        named = "; ".join(f"{clip} ({why})" for clip, why in list(found.damaged.items())[:20])
        blocks.append(Text(f"Damaged: {named}"))
    return blocks


def _errors(evaluation: Evaluation) -> list[Grid | Plot]:
    found = evaluation.figures
    headings = (
        "error", "with it", "F1 (95 %)", "always yes", "precision", "recall", "MCC (95 %)",
        "AUROC (95 %)", "threshold", "not judged", "F1 judged",
    )  # fmt: skip
    rows = [[_words(one), *_row(one)] for one in found.errors]
    if found.macro:
        macro = found.macro
        rows.append(
            [
                "mean", "", f"{macro.f1:.3f} {_ends(macro.f1_interval)}", f"{macro.f1_always_positive:.3f}",
                f"{macro.precision:.3f}", f"{macro.recall:.3f}", f"{macro.mcc:+.3f}", _or_dash(macro.auroc),
                "", "", "",
            ]
        )  # fmt: skip
    return [
        Grid(
            headings,
            rows,
            "always yes: F1 of always answering that the error is there. MCC is 0 for any answer that does "
            "not depend on the clip. Not judged: clips in which the error could not be seen; they count as "
            "“no”, and “F1 judged” leaves them out.",
        ),
        Plot(
            "f1",
            plots.f1_bars(evaluation),
            "Bars: F1 with its 95 % interval. Dashed: always answering that the error is there. Marks: "
            "controls, which see nothing of the lifter.",
        ),
    ]


def _row(one: ErrorFigures) -> list[str]:
    score = one.score
    area = score.auroc_interval
    return [
        f"{score.positives}/{score.videos}",
        f"{score.f1:.3f} {_ends(score.f1_interval)}",
        f"{score.f1_always_positive:.3f}",
        f"{score.precision:.3f}",
        f"{score.recall:.3f}",
        f"{score.mcc:+.3f} {_ends(score.mcc_interval)}",
        "-" if score.auroc is None or area is None else f"{score.auroc:.3f} {_ends(area)}",
        f"{one.threshold:.2f}",
        str(one.abstained),
        f"{one.judged_f1:.3f}",
    ]


def _intervals(evaluation: Evaluation) -> list[Grid | Plot]:
    found, blind = evaluation.figures, evaluation.controls.get("blind window")
    if not found.intervals.ap:
        return []
    labels = {one.code: _words(one) for one in found.errors}
    rows = []
    for code, by_tiou in found.intervals.ap.items():
        row = [labels.get(code, code)]
        for tiou, value in by_tiou.items():
            floor = blind.intervals.ap.get(code, {}).get(tiou) if blind else None
            row += [f"{value:.3f} {_ends(found.ap_intervals[code][tiou])}", _or_dash(floor)]
        rows.append(row)
    mean = ["mean (mAP)"]
    for tiou, value in found.intervals.mean.items():
        mean += [f"{value:.3f}", _or_dash(blind.intervals.mean.get(tiou) if blind else None)]
    headings = ["error"]
    for tiou in found.intervals.mean:
        headings += [f"AP@{tiou:g} (95 %)", "blind"]
    return [
        Grid(
            headings,
            [*rows, mean],
            "ActivityNet average precision. Blind: one fixed window an error, fitted on training labels as "
            "shares of the clip, with one confidence, told the exercise. An mAP says something only above.",
        ),
        Plot("ap", plots.ap_bars(evaluation), "Bars: average precision. Dashed: the blind fixed window."),
    ]


def _reliability(evaluation: Evaluation) -> list[Text | Grid | Plot]:
    fitted = evaluation.fitted
    blocks: list[Text | Grid | Plot] = [
        Plot(
            "reliability",
            plots.reliability(evaluation),
            "Where a probability of 0.7 is said, 70 % of the clips should show the error: on the dashed "
            "line. Larger dots stand for more clips.",
        )
    ]
    if fitted.notes:
        rows = [list(row) for row in sorted(fitted.notes.items())]
        blocks.append(Grid(["not fitted", "why"], rows, words=(0, 1)))
    return blocks


def _timelines(evaluation: Evaluation) -> list[Plot]:
    rows = cases.timelines(evaluation)
    caption = "Clips with the error or with it said, evenly from the best tIoU (top) to the worst."
    return [Plot("timelines", plots.timelines(rows), caption)] if rows else []


def _worst(evaluation: Evaluation, library: Library) -> list[Plot]:
    strips = []
    for place, case in enumerate(cases.worst(evaluation)):
        if figure := filmstrip(case, library):
            strips.append(Plot(f"worst_{place:02}", figure, f"{case.clip.id}. {case.title}."))
    return strips


def _controls(evaluation: Evaluation) -> list[Text | Grid]:
    if not evaluation.controls:
        return []
    every = {evaluation.figures.judge: evaluation.figures, **evaluation.controls}
    rows = [
        [
            name,
            _or_dash(one.exercise_accuracy),
            f"{one.macro.f1:.3f} {_ends(one.macro.f1_interval)}" if one.macro else "-",
            f"{one.macro.mcc:+.3f}" if one.macro else "-",
            _or_dash(one.macro.auroc if one.macro else None),
            *(_or_dash(one.intervals.mean.get(tiou)) for tiou in (0.3, 0.5, 0.7)),
            str(one.videos + one.stills),
        ]
        for name, one in every.items()
    ]
    headings = (
        "", "exercise", "mean F1 (95 %)", "mean MCC", "mean AUROC", "mAP@0.3", "mAP@0.5", "mAP@0.7", "clips"
    )  # fmt: skip
    return [
        Grid(headings, rows),
        Text(
            "Constant: the most frequent exercise with all its errors, over the whole clip. Blind window: "
            "told the exercise, every error in one fixed window. Duration only: told the exercise and how "
            "long the clip is. Person erased: the same assessor on clips in which everything inside the "
            "person's box is grey. What a control reaches is in the data set, not in the movement."
        ),
    ]


def _published(found: Figures) -> list[Text | Grid]:
    labels = {one.code: one for one in found.errors}
    ours = [labels[code].score.f1 if code in labels else None for code in CODES]
    if all(value is None for value in ours):
        return []
    headings = ("method", *(code.replace(".", ": ").replace("_", " ") for code in CODES), "source")
    rows = [[row.method, *(_or_dash(row.f1.get(code), 4) for code in CODES), row.source] for row in PUBLISHED]
    mine = [f"{found.judge} (this report)", *(_or_dash(value, 4) for value in ours), "here"]
    return [
        Grid(headings, [mine, *rows], "F1.", words=(0, len(headings) - 1)),
        Text(
            "Published figures are of Fitness-AQA's own test split (244 squats, 339 presses). They can be "
            "held against this report's only if it was made on that split too."
        ),
    ]


def _paper(found: Figures) -> list[Text | Grid]:
    if not found.paper.ap:
        return []
    labels = {one.code: _words(one) for one in found.errors}
    rows = [
        [
            labels.get(code, code),
            str(found.paper.videos[code]),
            f"{found.paper.f1[code]:.4f}",
            f"{value:.4f}",
            f"{found.paper_mended.ap[code]:.4f}",
            *(_or_dash(row.paper_ap.get(code), 4) for row in PUBLISHED[:2]),
        ]
        for code, value in found.paper.ap.items()
    ]
    mean = ["mean", "", "", f"{found.paper.mean_ap:.4f}", f"{found.paper_mended.mean_ap:.4f}"]
    mean += ["0.2282", "0.2232"]
    headings = (
        "error", "videos", "F1", "AP (misleading)", "AP, IoU mended", "AP, Dynamic-Step", "AP, Two-Step"
    )  # fmt: skip
    return [
        Text(f"For comparison with the paper's table only. {WHY_MISLEADING}"),
        Grid(headings, [*rows, mean], f"IoU mended: {WHY_MENDED}"),
    ]


def _words(one: ErrorFigures) -> str:
    return f"{one.code.split('.')[0].replace('_', ' ')}: {one.label}"


def _ends(interval: tuple[float, float]) -> str:
    low, high = interval
    return f"({low:.2f}{' to ' if low < 0 else '-'}{high:.2f})"


def _or_dash(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
