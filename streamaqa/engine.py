"""Puts a camera's parts together as the configuration says: the one place that knows all of them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from streamaqa.assessment import Assessor, KinematicAssessor
from streamaqa.assessment.base import Remote
from streamaqa.assessment.remote import LlavaAssessor
from streamaqa.config import CameraSettings, Config
from streamaqa.delivery.builders import Session
from streamaqa.errors import UsageError, WorkerGoneError
from streamaqa.exercises import EXERCISES, Exercise
from streamaqa.feedback import Coach
from streamaqa.judging import Patience
from streamaqa.pipeline import Pipeline, Say, Script
from streamaqa.pose import MediaPipePose, PoseEstimator
from streamaqa.pose.model_file import Progress, locate
from streamaqa.recording import Recorder
from streamaqa.segmentation import Segmenter
from streamaqa.sources import PoseSource, Source
from streamaqa.windows import FrameBuffer

log = structlog.get_logger(__name__)

LOOK_S = 0.5
"""How long a camera waits for a worker before it begins: one that is there answers in milliseconds, and a
camera that waits sees nothing."""


def new_session(config: Config, camera: CameraSettings, epoch: datetime | None = None) -> Session:
    """A session that begins now, or at `epoch` (aware)."""
    return Session(
        id=uuid.uuid4().hex[:12],
        site=config.site,
        camera=camera.name,
        epoch=epoch or datetime.now(UTC),
        athlete=camera.athlete,
        news_s=config.feedback.news_s,
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
    in_time: bool = True,
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
        in_time: whether somebody waits for feedback, so that a remote assessor has a deadline; False for a
            recording that is run as fast as can be.

    Raises:
        ModelFileError: the source has frames, and the pose model cannot be had.
        UsageError: as `assessor_for`.
    """
    assessor = assessor or await assessor_for(config, source, exercises, wait=not in_time)
    estimator = estimator or await estimator_for(config, source, progress)
    by_pose = KinematicAssessor(config.assessor, exercises)
    return Pipeline(
        session or new_session(config, camera),
        source,
        estimator,
        Segmenter(config.segmenter, exercises, camera.exercise, camera.height_m),
        assessor,
        lambda: Coach(config.feedback, exercises),
        say,
        stand_in=by_pose,
        by_pose=by_pose,
        buffer=FrameBuffer(config.buffer) if isinstance(assessor, Remote) or assessor.plan else None,
        recorder=recorder,
        script=script,
        seq=seq,
        limits=config.limits,
        exercises=exercises,
        lang=config.feedback.lang,
        patience=Patience(config.assessor.deadline_s, config.assessor.stale_s) if in_time else None,
    )


async def assessor_for(
    config: Config,
    source: Source | PoseSource,
    exercises: Sequence[Exercise] = EXERCISES,
    *,
    wait: bool = False,
) -> Assessor:
    """Who judges, as configured; a worker is met first. Closes the source if that fails.

    A camera begins without its worker, and is judged by pose until the worker comes; a recording waits for
    it (`wait`). UsageError if the worker serves something else than is wanted, if it was waited for in vain,
    or if there is nothing for it to look at.
    """
    settings = config.assessor
    if settings.kind == "kinematic":
        return KinematicAssessor(settings, exercises)
    try:
        if not isinstance(source, Source):
            raise UsageError(
                f"{source.info.name}: holds poses only, and the assessor llava looks at pictures;"
                " use --assessor kinematic"
            )
        return await _met(LlavaAssessor(settings, config.plan, exercises), settings.start_s, wait=wait)
    except BaseException:
        source.close()
        raise


async def _met(assessor: LlavaAssessor, start_s: float, *, wait: bool) -> LlavaAssessor:
    try:
        await assessor.meet(start_s if wait else LOOK_S)
    except WorkerGoneError as error:
        if wait:
            await assessor.close()
            raise UsageError(str(error)) from None
        log.warning("repetitions are judged by pose until the worker is there", reason=str(error))
    except BaseException:
        await assessor.close()
        raise
    return assessor


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
