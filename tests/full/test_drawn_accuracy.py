"""Figures on drawn lifters through the real pose model, beside what is wanted of them.

An hour the first time; poses are kept in the user's cache. Seeds are those that nothing was set by.
"""

from __future__ import annotations

import pytest

from streamaqa.bench import faults
from streamaqa.bench.estimated import EstimatedTracks
from streamaqa.bench.segment_rendered import measure_rendered

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def tracks(pose_model: object) -> EstimatedTracks:
    return EstimatedTracks()


def test_repetitions_of_a_body_that_nothing_was_set_by(tracks: EstimatedTracks) -> None:
    result = measure_rendered(tracks=tracks, seed=1, bodies=1)
    assert result.right_share >= 0.99
    assert result.right_share_behind >= 0.95
    assert result.extra == 0
    assert result.false_in_negatives <= 1
    assert result.boundary_p95 <= 2 / 30
    assert result.delay_p95 <= 0.35


def test_faults_of_bodies_that_nothing_was_set_by(tracks: EstimatedTracks) -> None:
    result = faults.measure(tracks=tracks)
    assert result.matched >= 0.98 * result.reps
    assert result.clean_named <= 0.02
    for error in result.errors:
        if error.drawn:
            assert error.f1 >= 0.90, error
            assert error.iou >= 0.6, error
        if error.hidden:
            assert error.abstained >= 0.95, error
