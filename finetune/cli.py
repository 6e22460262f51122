"""`streamaqa-finetune`: from the data set to scored answers."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.table import Table

from finetune.cli_augment import augment
from finetune.cli_balance import balance
from finetune.cli_convert import convert
from finetune.cli_evaluate import evaluate
from finetune.cli_synthesize import synthesize
from finetune.detection import Prediction, Segment, detection
from finetune.records import place
from finetune.score_tables import answer_tables, detection_table
from finetune.scoring import Answered, detection_json, score_answers
from streamaqa.errors import UsageError

app = typer.Typer(
    help="Turns labelled lifts into conversations, trains on them and scores what comes out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Read = TypeVar("Read")


def main() -> None:
    """Run the command line: what the user got wrong is one line and exit code 2."""
    try:
        app()
    except UsageError as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(2) from None


@app.callback()
def commands() -> None:
    """Keeps `score` a command of its own while it is the only one."""


app.command()(convert)
app.command()(evaluate)
app.command()(augment)
app.command()(balance)
app.command()(synthesize)


@app.command()
def score(
    truth: Annotated[Path | None, typer.Option(help="JSON: [{video, label, start, end}]")] = None,
    predictions: Annotated[Path | None, typer.Option(help="JSON: the same, each with a score")] = None,
    answers: Annotated[Path | None, typer.Option(help="JSON: {video: {exercise, truth, answer}}")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Score intervals against labels (ActivityNet AP), or a model's answers (F1, AP and more).

    \b
    streamaqa-finetune score --truth test.json --predictions found.json
    streamaqa-finetune score --answers answers.json --json
    """
    if answers and not truth and not predictions:
        answered = _read(answers, dict[str, Answered])
        if not answered:
            raise UsageError(f"{answers}: holds no answers")
        try:
            scores = score_answers(answered)
        except UsageError as error:
            raise UsageError(f"{answers}: {error}") from None
        _print(scores.as_json(), as_json, *answer_tables(scores))
        if not as_json:
            for video, complaint in scores.complaints.items():
                typer.echo(f"{video}: {complaint}", err=True)
    elif truth and predictions and not answers:
        labelled = _read(truth, list[Segment])
        if not labelled:
            raise UsageError(f"{truth}: holds no intervals, so that nothing can be scored")
        for place, segment in enumerate(labelled):
            if not segment.start < segment.end:
                raise UsageError(f"{truth}: [{place}]: start {segment.start} is not before end {segment.end}")
        found = detection(labelled, _read(predictions, list[Prediction]))
        _print(detection_json(found), as_json, detection_table(found))
    else:
        raise UsageError("give either --truth and --predictions, or --answers")


def _read(path: Path, kind: type[Read]) -> Read:
    """The JSON file as `kind`; UsageError names the first place where it is not."""
    adapter = TypeAdapter(kind)
    try:
        text = path.read_text(encoding="utf-8-sig")
        return adapter.validate_python(
            json.loads(text, parse_float=_finite, parse_constant=_finite, object_pairs_hook=_once)
        )
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        raise UsageError(f"{path}: {place(error)}") from None
    except ValueError as error:  # not UTF-8, not JSON, a number that is none, or a name that stands twice
        raise UsageError(f"{path}: not JSON: {error}") from None
    except RecursionError:
        raise UsageError(f"{path}: not JSON: nested without end") from None


def _finite(number: str) -> float:
    if not math.isfinite(float(number)):
        raise ValueError(f"{number[:20]} is no number")
    return float(number)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} stands twice")
    return found


def _print(values: dict[str, Any], as_json: bool, *tables: Table) -> None:
    if as_json:
        typer.echo(json.dumps(values, indent=1))
        return
    console = Console()
    for table in tables:
        console.print(table)


if __name__ == "__main__":
    main()
