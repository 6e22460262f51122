"""What a judge may look at: a clip's pictures and poses, and no labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from finetune.clips import Clip
from finetune.fitness_aqa.pictures import PictureReader
from finetune.poses import PoseTracks
from streamaqa.errors import SourceError, UsageError, WindowError
from streamaqa.pose import MediaPipePose, PoseEstimator, PoseSettings
from streamaqa.pose.painting import GREY
from streamaqa.sources.video import VideoSource
from streamaqa.types import Frame, Pose
from streamaqa.windows import Box, decode, person_box


@dataclass(frozen=True, slots=True)
class Material:
    """One clip without its labels."""

    id: str
    told: str
    """The exercise by wire name: for controls that are told it, and for stills, which show no movement."""
    still: bool
    duration: float
    """Seconds; 0 for a still."""
    _frames: Callable[[], Iterator[Frame]]
    _poses: Callable[[], Sequence[Pose]]

    def frames(self) -> Iterator[Frame]:
        """The pictures in time order. SourceError, also on the way, if the file is damaged."""
        return self._frames()

    def poses(self) -> Sequence[Pose]:
        """The lifter's poses in time order. SourceError as for `frames`."""
        return self._poses()


class Library:
    """Makes the material of a data set's clips; poses are kept in a folder from run to run. Close it."""

    def __init__(
        self,
        root: Path,
        tracks: Path,
        settings: PoseSettings | None = None,
        estimator: Callable[[], PoseEstimator] | None = None,
    ) -> None:
        """`root` is the data set's folder, `tracks` where poses are kept; `estimator` makes a pose model."""
        self.root, self._folder = root, tracks
        self._settings = settings or PoseSettings()
        self._estimator = estimator or self._mediapipe
        self._pictures_of = PictureReader(root)

    def close(self) -> None:
        """Close the data set's archives."""
        self._pictures_of.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def material(self, clip: Clip) -> Material:
        """The clip as it is."""
        return Material(
            clip.id,
            clip.exercise,
            clip.kind == "image",
            clip.duration,
            lambda: self._pictures(clip),
            lambda: self._poses(clip, self._folder, self._estimator),
        )

    def without_person(self, clip: Clip) -> Material | None:
        """The clip with everything inside the person's box in grey; None where nobody was found to erase.

        One box for the whole clip, the union over its frames: a box that followed the lifter would still show
        the repetition.
        """
        whole = self.material(clip)
        poses = whole.poses()
        try:
            box = person_box(poses, poses[0].size)
        except WindowError:
            return None
        return replace(
            whole,
            _frames=lambda: (erased(frame, box) for frame in self._pictures(clip)),
            _poses=lambda: self._poses(
                clip, self._folder / "person_erased", lambda: _Erasing(self._estimator(), box)
            ),
        )

    def _poses(self, clip: Clip, folder: Path, estimator: Callable[[], PoseEstimator]) -> Sequence[Pose]:
        if clip.kind == "video":
            return PoseTracks(folder, self.root, self._settings, estimator).poses(clip)
        model = estimator()
        try:
            return [model.estimate(frame) for frame in self._pictures(clip)]
        finally:
            model.close()

    def _pictures(self, clip: Clip) -> Iterator[Frame]:
        if clip.kind == "image":
            yield Frame(0, self._picture(clip), 0.0, 0.0)
            return
        source = VideoSource(self.root / clip.file)
        try:
            yield from source.frames()
        finally:
            source.close()
        if source.corrupt_frames:
            raise SourceError(f"{clip.file}: {source.corrupt_frames} frames cannot be decoded")

    def _picture(self, clip: Clip) -> NDArray[np.uint8]:
        try:
            if clip.archive is not None:
                self._pictures_of.open(clip.archive)
            return decode(self._pictures_of.read(clip.file, clip.archive, clip.member))
        except (UsageError, WindowError) as error:
            raise SourceError(f"{clip.id}: {error}") from None

    def _mediapipe(self) -> PoseEstimator:
        from streamaqa.pose.model_file import locate

        return MediaPipePose(locate(self._settings), self._settings)


def erased(frame: Frame, box: Box) -> Frame:
    """The frame with the box in grey."""
    left, top, right, bottom = box
    image = frame.image.copy()
    image[top:bottom, left:right] = GREY
    return replace(frame, image=image)


class _Erasing:
    """A pose model that is shown frames without the person."""

    def __init__(self, model: PoseEstimator, box: Box) -> None:
        self._model, self._box = model, box

    def estimate(self, frame: Frame) -> Pose:
        return self._model.estimate(erased(frame, self._box))

    def close(self) -> None:
        self._model.close()
