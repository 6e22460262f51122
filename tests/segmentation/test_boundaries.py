"""Where a movement is cut, on signals made by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from lifter import scene, track

from streamaqa.segmentation.boundaries import Cut, read
from streamaqa.segmentation.filter import Array
from streamaqa.segmentation.minimum_jerk import minimum_jerk
from streamaqa.segmentation.settings import PhaseSettings, SignalSettings
from streamaqa.segmentation.signals import PostureReader, settled

PHASE_S = 3.0
CROSSING = 0.189
"""Share of a minimum-jerk movement's time at which 5 % of its way is done."""
REST_S = 1.0
EXACT = PhaseSettings(trail=0.0)
"""For a signal that is where the movement is."""


def slow_rep(back_to: float = 0.0) -> tuple[Array, Array]:
    """Up to 1 and down again in three seconds each, along minimum-jerk curves, after a second of rest."""
    t = np.arange(0.0, REST_S + 2 * PHASE_S + 1.0, 1 / 30)
    up, down = minimum_jerk((t - REST_S) / PHASE_S), minimum_jerk((t - REST_S - PHASE_S) / PHASE_S)
    return t, up - (1.0 - back_to) * down


def cut(t: Array, x: Array, until: float = 10.0, settings: PhaseSettings = EXACT) -> Cut:
    return read(t[t <= until], x[t <= until], REST_S + 1.0, 0.0, settings)


def times(found: Cut) -> tuple[float, float, float]:
    return found.start, found.turn, found.end


START, TURN, END = REST_S + CROSSING * PHASE_S, REST_S + PHASE_S, REST_S + (2 - CROSSING) * PHASE_S


def test_a_whole_movement_is_cut_at_five_per_cent_of_its_range() -> None:
    assert times(cut(*slow_rep())) == pytest.approx((START, TURN, END), abs=0.03)


@pytest.mark.parametrize("share", [0.83, 0.87, 0.92])
def test_a_movement_that_is_said_before_it_is_home_ends_where_it_will(share: float) -> None:
    """The share of the way back's time that has been seen; at 0.83 some 4 % of the way are left."""
    found = cut(*slow_rep(), until=REST_S + (1 + share) * PHASE_S)
    assert found.end == pytest.approx(END, abs=0.05)


def test_a_lifter_who_stops_short_ends_where_they_stop() -> None:
    found = cut(*slow_rep(back_to=0.3))
    assert found.second_range == pytest.approx(0.7, abs=0.02)
    assert found.end == pytest.approx(END, abs=0.03)


def test_a_movement_that_began_with_a_dip_ends_at_the_level_before_it() -> None:
    """Stood at 0.12 of the way, dipped to 0, went up to 1 and came back to 0.12."""
    t, x = slow_rep(back_to=0.12)
    x = x + 0.12 * (1 - minimum_jerk((t - REST_S + 0.6) / 0.6))
    seen = t <= REST_S + 1.85 * PHASE_S

    def end(stood: float) -> float:
        settings = EXACT.model_copy(update={"curve": 0.0})
        return read(t[seen], x[seen], REST_S + 1.0, 0.0, settings, stood).end

    assert end(0.12) == pytest.approx(END, abs=0.05)
    assert end(0.03) == end(0.3) == end(-math.inf) > END + 0.08  # noise, and another movement


def test_noise_moves_boundaries_less_where_the_curve_counts() -> None:
    """Two hundredths of the range, in waves of a third of a second."""
    rng = np.random.default_rng(3)
    t, x = slow_rep()
    alone = EXACT.model_copy(update={"curve": 0.0})
    off: dict[str, list[float]] = {"alone": [], "with the curve": []}
    for _ in range(20):
        waves = np.convolve(rng.normal(0.0, 1.0, len(t)), np.hanning(15), "same")
        seen = x + 0.02 * waves / waves.std()
        for name, settings in (("alone", alone), ("with the curve", EXACT)):
            off[name] += np.abs(
                np.subtract(times(cut(t, seen, settings=settings)), (START, TURN, END))
            ).tolist()
    assert np.mean(off["with the curve"]) < 0.85 * np.mean(off["alone"])


def test_a_movement_unlike_the_curve_is_cut_where_the_signal_crosses() -> None:
    """Up in steps, as in a grind: the curve is 0.1 off, and does not count."""
    t, x = slow_rep()
    grind = x + 0.15 * np.sin(6 * np.pi * np.clip((t - REST_S) / PHASE_S, 0.0, 1.0)) * (t < TURN)
    alone = cut(t, grind, settings=EXACT.model_copy(update={"curve": 0.0}))
    assert times(cut(t, grind)) == pytest.approx(times(alone), abs=0.02)


def test_landmarks_that_trail_behind_are_told_earlier() -> None:
    """A hundredth of the range behind on the way, caught up at rest."""
    t, x = slow_rep()
    behind = x - 0.01 * np.sign(np.gradient(x, t)) * (np.abs(np.gradient(x, t)) > 0.02)
    late = np.subtract(times(cut(t, behind)), times(cut(t, x)))
    told = np.subtract(times(cut(t, behind, settings=PhaseSettings(trail=0.01))), times(cut(t, x)))
    assert np.all(late > 0.02)
    assert np.abs(told).max() < 1 / 30


def test_what_was_not_seen_is_not_told() -> None:
    t, x = slow_rep()
    middle = (t > REST_S + 1.0) & (t < END - 0.3)
    found = read(t[middle], x[middle], REST_S + 1.2, float(x[middle][0]), PhaseSettings())
    assert t[middle][0] <= found.start <= found.hold_start <= found.turn <= found.hold_end <= found.end
    assert found.end <= t[middle][-1]


def test_a_signal_that_does_not_move_is_cut_without_a_curve() -> None:
    t = np.arange(0.0, 3.0, 1 / 30)
    found = read(t, np.zeros(len(t)), 1.0, 0.0, PhaseSettings())
    assert (found.first_range, found.second_range) == (0.0, 0.0)


def test_what_is_learned_of_the_ruler_bends_no_movement() -> None:
    """A ruler that shrinks by a tenth lifts the wrists of a lifter who stands still, but not once settled."""
    reader = PostureReader(SignalSettings())
    still = track(scene("barbell_row", reps=1))[:20]
    postures = [p for pose in still if (p := reader.read(pose)) is not None]
    sights = [p.sight for p in postures]
    bent = [
        replace(p, wrists=p.wrists / f, sight=s and replace(s, ruler=s.ruler * f))
        for p, s, f in zip(postures, sights, np.linspace(1.0, 0.9, len(postures)), strict=True)
    ]
    assert np.ptp([p.wrists for p in bent]) > 0.05
    assert np.ptp([p.wrists for p in settled(bent)]) < 0.01


def test_postures_made_by_hand_are_left_as_they_are() -> None:
    reader = PostureReader(SignalSettings())
    posture = reader.read(track(scene("squat", reps=1))[0])
    assert posture is not None
    by_hand = replace(posture, sight=None)
    assert settled([by_hand, posture]) == [by_hand, posture]
