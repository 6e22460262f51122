"""Repetitions of the synthetic lifter, with their truth, as evidence for an assessor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from streamaqa.sources.synthetic import Fault, RepScript, Scene, SetScript, TrueRep, Truth, poses
from streamaqa.types import Evidence, Pose, Rep, Tempo

FAULTS = {
    "knees_forward": ("squat", 90.0, Fault("knees_forward", 14.0, 0.2, 0.75)),
    "knees_inward": ("squat", 0.0, Fault("knees_inward", 32.0, 0.36, 0.86)),
    "shallow": ("squat", 45.0, Fault("shallow", 32.0, 0.3, 0.7)),
    "elbows": ("overhead_press", 0.0, Fault("elbows", 26.0, 0.0, 0.45)),
    "knees": ("overhead_press", 270.0, Fault("knees", 32.0, 0.0, 0.36)),
    "torso_angle": ("barbell_row", 90.0, Fault("torso_angle", 24.0, 0.1, 0.85)),
}
"""Each error that poses can show: its exercise, a view that shows it, and a plain case of it."""


def scene(exercise: str, view: float, faults: Iterable[Fault] = ()) -> Scene:
    """One clean repetition and one with `faults`."""
    reps = (RepScript(), RepScript(faults=tuple(faults)))
    return Scene((SetScript(exercise, reps, view=view),))


def evidence(true: TrueRep, track: Sequence[Pose], before: float = 3.0) -> Evidence:
    """What an assessor sees of a true repetition."""
    rep = Rep(1, 1, true.number, true.exercise, 1.0, true.phases, Tempo(1, 0, 1), 1.0, 1.0)
    return Evidence(rep, [pose for pose in track if true.start - before <= pose.time <= true.end])


def drawn(
    exercise: str, view: float, faults: Iterable[Fault] = (), *, fps: float = 30.0, noise: float = 0.0
) -> tuple[TrueRep, Evidence]:
    """The last repetition of `scene`, its truth and its evidence."""
    made = scene(exercise, view, faults)
    true = Truth(made, (360, 480)).reps[-1]
    return true, evidence(true, poses(made, fps, noise=noise))
