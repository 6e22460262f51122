from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from streamaqa.bench.segment import measure, score, table
from streamaqa.types import Phase, Rep, RepEnded, Tempo

SQUAT: dict[str, Any] = {
    "name": "a",
    "exercise": "squat",
    "reps": [
        {"start_s": 1.0, "turn_s": 2.0, "end_s": 3.0, "tol_s": 0.3},
        {"start_s": 4.0, "turn_s": 5.0, "end_s": None, "tol_s": 0.2, "partial": True},
    ],
}


def ended(start: float, turn: float, end: float, exercise: str = "squat") -> RepEnded:
    phases = (Phase("lowering", start, turn), Phase("lifting", turn, end))
    return RepEnded(end + 0.2, Rep(1, 1, 1, exercise, 1.0, phases, Tempo(1.0, 0.0, 1.0), 1.0, 1.0))


def test_an_error_counts_only_beyond_the_annotations_own_doubt() -> None:
    (matched,) = score(SQUAT, [ended(1.25, 2.1, 2.5)]).matched
    assert matched.errors == pytest.approx((0.05, 0.0, 0.3))
    assert matched.delay == pytest.approx(-0.3)


def test_a_cut_repetition_may_be_counted_or_not() -> None:
    whole, cut = ended(1.0, 2.0, 3.0), ended(4.0, 5.0, 6.0)
    assert score(SQUAT, [whole]).exact
    assert score(SQUAT, [whole, cut]).exact
    assert score(SQUAT, [whole, cut, ended(7.0, 8.0, 9.0)]).off_by == 1
    assert score(SQUAT, []).off_by == 1


def test_a_turn_too_far_away_matches_nothing() -> None:
    assert score(SQUAT, [ended(1.0, 2.8, 3.5)]).matched == ()


def test_a_seated_press_is_a_press_and_another_exercise_is_wrong() -> None:
    seated = {**SQUAT, "exercise": "overhead_press_seated"}
    assert score(seated, []).exercise == "overhead_press"
    (matched,) = score(SQUAT, [ended(1.0, 2.0, 3.0, "barbell_row")]).matched
    assert not matched.exercise_right


def test_anything_on_a_negative_is_false() -> None:
    negative = {"name": "n", "exercise": "biceps curl (negative)", "reps": []}
    assert score(negative, [ended(1.0, 2.0, 3.0)]).off_by == 1


@pytest.fixture(scope="module")
def plots(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plots")


def test_measuring_gives_tables_and_a_picture_per_recording(shared: Path, plots: Path) -> None:
    result = measure(
        shared, plots=plots, only=("squat_kaiakol_correct_007", "neg_curl_front"), cost=False, synthetic=False
    )
    assert {path.stem for path in plots.glob("*.png")} == {r.name for r in result.recordings}
    assert asdict(result)["exact"] == 2
    console = Console(width=120, record=True)
    for each in table(result):
        console.print(each)
    assert "squat_kaiakol_correct_007" in console.export_text()
