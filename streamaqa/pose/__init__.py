"""From a frame to the landmarks of the lifter: MediaPipe's PoseLandmarker behind a Protocol.

MediaPipe itself is imported when an estimator is opened, not when this module is.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from streamaqa.pose.choosing import Choice
from streamaqa.pose.flow import PointFollower
from streamaqa.pose.follow import Doubt, Follower
from streamaqa.pose.landmarker import Landmarker
from streamaqa.pose.painting import AROUND_M, CLOSE_M, LIMB_M, Box, alone, around, only, within, without
from streamaqa.pose.person import Person
from streamaqa.pose.settings import ChoosingSettings, FollowSettings
from streamaqa.settings import Settings
from streamaqa.types import Frame, Pose

Variant: TypeAlias = Literal["lite", "full", "heavy"]

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
    flow: bool = True
    """Follow hands, bar and hips in the pixels too: boundaries of slow phases are then told from those."""
    choosing: ChoosingSettings = ChoosingSettings()
    """When somebody who stands beside a lifter from the first is left for the lifter."""


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
        self._crowd: Landmarker | None = None
        self._follower = Follower(self._settings.follow)
        self._choice, self._chosen = Choice(self._settings.choosing), 0
        self._sees_somebody = False
        self._points = PointFollower() if self._settings.flow else None
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="flow")
        self._closed = False
        self.looks = 0
        """Second looks so far."""

    def estimate(self, frame: Frame) -> Pose:
        """The pose in this frame. Frames must come in time order."""
        if self._closed:
            raise ValueError("the pose estimator is closed")
        if self._points is None:
            return self._lifter(frame)
        flow = self._beside.submit(self._points.follow, frame.image, frame.time)
        try:
            pose = self._lifter(frame)
        finally:
            moved = flow.result()
        self._points.put(pose)
        return replace(pose, flow=moved)

    def _lifter(self, frame: Frame) -> Pose:
        """The landmarks of the lifter."""
        poses = self._tracker.find(self._in_sight(frame), frame.time)
        self._sees_somebody = bool(poses)
        if not poses:
            return self._search(frame)
        (pose,) = poses
        if self._settings.people == 1:
            return pose
        tracked = Person.of(pose, frame.image)
        match self._follower.doubt(tracked):
            case Doubt.NONE:
                return self._choose(frame, pose, tracked)
            case Doubt.WAIT:
                return Pose.nobody(frame.time, _size(frame))
            case Doubt.LOOK:
                return self._look(frame, pose, tracked)

    def close(self) -> None:
        """Free the models: an unclosed landmarker raises when the interpreter exits."""
        self._closed = True
        self._beside.shutdown()
        self._tracker.close()
        if self._crowd is not None:
            self._crowd.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _in_sight(self, frame: Frame) -> NDArray[np.uint8]:
        """What the tracker is shown: while others are about, only where the lifter can be."""
        place = self._follower.place
        if place is None or not self._follower.narrow(frame.time):
            return frame.image
        close = self._follower.hidden and self._sees_somebody
        return only(frame.image, around(place, _size(frame), CLOSE_M if close else AROUND_M))

    def _look(self, frame: Frame, pose: Pose, tracked: Person) -> Pose:
        """Find everybody, and the lifter among them; bring the tracker back if it has gone elsewhere."""
        self.looks += 1
        seen = self._everybody(frame, [(pose, tracked)])
        lifter = self._follower.decide(tracked, [person for _, person in seen])
        if lifter is tracked:
            return pose
        if lifter is not None:
            self._bring_back(frame, next(each for each, person in seen if person is lifter))
        return Pose.nobody(frame.time, _size(frame))  # a single look is too rough to be told

    def _choose(self, frame: Frame, pose: Pose, tracked: Person) -> Pose:
        """Whether somebody else is the lifter, before the one tracked has lifted."""
        if self._chosen != self._follower.taken:
            self._choice, self._chosen = Choice(self._settings.choosing), self._follower.taken
        why = self._choice.push(frame.image, pose, tracked)
        if why is None:
            return pose
        self.looks += 1
        box = None if why.x is None else around(replace(tracked, x=why.x), _size(frame))
        seen = self._all_in(without(frame.image, pose, LIMB_M * tracked.metre), frame, box)
        rival = self._choice.decide(pose, tracked, seen, why)
        if rival is None:
            return pose
        self._follower.take(rival)
        self._choice = Choice(self._settings.choosing, self._choice.takes)
        self._bring_back(frame, next(each for each, person in seen if person is rival))
        return Pose.nobody(frame.time, _size(frame))

    def _search(self, frame: Frame) -> Pose:
        """Nobody is tracked: look for the lifter, if others were about."""
        if self._follower.missing(frame.time):
            self.looks += 1
            seen = self._everybody(frame, [])
            lifter = self._follower.find([person for _, person in seen], frame.time)
            if lifter is not None:
                self._bring_back(frame, next(each for each, person in seen if person is lifter))
        return Pose.nobody(frame.time, _size(frame))

    def _everybody(self, frame: Frame, known: list[tuple[Pose, Person]]) -> list[tuple[Pose, Person]]:
        """Who is in the picture, at the lifter's place, and there again behind those who are somebody else.

        In the whole picture the detector often sees the nearest person only, and that one several times.
        """
        seen = [] if self._follower.wary(frame.time) else self._all_in(frame.image, frame)
        if (place := self._follower.place) is None:
            return seen
        box = around(place, _size(frame))
        seen += self._all_in(frame.image, frame, box)
        if not any(self._follower.resembles(person) for _, person in seen):
            picture = frame.image
            for other, person in [*known, *seen]:
                picture = without(picture, other, LIMB_M * person.metre)
            seen += self._all_in(picture, frame, box)
        return seen

    def _all_in(
        self, picture: NDArray[np.uint8], frame: Frame, box: Box | None = None
    ) -> list[tuple[Pose, Person]]:
        """Everybody in a part of a picture of that frame."""
        width, height = _size(frame)
        left, top, right, bottom = box or (0, 0, width, height)
        if right - left < LEAST_CROP or bottom - top < LEAST_CROP:
            return []
        if self._crowd is None:
            self._crowd = self._open(self._settings.people, LOOK_CONFIDENCE)
        part = self._crowd.find(picture[top:bottom, left:right], frame.time)
        poses = [within(pose, (left, top), (width, height)) for pose in part]
        return [(pose, Person.of(pose, frame.image)) for pose in poses]

    def _open(self, people: int | None = None, detection: float | None = None) -> Landmarker:
        s = self._settings
        detection = s.detection_confidence if detection is None else detection
        return Landmarker(self._model, detection=detection, tracking=s.tracking_confidence, people=people)

    def _bring_back(self, frame: Frame, lifter: Pose) -> None:
        """Start a new tracker on this frame with all but the lifter painted over."""
        self._tracker.close()
        self._tracker = self._open()
        self._tracker.find(alone(frame.image, lifter), frame.time)


def _size(frame: Frame) -> tuple[int, int]:
    return frame.image.shape[1], frame.image.shape[0]
