"""Advice on where to stand and what the camera can see. Kept apart from faults: it is about the picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from streamaqa.body import FACING, SIDE_ON
from streamaqa.exercises import Exercise
from streamaqa.feedback.catalogue import PHRASES, Language
from streamaqa.feedback.words import Words

TURN_SIDE_ON = "turn_side_on"
TURNED = tuple(float(degrees) for degrees in range(-180, 180, 15))
"""Yaws that stand for all: the narrowest view is 20 degrees to either side."""


def observable(exercise: Exercise, yaw: float) -> tuple[str, ...]:
    """Names of the errors that poses can show of a lifter who is turned so: see `body.yaw`, degrees."""
    return tuple(error.name for error in exercise.errors if any(sign.shown_from(yaw) for sign in error.signs))


def advise(
    codes: Iterable[str],
    lang: Language = "en",
    exercise: Exercise | None = None,
    shown: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """The sentences for all of the segmenter's codes. Advice to turn names what that would show.

    `shown` is what can be judged as it is, by exercise, where that is known.
    """
    judged = (shown or {}).get(exercise.name, ()) if exercise else ()
    side = shown_side_on(exercise) if exercise else ()
    gained = [name for name in side if name not in judged] or side
    return " ".join(
        setup_text(code, lang, exercise, gained if code == TURN_SIDE_ON else ()) for code in codes
    )


def tell_shown(
    shown: Mapping[str, Sequence[str]],
    exercises: Iterable[Exercise],
    lang: Language = "en",
    told: Iterable[str] = (),
    hidden: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """Which errors can be judged as the lifter stands, in words: of one exercise also which cannot, and why.

    Args:
        shown: the errors that can be judged, by exercise; "" if there is none.
        exercises: the vocabulary.
        lang: which language.
        told: advice that is given beside this; what it says is not said again.
        hidden: errors, by exercise, for which the lifter need not turn: something is in the way.
    """
    words = Words(lang, {})
    known = [exercise for exercise in exercises if exercise.name in shown]
    if not known:
        return ""
    if len(known) > 1:
        judged = [
            f"{words.exercise(each)} ({words.names(each, shown[each.name])})"
            for each in known
            if shown[each.name]
        ]
        return words.phrase("shown", errors=", ".join(judged)) if judged else words.phrase("nothing_shown")
    (exercise,) = known
    judged = list(shown[exercise.name])
    covered = (hidden or {}).get(exercise.name, ())
    parts = [words.phrase("shown", errors=words.names(exercise, judged))] if judged else []
    for key, of_view in zip(("needs_side", "needs_front"), _of_one_view(exercise), strict=True):
        missing = [name for name in of_view if name not in judged and name not in covered]
        if key == "needs_side" and TURN_SIDE_ON in told:
            continue
        parts += [words.phrase(key, errors=words.names(exercise, missing))] if missing else []
    return " ".join(parts) or words.phrase("nothing_shown")


def shown_side_on(exercise: Exercise) -> tuple[str, ...]:
    """Names of the errors that a side view shows and some other view does not."""
    return _of_one_view(exercise)[0]


def _of_one_view(exercise: Exercise) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Errors that show side-on, and those that show from the front and not side-on; none that show anywhere.

    What shows in both and yet not everywhere (leg drive, not from behind) counts to the side view.
    """
    everywhere = set.intersection(*(set(observable(exercise, turned)) for turned in TURNED))
    side = tuple(name for name in observable(exercise, SIDE_ON) if name not in everywhere)
    front = tuple(n for n in observable(exercise, FACING) if n not in everywhere and n not in side)
    return side, front


def setup_text(
    code: str, lang: Language = "en", exercise: Exercise | None = None, errors: Iterable[str] = ()
) -> str:
    """The sentence for a set-up code of the segmenter; an unknown code is shown as it is."""
    names: Sequence[str] = tuple(errors)
    if code not in PHRASES[lang]:
        return code.replace("_", " ").capitalize() + "."
    words = Words(lang, {})
    return words.phrase(code, errors=words.names(exercise, names))
