"""Advice on where to stand and what the camera can see. Kept apart from faults: it is about the picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from streamaqa.body import View
from streamaqa.exercises import Exercise
from streamaqa.feedback.catalogue import PHRASES, Language
from streamaqa.feedback.words import Words

TURN_SIDE_ON = "turn_side_on"
TURN_FRONT_ON = "turn_front_on"


def observable(exercise: Exercise, view: View) -> tuple[str, ...]:
    """Names of the errors that poses can show from this view."""
    return tuple(error.name for error in exercise.errors if any(view in sign.views for sign in error.signs))


def turns(exercise: Exercise, view: View) -> dict[str, tuple[str, ...]]:
    """Advice code to the errors that following it would bring into view; empty where nothing would help."""
    shown = observable(exercise, view)
    advice = {}
    for code, other in ((TURN_SIDE_ON, View.SIDE), (TURN_FRONT_ON, View.FRONT)):
        gained = tuple(name for name in observable(exercise, other) if name not in shown)
        if gained:
            advice[code] = gained
    return advice


def advise(codes: Iterable[str], lang: Language = "en", exercise: Exercise | None = None) -> str:
    """The sentences for all of the segmenter's codes. Advice to turn names what that would show."""
    gained = {} if exercise is None else {**turns(exercise, View.FRONT), **turns(exercise, View.SIDE)}
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
