"""Where things lie in Fitness-AQA's folder: one description that its reader and the synthetic data set share.

    Fitness-AQA_dataset_release/
      Squat/Labeled_Dataset/  videos/<id>.mp4  Labels/error_*.json  Splits/*_keys.json  Splits/traj_nan.json
        Shallow_Squat_Error_Dataset/  images.zip  labels_shallow_depth.json  splits/*_ids.json
      OHP/Labeled_Dataset/  videos/<id>.mp4  Labels/error_*.json  Splits/*_keys.json
      BarbellRow/Labeled_Dataset/  barbellrow_images_raw.zip  Labels/labels_*_error.json
        Splits/Splits_*_Error/*_ids.json
      {Squat,OHP}/Unlabeled_Dataset/  videos.zip  bar_trajectories_raw.zip

All paths here are relative to the data set's folder. This module reads and writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Literal, TypeAlias

Split: TypeAlias = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")

ROOT = "Fitness-AQA_dataset_release"
"""What the released folder is called; the reader takes any name."""

UNLABELED = ("Squat/Unlabeled_Dataset", "OHP/Unlabeled_Dataset")
"""Parts without labels: counted, not read."""

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png")
"""What a still image may be called; the first is what the synthetic data set writes."""


@dataclass(frozen=True, slots=True)
class VideoPart:
    """Videos of one exercise with the intervals of their errors."""

    name: str
    """What `--only` calls it."""
    exercise: str
    """Wire name."""
    folder: str
    labels: Mapping[str, str]
    """Wire name of an error to the file of its intervals: `{id: [[start, end], ...]}`, seconds."""
    unusable: str | None = None
    """List of ids whose bar trajectory the authors could not track; their videos are whole."""

    @property
    def videos(self) -> str:
        """Folder of `<id>.mp4`."""
        return f"{self.folder}/videos"

    def video(self, clip: str) -> str:
        """The file of one video."""
        return f"{self.videos}/{clip}.mp4"

    def split(self, split: Split) -> str:
        """The file that lists a split's ids."""
        return f"{self.folder}/Splits/{split}_keys.json"


@dataclass(frozen=True, slots=True)
class ImagePart:
    """Still images of one exercise, labelled for one error: 1 where it shows."""

    name: str
    """What `--only` calls it."""
    exercise: str
    """Wire name."""
    error: str
    """Wire name."""
    archive: str
    """Zip file of the images."""
    labels: str
    """File of `{id: 0 | 1}`; an id is `<video>_<n>_<frame number>`."""
    splits: str
    """Folder of the split lists."""

    @property
    def unpacked(self) -> str:
        """Folder of the images where the user has unpacked the archive."""
        return str(PurePosixPath(self.archive).with_suffix(""))

    def split(self, split: Split) -> str:
        """The file that lists a split's ids."""
        return f"{self.splits}/{split}_ids.json"


_SQUAT = "Squat/Labeled_Dataset"
_OHP = "OHP/Labeled_Dataset"
_ROW = "BarbellRow/Labeled_Dataset"
_SHALLOW = f"{_SQUAT}/Shallow_Squat_Error_Dataset"

SQUAT = VideoPart(
    name="squat",
    exercise="squat",
    folder=_SQUAT,
    labels=MappingProxyType(
        {
            "knees_forward": f"{_SQUAT}/Labels/error_knees_forward.json",
            "knees_inward": f"{_SQUAT}/Labels/error_knees_inward.json",
        }
    ),
    unusable=f"{_SQUAT}/Splits/traj_nan.json",
)
OHP = VideoPart(
    name="ohp",
    exercise="overhead_press",
    folder=_OHP,
    labels=MappingProxyType(
        {
            "elbows": f"{_OHP}/Labels/error_elbows.json",
            "knees": f"{_OHP}/Labels/error_knees.json",
        }
    ),
)
SHALLOW = ImagePart(
    name="shallow",
    exercise="squat",
    error="shallow",
    archive=f"{_SHALLOW}/images.zip",
    labels=f"{_SHALLOW}/labels_shallow_depth.json",
    splits=f"{_SHALLOW}/splits",
)
LUMBAR = ImagePart(
    name="lumbar",
    exercise="barbell_row",
    error="lumbar",
    archive=f"{_ROW}/barbellrow_images_raw.zip",
    labels=f"{_ROW}/Labels/labels_lumbar_error.json",
    splits=f"{_ROW}/Splits/Splits_Lumbar_Error",
)
TORSO = ImagePart(
    name="torso",
    exercise="barbell_row",
    error="torso_angle",
    archive=f"{_ROW}/barbellrow_images_raw.zip",
    labels=f"{_ROW}/Labels/labels_torso_angle_error.json",
    splits=f"{_ROW}/Splits/Splits_TorsoAngle_Error",
)

VIDEO_PARTS: tuple[VideoPart, ...] = (SQUAT, OHP)
IMAGE_PARTS: tuple[ImagePart, ...] = (SHALLOW, LUMBAR, TORSO)
PARTS: tuple[VideoPart | ImagePart, ...] = (*VIDEO_PARTS, *IMAGE_PARTS)
