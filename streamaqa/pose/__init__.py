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

from streamaqa.pose.follow import Doubt, Follower, FollowSettings, Person
from streamaqa.pose.landmarker import Landmarker
from streamaqa.settings import Settings
from streamaqa.types import Frame, Pose

Variant: TypeAlias = Literal["lite", "full", "heavy"]

BOX_MARGIN = 0.15
"""Share of a person's box by which it is widened: landmarks end at wrists, ankles and eyes."""
AROUND_M = (0.9, 1.3)
"""Metres about the middle of the trunk, sideways and up, that a closer look takes in of a tall lifter."""
GREY = 127
"""What hides somebody: no edges, and the mean of what the model was trained on."""
LOOK_CONFIDENCE = 0.3
"""Detection confidence of a second look: a bar before the face costs the detector's trust, and whoever is
found must be like the lifter anyway."""
LEAST_CROP = 32
"""Pixels below which a part of the picture shows nobody."""


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
    people: int = Field(3, ge=1, le=8)
    """How many people a second look tells apart; 1 turns second looks off. Lifter, spotter, passer-by."""
    follow: FollowSettings = FollowSettings()
    """When the person tracked is doubted."""


class PoseEstimator(Protocol):
    """Finds one person's landmarks, frame by frame. Not for several threads at once."""

    def estimate(self, frame: Frame) -> Pose:
        """The pose in this frame; `Pose.found` is False if there is nobody."""

    def close(self) -> None:
        """Free the model. May be called more than once."""


class MediaPipePose:
    """PoseLandmarker in video mode, kept to one lifter by second looks where `follow` has a doubt.

    Raises:
        ModelFileError: MediaPipe cannot use the bundle.
    """

    def __init__(self, model: Path, settings: PoseSettings | None = None) -> None:
        self._model = model
        self._settings = settings or PoseSettings()
        self._tracker = self._open()
        self._everybody: Landmarker | None = None
        self._follower = Follower(self._settings.follow)
        self.looks = 0
        """Second looks so far."""

    def estimate(self, frame: Frame) -> Pose:
        """The pose in this frame. Frames must come in time order."""
        poses = self._tracker.find(frame.image, frame.time)
        if not poses:
            return Pose.nobody(frame.time, _size(frame))
        (pose,) = poses
        if self._settings.people == 1:
            return pose
        tracked = Person.of(pose, frame.image)
        match self._follower.doubt(tracked):
            case Doubt.NONE:
                return pose
            case Doubt.WAIT:
                return Pose.nobody(frame.time, _size(frame))
            case Doubt.LOOK:
                return self._look(frame, pose, tracked)

    def close(self) -> None:
        """Free the models: an unclosed landmarker raises when the interpreter exits."""
        self._tracker.close()
        if self._everybody is not None:
            self._everybody.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _look(self, frame: Frame, pose: Pose, tracked: Person) -> Pose:
        """Find everybody, and the lifter among them; bring the tracker back if it has gone elsewhere."""
        self.looks += 1
        if self._everybody is None:
            self._everybody = self._open(self._settings.people, LOOK_CONFIDENCE)
        everybody = self._everybody.find(frame.image, frame.time) + self._closer(self._everybody, frame, pose)
        people = [Person.of(each, frame.image) for each in everybody]
        lifter = self._follower.decide(tracked, people)
        if lifter is None:
            return Pose.nobody(frame.time, _size(frame))
        if lifter is tracked:
            return pose
        found = everybody[next(i for i, person in enumerate(people) if person is lifter)]
        self._bring_back(frame, found)
        return found

    def _closer(self, everybody: Landmarker, frame: Frame, tracked: Pose) -> list[Pose]:
        """Who is at the lifter's place. In the whole picture the detector often sees the nearest person only.

        For the same reason whoever is tracked is painted over, unless they stand in front of that place.
        """
        place = self._follower.place
        if place is None:
            return []
        width, height = _size(frame)
        reach = np.array(AROUND_M) * place.metre
        left, top, right, bottom = _box(np.array([(place.x, place.y)]), reach, (width, height))
        if right - left < LEAST_CROP or bottom - top < LEAST_CROP:
            return []
        picture = frame.image
        x0, y0, x1, y1 = _box(tracked.image[:, :2] * (width, height), np.zeros(2), (width, height))
        if not x0 <= place.x <= x1:
            picture = picture.copy()
            picture[y0:y1, x0:x1] = GREY
        part = everybody.find(picture[top:bottom, left:right], frame.time)
        return [within(pose, (left, top), (width, height)) for pose in part]

    def _open(self, people: int | None = None, detection: float | None = None) -> Landmarker:
        s = self._settings
        detection = s.detection_confidence if detection is None else detection
        return Landmarker(self._model, detection=detection, tracking=s.tracking_confidence, people=people)

    def _bring_back(self, frame: Frame, lifter: Pose) -> None:
        """Start a new tracker on this frame with all but the lifter painted over."""
        self._tracker.close()
        self._tracker = self._open()
        self._tracker.find(alone(frame.image, lifter), frame.time)


def alone(picture: NDArray[np.uint8], pose: Pose) -> NDArray[np.uint8]:
    """The picture, (H, W, 3), in grey but for the box around that person."""
    flat = pose.image[:, :2] * np.asarray(pose.size)
    margin = BOX_MARGIN * (flat.max(axis=0) - flat.min(axis=0))
    left, top, right, bottom = _box(flat, margin, pose.size)
    out = np.full_like(picture, GREY)
    out[top:bottom, left:right] = picture[top:bottom, left:right]
    return out


def _box(
    points: NDArray[np.floating], margin: NDArray[np.floating], size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what holds `points`, (N, 2) pixels, and a margin, within the picture."""
    left, top = np.clip(points.min(axis=0) - margin, 0, size).astype(int)
    right, bottom = np.clip(points.max(axis=0) + margin, 0, size).astype(int)
    return int(left), int(top), int(right), int(bottom)


def within(pose: Pose, corner: tuple[int, int], size: tuple[int, int]) -> Pose:
    """A pose found in a part of a picture, in the whole picture's coordinates."""
    image = pose.image.copy()
    image[:, :2] = (image[:, :2] * pose.size + corner) / size
    image[:, 2] *= pose.size[0] / size[0]
    return Pose(pose.time, image, pose.world, size)


def _size(frame: Frame) -> tuple[int, int]:
    return frame.image.shape[1], frame.image.shape[0]
