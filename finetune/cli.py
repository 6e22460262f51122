"""`streamaqa-finetune`: from the data set to scored answers."""

from __future__ import annotations

import json
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
        return adapter.validate_python(
            json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
        )
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
        raise UsageError(f"{path}: {place.lstrip('.') or 'file'}: {first['msg']}") from None
    except ValueError as error:  # not UTF-8, not JSON, or a number that is none
        raise UsageError(f"{path}: not JSON: {error}") from None


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _print(values: dict[str, Any], as_json: bool, *tables: Table) -> None:
    if as_json:
        typer.echo(json.dumps(values, indent=1))
        return
    console = Console()
    for table in tables:
        console.print(table)


if __name__ == "__main__":
    main()
