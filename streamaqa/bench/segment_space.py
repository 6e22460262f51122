"""Which parameters of the segmenter are chosen by recordings, and between which values.

The first value of each is where the search starts: what no recording would suggest (a gate that is hardly
there, the One-Euro paper's own cut-offs), and never the shipped one. So a search that ends at the shipped
value has found it, and has not merely stayed there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias

from streamaqa.exercises import EXERCISES, Exercise, exercise
from streamaqa.motion import Gate, Motion
from streamaqa.segmentation.settings import SegmenterSettings

Combination: TypeAlias = Mapping[str, float]
"""Name of each parameter to its value; those left out are as shipped."""

Side: TypeAlias = Literal["low", "high", "both"]

Watch: TypeAlias = Callable[[Gate, Mapping[str, tuple[Gate, ...]]], Gate]
"""Given a gate, and by parameter the gates that its values would make of it, returns what takes its place."""

SETTINGS: Final[dict[str, tuple[float, ...]]] = {
    "phase.slow": (0.5, 0.2, 0.35, 0.65),
    "phase.settle_s": (0.0, 0.05, 0.1, 0.2),
    "phase.linger": (0.0, 0.1, 0.2),
    "phase.home": (0.8, 0.7, 0.9, 0.95),
    "phase.returned": (0.5, 0.6, 0.7, 0.8),
    "phase.hysteresis": (0.1, 0.15, 0.2, 0.3),
    "phase.least_hysteresis": (0.1, 0.03, 0.06, 0.15),
    "phase.onset": (0.3, 0.5, 0.7),
    "phase.underway": (0.0, 0.1, 0.2, 0.3),
    "phase.home_s": (1.0, 2.0, 4.0),
    "phase.still_s": (0.3, 0.5, 0.8),
    "phase.stand_s": (2.0, 0.5, 1.0),
    "phase.dip_s": (0.0, 1.0, 1.5),
    "phase.pause_s": (0.4, 0.2, 0.3),
    "phase.stop_s": (0.3, 0.5, 0.8),
    "phase.still": (0.08, 0.02, 0.04),
    "phase.gate_s": (0.05, 0.1, 0.2),
    "phase.least_s": (0.3, 0.5, 0.7),
    "phase.hold_s": (4.0, 6.0, 8.0),
    "phase.grind_s": (0.5, 1.0, 2.0, 3.0),
    "phase.grind_home": (0.05, 0.15, 0.3),
    "phase.smooth_s": (0.1, 0.04, 0.07),
    "phase.smooth_share": (0.0, 0.025, 0.05),
    "phase.curve": (0.0, 0.5, 1.0),
    "phase.curve_rms": (0.06, 0.015, 0.03),
    "phase.trail": (0.0, 0.005, 0.01),
    "phase.cutoff_hz": (1.0, 2.0, 4.0),
    "phase.beta": (1.0, 2.0, 4.0),
    "phase.speed_cutoff_hz": (1.0, 3.0, 6.0),
    "phase.glitch_s": (0.0, 0.1, 0.2),
    "phase.glitch": (0.7, 0.2, 0.35),
    "phase.glitch_speed": (8.0, 3.0, 5.0),
    "signal.steady_s": (1.0, 2.0, 4.0),
    "signal.ruler_s": (4.0, 2.0, 8.0, 16.0),
    "signal.walk": (0.5, 0.15, 0.25),
    "signal.walk_s": (1.0, 0.25, 0.5),
    "signal.jump": (1.0, 0.5, 0.7),
    "signal.jump_speed": (3.0, 5.0, 8.0),
    "signal.jump_most": (2.0, 1.2, 1.6),
    "signal.jump_s": (0.2, 0.3, 0.5),
    "overlap": (0.5, 0.1, 0.25),
    "change_s": (0.5, 1.0, 2.0),
}
"""Field of `SegmenterSettings` to the values it is chosen from."""

GIVEN: Final[dict[str, str]] = {
    "phase.boundary": "DESIGN.md's definition of start and end",
    "phase.most_s": "what is asked for: repetitions up to 8 s",
    "phase.gap_s": "how long a camera may be gone: a promise, not a measurement",
    "set_pause_s": "DESIGN.md's definition of a set",
    "signal.lone_speed": "no recording shows a repetition with one arm",
    "signal.lone": "the same",
    "signal.lone_ends": "the same",
    "signal.lone_s": "the same",
    "phase.followed_share": "recordings are pose tracks: there is no picture to follow anything in",
    "phase.followed_curve": "the same",
    "phase.moving": "the same",
    "phase.late_s": "the same",
    "phase.seen": "the same",
    "phase.unseen": "the same",
}
"""Fields that are not chosen by recordings, and why."""

RANGES: Final[dict[str, tuple[float, ...]]] = {
    "squat": (0.2, 0.3, 0.4),
    "overhead_press": (0.2, 0.3, 0.4),
    "barbell_row": (0.2, 0.35, 0.5),
}
"""Least range of an exercise, torso lengths."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The bound of one gate, or of several that mean the same and move together."""

    gates: tuple[tuple[str, str], ...]
    """Exercise and gate, or the gate that may stand instead of it."""
    side: Side
    """`both`: as far below zero as above."""
    values: tuple[float, ...]


def _one(exercise: str, gate: str, side: Side, *values: float) -> Bound:
    return Bound(((exercise, gate),), side, values)


_WALKED: Final = (("squat", "walked"), ("barbell_row", "walked"))
_PRESS_ENDS: Final = (("overhead_press", "not_from_shoulders"), ("overhead_press", "not_to_shoulders"))
_PRESS_BENT: Final = tuple(("overhead_press", gate) for gate in ("began_bent", "bent_over", "ended_bent"))
_HIDDEN_LEGS: Final = (("squat", "legs_seen"), ("barbell_row", "legs_seen"))
_ROW_ENDS: Final = (("barbell_row", "upright"), ("barbell_row", "stayed_up"))
_ROW_FOLDED: Final = tuple(("barbell_row", gate) for gate in ("began_folded", "legs_folded", "ended_folded"))
_SQUAT_BENT: Final = (("squat", "trunk_bent"), ("squat", "ended_bent"))

BOUNDS: Final[dict[str, Bound]] = {
    "walked": Bound(_WALKED, "both", (3.0, 1.5, 1.0, 0.5)),
    "squat.legs_stay_straight": _one("squat", "legs_stay_straight", "high", 0.0, -0.1, -0.25, -0.4),
    "legs_seen": Bound(_HIDDEN_LEGS, "high", (1.0, 0.6, 0.35, 0.2)),
    "squat.bowed": _one("squat", "bowed", "high", 80.0, 65.0, 55.0, 45.0),
    "squat.not_deep": _one("squat", "not_deep", "high", -0.4, -0.6, -0.8, -1.0),
    "squat.hands_down": _one("squat", "hands_down", "low", 0.0, 0.3, 0.45, 0.6),
    "squat.trunk_bent": Bound(_SQUAT_BENT, "low", (0.2, 0.45, 0.6, 0.75)),
    "squat.back_turned": _one("squat", "back_turned", "low", -2.0, -0.6, -0.2, 0.2),
    "squat.hands_low_behind": _one("squat", "hands_low_behind", "low", 0.0, 0.6, 0.9, 1.2),
    "squat.legs_open": _one("squat", "legs_open", "high", 230.0, 170.0, 150.0, 130.0),
    "squat.hips_sink": _one("squat", "hips_sink", "high", -0.2, -0.4, -0.6, -0.8),
    "squat.hips_stay_over_ankles": _one("squat", "hips_stay_over_ankles", "high", 0.0, -0.1, -0.2, -0.3),
    "squat.hips_stay_high": _one("squat", "hips_stay_high", "high", 0.2, 0.1, 0.0, -0.1),
    "squat.knees_open": _one("squat", "knees_open", "high", 130.0, 110.0, 90.0, 70.0),
    "squat.legs_not_seen": _one("squat", "legs_not_seen", "low", 0.0, 0.2, 0.35, 0.6),
    "squat.shoulders_stay_up": _one("squat", "shoulders_stay_up", "high", 0.0, -0.1, -0.2, -0.3),
    "squat.load_hangs": _one("squat", "load_hangs", "high", 90.0, 60.0, 50.0, 41.0, 35.0),
    "squat.pressed": _one("squat", "pressed", "high", 1.0, 0.5, 0.35, 0.2),
    "squat.hands_stay": _one("squat", "hands_stay", "high", 0.6, 0.2, 0.0, -0.1),
    "squat.stepped": _one("squat", "stepped", "both", 2.0, 0.8, 0.4, 0.2),
    "squat.hands_at_feet": _one("squat", "hands_at_feet", "low", -0.5, -0.2, 0.05, 0.2),
    "squat.between_feet": _one("squat", "between_feet", "high", 2.0, 0.6, 0.3, 0.0),
    "squat.lunged": _one("squat", "lunged", "high", 1.5, 0.8, 0.6, 0.5),
    "squat.sinks": _one("squat", "sinks", "high", -0.3, -0.45, -0.6, -0.75),
    "squat.arms_hung": _one("squat", "arms_hung", "high", 0.0, -0.3, -0.5, -0.7),
    "press.walked": _one("overhead_press", "walked", "both", 3.0, 1.0, 0.6, 0.3),
    "press.not_overhead": _one("overhead_press", "not_overhead", "low", -0.6, 0.0, 0.4, 0.8),
    "press.not_nearly": _one("overhead_press", "not_nearly", "low", -0.6, -0.2, 0.1, 0.3),
    "press.trunk_stays": _one("overhead_press", "trunk_stays", "low", -0.2, -0.05, 0.03, 0.1),
    "press.arms_stay_put": _one("overhead_press", "arms_stay_put", "low", 0.0, 0.1, 0.15, 0.3),
    "press.one_hand_low": _one("overhead_press", "one_hand_low", "low", 0.4, 0.9, 1.3, 1.5),
    "press.arms_bent": _one("overhead_press", "arms_bent", "low", 60.0, 90.0, 105.0, 120.0),
    "press.not_high": _one("overhead_press", "not_high", "low", 0.4, 0.7, 1.0, 1.3),
    "press.ends_low": Bound(_PRESS_ENDS, "low", (-1.0, -0.8, -0.65, -0.5)),
    "press.ends_high": Bound(_PRESS_ENDS, "high", (1.0, 0.8, 0.6, 0.4)),
    "press.elbows_up": _one("overhead_press", "elbows_up", "high", 1.0, 0.5, 0.12, 0.0),
    "press.forearms_fold": _one("overhead_press", "forearms_fold", "low", -0.5, 0.0, 0.25, 0.5),
    "press.bent_over": Bound(_PRESS_BENT, "high", (90.0, 60.0, 45.0, 30.0)),
    "press.shoulders_sink": _one("overhead_press", "shoulders_sink", "low", -1.0, -0.5, -0.3, -0.2),
    "press.arms_not_seen": _one("overhead_press", "arms_not_seen", "low", 0.0, 0.2, 0.4, 0.6),
    "press.hands_in_picture": _one("overhead_press", "hands_in_picture", "low", 0.0, 0.05, 0.15),
    "row.ends_lean": Bound(_ROW_ENDS, "low", (10.0, 20.0, 28.0, 35.0)),
    "row.stood_up": _one("barbell_row", "stood_up", "low", 0.0, 5.0, 10.0, 15.0),
    "row.not_pulled": _one("barbell_row", "not_pulled", "low", -0.6, -0.3, -0.15, 0.0),
    "row.not_from_behind": _one("barbell_row", "not_from_behind", "high", 0.4, 0.0, -0.4, -0.6),
    "row.trunk_not_short": _one("barbell_row", "trunk_not_short", "high", 1.2, 1.0, 0.9, 0.8),
    "row.elbows_raised": _one("barbell_row", "elbows_raised", "high", 0.5, 0.2, 0.0, -0.2),
    "row.hands_raised": _one("barbell_row", "hands_raised", "high", 0.5, 0.0, -0.35, -0.6),
    "row.pulled_straight": _one("barbell_row", "pulled_straight", "high", 180.0, 165.0, 150.0, 135.0),
    "row.one_armed": _one("barbell_row", "one_armed", "high", 2.0, 1.2, 0.8, 0.5),
    "row.hips_move": _one("barbell_row", "hips_move", "both", 1.0, 0.6, 0.35, 0.2),
    "row.legs_folded": Bound(_ROW_FOLDED, "low", (1.5, 2.0, 2.5, 3.0)),
    "row.shoulders_rise": _one("barbell_row", "shoulders_rise", "high", 2.0, 1.2, 0.7, 0.5),
    "row.ended_elsewhere": _one("barbell_row", "ended_elsewhere", "both", 1.0, 0.6, 0.35, 0.2),
    "row.turned_around": _one("barbell_row", "turned_around", "both", 1.0, 0.6, 0.35, 0.2),
    "row.trunk_up": _one("barbell_row", "trunk_up", "low", 25.0, 40.0, 55.0),
    "row.arms_stay_straight": _one("barbell_row", "arms_stay_straight", "low", 0.0, 0.1, 0.2, 0.3),
    "row.elbows_stay_down": _one("barbell_row", "elbows_stay_down", "low", 0.0, 0.03, 0.06, 0.12),
    "row.arms_not_hanging": _one("barbell_row", "arms_not_hanging", "high", 0.0, -0.4, -0.7, -0.9),
    "row.wrists_over_shoulders": _one("barbell_row", "wrists_over_shoulders", "high", 0.5, 0.2, 0.0, -0.2),
    "row.arms_not_seen": _one("barbell_row", "arms_not_seen", "low", 0.0, 0.15, 0.3),
}
"""The gates of `motion`."""

PARAMETERS: Final[dict[str, tuple[float, ...]]] = {
    **{name: bound.values for name, bound in BOUNDS.items()},
    **{f"{name}.least_range": values for name, values in RANGES.items()},
    **SETTINGS,
}
"""All that is searched, in this order: gates first, since what is no repetition has no boundary."""


def start() -> dict[str, float]:
    """Where the search starts."""
    return {name: values[0] for name, values in PARAMETERS.items()}


def shipped() -> dict[str, float]:
    """What the engine runs with."""
    settings = SegmenterSettings()
    found = {
        **{name: _bound(*bound.gates[0], bound.side) for name, bound in BOUNDS.items()},
        **{f"{name}.least_range": _motion(exercise(name)).least_range for name in RANGES},
        **{name: float(_field(settings, name)) for name in SETTINGS},
    }
    return {name: found[name] for name in PARAMETERS}


def settings_of(combination: Combination) -> SegmenterSettings:
    """The segmenter's settings with those values."""
    shipped = SegmenterSettings()
    parts: dict[str, dict[str, float]] = {"signal": {}, "phase": {}, "": {}}
    for name in SETTINGS.keys() & combination.keys():
        part, _, field = name.rpartition(".")
        parts[part][field] = combination[name]
    return shipped.model_copy(
        update={
            "signal": shipped.signal.model_copy(update=parts["signal"]),
            "phase": shipped.phase.model_copy(update=parts["phase"]),
            **parts[""],
        }
    )


def exercises_of(combination: Combination, watch: Watch | None = None) -> tuple[Exercise, ...]:
    """The vocabulary with those gates; `watch` may replace each gate that has a bound here."""
    return tuple(_tuned(each, combination, watch) for each in EXERCISES)


def _tuned(each: Exercise, combination: Combination, watch: Watch | None) -> Exercise:
    motion = _motion(each)
    gates = tuple(_tuned_gate(each.name, gate, combination, watch) for gate in motion.gates)
    least = combination.get(f"{each.name}.least_range", motion.least_range)
    return replace(each, motion=replace(motion, least_range=least, gates=gates))


def _tuned_gate(owner: str, gate: Gate, combination: Combination, watch: Watch | None) -> Gate:
    bounds = {name: bound for name, bound in BOUNDS.items() if (owner, gate.name) in bound.gates}
    instead = tuple(_tuned_gate(owner, other, combination, watch) for other in gate.instead)
    tuned = replace(gate, instead=instead)
    for name, bound in bounds.items():
        tuned = _moved(tuned, bound.side, combination.get(name))
    if watch is None or not bounds:
        return tuned
    others = {n: tuple(_moved(tuned, b.side, value) for value in b.values) for n, b in bounds.items()}
    return watch(tuned, others)


def _moved(gate: Gate, side: Side, value: float | None) -> Gate:
    if value is None:
        return gate
    if side == "both":
        return replace(gate, low=-value, high=value)
    return replace(gate, low=value) if side == "low" else replace(gate, high=value)


def gates_of(each: Exercise) -> Iterator[Gate]:
    """All gates of an exercise, those that may stand instead of others included."""
    waiting = list(_motion(each).gates)
    while waiting:
        gate = waiting.pop(0)
        yield gate
        waiting += gate.instead


def _motion(each: Exercise) -> Motion:
    if each.motion is None:
        raise ValueError(f"{each.name} says nothing about its motion")
    return each.motion


def _bound(exercise_name: str, gate_name: str, side: Side) -> float:
    gate = next(gate for gate in gates_of(exercise(exercise_name)) if gate.name == gate_name)
    return gate.low if side == "low" else gate.high


def _field(settings: object, dotted: str) -> float:
    value: Any = settings
    for part in dotted.split("."):
        value = getattr(value, part)
    return float(value)
