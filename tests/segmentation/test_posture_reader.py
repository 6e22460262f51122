from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lifter import scene, track, truth

from streamaqa.motion import Gate, Posture, trunk_height, wrists_over_shoulders
from streamaqa.segmentation.settings import SignalSettings
from streamaqa.segmentation.signals import PostureReader
from streamaqa.types import Pose


def read(stream: list[Pose]) -> list[Posture]:
    reader = PostureReader(SignalSettings())
    return [posture for pose in stream if (posture := reader.read(pose)) is not None]


@pytest.mark.parametrize("view", [0.0, 90.0, 200.0])
def test_lengths_are_the_lifters_own_from_any_side(view: float) -> None:
    standing = read(track(scene("squat", view=view)))[0]
    assert standing.shoulders - standing.hips == pytest.approx(1.0, abs=0.1)
    assert standing.lean < 20
    assert standing.knee > 155


def test_a_lean_towards_the_camera_does_not_stretch_the_ruler() -> None:
    """Seen from ahead a bent trunk is short in the picture, yet the arms hang as far as from the side."""
    hanging = [wrists_over_shoulders(read(track(scene("barbell_row", view=view)))[0]) for view in (0.0, 90.0)]
    assert hanging[0] == pytest.approx(hanging[1], rel=0.15)


@pytest.mark.parametrize(("view", "least", "most"), [(0.0, 0.4, 1.2), (180.0, -1.2, -0.4), (90.0, -0.2, 0.2)])
def test_the_shoulders_tell_whether_the_back_is_turned(view: float, least: float, most: float) -> None:
    assert least < read(track(scene("squat", view=view)))[0].facing < most


def nearest(times: list[float], time: float) -> float:
    return min(times, key=lambda t: abs(t - time))


def test_squatting_lowers_the_trunk_and_comes_back() -> None:
    drawn = scene("squat", reps=1)
    (rep,) = truth(drawn).reps
    postures = read(track(drawn))
    height = {p.time: trunk_height(p) for p in postures}
    at = [height[nearest(list(height), x)] for x in (rep.start - 0.2, rep.turn, rep.end + 0.2)]
    assert at[1] < at[0] - 0.6
    assert at[2] == pytest.approx(at[0], abs=0.1)


def test_nobody_gives_no_posture() -> None:
    assert PostureReader(SignalSettings()).read(Pose.nobody(0.0, (4, 3))) is None


def test_a_lasting_jump_is_somebody_else() -> None:
    stream = track(scene("squat", reps=1))
    reader = PostureReader(SignalSettings())
    told = []
    for i, pose in enumerate(stream[:60]):
        image = pose.image.copy()
        image[:, 0] += 0.5 if i >= 30 else 0.0
        reader.read(replace(pose, image=image))
        told.append(reader.somebody_else)
    assert told.index(True) == pytest.approx(39, abs=1), "after 0.3 s"
    assert sum(told) == 1


def test_a_gate_measures_how_far_inside_a_value_lies() -> None:
    gate = Gate("deep", trunk_height, "change", high=-0.3, softness=0.1)
    assert gate.margin(0.0, -0.5, 0.0) == pytest.approx(2.0)
    assert gate.margin(0.0, -0.2, 0.0) == pytest.approx(-1.0)
    assert gate.margin(-0.4, -0.5, 0.0) == pytest.approx(2.0), "a recording may begin half way down"
    rise = Gate("risen", trunk_height, "rise", low=0.3)
    assert rise.margin(0.0, 0.5, 0.4) == pytest.approx(2.0)
    drift = Gate("stayed", trunk_height, "drift", low=-0.1, high=0.1)
    assert drift.margin(0.0, np.nan, 0.3) < 0
