"""The picture of `bench fleet --plot`: latency and throughput over streams."""

from __future__ import annotations

from pathlib import Path

from streamaqa.bench.fleet import FleetResult


def plot(result: FleetResult, path: Path) -> None:
    """Latency and throughput over streams, a line for each number of frames."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    waits, rates = figure.subplots(1, 2)
    for colour, count in zip(
        ("tab:blue", "tab:orange", "tab:green", "tab:red"), result.capacity, strict=False
    ):
        rows = sorted((row for row in result.rows if row.frames == count), key=lambda row: row.streams)
        streams = [row.streams for row in rows]
        waits.plot(streams, [row.p95_s for row in rows], "o-", color=colour, label=f"{count} frames, p95")
        waits.plot(streams, [row.p50_s for row in rows], "o:", color=colour, label="p50")
        rates.plot(
            streams, [row.in_time_windows_per_second for row in rows], "o-", color=colour,
            label=f"{count} frames, in time",
        )  # fmt: skip
        rates.plot(streams, [row.windows_per_second for row in rows], "o:", color=colour, label="all")
        if result.capacity[count] != float("inf"):
            rates.axhline(
                result.capacity[count], color=colour, linewidth=0.8, linestyle="--", label="capacity"
            )
    waits.axhline(result.deadline_s, color="black", linewidth=0.8, linestyle="--", label="deadline")
    waits.set(xlabel="streams", ylabel="end of repetition to feedback, s", ylim=(0, None))
    rates.set(xlabel="streams", ylabel="windows a second", ylim=(0, None))
    for axes in (waits, rates):
        axes.legend(fontsize=8)
        axes.grid(alpha=0.3)
    figure.suptitle(f"{result.what}, device {result.device}")
    figure.savefig(path, dpi=120)
