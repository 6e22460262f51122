"""`bench fleet` counts every repetition, whatever the worker does; its timings are not looked at here."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from streamaqa.bench import fleet, fleet_plot
from streamaqa.bench.fleet_windows import phases
from streamaqa.cli_bench import fleet as command
from streamaqa.errors import UsageError


@pytest.fixture(scope="module")
def crowded() -> fleet.FleetResult:
    """Three lifters before a worker that has room for less than one."""
    return fleet.measure([1, 3], seconds=4.0, service_time_s=1.2, frames=[2], deadline_s=2.0)


def test_every_repetition_gets_a_message_also_past_capacity(crowded: fleet.FleetResult) -> None:
    assert [row.streams for row in crowded.rows] == [1, 3]
    assert all(row.reps >= row.streams for row in crowded.rows)
    assert all(row.unanswered == 0 for row in crowded.rows)
    assert crowded.rows[1].degraded > 0
    assert crowded.rows[1].refused > 0


def test_shares_are_shares_and_json_holds_all(crowded: fleet.FleetResult) -> None:
    for row in crowded.rows:
        assert 0 <= row.degraded <= 1
        assert 0 <= row.refused <= 1
        assert row.in_time_windows_per_second <= 2 * row.reps
        assert row.p50_s <= row.p95_s <= row.p99_s
    told = json.loads(json.dumps(dataclasses.asdict(crowded)))
    assert told["capacity"] == {"2": pytest.approx(1 / 1.2)}


def test_the_table_and_the_picture_can_be_drawn(crowded: fleet.FleetResult, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots need matplotlib")
    assert fleet.table(crowded).row_count == 2
    fleet_plot.plot(crowded, tmp_path / "fleet.png")
    assert (tmp_path / "fleet.png").read_bytes().startswith(b"\x89PNG")


def test_the_most_streams_are_those_in_time_and_hardly_degraded() -> None:
    row = fleet.FleetRow(
        32, 4, 40, 0, 0.5, 1.0, 1.2, 1.0, 0.0, 0.0, 0.0, 2.6, 2.6, 0.4, 1.0, 160.0, 20.0, 5.0, 0.4
    )
    rows = (
        row,
        dataclasses.replace(row, streams=8, p95_s=2.9, degraded=0.009),
        dataclasses.replace(row, streams=16, p95_s=2.9, degraded=0.02),
        dataclasses.replace(row, streams=32, p95_s=3.1),
        dataclasses.replace(row, streams=64, frames=8),
    )
    result = fleet.FleetResult("a model", "none", 30.0, 3.0, {32: 6.4, 8: 26.5}, rows)
    assert result.most_streams(32) == 8
    assert result.most_streams(16) == 0


def test_windows_hold_the_frames_asked_for_and_touch() -> None:
    first, second = phases(5, 0.5)
    assert (len(first.frames), len(second.frames)) == (5, 5)
    assert first.times[0] == 0.0
    assert first.times[0] + first.duration == pytest.approx(second.times[0])


def test_the_computed_capacity_is_vision_and_prefill_at_the_measured_rate() -> None:
    pytest.importorskip("torch", reason="needs torch: pip install -e '.[worker]'")
    from streamaqa.bench.fleet_capacity import capacities

    found, device = capacities("7b", [32, 16, 8])
    assert device
    assert found[8] > 2 * found[16] * 0.9 > 3 * found[32], "short windows cost less in proportion"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": "9b"}, "no size '9b'"),
        ({"size": "tiny", "weights": "mine"}, "only random weights"),
        ({"size": "tiny", "service_time": 1.0}, "or a sleep"),
        ({}, "or a sleep"),
        ({"service_time": 1.0, "streams": "1,x"}, "--streams 1,x"),
        ({"service_time": 1.0, "frames": "64"}, "--frames 64"),
    ],
)
def test_what_cannot_be_measured_is_said(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        command(**options)
    assert said in str(caught.value)
