"""Which parts of a clip are shown, and their windows: by serving's own segmenter and scissors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from finetune.clips import Clip
from finetune.convert.settings import ConvertSettings
from finetune.records import Unit
from streamaqa.segmentation import Segmenter
from streamaqa.types import Pose, Rep, RepEnded
from streamaqa.windows import (
    BufferSettings,
    EncodedFrame,
    FrameBuffer,
    Span,
    Window,
    WindowPlan,
    encoded_size,
    frame_interval,
    spans,
)

Reps: TypeAlias = Literal["none", "one", "several"]
"""How many repetitions were found."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a clip that windows are cut from."""

    unit: Unit
    number: int
    """Of the repetition in the clip, from 0."""
    span: Span
    """In the clip's time."""


def find_reps(clip: Clip, poses: Sequence[Pose]) -> list[Rep]:
    """The repetitions of a clip, whose exercise is known."""
    segmenter = Segmenter(hint=clip.exercise)
    events = [event for pose in poses for event in segmenter.push(pose)]
    return [event.rep for event in (*events, *segmenter.flush()) if isinstance(event, RepEnded)]


def parts(
    times: Sequence[float], settings: ConvertSettings, reps: Sequence[Rep] | None
) -> tuple[list[Part], Reps]:
    """What of a clip is shown. `reps` is None where the clip itself counts as one.

    `times` are those of all its frames.
    """
    whole = Part("clip", 0, Span(0, None, times[0], times[-1] + frame_interval(times)))
    if reps is None:
        return [whole], "one"
    if not reps:
        return [whole] if settings.no_rep == "whole" else [], "none"
    chosen = list(enumerate(reps))
    if len(reps) > 1 and settings.many_reps == "longest":
        chosen = [max(chosen, key=lambda pair: pair[1].duration)]
    elif len(reps) > 1 and settings.many_reps == "skip":
        chosen = []
    found = [
        Part(settings.plan.unit, number, span) for number, rep in chosen for span in spans(settings.plan, rep)
    ]
    return found, "several" if len(reps) > 1 else "one"


class Scissors:
    """Cuts the windows of one clip. Pictures are not needed: serving's frame buffer gets empty ones."""

    def __init__(self, clip: Clip, times: Sequence[float], plan: WindowPlan) -> None:
        self._plan = plan
        self._numbers = {time: number for number, time in enumerate(times)}
        self._buffer = FrameBuffer(BufferSettings(seconds=times[-1] - times[0] + 1.0))
        size = encoded_size(clip.size)
        for time in times:
            self._buffer.add(EncodedFrame(time, b"", size))

    def cut(self, part: Part, poses: Sequence[Pose]) -> list[tuple[Window, tuple[int, ...]]]:
        """A part's windows in order, each with the numbers of its frames in the clip.

        WindowError if the part holds no frame, or nobody to crop to.
        """
        windows = self._buffer.cut(self._plan, [part.span], poses)
        return [(window, tuple(self._numbers[time] for time in window.times)) for window in windows]
