"""The shortest start: `streamaqa.coach`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import structlog

from streamaqa.config import CameraSettings, Config
from streamaqa.delivery.messages import AnyMessage, FeedbackMessage
from streamaqa.engine import build
from streamaqa.errors import UsageError
from streamaqa.exercises import EXERCISES, Exercise
from streamaqa.sources import PoseSource, Source, open_source
from streamaqa.worker_child import reached, with_worker

log = structlog.get_logger(__name__)

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

    Runs one camera's pipeline in the calling process, without broker and outbox. With a live source and an
    assessor that may be late, a repetition can come twice: see `FeedbackMessage.kind`.

    Args:
        source: a video file, a pose track, `synthetic:squat`, a camera or stream, or an opened source
            of one's own, which is closed at the end.
        config: pose model, segmenter, assessor and feedback; the defaults if not given.
        exercise: a hint, by wire name; otherwise it is worked out.
        athlete: named in the feedback.
        height_m: makes velocities metres a second.
        exercises: the vocabulary, for one's own exercises.

    Raises:
        UsageError: `exercise` is not in `exercises`.
        SourceError: the source cannot be opened, or was cut off; what came before it has been given.
        ModelFileError: the pose model cannot be had.
    """
    if exercise is not None and exercise not in {known.name for known in exercises}:
        raise UsageError(f"no exercise {exercise!r}: there are {', '.join(e.name for e in exercises)}")
    settings = CameraSettings(name="coach", source="given", athlete=athlete, height_m=height_m)
    settings = settings.model_copy(update={"exercise": exercise})  # it may be the caller's own
    config = config or Config()
    opened = (
        await asyncio.to_thread(open_source, source, config.live)
        if isinstance(source, str | int | Path)
        else source
    )
    waiting: asyncio.Queue[FeedbackMessage | None] = asyncio.Queue(WAITING)

    async def say(message: AnyMessage) -> None:
        if isinstance(message, FeedbackMessage):
            await waiting.put(message)

    async def run_all() -> None:
        live = opened.info.live
        with contextlib.closing(opened):
            async with with_worker(config, log.warning, must=not live) as worker:
                at = reached(config, worker)
                pipeline = await build(at, settings, opened, say, exercises=exercises, in_time=live)
                await pipeline.run()

    async def run() -> None:
        try:
            await run_all()
        except Exception:
            await waiting.put(None)
            raise
        await waiting.put(None)  # a run that is cancelled has nobody to tell

    running = asyncio.create_task(run(), name="coach")
    try:
        while (feedback := await waiting.get()) is not None:
            yield feedback
        await running
    finally:  # also when the caller stops listening
        running.cancel()
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # has been raised above, or nobody listens any more
