"""How long a window takes the model: vision, prefill and read-out, beside plain token-by-token generation.

The real architecture with random weights; no weights change how long a matrix product takes, only how far the
answers are searched, which random weights make as far as it goes. Both ways run the same modules on the same
windows in turn in one run, so another program on the machine slows both. Plain generation says as many
tokens as an answer with the errors that the read-out gave an interval for: by transformers' `generate`, and
by our own loop over the lean passes that the read-out takes. Each round's window is another one, a little
longer than the last, so nothing that is worked out for a length of window counts twice.
"""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from rich.table import Table

from streamaqa.bench import llava_ways as ways
from streamaqa.bench.llava_ways import Size
from streamaqa.errors import UsageError

if TYPE_CHECKING:
    from streamaqa.llava.readout import Reader


@dataclass(frozen=True, slots=True)
class Spread:
    """Of some runs, milliseconds."""

    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class LlavaRow:
    """Windows of one number of frames."""

    frames: int
    prompt_tokens: int
    vision_ms: Spread
    prefill_ms: Spread
    readout_ms: Spread
    total_ms: Spread
    passes: int
    """Of the decoder for one window, prefill included; the worst of the runs."""
    plain_ms: Spread
    """The whole window with our own greedy loop."""
    plain_passes: int
    """Tokens said, the median of the runs."""
    generate_ms: Spread
    """The whole window with transformers' `generate`."""
    windows_per_second: float
    """At batch 1."""
    best_windows_per_second: float
    best_batch: int
    tflop: float
    gigabytes: float
    """Read from memory, counted from the configuration."""
    limit_ms: float
    """What the device could do it in at its measured rates."""
    peak_bytes: int
    """Most memory taken: the device's on a GPU, the process's on a CPU."""

    @property
    def speedup(self) -> float:
        """Over transformers' `generate`."""
        return self.generate_ms.p50 / self.total_ms.p50

    @property
    def lean_speedup(self) -> float:
        """Over our own loop."""
        return self.plain_ms.p50 / self.total_ms.p50


@dataclass(frozen=True, slots=True)
class LlavaResult:
    """One model on one device."""

    size: str
    device: str
    dtype: str
    threads: int
    flop_per_second: float
    """Of a large matrix product, measured in this run."""
    bytes_per_second: float
    """Of a large sum, measured in this run."""
    graphs: str
    """Whether passes ran as CUDA graphs, or why not."""
    rows: tuple[LlavaRow, ...]


def measure(
    size: Size = "tiny",
    weights: str = "random",
    frames: Sequence[int] = (8, 16, 32),
    rounds: int = 12,
    batches: Sequence[int] = (2, 4),
) -> LlavaResult:
    """Run each number of frames `rounds` times both ways. UsageError without torch or for other weights."""
    if weights != "random":
        raise UsageError(f"--weights {weights}: only random weights are measured")
    try:
        import torch
    except ImportError as error:
        raise UsageError("bench llava needs torch: pip install 'streamaqa[llava]'") from error
    reader = ways.reader_of(size)
    device = reader.model.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    rates = ways.rates_of(device, reader.model.dtype)
    gc.collect()
    gc.freeze()  # as the worker does after loading: a collection then passes over what the libraries hold
    try:
        rows = tuple(_row(reader, count, rounds, batches, rates) for count in frames)
    finally:
        gc.unfreeze()
    kind = str(reader.model.dtype).removeprefix("torch.")
    graphs = "none without a GPU" if reader.graphs is None else reader.graphs.off or "in use"
    return LlavaResult(size, name, kind, torch.get_num_threads(), *rates, graphs, rows)


def table(result: LlavaResult) -> Table:
    """For the terminal: a column for each number of frames."""
    out = Table(
        title=f"LLaVA-Video {result.size}, random {result.dtype} weights on {result.device} "
        f"({result.flop_per_second / 1e12:.2f} TFLOP/s, {result.bytes_per_second / 1e9:.0f} GB/s)",
        caption=f"milliseconds of one window: median, 95th percentile\n"
        f"threads: {result.threads}; CUDA graphs: {result.graphs}",
    )
    out.add_column("")
    for row in result.rows:
        out.add_column(f"{row.frames} frames", justify="right")
    for heading, cell in _CELLS:
        out.add_row(heading, *map(cell, result.rows))
    return out


def _spread(spread: Spread) -> str:
    return f"{spread.p50:.1f} {spread.p95:.1f}"


_CELLS: tuple[tuple[str, Callable[[LlavaRow], str]], ...] = (
    ("prompt tokens", lambda row: str(row.prompt_tokens)),
    ("vision", lambda row: _spread(row.vision_ms)),
    ("prefill", lambda row: _spread(row.prefill_ms)),
    ("read-out", lambda row: _spread(row.readout_ms)),
    ("total", lambda row: _spread(row.total_ms)),
    ("passes", lambda row: str(row.passes)),
    ("generate, transformers'", lambda row: _spread(row.generate_ms)),
    ("generate, our own loop", lambda row: _spread(row.plain_ms)),
    ("tokens said", lambda row: str(row.plain_passes)),
    ("times as fast as transformers'", lambda row: f"{row.speedup:.2f}"),
    ("times as fast as our own loop", lambda row: f"{row.lean_speedup:.2f}"),
    ("windows a second, one at a time", lambda row: f"{row.windows_per_second:.2f}"),
    ("at the best batch", lambda row: f"{row.best_windows_per_second:.2f} ({row.best_batch})"),
    ("TFLOP", lambda row: f"{row.tflop:.4g}"),
    ("GB read", lambda row: f"{row.gigabytes:.4g}"),
    ("share of the computed limit", lambda row: f"{row.limit_ms / row.total_ms.p50:.1%}"),
    ("peak memory, GB", lambda row: f"{row.peak_bytes / 1e9:.2f}"),
)


def _row(
    reader: Reader, frames: int, rounds: int, batches: Sequence[int], rates: tuple[float, float]
) -> LlavaRow:
    from streamaqa.llava.cost import Costs

    ways.reset_peak(reader)
    library = ways.library_of(reader)
    mine, loop, said, generated = [], [], [], []
    for turn in range(rounds + 1):
        asked = ways.asked_of(reader, frames, turn)
        long = len(reader.tokens.answer(ways.as_told(reader, asked)))
        run = ways.readout(reader, asked)
        plain = ways.timed(reader, partial(ways.plain, reader, asked, long))
        slow = ways.timed(reader, partial(ways.generated, reader, library, asked, long))
        if turn:  # the first warms up
            mine.append(run)
            loop.append(plain)
            generated.append(slow)
            said.append(long)
    asked = ways.asked_of(reader, frames)
    peak = ways.peak_of(reader)
    total = [run.vision + run.prefill + run.readout for run in mine]
    rate = {1: 1 / statistics.median(total)} | {
        count: ways.rate_of(reader, frames, count) for count in batches
    }
    best = max(rate, key=lambda count: rate[count])
    tokens = len(reader.prompt(asked)) - 1 + reader.model.config.visual_tokens(frames)
    passes = max(run.passes for run in mine)
    costs = Costs(reader.model.config, reader.model.model.image_newline.element_size())
    wide = reader.width
    steps = [costs.step(wide, tokens + wide * number) for number in range(1, passes)]
    stages = [costs.vision(frames), costs.prefill(tokens), *steps]
    whole = sum(stages[1:], stages[0])
    return LlavaRow(
        frames,
        tokens,
        _spread_of(run.vision for run in mine),
        _spread_of(run.prefill for run in mine),
        _spread_of(run.readout for run in mine),
        _spread_of(total),
        passes,
        _spread_of(loop),
        round(statistics.median(said)),
        _spread_of(generated),
        rate[1],
        rate[best],
        best,
        whole.flop / 1e12,
        whole.read_bytes / 1e9,
        1000 * sum(stage.seconds(*rates) for stage in stages),
        peak,
    )


def _spread_of(seconds: Iterable[float]) -> Spread:
    ordered = sorted(1000 * second for second in seconds)
    return Spread(statistics.median(ordered), ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))])
