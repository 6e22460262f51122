"""The segmenter on the annotated clips themselves: decoded, estimated, and followed in their pictures.

The other recordings are pose tracks, which hold no pictures. Beside it, the same clips by landmarks alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from streamaqa.bench.annotated import AnnotatedResult, annotations_in, rest, run, score, sum_up
from streamaqa.errors import SourceError
from streamaqa.pose import MediaPipePose, PoseSettings
from streamaqa.pose.model_file import locate
from streamaqa.segmentation import SegmenterSettings
from streamaqa.sources.video import VideoSource
from streamaqa.types import Pose


@dataclass(frozen=True, slots=True)
class ClipsResult:
    """The same clips, read in two ways."""

    followed: AnnotatedResult
    """With what was followed in the pictures."""
    landmarks: AnnotatedResult
    """Without."""


def measure_clips(shared: Path, settings: SegmenterSettings | None = None) -> ClipsResult:
    """Score every annotated recording whose clip is in `shared`.

    Raises SourceError if there is none, ModelFileError if there is no pose model.
    """
    clips = [(each, shared / "clips" / f"{each['name']}.mp4") for each in annotations_in(shared)]
    seen = [(annotation, _poses(path)) for annotation, path in clips if path.is_file()]
    if not seen:
        raise SourceError(f"{shared / 'clips'}: no annotated clip there")
    results = []
    for poses_of in (lambda poses: poses, _without_flow):
        tracks = [(annotation, poses_of(poses)) for annotation, poses in seen]
        scored = [score(annotation, run(poses, settings)) for annotation, poses in tracks]
        rested = [score(annotation, run(rest(poses), settings)) for annotation, poses in tracks]
        results.append(sum_up(scored, rested))
    return ClipsResult(*results)


def _poses(path: Path) -> list[Pose]:
    pose = PoseSettings()
    source = VideoSource(path)
    try:
        with MediaPipePose(locate(pose), pose) as estimator:
            return [estimator.estimate(frame) for frame in source.frames()]
    finally:
        source.close()


def _without_flow(poses: list[Pose]) -> list[Pose]:
    return [replace(pose, flow=None) for pose in poses]
