"""The numbers of the kinematic rules, apart from the rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from reps import FAULTS, drawn

from streamaqa.assessment import Calibration, KinematicAssessor, KinematicSettings, Threshold
from streamaqa.assessment.calibration import RULES
from streamaqa.errors import ConfigError
from streamaqa.exercises import EXERCISES

KEY = "squat.knees_inward.knees_inside_feet"


def test_a_saved_calibration_is_loaded_as_it_was(tmp_path: Path) -> None:
    calibration = Calibration.of(EXERCISES).model_copy(update={"version": "7", "fitted_on": "these reps"})
    calibration.save(tmp_path / "fit.json")
    assert Calibration.load(tmp_path / "fit.json", EXERCISES) == calibration


def test_fitted_numbers_replace_the_vocabularys_and_the_rest_stay(tmp_path: Path) -> None:
    strict = Threshold(threshold=60.0, softness=1.0, hold=0.3)
    Calibration(version="2", fitted_on="these reps", signs={KEY: strict}).save(tmp_path / "fit.json")
    exercise, view, fault = FAULTS["knees_inward"]
    _, seen = drawn(exercise, view, [fault])
    given, fitted = (
        KinematicAssessor(),
        KinematicAssessor(KinematicSettings(calibration=tmp_path / "fit.json")),
    )
    probability = {a: {f.name: f.probability for f in a.judge(seen).findings} for a in (given, fitted)}
    assert probability[given]["knees_inward"] > 0.5 > probability[fitted]["knees_inward"]
    assert probability[given]["shallow"] == probability[fitted]["shallow"]
    assert fitted.info.calibrated
    assert fitted.info.version.endswith("2")


def test_a_saved_calibration_says_by_which_rules_it_was_fitted(tmp_path: Path) -> None:
    Calibration.of(EXERCISES).save(tmp_path / "fit.json")
    assert json.loads((tmp_path / "fit.json").read_text())["rules"] == RULES
    assert KinematicAssessor().info.version == f"{RULES}.1"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "JSON"),
        ('{"signs": {"squat.knees_inward.nose": {"threshold": 1, "softness": 1, "hold": 0.5}}}', "nose"),
        (f'{{"signs": {{"{KEY}": {{"threshold": 1, "softness": 0, "hold": 0.5}}}}}}', "softness"),
        (f'{{"signs": {{"{KEY}": {{"threshold": NaN, "softness": 1, "hold": 0.5}}}}}}', "threshold"),
        (f'{{"signs": {{"{KEY}": {{"threshold": 1, "softness": Infinity, "hold": 0.5}}}}}}', "softness"),
        ('{"sings": {}}', "signs"),
        ('{"rules": "4", "signs": {}}', "fitted on version 4"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_key(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "fit.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=complaint) as caught:
        KinematicAssessor(KinematicSettings(calibration=path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        Calibration.load(tmp_path / "none.json", EXERCISES)
