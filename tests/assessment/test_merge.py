"""Windows of one repetition merge into one answer, in stream time, calibrated once."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamaqa.assessment.merge import ErrorSet as Set
from streamaqa.assessment.merge import (
    Interval,
    Logistic,
    MergedError,
    MergeSettings,
    Placed,
    ProbabilityCalibration,
    WindowReading,
    certain,
    fuse,
    join,
    merge,
    pool,
)
from streamaqa.dialogue import Answer, ErrorSpan
from streamaqa.errors import WeightsError, WindowError
from streamaqa.exercises import EXERCISES, OVERHEAD_PRESS, SQUAT, Exercise

PAIR = (SQUAT, OVERHEAD_PRESS)


def reading(shallow: float, interval: tuple[float, float] | None = None, squat: float = 0.9) -> WindowReading:
    """One window's view of a squat that may be shallow."""
    sets = {
        "squat": (Set((), math.log(1 - shallow)), Set(("shallow",), math.log(shallow))),
        "overhead_press": (Set((), 0.0),),
    }
    spans = {"shallow": Interval(*interval, -0.1)} if interval else {}
    exercises = {"squat": math.log(squat), "overhead_press": math.log(1 - squat)}
    return WindowReading(exercises, sets, {"squat": spans}, 0.0, 0.0, 5)


def shallow(windows: list[Placed], **given: Any) -> MergedError:
    merged = merge(windows, PAIR, **given)
    assert merged.exercise == "squat"
    return next(error for error in merged.errors if error.name == "shallow")


def test_an_errors_probability_is_the_sum_over_the_sets_that_name_it() -> None:
    sets = (
        Set((), math.log(0.5)),
        Set(("shallow",), math.log(0.3)),
        Set(("knees_forward", "shallow"), math.log(0.2)),
    )
    found = WindowReading({"squat": 0.0}, {"squat": sets}, {}, 0.0, 0.0, 2).errors("squat")
    assert found == pytest.approx({"shallow": 0.5, "knees_forward": 0.2})


def test_times_move_from_window_to_stream_and_stay_within_the_window() -> None:
    error = shallow([Placed(reading(0.8, (0.5, 1.33)), 100.0, 1.327)])
    assert list(error.intervals) == [pytest.approx((100.5, 101.327))]
    assert error.best == error.intervals[0]
    assert error.probability == pytest.approx(0.8)


def test_touching_intervals_of_neighbouring_windows_are_one_and_others_stay_apart() -> None:
    windows = [
        Placed(reading(0.9, (0.6, 1.0)), 10.0, 1.0),
        Placed(reading(0.8, (0.0, 0.4)), 11.0, 1.0),
        Placed(reading(0.7, (0.5, 0.6)), 12.0, 1.0),
        Placed(reading(0.2, (0.0, 1.0)), 13.0, 1.0),
    ]
    error = shallow(windows)
    assert list(error.intervals) == [pytest.approx((10.6, 11.4)), pytest.approx((12.5, 12.6))]
    assert error.best == pytest.approx((10.6, 11.4))


def test_an_error_that_no_window_would_time_covers_the_repetition() -> None:
    error = shallow([Placed(reading(0.05), 10.0, 1.0), Placed(reading(0.04), 11.0, 1.5)])
    assert error.intervals == ()
    assert error.best == (10.0, 12.5)


def test_log_odds_are_averaged_and_the_maximum_is_the_alternative() -> None:
    windows = [Placed(reading(p), 0.0, 1.0) for p in (0.9, 0.5)]
    assert shallow(windows).probability == pytest.approx(0.75)  # odds 9 and 1: their mean is 3
    assert shallow(windows, settings=MergeSettings(pooling="max")).probability == pytest.approx(0.9)


def test_exercises_are_summed_and_the_prior_counts_once() -> None:
    windows = [Placed(reading(0.5, squat=0.4), 0.0, 1.0)] * 2
    assert merge(windows, PAIR).exercise == "overhead_press"
    prior = {"squat": math.log(0.9), "overhead_press": math.log(0.1)}
    merged = merge(windows, PAIR, prior=prior)
    assert merged.exercises["squat"] == pytest.approx(0.16 * 0.9 / (0.16 * 0.9 + 0.36 * 0.1))


def test_an_exercise_that_the_prior_does_not_know_is_as_unlikely_as_its_least() -> None:
    fused = fuse(
        {"squat": math.log(0.5), "barbell_row": math.log(0.5)}, {"squat": 0.0, "overhead_press": -3.0}
    )
    assert fused["squat"] - fused["barbell_row"] == pytest.approx(3.0)


def test_calibration_comes_after_merging_and_by_default_changes_nothing(tmp_path: Path) -> None:
    windows = [Placed(reading(p), 0.0, 1.0) for p in (0.9, 0.5)]
    fitted = ProbabilityCalibration(
        fitted_on="a test", errors={"squat.shallow": Logistic(slope=2.0, offset=-1.0)}
    )
    fitted.save(tmp_path)
    loaded = ProbabilityCalibration.load(tmp_path)
    assert loaded == fitted
    wanted = 1 / (1 + math.exp(-(2 * math.log(3) - 1)))
    assert shallow(windows, calibration=loaded).probability == pytest.approx(wanted)
    (tmp_path / "calibration.json").unlink()
    assert ProbabilityCalibration.load(tmp_path)("squat", "shallow", 0.3) == 0.3
    (tmp_path / "calibration.json").write_text("{}]")
    with pytest.raises(WeightsError, match="no calibration"):
        ProbabilityCalibration.load(tmp_path)


def test_no_window_at_all_is_an_error() -> None:
    with pytest.raises(WindowError, match="no window"):
        merge([], PAIR)


@given(st.sampled_from(EXERCISES), st.integers(0, 2), st.booleans())
def test_what_was_said_as_text_comes_back_as_the_same_answer(
    exercise: Exercise, count: int, timed: bool
) -> None:
    names = [error.name for error in exercise.errors][:count]
    answer = Answer(exercise.name, tuple(ErrorSpan(n, 0.1, 0.5) if timed else ErrorSpan(n) for n in names))
    assert certain(answer, EXERCISES).answer() == answer


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_a_pooled_probability_lies_among_its_windows(probabilities: list[float]) -> None:
    for pooling in ("log_odds", "max"):
        assert min(probabilities) - 2e-6 <= pool(probabilities, pooling) <= max(probabilities) + 2e-6


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 5)), max_size=8), st.floats(0, 1))
def test_joined_spans_cover_the_same_and_lie_apart(pairs: list[tuple[float, float]], gap: float) -> None:
    spans = [(start, start + long) for start, long in pairs]
    joined = join(spans, gap)
    assert all(later[0] - earlier[1] > gap for earlier, later in pairwise(joined))
    assert all(any(a <= start and end <= b for a, b in joined) for start, end in spans)
