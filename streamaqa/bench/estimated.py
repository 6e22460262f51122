"""What the real pose model sees in drawn scenes, kept in the cache of the user: it takes minutes to make.

A kept track is found by everything it depends on: the scene, the picture's size, rate and noise, what the
drawing code makes of it (as pixels and landmarks, so that tidying that code costs nothing), the pose model's
file, MediaPipe's version, and the code that follows the lifter.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Final

import numpy as np
import platformdirs

import streamaqa.pose
from streamaqa.exercises import EXERCISES
from streamaqa.pose import MediaPipePose, PoseSettings
from streamaqa.pose.model_file import locate
from streamaqa.sources.pose_track import PoseTrackSource, save_track
from streamaqa.sources.synthetic import RepScript, Scene, SetScript, SyntheticSource, Truth
from streamaqa.sources.synthetic.source import frame_times
from streamaqa.types import Pose

REFERENCE: Final = Scene(tuple(SetScript(e.name, (RepScript(),), view=30.0) for e in EXERCISES))
"""Some of its frames tell whether the drawing code has changed. Nothing in it is drawn by chance."""
LOOKS: Final = 6
"""Frames of it that are looked at."""
LOOK_EVERY_S: Final = 0.5
"""Seconds between the moments whose landmarks tell whether a scene's movement has changed."""


@dataclass(frozen=True, slots=True)
class Take:
    """One scene as it is to be drawn."""

    scene: Scene
    size: tuple[int, int] = (360, 480)
    """Width and height in pixels."""
    fps: float = 30.0
    seed: int = 0
    """Of the sensor's noise."""


class EstimatedTracks:
    """Pose tracks of drawn scenes. Raises ModelFileError if there is no pose model."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or platformdirs.user_cache_path("streamaqa") / "bench"
        self._model = locate(PoseSettings())
        seen = (version("mediapipe").encode(), self._model.read_bytes(), _code_of(streamaqa.pose))
        parts = (*seen, _drawn_reference())
        self._version = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()

    def kept(self, take: Take) -> bool:
        """Whether that track need not be estimated."""
        return self._path(take).is_file()

    def get(self, take: Take) -> list[Pose]:
        """The poses of that scene, in time order."""
        path = self._path(take)
        if not path.is_file():
            self._keep(path, list(_estimate(take, self._model)))
        return list(PoseTrackSource(path).poses())

    def _path(self, take: Take) -> Path:
        what = repr((take, self._version)).encode() + _movement(take)
        return self._folder / f"{hashlib.sha256(what).hexdigest()[:24]}.npz"

    def _keep(self, path: Path, poses: list[Pose]) -> None:
        """Written under another name first: a run that is stopped leaves no half track."""
        self._folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npz")
        save_track(part, poses)
        part.replace(path)


def _estimate(take: Take, model: Path) -> Iterator[Pose]:
    source = SyntheticSource(take.scene, size=take.size, fps=take.fps, seed=take.seed)
    with MediaPipePose(model) as estimator:
        for frame in source.frames():
            yield estimator.estimate(frame)


def _code_of(package: ModuleType) -> bytes:
    """What a package does: its modules' code without comments, layout and docstrings."""
    folder = Path(str(package.__file__)).parent
    return "".join(ast.dump(_without_docstrings(path)) for path in sorted(folder.glob("*.py"))).encode()


def _without_docstrings(path: Path) -> ast.Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [each for each in node.body if not _is_docstring(each)]
    return tree


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _drawn_reference() -> bytes:
    """Pixels of the reference scene."""
    from streamaqa.sources.synthetic.render import Renderer

    size = (90, 120)
    duration = Truth(REFERENCE, size).duration
    pictures = Renderer(REFERENCE, size, 0).render(np.linspace(0.1, 0.9, LOOKS) * duration, 0)
    return b"".join(picture.tobytes() for picture in pictures)


def _movement(take: Take) -> bytes:
    """Landmarks of the lifter here and there, in whole thousandths of the picture."""
    truth = Truth(take.scene, take.size)
    image, _ = truth.landmarks(frame_times(truth.duration, 1 / LOOK_EVERY_S))
    return np.round(1000 * image[..., :2]).astype(np.int32).tobytes()
