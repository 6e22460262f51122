"""`streamaqa-finetune evaluate` on a small data set that it draws first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from finetune.cli import app
from finetune.synthesize import Recipe, synthesize
from streamaqa.errors import UsageError


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("command") / "drawn"
    synthesize(folder, Recipe(videos=16, images=8, size=64, seconds=2.0, seed=0, split=(2, 1, 1)))
    return folder


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["evaluate", *arguments])


def test_the_command_writes_metrics_and_reports(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(str(data), str(out), "--assessor", "blind", "--no-controls")
    assert done.exit_code == 0, done.output
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["assessor"]["judge"] == "blind window"
    assert metrics["assessor"]["exercise_accuracy"] is None
    assert metrics["clips"]["test"] == metrics["assessor"]["videos"] + metrics["assessor"]["stills"]
    assert metrics["published"][0]["f1"]["squat.knees_forward"] == 0.8155
    assert "blind window on" in (out / "report.html").read_text()
    assert (out / "engine.yaml").exists()
    assert "report: " in done.stdout
    assert "ActivityNet average precision" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            ["--assessor", "psychic"],
            "--assessor psychic: wanted kinematic, constant, blind or MODULE:FUNCTION",
        ),
        (["--assessor", "no.such:judge"], "--assessor no.such:judge: No module named 'no'"),
        (["--split", "val"], "--split val: wanted test or train; thresholds are fitted on val"),
        (["--calibration", "gone.json"], "gone.json: the calibration cannot be read"),
    ],
)
def test_what_cannot_be_evaluated_is_one_line(data: Path, arguments: list[str], complaint: str) -> None:
    done = run(str(data), str(data.parent / "none"), *arguments)
    assert isinstance(done.exception, UsageError)
    assert str(done.exception).startswith(complaint)
    assert "\n" not in str(done.exception)


def test_a_folder_that_is_no_data_set_says_what_was_expected(tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    done = run(str(tmp_path / "holiday"), str(tmp_path / "out"))
    assert isinstance(done.exception, UsageError)
    assert "Squat/Labeled_Dataset" in str(done.exception)
