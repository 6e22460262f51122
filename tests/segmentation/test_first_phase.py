"""The first phase, asked for while the second is under way."""

from __future__ import annotations

import pytest
from lifter import scene, track

from streamaqa.segmentation import Segmenter
from streamaqa.types import PhaseEnded, RepEnded

FPS = 30.0
LATER_S = 0.15


@pytest.mark.parametrize("exercise", ["squat", "overhead_press", "barbell_row"])
def test_a_moment_after_the_turn_its_time_is_known_within_a_frame(exercise: str) -> None:
    segmenter = Segmenter()
    turned: PhaseEnded | None = None
    known: dict[int, PhaseEnded] = {}
    off = []
    for pose in track(scene(exercise, reps=4, view=90.0, seed=3), FPS):
        for event in segmenter.push(pose):
            if isinstance(event, PhaseEnded):
                turned = event
            elif isinstance(event, RepEnded) and event.rep.unit in known:
                phase, said = event.rep.phases[0], known[event.rep.unit].phase
                assert said.kind == phase.kind
                off.append(max(abs(said.start - phase.start), abs(said.end - phase.end)))
                assert segmenter.first_phase(event.rep.unit) is None
        if turned is not None and pose.time - turned.at >= LATER_S:
            again = segmenter.first_phase(turned.unit)
            if again is not None:
                known[turned.unit] = again
                assert again.at == pose.time
            turned = None
    assert len(off) >= 3
    assert max(off) <= 1 / FPS


def test_before_the_turn_and_of_another_unit_there_is_none() -> None:
    segmenter = Segmenter()
    assert segmenter.first_phase(1) is None
    for pose in track(scene("squat", reps=1, view=90.0, seed=3), FPS):
        if any(isinstance(event, PhaseEnded) for event in segmenter.push(pose)):
            break
        assert segmenter.first_phase(1) is None
    assert segmenter.first_phase(1) is not None
    assert segmenter.first_phase(2) is None
