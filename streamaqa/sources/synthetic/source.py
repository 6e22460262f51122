"""The synthetic lifter as a source of frames, or of exact poses."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np

from streamaqa.sources.base import SourceInfo
from streamaqa.sources.synthetic.script import Scene
from streamaqa.sources.synthetic.spec import parse
from streamaqa.sources.synthetic.truth import Truth
from streamaqa.types import Frame, Pose

CHUNK = 16
"""Frames computed together; larger ones gain nothing and delay the first frame."""


class SyntheticSource:
    """Draws a scene frame by frame, as fast as it is asked.

    Frame n has time n / fps. The same scene, size, rate and seed give the same pixels and truth.
    """

    def __init__(
        self, scene: Scene, *, size: tuple[int, int] = (360, 480), fps: float = 30.0, seed: int = 0
    ) -> None:
        self._scene = scene
        self._fps = fps
        self._seed = seed
        self._closed = threading.Event()
        self.truth = Truth(scene, size)
        """What is drawn, exactly."""
        self.times = frame_times(self.truth.duration, fps)
        """Seconds of each frame."""

    @property
    def info(self) -> SourceInfo:
        """What is known of the stream."""
        return SourceInfo(
            name=self._scene.name,
            live=False,
            size=self.truth.size,
            fps=self._fps,
            frames=len(self.times),
            duration=self.truth.duration,
        )

    def frames(self) -> Iterator[Frame]:
        """The frames, in time order."""
        from streamaqa.sources.synthetic.render import Renderer

        renderer = Renderer(self._scene, self.truth.size, self._seed)
        for first in range(0, len(self.times), CHUNK):
            chunk = self.times[first : first + CHUNK]
            pictures = renderer.render(chunk, first)
            for number, (at, picture) in enumerate(zip(chunk, pictures, strict=True), start=first):
                if self._closed.is_set():
                    return
                yield Frame(number, picture, float(at), time.monotonic())

    def close(self) -> None:
        """End an iteration that is under way."""
        self._closed.set()


class SyntheticPoses:
    """The exact landmarks of a scene as a source of poses."""

    def __init__(self, scene: Scene, *, size: tuple[int, int] = (360, 480), fps: float = 30.0) -> None:
        self._scene = scene
        self._fps = fps
        self._closed = threading.Event()
        self.truth = Truth(scene, size)
        self.times = frame_times(self.truth.duration, fps)

    @property
    def info(self) -> SourceInfo:
        """What is known of the stream."""
        return SourceInfo(
            self._scene.name, False, self.truth.size, self._fps, len(self.times), self.truth.duration
        )

    def poses(self) -> Iterator[Pose]:
        """The poses, in time order."""
        for first in range(0, len(self.times), 256):
            for pose in self.truth.poses(self.times[first : first + 256]):
                if self._closed.is_set():
                    return
                yield pose

    def close(self) -> None:
        """End an iteration that is under way."""
        self._closed.set()


def frame_times(duration: float, fps: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Times n / fps up to `duration`."""
    return np.arange(int(duration * fps + 1e-6) + 1) / fps


def from_spec(spec: str) -> SyntheticSource:
    """The source that `spec` asks for, such as `synthetic:squat?reps=3`; SourceError says what is known."""
    wanted = parse(spec)
    return SyntheticSource(wanted.scene, size=wanted.size, fps=wanted.fps, seed=wanted.seed)


def poses(
    scene: Scene | str,
    fps: float = 30.0,
    *,
    size: tuple[int, int] = (360, 480),
    noise: float = 0.0,
    seed: int = 0,
) -> list[Pose]:
    """Exact poses of a scene (or of a spec string) at n / fps, nothing rendered: thousands a second.

    `noise` is the standard deviation of landmark noise in shares of the trunk's length, about 0.02 for the
    real model; it is smoothed over three frames as a video-mode pose model's is, and drawn from `seed`.
    """
    wanted = parse(scene).scene if isinstance(scene, str) else scene
    truth = Truth(wanted, size)
    times = frame_times(truth.duration, fps)
    exact = truth.poses(times)
    if noise <= 0.0:
        return exact
    rng = np.random.default_rng(seed)
    raw = rng.standard_normal((len(times) + 2, 33, 3))
    # Weights whose squares sum to one, so that the smoothed noise keeps its deviation.
    jitter = noise * (raw[:-2] + raw[1:-1] + raw[2:]) / np.sqrt(3.0)
    trunk = wanted.body.trunk
    per_metre = truth.view.focal / wanted.camera.distance / np.asarray([size[0], size[1], size[0]])
    return [_shaken(pose, move * trunk, per_metre) for pose, move in zip(exact, jitter, strict=True)]


def _shaken(pose: Pose, move: np.ndarray[tuple[int, int], np.dtype[np.float64]], per_metre: object) -> Pose:
    image, world = pose.image.copy(), pose.world.copy()
    image[:, :3] += (move * np.asarray(per_metre)).astype(np.float32)
    world[:, :3] += move.astype(np.float32)
    return Pose(pose.time, image, world, pose.size)
