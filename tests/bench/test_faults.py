from __future__ import annotations

import io
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from streamaqa.bench.drawn import SIZE
from streamaqa.bench.estimated import EstimatedTracks, Take
from streamaqa.bench.faults import (
    FPS,
    REPS,
    SEEDS,
    SHOWN,
    THEMES,
    Case,
    ErrorResult,
    draw,
    measure,
    overlap,
    sum_up,
    table,
)
from streamaqa.sources.synthetic import Scene, SetScript, Truth, poses
from streamaqa.types import Pose


def case(
    error: str,
    view: float,
    *,
    drawn: tuple[float, float] | None = None,
    named: tuple[float, float] | None = None,
    clean: bool = False,
    abstained: bool = False,
) -> list[Case]:
    return [Case(error, view, drawn, clean, named, abstained)]


def row(reps: list[list[Case]], error: str) -> ErrorResult:
    return next(row for row in sum_up(len(reps), reps).errors if row.error == error)


def test_an_error_is_scored_only_where_the_view_shows_it() -> None:
    found = case("elbows", 5.0, drawn=(0.0, 1.0), named=(0.0, 1.0))
    elsewhere = [case("elbows", 120.0, drawn=(0.0, 1.0), abstained=True), case("elbows", 30.0, named=(0, 1))]
    scored = row([found, *elsewhere], "elbows")
    assert (scored.reps, scored.drawn, scored.f1) == (1, 1, 1.0)
    assert (scored.hidden, scored.abstained) == (1, 1.0)


def test_what_is_abstained_from_in_a_view_that_shows_it_is_missed() -> None:
    found = case("elbows", 5.0, drawn=(0.0, 1.0), named=(0.0, 1.0))
    scored = row([found, case("elbows", 5.0, drawn=(0.0, 1.0), abstained=True)], "elbows")
    assert (scored.precision, scored.recall, scored.judged) == (1.0, 0.5, 0.5)
    assert scored.f1 == pytest.approx(2 / 3)


def test_only_hits_count_for_the_overlap() -> None:
    hit = case("shallow", 90.0, drawn=(0.0, 2.0), named=(1.0, 3.0))
    scored = row([hit, case("shallow", 90.0, named=(0.0, 1.0))], "shallow")
    assert scored.iou == pytest.approx(1 / 3)
    assert scored.precision == 0.5


def test_a_clean_repetition_counts_once_however_many_faults_are_named_in_it() -> None:
    twice = [
        *case("shallow", 0.0, named=(0, 1), clean=True),
        *case("knees_inward", 0.0, named=(0, 1), clean=True),
    ]
    result = sum_up(4, [twice, case("shallow", 0.0, clean=True), case("shallow", 0.0, drawn=(0, 1))])
    assert (result.reps, result.matched, result.clean, result.clean_named) == (4, 3, 2, 0.5)


@given(st.lists(st.floats(0, 10), min_size=4, max_size=4, unique=True))
def test_overlap_is_symmetric_and_one_only_with_itself(times: list[float]) -> None:
    one, other = (min(times[:2]), max(times[:2])), (min(times[2:]), max(times[2:]))
    assert overlap(one, other) == pytest.approx(overlap(other, one))
    assert 0.0 <= overlap(one, other) < 1.0
    assert overlap(one, one) == pytest.approx(1.0)


def _set(scene: Scene) -> SetScript:
    (only,) = scene.segments
    assert isinstance(only, SetScript)
    return only


def test_a_seed_always_draws_the_same_set_and_another_seed_another() -> None:
    assert draw(1000) == draw(1000)
    assert draw(1000) != draw(1006)


def test_half_of_what_is_drawn_is_clean_and_each_error_comes_up_where_it_shows() -> None:
    sets = [_set(draw(seed)) for seed in SEEDS]
    faults = [[fault.error for fault in rep.faults] for one in sets for rep in one.reps]
    assert 0.4 < sum(not each for each in faults) / len(faults) < 0.6
    for number, (name, theme) in enumerate(THEMES):
        themed = [one for seed, one in zip(SEEDS, sets, strict=True) if seed % len(THEMES) == number]
        views = [abs((one.view + 180.0) % 360.0 - 180.0) for one in themed]
        shown = [any(low <= view <= high for low, high in SHOWN[theme].shown) for view in views]
        assert all(one.exercise == name for one in themed)
        assert np.mean(shown) >= 0.5


class ExactTracks:
    """Exact landmarks in place of the pose model's."""

    def get(self, take: Take) -> list[Pose]:
        return poses(take.scene, take.fps, size=take.size)


def test_drawn_sets_are_judged_and_their_figures_told() -> None:
    seeds = range(1000, 1006)
    result = measure(seeds, tracks=ExactTracks())

    assert result.reps == len(seeds) * REPS
    assert result.matched >= 0.9 * result.reps
    drawn = sum(bool(rep.errors) for seed in seeds for rep in Truth(draw(seed), SIZE).reps)
    assert result.clean >= 0.9 * (result.reps - drawn)
    assert next(row for row in result.errors if row.error == "lumbar").abstained == 1.0
    console = Console(width=120, file=io.StringIO(), record=True)
    for each in table(result):
        console.print(each)
    told = console.export_text()
    assert "torso_angle" in told
    assert f"{result.matched} of {result.reps}" in told
    assert asdict(result)["errors"][0]["error"] == "knees_forward"


@pytest.mark.full
def test_the_pose_model_is_asked_once_and_its_poses_are_kept(pose_model: Path, tmp_path: Path) -> None:
    tracks, take = EstimatedTracks(tmp_path), Take(draw(1000), SIZE, FPS, 1000)
    assert not tracks.kept(take)
    first = tracks.get(take)
    assert tracks.kept(take)
    again = tracks.get(take)
    assert [pose.time for pose in again] == [pose.time for pose in first]
    assert np.array_equal(again[30].image, first[30].image)
    assert np.mean([pose.found for pose in first]) > 0.95
