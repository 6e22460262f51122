"""Runs a model that reads windows over clips: cut and merged by serving's functions, judged by the clip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from finetune.evaluate.judges import Found, Verdict
from finetune.evaluate.material import Material
from finetune.evaluate.repetitions import repetitions
from streamaqa.assessment.merge import MergeSettings, Placed, ProbabilityCalibration, WindowReading, merge
from streamaqa.errors import AnswerError, WindowError
from streamaqa.exercises import EXERCISES, Exercise
from streamaqa.segmentation import SegmenterSettings
from streamaqa.types import Rep
from streamaqa.windows import (
    BufferSettings,
    EncodedFrame,
    FrameBuffer,
    Span,
    Window,
    WindowPlan,
    encode,
    spans,
)


class WindowReader(Protocol):
    """A model that reads windows: LLaVA's read-out, or answers as text by way of `merge.certain`."""

    @property
    def name(self) -> str:
        """For tables."""

    @property
    def key(self) -> str:
        """All that decides its readings: weights, settings."""

    @property
    def plan(self) -> WindowPlan:
        """How windows are to be cut for it."""

    def read(self, window: Window) -> WindowReading:
        """Read one window. AnswerError or WindowError cost that window."""


class WindowJudge:
    """Cuts each clip by the reader's plan, merges what its windows say, repetition by repetition.

    Args:
        reader: the model.
        whole: take each clip for one repetition, as the paper does, in place of the segmenter's. Needs a plan
            whose unit is the repetition.
        stills: whether the reader was trained on still images.
        settings: how windows are merged; serving's by default.
        calibration: what is done to merged probabilities; evaluation fits its own if this is None.
        segmenter: for the repetitions.
        exercises: the vocabulary.
    """

    told = False

    def __init__(
        self,
        reader: WindowReader,
        *,
        whole: bool = False,
        stills: bool = False,
        settings: MergeSettings | None = None,
        calibration: ProbabilityCalibration | None = None,
        segmenter: SegmenterSettings | None = None,
        exercises: Sequence[Exercise] = EXERCISES,
    ) -> None:
        if whole and reader.plan.unit != "rep":
            raise ValueError("a whole clip has no phases: the plan's unit must be the repetition")
        self._reader, self._whole, self.stills = reader, whole, stills
        self._settings, self._calibration = settings or MergeSettings(), calibration
        self._segmenter, self._exercises = segmenter, exercises
        self.name = reader.name
        self.key = f"{reader.name} {reader.key} {reader.plan.model_dump_json()} {whole}"

    def judge(self, material: Material) -> Verdict:
        """See `Judge`."""
        plan = self._reader.plan
        reps: tuple[Rep, ...] = ()
        notes: tuple[str, ...] = ()
        poses = [] if (self._whole or material.still) and plan.crop == "none" else list(material.poses())
        if not (self._whole or material.still):
            found = repetitions(poses, self._segmenter, self._exercises)
            reps, notes = found.reps, found.notes
        buffer = FrameBuffer(BufferSettings(seconds=material.duration + 1.0, max_bytes=2**40))
        last = 0.0
        for frame in material.frames():
            buffer.add(EncodedFrame(frame.time, *encode(frame.image)))
            last = frame.time
        units = [spans(plan, rep) for rep in reps] or [(Span(1, None, 0.0, last + 1e-6),)]
        verdicts = []
        for unit in units:
            try:
                windows = buffer.cut(plan, unit, poses)
            except WindowError:
                notes = (*notes, "unreadable_window")
                continue
            placed, lost = self._read(windows)
            notes += ("unreadable_window",) * lost
            if placed:
                verdicts.append(self._merged(placed, material.still))
        if not verdicts:
            return Verdict(exercise=None, notes=(*notes, "unreadable"))
        chosen = Counter(verdict.exercise for verdict in verdicts).most_common(1)[0][0]
        same = [verdict for verdict in verdicts if verdict.exercise == chosen]
        return Verdict(
            exercise=chosen,
            errors={name: max(one.errors[name] for one in same) for name in same[0].errors},
            spans=tuple(span for one in same for span in one.spans),
            notes=notes,
        )

    def _read(self, windows: Sequence[Window]) -> tuple[list[Placed], int]:
        """The windows that could be read, and how many could not."""
        placed: list[Placed] = []
        for window in windows:
            try:
                placed.append(Placed(self._reader.read(window), window.start, window.duration))
            except (AnswerError, WindowError):
                continue
        return placed, len(windows) - len(placed)

    def _merged(self, placed: Sequence[Placed], still: bool) -> Verdict:
        """One repetition. An error's every interval is scored by the error's probability."""
        merged = merge(placed, self._exercises, settings=self._settings, calibration=self._calibration)
        return Verdict(
            exercise=merged.exercise,
            errors={error.name: error.probability for error in merged.errors},
            spans=()
            if still
            else tuple(
                Found(error=error.name, start=start, end=end, score=error.probability)
                for error in merged.errors
                for start, end in (error.intervals or (error.best,))
            ),
        )
