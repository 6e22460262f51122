"""What the worker read in the windows of a repetition, as an `Assessment` of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from streamaqa.assessment.merge import Placed, merge
from streamaqa.assessment.remote.contact import Terms
from streamaqa.assessment.wire import Answer
from streamaqa.errors import WorkerError
from streamaqa.exercises import Exercise
from streamaqa.types import Assessment, Finding, Rep
from streamaqa.windows import Window

LEAST = 0.01
"""The segmenter is never surer than this leaves room for: it has not seen what the model sees."""


def hint_of(exercise: str, probability: float, known: Sequence[Exercise]) -> dict[str, float]:
    """The segmenter's log-probabilities of the exercises that the weights know, by wire name."""
    sure = min(max(probability, LEAST), 1 - LEAST)
    others = max(len(known) - 1, 1)
    return {other.name: math.log(sure if other.name == exercise else (1 - sure) / others) for other in known}


def placed(windows: Sequence[Window], answer: Answer) -> list[Placed]:
    """The windows that could be read, in stream time. One that could not costs that window."""
    return [
        Placed(told.reading.unpacked(), window.start, window.duration)
        for window, told in zip(windows, answer.windows, strict=True)
        if told.reading is not None
    ]


def assessment_of(rep: Rep, windows: Sequence[Placed], hint: Mapping[str, float], terms: Terms) -> Assessment:
    """The windows' readings merged, within the repetition.

    Merged here and not taken from the worker's own merging, since windows of one repetition may have gone in
    two requests. WindowError if no window could be read, WorkerError for a reading in other words.
    """
    try:
        merged = merge(windows, terms.exercises, prior=hint, calibration=terms.model.calibration)
    except (KeyError, StopIteration, OverflowError) as error:
        raise WorkerError(f"the worker's readings do not fit its vocabulary: {error!r}") from None
    findings = tuple(
        Finding(
            error.name,
            error.probability,
            min(max(error.best[0], rep.start), rep.end),
            max(min(error.best[1], rep.end), rep.start),
        )
        for error in merged.errors
    )
    return Assessment(
        merged.exercise, merged.exercises[merged.exercise], findings, (), terms.info, degraded=False
    )
