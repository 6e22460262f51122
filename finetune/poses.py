"""Pose tracks of clips, made once: a folder of `.npz` tracks named after the clips, filled when asked for.

Whoever has tracks already puts them there as `<clip id>.npz` (`squat/64000_1.npz`), and no pose model is
needed for those.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from finetune.clips import Clip
from streamaqa.errors import SourceError
from streamaqa.pose import MediaPipePose, PoseEstimator, PoseSettings
from streamaqa.pose.model_file import locate
from streamaqa.sources.pose_track import PoseTrackSource, save_track
from streamaqa.sources.video import VideoSource
from streamaqa.types import Pose

LEAST_SHARE = 0.5
"""A track that spans less of its video belongs to another, or to a shorter cut of it."""
LONGER_S = 0.1
"""A track may end this much behind its video: rounding of times."""


class PoseTracks:
    """The tracks in a folder."""

    def __init__(
        self,
        folder: Path,
        videos: Path,
        settings: PoseSettings | None = None,
        estimator: Callable[[], PoseEstimator] | None = None,
    ) -> None:
        """`videos` is the data set's folder; `estimator` makes a pose model, one for each video."""
        self.folder = folder
        self._videos = videos
        self._settings = settings or PoseSettings()
        self._estimator = estimator or self._mediapipe
        self._bundle: Path | None = None
        self.made = 0
        """Tracks that the pose model made since the start."""

    def path(self, clip: Clip) -> Path:
        """Where a clip's track is, or would be."""
        return self.folder / f"{clip.id}.npz"

    def poses(self, clip: Clip) -> Sequence[Pose]:
        """A video's poses in time order, times from its first frame; they are kept if they were made now.

        SourceError if the video or its track cannot be read, or if the track is not of this video.
        """
        path = self.path(clip)
        if path.exists():
            poses = list(PoseTrackSource(path).poses())
            last = poses[-1].time
            if not LEAST_SHARE * clip.duration <= last <= clip.duration + LONGER_S:
                raise SourceError(
                    f"{path}: ends at {last:.2f} s, but the video lasts {clip.duration:.2f} s: "
                    "a track of another video"
                )
            return poses
        poses = self._make(clip)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.stem}.{os.getpid()}.part.npz")
        try:
            save_track(beside, poses)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        self.made += 1
        return poses

    def _make(self, clip: Clip) -> list[Pose]:
        source = VideoSource(self._videos / clip.file)
        try:
            estimator = self._estimator()
            try:
                return [estimator.estimate(frame) for frame in source.frames()]
            finally:
                estimator.close()
        finally:
            source.close()

    def _mediapipe(self) -> PoseEstimator:
        """A new model for each video: one that tracks must not start from another video's lifter."""
        if self._bundle is None:
            self._bundle = locate(self._settings)
        return MediaPipePose(self._bundle, self._settings)
