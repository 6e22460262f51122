"""What Prometheus collects of a running engine, under `/metrics`; see `config.MetricsSettings`.

Camera processes hold no server of their own: what they publish and what they say of themselves passes the
supervisor anyway, and is counted there. Names and units follow Prometheus' conventions.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import CounterMetricFamily, Metric

from streamaqa.config import MetricsSettings
from streamaqa.errors import UsageError
from streamaqa.worker_child import Note, WorkerChild

STAGES = ("segment", "queue", "assess", "publish", "total")
"""Of a message's `latency_ms`."""
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)
"""Seconds. The segmenter takes 0.2 to 0.4 s to be sure, a window on a GPU 0.16 s; 3 s is the deadline."""

FROM_MESSAGES = frozenset({"reps", "degraded", "updates"})
"""Counts that a camera tells as well, but that are counted from what it publishes, with more detail."""
NAMED = {
    "frames": ("frames", "Frames looked at."),
    "dropped": ("frames_dropped", "Frames of live sources lost because the engine was slower."),
    "nobody": ("frames_without_person", "Frames in which nobody was found."),
    "answers_unused": (
        "worker_answers_unused",
        "Requests given up because nobody wanted the answer any more.",
    ),
    "worker_asked": ("worker_requests", "Requests sent to the GPU worker."),
    "worker_retried": ("worker_retries", "Requests sent again after a broken connection."),
    "worker_refused": ("worker_refusals", "Requests that the worker had no time for."),
    "worker_early_sent": ("worker_early_requests", "First phases sent while the second was under way."),
    "worker_early_used": ("worker_early_answers", "Answers to those that were used."),
    "worker_lost": ("worker_losses", "Times that a camera found the worker gone or hung."),
}
"""A camera's count: the metric's name, and what it counts. Others keep their names."""


class EngineMetrics:
    """Counts what a supervisor hears. Knows no clock and no socket."""

    def __init__(self, worker: WorkerChild | None = None) -> None:
        self.registry = CollectorRegistry()
        camera = ["camera"]
        self._latency = Histogram(
            "streamaqa_feedback_latency_seconds",
            "From the end of a repetition to its feedback, by stage; the stages sum to the total.",
            ["camera", "stage"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._reps = self._counter("reps", "Repetitions counted.", ["camera", "exercise"])
        self._feedback = self._counter("feedback", "Repetitions that were judged.", camera)
        self._degraded = self._counter("feedback_degraded", "Judged by a stand-in, or by nobody.", camera)
        self._updates = self._counter("feedback_updates", "Model answers told after the stand-in's.", camera)
        self._deaths = self._counter(
            "camera_restarts", "Camera processes that died and were restarted.", camera
        )
        self._lag = self._gauge("camera_lag_seconds", "How far the engine is behind the camera.", camera)
        self._rate = self._gauge("camera_frames_per_second", "Frames looked at, in stream time.", camera)
        self._queue = self._gauge("queue_depth", "What waits between two stages.", ["camera", "queue"])
        self._counted = _Counted()
        self.registry.register(self._counted)
        if worker is not None:
            self._watch(worker)

    def message(self, camera: str, topic: str, payload: Any) -> None:
        """A message that was published."""
        if not isinstance(payload, Mapping):
            return
        match topic.rpartition("/")[2]:
            case "rep":
                self._reps.labels(camera, payload["exercise"]["name"]).inc()
            case "feedback" if payload["kind"] == "update":
                self._updates.labels(camera).inc()
            case "feedback":
                self._feedback.labels(camera).inc()
                self._degraded.labels(camera).inc(payload["degraded"])
                for stage in STAGES:
                    if (latency := payload["latency_ms"][stage]) is not None:
                        self._latency.labels(camera, stage).observe(latency / 1000)
            case "state":
                self._lag.labels(camera).set((payload["lag_ms"] or 0.0) / 1000)
                self._rate.labels(camera).set(payload["fps"] or 0.0)

    def alive(self, camera: str, said: Mapping[str, Any]) -> None:
        """A camera process's sign of life."""
        self._queue.labels(camera, "frames").set(said["waiting"])
        self._queue.labels(camera, "reps").set(said["judging"])
        self._counted.take(camera, said["counts"])

    def died(self, camera: str) -> None:
        """A camera process died and is started again."""
        self._deaths.labels(camera).inc()
        self._counted.restart(camera)

    def _watch(self, worker: WorkerChild) -> None:
        up = self._gauge("worker_up", "Whether the worker that we started is loaded and answers.", [])
        up.set_function(lambda: float(worker.up))
        self._counted.worker = worker

    def _counter(self, name: str, what: str, labels: list[str]) -> Counter:
        return Counter(f"streamaqa_{name}", what, labels, registry=self.registry)

    def _gauge(self, name: str, what: str, labels: list[str]) -> Gauge:
        return Gauge(f"streamaqa_{name}", what, labels, registry=self.registry)


class _Counted:
    """Counters that camera processes keep, summed over their lives; and the worker's restarts."""

    def __init__(self) -> None:
        self.worker: WorkerChild | None = None
        self._now: dict[str, dict[str, int]] = {}
        self._before: dict[str, dict[str, int]] = {}

    def take(self, camera: str, counts: Mapping[str, int]) -> None:
        self._now[camera] = {name: count for name, count in counts.items() if name not in FROM_MESSAGES}

    def restart(self, camera: str) -> None:
        """What a process counted stays counted; the next one begins at 0."""
        before = self._before.setdefault(camera, {})
        for name, count in self._now.pop(camera, {}).items():
            before[name] = before.get(name, 0) + count

    def describe(self) -> list[Metric]:
        """None ahead of time: which counters there are is known when a camera has told them."""
        return []

    def collect(self) -> Iterator[Metric]:
        now, before = dict(self._now), dict(self._before)  # a scrape runs in another thread
        names = sorted({name for counts in (*now.values(), *before.values()) for name in counts})
        for name in names:
            told, help_text = NAMED.get(name, (name, f"Counter {name} of a camera, as in its stats message."))
            family = CounterMetricFamily(f"streamaqa_{told}", help_text, labels=["camera"])
            for camera in sorted({*now, *before}):
                count = now.get(camera, {}).get(name, 0) + before.get(camera, {}).get(name, 0)
                family.add_metric([camera], count)
            yield family
        if self.worker is not None:
            restarts = self.worker.restarts
            yield CounterMetricFamily(
                "streamaqa_worker_restarts", "Times that our worker was started again.", restarts
            )


@contextlib.contextmanager
def served(metrics: EngineMetrics, settings: MetricsSettings, note: Note) -> Iterator[None]:
    """Serve `/metrics` while the block runs, if a port is configured. UsageError if it cannot be had."""
    if settings.port is None:
        yield
        return
    try:
        server, thread = start_http_server(settings.port, settings.address, metrics.registry)
    except OSError as error:
        where = f"{settings.address}:{settings.port}"
        raise UsageError(f"cannot serve metrics on {where}: {error.strerror or error}") from None
    try:
        note(f"metrics on http://{settings.address}:{server.server_port}/metrics")
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
