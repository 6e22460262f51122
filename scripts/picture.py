"""Draws the README's picture from a real run of the engine over `synthetic:demo`.

.venv/bin/python scripts/picture.py docs/demo.png      (needs the extra `dev`)
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from streamaqa.assessment import KinematicAssessor
from streamaqa.config import CameraSettings, load
from streamaqa.delivery.messages import AnyMessage, FeedbackMessage
from streamaqa.engine import new_session
from streamaqa.exercises import exercise
from streamaqa.feedback import Coach
from streamaqa.feedback.words import Words
from streamaqa.pipeline import Pipeline
from streamaqa.pose import MediaPipePose
from streamaqa.pose.model_file import locate
from streamaqa.segmentation import Segmenter
from streamaqa.sources.synthetic import from_spec
from streamaqa.types import Frame, Pose

BONES = [(11, 12), (11, 13), (13, 15), (12, 14), (14, 16), (11, 23), (12, 24), (23, 24)]
BONES += [(23, 25), (25, 27), (24, 26), (26, 28), (27, 31), (28, 32)]
"""Pairs of MediaPipe landmarks that are joined by a line."""
COLOURS = {"lowering": "#4c72b0", "lifting": "#dd8452"}
FAULT = "#c44e52"
WHEN = {"knees": 0.15}
"""Share of an error's interval at which it shows best, where that is not the middle: a leg drive is early."""


@dataclass(slots=True)
class Seen:
    """An estimator that keeps what it saw."""

    model: MediaPipePose
    frames: list[Frame]
    poses: list[Pose]

    def estimate(self, frame: Frame) -> Pose:
        self.frames.append(frame)
        self.poses.append(self.model.estimate(frame))
        return self.poses[-1]

    def close(self) -> None:
        self.model.close()


async def watch() -> tuple[Seen, list[FeedbackMessage]]:
    """The engine over the demo's scene, as fast as it goes."""
    config = load(None, os.environ)
    seen = Seen(MediaPipePose(locate(config.pose)), [], [])
    said: list[FeedbackMessage] = []

    async def say(message: AnyMessage) -> None:
        if isinstance(message, FeedbackMessage):
            said.append(message)

    camera = CameraSettings(name="demo", source="synthetic:demo")
    parts = (from_spec(camera.source), seen, Segmenter(), KinematicAssessor(), Coach, say)
    await Pipeline(new_session(config, camera), *parts).run()
    return seen, said


def chosen(said: Sequence[FeedbackMessage]) -> list[FeedbackMessage]:
    """Of each set a clean repetition and a faulty one."""
    picked = []
    for number in sorted({message.set_number for message in said}):
        of_set = [message for message in said if message.set_number == number]
        picked += [message for message in of_set if not message.errors][:1]
        picked += [message for message in of_set if message.errors][-1:]
    return picked


def with_skeleton(frame: Frame, pose: Pose) -> NDArray[np.uint8]:
    """The picture with the landmarks that the engine saw."""
    image = frame.image.copy()
    points = (pose.image[:, :2] * pose.size).round().astype(int)
    for start, end in BONES:
        cv2.line(image, points[start].tolist(), points[end].tolist(), (255, 230, 60), 2, cv2.LINE_AA)
    for joint in sorted({joint for bone in BONES for joint in bone}):
        cv2.circle(image, points[joint].tolist(), 4, (255, 120, 30), -1, cv2.LINE_AA)
    return image


def show_frame(axes: Axes, seen: Seen, message: FeedbackMessage) -> None:
    error = message.errors[0] if message.errors else None
    at = message.turn_s
    if error is not None:
        at = error.start_s + WHEN.get(error.name, 0.5) * (error.end_s - error.start_s)
    index = int(np.argmin([abs(frame.time - at) for frame in seen.frames]))
    axes.imshow(with_skeleton(seen.frames[index], seen.poses[index])[60:])
    name = message.exercise.name.replace("_", " ")
    known = exercise(message.exercise.name)
    found = "no fault seen"
    if error is not None:
        label = Words("en").label(f"{known.name}.{error.name}", known.error(error.name))
        found = f"{label} ({error.probability:.0%})"
    axes.set_title(f"{name}, rep {message.rep}\n{found}", color=FAULT if error else "black", fontsize=11)
    axes.axis("off")


def show_timeline(axes: Axes, seen: Seen, said: Sequence[FeedbackMessage]) -> None:
    times = [pose.time for pose in seen.poses]
    for joints, style, label in (((23, 24), "-", "hips"), ((15, 16), "--", "wrists")):
        height = [1 - float(pose.image[list(joints), 1].mean()) for pose in seen.poses]
        axes.plot(times, height, style, color="0.35", linewidth=1.2, label=label)
    for message in said:
        for phase in message.phases:
            axes.axvspan(phase.start_s, phase.end_s, color=COLOURS[phase.kind], alpha=0.35, linewidth=0)
        for error in message.errors:
            axes.axvspan(error.start_s, error.end_s, ymax=0.06, color=FAULT, linewidth=0)
        axes.text(message.turn_s, 0.97, str(message.rep), ha="center", va="top", fontsize=10)
        if message.cue:
            axes.annotate(
                f"“{message.cue}”",
                (message.turn_s, 0.1),
                ha="center",
                fontsize=9,
                color=FAULT,
                style="italic",
            )
    handles = [plt.Rectangle((0, 0), 1, 1, color=colour, alpha=0.5) for colour in COLOURS.values()]
    handles.append(plt.Rectangle((0, 0), 1, 1, color=FAULT))
    curves, names = axes.get_legend_handles_labels()
    axes.legend(
        [*curves, *handles],
        [*names, *COLOURS, "fault"],
        ncols=5,
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        frameon=False,
    )
    axes.set(xlim=(0, times[-1]), ylim=(0, 1), xlabel="seconds", ylabel="height in the picture")


def main(target: Path) -> None:
    """Run and draw."""
    seen, said = asyncio.run(watch())
    shown = chosen(said)
    figure = plt.figure(figsize=(13, 5.9), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1.15, 1))
    for axes, message in zip(above.subplots(1, len(shown)), shown, strict=True):
        show_frame(axes, seen, message)
    show_timeline(below.subplots(), seen, said)
    figure.savefig(target, dpi=110)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
