"""The engine and a remote assessor: what is sent ahead, and what is said while nobody is there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from fake_worker import PHASES, FakeWorker, assessor, paper
from rehearsal import Knows, Rehearsed

from streamaqa.config import CameraSettings, Config
from streamaqa.delivery.builders import Session
from streamaqa.delivery.messages import AnyMessage, FeedbackMessage, RepMessage
from streamaqa.engine import build
from streamaqa.pipeline import Pipeline
from streamaqa.sources.synthetic import poses
from streamaqa.types import Pose
from streamaqa.windows import PAPER_PLAN, WindowPlan

REPS, SPEED = 3, 4.0
CONFIG = Config.model_validate({"limits": {"frames": 64}})  # a busy machine drops none
SESSION = Session("test", "home", "rack", datetime(2026, 11, 23, 18, 0, tzinfo=UTC))


class Said:
    """What was said of repetitions."""

    def __init__(self) -> None:
        self.reps: list[RepMessage] = []
        self.feedback: list[FeedbackMessage] = []

    async def __call__(self, message: AnyMessage) -> None:
        if isinstance(message, RepMessage):
            self.reps.append(message)
        elif isinstance(message, FeedbackMessage):
            self.feedback.append(message)


@pytest.fixture(scope="module")
def track() -> list[Pose]:
    return list(poses(f"synthetic:squat?reps={REPS}&seed=1&view=0", fps=30))


async def judged(
    track: Sequence[Pose], worker: FakeWorker, plan: WindowPlan | None = None, *, live: bool = True
) -> tuple[Pipeline, Said]:
    """The track judged by that worker."""
    said, source = Said(), Rehearsed(track, live=live, speed=SPEED)
    asked = assessor(worker, plan)
    if not worker.gone:
        await asked.meet(1.0)
    pipeline = await build(
        CONFIG,
        CameraSettings(name="rack", source="-"),
        source,
        said,
        session=SESSION,
        estimator=Knows(track),
        assessor=asked,
        in_time=live,
    )
    await pipeline.run()
    assert [message.rep for message in said.reps] == list(range(1, REPS + 1))
    assert [m.rep for m in said.feedback if m.kind == "feedback"] == list(range(1, REPS + 1))
    return pipeline, said


async def test_first_phases_go_ahead_and_their_answers_are_used(track: list[Pose]) -> None:
    worker = FakeWorker(paper(PHASES))
    pipeline, said = await judged(track, worker)
    assert not any(message.degraded for message in said.feedback)
    counts = pipeline.counts
    assert counts["worker_early_sent"] == REPS
    assert counts["worker_early_used"] >= REPS - 1
    alone = [request for request in worker.asked if [w.phase for w in request.windows] == ["lowering"]]
    assert len(alone) == REPS
    for message in said.feedback:
        assert {error.name for error in message.errors} == {"shallow"}


async def test_a_recording_sends_nothing_ahead(track: list[Pose]) -> None:
    worker = FakeWorker(paper(PHASES))
    pipeline, _ = await judged(track, worker, live=False)
    assert pipeline.counts["worker_early_sent"] == 0
    assert [[w.phase for w in request.windows] for request in worker.asked] == [
        ["lowering", "lifting"]
    ] * REPS


async def test_without_a_worker_every_repetition_is_judged_by_pose_and_marked(track: list[Pose]) -> None:
    worker = FakeWorker(paper())
    worker.gone = True
    pipeline, said = await judged(track, worker, PAPER_PLAN)
    assert all(message.degraded for message in said.feedback)
    assert {message.assessor.name for message in said.feedback} == {"kinematic"}
    assert pipeline.counts["degraded"] == REPS
    assert worker.asked == []


async def test_the_windows_are_the_repetitions_frames(track: list[Pose]) -> None:
    worker = FakeWorker(paper())
    _, said = await judged(track, worker)
    for request, message in zip(worker.asked, said.reps, strict=True):
        (window,) = request.windows
        assert len(window.times) == 32
        assert window.offset == pytest.approx(0.0, abs=1 / 30)
        assert window.duration == pytest.approx(message.end_s - message.start_s, abs=2 / 30)
    assert all(frame.startswith(b"\xff\xd8") for frames in worker.frames for frame in frames)
