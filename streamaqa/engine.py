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
from streamaqa.pipeline import Pipeline, Say, Script
from streamaqa.pose import MediaPipePose, PoseEstimator
from streamaqa.pose.model_file import Progress, locate
from streamaqa.recording import Recorder
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
    session: Session | None = None,
    estimator: PoseEstimator | None = None,
    assessor: Assessor | None = None,
    recorder: Recorder | None = None,
    script: Script = (),
    seq: int = 0,
) -> Pipeline:
    """A pipeline ready to run over `source`, which it then owns.

    Args:
        config: what the parts are made of.
        camera: its hints.
        source: an opened one.
        say: takes each message.
        progress: told how a download of the pose model goes.
        exercises: the vocabulary.
        session: a new one if not given.
        estimator: loaded if not given, see `estimator_for`.
        assessor: as configured if not given.
        recorder: see `Pipeline`, as for the next two.
        script: what happened beside the poses of a recorded session.
        seq: the number of the last message before this run.

    Raises:
        ModelFileError: the source has frames, and the pose model cannot be had.
    """
    assessor = assessor or _assessor(config, exercises)
    estimator = estimator or await estimator_for(config, source, progress)
    return Pipeline(
        session or new_session(config, camera),
        source,
        estimator,
        Segmenter(config.segmenter, exercises, camera.exercise, camera.height_m),
        assessor,
        lambda: Coach(config.feedback, exercises),
        say,
        stand_in=KinematicAssessor(config.assessor, exercises),
        buffer=FrameBuffer(config.buffer) if assessor.plan is not None else None,
        recorder=recorder,
        script=script,
        seq=seq,
        limits=config.limits,
        exercises=exercises,
        lang=config.feedback.lang,
    )


def _assessor(config: Config, exercises: Sequence[Exercise]) -> Assessor:
    return KinematicAssessor(config.assessor, exercises)


async def estimator_for(
    config: Config, source: Source | PoseSource, progress: Progress | None = None
) -> PoseEstimator | None:
    """Finds poses in the source's frames, if it has any. Closes the source if the model cannot be had.

    Finding and loading the model takes a moment, or a download: off the loop, and before a session begins.
    """
    if not isinstance(source, Source):
        return None
    try:
        model = await asyncio.to_thread(locate, config.pose, progress=progress)
        return await asyncio.to_thread(MediaPipePose, model, config.pose)
    except BaseException:
        source.close()
        raise
