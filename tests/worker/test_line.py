"""Who runs when, and who is let in: in virtual time."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from virtual import Arrival, simulate

from streamaqa.worker.line import Job, Line, LineSettings, Ticket
from streamaqa.worker.rates import Rates, bucket

QUICK = LineSettings(overhead_s=0.0)


def line(seconds: float = 1.0, *, lanes: int = 1, **more: int) -> Line:
    """One whose windows take so long, one by one."""
    made = Line(QUICK.model_copy(update=more), lanes)
    for count in range(1, 9):
        made.rates.learn(32, count, seconds * count)
    return made


def decoded(job: Job) -> Job:
    for ticket in job.tickets:
        ticket.decoded = True
    return job


def let_in(made: Line, now: float, deadline: float, windows: int = 1, adapter: str | None = None) -> Job:
    job = decoded(Job.of(deadline, [32] * windows, adapter))
    assert made.admit(now, job).admitted
    return job


# --- admission -----------------------------------------------------------------------------------------


def test_a_request_is_let_in_while_its_finish_is_before_its_deadline() -> None:
    made = line()
    for _ in range(3):
        let_in(made, 0.0, 3.0)
    verdict = made.admit(0.0, Job.of(3.0, [32]))
    assert not verdict.admitted
    assert verdict.reason == "late"
    assert verdict.finish == pytest.approx(4.0)
    assert verdict.retry_after == pytest.approx(1.0), "then one window has gone"


def test_after_retry_after_the_same_request_fits() -> None:
    made = line()
    for _ in range(3):
        let_in(made, 0.0, 3.0)
    verdict = made.admit(0.0, Job.of(3.0, [32]))
    batch = made.next_batch(0.0)
    made.finished(0, 32, len(batch), 1.0)
    later = 0.0 + verdict.retry_after
    assert made.admit(later, Job.of(later + 3.0, [32])).admitted


def test_nobody_is_let_in_at_the_cost_of_one_who_was_before() -> None:
    made = line()
    let_in(made, 0.0, 2.0, windows=2)
    urgent = made.admit(0.0, Job.of(1.0, [32]))
    assert not urgent.admitted, "it would be done in time itself, and make another late"
    assert made.admit(0.0, Job.of(3.0, [32])).admitted


def test_all_windows_of_a_request_must_be_in_time() -> None:
    made = line()
    assert not made.admit(0.0, Job.of(1.5, [32, 32])).admitted
    assert made.admit(0.0, Job.of(2.5, [32, 32])).admitted


def test_the_running_batch_is_waited_for() -> None:
    made = line()
    let_in(made, 0.0, 9.0)
    made.next_batch(0.0)
    assert not made.admit(0.2, Job.of(1.7, [32])).admitted
    assert made.admit(0.2, Job.of(2.1, [32])).admitted


def test_what_is_not_decoded_yet_is_counted_with_its_decoding() -> None:
    made = line(0.1)
    made.decode_s = 0.05  # 1.6 s a window
    assert not made.admit(0.0, Job.of(1.5, [32])).admitted
    assert made.admit(0.0, Job.of(2.0, [32])).admitted


def test_two_models_take_twice_as_much() -> None:
    one, two = line(), line(lanes=2)
    admitted = [sum(made.admit(0.0, Job.of(3.0, [32])).admitted for _ in range(20)) for made in (one, two)]
    assert admitted == [3, 6]


def test_unsteady_service_is_met_with_caution() -> None:
    steady, unsteady = Line(QUICK), Line(QUICK)
    for number in range(60):
        steady.rates.learn(32, 1, 1.0)
        unsteady.rates.learn(32, 1, 0.5 if number % 2 else 1.5)
    assert steady.admit(0.0, Job.of(1.3, [32])).admitted
    assert not unsteady.admit(0.0, Job.of(1.3, [32])).admitted


def test_a_full_line_says_when_there_is_room() -> None:
    made = line(waiting=2)
    for _ in range(2):
        let_in(made, 0.0, 90.0)
    verdict = made.admit(0.0, Job.of(90.0, [32]))
    assert (verdict.admitted, verdict.reason) == (False, "full")
    assert verdict.retry_after == pytest.approx(1.0)


def test_what_cannot_be_in_time_any_more_is_taken_out_with_the_rest_of_its_request() -> None:
    made = line()
    doomed, fine = let_in(made, 0.0, 2.5, windows=2), let_in(made, 0.0, 9.0)
    assert made.expired(1.4) == []
    assert made.expired(1.6) == [doomed]
    assert [ticket.job for ticket in made.waiting()] == [fine]


# --- batches -------------------------------------------------------------------------------------------


def batched(made: Line) -> Line:
    """Eight windows take as long as two one by one."""
    made.rates = Rates()
    for count in range(1, 9):
        made.rates.learn(32, count, 1.0 + (count - 1) / 7)
    return made


def test_a_batch_is_as_large_as_pays_and_as_its_first_deadline_allows() -> None:
    made = batched(line())
    for _ in range(10):
        let_in(made, 0.0, 30.0)
    assert len(made.next_batch(0.0)) == 8
    made.finished(0, 32, 8, 2.0)
    assert len(made.next_batch(2.0)) == 2

    made = batched(line())
    for number in range(8):
        let_in(made, 0.0, 30.0 + number)
    assert len(made.next_batch(30.0 - 1.5)) == 4, "4 take 1.43 s, 5 take 1.57 s"


def test_where_a_batch_takes_as_long_as_its_windows_one_by_one_none_waits_for_another() -> None:
    made = line()
    for _ in range(4):
        let_in(made, 0.0, 30.0)
    assert len(made.next_batch(0.0)) == 1


def test_batches_hold_one_adapter_and_windows_of_like_length() -> None:
    made = batched(line())
    kinds = [("gym", 32), (None, 32), ("gym", 20), ("gym", 8), ("gym", 32)]
    for adapter, frames in kinds:
        assert made.admit(0.0, decoded(Job.of(30.0, [frames], adapter))).admitted
    batch = made.next_batch(0.0)
    assert [(ticket.job.adapter, ticket.frames) for ticket in batch] == [
        ("gym", 32),
        ("gym", 20),
        ("gym", 32),
    ]


def test_windows_that_are_not_decoded_are_passed_over() -> None:
    made = line()
    made.admit(0.0, Job.of(5.0, [32]))
    second = let_in(made, 0.0, 9.0)
    assert [ticket.job for ticket in made.next_batch(0.0)] == [second]
    assert made.next_batch(0.0) == []


def test_after_memory_ran_out_batches_are_half_and_grow_again_slowly() -> None:
    made = batched(line(waiting=10_000))
    made.out_of_memory(32, 8)
    sizes = []
    for number in range(202):
        while len(made) < 8:
            let_in(made, float(number), number + 1000.0)
        batch = made.next_batch(float(number))
        sizes.append(len(batch))
        made.finished(0, 32, len(batch), 1.0 + (len(batch) - 1) / 7)
    assert sizes[:100] == [4] * 100
    assert sizes[100:200] == [5] * 100
    assert sizes[200] == 6


def test_a_belief_that_larger_batches_do_not_pay_is_put_to_the_test_now_and_then() -> None:
    made = batched(line(waiting=10_000))
    for count in range(2, 9):
        for _ in range(40):
            made.rates.learn(32, count, 9.0 * count)
    for number in range(1000):
        while len(made) < 8:
            let_in(made, 3.0 * number, 3.0 * number + 900.0)
        batch = made.next_batch(3.0 * number)
        made.finished(0, 32, len(batch), 1.0 + (len(batch) - 1) / 7)
    assert len(batch) > 1


# --- rates ---------------------------------------------------------------------------------------------


def test_rates_follow_a_model_that_slows_down_and_shrug_off_one_stall() -> None:
    rates = Rates()
    for _ in range(10):
        rates.learn(32, 1, 0.2)
    rates.learn(32, 1, 30.0)
    assert rates.batch(32, 1).mean < 0.3
    for _ in range(30):
        rates.learn(32, 1, 0.8)
    assert rates.batch(32, 1).mean == pytest.approx(0.8, rel=0.05)


def test_what_never_ran_is_scaled_from_what_did() -> None:
    rates = Rates()
    rates.learn(32, 1, 0.4)
    assert rates.batch(16, 1).mean == pytest.approx(0.2)
    assert rates.batch(32, 4).mean == pytest.approx(1.6)
    assert rates.batch(17, 1).mean == pytest.approx(0.4), "17 frames count as 32"
    rates.learn(32, 8, 1.1)
    assert rates.batch(32, 4).mean == pytest.approx(0.7), "between those on both sides"


def test_a_doubted_belief_gives_way_at_once_to_a_shorter_time_and_slowly_to_a_longer() -> None:
    rates = Rates()
    rates.learn(32, 1, 9.0)
    rates.learn(32, 4, 18.0)
    rates.doubt(30, 0.9)
    assert rates.batch(32, 1).mean == pytest.approx(0.9)
    assert rates.batch(32, 4).mean == pytest.approx(1.8)
    rates.doubt(32, 2.7)
    assert 0.9 < rates.batch(32, 1).mean < 1.3


@given(st.integers(1, 32))
def test_a_bucket_holds_its_frames_and_is_less_than_twice_them(frames: int) -> None:
    assert frames <= bucket(frames) < 2 * frames


# --- whole runs ----------------------------------------------------------------------------------------


def lifters(streams: int, seconds: float, seed: int, deadline: float = 3.0) -> list[Arrival]:
    """Each does a repetition of two windows every three seconds, and not by the clock."""
    rng = random.Random(seed)
    arrivals = []
    for _ in range(streams):
        at = rng.uniform(0, 3)
        while at < seconds:
            arrivals.append(Arrival(at, (32, 32), deadline))
            at += rng.uniform(2.7, 3.3)
    return sorted(arrivals, key=lambda arrival: arrival.at)


@pytest.mark.parametrize(
    ("fixed", "each", "lanes"), [(0.0, 0.2, 1), (0.05, 0.1, 1), (0.2, 0.02, 1), (0.05, 0.1, 2)]
)
def test_past_capacity_the_throughput_of_in_time_answers_stays_at_its_peak(
    fixed: float, each: float, lanes: int
) -> None:
    """Service as a batch's fixed cost and each window's; up to 4 times the streams that there is room for."""

    def service(frames: int, count: int) -> float:
        return fixed + each * count

    warm = [(32, 1), (32, 2), (32, 4), (32, 8)]
    capacity = lanes * 8 / service(32, 8) * 3 / 2  # streams
    in_time = {}
    for load in (0.5, 1.0, 1.3, 2.0, 4.0):
        arrivals = lifters(round(load * capacity), 60, seed=round(10 * load))
        outcome = simulate(arrivals, service, lanes=lanes, warm=warm)
        assert outcome.told == len(arrivals), "every request hears something"
        assert len(outcome.answered) == outcome.in_time, "whoever is answered is answered in time"
        in_time[load] = outcome.in_time
    peak = max(in_time.values())
    assert in_time[2.0] >= 0.9 * peak
    assert in_time[4.0] >= 0.9 * peak
    assert peak >= 0.9 * lanes * 60 * 8 / service(32, 8) / 2, "and the peak is near what the model can do"


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.floats(0, 20),
            st.lists(st.sampled_from([1, 8, 16, 32]), min_size=1, max_size=4),
            st.floats(0.05, 6),
        ),
        max_size=60,
    ),
    st.floats(0, 0.3),
    st.floats(0.001, 0.5),
    st.integers(1, 3),
    st.integers(0, 2**16),
)
def test_every_request_is_answered_refused_or_expired_exactly_once(
    drawn: list[tuple[float, list[int], float]], fixed: float, each: float, lanes: int, seed: int
) -> None:
    rng = random.Random(seed)
    arrivals = sorted((Arrival(at, tuple(frames), left) for at, frames, left in drawn), key=lambda a: a.at)
    outcome = simulate(
        arrivals,
        lambda frames, count: (fixed + each * count * frames / 32) * rng.uniform(0.7, 1.5),
        lanes=lanes,
        settings=LineSettings(overhead_s=0.0, waiting=40),
    )
    ends = [*outcome.refused, *outcome.expired, *outcome.answered]
    assert sorted(ends) == list(range(len(arrivals)))
    assert outcome.most_waiting <= 40


@given(st.lists(st.tuples(st.floats(1, 50), st.integers(1, 3)), min_size=1, max_size=30))
def test_windows_leave_in_the_order_of_their_deadlines(drawn: list[tuple[float, int]]) -> None:
    made = line(0.0, batch=1)
    for deadline, windows in drawn:
        made.admit(0.0, decoded(Job.of(deadline, [32] * windows)))
    left: list[Ticket] = []
    while batch := made.next_batch(0.0):
        left += batch
        made.finished(0, 32, len(batch), 0.0)
    assert [ticket.job.deadline for ticket in left] == sorted(
        deadline for deadline, windows in drawn for _ in range(windows)
    )


# --- urgency -------------------------------------------------------------------------------------------


def ranked(made: Line, now: float, deadline: float, rank: int) -> Job:
    job = decoded(Job.of(deadline, [32], rank=rank))
    assert made.admit(now, job).admitted
    return job


def test_what_is_more_urgent_runs_first_whatever_its_deadline() -> None:
    made = line()
    spare, ahead, now = (ranked(made, 0.0, deadline, rank) for deadline, rank in ((4, 2), (5, 1), (9, 0)))
    assert [ticket.job for ticket in made.waiting()] == [now, ahead, spare]


def test_what_is_less_urgent_is_pushed_out_and_pushes_nobody_out() -> None:
    made = line()
    ahead = ranked(made, 0.0, 1.0, rank=1)
    urgent = ranked(made, 0.0, 1.5, rank=0)
    assert made.expired(0.01) == [ahead]
    assert [ticket.job for ticket in made.waiting()] == [urgent]
    assert not made.admit(0.0, Job.of(1.5, [32], rank=1)).admitted
    assert made.forecast(0.0, 32) == pytest.approx(2.0)
