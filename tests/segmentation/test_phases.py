"""One exercise's machine on movements made by hand: where they begin and end if lifters pause on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
import pytest

from streamaqa.exercises import exercise
from streamaqa.motion import Posture
from streamaqa.segmentation.minimum_jerk import minimum_jerk
from streamaqa.segmentation.phases import Closed, PhaseMachine
from streamaqa.segmentation.settings import PhaseSettings

STANDING = Posture(
    time=0.0, aside=0.0, shoulders=0.0, hips=-1.0, ankles=-2.6, elbows=-0.6, wrists=-1.2,
    knee=172.0, elbow=170.0, lean=3.0, arms=0.9, legs=0.9, facing=0.7, feet=0.0, stride=0.0, knees_apart=0.0,
)  # fmt: skip
RACKED = replace(STANDING, elbows=-0.5, wrists=-0.1, elbow=65.0)
PRESSED = replace(RACKED, elbows=0.5, wrists=1.0, elbow=165.0)
SQUATTED = replace(RACKED, shoulders=-1.2, hips=-1.9, elbows=-1.7, wrists=-1.3, knee=75.0, lean=38.0)
AT_THE_FLOOR = replace(STANDING, shoulders=-1.0, hips=-1.3, elbows=-1.6, wrists=-2.2, lean=80.0, knee=110.0)
HANGING = replace(STANDING, shoulders=-0.4, hips=-1.1, elbows=-1.0, wrists=-1.6, lean=50.0, knee=145.0)
PULLED = replace(HANGING, elbows=-0.5, wrists=-0.85, elbow=100.0)

Key = tuple[float, Posture]
"""Seconds, and the posture by then; between two the way is of minimum jerk."""


def moving(keys: Sequence[Key], fps: float = 30.0) -> list[Posture]:
    """Postures from the first key to the last."""
    out = []
    for time in np.arange(keys[0][0], keys[-1][0], 1.0 / fps):
        n = max(i for i, (at, _) in enumerate(keys) if at <= time + 1e-9)
        (begin, one), (end, other) = keys[n], keys[min(n + 1, len(keys) - 1)]
        share = float(minimum_jerk(np.array((time - begin) / max(end - begin, 1e-9))))
        between = {
            f.name: getattr(one, f.name) + share * (getattr(other, f.name) - getattr(one, f.name))
            for f in fields(Posture)
            if f.name not in ("time", "walked", "sight")
        }
        out.append(replace(one, time=float(time), **between))
    return out


def closed(name: str, postures: Sequence[Posture]) -> list[Closed]:
    return [note for _, note in said(name, postures)]


def said(name: str, postures: Sequence[Posture]) -> list[tuple[float, Closed]]:
    """What was closed, and when."""
    machine = PhaseMachine(exercise(name), PhaseSettings())
    notes = [(posture.time, note) for posture in postures for note in machine.push(posture)]
    notes += [(postures[-1].time, note) for note in machine.end("over")]
    return [(at, note) for at, note in notes if isinstance(note, Closed)]


def part(share: float, one: Posture, other: Posture) -> Posture:
    """So much of the way from one posture to the other."""
    way = moving([(0.0, one), (1.0, other)], 1000.0)
    return min(way, key=lambda p: abs((p.wrists - one.wrists) / (other.wrists - one.wrists) - share))


@pytest.mark.parametrize(
    ("name", "home", "turn"), [("squat", RACKED, SQUATTED), ("overhead_press", RACKED, PRESSED)]
)
def test_who_pauses_on_both_ways_does_one_whole_repetition(name: str, home: Posture, turn: Posture) -> None:
    half = part(0.5, home, turn)
    keys = [(0.0, home), (2.0, home), (3.0, half), (4.0, half), (5.0, turn), (5.2, turn), (6.2, half)]
    (rep,) = closed(name, moving([*keys, (7.2, half), (8.2, home), (10.0, home)]))
    assert rep.cut.start == pytest.approx(2.25, abs=0.15)
    assert rep.cut.end == pytest.approx(7.95, abs=0.15)


@pytest.mark.parametrize("lift", [0.6, 1.2])
@pytest.mark.parametrize("pauses", [(), (0.4,)])
def test_a_bar_taken_from_the_floor_is_rowed_from_where_it_hangs(
    lift: float, pauses: tuple[float, ...]
) -> None:
    keys: list[Key] = [(0.0, AT_THE_FLOOR), (1.5, AT_THE_FLOOR)]
    for share in (*pauses, 1.0):
        there = part(share, AT_THE_FLOOR, HANGING)
        keys += [(keys[-1][0] + lift, there), (keys[-1][0] + lift + 0.7, there)]
    begin = keys[-1][0]
    for n in range(2):
        keys += [
            (begin + 2 * n + 0.8, PULLED),
            (begin + 2 * n + 1.6, HANGING),
            (begin + 2 * n + 2.0, HANGING),
        ]
    reps = closed("barbell_row", moving([*keys, (begin + 6.0, HANGING)]))
    assert [rep.cut.start for rep in reps] == pytest.approx([begin + 0.15, begin + 2.15], abs=0.12)
    assert [rep.cut.end for rep in reps] == pytest.approx([begin + 1.45, begin + 3.45], abs=0.12)


@pytest.mark.parametrize("pause", [0.25, 0.3, 0.45])
@pytest.mark.parametrize("fps", [15.0, 30.0, 60.0])
def test_a_press_begins_after_the_hands_have_come_to_the_shoulders(pause: float, fps: float) -> None:
    begin = 2.0 + pause
    keys = [(0.0, STANDING), (1.0, STANDING), (2.0, RACKED), (begin, RACKED), (begin + 0.5, PRESSED)]
    (rep,) = closed("overhead_press", moving([*keys, (begin + 1.2, RACKED), (begin + 3.0, RACKED)], fps))
    assert rep.cut.start == pytest.approx(begin + 0.1, abs=0.1)


def test_one_pose_that_leaps_after_a_gap_ends_no_row() -> None:
    keys = [(0.0, HANGING), (2.0, HANGING), (3.5, PULLED), (5.0, HANGING), (7.0, HANGING)]
    poses = [p for p in moving(keys, 10.0) if not 2.95 < p.time < 3.15]
    leapt = [replace(p, shoulders=p.shoulders + 1.0) if 3.15 < p.time < 3.25 else p for p in poses]
    assert len(closed("barbell_row", leapt)) == 1


def test_who_stands_up_in_between_has_not_rowed_since() -> None:
    keys = [(0.0, HANGING), (1.5, HANGING), (2.3, STANDING), (3.3, STANDING), (4.1, HANGING), (5.0, HANGING)]
    once = [(5.8, PULLED), (6.6, HANGING), (8.0, HANGING)]
    stood = [(at, replace(p, shoulders=p.shoulders + 0.6) if p is STANDING else p) for at, p in keys]
    (rep,) = closed("barbell_row", moving([*stood, *once]))
    assert rep.cut.start == pytest.approx(5.15, abs=0.12)


def test_a_movement_that_was_nothing_is_over_where_the_lifter_comes_to_rest() -> None:
    """Hands that come up with the bar and settle at the shoulders, half way back to where they were."""
    at_the_rack = replace(STANDING, shoulders=-0.5, hips=-1.2, elbows=-0.95, wrists=-0.55, lean=57.0)
    lifted = replace(RACKED, elbows=-0.3, wrists=0.0)
    keys = [(0.0, at_the_rack), (1.5, at_the_rack), (2.3, lifted), (2.8, RACKED), (4.0, RACKED)]
    press = [(5.2, PRESSED), (5.4, PRESSED), (6.6, RACKED), (8.0, RACKED)]
    (rep,) = closed("overhead_press", moving([*keys, *press]))
    assert rep.cut.start == pytest.approx(4.25, abs=0.12)


@pytest.mark.parametrize("lifted", [0.14, 0.18])
@pytest.mark.parametrize("hold", [0.1, 0.8])
def test_a_press_is_held_whose_hidden_hands_hardly_rise(lifted: float, hold: float) -> None:
    """Seen from the side: the trunk that the pose model lifts in their place is on its way from the start."""
    top = replace(
        RACKED, shoulders=lifted, hips=-0.85, elbows=lifted - 0.05, wrists=lifted + 0.3, elbow=140.0
    )
    keys = [(0.0, RACKED), (1.5, RACKED), (2.7, top), (2.7 + hold, top), (3.9 + hold, RACKED)]
    (rep,) = closed("overhead_press", moving([*keys, (5.0 + hold, RACKED)]))
    assert rep.cut.end == pytest.approx(3.7 + hold, abs=0.15)


@pytest.mark.parametrize(("hold", "pause"), [(0.1, 0.0), (0.8, 0.0), (0.1, 0.8)])
def test_a_row_counts_whose_legs_are_misread_at_the_turn(hold: float, pause: float) -> None:
    folded = replace(PULLED, ankles=-1.85, knee=94.0)
    keys = [(0.0, HANGING), (1.5, HANGING), (2.3, folded), (2.3 + hold, folded)]
    half = replace(part(0.4, PULLED, HANGING), ankles=-1.85, knee=94.0)
    back = 2.7 + hold
    keys += [(back, half), (back + pause, half), (back + pause + 0.5, HANGING), (back + pause + 2.0, HANGING)]
    assert len(closed("barbell_row", moving(keys))) == 1


@pytest.mark.parametrize(("within", "count"), [(-0.5, 1), (0.2, 1), (0.6, 0)])
def test_hands_between_wide_feet_lift_a_bar_from_the_floor(within: float, count: int) -> None:
    """A sumo deadlift folds the legs as a squat does; dumbbells are held beside the feet."""
    hang = replace(STANDING, hands_within=within)
    low = replace(SQUATTED, elbows=-1.7, wrists=-2.1, lean=35.0, hands_within=within)
    keys = [(0.0, hang), (1.5, hang), (2.7, low), (2.9, low), (4.1, hang), (6.0, hang)]
    assert len(closed("squat", moving(keys))) == count


def once(home: Posture, turn: Posture) -> list[Key]:
    """Stand for two seconds, do it once, and rest until 6 s."""
    return [(0.0, home), (2.0, home), (3.0, turn), (3.1, turn), (4.1, home), (6.0, home)]


def swaying(postures: Sequence[Posture], begin: float, by: float, period: float) -> list[Posture]:
    """From that moment on the whole body goes up and down."""
    out = []
    for p in postures:
        up = by * np.sin(2 * np.pi * (p.time - begin) / period) if p.time > begin else 0.0
        heights = {name: getattr(p, name) + up for name in ("shoulders", "hips", "elbows", "wrists")}
        out.append(replace(p, **heights))
    return out


@pytest.mark.parametrize("sway", [0.0, 0.03, 0.035])
def test_a_squat_that_stays_three_quarters_up_is_over_two_seconds_later(sway: float) -> None:
    rest = part(0.25, RACKED, SQUATTED)
    keys = [*once(RACKED, SQUATTED), (7.0, SQUATTED), (7.1, SQUATTED), (8.1, rest), (14.0, rest)]
    _, (at, rep) = said("squat", swaying(moving(keys), 8.3, sway, 3.0))
    assert rep.cut.end == pytest.approx(7.92, abs=0.05)
    assert at < 10.7


def test_a_squat_that_ends_less_than_a_fifth_short_is_said_at_once() -> None:
    rest = part(0.15, RACKED, SQUATTED)
    keys = [*once(RACKED, SQUATTED), (7.0, SQUATTED), (7.1, SQUATTED), (8.1, rest), (14.0, rest)]
    _, (at, _) = said("squat", moving(keys))
    assert at < 8.7


def test_who_slouches_before_a_squat_has_not_begun_it() -> None:
    slouch = part(0.25, RACKED, SQUATTED)
    keys = [
        *once(RACKED, SQUATTED),
        (6.4, slouch),
        (8.0, slouch),
        (9.0, SQUATTED),
        (9.1, SQUATTED),
        (10.1, RACKED),
    ]
    _, rep = closed("squat", moving([*keys, (12.0, RACKED)]))
    assert rep.cut.start == pytest.approx(8.17, abs=0.1)


@pytest.mark.parametrize(("name", "home", "turn"), [
    ("overhead_press", RACKED, PRESSED), ("barbell_row", HANGING, PULLED),
])  # fmt: skip
def test_a_load_that_rests_on_its_way_down_is_not_waited_for(name: str, home: Posture, turn: Posture) -> None:
    rest = part(0.25, home, turn)
    keys = [*once(home, turn), (7.0, turn), (7.1, turn), (8.1, rest), (12.0, rest)]
    _, (at, _) = said(name, moving(keys))
    assert at < 8.8


def test_a_press_that_begins_elsewhere_than_the_one_before_is_not_waited_for() -> None:
    """The bar was set down lower and comes up again: where it rests then the next press begins."""
    low, rest = replace(RACKED, wrists=-0.5, elbows=-0.85), part(0.3, RACKED, PRESSED)
    keys = [*once(RACKED, PRESSED), (7.0, low), (9.0, low), (10.0, rest), (11.5, rest), (12.5, PRESSED)]
    _, rep = closed("overhead_press", moving([*keys, (12.6, PRESSED), (13.6, rest), (16.0, rest)]))
    assert rep.cut.start == pytest.approx(11.67, abs=0.1)


def test_rows_from_the_hang_count_after_rows_from_the_floor() -> None:
    keys = [(0.0, AT_THE_FLOOR), (2.0, AT_THE_FLOOR), (3.0, PULLED), (3.1, PULLED), (4.1, AT_THE_FLOOR)]
    keys += [(6.0, AT_THE_FLOOR), (6.8, HANGING), (7.5, HANGING), (8.3, PULLED), (9.1, HANGING)]
    reps = closed(
        "barbell_row", moving([*keys, (9.6, HANGING), (10.4, PULLED), (11.2, HANGING), (14.0, HANGING)])
    )
    assert [rep.cut.turn for rep in reps] == pytest.approx([3.05, 8.3, 10.4], abs=0.12)


@pytest.mark.parametrize(("wrists", "knee", "count"), [(-2.0, 85.0, 1), (-2.0, 112.0, 0), (-1.6, 112.0, 1)])
@pytest.mark.parametrize("facing", [-0.7, 0.7])
def test_a_deadlift_seen_from_behind_keeps_its_legs_open_and_its_hands_low(
    wrists: float, knee: float, count: int, facing: float
) -> None:
    """From ahead a trunk that shows as long as that tells a squat by itself."""
    hang = replace(STANDING, facing=facing)
    low = replace(SQUATTED, shoulders=-0.95, hips=-1.65, elbows=-1.5, wrists=wrists, knee=knee, lean=50.0)
    low = replace(low, facing=facing)
    keys = [(0.0, hang), (1.5, hang), (2.7, low), (2.9, low), (4.1, hang), (6.0, hang)]
    assert len(closed("squat", moving(keys))) == (count if facing < 0 else 1)


@pytest.mark.parametrize(("lone", "wrists", "count"), [(1.0, 0.8, 0), (1.0, 1.2, 1), (0.0, 0.8, 1)])
def test_one_hand_alone_has_to_come_up_like_a_dumbbell(lone: float, wrists: float, count: int) -> None:
    """A hand that scratches the head comes half as far up as one that presses."""
    rest, up = (replace(posture, lone=lone) for posture in (RACKED, PRESSED))
    up = replace(up, wrists=wrists, elbows=0.3, elbow=120.0)
    keys = [(0.0, rest), (1.5, rest), (2.5, up), (2.6, up), (3.6, rest), (6.0, rest)]
    assert len(closed("overhead_press", moving(keys))) == count
