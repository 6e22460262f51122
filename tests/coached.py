"""Repetitions and answers for the coach's tests, in letters."""

from __future__ import annotations

from streamaqa.feedback import Advice, Coach
from streamaqa.types import Assessment, AssessorInfo, Finding, Phase, Rep, Tempo

INFO = AssessorInfo("test", "1", calibrated=False)


def rep(number: int, *, exercise: str = "squat", set_number: int = 1, loss: float | None = None) -> Rep:
    """A squat of two seconds."""
    start = 4.0 * number
    phases = (Phase("lowering", start, start + 1), Phase("lifting", start + 1, start + 2))
    return Rep(number, set_number, number, exercise, 1.0, phases, Tempo(1, 0, 1), 1.0, 0.5, loss)


def assessed(found: dict[str, float], abstained: tuple[str, ...] = (), exercise: str = "squat") -> Assessment:
    """Probabilities by error."""
    findings = tuple(Finding(name, p, 4.0, 5.0) for name, p in found.items())
    return Assessment(exercise, 1.0, findings, abstained, INFO)


def run(coach: Coach, faults: str, name: str = "knees_inward") -> list[Advice]:
    """One rep for each letter: F faulty, c clean, ? not to be judged."""
    answers = {"F": assessed({name: 0.9}), "c": assessed({name: 0.1}), "?": assessed({}, (name,))}
    return [coach.rep(rep(n), answers[letter]) for n, letter in enumerate(faults, start=1)]


def spoken(advice: list[Advice]) -> str:
    """One letter for each rep: C cue, F fixed, V velocity, - silence."""
    return "".join(
        "-" if a.cue_code is None else "F" if a.cue_code.startswith("fixed.") else a.cue_code[0].upper()
        for a in advice
    ).replace("S", "C")
