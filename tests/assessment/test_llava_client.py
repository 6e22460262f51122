"""The client of the GPU worker against one that fails in every way, in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx2
import pytest
from fake_worker import (
    PHASES,
    FakeWorker,
    a_rep,
    assessor,
    broken_json,
    evidence,
    paper,
    refusal,
    turned,
    unreachable,
)
from virtual_time import now, virtually

from streamaqa.assessment.base import Remote
from streamaqa.assessment.remote import LlavaAssessor
from streamaqa.assessment.remote.contact import PROBE_MOST_S
from streamaqa.assessment.wire import AssessRequest
from streamaqa.errors import (
    StreamaqaError,
    UsageError,
    WindowError,
    WorkerError,
    WorkerGoneError,
)
from streamaqa.llava.contract import Contract
from streamaqa.types import Assessment, Evidence
from streamaqa.windows import PAPER_PLAN, WindowPlan


@contextlib.asynccontextmanager
async def running(asked: LlavaAssessor, *, meet: bool = True) -> AsyncIterator[LlavaAssessor]:
    """Met, unless told otherwise, and kept in touch with."""
    if meet:
        await asked.meet(1.0)
    task = asyncio.create_task(asked.run())
    await asyncio.sleep(0)  # it has begun
    try:
        yield asked
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class Missed:
    """Notes when it was told that the deadline cannot be made."""

    def __init__(self) -> None:
        self.at: float | None = None

    def __call__(self) -> None:
        self.at = self.at or now()


async def ask(
    of: LlavaAssessor, missed: Callable[[], None] | None = None, *, what: Evidence | None = None
) -> Assessment:
    """As a lifter would."""
    given = what or evidence(a_rep())
    return await of.ask(given, deadline_s=3.0, stale_s=10.0, missed=missed or Missed())


def with_running(
    worker: FakeWorker,
    test: Callable[[LlavaAssessor], Awaitable[None]],
    plan: WindowPlan | None = None,
    **settings: object,
) -> None:
    async def main() -> None:
        async with running(assessor(worker, plan, **settings)) as asked:
            await test(asked)

    virtually(main())


# --- what is asked, and what comes back ------------------------------------------------------------------


def test_an_answer_becomes_an_assessment_within_the_repetition() -> None:
    worker = FakeWorker(paper())

    async def test(asked: LlavaAssessor) -> None:
        assert isinstance(asked, Remote)
        assert asked.plan == PAPER_PLAN
        rep = a_rep()
        assessment = await ask(asked)
        assert assessment.exercise == "squat"
        assert 0.9 < assessment.exercise_probability <= 1.0
        assert not assessment.degraded
        assert {finding.name for finding in assessment.findings} == {
            "knees_forward",
            "knees_inward",
            "shallow",
        }
        shallow = next(finding for finding in assessment.findings if finding.name == "shallow")
        assert shallow.probability > 0.9
        assert shallow.start == pytest.approx(rep.start + 0.1)
        assert rep.start <= shallow.start < shallow.end <= rep.end
        assert (assessment.assessor.name, assessment.assessor.version) == ("llava", "7")

    with_running(worker, test)
    assert [len(frames) for frames in worker.frames] == [32]
    assert 2900 < worker.asked[0].deadline_ms <= 3000
    assert worker.asked[0].windows[0].offset == pytest.approx(0.0)


def test_the_windows_of_both_phases_are_merged_into_one_answer() -> None:
    worker = FakeWorker(paper(PHASES))

    async def test(asked: LlavaAssessor) -> None:
        assessment = await ask(asked, what=evidence(a_rep(), PHASES))
        assert len({finding.name for finding in assessment.findings}) == 3

    with_running(worker, test)
    assert [window.phase for window in worker.asked[0].windows] == ["lowering", "lifting"]


def test_a_window_that_cannot_be_read_costs_that_window() -> None:
    worker = FakeWorker(paper(PHASES))

    def half(request: AssessRequest) -> httpx2.Response:
        told = worker.answer(request).json()
        told["windows"][0] |= {"reading": None, "error": "its logits are no numbers"}
        return httpx2.Response(200, json=told)

    worker.replies.append(half)

    async def test(asked: LlavaAssessor) -> None:
        assessment = await ask(asked, what=evidence(a_rep(), PHASES))
        assert all(finding.start >= a_rep().turn for finding in assessment.findings)

    with_running(worker, test)


def test_a_repetition_without_frames_or_of_an_unknown_exercise_is_not_asked_about() -> None:
    worker = FakeWorker(paper())

    async def test(asked: LlavaAssessor) -> None:
        with pytest.raises(WindowError, match="frames were not kept"):
            await ask(asked, what=Evidence(a_rep(), ()))
        with pytest.raises(WorkerError, match="know no barbell_row"):
            await ask(asked, what=evidence(a_rep(exercise="barbell_row")))

    with_running(worker, test)
    assert worker.asked == []


def test_a_person_who_cancels_leaves_nothing_behind() -> None:
    worker = FakeWorker(paper())
    worker.delay_s = 60.0

    async def test(asked: LlavaAssessor) -> None:
        task = asyncio.create_task(ask(asked))
        await asyncio.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert worker.abandoned == 1
        worker.delay_s = 0.0
        for _ in range(8):  # no connection, and no room, was lost
            await ask(asked)

    with_running(worker, test, connections=1)


# --- late, gone, refused ---------------------------------------------------------------------------------


def test_an_answer_after_the_deadline_still_comes() -> None:
    worker = FakeWorker(paper())
    worker.delay_s = 5.0

    async def test(asked: LlavaAssessor) -> None:
        begun = now()
        await ask(asked)
        assert now() - begun == pytest.approx(5.0)

    with_running(worker, test)
    assert len(worker.asked) == 1


def test_an_answer_that_would_be_stale_is_not_waited_for() -> None:
    worker = FakeWorker(paper())
    worker.delay_s = 60.0

    async def test(asked: LlavaAssessor) -> None:
        begun = now()
        with pytest.raises(WorkerError, match="before the repetition was stale"):
            await ask(asked)
        assert now() - begun == pytest.approx(10.0)

    with_running(worker, test)
    assert worker.abandoned == 1


def test_a_broken_connection_is_tried_again_while_there_is_time() -> None:
    worker = FakeWorker(paper())
    worker.replies += [httpx2.ReadError("reset by peer"), unreachable()]

    async def test(asked: LlavaAssessor) -> None:
        missed = Missed()
        await ask(asked, missed)
        assert missed.at is None
        assert asked.counts["worker_retried"] == 2

    with_running(worker, test)
    deadlines = [request.deadline_ms for request in worker.asked]
    assert deadlines == sorted(deadlines, reverse=True)


def test_a_worker_that_is_gone_is_said_at_once_and_asked_again_when_it_is_back() -> None:
    worker = FakeWorker(paper())

    async def test(asked: LlavaAssessor) -> None:
        missed = Missed()
        begun = now()
        worker.gone = True
        asyncio.get_running_loop().call_later(4.0, setattr, worker, "gone", False)
        await ask(asked, missed)
        assert missed.at is not None
        assert missed.at - begun < 1.0
        assert 4.0 < now() - begun < 8.0
        assert asked.counts["worker_lost"] == 1

    with_running(worker, test)
    assert worker.asked[-1].deadline_ms < 6000


def test_an_open_circuit_sends_nothing_and_looks_more_and_more_rarely() -> None:
    worker = FakeWorker(paper())

    async def test(asked: LlavaAssessor) -> None:
        worker.gone = True
        with pytest.raises(StreamaqaError):
            await ask(asked)
        await asyncio.sleep(100)
        before, worker.looks = len(worker.asked), 0
        with pytest.raises(StreamaqaError):
            await ask(asked)
        assert len(worker.asked) == before
        worker.looks = 0
        await asyncio.sleep(600)
        assert 600 / (1.3 * PROBE_MOST_S) <= worker.looks <= 600 / (0.7 * PROBE_MOST_S)
        worker.gone = False
        await asyncio.sleep(1.3 * PROBE_MOST_S)
        await ask(asked)

    with_running(worker, test)


def test_a_worker_that_says_nothing_opens_the_circuit() -> None:
    worker = FakeWorker(paper())
    worker.delay_s = 1000.0

    async def test(asked: LlavaAssessor) -> None:
        waiting = []
        for _ in range(3):
            waiting.append(asyncio.create_task(ask(asked)))
            await asyncio.sleep(3.1)
        assert asked.counts["worker_lost"] == 1
        worker.gone = True
        assert all(isinstance(r, WorkerError) for r in await asyncio.gather(*waiting, return_exceptions=True))

    with_running(worker, test)


def test_a_machine_that_is_behind_is_not_taken_for_a_worker_that_hangs() -> None:
    worker = FakeWorker(paper())

    async def test(asked: LlavaAssessor) -> None:
        for number in range(5):
            missed = Missed()
            begun = now()
            what = evidence(a_rep(number + 1))
            await asked.ask(what, deadline_s=-1.0, stale_s=6.0, missed=missed)
            assert missed.at == pytest.approx(begun)
            await asyncio.sleep(3.0)
        assert asked.counts["worker_lost"] == 0

    with_running(worker, test)
    assert {request.urgency for request in worker.asked} == {"spare"}


def test_a_worker_without_room_is_not_asked_again_before_it_said() -> None:
    worker = FakeWorker(paper())
    worker.replies.append(refusal(429, "late", retry_after_s=4.0))

    async def test(asked: LlavaAssessor) -> None:
        missed = Missed()
        begun = now()
        await ask(asked, missed)
        assert missed.at == pytest.approx(begun)
        assert 4.0 <= now() - begun <= 6.0
        assert asked.counts["worker_refused"] == 1
        assert asked.counts["worker_lost"] == 0

    with_running(worker, test)
    assert [request.deadline_ms > 2900 for request in worker.asked] == [True, True]
    assert [request.urgency for request in worker.asked] == ["now", "spare"]


def test_a_loading_worker_is_one_that_is_not_there_yet() -> None:
    worker = FakeWorker(paper())
    worker.replies += [refusal(503, "loading") for _ in range(3)]

    async def test(asked: LlavaAssessor) -> None:
        missed = Missed()
        await ask(asked, missed)
        assert missed.at is not None
        assert asked.counts["worker_lost"] == 1

    with_running(worker, test)


@pytest.mark.parametrize(
    "reply",
    [
        broken_json(),
        httpx2.Response(200, content=b"\xff" * 100),
        httpx2.Response(200, json={"windows": []}),
        refusal(422, "invalid"),
        refusal(401, "token"),
        httpx2.Response(404),
        httpx2.Response(302, headers={"Location": "http://elsewhere.example/"}),
    ],
    ids=["cut off", "no text", "other fields", "invalid", "token", "not found", "redirect"],
)
def test_nonsense_costs_one_repetition_and_is_not_asked_for_twice(reply: httpx2.Response) -> None:
    worker = FakeWorker(paper())
    worker.replies.append(reply)

    async def test(asked: LlavaAssessor) -> None:
        with pytest.raises(WorkerError):
            await ask(asked)
        assert len(worker.asked) == 1
        await ask(asked)

    with_running(worker, test)


def test_an_answer_without_end_or_with_too_few_windows_is_refused() -> None:
    worker = FakeWorker(paper(PHASES))

    def endless(request: AssessRequest) -> httpx2.Response:
        return httpx2.Response(200, content=worker.answer(request).content + b" " * (5 << 20))

    def short(request: AssessRequest) -> httpx2.Response:
        told = worker.answer(request).json()
        return httpx2.Response(200, json={**told, "windows": told["windows"][:1]})

    worker.replies += [endless, short]

    async def test(asked: LlavaAssessor) -> None:
        with pytest.raises(WorkerError, match="longer than"):
            await ask(asked, what=evidence(a_rep(), PHASES))
        with pytest.raises(WorkerError, match="1 windows, asked were 2"):
            await ask(asked, what=evidence(a_rep(), PHASES))

    with_running(worker, test)


def test_a_reading_in_other_words_is_refused() -> None:
    worker = FakeWorker(paper())

    def other(request: AssessRequest) -> httpx2.Response:
        told = worker.answer(request).json()
        told["windows"][0]["reading"]["exercises"] = {"snatch": 0.0}
        return httpx2.Response(200, json=told)

    worker.replies.append(other)

    async def test(asked: LlavaAssessor) -> None:
        with pytest.raises(WorkerError, match="vocabulary"):
            await ask(asked)

    with_running(worker, test)


# --- fewer frames ----------------------------------------------------------------------------------------


def test_fewer_frames_are_sent_where_the_worker_forecasts_that_more_are_late() -> None:
    worker = FakeWorker(paper())
    worker.replies.append(refusal(429, "late", forecast_ms={32: 6000.0, 16: 3500.0, 8: 1500.0}))

    async def test(asked: LlavaAssessor) -> None:
        missed = Missed()
        await ask(asked, missed)
        assert missed.at is None
        await ask(asked)  # as was forecast a moment ago
        await asyncio.sleep(60)
        await ask(asked)  # nobody knows any more
        worker.forecast_ms = {32: 4000.0}
        await ask(asked)
        await ask(asked)  # in proportion

    with_running(worker, test, frames=[8, 16, 32])
    assert [len(frames) for frames in worker.frames] == [32, 8, 8, 32, 32, 16]
    times = worker.asked[1].windows[0].times
    assert len(times) == 8
    assert worker.asked[1].windows[0].duration == worker.asked[0].windows[0].duration


def test_where_no_fewer_are_allowed_a_refusal_is_a_refusal() -> None:
    worker = FakeWorker(paper())
    worker.replies.append(refusal(429, "late", forecast_ms={32: 6000.0, 8: 1500.0}))

    async def test(asked: LlavaAssessor) -> None:
        missed = Missed()
        await ask(asked, missed)
        assert missed.at is not None

    with_running(worker, test)
    assert [len(frames) for frames in worker.frames] == [32, 32]


# --- ahead of time ---------------------------------------------------------------------------------------


def test_a_first_phase_that_was_sent_early_is_not_sent_again() -> None:
    worker = FakeWorker(paper(PHASES))

    async def test(asked: LlavaAssessor) -> None:
        rep = a_rep()
        asked.begin(*turned(rep, off_s=1 / 30))
        await asyncio.sleep(1.0)
        assessment = await ask(asked, what=evidence(rep, PHASES))
        assert len(assessment.findings) == 3
        assert asked.counts["worker_early_used"] == 1

    with_running(worker, test)
    assert [[window.phase for window in request.windows] for request in worker.asked] == [
        ["lowering"],
        ["lifting"],
    ]
    assert [request.urgency for request in worker.asked] == ["ahead", "now"]


def test_an_early_answer_to_another_phase_is_not_used() -> None:
    worker = FakeWorker(paper(PHASES))

    async def test(asked: LlavaAssessor) -> None:
        rep = a_rep()
        asked.begin(*turned(rep, off_s=-0.1))
        await ask(asked, what=evidence(rep, PHASES))
        assert asked.counts["worker_early_used"] == 0

    with_running(worker, test)
    assert [window.phase for window in worker.asked[-1].windows] == ["lowering", "lifting"]


def test_an_early_request_that_failed_is_sent_again_with_the_rest() -> None:
    worker = FakeWorker(paper(PHASES))
    worker.replies.append(refusal(429, "late"))

    async def test(asked: LlavaAssessor) -> None:
        rep = a_rep()
        asked.begin(*turned(rep))
        await asyncio.sleep(1.0)
        assert len((await ask(asked, what=evidence(rep, PHASES))).findings) == 3
        assert asked.counts["worker_early_used"] == 0

    with_running(worker, test)
    assert sorted(window.phase or "" for request in worker.asked[1:] for window in request.windows) == [
        "lifting",
        "lowering",
    ]


def test_what_was_no_repetition_is_cancelled_and_little_is_under_way_early() -> None:
    worker = FakeWorker(paper(PHASES))
    worker.delay_s = 100.0

    async def test(asked: LlavaAssessor) -> None:
        asked.begin(*turned(a_rep(1)))
        await asyncio.sleep(0.1)
        asked.cancel(1)
        asked.cancel(1)
        await asyncio.sleep(0.1)
        assert worker.abandoned == 1
        for unit in range(2, 8):
            asked.begin(*turned(a_rep(unit)))
            await asyncio.sleep(0.1)
        assert worker.abandoned == 5

    with_running(worker, test)
    assert worker.abandoned == 7  # the last two, when the run ended


def test_early_requests_may_be_turned_off() -> None:
    worker = FakeWorker(paper(PHASES))

    async def test(asked: LlavaAssessor) -> None:
        asked.begin(*turned(a_rep()))
        await asyncio.sleep(1.0)
        assert worker.asked == []

    with_running(worker, test, early=False)


# --- recordings ------------------------------------------------------------------------------------------


def test_a_recording_waits_for_a_worker_that_is_being_started_again() -> None:
    worker = FakeWorker(paper())

    async def test(asked: LlavaAssessor) -> None:
        worker.gone = True
        asyncio.get_running_loop().call_later(40.0, setattr, worker, "gone", False)
        assert not (await asked.assess(evidence(a_rep()))).degraded

    with_running(worker, test)


def test_a_recording_waits_once_for_a_worker_that_never_comes_back() -> None:
    worker = FakeWorker(paper())

    async def test(asked: LlavaAssessor) -> None:
        worker.gone = True
        begun = now()
        with pytest.raises(WorkerGoneError):
            await asked.assess(evidence(a_rep()))
        assert now() - begun == pytest.approx(120.0)
        with pytest.raises(WorkerGoneError):
            await asked.assess(evidence(a_rep()))
        assert now() - begun == pytest.approx(120.0)
        worker.gone = False
        await asyncio.sleep(30.0)
        await asked.assess(evidence(a_rep()))

    with_running(worker, test)


# --- the first contact -----------------------------------------------------------------------------------


def test_a_plan_that_is_not_the_weights_own_is_refused_with_both() -> None:
    async def main() -> None:
        asked = assessor(FakeWorker(paper(PHASES)), WindowPlan(unit="rep", frames=16))
        with pytest.raises(UsageError, match=r"plan.unit 'phase', wanted 'rep'.*plan.frames 32, wanted 16"):
            await asked.meet(1.0)
        await asked.close()

    virtually(main())


@pytest.mark.parametrize(
    ("contract", "told"),
    [
        (Contract(dialogue="0", plan=PAPER_PLAN, vocabulary=paper().vocabulary), "dialogue version '0'"),
        (Contract(dialogue="1", plan=PAPER_PLAN, vocabulary={"Snatch": ("arms",)}), "vocabulary Snatch"),
        (None, "without a contract"),
    ],
)
def test_another_contract_is_refused(contract: Contract | None, told: str) -> None:
    async def main() -> None:
        asked = assessor(FakeWorker(contract))
        with pytest.raises(UsageError, match=told):
            await asked.meet(1.0)
        await asked.close()

    virtually(main())


def test_weights_without_contract_go_by_the_configured_plan_and_say_that_they_are_untrained() -> None:
    worker = FakeWorker(None, untrained=True)

    async def test(asked: LlavaAssessor) -> None:
        assert asked.plan == PHASES
        assert (await ask(asked, what=evidence(a_rep(), PHASES))).assessor.version == "7 untrained"

    with_running(worker, test, PHASES)


def test_a_worker_that_comes_later_is_adopted_and_one_with_another_contract_is_not() -> None:
    worker = FakeWorker(paper())
    worker.gone = True

    async def main() -> None:
        async with running(assessor(worker, PAPER_PLAN), meet=False) as asked:
            assert asked.plan is None
            with pytest.raises(WorkerGoneError):
                await ask(asked)
            worker.gone, worker.contract = False, paper(PHASES)
            await asyncio.sleep(60)
            with pytest.raises(WorkerGoneError, match=r"plan.unit 'phase', wanted 'rep'"):
                await ask(asked)
            worker.contract = paper()
            await asyncio.sleep(60)
            await ask(asked)

    virtually(main())


def test_the_token_comes_from_a_file_and_a_wrong_one_is_said(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("right\n")
    worker = FakeWorker(paper())
    worker.token = "right"

    async def test(asked: LlavaAssessor) -> None:
        await ask(asked)

    with_running(worker, test, token_file=tmp_path / "token")

    async def main() -> None:
        asked = assessor(worker, token="wrong")
        with pytest.raises(UsageError, match="wants another token") as told:
            await asked.meet(1.0)
        assert "wrong" not in str(told.value)
        await asked.close()

    virtually(main())


def test_an_adapter_that_the_worker_does_not_have_is_named() -> None:
    async def main() -> None:
        asked = assessor(FakeWorker(paper()), adapter="presses")
        with pytest.raises(UsageError, match="no adapter 'presses'; there are rows"):
            await asked.meet(1.0)
        await asked.close()

    virtually(main())


def test_fewer_frames_of_consecutive_windows_or_more_than_the_plan_are_refused() -> None:
    async def meet(plan: WindowPlan, frames: list[int]) -> None:
        asked = assessor(FakeWorker(paper(plan)), frames=frames)
        try:
            await asked.meet(1.0)
        finally:
            await asked.close()

    with pytest.raises(UsageError, match="only uniform windows"):
        virtually(meet(WindowPlan(unit="phase", sampling="consecutive"), [16]))
    with pytest.raises(UsageError, match="trained with 16"):
        virtually(meet(WindowPlan(frames=16), [32, 8]))
