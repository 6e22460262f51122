"""Puts a camera's parts together as the configuration says: the one place that knows all of them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from streamaqa.assessment import Assessor, KinematicAssessor
from streamaqa.config import CameraSettings, Config
from streamaqa.delivery.builders import Session
from streamaqa.exercises import EXERCISES, Exercise
from streamaqa.feedback import Coach
from streamaqa.pipeline import Pipeline, Say
from streamaqa.pose import MediaPipePose, PoseEstimator
from streamaqa.pose.model_file import Progress, locate
from streamaqa.segmentation import Segmenter
from streamaqa.sources import PoseSource, Source
from streamaqa.windows import FrameBuffer


def new_session(config: Config, camera: CameraSettings, epoch: datetime | None = None) -> Session:
    """A session that begins now, or at `epoch` (aware)."""
    return Session(
        id=uuid.uuid4().hex[:12],
        site=config.site,
        camera=camera.name,
        epoch=epoch or datetime.now(UTC),
        athlete=camera.athlete,
    )


async def build(
    config: Config,
    camera: CameraSettings,
    source: Source | PoseSource,
    say: Say,
    *,
    progress: Progress | None = None,
    exercises: Sequence[Exercise] = EXERCISES,
) -> Pipeline:
    """A pipeline ready to run over `source`, which it then owns.

    Raises:
        ModelFileError: the source has frames, and the pose model cannot be had.
    """
    assessor = _assessor(config, exercises)
    try:
        estimator = await _estimator(config, progress) if isinstance(source, Source) else None
    except BaseException:
        source.close()
        raise
    return Pipeline(
        new_session(config, camera),
        source,
        estimator,
        Segmenter(config.segmenter, exercises, camera.exercise, camera.height_m),
        assessor,
        lambda: Coach(config.feedback, exercises),
        say,
        stand_in=KinematicAssessor(config.assessor, exercises),
        buffer=FrameBuffer(config.buffer) if assessor.plan is not None else None,
        limits=config.limits,
        exercises=exercises,
        lang=config.feedback.lang,
    )


def _assessor(config: Config, exercises: Sequence[Exercise]) -> Assessor:
    return KinematicAssessor(config.assessor, exercises)


async def _estimator(config: Config, progress: Progress | None) -> PoseEstimator:
    """Finding and loading the model takes a moment, or a download: off the loop."""
    model = await asyncio.to_thread(locate, config.pose, progress=progress)
    return await asyncio.to_thread(MediaPipePose, model, config.pose)
