"""Which of all that could be said is said, and when: one `Coach` for each athlete and session.

An athlete who hears everything changes nothing, so most repetitions get no cue. The rules, with the evidence
behind each number, stand at the fields of `FeedbackSettings`; in short:

- bandwidth: a fault is cued once it shows in two of the last three repetitions, a severe one at once;
- one cue at a time, repeated while the fault shows, silent when it does not, and kept until two clean
  repetitions, which earn one "fixed"; other wording after three tries without effect;
- a repetition in which the fault could not be judged is neither clean nor faulty.

Synchronous, no clock. What is published of each repetition (`Advice.text`, `Advice.errors`) is never held
back; only the cue is.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field, field_validator

from streamaqa.exercises import EXERCISES, ErrorType, Exercise
from streamaqa.feedback.catalogue import Language
from streamaqa.feedback.words import MAX_BYTES, MAX_WORDS, Words, fits
from streamaqa.settings import Settings
from streamaqa.types import Assessment, Finding, Rep, SetEnded

_RANK = {"high": 2, "medium": 1, "low": 0}
VELOCITY = "velocity_loss"


class FeedbackSettings(Settings):
    """When the coach speaks, and how. Numbers marked † are engineering drawn from evidence, no trial's."""

    lang: Language = "en"
    """Language of text and cues."""
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Probability from which an error is reported: more likely than not."""
    thresholds: Mapping[str, Annotated[float, Field(gt=0, le=1)]] = {}
    """The same for single errors by code, `{"squat.knees_inward": 0.4}`: `streamaqa-finetune evaluate` writes
    those with the best F1 on validation."""
    faulty_reps: Annotated[int, Field(ge=1)] = 2
    """†Repetitions out of the last `bandwidth_reps` that must show a fault before it is cued: bandwidth
    feedback beat feedback on every trial."""
    bandwidth_reps: Annotated[int, Field(ge=1)] = 3
    """†How many repetitions are looked back on, the present one included."""
    clean_reps: Annotated[int, Field(ge=1)] = 2
    """†Repetitions in a row without the fault that end its cue with one "fixed": a new fault each rep
    overloads, constant correction demoralises."""
    tries_per_wording: Annotated[int, Field(ge=1)] = 3
    """†Times a wording is tried without effect before the next one: coaching practice."""
    velocity_loss: Annotated[float, Field(gt=0, lt=1)] = 0.20
    """Share of the set's fastest repetition lost from which to warn; over 25 % adds nothing for growth
    (Refalo 2022)."""
    velocity_reps: Annotated[int, Field(ge=1)] = 2
    """†Repetitions in a row beyond `velocity_loss` before warning: a phone's velocity is noisy by .05 to
    .13 m/s."""
    cues: Mapping[str, tuple[str, ...]] = {}
    """Cues of one's own by code, `{"squat.knees_inward": ["Knees out"]}`, tried in this order."""

    @field_validator("cues")
    @classmethod
    def _cues_fit(cls, cues: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        for code, wordings in cues.items():
            for cue in wordings:
                if not fits(cue):
                    raise ValueError(
                        f"{code}: a cue has 1 to {MAX_WORDS} words and at most {MAX_BYTES} bytes: {cue!r}"
                    )
        return cues


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


@dataclass(frozen=True, slots=True)
class SetAdvice:
    """What to publish when a set is over."""

    text: str
    cue: str
    """As in `Advice`."""
    cue_code: str | None
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
    """What one repetition showed, by error name; an error that was abstained from is in neither."""

    faulty: frozenset[str] = frozenset()
    clean: frozenset[str] = frozenset()


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
    warned: bool = False
    """Whether the present slowing was warned of."""
    settled: dict[str, int] = field(default_factory=dict)
    """Error name to the repetition at which it was called fixed: its past is forgiven."""


class Coach:
    """Speaks to one athlete for one session. Give it each repetition once, in order, and each set's end."""

    def __init__(
        self, settings: FeedbackSettings | None = None, exercises: Sequence[Exercise] = EXERCISES
    ) -> None:
        self._settings = settings or FeedbackSettings()
        self._exercises = {exercise.name: exercise for exercise in exercises}
        self._words = Words(self._settings.lang, self._settings.cues)
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
        text = self._words.rep(exercise, reported, assessment.abstained, judged=bool(judged))
        if not assessment.assessor.trained:
            text = f"{text} {self._words.phrase('untrained')}"
        agreed = exercise is not None and assessment.exercise == rep.exercise
        current.reps[rep.number] = _Seen(faulty, judged - faulty) if agreed else _Seen()
        if late or exercise is None or not agreed:
            return Advice(text, "", None, self._settings.lang, reported)
        cue, code, extra = self._speak(exercise, current, rep, reported)
        whole = f"{text} {extra}" if extra else text
        return Advice(whole, cue, code, self._settings.lang, reported)

    def set_ended(self, ended: SetEnded) -> SetAdvice:
        """The summary of a set, and an end to what was remembered of it."""
        current = self._sets.pop(ended.set_number, None) or _Set(ended.exercise)
        exercise = self._exercises.get(ended.exercise)
        numbers = sorted(rep.number for rep in ended.reps)
        counts = Counter(name for seen in current.reps.values() for name in seen.faulty)
        limit, broke = self._limit(current, exercise)
        losses = [rep.velocity_loss for rep in ended.reps if rep.velocity_loss is not None]
        loss = losses[-1] if losses else None
        judged = any(seen.faulty or seen.clean for seen in current.reps.values())
        text = self._words.summary(exercise, len(numbers), limit, broke, loss, judged=judged)
        return SetAdvice(
            text,
            self._words.phrase("set_cue"),
            "set_ended",
            self._settings.lang,
            limit,
            loss,
            dict(counts.most_common()),
        )

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
        least = self._settings.thresholds
        found = [
            f
            for f in assessment.findings
            if f.probability >= least.get(f"{assessment.exercise}.{f.name}", self._settings.threshold)
        ]
        return tuple(
            sorted(
                found,
                key=lambda f: (-_RANK[known[f.name].severity] if f.name in known else 1, -f.probability),
            )
        )

    def _limit(self, current: _Set, exercise: Exercise | None) -> tuple[int | None, tuple[str, ...]]:
        """The first repetition at which technique broke, and what broke there."""
        settings = self._settings
        severe = {error.name for error in exercise.errors if error.severity == "high"} if exercise else set()
        numbers = sorted(current.reps)
        for position, number in enumerate(numbers):
            ahead = numbers[position : position + settings.bandwidth_reps]
            shows = Counter(name for later in ahead for name in current.reps[later].faulty)
            broke = [
                name
                for name in current.reps[number].faulty
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
        self._slowing(current, rep)
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
            return self._words.phrase("velocity"), VELOCITY, self._words.slowing(rep.velocity_loss or 0.0)
        return "", None, ""

    def _slowing(self, current: _Set, rep: Rep) -> None:
        """Count repetitions in a row that are too slow. One fast repetition allows a new warning."""
        if rep.velocity_loss is not None and rep.velocity_loss > self._settings.velocity_loss:
            current.slow += 1
        else:
            current.slow, current.warned = 0, False

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
        last = deque(
            name in current.reps[number].faulty for number in current.reps if first <= number <= rep.number
        )
        return sum(last) >= self._settings.faulty_reps
