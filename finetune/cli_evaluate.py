"""`streamaqa-finetune evaluate`."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from finetune.score_tables import detection_table, error_table
from finetune.terminal import bars, quiet_native
from streamaqa.errors import UsageError

if TYPE_CHECKING:
    from finetune.evaluate import Evaluation, Figures, Judge
    from finetune.evaluate.controls import Prior


def evaluate(
    data: Annotated[Path, typer.Argument(help="Fitness-AQA's folder, or a synthetic one.")],
    out: Annotated[Path, typer.Argument(help="Folder to write; made if it is not there.")],
    assessor: Annotated[
        str, typer.Option(help="kinematic, constant, blind, or MODULE:FUNCTION that gives a Judge.")
    ] = "kinematic",
    calibration: Annotated[
        Path | None, typer.Option(help="Kinematic: begin from these numbers, not from the vocabulary's.")
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(help="Parts to read, with commas: squat, ohp, shallow, lumbar, torso, or row."),
    ] = None,
    split: Annotated[
        str, typer.Option(help="What is tested: test or train. val is what is fitted on.")
    ] = "test",
    poses: Annotated[
        Path | None, typer.Option(help="Folder of pose tracks, read and filled. OUT/poses by default.")
    ] = None,
    controls: Annotated[
        bool, typer.Option("--controls/--no-controls", help="Test floors and controls beside it.")
    ] = True,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first damaged file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print metrics.json instead of tables.")] = False,
) -> None:
    """Test an assessor on a data set: figures with their floors, controls, a report.

    Writes metrics.json, report.html and report.md, and what was fitted on the validation split: engine.yaml
    with kinematic.json, or calibration.json to lie beside a model's weights. Stopped and started again it
    goes on.

    \b
    streamaqa-finetune evaluate Fitness-AQA_dataset_release results/kinematic
    streamaqa-finetune evaluate Fitness-AQA_dataset_release results/blind --assessor blind --only squat,ohp
    streamaqa-finetune evaluate Fitness-AQA_dataset_release results/mine --assessor mine.judges:judge
    """
    from finetune.evaluate import Evaluator, Library, Prior
    from finetune.fitness_aqa import Scans, read_data_set, store_of
    from finetune.report import report

    parts = [part.strip() for part in only.split(",")] if only else None
    console, told = Console(), Console(stderr=True)
    if split not in ("test", "train"):
        raise UsageError(f"--split {split}: wanted test or train; thresholds are fitted on val")
    with quiet_native(), bars(told) as steps:
        found = read_data_set(data, parts, Scans(store_of(data)), steps)
        if found.problems and strict:
            raise UsageError(f"{data}: {len(found.problems)} problems\n{found.report()}")
        prior = Prior.of([clip for clip in found.clips if clip.split == "train"])
        judge = _judge(assessor, prior, calibration)
        out.mkdir(parents=True, exist_ok=True)
        with Library(data, poses or out / "poses") as library:
            evaluator = Evaluator(
                found.clips, library, out / "verdicts", strict, "test" if split == "test" else "train", steps
            )
            evaluation = evaluator.run(judge, controls=controls)
            page, _ = report(evaluation, library, out)
    metrics = _write(evaluation, out, [str(problem) for problem in found.problems])
    if found.problems:
        typer.echo(f"{data}: {len(found.problems)} problems, {found.left_out} clips left out", err=True)
        typer.echo(found.report(), err=True)
    for clip, why in evaluation.figures.damaged.items():
        typer.echo(f"skipped {clip}: {why}", err=True)
    if as_json:
        typer.echo(json.dumps(metrics, indent=1))
        return
    for table in _tables(evaluation):
        console.print(table)
    console.print(f"report: {page}", highlight=False, soft_wrap=True)
    console.print(f"for the engine: {out / 'engine.yaml'}", highlight=False, soft_wrap=True)


def _write(evaluation: Evaluation, out: Path, problems: list[str]) -> dict[str, object]:
    """Write the figures and what was fitted; the figures."""
    from finetune.evaluate import engine_yaml
    from finetune.records import write_whole

    metrics = _metrics(evaluation, problems)
    write_whole(out / "metrics.json", json.dumps(metrics, indent=1) + "\n")
    numbers = None
    if evaluation.engine_calibration is not None:
        numbers = (out / "kinematic.json").resolve()
        write_whole(numbers, evaluation.engine_calibration.model_dump_json(indent=1) + "\n")
    elif evaluation.fitted.calibration.errors:
        evaluation.fitted.calibration.save(out)
    write_whole(out / "engine.yaml", engine_yaml(evaluation, numbers))
    return metrics


def _judge(name: str, prior: Prior, calibration: Path | None) -> Judge:
    """The judge of that name; UsageError if there is none."""
    from finetune.evaluate import Blind, Constant, KinematicJudge
    from streamaqa.assessment import KinematicSettings

    if name == "kinematic":
        return KinematicJudge(KinematicSettings(calibration=calibration))
    if name == "constant":
        return Constant(prior)
    if name == "blind":
        return Blind(prior)
    module, _, function = name.partition(":")
    if not function:
        raise UsageError(f"--assessor {name}: wanted kinematic, constant, blind or MODULE:FUNCTION")
    try:
        judge: Judge = getattr(importlib.import_module(module), function)()
    except (ImportError, AttributeError) as error:
        raise UsageError(f"--assessor {name}: {error}") from None
    return judge


def _metrics(evaluation: Evaluation, problems: list[str]) -> dict[str, object]:
    from finetune.report.published import PUBLISHED

    published = [
        {"method": row.method, "source": row.source, "f1": row.f1, "paper_ap": row.paper_ap}
        for row in PUBLISHED
    ]
    return {**evaluation.as_json(), "problems": problems, "published": published}


def _tables(evaluation: Evaluation) -> list[Table]:
    found = evaluation.figures
    named = "" if found.exercise_accuracy is None else f", exercise right in {found.exercise_accuracy:.1%}"
    title = f"{found.judge} on {found.videos} videos and {found.stills} stills{named}"
    tables = [error_table(title, {one.label: one.score for one in found.errors}, found.macro)]
    if found.intervals.ap:
        blind = evaluation.controls.get("blind window")
        words = {one.code: one.label for one in found.errors}
        tables.append(detection_table(found.intervals, blind.intervals if blind else None, words))
    if evaluation.controls:
        tables.append(_control_table({found.judge: found, **evaluation.controls}))
    return tables


def _control_table(every: Mapping[str, Figures]) -> Table:
    table = Table(title="Beside its controls", title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("")
    for heading in ("exercise", "mean F1", "mean MCC", "mean AUC", "mAP@0.5", "clips"):
        table.add_column(heading, justify="right")
    for name, one in every.items():
        macro = one.macro
        table.add_row(
            name,
            "told" if one.exercise_accuracy is None else f"{one.exercise_accuracy:.2f}",
            f"{macro.f1:.3f}" if macro else "-",
            f"{macro.mcc:+.2f}" if macro else "-",
            "-" if macro is None or macro.auroc is None else f"{macro.auroc:.2f}",
            f"{one.intervals.mean.get(0.5, 0.0):.3f}",
            str(one.videos + one.stills),
        )
    return table
