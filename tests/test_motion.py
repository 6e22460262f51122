"""What tells one movement from another, on postures made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamaqa.motion import ROW, SQUAT, Motion, Posture

STANDING = Posture(
    time=0.0,
    aside=0.0,
    shoulders=0.0,
    hips=-1.0,
    knees=-1.8,
    ankles=-2.6,
    elbows=-0.6,
    wrists=-1.2,
    knee=172.0,
    hip=175.0,
    elbow=170.0,
    lean=3.0,
    arms=0.9,
    legs=0.9,
)


def failed(motion: Motion, start: Posture, turn: Posture, end: Posture) -> set[str]:
    """The gates that a movement through these postures does not pass."""
    return {
        gate.name
        for gate in motion.gates
        if gate.margin(*(gate.measure(posture) for posture in (start, turn, end))) < 0
    }


def test_a_deadlift_seen_from_behind_is_no_squat() -> None:
    """As the pose model has it: hips sink by half of what the shoulders do, arms look short."""
    low = replace(STANDING, shoulders=-1.2, hips=-1.6, wrists=-1.78, knee=142.0, lean=45.0)
    assert failed(SQUAT, STANDING, low, STANDING) == {"load_hangs"}


@pytest.mark.parametrize(("lean", "hands"), [(38.0, -0.6), (50.0, -0.2)])
def test_a_squat_may_lean_with_the_bar_on_the_back_or_hang_upright(lean: float, hands: float) -> None:
    low = replace(STANDING, shoulders=-1.1, hips=-1.8, wrists=-1.1 + hands, knee=80.0, lean=lean)
    assert failed(SQUAT, STANDING, low, STANDING) == set()


def test_hips_that_seem_to_sink_under_shoulders_that_stay_are_no_squat() -> None:
    jumped = replace(STANDING, shoulders=-0.07, hips=-1.5, knee=140.0)
    assert "shoulders_stay_up" in failed(SQUAT, STANDING, jumped, STANDING)


def test_a_row_ends_with_the_shoulders_where_they_began() -> None:
    bent = replace(STANDING, shoulders=-0.5, wrists=-1.6, lean=50.0)
    pulled = replace(bent, wrists=-0.9)
    assert failed(ROW, bent, pulled, bent) == set()
    assert failed(ROW, bent, pulled, replace(bent, shoulders=-0.1, wrists=-1.2)) == {"ended_elsewhere"}
