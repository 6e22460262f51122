"""The shortest start: `streamaqa.coach`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from streamaqa.config import CameraSettings, Config
from streamaqa.delivery.messages import AnyMessage, FeedbackMessage
from streamaqa.engine import build
from streamaqa.exercises import EXERCISES, Exercise
from streamaqa.sources import PoseSource, Source, open_source

WAITING = 16
"""Repetitions that may wait for the caller; then the engine waits too, as files do."""


async def coach(
    source: str | int | Path | Source | PoseSource,
    *,
    config: Config | None = None,
    exercise: str | None = None,
    athlete: str | None = None,
    height_m: float | None = None,
    exercises: Sequence[Exercise] = EXERCISES,
) -> AsyncGenerator[FeedbackMessage]:
    """Feedback for each repetition of a source, as it comes; a file as fast as this machine can.

    Runs one camera's pipeline in the calling process, without broker and outbox.

    Args:
        source: a video file, a pose track, `synthetic:squat`, or an opened source of one's own, which is
            closed at the end.
        config: pose model, segmenter, assessor and feedback; the defaults if not given.
        exercise: a hint, by wire name; otherwise it is worked out.
        athlete: named in the feedback.
        height_m: makes velocities metres a second.
        exercises: the vocabulary, for one's own exercises.

    Raises:
        SourceError: the source cannot be opened, or was cut off; what came before it has been given.
        ModelFileError: the pose model cannot be had.
    """
    settings = CameraSettings(
        name="coach", source=str(source), athlete=athlete, exercise=exercise, height_m=height_m
    )
    opened = await asyncio.to_thread(open_source, source) if isinstance(source, str | int | Path) else source
    waiting: asyncio.Queue[FeedbackMessage | None] = asyncio.Queue(WAITING)

    async def say(message: AnyMessage) -> None:
        if isinstance(message, FeedbackMessage):
            await waiting.put(message)

    pipeline = await build(config or Config(), settings, opened, say, exercises=exercises)

    async def run() -> None:
        try:
            await pipeline.run()
        finally:
            await waiting.put(None)

    running = asyncio.create_task(run(), name="coach")
    try:
        while (feedback := await waiting.get()) is not None:
            yield feedback
        await running
    finally:  # also when the caller stops listening
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
