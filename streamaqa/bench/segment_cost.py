"""What the segmenter costs beside the pose model, both timed in one run on the same pictures."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from streamaqa.errors import SourceError
from streamaqa.pose import MediaPipePose, PoseSettings
from streamaqa.pose.model_file import locate
from streamaqa.segmentation import Segmenter, SegmenterSettings
from streamaqa.sources.video import VideoSource

CLIP: Final = "squat_dumbbell_front_5reps.mp4"
FRAMES: Final = 240
"""Eight seconds at 30 a second: three repetitions, so that closing them is counted too."""
WARM_UP: Final = 5
"""Frames before the clock starts: the first ones build the delegate."""


@dataclass(frozen=True, slots=True)
class CostResult:
    """Times of one pose, on the machine that measured."""

    model_us: float
    """Microseconds of the pose model a frame, median."""
    segmenter_us: float
    """Microseconds of the segmenter a pose, mean: closing a repetition costs most, and is rare."""

    @property
    def share(self) -> float:
        """The segmenter's time over the pose model's, in [0, 1]."""
        return self.segmenter_us / self.model_us


def measure_cost(shared: Path, settings: SegmenterSettings | None = None) -> CostResult:
    """Time both over the first frames of a clip, one after the other for each frame.

    Raises SourceError where the clip is missing or too short, ModelFileError if there is no pose model.
    """
    source = VideoSource(shared / "clips" / CLIP)
    frames = list(itertools.islice(source.frames(), FRAMES))
    source.close()
    if len(frames) <= WARM_UP:
        raise SourceError(f"{CLIP}: {len(frames)} frames are too few to measure on")
    pose_settings, segmenter = PoseSettings(), Segmenter(settings)
    models, segmenters = [], []
    with MediaPipePose(locate(pose_settings), pose_settings) as estimator:
        for frame in frames:
            begun = time.perf_counter()
            pose = estimator.estimate(frame)
            estimated = time.perf_counter()
            segmenter.push(pose)
            models.append(estimated - begun)
            segmenters.append(time.perf_counter() - estimated)
    counted = segmenters[WARM_UP:]
    return CostResult(1e6 * median(models[WARM_UP:]), 1e6 * sum(counted) / len(counted))
