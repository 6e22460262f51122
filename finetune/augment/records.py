"""A conversation record with an augmentation: frames, times, intervals and texts agree with what is seen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np

from finetune.augment.augmentation import (
    PLAIN,
    Augmentation,
    Interval,
    duration_after,
    kept_frames,
    move_interval,
)
from finetune.augment.recipes import Person, Sample
from finetune.records import Errors, Record, said
from streamaqa.dialogue import ErrorSpan
from streamaqa.errors import UsageError
from streamaqa.windows import encoded_size, plan_windows

DIGITS: Final = 6
"""Decimals of a second in a record: far below a frame."""
_SIDE: Final = re.compile(
    r"\b(?:left|right)(?:[ -]hand)?[ -](?:side|hand|arm|forearm|elbow|wrist|shoulder|hip|leg|thigh|knee|shin"
    r"|ankle|foot|heel)s?\b|\bto (?:the|his|her|their) (?:left|right)\b",
    re.IGNORECASE,
)
_TOLD: Final = re.compile(r"\d+(?:\.\d+)?(?=\s?s(?:ec(?:ond)?s?)?\b)")
"""A time in an answer: the dialogue writes 2.62s, other wordings may put a space before the unit."""


def sample_of(record: Record, people: Mapping[str, Person] | None = None) -> Sample:
    """What a draw has to know of a record; `people` says by clip (`Record.source`) where the lifter is."""
    intervals = tuple(interval for several in record.errors.values() for interval in several)
    person = (people or {}).get(record.source)
    return Sample(record.id, record.duration, intervals, person and _within(person, record.crop))


def _within(person: Person, crop: tuple[int, int, int, int] | None) -> Person:
    """Where the lifter is in the part of serving's JPEG that is left of a record's pictures."""
    if crop is None:
        return person
    left, top, right, bottom = crop
    size = right - left, bottom - top
    corners = np.reshape(person.box, (2, 2)) * encoded_size(person.size) - (left, top)
    (x, y), (z, w) = np.clip(corners / size, 0.0, 1.0).tolist()
    return Person((x, y, z, w), size)


def augmentation_of(record: Record) -> Augmentation:
    """What is to be done to the record's frames, after decoding and the crop to the person: `pixels.apply`.

    Its times are history: the record's frames, times, intervals and texts have them already.
    """
    return PLAIN if record.augment is None else Augmentation.model_validate(record.augment)


def augmented(record: Record, augmentation: Augmentation, copy: int) -> Record:
    """The record as a copy of its own, `<id>~<copy>`, with that augmentation.

    Texts stay word for word, but for the times in them. A flip leaves "left" and "right" alone: the dialogue
    names no side of the body, and a record that does is refused.

    Raises:
        UsageError: the record is augmented already, a flip would make its text false, or its answer does not
            tell the record's own times.
        ValueError: a shift leaves nothing of the window or of an interval; `recipes.draw` gives none such.
    """
    if record.augment is not None:
        raise UsageError(f"{record.id}: is augmented already; give the records that convert wrote")
    if augmentation.flip and (side := names_a_side(record)):
        raise UsageError(f"{record.id}: says {side!r}, which a flip would make false")
    update: dict[str, Any] = {}
    if augmentation.changes_time and not record.still:
        augmentation, update = _retimed(record, augmentation)
    written = augmentation.model_dump(mode="json", exclude_defaults=True) or None
    return record.model_copy(update=update | {"id": f"{record.id}~{copy}", "augment": written})


def kinds(records: Iterable[Record]) -> dict[str, int]:
    """How many records have which augmentation: `plain`, `flip`, `flip+rotation` and so on."""
    return dict(sorted(Counter(augmentation_of(record).kind for record in records).items()))


def names_a_side(record: Record) -> str | None:
    """The words of question or answer that tell left from right, if any do; "the right form" does not."""
    found = _SIDE.search(f"{record.question}\n{record.answer}")
    return found.group() if found else None


def _retimed(record: Record, wanted: Augmentation) -> tuple[Augmentation, dict[str, Any]]:
    """What changes in a record with its times, and the augmentation with its cuts at whole frames."""
    numbers, times = _shifted(record, wanted) if wanted.changes_window else (record.frames, record.times)
    first, step = times[0], record.duration - record.times[-1]
    augmentation = wanted.model_copy(
        update={
            "cut_start": _rounded(first),
            "cut_end": _rounded(max(record.duration - (times[-1] + step), 0.0)),
        }
    )
    duration = _rounded(duration_after(record.duration, augmentation))
    errors = {
        name: tuple(_moved(record, name, interval, augmentation) for interval in intervals)
        for name, intervals in record.errors.items()
    }
    update = {
        "frames": numbers,
        "times": tuple(_rounded((time - first) / augmentation.speed) for time in times),
        "start": _rounded(record.start + first),
        "duration": duration,
        "errors": errors,
    }
    if record.timed:
        update["conversations"] = record.with_answer(_retold(record, errors, duration)).conversations
    return augmentation, update


def _shifted(record: Record, wanted: Augmentation) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Frames and their times (seconds from the plain window's first frame) after a shift.

    The cut falls on the frame at or before it, so that never more is left out than was asked for. A uniform
    window is sampled anew from all frames of the unit that are left, as `convert` would; the times of those
    that the record does not list lie evenly between the ones that it does.
    """
    numbers, times = record.frames, record.times
    if record.plan.sampling == "uniform":
        numbers = tuple(range(record.frames[0], record.frames[-1] + 1))
        times = tuple(np.interp(numbers, record.frames, record.times).tolist())
    at_or_before = max(time for time in times if time <= wanted.cut_start + 1e-9)
    snapped = wanted.model_copy(update={"cut_start": at_or_before})
    kept = kept_frames(times, snapped, record.duration)
    if not kept:
        raise ValueError(f"{record.id}: a shift leaves no frame of {record.duration:.2f} s")
    left = [times[n] for n in kept]
    chosen = plan_windows(record.plan, left)[0] if record.plan.sampling == "uniform" else range(len(kept))
    return tuple(numbers[kept[n]] for n in chosen), tuple(left[n] for n in chosen)


def _moved(record: Record, name: str, interval: Interval, augmentation: Augmentation) -> Interval:
    moved = move_interval(interval, augmentation, record.duration)
    if moved is None:
        raise ValueError(
            f"{record.id}: a shift leaves nothing of {name} from {interval[0]} to {interval[1]} s"
        )
    return _rounded(moved[0]), _rounded(moved[1])


def _retold(record: Record, errors: Errors, duration: float) -> str:
    """The answer with its times moved as the intervals were, whatever its wording."""
    moved = {
        (name, said(old, record.duration)): said(new, duration)
        for name, intervals in record.errors.items()
        for old, new in zip(intervals, errors[name], strict=True)
    }
    told = record.spoken()
    new: list[ErrorSpan] = []
    for span in told.errors:
        when = moved.get(
            (span.name, None if span.start is None or span.end is None else (span.start, span.end))
        )
        if when is None:
            raise UsageError(f"{record.id}: its answer tells other times than the record: {record.answer!r}")
        new.append(ErrorSpan(span.name, *when))
    times = iter([f"{time}" for span in new for time in (span.start, span.end)])
    answer = record.with_answer(_TOLD.sub(lambda found: next(times, found.group()), record.answer))
    if answer.spoken() != replace(told, errors=tuple(new)):
        raise UsageError(f"{record.id}: times cannot be put into its answer: {record.answer!r}")
    return answer.answer


def _rounded(seconds: float) -> float:
    return round(float(seconds), DIGITS)
