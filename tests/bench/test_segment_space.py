"""What a leave-one-out searches: all of the segmenter, or a reason why not."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

import pytest
from pydantic import BaseModel

from streamaqa.bench.segment_space import (
    BOUNDS,
    GIVEN,
    PARAMETERS,
    RANGES,
    SETTINGS,
    exercises_of,
    gates_of,
    settings_of,
    shipped,
    start,
)
from streamaqa.exercises import EXERCISES
from streamaqa.segmentation import SegmenterSettings


def numbers(settings: BaseModel, before: str = "") -> Iterator[str]:
    for name, value in settings:
        if isinstance(value, BaseModel):
            yield from numbers(value, f"{before}{name}.")
        else:
            yield before + name


def test_every_number_of_the_settings_is_searched_or_given_with_a_reason() -> None:
    told = {name for name in numbers(SegmenterSettings()) if not name.startswith("advice.")}
    assert told == SETTINGS.keys() | GIVEN.keys()


def test_every_bound_of_every_gate_is_searched_once() -> None:
    bounds = {
        (exercise.name, gate.name, side)
        for exercise in EXERCISES
        for gate in gates_of(exercise)
        for side in ("low", "high")
        if isfinite(getattr(gate, side))
    }
    searched = [
        (*gate, side)
        for bound in BOUNDS.values()
        for gate in bound.gates
        for side in (("low", "high") if bound.side == "both" else (bound.side,))
    ]
    assert sorted(searched) == sorted(bounds)
    assert RANGES.keys() == {exercise.name for exercise in EXERCISES}


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_search_can_find_the_shipped_value_but_does_not_start_there(name: str) -> None:
    assert shipped()[name] in PARAMETERS[name]
    assert shipped()[name] != start()[name]
    assert len(set(PARAMETERS[name])) == len(PARAMETERS[name]) >= 3


def test_the_shipped_values_are_the_shipped_segmenter() -> None:
    assert settings_of(shipped()) == settings_of({}) == SegmenterSettings()
    assert exercises_of(shipped()) == exercises_of({}) == EXERCISES


@pytest.mark.parametrize("name", PARAMETERS)
def test_each_parameter_changes_the_segmenter(name: str) -> None:
    changed = {name: start()[name]}
    assert (settings_of(changed), exercises_of(changed)) != (SegmenterSettings(), EXERCISES)


def test_a_bound_on_both_sides_moves_on_both() -> None:
    squat = exercises_of({"walked": 0.5})[0]
    assert squat.motion is not None
    walked = squat.motion.gates[0]
    assert (walked.low, walked.high) == (-0.5, 0.5)
