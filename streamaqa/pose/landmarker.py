"""MediaPipe's PoseLandmarker: pictures in, poses out.

MediaPipe itself is imported when a landmarker is opened, not when this module is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from streamaqa.errors import ModelFileError
from streamaqa.types import Pose


class Landmarker:
    """Finds people. With `people` None it follows one from picture to picture (video mode, smoothed);
    with a number it looks for so many in each picture by itself.

    Raises:
        ModelFileError: MediaPipe cannot use the bundle.
    """

    def __init__(self, model: Path, *, detection: float, tracking: float, people: int | None = None) -> None:
        from mediapipe.tasks.python.core.base_options import BaseOptions
        from mediapipe.tasks.python.vision import PoseLandmarker, PoseLandmarkerOptions, RunningMode

        self._video = people is None
        options = PoseLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(model)),
            running_mode=RunningMode.VIDEO if self._video else RunningMode.IMAGE,
            num_poses=people or 1,
            min_pose_detection_confidence=detection,
            min_pose_presence_confidence=detection,
            min_tracking_confidence=tracking,
        )
        try:
            self._landmarker: PoseLandmarker | None = PoseLandmarker.create_from_options(options)
        except (ValueError, RuntimeError, OSError) as error:
            raise ModelFileError(f"{model}: MediaPipe cannot use this pose model: {error}") from None
        self._last_ms = -1

    def find(self, picture: NDArray[np.uint8], time: float) -> list[Pose]:
        """Who is in the picture, (H, W, 3) RGB. In video mode pictures must come in time order."""
        from mediapipe import Image, ImageFormat

        if self._landmarker is None:
            raise ValueError("the pose estimator is closed")
        image = Image(image_format=ImageFormat.SRGB, data=np.ascontiguousarray(picture))
        if self._video:
            # MediaPipe wants strictly rising integers; frames closer than 1 ms are moved apart for it only.
            self._last_ms = max(self._last_ms + 1, round(time * 1000))
            result = self._landmarker.detect_for_video(image, self._last_ms)
        else:
            result = self._landmarker.detect(image)
        height, width = picture.shape[:2]
        both = zip(result.pose_landmarks, result.pose_world_landmarks, strict=True)
        return [Pose(time, _array(flat), _array(world), (width, height)) for flat, world in both]

    def close(self) -> None:
        """Free the model: an unclosed landmarker raises when the interpreter exits. May be called again."""
        if self._landmarker is not None:
            landmarker, self._landmarker = self._landmarker, None
            landmarker.close()


class _Landmark(Protocol):
    x: float
    y: float
    z: float
    visibility: float


def _array(landmarks: list[_Landmark]) -> NDArray[np.float32]:
    return np.array([(mark.x, mark.y, mark.z, mark.visibility) for mark in landmarks], np.float32)
