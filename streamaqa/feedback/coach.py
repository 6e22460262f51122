"""Which of all that could be said is said, and when: one `Coach` for each athlete and session.

An athlete who hears everything changes nothing, so most repetitions get no cue. The rules, with the evidence
behind each number, stand at the fields of `FeedbackSettings`; in short:

- bandwidth: a fault is cued once it shows in two of the last three repetitions, a severe one at once;
- one cue at a time, repeated while the fault shows, silent when it does not, and kept until two clean
  repetitions, which earn one "fixed"; other wording after three tries without effect;
- a repetition in which the fault could not be judged is neither clean nor faulty; after three of them in a
  row the cue makes way.

Answers may be mended afterwards (a model's update after its stand-in). So what is going on is told anew from
all answers of the set before each repetition: see `course`.

All of it begins anew with each set: who lifts is only sure within one, unless somebody says so.

Synchronous, no clock. What is published of each repetition (`Advice.text`, `Advice.errors`) is never held
back; only the cue is.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from streamaqa.errors import ConfigError
from streamaqa.exercises import EXERCISES, ErrorType, Exercise, Severity
from streamaqa.feedback.course import Seen, course
from streamaqa.feedback.settings import FeedbackSettings
from streamaqa.feedback.wordings import Wordings
from streamaqa.feedback.words import Words
from streamaqa.types import Assessment, Finding, Rep, SetEnded

_RANK = {"high": 2, "medium": 1, "low": 0}
VELOCITY = "velocity_loss"


@dataclass(frozen=True, slots=True)
class Advice:
    """What to publish for one repetition."""

    text: str
    """A sentence or two, for a screen."""
    cue: str
    """At most four words and 64 bytes of UTF-8, for an ear or a watch; empty means stay silent."""
    cue_code: str | None
    """Stable name of the cue, `squat.knees_inward`, `fixed.squat.knees_inward` or `velocity_loss`; None if
    silent."""
    lang: str
    errors: tuple[Finding, ...]
    """Findings at or above the threshold, worst first."""
    doubtful: tuple[str, ...]
    """Names of the errors, among these or not, of which the assessor can hardly tell."""


@dataclass(frozen=True, slots=True)
class SetAdvice:
    """What to publish when a set is over."""

    text: str
    lang: str
    technique_limit: int | None
    """Number of the first repetition at which technique broke: a severe fault, or the first of a fault that
    came back within the bandwidth. None if it held, or was never judged."""
    velocity_loss: float | None
    """Of the last repetition whose loss is known."""
    errors: Mapping[str, int]
    """Error name to the number of repetitions that showed it, most frequent first."""
    judged: Mapping[str, int]
    """Error name to the number of repetitions in which it could be judged, each error of the exercise."""
    doubtful: tuple[str, ...]
    """Errors that may have been there, and in no repetition beyond doubt."""


@dataclass(slots=True)
class _Told:
    """What one repetition showed, and what was said of it."""

    seen: Seen
    mended: bool = False
    """Whether its answer was replaced since the last repetition."""
    fixed: ErrorType | None = None
    """The fault that was called fixed with it."""
    slowing: str = ""
    """What its text told of velocity."""


@dataclass(slots=True)
class _Set:
    """What there is to remember of the set that goes on."""

    exercise: str
    reps: dict[int, _Told] = field(default_factory=dict)
    """By repetition number."""
    cued: dict[str, int] = field(default_factory=dict)
    """Error name to the repetition at which it was cued last, until it is called fixed."""
    slow: int = 0
    """Repetitions in a row beyond the velocity loss."""
    told: bool = False
    """Whether the present slowing was told on the screen."""
    warned: bool = False
    """Whether it was cued, which waits until no form cue is said."""

    @property
    def answers(self) -> dict[int, Seen]:
        """What each repetition showed, as far as is known now."""
        return {number: told.seen for number, told in self.reps.items()}


class Coach:
    """Speaks to one athlete for one session. Give it each repetition once, in order, and each set's end.

    Raises ConfigError where `settings` name an error that no exercise has.
    """

    def __init__(
        self, settings: FeedbackSettings | None = None, exercises: Sequence[Exercise] = EXERCISES
    ) -> None:
        self._settings = s = settings or FeedbackSettings()
        codes = {f"{exercise.name}.{error.name}" for exercise in exercises for error in exercise.errors}
        for key, named in (("cues", s.cues), ("thresholds", s.thresholds), ("severity", s.severity)):
            if unknown := sorted(set(named) - codes):
                raise ConfigError(f"feedback.{key}: no error {unknown[0]!r}")
        self._exercises = {exercise.name: _as_severe(exercise, s.severity) for exercise in exercises}
        self._words = Words(s.lang, s.cues, s.cue_words)
        self._wordings = Wordings(s.tries_per_wording)
        self._sets: dict[int, _Set] = {}

    def rep(self, rep: Rep, assessment: Assessment) -> Advice:
        """What to say of one repetition.

        A second answer for the same repetition (a model's update after its stand-in) mends the record. Its
        text repeats what the first one's told besides the faults, where that still holds; but it never has a
        cue: that moment has passed. What an assessor says that sees another exercise than the segmenter gets
        a text, and counts for nothing.
        """
        exercise = self._exercises.get(assessment.exercise)
        agreed = exercise is not None and assessment.exercise == rep.exercise
        reported = self._reported(exercise, assessment)
        doubtful = self._doubtful(assessment)
        seen = _seen(reported, doubtful, assessment)
        text = self._words.rep(exercise, reported, seen.abstained, doubtful, judged=bool(seen.judged))
        if not assessment.assessor.trained:
            text = f"{text} {self._words.phrase('untrained')}"
        current = self._set(rep)
        told, cue, code = current.reps.get(rep.number), "", None
        if told is not None:
            told.seen, told.mended = seen if agreed else Seen(), True
        else:
            told = current.reps[rep.number] = _Told(seen if agreed else Seen())
            told.slowing = self._slowing(current, rep)
            cue, code = self._speak(exercise if agreed else None, current, rep, assessment.degraded)
        parts = (text, self._praise(rep.exercise, told), told.slowing)
        whole = " ".join(part for part in parts if part)
        return Advice(whole, cue, code, self._settings.lang, reported, doubtful)

    def set_ended(self, ended: SetEnded) -> SetAdvice:
        """The summary of a set, and an end to what was remembered of it."""
        current = self._sets.pop(ended.set_number, None) or _Set(ended.exercise)
        return self._sum_up(current, ended.reps)

    def details(self, reps: Sequence[Rep], at: float) -> str | None:
        """The same in words of a set that may go on, for somebody who rests; None while it is too early.

        `reps` are the set's so far, `at` is the present stream time. Feedback that is still to come is left
        out.
        """
        if not reps or at - reps[-1].end < self._settings.details_after_s:
            return None
        current = self._sets.get(reps[-1].set_number)
        same = current is not None and current.exercise == reps[-1].exercise
        return self._sum_up(current if current and same else _Set(reps[-1].exercise), reps).text

    def _sum_up(self, current: _Set, reps: Sequence[Rep]) -> SetAdvice:
        exercise = self._exercises.get(current.exercise)
        seen = current.answers.values()
        counts = Counter(name for each in seen for name in sorted(set(each.reported)))
        judged = dict.fromkeys((error.name for error in exercise.errors) if exercise else (), 0)
        judged |= Counter(name for each in seen for name in sorted(each.judged))
        limit, broke = self._limit(current, exercise)
        losses = [rep.velocity_loss for rep in reps if rep.velocity_loss is not None]
        loss = losses[-1] if losses else None
        sure = {name for each in seen for name in each.sure}
        doubtful = tuple(sorted({name for each in seen for name in each.doubtful} - sure))
        text = self._words.summary(
            exercise,
            len(reps),
            limit,
            broke,
            loss,
            others=sorted(sure.difference(broke)),
            doubtful=doubtful,
            unjudged=[n for n in dict.fromkeys(n for s in seen for n in s.abstained) if not judged.get(n)],
            judged=sum(bool(each.judged) for each in seen),
        )
        return SetAdvice(text, self._settings.lang, limit, loss, dict(counts.most_common()), judged, doubtful)

    # --- memory ----------------------------------------------------------------------------------------

    def _set(self, rep: Rep) -> _Set:
        """The record of the rep's set. Only the newest two are kept: answers may be late by a set at most."""
        current = self._sets.get(rep.set_number)
        if current is None or current.exercise != rep.exercise:
            current = self._sets[rep.set_number] = _Set(rep.exercise)
            for old in sorted(self._sets)[:-2]:
                del self._sets[old]
        return current

    def _reported(self, exercise: Exercise | None, assessment: Assessment) -> tuple[Finding, ...]:
        """Findings at or above the threshold, worst first."""
        known = {error.name: error for error in exercise.errors} if exercise else {}
        found = [f for f in assessment.findings if f.probability >= self._threshold(assessment, f)]
        return tuple(
            sorted(
                found,
                key=lambda f: (-_RANK[known[f.name].severity] if f.name in known else 1, -f.probability),
            )
        )

    def _doubtful(self, assessment: Assessment) -> tuple[str, ...]:
        """Names of the errors, reported or not, that are too near to their threshold to be plain about."""

        def near(finding: Finding) -> bool:
            threshold = self._threshold(assessment, finding)
            off = finding.probability - threshold
            return abs(off) < 2 * self._settings.unsure * (threshold if off < 0 else 1 - threshold)

        return tuple(finding.name for finding in assessment.findings if near(finding))

    def _threshold(self, assessment: Assessment, finding: Finding) -> float:
        """The probability from which that error is reported."""
        code = f"{assessment.exercise}.{finding.name}"
        return self._settings.thresholds.get(code, self._settings.threshold)

    def _limit(self, current: _Set, exercise: Exercise | None) -> tuple[int | None, tuple[str, ...]]:
        """The first repetition at which technique broke beyond doubt, and what broke there."""
        settings = self._settings
        severe = {error.name for error in exercise.errors if error.severity == "high"} if exercise else set()
        numbers = sorted(current.reps)
        sure = {number: current.reps[number].seen.sure for number in numbers}
        for position, number in enumerate(numbers):
            ahead = numbers[position : position + settings.bandwidth_reps]
            shows = Counter(name for later in ahead for name in sure[later])
            broke = [name for name in sure[number] if name in severe or shows[name] >= settings.faulty_reps]
            if broke:
                return number, tuple(sorted(broke))
        return None, ()

    # --- speaking --------------------------------------------------------------------------------------

    def _speak(
        self, exercise: Exercise | None, current: _Set, rep: Rep, stood_in: bool
    ) -> tuple[str, str | None]:
        """The cue of a new repetition and its code. Without an exercise nothing is known of its form.

        `stood_in`: a stand-in answered.
        """
        late = {name for each in current.reps.values() if each.mended for name in each.seen.reported}
        for each in current.reps.values():
            each.mended = False
        if exercise is not None:
            cue, code = self._speak_of_form(exercise, current, rep, late, stood_in)
            if code is not None:
                return cue, code
        if current.slow >= self._settings.velocity_reps and not current.warned:
            current.warned = True
            return self._words.phrase("velocity"), VELOCITY
        return "", None

    def _speak_of_form(
        self, exercise: Exercise, current: _Set, rep: Rep, late: Collection[str], stood_in: bool
    ) -> tuple[str, str | None]:
        """What there is to say of form: "fixed" first, unless a severe fault shows.

        `late` are faults that became known of earlier repetitions since the last one was told. A stand-in
        that does not see such a fault is no reason to be silent about it.
        """
        told = current.reps[rep.number]
        seen = told.seen
        self._learn(exercise, seen)
        now = course(exercise, current.answers, self._settings)
        fixed = next((n for n, at in current.cued.items() if now.settled.get(n, 0) > at), None)
        active = now.active
        if active is not None:
            shows = active.name in seen.reported
            shows |= active.name in late and (stood_in or active.name not in seen.clean)
            if shows and (fixed is None or active.severity == "high"):
                return self._cue(exercise, current, rep, active)
        if fixed is None or fixed in seen.reported:
            return "", None
        del current.cued[fixed]
        code, error = f"{exercise.name}.{fixed}", exercise.error(fixed)
        self._wordings.worked(code)
        told.fixed = error
        return self._words.fixed(code, error), f"fixed.{code}"

    def _praise(self, exercise: str, told: _Told) -> str:
        """For a fault that was called fixed, if the answer as it is now still says so."""
        error = told.fixed
        if error is None or error.name in told.seen.reported:
            return ""
        return self._words.fixed_text(f"{exercise}.{error.name}", error)

    def _cue(self, exercise: Exercise, current: _Set, rep: Rep, error: ErrorType) -> tuple[str, str]:
        code = f"{exercise.name}.{error.name}"
        cues = self._words.cues(code, error)
        turn = self._wordings.turn(code, len(cues), fresh=error.name not in current.cued)
        current.cued[error.name] = rep.number
        return cues[turn], code

    def _learn(self, exercise: Exercise, seen: Seen) -> None:
        """Whether the cues that were said had an effect."""
        for error in exercise.errors:
            if error.name in seen.reported or error.name in seen.clean:
                code = f"{exercise.name}.{error.name}"
                self._wordings.judged(code, faulty=error.name in seen.reported)

    def _slowing(self, current: _Set, rep: Rep) -> str:
        """Count repetitions in a row that are too slow; the warning for the screen when it is due, else "".

        One fast repetition allows a new warning.
        """
        loss = rep.velocity_loss
        if loss is None or not loss > self._settings.velocity_loss:
            current.slow, current.told, current.warned = 0, False, False
            return ""
        current.slow += 1
        if current.slow < self._settings.velocity_reps or current.told:
            return ""
        current.told = True
        return self._words.slowing(loss)


def _seen(reported: Iterable[Finding], doubtful: Collection[str], assessment: Assessment) -> Seen:
    """What counts of an answer; a probability that is none was not judged."""
    names = tuple(finding.name for finding in reported)
    judged = frozenset(f.name for f in assessment.findings if not math.isnan(f.probability))
    return Seen(names, judged.difference(doubtful, names), frozenset(doubtful), assessment.abstained)


def _as_severe(exercise: Exercise, severity: Mapping[str, Severity]) -> Exercise:
    """The exercise with severities of one's own."""
    errors = (
        replace(error, severity=severity.get(f"{exercise.name}.{error.name}", error.severity))
        for error in exercise.errors
    )
    return replace(exercise, errors=tuple(errors))
