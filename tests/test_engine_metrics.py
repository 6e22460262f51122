"""What Prometheus would collect of an engine: read with Prometheus' own parser."""

from __future__ import annotations

import urllib.request
from collections.abc import Mapping
from typing import Any

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from streamaqa.assessment.remote import RemoteSettings
from streamaqa.config import MetricsSettings
from streamaqa.errors import UsageError
from streamaqa.metrics import STAGES, EngineMetrics, served
from streamaqa.running import count
from streamaqa.supervisor import Report
from streamaqa.worker_child import WorkerChild

Sample = tuple[str, tuple[tuple[str, str], ...]]


def read(text: str) -> dict[Sample, float]:
    """Every sample by name and labels; the parser refuses what is no exposition format."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def collected(metrics: EngineMetrics) -> dict[Sample, float]:
    return read(generate_latest(metrics.registry).decode())


def sample(name: str, **labels: str) -> Sample:
    return name, tuple(sorted(labels.items()))


def feedback(
    kind: str = "feedback", *, degraded: bool = False, assess: float | None = 500.0
) -> dict[str, Any]:
    latency = {"segment": 300.0, "queue": 1.0, "assess": assess, "publish": 0.2, "total": 801.2}
    return {"kind": kind, "degraded": degraded, "latency_ms": latency}


def alive(**counts: int) -> Mapping[str, Any]:
    return {"at": 12.0, "waiting": 2, "judging": 1, "counts": counts}


def test_feedback_is_counted_by_camera_and_stage() -> None:
    metrics = EngineMetrics()
    for said in (feedback(), feedback(degraded=True), feedback("update"), feedback(assess=None)):
        metrics.message("rack", "streamaqa/home/rack/feedback", said)
    metrics.message("rack", "streamaqa/home/rack/rep", {"exercise": {"name": "squat"}})
    metrics.message("rack", "streamaqa/home/rack/cue", "Knees out")
    seen = collected(metrics)
    assert seen[sample("streamaqa_feedback_total", camera="rack")] == 3
    assert seen[sample("streamaqa_feedback_degraded_total", camera="rack")] == 1
    assert seen[sample("streamaqa_feedback_updates_total", camera="rack")] == 1
    assert seen[sample("streamaqa_reps_total", camera="rack", exercise="squat")] == 1
    name = "streamaqa_feedback_latency_seconds"
    stages = {stage: seen[sample(f"{name}_count", camera="rack", stage=stage)] for stage in STAGES}
    assert stages == {"segment": 3, "queue": 3, "assess": 2, "publish": 3, "total": 3}
    assert seen[sample(f"{name}_sum", camera="rack", stage="total")] == pytest.approx(3 * 0.8012)
    assert seen[sample(f"{name}_bucket", camera="rack", stage="total", le="0.75")] == 0
    assert seen[sample(f"{name}_bucket", camera="rack", stage="total", le="1.0")] == 3


def test_what_waits_and_how_late_the_camera_is_are_gauges() -> None:
    metrics = EngineMetrics()
    metrics.alive("rack", alive(frames=10))
    metrics.message("rack", "streamaqa/home/rack/state", {"lag_ms": 120.0, "fps": 29.5})
    seen = collected(metrics)
    assert seen[sample("streamaqa_queue_depth", camera="rack", queue="frames")] == 2
    assert seen[sample("streamaqa_queue_depth", camera="rack", queue="reps")] == 1
    assert seen[sample("streamaqa_camera_lag_seconds", camera="rack")] == pytest.approx(0.12)
    assert seen[sample("streamaqa_camera_frames_per_second", camera="rack")] == 29.5


def test_a_counter_never_falls_when_a_camera_process_dies() -> None:
    metrics = EngineMetrics()
    metrics.alive("rack", alive(frames=100, dropped=3, reps=7))
    metrics.alive("bench", alive(frames=5))
    metrics.died("rack")
    assert collected(metrics)[sample("streamaqa_frames_total", camera="rack")] == 100
    metrics.alive("rack", alive(frames=10, worker_asked=4))
    seen = collected(metrics)
    assert seen[sample("streamaqa_frames_total", camera="rack")] == 110
    assert seen[sample("streamaqa_frames_total", camera="bench")] == 5
    assert seen[sample("streamaqa_frames_dropped_total", camera="rack")] == 3
    assert seen[sample("streamaqa_worker_requests_total", camera="rack")] == 4
    assert seen[sample("streamaqa_camera_restarts_total", camera="rack")] == 1
    assert sample("streamaqa_reps_total", camera="rack") not in seen


def test_the_workers_restarts_are_told() -> None:
    child = WorkerChild(RemoteSettings(), None, lambda text: None)
    child.restarts, child.up = 2, True
    seen = collected(EngineMetrics(child))
    assert seen[sample("streamaqa_worker_restarts_total")] == 2
    assert seen[sample("streamaqa_worker_up")] == 1
    child._reserved.close()


def test_reports_of_the_supervisor_are_counted() -> None:
    metrics = EngineMetrics()
    message = {"topic": "streamaqa/home/rack/feedback", "payload": feedback()}
    for report in (
        Report("rack", "running", {"source": "x", "fps": 30.0}),
        Report("rack", "message", message),
        Report("rack", "died", "exit code -9"),
    ):
        count(report, metrics)
    seen = collected(metrics)
    assert seen[sample("streamaqa_feedback_total", camera="rack")] == 1
    assert seen[sample("streamaqa_camera_restarts_total", camera="rack")] == 1


def test_it_is_served_on_this_machine_where_a_port_is_given() -> None:
    metrics, notes = EngineMetrics(), list[str]()
    metrics.message("rack", "streamaqa/home/rack/feedback", feedback())
    with served(metrics, MetricsSettings(port=0), notes.append):
        address = notes[0].removeprefix("metrics on ")
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain")
            seen = read(answer.read().decode())
        port = int(address.split(":")[2].removesuffix("/metrics"))
        with (
            pytest.raises(UsageError, match=r"cannot serve metrics on 127\.0\.0\.1"),
            served(EngineMetrics(), MetricsSettings(port=port), notes.append),
        ):
            pass
    assert seen[sample("streamaqa_feedback_total", camera="rack")] == 1
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(address)


def test_nothing_is_served_unless_asked_for() -> None:
    notes: list[str] = []
    with served(EngineMetrics(), MetricsSettings(), notes.append):
        assert notes == []
