"""Where the cue of a set stands, told from the answers of all its repetitions: one fault at a time.

Told anew each time, since answers are mended: what a stand-in thought it saw must neither begin a cue nor
end one once the model has answered otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from streamaqa.exercises import ErrorType, Exercise
from streamaqa.feedback.settings import FeedbackSettings


@dataclass(frozen=True, slots=True)
class Seen:
    """What one repetition showed, by error name.

    One that was abstained from, or is doubtful and not reported, is neither faulty nor clean.
    """

    reported: tuple[str, ...] = ()
    """Its faults, worst first."""
    clean: frozenset[str] = frozenset()
    doubtful: frozenset[str] = frozenset()
    """Also some of those that are reported."""
    abstained: tuple[str, ...] = ()
    """Just these."""

    @property
    def sure(self) -> frozenset[str]:
        """Faults that are beyond doubt."""
        return frozenset(self.reported) - self.doubtful

    @property
    def judged(self) -> frozenset[str]:
        """Whatever was looked for."""
        return self.clean | self.doubtful | frozenset(self.reported)


@dataclass(slots=True)
class Course:
    """What goes on after the last of the repetitions."""

    active: ErrorType | None = None
    """The fault to be cued."""
    clean: int = 0
    """Repetitions in a row without it."""
    unjudged: int = 0
    """Repetitions in a row in which it could not be judged."""
    settled: dict[str, int] = field(default_factory=dict)
    """Error name to the repetition that was the last clean one needed: what came before is forgiven."""


def course(exercise: Exercise, answers: Mapping[int, Seen], settings: FeedbackSettings) -> Course:
    """Where the cue stands after these repetitions, whose numbers are the keys."""
    known = {error.name: error for error in exercise.errors}
    now = Course()
    for number in sorted(answers):
        _follow(now, number, answers[number], settings)
        wanted = _wanted(now, number, answers, known, settings)
        if wanted is not now.active:
            now.active, now.clean, now.unjudged = wanted, 0, 0
    return now


def _follow(now: Course, number: int, seen: Seen, settings: FeedbackSettings) -> None:
    """Count what the repetition says of the fault under way."""
    if now.active is None:
        return
    name = now.active.name
    if name in seen.reported:
        now.clean = now.unjudged = 0
    elif name in seen.clean:
        now.clean, now.unjudged = now.clean + 1, 0
        if now.clean >= settings.clean_reps:
            now.active, now.settled[name] = None, number
    else:
        now.unjudged += 1
        if now.unjudged >= settings.unjudged_reps:
            now.active = None


def _wanted(
    now: Course,
    number: int,
    answers: Mapping[int, Seen],
    known: Mapping[str, ErrorType],
    settings: FeedbackSettings,
) -> ErrorType | None:
    """The fault under way, unless there is none, or a severe one shows beside a lesser."""
    seen = answers[number]
    for error in (known[name] for name in seen.reported if name in known):
        severe = error.severity == "high"
        outranks = now.active is None or (severe and now.active.severity != "high")
        if outranks and (severe or _beyond_bandwidth(now, number, answers, error.name, settings)):
            return error
    return now.active


def _beyond_bandwidth(
    now: Course, number: int, answers: Mapping[int, Seen], name: str, settings: FeedbackSettings
) -> bool:
    """Whether the error shows in enough of the last repetitions since it was last mended."""
    first = max(number - settings.bandwidth_reps + 1, now.settled.get(name, 0) + 1)
    shown = sum(name in seen.reported for at, seen in answers.items() if first <= at <= number)
    return shown >= settings.faulty_reps
