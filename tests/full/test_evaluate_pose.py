"""The kinematic assessor evaluated from the videos on: pose model, controls, report, a drawn data set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from finetune.cli import app
from finetune.synthesize import Recipe, synthesize

pytestmark = [pytest.mark.full, pytest.mark.timeout(1200)]


def test_the_kinematic_assessor_is_evaluated_with_its_controls(tmp_path: Path, pose_model: Path) -> None:
    data, out = tmp_path / "drawn", tmp_path / "out"
    synthesize(data, Recipe(videos=45, images=0, size=176, seed=4, split=(1, 1, 1)))
    done = CliRunner().invoke(app, ["evaluate", str(data), str(out), "--only", "squat,ohp"])
    assert done.exit_code == 0, done.output
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["assessor"]["exercise_accuracy"] > 0.7
    erased = metrics["controls"]["person erased"]
    assert erased["exercise_accuracy"] < 0.5 * metrics["assessor"]["exercise_accuracy"]
    assert (out / "report.html").stat().st_size > 200_000
    assert json.loads((out / "kinematic.json").read_text())["fitted_on"].startswith("drawn, validation split")
