"""How many lifters one worker serves: real clients and the real service over loopback, in two processes.

Each stream is a lifter who does a repetition about every three seconds, as two windows: the first phase is
sent at the turn, the rest at the end, by the client that a camera uses, and judged by its deadline as there.
Behind the service runs a model of random weights, or sleep and small pictures, so that the service and not
the processor is measured. Weights do not change how long a matrix product takes; random ones make the
read-out search far.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import httpx2
from pydantic import SecretStr
from rich import box
from rich.table import Table

from streamaqa.assessment.remote import LlavaAssessor, RemoteSettings
from streamaqa.bench.fleet_streams import PHASE_S, Tally, stream
from streamaqa.bench.fleet_windows import SIZE, SMALL, phases
from streamaqa.errors import UsageError
from streamaqa.windows import MAX_FRAMES, Window

Size: TypeAlias = Literal["tiny", "0.5b", "7b"]
Told: TypeAlias = Callable[[str], None]

LOAD_S = 900.0
"""For the worker to build its model: 7B of random numbers on a CPU take minutes."""
DEGRADED_MOST = 0.01
"""Share of repetitions up to which a number of streams counts as served, with p95 under the deadline."""


@dataclass(frozen=True, slots=True)
class FleetRow:
    """So many streams with windows of so many frames."""

    frames: int
    streams: int
    reps: int
    unanswered: int
    """Repetitions without a message: there must be none."""
    p50_s: float
    """End of repetition to its feedback, degraded ones included."""
    p95_s: float
    p99_s: float
    answered_p95_s: float
    """Of those that the model judged in time."""
    degraded: float
    """Share of repetitions that the model did not judge by the deadline."""
    updated: float
    """Share whose model answer came after all."""
    refused: float
    """Share of requests that the worker refused."""
    windows_per_second: float
    """Read by the model."""
    in_time_windows_per_second: float
    """Of repetitions that were judged in time."""
    busy: float
    """Share of the time in which the model ran."""
    batch: float
    """Windows in the model at once, mean."""
    model_ms: float
    """Of an answered request, mean."""
    decode_ms: float
    """JPEG to pixels as the model takes them, mean; other requests are in the model meanwhile."""
    own_ms: float
    """The rest of its time in the worker, mean: receiving, waiting, merging."""
    of_capacity: float
    """Windows read over what the device could read at its measured rate; for sleep, 1 / service time."""


@dataclass(frozen=True, slots=True)
class FleetResult:
    """One worker on one machine."""

    what: str
    device: str
    seconds: float
    deadline_s: float
    capacity: dict[int, float]
    """Windows a second by frames: counted operations over the measured rate of a matrix product."""
    rows: tuple[FleetRow, ...]

    def most_streams(self, frames: int) -> int:
        """The most streams with p95 within the deadline and under 1 % degraded; 0 if there is no such."""
        fine = [
            row.streams
            for row in self.rows
            if row.frames == frames and row.p95_s < self.deadline_s and row.degraded < DEGRADED_MOST
        ]
        return max(fine, default=0)


def measure(
    streams: Sequence[int],
    *,
    seconds: float = 30.0,
    size: Size | None = None,
    service_time_s: float | None = None,
    frames: Sequence[int] = (32,),
    deadline_s: float = 3.0,
    batch: int = 8,
    tell: Told | None = None,
) -> FleetResult:
    """Run each number of streams with each number of frames for so long. UsageError if no worker comes up."""
    if (size is None) == (service_time_s is None):
        raise UsageError("name a model with --size, or a sleep with --service-time")
    tell = tell or _silent
    if wrong := [count for count in frames if not 1 <= count <= MAX_FRAMES]:
        raise UsageError(f"--frames {wrong[0]}: a window has 1 to {MAX_FRAMES}")
    if size is not None:
        from streamaqa.bench.fleet_capacity import capacities

        capacity, device = capacities(size, frames)
        what, arguments = f"LLaVA-Video {size}, random weights", ["--weights", f"random:{size}"]
    else:
        assert service_time_s is not None, "checked above"
        capacity = dict.fromkeys(frames, 1 / service_time_s if service_time_s else float("inf"))
        device, what = "none", f"sleep of {service_time_s:g} s a window"
        arguments = ["--service-time", str(service_time_s)]
    arguments += ["--batch", str(batch)]
    pictures = SIZE if size is not None else SMALL
    rows = asyncio.run(_measure(arguments, streams, seconds, frames, deadline_s, capacity, pictures, tell))
    return FleetResult(what, device, seconds, deadline_s, capacity, rows)


def _silent(line: str) -> None:
    """Where nobody watches."""


async def _measure(
    arguments: Sequence[str],
    streams: Sequence[int],
    seconds: float,
    frames: Sequence[int],
    deadline_s: float,
    capacity: dict[int, float],
    pictures: tuple[int, int],
    tell: Told,
) -> tuple[FleetRow, ...]:
    token = secrets.token_urlsafe(32)
    rows: list[FleetRow] = []
    tell("the worker starts")
    async with _started(arguments, token) as url:
        settings = RemoteSettings(
            url=url, token=SecretStr(token), deadline_s=deadline_s, stale_s=max(10.0, deadline_s)
        )
        meeting = LlavaAssessor(settings)
        try:
            await meeting.meet(LOAD_S)
        finally:
            await meeting.close()
        for count in frames:
            windows = await asyncio.to_thread(phases, count, PHASE_S, pictures)
            for number in streams:
                tell(f"{number} streams, {count} frames, {seconds:g} s")
                rows.append(await _row(settings, windows, number, count, seconds, capacity[count]))
    return tuple(rows)


@contextlib.asynccontextmanager
async def _started(arguments: Sequence[str], token: str) -> AsyncIterator[str]:
    """A worker in a process of its own; its address."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "streamaqa", "worker", "--port", "0", "--until-stdin-closes"),
        *("--unit", "phase", "--frames", str(MAX_FRAMES), *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"STREAMAQA_WORKER__TOKEN": token},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        url = (await process.stdout.readline()).decode().strip()
        if not url:
            raise UsageError(f"the worker ended with code {await process.wait()} before it listened")
        yield url
    finally:
        process.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10):
                await process.wait()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


# --- the streams ---------------------------------------------------------------------------------------


async def _row(
    settings: RemoteSettings,
    windows: Sequence[Window],
    streams: int,
    frames: int,
    seconds: float,
    capacity: float,
) -> FleetRow:
    assert settings.url is not None, "a worker was started"
    tally = Tally()
    assessors = [LlavaAssessor(settings) for _ in range(streams)]
    async with httpx2.AsyncClient(base_url=settings.url) as http:
        before = await _counters(http)
        start = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for number, assessor in enumerate(assessors):
                tasks.create_task(stream(number, assessor, settings, windows, seconds, tally))
        spent = time.monotonic() - start
        after = await _counters(http)
    counts = [assessor.counts for assessor in assessors]
    grown = {name: after[name] - before[name] for name in after}
    read = grown["windows"]
    waits = sorted(wait for wait, _ in tally.first.values()) or [float("nan")]
    in_time = sorted(wait for wait, degraded in tally.first.values() if not degraded)
    reps = len(tally.ended)
    asked = sum(count["worker_asked"] for count in counts)
    return FleetRow(
        frames=frames,
        streams=streams,
        reps=reps,
        unanswered=reps - len(tally.first),
        p50_s=statistics.median(waits),
        p95_s=_quantile(waits, 0.95),
        p99_s=_quantile(waits, 0.99),
        answered_p95_s=_quantile(in_time, 0.95) if in_time else float("nan"),
        degraded=1 - len(in_time) / max(reps, 1),
        updated=tally.updates / max(reps, 1),
        refused=sum(count["worker_refused"] for count in counts) / max(asked, 1),
        windows_per_second=read / spent,
        in_time_windows_per_second=len(windows) * len(in_time) / spent,
        busy=grown["busy"] / spent,
        batch=read / max(grown["batches"], 1.0),
        model_ms=1000 * grown["model"] / max(grown["answered"], 1.0),
        decode_ms=1000 * grown["decode"] / max(grown["answered"], 1.0),
        own_ms=1000 * (grown["total"] - grown["model"] - grown["decode"]) / max(grown["answered"], 1.0),
        of_capacity=read / spent / capacity,
    )


async def _counters(http: httpx2.AsyncClient) -> dict[str, float]:
    """What the worker has counted."""
    text = (await http.get("/metrics")).text
    wanted = {
        "windows": r'^streamaqa_worker_windows_total\{outcome="read"\} (\S+)',
        "busy": r"^streamaqa_worker_model_busy_seconds_total\{.*\} (\S+)",
        "batches": r"^streamaqa_worker_batch_size_count (\S+)",
        "model": r'^streamaqa_worker_stage_seconds_sum\{stage="model"\} (\S+)',
        "decode": r'^streamaqa_worker_stage_seconds_sum\{stage="decode"\} (\S+)',
        "total": r'^streamaqa_worker_stage_seconds_sum\{stage="total"\} (\S+)',
        "answered": r'^streamaqa_worker_stage_seconds_count\{stage="total"\} (\S+)',
    }
    return {
        name: sum(float(value) for value in re.findall(pattern, text, re.MULTILINE))
        for name, pattern in wanted.items()
    }


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def table(result: FleetResult) -> Table:
    """For the terminal."""
    fit = ", ".join(
        f"{count} frames: {result.most_streams(count)} streams" for count in dict.fromkeys(result.capacity)
    )
    out = Table(
        title=f"{result.what}, device {result.device}, {result.seconds:g} s each",
        caption=f"seconds from a repetition's end to its feedback, deadline {result.deadline_s:g} s\n"
        f"p95 within it and under 1 % degraded: {fit}",
        box=box.SIMPLE_HEAD,
        padding=(0, 0, 0, 1),
        pad_edge=False,
        show_edge=False,
    )
    for heading in (
        "frames\nstreams", "p50  p95  p99\ns", "de-\ngraded", "re-\nfused", "windows/s\nin time all",
        "model dec. own\nms", "of ca-\npacity", "no\nmsg",
    ):  # fmt: skip
        out.add_column(heading, justify="right", no_wrap=True)
    for row in result.rows:
        out.add_row(
            f"{row.frames} {row.streams:4}", f"{row.p50_s:.2f} {row.p95_s:.2f} {row.p99_s:.2f}",
            f"{row.degraded:.0%}", f"{row.refused:.0%}",
            f"{row.in_time_windows_per_second:.2f} {row.windows_per_second:5.2f}",
            f"{row.model_ms:.0f} {row.decode_ms:4.0f} {row.own_ms:4.0f}", f"{row.of_capacity:.0%}",
            str(row.unanswered),
        )  # fmt: skip
    return out
