"""The windows that `bench fleet` sends: a drawn lifter as a phone sees it, through the frame path."""

from __future__ import annotations

from itertools import islice
from typing import Literal

from streamaqa.sources.synthetic.source import SyntheticSource
from streamaqa.sources.synthetic.spec import parse
from streamaqa.types import Frame
from streamaqa.windows import Window, encode, uniform_indices

SIZE = 480, 853
"""Width and height after the frame path."""
SMALL = 120, 213
"""For a worker that sleeps: decoding would measure the processor."""
FPS = 30.0


def phases(frames: int, seconds: float, size: tuple[int, int] = SIZE) -> tuple[Window, ...]:
    """Two windows of so many frames, one after the other, times from the repetition's start."""
    each = round(seconds * FPS)
    source = SyntheticSource(parse("synthetic:squat").scene, size=size, fps=FPS)
    drawn = list(islice(source.frames(), 2 * each))
    return _window(drawn[:each], frames, "lowering"), _window(drawn[each:], frames, "lifting")


def _window(drawn: list[Frame], frames: int, kind: Literal["lowering", "lifting"]) -> Window:
    kept = [drawn[index] for index in uniform_indices(len(drawn), frames)]
    times = tuple(frame.time for frame in kept)
    jpegs = tuple(encode(frame.image)[0] for frame in kept)
    return Window(0, kind, times, times[-1] - times[0] + 1 / FPS, jpegs)
