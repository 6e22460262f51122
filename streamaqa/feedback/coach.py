"""Which of all that could be said is said, and when: one `Coach` for each athlete and session.

An athlete who hears everything changes nothing, so most repetitions get no cue. The rules, with the evidence
behind each number, stand at the fields of `FeedbackSettings`; in short:

- bandwidth: a fault is cued once it shows in two of the last three repetitions, a severe one at once;
- one cue at a time, repeated while the fault shows, silent when it does not, and kept until two clean
  repetitions, which earn one "fixed"; other wording after three tries without effect;
- a repetition in which the fault could not be judged is neither clean nor faulty.

All of it begins anew with each set: who lifts is only sure within one, unless somebody says so.

Synchronous, no clock. What is published of each repetition (`Advice.text`, `Advice.errors`) is never held
back; only the cue is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from streamaqa.errors import ConfigError
from streamaqa.exercises import EXERCISES, ErrorType, Exercise
from streamaqa.feedback.settings import FeedbackSettings
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


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one repetition showed, by error name.

    One that was abstained from, or is doubtful and not reported, is neither faulty nor clean.
    """

    faulty: frozenset[str] = frozenset()
    clean: frozenset[str] = frozenset()
    doubtful: frozenset[str] = frozenset()
    """Also some of the faulty."""
    abstained: tuple[str, ...] = ()
    """Just these."""

    @property
    def sure(self) -> frozenset[str]:
        """What is beyond doubt."""
        return self.faulty - self.doubtful


@dataclass(slots=True)
class _Set:
    """What there is to remember of the set that goes on."""

    exercise: str
    reps: dict[int, _Seen] = field(default_factory=dict)
    """By repetition number."""
    active: ErrorType | None = None
    """The fault that is being cued."""
    clean: int = 0
    """Repetitions in a row without it."""
    tries: int = 0
    """Times its present wording was tried without effect."""
    slow: int = 0
    """Repetitions in a row beyond the velocity loss."""
    told: bool = False
    """Whether the present slowing was told on the screen."""
    warned: bool = False
    """Whether it was cued, which waits until no form cue is said."""
    settled: dict[str, int] = field(default_factory=dict)
    """Error name to the repetition at which it was called fixed: its past is forgiven."""


class Coach:
    """Speaks to one athlete for one session. Give it each repetition once, in order, and each set's end.

    Raises ConfigError where `settings` name an error that no exercise has.
    """

    def __init__(
        self, settings: FeedbackSettings | None = None, exercises: Sequence[Exercise] = EXERCISES
    ) -> None:
        self._settings = settings or FeedbackSettings()
        self._exercises = {exercise.name: exercise for exercise in exercises}
        codes = {f"{exercise.name}.{error.name}" for exercise in exercises for error in exercise.errors}
        for key, named in (("cues", self._settings.cues), ("thresholds", self._settings.thresholds)):
            if unknown := sorted(set(named) - codes):
                raise ConfigError(f"feedback.{key}: no error {unknown[0]!r}")
        self._words = Words(self._settings.lang, self._settings.cues, self._settings.cue_words)
        self._sets: dict[int, _Set] = {}
        self._wording: dict[str, int] = {}
        """By code: which wording to use. The one that worked last is tried first the next time."""

    def rep(self, rep: Rep, assessment: Assessment) -> Advice:
        """What to say of one repetition.

        A second answer for the same repetition (a model's update after its stand-in) mends the record and
        gets a text, but never a cue: that moment has passed. An assessor that sees another exercise than the
        segmenter gets a text as well, and counts for nothing.
        """
        exercise = self._exercises.get(assessment.exercise)
        reported = self._reported(exercise, assessment)
        current = self._set(rep)
        late = rep.number in current.reps
        faulty = frozenset(finding.name for finding in reported)
        judged = frozenset(finding.name for finding in assessment.findings)
        doubtful = self._doubtful(assessment)
        text = self._words.rep(exercise, reported, assessment.abstained, doubtful, judged=bool(judged))
        if not assessment.assessor.trained:
            text = f"{text} {self._words.phrase('untrained')}"
        agreed = exercise is not None and assessment.exercise == rep.exercise
        clean = judged - faulty - set(doubtful)
        seen = _Seen(faulty, clean, frozenset(doubtful), assessment.abstained)
        current.reps[rep.number] = seen if agreed else _Seen()
        if late or exercise is None or not agreed:
            return Advice(text, "", None, self._settings.lang, reported, doubtful)
        slowing = self._slowing(current, rep)
        cue, code, praise = self._speak(exercise, current, rep, reported)
        whole = " ".join(part for part in (text, praise, slowing) if part)
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
        seen = current.reps.values()
        counts = Counter(name for each in seen for name in sorted(each.faulty))
        limit, broke = self._limit(current, exercise)
        losses = [rep.velocity_loss for rep in reps if rep.velocity_loss is not None]
        loss = losses[-1] if losses else None
        judged = {name for each in seen for name in each.faulty | each.clean | each.doubtful}
        sure = {name for each in seen for name in each.sure}
        text = self._words.summary(
            exercise,
            len(reps),
            limit,
            broke,
            loss,
            single=sorted(sure),
            doubtful=sorted({name for each in seen for name in each.doubtful} - sure),
            unjudged=[n for n in dict.fromkeys(n for s in seen for n in s.abstained) if n not in judged],
            judged=bool(judged),
        )
        return SetAdvice(text, self._settings.lang, limit, loss, dict(counts.most_common()))

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
        for position, number in enumerate(numbers):
            ahead = numbers[position : position + settings.bandwidth_reps]
            shows = Counter(name for later in ahead for name in current.reps[later].sure)
            broke = [
                name
                for name in current.reps[number].sure
                if name in severe or shows[name] >= settings.faulty_reps
            ]
            if broke:
                return number, tuple(sorted(broke))
        return None, ()

    # --- speaking --------------------------------------------------------------------------------------

    def _speak(
        self, exercise: Exercise, current: _Set, rep: Rep, reported: tuple[Finding, ...]
    ) -> tuple[str, str | None, str]:
        """Cue, its code, and what to add to the text."""
        seen = current.reps[rep.number]
        if current.active is not None:
            fixed = self._follow(exercise, current, rep, seen)
            severe = any(error.severity == "high" and error.name in seen.faulty for error in exercise.errors)
            if fixed is not None and not severe:
                return fixed
        wanted = self._choose(exercise, current, rep, reported)
        if wanted is not None and wanted is not current.active:
            current.active, current.clean, current.tries = wanted, 0, 0
        if current.active is not None and current.active.name in seen.faulty:
            code = f"{exercise.name}.{current.active.name}"
            return self._words.cue(code, current.active, self._wording.get(code, 0)), code, ""
        if current.slow >= self._settings.velocity_reps and not current.warned:
            current.warned = True
            return self._words.phrase("velocity"), VELOCITY, ""
        return "", None, ""

    def _slowing(self, current: _Set, rep: Rep) -> str:
        """Count repetitions in a row that are too slow; the warning for the screen when it is due, else "".

        One fast repetition allows a new warning.
        """
        if rep.velocity_loss is None or rep.velocity_loss <= self._settings.velocity_loss:
            current.slow, current.told, current.warned = 0, False, False
            return ""
        current.slow += 1
        if current.slow < self._settings.velocity_reps or current.told:
            return ""
        current.told = True
        return self._words.slowing(rep.velocity_loss)

    def _follow(
        self, exercise: Exercise, current: _Set, rep: Rep, seen: _Seen
    ) -> tuple[str, str | None, str] | None:
        """Keep count of the cue that is under way; what to say if it has just done its work."""
        active = current.active
        assert active is not None
        code = f"{exercise.name}.{active.name}"
        if active.name in seen.faulty:
            current.clean = 0
            current.tries += 1
            if current.tries >= self._settings.tries_per_wording:
                current.tries = 0
                self._wording[code] = self._wording.get(code, 0) + 1
        elif active.name in seen.clean:
            current.clean += 1
            if current.clean >= self._settings.clean_reps:
                current.active, current.settled[active.name] = None, rep.number
                return self._words.fixed(code, active), f"fixed.{code}", self._words.fixed_text(code, active)
        return None

    def _choose(
        self, exercise: Exercise, current: _Set, rep: Rep, reported: Iterable[Finding]
    ) -> ErrorType | None:
        """The fault to cue: the one under way, unless a severe one shows beside a lesser."""
        active = current.active
        known = {error.name: error for error in exercise.errors}
        for finding in reported:
            error = known.get(finding.name)
            if error is None:
                continue
            if error.severity == "high" and (active is None or active.severity != "high"):
                return error
            if active is None and self._beyond_bandwidth(current, rep, error.name):
                return error
        return active

    def _beyond_bandwidth(self, current: _Set, rep: Rep, name: str) -> bool:
        """Whether the error shows in enough of the last repetitions since it was last called fixed."""
        first = max(rep.number - self._settings.bandwidth_reps + 1, current.settled.get(name, 0) + 1)
        shown = sum(name in seen.faulty for at, seen in current.reps.items() if first <= at <= rep.number)
        return shown >= self._settings.faulty_reps
