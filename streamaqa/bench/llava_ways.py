"""The ways in which `bench llava` lets a model answer a window, and what it measures about each."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from streamaqa.dialogue import Answer, ErrorSpan, render

if TYPE_CHECKING:
    import torch

    from streamaqa.llava.config import LlavaVideoConfig
    from streamaqa.llava.readout import Asked, Reader

Size: TypeAlias = Literal["tiny", "0.5b", "7b"]
SIZES: Final[tuple[Size, ...]] = get_args(Size)
REP_S = 2.8
"""Length of the shortest window, seconds: the median repetition of the real clips."""


@dataclass(slots=True)
class Run:
    """One window, seconds."""

    vision: float
    prefill: float
    readout: float
    passes: int


def reader_of(size: Size) -> Reader:
    """Asks a model of that size with random weights."""
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


def asked_of(reader: Reader, frames: int, number: int = 0) -> Asked:
    """A window of noise; each number is another one, a hundredth of a second longer."""
    import torch

    from streamaqa.llava.readout import Asked

    side = reader.model.config.image_size
    video = torch.rand(frames, 3, side, side, generator=torch.Generator().manual_seed(number)) * 2 - 1
    duration = round(REP_S + number / 100, 2)
    return Asked(video, tuple(duration * at / frames for at in range(frames)), duration)


def as_told(reader: Reader, asked: Asked) -> str:
    """The text that says what the read-out of a window does."""
    from streamaqa.assessment.merge import WindowReading

    (reading,) = reader.read([asked])
    assert isinstance(reading, WindowReading), reading
    exercise = reading.best()
    timed = reading.intervals.get(exercise, {}).items()
    spans = tuple(ErrorSpan(name, found.start, found.end) for name, found in timed)
    return render(Answer(exercise, spans[: reader.settings.most_errors]), reader.vocabulary)


def readout(reader: Reader, asked: Asked) -> Run:
    """The window read out, each stage timed."""
    import torch

    from streamaqa.llava.passes import Session

    model = reader.model
    clock = [now(reader)]
    with torch.inference_mode():
        merged = model.merge_batch(torch.tensor([reader.prompt(asked)]), [asked.video])
        clock.append(now(reader))
        session = Session(model, reader.graphs)
        session.prefill(merged)
        clock.append(now(reader))
        reader.read_from(session, [asked])
        clock.append(now(reader))
        session.close()
    vision, prefill, readout = (after - before for before, after in pairwise(clock))
    return Run(vision, prefill, readout, session.passes)


def plain(reader: Reader, asked: Asked, long: int) -> None:
    """Our own greedy loop, as many tokens as asked for."""
    from streamaqa.llava.passes import generate

    session = reader.open([asked])
    generate(session, reader.tokens.end, most=long, ignore_end=True)
    session.close()


def library_of(reader: Reader) -> Any:
    """Transformers' own model for generation around the same decoder and head."""
    import torch
    from transformers import Qwen2ForCausalLM

    with torch.device("meta"):
        whole: Any = Qwen2ForCausalLM(reader.model.model.config)
    whole.model, whole.lm_head = reader.model.model, reader.model.lm_head
    return whole.eval()


def generated(reader: Reader, library: Any, asked: Asked, long: int) -> None:
    """Transformers' greedy search, as many tokens as asked for."""
    import torch
    from transformers import GenerationConfig

    with torch.inference_mode():
        embeds = reader.model.merge(torch.tensor([reader.prompt(asked)]), [asked.video])
        mask = torch.ones(embeds.shape[:2], dtype=torch.long, device=embeds.device)
        greedy = GenerationConfig(
            max_new_tokens=long, min_new_tokens=long, do_sample=False, pad_token_id=0, eos_token_id=None
        )
        library.generate(inputs_embeds=embeds, attention_mask=mask, generation_config=greedy)


def rate_of(reader: Reader, frames: int, count: int) -> float:
    """Windows a second in batches of `count`; 0 where they do not fit into memory."""
    import torch

    windows = [asked_of(reader, frames, number) for number in range(count)]
    try:
        spent = [timed(reader, lambda: reader.read(windows)) for _ in range(6)][1:]
    except torch.cuda.OutOfMemoryError:
        return 0.0
    return count / statistics.median(spent)


def timed(reader: Reader, work: Callable[[], object]) -> float:
    """Seconds that some work takes."""
    start = now(reader)
    work()
    return now(reader) - start


def now(reader: Reader) -> float:
    """Seconds, once the device has done what it was given."""
    if reader.model.device.type == "cuda":
        import torch

        torch.cuda.synchronize(reader.model.device)
    return time.perf_counter()


def rates_of(device: torch.device, dtype: torch.dtype) -> tuple[float, float]:
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


def reset_peak(reader: Reader) -> None:
    """Forget the most memory taken so far, on a GPU; a process's on a CPU cannot be forgotten."""
    if reader.model.device.type == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats(reader.model.device)


def peak_of(reader: Reader) -> int:
    """Bytes taken at most."""
    if reader.model.device.type == "cuda":
        import torch

        return torch.cuda.max_memory_allocated(reader.model.device)
    unit = 1 if sys.platform == "darwin" else 1024  # Linux counts in KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
