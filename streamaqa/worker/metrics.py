"""What the worker counts, in Prometheus' conventions and a registry of its own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from streamaqa.assessment.wire import Timings

_STAGE_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BATCHES = (1, 2, 3, 4, 6, 8, 12, 16, 32, 64)


class Metrics:
    """Counters, gauges and histograms of one worker."""

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own = self.registry
        self.requests = Counter(
            "streamaqa_worker_answers_total",
            "Requests that have ended, by outcome: answered, gone with their client, or why refused.",
            ["outcome"],
            registry=own,
        )
        self.windows = Counter(
            "streamaqa_worker_windows_total",
            "Windows read by the model, failed there, expired in the line, or gone with their client.",
            ["outcome"],
            registry=own,
        )
        self.late = Counter(
            "streamaqa_worker_late_answers_total",
            "Answers that were let in and given after their deadline.",
            registry=own,
        )
        self.queue = Gauge(
            "streamaqa_queue_depth", "Windows that wait, decoded or not.", ["queue"], registry=own
        )
        self.held = Gauge("streamaqa_worker_held_bytes", "Bodies that come in or wait.", registry=own)
        self.batch = Histogram(
            "streamaqa_worker_batch_size",
            "Windows of each call of the model.",
            buckets=_BATCHES,
            registry=own,
        )
        self.busy = Counter(
            "streamaqa_worker_model_busy_seconds_total",
            "Time in which a model ran; its rate is the share of capacity used.",
            ["device"],
            registry=own,
        )
        self.stages = Histogram(
            "streamaqa_worker_stage_seconds",
            "Where answered requests spent their time.",
            ["stage"],
            buckets=_STAGE_S,
            registry=own,
        )
        self.memory = Counter(
            "streamaqa_worker_out_of_memory_total",
            "Batches that did not fit into the device's memory.",
            registry=own,
        )
        self.ready = Gauge("streamaqa_worker_ready", "1 when requests are taken.", registry=own)
        self.ready.set(0)

    def answered(self, timings: Timings, *, late: bool) -> None:
        """A request was answered."""
        self.requests.labels("answered").inc()
        if late:
            self.late.inc()
        for stage, milliseconds in timings.model_dump().items():
            self.stages.labels(stage).observe(milliseconds / 1000)

    def text(self) -> bytes:
        """What `/metrics` says."""
        return generate_latest(self.registry)
