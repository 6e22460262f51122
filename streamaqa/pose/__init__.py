"""From a frame to the landmarks of the lifter: MediaPipe's PoseLandmarker behind a Protocol.

MediaPipe itself is imported when an estimator is opened, not when this module is.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from streamaqa.errors import ModelFileError
from streamaqa.settings import Settings
from streamaqa.types import Frame, Pose

Variant: TypeAlias = Literal["lite", "full", "heavy"]


class PoseSettings(Settings):
    """Which pose model, and how sure it must be."""

    variant: Variant = "full"
    """On two cores lite reaches 70, full 50 and heavy 16 frames a second; full is steady in gym clips."""
    model: Path | None = None
    """A `.task` bundle to use instead of fetching one; `STREAMAQA_POSE_MODEL` says the same."""
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$")
    """The hash of a bundle of your own; the published ones are known."""
    detection_confidence: float = Field(0.5, ge=0, le=1)
    """Below this a person is not there. MediaPipe's default."""
    tracking_confidence: float = Field(0.5, ge=0, le=1)
    """Below this the person is looked for anew in the whole frame. MediaPipe's default."""


class PoseEstimator(Protocol):
    """Finds one person's landmarks, frame by frame. Not for several threads at once."""

    def estimate(self, frame: Frame) -> Pose:
        """The pose in this frame; `Pose.found` is False if there is nobody."""

    def close(self) -> None:
        """Free the model. May be called more than once."""


class MediaPipePose:
    """PoseLandmarker in video mode. Follows one person, since MediaPipe smooths landmarks only then.

    Raises:
        ModelFileError: MediaPipe cannot use the bundle.
    """

    def __init__(self, model: Path, settings: PoseSettings | None = None) -> None:
        from mediapipe.tasks.python.core.base_options import BaseOptions
        from mediapipe.tasks.python.vision import PoseLandmarker, PoseLandmarkerOptions, RunningMode

        settings = settings or PoseSettings()
        options = PoseLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(model)),
            running_mode=RunningMode.VIDEO,
            num_poses=1,
            min_pose_detection_confidence=settings.detection_confidence,
            min_pose_presence_confidence=settings.detection_confidence,
            min_tracking_confidence=settings.tracking_confidence,
        )
        try:
            self._landmarker: PoseLandmarker | None = PoseLandmarker.create_from_options(options)
        except (ValueError, RuntimeError, OSError) as error:
            raise ModelFileError(f"{model}: MediaPipe cannot use this pose model: {error}") from None
        self._last_ms = -1

    def estimate(self, frame: Frame) -> Pose:
        """The pose in this frame. Frames must come in time order."""
        from mediapipe import Image, ImageFormat

        if self._landmarker is None:
            raise ValueError("the pose estimator is closed")
        # MediaPipe wants strictly rising integers; frames closer than 1 ms are moved apart for it only.
        self._last_ms = max(self._last_ms + 1, round(frame.time * 1000))
        picture = Image(image_format=ImageFormat.SRGB, data=np.ascontiguousarray(frame.image))
        result = self._landmarker.detect_for_video(picture, self._last_ms)
        height, width = frame.image.shape[:2]
        if not result.pose_landmarks:
            return Pose.nobody(frame.time, (width, height))
        return Pose(
            time=frame.time,
            image=_array(result.pose_landmarks[0]),
            world=_array(result.pose_world_landmarks[0]),
            size=(width, height),
        )

    def close(self) -> None:
        """Free the model: an unclosed landmarker raises when the interpreter exits."""
        if self._landmarker is not None:
            landmarker, self._landmarker = self._landmarker, None
            landmarker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Landmark(Protocol):
    x: float
    y: float
    z: float
    visibility: float


def _array(landmarks: list[_Landmark]) -> NDArray[np.float32]:
    return np.array([(mark.x, mark.y, mark.z, mark.visibility) for mark in landmarks], np.float32)
