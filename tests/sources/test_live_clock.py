"""Stream time out of PTS and arrivals, without any stream."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamaqa.sources.stream_clock import LEAD_S, MIN_STEP_S, StreamClock

TICK = Fraction(1, 90_000)
STEP = 3000
"""Ticks between two frames at 30 a second."""
FRAME_S = 1 / 30
START = 1000.0

gaps = st.floats(0, 8, allow_nan=False)
ticks = st.one_of(st.none(), st.integers(-(1 << 63), (1 << 63) - 1), st.integers(0, 1 << 20))


def stamps(
    pts: list[int | None], *, late: list[float] | None = None, clock: StreamClock | None = None
) -> list[float]:
    """Of frames that are taken at 30 a second and arrive a second after `START`, or later by `late`."""
    clock = clock or StreamClock(START)
    late = late or [0.0] * len(pts)
    arrival, times = 0.0, []
    for number, (at, delay) in enumerate(zip(pts, late, strict=True)):
        arrival = max(arrival, START + 1 + number * FRAME_S + delay)
        times.append(clock.stamp(at, TICK, arrival))
    return times


def steady(count: int, first: int = 0) -> list[int | None]:
    return [first + number * STEP for number in range(count)]


def steps(times: list[float]) -> list[float]:
    return [after - before for before, after in itertools.pairwise(times)]


@given(st.lists(st.tuples(ticks, gaps, st.booleans()), max_size=80))
def test_time_rises_strictly_and_never_runs_ahead_whatever_comes(
    frames: list[tuple[int | None, float, bool]],
) -> None:
    clock, arrival, last = StreamClock(START), START, -1.0
    for number, (pts, gap, reconnect) in enumerate(frames):
        if reconnect:
            clock.reconnected()
        arrival += gap
        at = clock.stamp(pts, TICK, arrival)
        assert at > last
        assert at <= arrival - START + LEAD_S + (number + 1) * MIN_STEP_S
        last = at


@given(st.lists(st.floats(0, 3), min_size=2, max_size=120), st.integers(0, 1 << 40))
def test_sound_pts_are_followed_to_the_tick_however_late_frames_come(late: list[float], first: int) -> None:
    clock = StreamClock(START)
    times = stamps(steady(len(late), first), late=[0.0, *late[1:]], clock=clock)
    assert steps(times) == pytest.approx([FRAME_S] * (len(late) - 1), abs=1e-6)
    assert clock.counts.repairs == 0


@pytest.mark.parametrize("bits", [32, 33])
@given(before=st.integers(1, 50), reordered=st.booleans())
def test_a_wrap_changes_nothing_but_its_count(bits: int, before: int, reordered: bool) -> None:
    period = 1 << bits
    line = steady(100, period - before * STEP)
    if reordered:  # the frame after the wrap comes first
        line[before - 1], line[before] = line[before], line[before - 1]
    clock, straight = StreamClock(START), StreamClock(START)
    wrapped = stamps([at % period for at in line if at is not None], clock=clock)
    assert wrapped == pytest.approx(stamps(line, clock=straight), abs=1e-6)
    assert clock.counts.wraps >= 1
    assert clock.counts.repairs == straight.counts.repairs
    assert clock.counts.jumps == 0


@pytest.mark.parametrize("bits", [32, 33])
@given(first=st.sampled_from([-1, 0, 1, 5]), before=st.integers(2, 50), reordered=st.booleans())
def test_a_wrap_that_ffmpeg_has_undone_is_counted_once(
    bits: int, first: int, before: int, reordered: bool
) -> None:
    """It goes on from below zero, or above the period, as if nothing were."""
    period = 1 << bits
    line = steady(100, first * period - before * STEP)
    if reordered:
        line[before - 1], line[before] = line[before], line[before - 1]
    clock = StreamClock(START)
    clock.reconnected(period)
    stamps(line, clock=clock)
    assert clock.counts.wraps == 1
    assert clock.counts.jumps == 0
    clock.reconnected(period)  # begins anywhere: no wrap
    stamps(steady(10, 3 * period), clock=clock)
    assert clock.counts.wraps == 1


@pytest.mark.parametrize("bits", [32, 33])
@given(before=st.integers(2, 50), reordered=st.booleans())
def test_a_wrap_that_is_undone_here_is_counted_once_where_the_format_is_known(
    bits: int, before: int, reordered: bool
) -> None:
    line = [at % (1 << bits) for at in range(-before * STEP, (100 - before) * STEP, STEP)]
    if reordered:
        line[before - 1], line[before] = line[before], line[before - 1]
    clock = StreamClock(START)
    clock.reconnected(1 << bits)
    stamps([*line], clock=clock)
    assert clock.counts.wraps == 1


def test_pts_that_jump_over_a_period_are_a_jump_and_no_wrap() -> None:
    clock = StreamClock(START)
    clock.reconnected(1 << 33)
    stamps(steady(40) + steady(40, (1 << 33) + 5 * 90_000 * 60), clock=clock)
    assert (clock.counts.wraps, clock.counts.jumps) == (0, 1)


def test_stream_time_is_the_wall_clock_since_reading_began() -> None:
    assert stamps(steady(3, 12345))[0] == pytest.approx(1.0)


def test_frames_without_pts_take_the_time_of_their_arrival() -> None:
    clock = StreamClock(START)
    times = stamps([None] * 30, clock=clock)
    assert steps(times) == pytest.approx([FRAME_S] * 29)
    clock.reconnected()
    stamps([0, None, 2 * STEP], clock=clock)
    assert clock.counts.missing == 1


def test_the_first_frames_of_an_rtsp_stream_have_no_pts_and_that_is_no_fault() -> None:
    clock = StreamClock(START)
    assert steps(stamps([None, None, *steady(8)], clock=clock)) == pytest.approx([FRAME_S] * 9)
    assert clock.counts.repairs == 0


def test_a_repeated_or_backward_pts_costs_one_step_and_the_next_one_is_right() -> None:
    line = steady(10)
    line[4], line[7] = line[3], line[5]
    clock = StreamClock(START)
    times = stamps(line, clock=clock)
    assert times[4] == pytest.approx(times[3] + MIN_STEP_S)
    assert times[5] - times[3] == pytest.approx(2 * FRAME_S)
    assert times[8] - times[6] == pytest.approx(2 * FRAME_S)
    assert (clock.counts.repeated, clock.counts.backward) == (1, 1)


@pytest.mark.parametrize("garbage", [-(1 << 62), 1 << 62, 5_000_000_000, 90_000 * 10])
def test_one_garbage_pts_moves_no_other_frame(garbage: int) -> None:
    line = steady(20)
    line[9] = garbage
    clock = StreamClock(START)
    assert steps(stamps(line, clock=clock)) == pytest.approx([FRAME_S] * 19, abs=2e-3)
    assert (clock.counts.broken, clock.counts.jumps) == (1, 0)


@pytest.mark.parametrize("leap", [-(1 << 40), -400 * STEP, 90 * STEP, 1 << 40])
def test_pts_that_go_on_from_somewhere_else_are_followed_from_there(leap: int) -> None:
    clock = StreamClock(START)
    times = stamps(steady(400) + steady(30, 400 * STEP + leap), clock=clock)
    assert steps(times) == pytest.approx([FRAME_S] * 429, abs=2e-3)
    assert clock.counts.jumps == 1


def test_pts_that_stand_still_are_not_believed_any_more() -> None:
    clock = StreamClock(START)
    times = stamps([7] * 600, clock=clock)
    assert times[-1] == pytest.approx(1 + 599 * FRAME_S, abs=0.6)
    assert steps(times)[-300:] == pytest.approx([FRAME_S] * 300)


@pytest.mark.parametrize("speed", [0.5, 2.0])
def test_pts_at_another_speed_are_not_believed_any_more(speed: float) -> None:
    times = stamps([round(number * STEP * speed) for number in range(2400)])
    assert steps(times)[-300:] == pytest.approx([FRAME_S] * 300)


@pytest.mark.parametrize("rate", [0.9998, 1.0002])
def test_a_camera_whose_clock_drifts_needs_no_repair(rate: float) -> None:
    """Over a quarter of an hour, at twice what a cheap crystal does: lateness must not grow with it."""
    clock = StreamClock(START)
    stamps([round(number * STEP * rate) for number in range(30_000)], clock=clock)
    assert clock.counts.repairs == 0
    assert abs(clock.late) < 0.01


def test_after_a_reconnect_time_has_gone_on_by_the_wall_clock() -> None:
    clock = StreamClock(START)
    before = clock.stamp(500, TICK, START + 2)
    clock.reconnected()
    assert clock.stamp(0, TICK, START + 12) - before == pytest.approx(10)
    assert clock.counts.repairs == 0


def test_a_burst_at_each_reconnect_does_not_let_time_run_away() -> None:
    """Some cameras send the last seconds at once; each time they would put stream time ahead by as much."""
    clock = StreamClock(START)
    for connection in range(20):
        clock.reconnected()
        begin = START + 10 * connection
        for number in range(60):  # two seconds, in one moment
            at = clock.stamp(number * STEP, TICK, begin + number * 1e-4)
        assert at - (begin - START) < 2.1
    assert clock.counts.repairs == 0


def test_how_late_a_frame_came_is_told_against_the_least_delayed_one() -> None:
    clock = StreamClock(START)
    stamps(steady(10), late=[0.0] * 9 + [0.7], clock=clock)
    assert clock.late == pytest.approx(0.7, abs=0.01)
