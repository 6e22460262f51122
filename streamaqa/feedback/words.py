"""Puts findings into words of one language, within the limits of a watch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from streamaqa.exercises import ErrorType, Exercise
from streamaqa.feedback.catalogue import ENGLISH_ALTERNATIVES, PHRASES, WORDINGS, Language
from streamaqa.types import Finding

MAX_BYTES = 64
"""Of UTF-8: what the `cue` topic promises."""
MAX_WORDS = 4
"""Coaching practice, see FeedbackSettings."""


def fits(cue: str) -> bool:
    """Whether a cue has one to four words and at most 64 bytes."""
    return 0 < len(cue.split()) <= MAX_WORDS and len(cue.encode()) <= MAX_BYTES


def shorten(cue: str) -> str:
    """As much of a cue as fits: whole words, and characters of an overlong first word."""
    words = cue.split()[:MAX_WORDS]
    while len(words) > 1 and len(" ".join(words).encode()) > MAX_BYTES:
        words.pop()
    return " ".join(words).encode()[:MAX_BYTES].decode(errors="ignore")


class Words:
    """The sentences and cues of one language."""

    def __init__(self, lang: Language, cues: Mapping[str, tuple[str, ...]]) -> None:
        self._phrases = PHRASES[lang]
        self._wordings = WORDINGS[lang]
        self._own_cues = cues
        self._english = lang == "en"

    def phrase(self, key: str, **values: object) -> str:
        """A phrase of the catalogue."""
        return self._phrases[key].format(**values)

    def label(self, code: str, error: ErrorType) -> str:
        """What the fault is called."""
        wording = self._wordings.get(code)
        return wording.label if wording else error.words

    def sentence(self, code: str, error: ErrorType) -> str:
        """What is told the lifter, in full."""
        wording = self._wordings.get(code)
        return wording.sentence if wording else error.sentence

    def cue(self, code: str, error: ErrorType, turn: int) -> str:
        """The cue whose turn it is; after the last wording comes the first again."""
        cues = self._own_cues.get(code) or self._cues(code, error)
        return shorten(cues[turn % len(cues)]) or shorten(error.words) or shorten(error.name)

    def _cues(self, code: str, error: ErrorType) -> tuple[str, ...]:
        wording = self._wordings.get(code)
        if wording:
            return wording.cues
        return (error.cue, *(ENGLISH_ALTERNATIVES.get(code, ()) if self._english else ()))

    def fixed(self, code: str, error: ErrorType) -> str:
        """The cue that names what was mended."""
        return shorten(self.phrase("fixed", error=self.label(code, error)))

    def fixed_text(self, code: str, error: ErrorType) -> str:
        """The same for a screen."""
        return self.phrase("fixed_text", error=self.label(code, error))

    def slowing(self, loss: float) -> str:
        """The warning of velocity loss, for a screen."""
        return self.phrase("velocity_text", loss=_percent(loss))

    def rep(
        self,
        exercise: Exercise | None,
        reported: Sequence[Finding],
        abstained: Sequence[str],
        *,
        judged: bool,
    ) -> str:
        """What a screen shows of one repetition: its worst fault, or that there is none, or none known."""
        if exercise is None or not judged:
            return self.phrase("not_judged")
        known = {error.name: error for error in exercise.errors}
        for finding in reported:
            if finding.name in known:
                return self.sentence(f"{exercise.name}.{finding.name}", known[finding.name])
        if reported:
            return reported[0].name.replace("_", " ").capitalize() + "."
        if abstained:
            return self.phrase("partly", errors=self.names(exercise, abstained))
        return self.phrase("clean")

    def summary(
        self,
        exercise: Exercise | None,
        reps: int,
        limit: int | None,
        broke: Sequence[str],
        loss: float | None,
        *,
        judged: bool,
    ) -> str:
        """What a screen shows of one set."""
        parts = [self.phrase("set_one") if reps == 1 else self.phrase("set", reps=reps)]
        if not judged:
            parts.append(self.phrase("set_unjudged"))
        elif limit is None:
            parts.append(self.phrase("set_clean"))
        else:
            names = self.names(exercise, broke)
            parts.append(
                self.phrase("set_limit_first", errors=names)
                if limit <= 1
                else self.phrase("set_limit", held=limit - 1, rep=limit, errors=names)
            )
        if loss is not None:
            parts.append(self.phrase("set_velocity", loss=_percent(loss)))
        return " ".join(parts)

    def names(self, exercise: Exercise | None, names: Iterable[str]) -> str:
        """The faults of these names, as they are called, joined by commas."""
        known = {error.name: error for error in exercise.errors} if exercise else {}
        return ", ".join(
            self.label(f"{exercise.name}.{name}", known[name])
            if exercise and name in known
            else name.replace("_", " ")
            for name in names
        )


def _percent(share: float) -> str:
    return f"{share:.0%}"
