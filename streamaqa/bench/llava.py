"""How long a window takes the model: vision, prefill and read-out, beside plain token-by-token generation.

The real architecture with random weights; no weights change how long a matrix product takes, only how far the
answers are searched, which random weights make as far as it goes. Both ways run the same modules on the same
windows in turn in one run, so another program on the machine slows both. Plain generation says as many
tokens as an answer with the errors that the read-out gave an interval for.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from rich.table import Table

from streamaqa.dialogue import Answer, ErrorSpan, render
from streamaqa.errors import UsageError

if TYPE_CHECKING:
    import torch

    from streamaqa.llava.config import LlavaVideoConfig
    from streamaqa.llava.readout import Asked, Reader

Size: TypeAlias = Literal["tiny", "0.5b", "7b"]
REP_S = 2.8
"""Length of the windows, seconds: the median repetition of the real clips."""


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
    reader = _reader(size)
    device = reader.model.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    rates = _rates(device, reader.model.dtype)
    rows = tuple(_row(reader, count, rounds, batches, rates) for count in frames)
    kind = str(reader.model.dtype).removeprefix("torch.")
    return LlavaResult(size, name, kind, torch.get_num_threads(), *rates, rows)


def table(result: LlavaResult) -> Table:
    """For the terminal."""
    out = Table(
        title=f"LLaVA-Video {result.size}, random {result.dtype} weights on {result.device} "
        f"({result.flop_per_second / 1e12:.2f} TFLOP/s, {result.bytes_per_second / 1e9:.0f} GB/s)",
        caption="milliseconds of one window, median and 95th percentile",
    )
    for heading in (
        "frames", "tokens", "vision", "prefill", "read-out", "total", "passes", "own loop", "generate",
        "passes", "over generate", "windows/s", "best (batch)", "TFLOP", "GB", "of limit", "peak GB",
    ):  # fmt: skip
        out.add_column(heading, justify="right")
    for row in result.rows:
        spreads = (row.vision_ms, row.prefill_ms, row.readout_ms, row.total_ms)
        out.add_row(
            str(row.frames), str(row.prompt_tokens), *map(_spread, spreads), str(row.passes),
            _spread(row.plain_ms), _spread(row.generate_ms), str(row.plain_passes), f"{row.speedup:.2f}",
            f"{row.windows_per_second:.2f}", f"{row.best_windows_per_second:.2f} ({row.best_batch})",
            f"{row.tflop:.4g}", f"{row.gigabytes:.4g}", f"{row.limit_ms / row.total_ms.p50:.1%}",
            f"{row.peak_bytes / 1e9:.2f}",
        )  # fmt: skip
    return out


def _spread(spread: Spread) -> str:
    return f"{spread.p50:.1f} {spread.p95:.1f}"


def _reader(size: Size) -> Reader:
    import torch

    from streamaqa.llava.config import LlavaVideoConfig
    from streamaqa.llava.model import LlavaVideo
    from streamaqa.llava.readout import Reader
    from streamaqa.llava.tokens import tiny_tokenizer

    config: LlavaVideoConfig = LlavaVideoConfig.tiny() if size == "tiny" else LlavaVideoConfig.published(size)
    cuda = torch.cuda.is_available()
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16 if cuda else torch.float32)
    try:
        with torch.device("cuda" if cuda else "cpu"):
            torch.manual_seed(0)
            model = LlavaVideo(config).eval()
    finally:
        torch.set_default_dtype(before)
    return Reader(model, tiny_tokenizer())


def _asked(reader: Reader, frames: int, number: int = 0) -> Asked:
    import torch

    from streamaqa.llava.readout import Asked

    side = reader.model.config.image_size
    video = torch.rand(frames, 3, side, side, generator=torch.Generator().manual_seed(number)) * 2 - 1
    return Asked(video, tuple(REP_S * at / frames for at in range(frames)), REP_S)


def _as_told(reader: Reader, asked: Asked) -> str:
    """The text that says what the read-out of a window does."""
    from streamaqa.assessment.merge import WindowReading

    (reading,) = reader.read([asked])
    assert isinstance(reading, WindowReading), reading
    exercise = reading.best()
    timed = reading.intervals.get(exercise, {}).items()
    spans = tuple(ErrorSpan(name, found.start, found.end) for name, found in timed)
    return render(Answer(exercise, spans[: reader.settings.most_errors]), reader.vocabulary)


@dataclass(slots=True)
class _Run:
    """One window, seconds."""

    vision: float
    prefill: float
    readout: float
    passes: int


def _row(
    reader: Reader, frames: int, rounds: int, batches: Sequence[int], rates: tuple[float, float]
) -> LlavaRow:
    from streamaqa.llava.cost import Costs

    asked = _asked(reader, frames)
    long = len(reader.tokens.answer(_as_told(reader, asked)))
    _reset_peak(reader)
    ours, plain, generated = [], [], []
    for turn in range(rounds + 1):
        parts = _ours(reader, asked), _timed(reader, lambda: _plain(reader, asked, long))
        slow = _timed(reader, lambda: _generate(reader, asked, long))
        if turn:  # the first warms up
            ours.append(parts[0])
            plain.append(parts[1])
            generated.append(slow)
    peak = _peak(reader)
    total = [run.vision + run.prefill + run.readout for run in ours]
    rate = {1: 1 / statistics.median(total)} | {count: _rate(reader, frames, count) for count in batches}
    best = max(rate, key=lambda count: rate[count])
    tokens = len(reader.prompt(asked)) - 1 + reader.model.config.visual_tokens(frames)
    passes = max(run.passes for run in ours)
    costs = Costs(reader.model.config, reader.model.model.image_newline.element_size())
    wide = reader.width
    steps = [costs.step(wide, tokens + wide * number) for number in range(1, passes)]
    stages = [costs.vision(frames), costs.prefill(tokens), *steps]
    whole = sum(stages[1:], stages[0])
    return LlavaRow(
        frames,
        tokens,
        _spread_of(run.vision for run in ours),
        _spread_of(run.prefill for run in ours),
        _spread_of(run.readout for run in ours),
        _spread_of(total),
        passes,
        _spread_of(plain),
        long,
        _spread_of(generated),
        rate[1],
        rate[best],
        best,
        whole.flop / 1e12,
        whole.read_bytes / 1e9,
        1000 * sum(stage.seconds(*rates) for stage in stages),
        peak,
    )


def _ours(reader: Reader, asked: Asked) -> _Run:
    import torch

    from streamaqa.llava.passes import Session

    model = reader.model
    clock = [_now(reader)]
    with torch.inference_mode():
        merged = model.merge_batch(torch.tensor([reader.prompt(asked)]), [asked.video])
        clock.append(_now(reader))
        session = Session(model)
        session.prefill(merged)
        clock.append(_now(reader))
        reader.read_from(session, [asked])
        clock.append(_now(reader))
    vision, prefill, readout = (after - before for before, after in pairwise(clock))
    return _Run(vision, prefill, readout, session.passes)


def _plain(reader: Reader, asked: Asked, long: int) -> None:
    from streamaqa.llava.passes import generate

    generate(reader.open([asked]), reader.tokens.end, most=long, ignore_end=True)


def _generate(reader: Reader, asked: Asked, long: int) -> None:
    """Transformers' own greedy search over the same decoder and head."""
    import torch
    from transformers import GenerationConfig, Qwen2ForCausalLM

    with torch.inference_mode():
        with torch.device("meta"):
            whole: Any = Qwen2ForCausalLM(reader.model.model.config)
        whole.model, whole.lm_head = reader.model.model, reader.model.lm_head
        embeds = reader.model.merge(torch.tensor([reader.prompt(asked)]), [asked.video])
        mask = torch.ones(embeds.shape[:2], dtype=torch.long, device=embeds.device)
        greedy = GenerationConfig(
            max_new_tokens=long, min_new_tokens=long, do_sample=False, pad_token_id=0, eos_token_id=None
        )
        whole.generate(inputs_embeds=embeds, attention_mask=mask, generation_config=greedy)


def _rate(reader: Reader, frames: int, count: int) -> float:
    """Windows a second in batches of `count`; 0 where they do not fit into memory."""
    import torch

    windows = [_asked(reader, frames, number) for number in range(count)]
    try:
        spent = [_timed(reader, lambda: reader.read(windows)) for _ in range(4)][1:]
    except torch.cuda.OutOfMemoryError:
        return 0.0
    return count / statistics.median(spent)


def _timed(reader: Reader, work: Callable[[], object]) -> float:
    start = _now(reader)
    work()
    return _now(reader) - start


def _now(reader: Reader) -> float:
    if reader.model.device.type == "cuda":
        import torch

        torch.cuda.synchronize(reader.model.device)
    return time.perf_counter()


def _spread_of(seconds: Iterable[float]) -> Spread:
    ordered = sorted(1000 * second for second in seconds)
    return Spread(statistics.median(ordered), ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))])


def _rates(device: torch.device, dtype: torch.dtype) -> tuple[float, float]:
    """Operations a second of a matrix product, and bytes a second of a sum: the best of a few."""
    import torch

    side, count = (8192, 2**29) if device.type == "cuda" else (1024, 2**26)
    square = torch.ones(side, side, device=device, dtype=dtype)
    line = torch.ones(count, device=device, dtype=dtype)

    def best(work: Callable[[], object]) -> float:
        least = float("inf")
        for _ in range(6):
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            start = time.perf_counter()
            work()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            least = min(least, time.perf_counter() - start)
        return least

    return 2 * side**3 / best(lambda: square @ square), line.nbytes / best(line.sum)


def _reset_peak(reader: Reader) -> None:
    if reader.model.device.type == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats(reader.model.device)


def _peak(reader: Reader) -> int:
    if reader.model.device.type == "cuda":
        import torch

        return torch.cuda.max_memory_allocated(reader.model.device)
    unit = 1 if sys.platform == "darwin" else 1024  # Linux counts in KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
