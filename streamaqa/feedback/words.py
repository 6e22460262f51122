"""Puts findings into words of one language, within the limits of a watch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from streamaqa.exercises import ErrorType, Exercise
from streamaqa.feedback.catalogue import (
    ENGLISH_ALTERNATIVES,
    ENGLISH_LABELS,
    EXERCISE_NAMES,
    PHRASES,
    WORDINGS,
    Language,
)
from streamaqa.types import Finding

MAX_BYTES = 64
"""Of UTF-8: what the `cue` topic promises."""
MAX_WORDS = 4
"""Coaching practice: the default of `FeedbackSettings.cue_words`, and what the catalogue keeps to."""


def fits(cue: str, most: int = MAX_WORDS) -> bool:
    """Whether a cue has one to `most` words and at most 64 bytes."""
    return 0 < len(cue.split()) <= most and len(cue.encode()) <= MAX_BYTES


def shorten(cue: str, most: int = MAX_WORDS) -> str:
    """As much of a cue as fits: whole words, and characters of an overlong first word."""
    words = cue.split()[:most]
    while len(words) > 1 and len(" ".join(words).encode()) > MAX_BYTES:
        words.pop()
    return " ".join(words).encode()[:MAX_BYTES].decode(errors="ignore")


class Words:
    """The sentences and cues of one language.

    Args:
        lang: which.
        cues: those of one's own, by code, which go before the catalogue's.
        most: words of a cue. Wordings that are longer are passed over.
    """

    def __init__(
        self, lang: Language, cues: Mapping[str, tuple[str, ...]] | None = None, most: int = MAX_WORDS
    ) -> None:
        self._phrases = PHRASES[lang]
        self._wordings = WORDINGS[lang]
        self._exercises = EXERCISE_NAMES[lang]
        self._own_cues = cues or {}
        self._most = most
        self._english = lang == "en"

    def phrase(self, key: str, **values: object) -> str:
        """A phrase of the catalogue."""
        return self._phrases[key].format(**values)

    def label(self, code: str, error: ErrorType) -> str:
        """What the fault is called."""
        wording = self._wordings.get(code)
        if wording:
            return wording.label
        return ENGLISH_LABELS.get(code, error.words) if self._english else error.words

    def exercise(self, exercise: Exercise) -> str:
        """What the exercise is called."""
        return self._exercises.get(exercise.name, exercise.words)

    def sentence(self, code: str, error: ErrorType) -> str:
        """What is told the lifter, in full."""
        wording = self._wordings.get(code)
        return wording.sentence if wording else error.sentence

    def cues(self, code: str, error: ErrorType) -> tuple[str, ...]:
        """The wordings of a cue, one at least, that take turns.

        Where every one is too long the fault is named: half a cue ("Spread the") tells nobody anything.
        """
        wordings = self._own_cues.get(code) or self._cues(code, error)
        names = (self.label(code, error), error.words)
        if cues := tuple(cue for cue in wordings if fits(cue, self._most)):
            return cues
        if name := next((name for name in names if fits(name, self._most)), None):
            return (name,)
        return (next(filter(None, (shorten(cue) for cue in (*wordings, *names, error.name))), ""),)

    def _cues(self, code: str, error: ErrorType) -> tuple[str, ...]:
        wording = self._wordings.get(code)
        if wording:
            return wording.cues
        return (error.cue, *(ENGLISH_ALTERNATIVES.get(code, ()) if self._english else ()))

    def fixed(self, code: str, error: ErrorType) -> str:
        """The cue that names what was mended; in the catalogue's words always in full."""
        return shorten(self.phrase("fixed", error=self.label(code, error)))

    def fixed_text(self, code: str, error: ErrorType) -> str:
        """The same for a screen."""
        return self.phrase("fixed_text", error=self.label(code, error))

    def slowing(self, loss: float) -> str:
        """The warning of velocity loss, for a screen."""
        return self.phrase("velocity_text", loss=self._percent(loss))

    def rep(
        self,
        exercise: Exercise | None,
        reported: Sequence[Finding],
        abstained: Sequence[str],
        doubtful: Sequence[str],
        *,
        judged: bool,
    ) -> str:
        """What a screen shows of one repetition: its worst fault, or that there is none, or none known.

        Args:
            exercise: as the assessor has it.
            reported: its faults, worst first.
            abstained: names of errors that were not judged.
            doubtful: names of errors, reported or not, of which the assessor can hardly tell: what is beyond
                doubt goes before these.
            judged: whether any error was.
        """
        if exercise is None or not judged:
            return self.phrase("not_judged")
        known = {error.name: error for error in exercise.errors}
        if reported:
            told = [finding for finding in reported if finding.name in known] or reported
            worst = next((finding for finding in told if finding.name not in doubtful), told[0])
            sentence = (
                self.sentence(f"{exercise.name}.{worst.name}", known[worst.name])
                if worst.name in known
                else worst.name.replace("_", " ").capitalize() + "."
            )
            return self.phrase("perhaps", sentence=sentence) if worst.name in doubtful else sentence
        if doubtful:
            parts = [self.phrase("unsure", errors=self.names(exercise, doubtful))]
            parts += [self.phrase("unjudged", errors=self.names(exercise, abstained))] if abstained else []
            return " ".join(parts)
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
        others: Sequence[str],
        doubtful: Sequence[str],
        unjudged: Sequence[str],
        judged: int,
    ) -> str:
        """What a screen shows of one set.

        Args:
            exercise: of the set.
            reps: how many.
            limit: the first one at which technique broke, and `broke` what did.
            broke: names of errors.
            loss: of velocity.
            others: errors that were seen besides, such as those without a pattern.
            doubtful: errors that may have been seen, and none of them beyond doubt.
            unjudged: errors that were judged in no repetition.
            judged: in how many of them any error was.
        """
        parts = [self.phrase("set_one") if reps == 1 else self.phrase("set", reps=reps)]
        if not judged:
            parts.append(self.phrase("set_unjudged"))
        elif limit is not None:
            key = "set_limit_first" if limit <= 1 else "set_limit"
            parts.append(self.phrase(key, held=limit - 1, rep=limit, errors=self.names(exercise, broke)))
            parts += [self.phrase("set_also", errors=self.names(exercise, others))] if others else []
        elif others:
            parts.append(self.phrase("set_single", errors=self.names(exercise, others)))
        elif not doubtful:
            parts.append(self.phrase("set_clean"))
        if doubtful:
            parts.append(self.phrase("unsure", errors=self.names(exercise, doubtful)))
        if 0 < judged < reps:
            parts.append(self.phrase("set_partly", judged=judged, reps=reps))
        if judged and unjudged:
            parts.append(self.phrase("unjudged", errors=self.names(exercise, unjudged)))
        if loss is not None:
            parts.append(self.phrase("set_velocity", loss=self._percent(loss)))
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

    def _percent(self, share: float) -> str:
        return self.phrase("percent", share=f"{100 * share:.0f}")
