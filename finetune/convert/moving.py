"""Labels between a clip and its windows: clipped to a window and moved to its times, and back again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from finetune.records import Errors, Interval, said


def hull(errors: Mapping[str, Sequence[Interval]]) -> Errors:
    """Each error's intervals joined into one from the first start to the last end, as the paper does."""
    return {
        name: ((min(start for start, _ in when), max(end for _, end in when)),) if when else ()
        for name, when in errors.items()
    }


def into_window(
    errors: Mapping[str, Sequence[Interval]], start: float, duration: float, min_share: float
) -> Errors:
    """The errors that a window shows, in seconds from its first frame.

    A window shows start <= time < start + duration of its clip. What it shows of an interval counts if that
    is at least `min_share` of the interval, or of the window where that is the shorter: a chunk that lies
    within a long fault shows nothing but the fault. What an answer could not say, since to hundredths of a
    second nothing is left, does not count either.
    """
    found: Errors = {}
    for name, when in errors.items():
        kept = []
        for begin, end in when:
            # to microseconds first: what is judged here is then what the record holds, and is told from
            shown = round(max(begin, start) - start, 6), round(min(end, start + duration) - start, 6)
            length = shown[1] - shown[0]
            # rounding must not cost an interval that is there as a whole
            enough = length >= min_share * min(end - begin, duration) - 2e-6
            if length > 0 and enough and said(shown, duration):
                kept.append(shown)
        if kept:
            found[name] = tuple(kept)
    return found


def into_clip(errors: Mapping[str, Sequence[Interval]], start: float) -> Errors:
    """A window's errors in the times of its clip."""
    return {
        name: tuple((round(begin + start, 6), round(end + start, 6)) for begin, end in when)
        for name, when in errors.items()
    }


def overlaps(when: Sequence[Interval], start: float, duration: float) -> int:
    """How many intervals a window shows any of, beyond what rounding makes."""
    return sum(min(end, start + duration) - max(begin, start) > 1e-6 for begin, end in when)
