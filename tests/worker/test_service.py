"""Requests through the app to an engine and back, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence

import pytest
from workers import PHASES, FakeEngine, Worker, picture, refused, request, until, window, worker

from streamaqa.assessment.merge import WindowReading
from streamaqa.assessment.wire import ASSESS, Ready
from streamaqa.errors import AnswerError, StreamaqaError
from streamaqa.worker.engine import DeviceMemoryError, Slept, uniform
from streamaqa.worker.rates import Rates
from streamaqa.worker.reading import EngineFailedError
from streamaqa.worker.refused import RefusedError
from streamaqa.worker.service import Service
from streamaqa.worker.settings import WorkerSettings


async def test_a_request_is_answered_by_window_and_by_repetition() -> None:
    async with worker() as running:
        hint = {"squat": math.log(0.9), "overhead_press": math.log(0.1)}
        told = await running.ask(
            request(
                window(7, offset=0.0, hint=hint),
                window(7, phase="lifting", offset=1.5, hint=hint),
                window(8, offset=0.25),
            )
        )
    assert [(each.unit, each.phase) for each in told.windows] == [
        (7, "lowering"), (7, "lifting"), (8, "lowering"),
    ]  # fmt: skip
    assert all(each.reading is not None for each in told.windows)
    first, second = told.reps
    assert (first.unit, first.exercise) == (7, "squat")
    assert first.exercises["squat"] == pytest.approx(0.9)
    assert [error.name for error in first.errors] == ["knees_forward", "knees_inward", "shallow"]
    assert second.errors[0].best == pytest.approx((0.25, 0.45)), "in the repetition's time"


async def test_stages_sum_to_the_total() -> None:
    async with worker() as running:
        times = (await running.ask(request(window(), window(phase="lifting")))).timings_ms
    stages = (times.receive, times.queue, times.decode, times.model, times.answer)
    assert sum(stages) == pytest.approx(times.total, abs=0.01)
    assert all(stage >= 0 for stage in stages)


async def test_ready_tells_the_contract_and_says_loading_before() -> None:
    engine = FakeEngine(adapters=["gym"])
    engine.gate.clear()
    service = Service(WorkerSettings(), lambda: [engine])
    async with service.running():
        assert service.ready == Ready(state="loading")
        with pytest.raises(RefusedError, match="being loaded"):
            service.check_open()
        engine.gate.set()
        await until(lambda: service.state == "ready")
        ready = service.ready
    assert ready.contract is not None
    assert ready.contract.plan == PHASES
    assert set(ready.adapters) == {"gym"}
    assert ready.model is not None
    assert ready.model.untrained
    assert ready.forecast_ms.keys() == {8, 16, 32}


async def test_windows_that_wait_share_a_batch_and_batches_hold_one_adapter() -> None:
    engine = FakeEngine(adapters=["gym", "home"])
    async with worker(engine) as running:
        known(running, dict.fromkeys(range(1, 9), 0.01))  # a batch takes as long as one window
        engine.batches.clear()
        engine.gate.clear()
        engine.entered.clear()
        asking = [asyncio.create_task(running.ask(request()))]
        await until(engine.entered.is_set)
        for adapter in ("gym", "home", "gym", "home", "gym"):
            asking.append(asyncio.create_task(running.ask(request(adapter=adapter))))
        await until(lambda: sum(ticket.decoded for ticket in running.service.line.waiting()) == 5)
        engine.gate.set()
        told = await asyncio.gather(*asking)
    assert engine.batches == [(1, None), (3, "gym"), (2, "home")]
    assert [each.model.name for each in told] == ["fake", "gym", "home", "gym", "home", "gym"]


async def test_the_earliest_deadline_runs_first() -> None:
    engine = FakeEngine()
    async with worker(engine, line={"batch": 1}) as running:
        engine.gate.clear()
        engine.entered.clear()
        engine.asked.clear()
        asking = [asyncio.create_task(running.ask(request(window(0))))]
        await until(engine.entered.is_set)
        for unit, deadline in ((1, 9000), (2, 3000), (3, 6000)):
            asking.append(asyncio.create_task(running.ask(request(window(unit), deadline_ms=deadline))))
        await until(lambda: sum(ticket.decoded for ticket in running.service.line.waiting()) == 3)
        engine.gate.set()
        await asyncio.gather(*asking)
    assert engine.asked == [[0], [2], [3], [1]]


async def test_decoding_goes_on_in_threads_while_the_model_runs() -> None:
    engine = FakeEngine()
    async with worker(engine, decode_threads=2, decode_ahead=2) as running:
        engine.gate.clear()
        engine.entered.clear()
        asking = [asyncio.create_task(running.ask(request()))]
        await until(engine.entered.is_set)
        asking += [asyncio.create_task(running.ask(request(window(frames=4)))) for _ in range(5)]
        await until(lambda: sum(ticket.decoded for ticket in running.service.line.waiting()) == 2)
        await asyncio.sleep(0.02)
        ahead = [ticket.decoded for ticket in running.service.line.waiting()]
        engine.gate.set()
        await asyncio.gather(*asking)
    assert ahead == [True, True, False, False, False], "no more than may lie about decoded"
    assert all(name.startswith("decode") for name in engine.decoding_threads)


# --- what cannot be in time ----------------------------------------------------------------------------


async def test_what_cannot_make_its_deadline_is_refused_at_once_with_retry_after() -> None:
    engine = FakeEngine()
    async with worker(engine) as running:
        known(running, {1: 4.0})
        response = await running.post(request(deadline_ms=1000))
        told = refused(response)
        assert (response.status_code, told.reason) == (429, "late")
        assert int(response.headers["retry-after"]) >= 3
        assert told.forecast_ms[8] > 4000
        in_time = await running.post(request(deadline_ms=9000))
        assert in_time.status_code == 200


@pytest.mark.parametrize("deadline", [0.0, -250.0])
async def test_a_deadline_that_has_passed_is_refused_as_late(deadline: float) -> None:
    async with worker() as running:
        response = await running.post(request(deadline_ms=deadline))
    assert (response.status_code, refused(response).reason) == (429, "late")


async def test_what_expires_while_it_waits_is_told_so_and_never_run() -> None:
    engine = FakeEngine()
    async with worker(engine) as running:
        engine.gate.clear()
        engine.entered.clear()
        engine.asked.clear()
        known(running, {1: 0.001})
        first = asyncio.create_task(running.post(request(window(1), deadline_ms=60_000)))
        await until(engine.entered.is_set)
        second = await running.post(request(window(2), window(2, phase="lifting"), deadline_ms=100))
        engine.gate.set()
        assert (await first).status_code == 200
    assert (second.status_code, refused(second).reason) == (429, "late")
    assert engine.asked == [[1]]
    assert _metric(running, "streamaqa_worker_windows_total", outcome="expired") == 2


async def test_a_line_that_is_full_says_so() -> None:
    engine = FakeEngine()
    async with worker(engine, line={"waiting": 2}) as running:
        engine.gate.clear()
        engine.entered.clear()
        asking = [asyncio.create_task(running.post(request(deadline_ms=60_000)))]
        await until(engine.entered.is_set)
        asking += [asyncio.create_task(running.post(request(deadline_ms=60_000))) for _ in range(2)]
        await until(lambda: len(running.service.line) == 2)
        response = await running.post(request(deadline_ms=60_000))
        engine.gate.set()
        assert [each.status_code for each in await asyncio.gather(*asking)] == [200] * 3
    assert (response.status_code, refused(response).reason) == (429, "full")
    assert int(response.headers["retry-after"]) >= 1


async def test_bodies_that_are_held_have_a_bound() -> None:
    engine = FakeEngine()
    async with worker(engine, limits={"held_bytes": 2**20}) as running:
        engine.gate.clear()
        large = [picture(0, (320, 320))] * 5
        assert 0.5 * 2**20 < sum(map(len, large)) < 2**20
        first = asyncio.create_task(running.post(request(window(frames=5)), large))
        await until(lambda: len(running.service.line) or running.service.line.running)
        response = await running.post(request(window(frames=5)), large)
        engine.gate.set()
        assert (await first).status_code == 200
        assert (response.status_code, refused(response).reason) == (429, "full")
        assert _metric(running, "streamaqa_worker_held_bytes") == 0


async def test_an_idle_worker_that_thinks_itself_slow_measures_itself_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streamaqa.worker.service.DOUBT_S", 0.0)
    async with worker() as running:
        known(running, {1: 50.0})
        for _ in range(60):
            if (await running.post(request(deadline_ms=1000))).status_code == 200:
                break
            await asyncio.sleep(0.01)
        else:
            pytest.fail("a wrong belief about its own speed closed the worker for good")


async def test_a_client_that_goes_takes_its_windows_with_it() -> None:
    engine = FakeEngine()
    async with worker(engine) as running:
        engine.gate.clear()
        engine.entered.clear()
        engine.asked.clear()
        first = asyncio.create_task(running.post(request(window(1))))
        await until(engine.entered.is_set)
        gone = asyncio.create_task(running.post(request(window(2))))
        await until(lambda: len(running.service.line) == 1)
        gone.cancel()
        await until(lambda: len(running.service.line) == 0)
        engine.gate.set()
        assert (await first).status_code == 200
    assert engine.asked == [[1]]


# --- what goes wrong in the model ----------------------------------------------------------------------


async def test_out_of_memory_halves_the_batch_until_it_fits_and_remembers() -> None:
    def tight(windows: Sequence[Slept]) -> list[WindowReading | StreamaqaError]:
        if len(windows) > 2:
            raise DeviceMemoryError("too many")
        return [uniform(each.asked, engine.vocabulary) for each in windows]

    engine = FakeEngine(answer=tight)
    async with worker(engine) as running:
        for _ in range(2):
            known(running, dict.fromkeys(range(1, 9), 0.01))
            engine.batches.clear()
            engine.gate.clear()
            engine.entered.clear()
            asking = [asyncio.create_task(running.ask(request(window(0))))]
            await until(engine.entered.is_set)
            asking += [asyncio.create_task(running.ask(request(window(unit)))) for unit in range(1, 6)]
            await until(lambda: sum(ticket.decoded for ticket in running.service.line.waiting()) == 5)
            engine.gate.set()
            assert [told.windows[0].unit for told in await asyncio.gather(*asking)] == [0, 1, 2, 3, 4, 5]
    assert [count for count, _ in engine.batches] == [1, 2, 2, 1], "the second time no batch was too large"


async def test_out_of_memory_with_one_window_is_503() -> None:
    def never(windows: Sequence[Slept]) -> list[WindowReading | StreamaqaError]:
        if windows[0].asked.unit:
            raise DeviceMemoryError("not even one")
        return [AnswerError("rehearsed")]

    async with worker(FakeEngine(answer=never)) as running:
        response = await running.post(request())
        assert (response.status_code, refused(response).reason) == (503, "memory")
        assert "retry-after" in response.headers
        assert running.service.state == "ready"


async def test_a_window_without_a_reading_is_named_and_costs_no_other() -> None:
    def second_fails(windows: Sequence[Slept]) -> list[WindowReading | StreamaqaError]:
        return [
            AnswerError("the model's logits for this window are no finite numbers (NaN)")
            if each.asked.phase == "lifting"
            else uniform(each.asked, engine.vocabulary)
            for each in windows
        ]

    engine = FakeEngine(answer=second_fails)
    async with worker(engine) as running:
        told = await running.ask(request(window(1), window(1, phase="lifting"), window(2, phase="lifting")))
    assert [each.reading is not None for each in told.windows] == [True, False, False]
    assert told.windows[1].error is not None
    assert "window 1" in told.windows[1].error
    assert "NaN" in told.windows[1].error
    assert told.reps[0].exercise is not None
    assert told.reps[1].error is not None


async def test_a_model_that_fails_costs_its_batch_and_failing_again_and_again_ends_the_worker() -> None:
    def broken(windows: Sequence[Slept]) -> list[WindowReading | StreamaqaError]:
        if windows[0].asked.unit:
            raise RuntimeError("device-side assert")
        return [AnswerError("rehearsed")]

    statuses = []
    with pytest.raises(BaseExceptionGroup) as caught:
        async with worker(FakeEngine(answer=broken)) as running:
            for _ in range(2):
                response = await running.post(request())
                statuses.append((response.status_code, refused(response).reason))
            await running.post(request())
            await asyncio.sleep(5)
    assert statuses == [(500, "internal")] * 2
    assert caught.group_contains(EngineFailedError, depth=None)


async def test_weights_that_cannot_be_loaded_end_the_worker_with_their_error() -> None:
    def load() -> Sequence[FakeEngine]:
        raise StreamaqaError("no such weights")

    service = Service(WorkerSettings(), load)
    with pytest.raises(BaseExceptionGroup) as caught:
        async with service.running():
            await asyncio.sleep(5)
    assert caught.group_contains(StreamaqaError, match="no such weights", depth=None)


# --- ending --------------------------------------------------------------------------------------------


async def test_draining_finishes_what_was_let_in_and_refuses_what_is_new() -> None:
    engine = FakeEngine()
    async with worker(engine) as running:
        engine.gate.clear()
        engine.entered.clear()
        asking = [asyncio.create_task(running.post(request(window(unit)))) for unit in range(3)]
        await until(lambda: len(running.service.line) + running.service.line.running == 3)
        draining = asyncio.create_task(running.service.drain())
        await asyncio.sleep(0)
        late = await running.post(request())
        ready = await running.client.get("/ready")
        assert not draining.done()
        engine.gate.set()
        assert [each.status_code for each in await asyncio.gather(*asking)] == [200] * 3
        await draining
    assert (late.status_code, refused(late).reason) == (503, "draining")
    assert (ready.status_code, ready.json()["state"]) == (503, "draining")


# --- who may ask, and how ------------------------------------------------------------------------------


async def test_without_the_right_token_nothing_is_read() -> None:
    async with worker(token="correct-horse") as running:
        for headers in (
            {},
            {"authorization": "Bearer wrong"},
            {"authorization": "Basic correct-horse"},
            {"authorization": "Bearer "},
            {"authorization": "Bearer correct-horse-battery"},
        ):
            response = await running.post(request(), headers=headers)
            assert (response.status_code, refused(response).reason) == (401, "token")
            assert response.headers["www-authenticate"] == "Bearer"
            assert "correct-horse" not in response.text
        right = await running.post(request(), headers={"authorization": "Bearer correct-horse"})
        assert right.status_code == 200
        for path in ("/live", "/ready", "/metrics"):
            assert (await running.client.get(path)).status_code == 200


async def test_without_a_token_a_web_page_cannot_ask() -> None:
    async with worker() as running:
        for headers in ({"origin": "https://elsewhere.example"}, {"host": "rebound.example"}):
            response = await running.post(request(), headers=headers)
            assert (response.status_code, refused(response).reason) == (403, "host")


async def test_an_unknown_adapter_is_named_with_those_there_are() -> None:
    async with worker(FakeEngine(adapters=["gym"])) as running:
        response = await running.post(request(adapter="gim"))
    assert response.status_code == 422
    assert refused(response).error == "no adapter 'gim'; there is gym"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (window(phase=None), "unit is a phase"),
        (window(crop=(0, 0, 8, 8)), "crops nothing"),
        (window(frames=9), "9 frames, the plan has 8"),
    ],
)
async def test_windows_cut_by_another_plan_are_refused(asked: object, said: str) -> None:
    async with worker() as running:
        response = await running.post(request(asked))  # type: ignore[arg-type]
    assert response.status_code == 422
    assert said in refused(response).error


async def test_other_paths_and_methods_get_one_line_too() -> None:
    async with worker() as running:
        missing = await running.client.get("/v1/nothing")
        wrong = await running.client.get(ASSESS)
    assert (missing.status_code, refused(missing).reason) == (404, "not_found")
    assert (wrong.status_code, refused(wrong).reason) == (405, "method")


async def test_metrics_count_requests_windows_batches_and_stages() -> None:
    async with worker() as running:
        await running.ask(request(window(), window(phase="lifting")))
        await running.post(request(deadline_ms=-1))
        assert _metric(running, "streamaqa_worker_answers_total", outcome="answered") == 1
        assert _metric(running, "streamaqa_worker_answers_total", outcome="late") == 1
        assert _metric(running, "streamaqa_worker_windows_total", outcome="read") == 2
        assert _metric(running, "streamaqa_worker_stage_seconds_count", stage="model") == 1
        assert _metric(running, "streamaqa_queue_depth", queue="windows") == 0
        text = (await running.client.get("/metrics")).text
    assert "streamaqa_worker_batch_size_bucket" in text
    assert "python_gc" not in text, "a registry of its own"


def known(running: Worker, seconds: Mapping[int, float]) -> None:
    """The worker believes that batches of so many windows take so long."""
    running.service.line.rates = Rates()
    for count, each in seconds.items():
        running.service.line.rates.learn(2, count, each)


def _metric(running: Worker, name: str, **labels: str) -> float | None:
    registry = running.service.metrics.registry
    value: float | None = registry.get_sample_value(name, labels)
    return value
