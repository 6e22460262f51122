"""From frames to what a model sees: the plan, the frame buffer, JPEG and crop. Training and serving share it.

A unit (a repetition, or one of its phases) is cut into windows of at most 32 frames by a `WindowPlan`, which
is part of the weights' contract. The index functions know no pictures, so training plans with the same code;
`encode`, `decode` and `crop` are the frame path, which training clips pass through as well.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from streamaqa.errors import WindowError
from streamaqa.settings import Settings
from streamaqa.types import Frame, PhaseEnded, PhaseKind, Pose, Rep

MAX_FRAMES = 32
"""Frames of one window at most: what the paper fine-tunes with, 210 visual tokens each."""

JPEG_QUALITY = 90
SHORT_SIDE = 480
"""Pixels. Fitness-AQA's videos are 480 wide and the model looks at 384 x 384: more would be of no use."""

CROP_MARGIN = 0.15
"""Share of the person box's longer side. The crown is 0.064 body heights above the eyes (Winter,
Biomechanics and Motor Control of Human Movement), which is 0.15 of the box if only the torso is in view."""

Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the encoded picture; right and bottom are outside."""


class WindowPlan(Settings):
    """How a repetition is cut into windows. The default is the paper's."""

    unit: Literal["rep", "phase"] = "rep"
    sampling: Literal["uniform", "consecutive"] = "uniform"
    """`uniform`: one window of `frames` frames over the unit. `consecutive`: every frame, in as few windows
    of near-equal length as hold them."""
    frames: int = Field(default=MAX_FRAMES, ge=1, le=MAX_FRAMES)
    fps: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Frames a second to thin out to before sampling; None takes the stream's own."""
    crop: Literal["none", "person"] = "none"


PAPER_PLAN = WindowPlan(unit="rep", sampling="uniform", frames=32, fps=None, crop="none")


class BufferSettings(Settings):
    """How much of the stream is kept for cutting; whichever cap is met first holds."""

    seconds: float = Field(default=30.0, gt=0, allow_inf_nan=False)
    """The slowest repetition worth coaching takes 8 s; the rest is for holds and a late segmenter."""
    max_bytes: int = Field(default=192 * 2**20, gt=0)
    """A 480 x 853 frame takes 80 to 95 kB (three real clips), so 30 s at 60 a second fit."""


@dataclass(frozen=True, slots=True)
class Window:
    """What one model call sees: at most 32 frames of one unit."""

    unit: int
    """The repetition, as `Rep.unit` names it."""
    phase: PhaseKind | None
    """None for a window of a whole repetition."""
    times: tuple[float, ...]
    """Seconds of stream time; rising, but a short unit under uniform sampling repeats frames."""
    duration: float
    """Seconds: last - first + one frame interval of the unit."""
    frames: tuple[bytes, ...]
    """One JPEG a frame, not cropped."""
    crop: Box | None = None
    """What to cut out of each frame after decoding."""

    @property
    def start(self) -> float:
        """Stream time of the first frame: add it to an answer's times."""
        return self.times[0]

    @property
    def relative_times(self) -> tuple[float, ...]:
        """Seconds from the first frame, for the time instruction."""
        return tuple(time - self.times[0] for time in self.times)

    @property
    def still(self) -> bool:
        """Whether this is a still image, which is asked about without times."""
        return len(self.times) == 1


# --- which frames: pure functions of times -------------------------------------------------------------


def uniform_indices(total: int, frames: int) -> tuple[int, ...]:
    """`frames` indices spread over `total` frames as LLaVA-Video does when forced: ends included, truncated.

    Fewer frames than asked for are repeated, as in the original.
    """
    return tuple(np.linspace(0, total - 1, frames, dtype=int).tolist())


def consecutive_windows(total: int, frames: int) -> tuple[tuple[int, ...], ...]:
    """All of `total` indices in order, in ceil(total / frames) runs whose lengths differ by one at most."""
    if total == 0:
        return ()
    return tuple(tuple(run.tolist()) for run in np.array_split(np.arange(total), math.ceil(total / frames)))


def resample(times: Sequence[float], fps: float) -> tuple[int, ...]:
    """Indices of the frames nearest to each tick of `fps` from the first frame on; none twice.

    `times` rise. Of two frames equally near the earlier is taken; a slower stream keeps its frames.
    """
    at = np.asarray(times, dtype=float)
    if len(at) == 0:
        return ()
    ticks = at[0] + np.arange(math.floor((at[-1] - at[0]) * fps + 1e-6) + 1) / fps
    halfway = (at[1:] + at[:-1]) / 2
    return tuple(np.unique(np.searchsorted(halfway, ticks - 1e-9, side="left")).tolist())


def plan_windows(plan: WindowPlan, times: Sequence[float]) -> tuple[tuple[int, ...], ...]:
    """Which of a unit's frames each window shows; `times` are all of the unit's frames, rising.

    A unit of one frame gives a still image whatever the sampling.
    """
    kept = resample(times, plan.fps) if plan.fps else tuple(range(len(times)))
    if plan.sampling == "uniform" and len(kept) > 1:
        chosen: tuple[tuple[int, ...], ...] = (uniform_indices(len(kept), plan.frames),)
    else:
        chosen = consecutive_windows(len(kept), plan.frames)
    return tuple(tuple(kept[index] for index in indices) for indices in chosen)


def frame_interval(times: Sequence[float], fps: float | None = None) -> float:
    """Seconds one frame stands for: the median step (a dropped frame is no step), or 1 / `fps` if longer.

    0 for a single frame, which is asked about without times.
    """
    if len(times) < 2:
        return 0.0
    return max(float(np.median(np.diff(times))), 1 / fps if fps else 0.0)


# --- the frame path ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """One frame as the buffer keeps it."""

    time: float
    """Seconds of stream time."""
    jpeg: bytes
    size: tuple[int, int]
    """Width and height of the JPEG in pixels."""


def encode(image: NDArray[np.uint8]) -> tuple[bytes, tuple[int, int]]:
    """A (H, W, 3) RGB picture as JPEG, and the JPEG's width and height.

    Quality 90, colour at full resolution (4:4:4), short side at most 480 and never enlarged.
    """
    import cv2  # heavy, and only needed where pictures are

    height, width = image.shape[:2]
    size = encoded_size((width, height))
    if size != (width, height):
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        JPEG_QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    done, buffer = cv2.imencode(".jpg", image[:, :, ::-1], options)
    if not done:
        raise WindowError(f"a picture of {width} x {height} pixels cannot be written as JPEG")
    return buffer.tobytes(), size


def encoded_size(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height that `encode` gives a picture of that width and height."""
    scale = min(1.0, SHORT_SIDE / min(size))
    return round(size[0] * scale), round(size[1] * scale)


def decode(jpeg: bytes) -> NDArray[np.uint8]:
    """The (H, W, 3) RGB picture of a JPEG; WindowError if it is none."""
    import cv2

    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB) if jpeg else None
    if image is None:
        raise WindowError(f"{len(jpeg)} bytes that are no JPEG picture")
    return np.asarray(image, np.uint8)


def crop(image: NDArray[np.uint8], box: Box | None) -> NDArray[np.uint8]:
    """The part of a (H, W, 3) picture inside `box`, or all of it."""
    if box is None:
        return image
    left, top, right, bottom = box
    return image[top:bottom, left:right]


def person_box(poses: Iterable[Pose], size: tuple[int, int]) -> Box:
    """The union of the poses' boxes with a margin, in pixels of a `size` = (width, height) picture.

    Landmarks outside the picture count as on its edge. WindowError if nobody was found in any pose.
    """
    found = [pose.image[:, :2] for pose in poses if pose.found]
    if not found:
        raise WindowError("nobody to crop to: no pose was found in this unit")
    points = np.clip(np.concatenate(found), 0.0, 1.0) * size  # (poses * 33, 2)
    low, high = points.min(axis=0), points.max(axis=0)
    margin = CROP_MARGIN * float((high - low).max())
    left, top = np.clip(np.floor(low - margin), 0, np.subtract(size, 1)).astype(int).tolist()
    right, bottom = np.clip(np.ceil(high + margin), (left + 1, top + 1), size).astype(int).tolist()
    return left, top, right, bottom


# --- cutting -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Span:
    """Where a unit lies in the stream: its frames have start <= time < end, so that spans can touch."""

    unit: int
    phase: PhaseKind | None
    """None for a whole repetition."""
    start: float
    end: float


def spans(plan: WindowPlan, of: Rep | PhaseEnded) -> tuple[Span, ...]:
    """The units of a repetition under `plan`; of a first phase alone, to send its windows early.

    A plan whose unit is the repetition has nothing to send early.
    """
    if isinstance(of, PhaseEnded):
        return (Span(of.unit, of.phase.kind, of.phase.start, of.phase.end),) if plan.unit == "phase" else ()
    if plan.unit == "rep":
        return (Span(of.unit, None, of.start, of.end),)
    return tuple(Span(of.unit, phase.kind, phase.start, phase.end) for phase in of.phases)


class FrameBuffer:
    """The last seconds of the stream as JPEG, and the scissors.

    `push` may run in another thread than `cut`; encoding holds no lock.
    """

    def __init__(self, settings: BufferSettings) -> None:
        self._settings = settings
        self._frames: deque[EncodedFrame] = deque()
        self._bytes = 0
        self._gone_until = -math.inf
        self._lock = Lock()
        self.evicted = 0
        """Frames that made room for newer ones since the start."""

    def __len__(self) -> int:
        """Frames held."""
        return len(self._frames)

    @property
    def nbytes(self) -> int:
        """Bytes of JPEG held."""
        return self._bytes

    def push(self, frame: Frame) -> None:
        """Encode and keep a frame; frames come in time order."""
        self.add(EncodedFrame(frame.time, *encode(frame.image)))

    def add(self, frame: EncodedFrame) -> None:
        """Keep a frame that is encoded already, and let go of what no longer fits, itself included."""
        with self._lock:
            self._frames.append(frame)
            self._bytes += len(frame.jpeg)
            oldest_kept = frame.time - self._settings.seconds
            while self._frames and (
                self._frames[0].time < oldest_kept or self._bytes > self._settings.max_bytes
            ):
                gone = self._frames.popleft()
                self._bytes -= len(gone.jpeg)
                self._gone_until = gone.time
                self.evicted += 1

    def clear(self) -> None:
        """Forget all frames: nobody will ask for them."""
        with self._lock:
            if self._frames:
                self._gone_until = self._frames[-1].time
            self._frames.clear()
            self._bytes = 0

    def cut(self, plan: WindowPlan, units: Iterable[Span], poses: Sequence[Pose] = ()) -> list[Window]:
        """The windows of each span, in order. `poses` are needed for a person crop only.

        WindowError if frames of a span have left the buffer or never came, or nobody was found to crop to.
        """
        return [window for span in units for window in self._cut(plan, span, poses)]

    def _cut(self, plan: WindowPlan, span: Span, poses: Sequence[Pose]) -> list[Window]:
        with self._lock:
            frames = [frame for frame in self._frames if span.start <= frame.time < span.end]
            gone = self._gone_until >= span.start
        where = f"{span.phase or 'repetition'} from {span.start:.2f} to {span.end:.2f} s"
        if gone:
            raise WindowError(
                f"frames of the {where} have left the buffer: raise buffer.seconds or .max_bytes"
            )
        if not frames:
            raise WindowError(f"the buffer holds no frame of the {where}")
        box = _crop_box(frames, [pose for pose in poses if span.start <= pose.time < span.end], plan, where)
        times = [frame.time for frame in frames]
        interval = frame_interval(times, plan.fps)
        return [
            Window(
                unit=span.unit,
                phase=span.phase,
                times=tuple(times[index] for index in indices),
                duration=times[indices[-1]] - times[indices[0]] + interval,
                frames=tuple(frames[index].jpeg for index in indices),
                crop=box,
            )
            for indices in plan_windows(plan, times)
        ]


def _crop_box(frames: list[EncodedFrame], poses: list[Pose], plan: WindowPlan, where: str) -> Box | None:
    if plan.crop == "none":
        return None
    sizes = {frame.size for frame in frames}
    if len(sizes) > 1:
        raise WindowError(f"the picture changes size within the {where}")
    return person_box(poses, sizes.pop())
