"""What the engine costs: its frame rate over that of a bare decode and pose loop, in turn in the same run."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from rich.table import Table

from streamaqa.config import CameraSettings, Config
from streamaqa.delivery.messages import AnyMessage
from streamaqa.engine import build
from streamaqa.pose import MediaPipePose
from streamaqa.pose.model_file import locate
from streamaqa.sources.video import VideoSource
from streamaqa.types import Frame


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """Frames a second of both, round by round."""

    video: str
    cores: int
    frames: int
    reps: int
    bare: tuple[float, ...]
    """Decode and MediaPipe in one thread, nothing else."""
    pipeline: tuple[float, ...]
    """The whole engine: segmenter, assessor, feedback, messages."""
    ratio: float
    """Median of the rounds' pipeline / bare."""


def measure(video: Path, config: Config, *, rounds: int = 3) -> ReplayResult:
    """Run both loops over `video` in turn, `rounds` times."""
    VideoSource(video).close()  # a clear error for what is no video
    model = locate(config.pose)
    bare, whole = [], []
    frames = reps = 0
    for _ in range(rounds):
        frames, seconds = _bare(video, model, config)
        bare.append(frames / seconds)
        reps, seconds = asyncio.run(_whole(video, config))
        whole.append(frames / seconds)
    ratio = statistics.median(fast / base for fast, base in zip(whole, bare, strict=True))
    return ReplayResult(video.name, os.cpu_count() or 1, frames, reps, tuple(bare), tuple(whole), ratio)


def _bare(video: Path, model: Path, config: Config) -> tuple[int, float]:
    """The least anybody must do: PyAV's decoder with its own threads, and MediaPipe. Frames and seconds.

    Nobody is told from others and nothing followed in the picture: that is the engine's own cost.
    """
    plain = config.pose.model_copy(update={"people": 1, "flow": False})
    with MediaPipePose(model, plain) as estimator, av.open(str(video)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        begun = time.perf_counter()
        count = 0
        for count, picture in enumerate(container.decode(stream), start=1):
            image = np.asarray(picture.to_ndarray(format="rgb24"), np.uint8)
            estimator.estimate(Frame(count, image, float(picture.time or 0), 0.0))
        return count, time.perf_counter() - begun


async def _whole(video: Path, config: Config) -> tuple[int, float]:
    """The engine as `replay --fast` runs it. Repetitions and seconds."""
    messages: list[AnyMessage] = []

    async def say(message: AnyMessage) -> None:
        messages.append(message)

    camera = CameraSettings(name="bench", source=str(video))
    pipeline = await build(config, camera, VideoSource(video), say)
    begun = time.perf_counter()
    await pipeline.run()
    return pipeline.counters.reps, time.perf_counter() - begun


def table(result: ReplayResult) -> Table:
    """For people."""
    title = f"{result.video}: {result.frames} frames, {result.reps} reps, {result.cores} cores"
    shown = Table("Round", title=title, title_justify="left")
    for heading in ("Bare loop, frames a second", "Pipeline, frames a second", "Ratio"):
        shown.add_column(heading, justify="right")
    for number, (bare, whole) in enumerate(zip(result.bare, result.pipeline, strict=True), start=1):
        shown.add_row(str(number), f"{bare:.1f}", f"{whole:.1f}", f"{whole / bare:.3f}")
    shown.add_section()
    shown.add_row("median", "", "", f"{result.ratio:.3f}")
    return shown
