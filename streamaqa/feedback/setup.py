"""Advice on where to stand and what the camera can see. Kept apart from faults: it is about the picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from streamaqa.body import FACING, SIDE_ON
from streamaqa.exercises import Exercise
from streamaqa.feedback.catalogue import PHRASES, Language
from streamaqa.feedback.words import Words

TURN_SIDE_ON = "turn_side_on"
TURN_FRONT_ON = "turn_front_on"


def observable(exercise: Exercise, yaw: float) -> tuple[str, ...]:
    """Names of the errors that poses can show of a lifter who is turned so: see `body.yaw`, degrees."""
    return tuple(error.name for error in exercise.errors if any(sign.shown_from(yaw) for sign in error.signs))


def turns(exercise: Exercise, yaw: float) -> dict[str, tuple[str, ...]]:
    """Advice code to the errors that following it would bring into view; empty where nothing would help."""
    shown = observable(exercise, yaw)
    advice = {}
    for code, other in ((TURN_SIDE_ON, SIDE_ON), (TURN_FRONT_ON, FACING)):
        gained = tuple(name for name in observable(exercise, other) if name not in shown)
        if gained:
            advice[code] = gained
    return advice


def advise(codes: Iterable[str], lang: Language = "en", exercise: Exercise | None = None) -> str:
    """The sentences for all of the segmenter's codes. Advice to turn names what that would show."""
    gained = {} if exercise is None else {**turns(exercise, FACING), **turns(exercise, SIDE_ON)}
    return " ".join(setup_text(code, lang, exercise, gained.get(code, ())) for code in codes)


def setup_text(
    code: str, lang: Language = "en", exercise: Exercise | None = None, errors: Iterable[str] = ()
) -> str:
    """The sentence for a set-up code of the segmenter or of `turns`; an unknown code is shown as it is."""
    names: Sequence[str] = tuple(errors)
    if code not in PHRASES[lang]:
        return code.replace("_", " ").capitalize() + "."
    words = Words(lang, {})
    return words.phrase(code, errors=words.names(exercise, names))
