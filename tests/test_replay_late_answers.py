"""A session judged by a model that is late, or gone, replays as it was: updates and stand-ins included."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from rehearsal import Knows, Rehearsed
from rich.console import Console

from streamaqa.assessment.remote import LlavaAssessor
from streamaqa.config import CameraSettings, Config
from streamaqa.delivery.outlet import Outlet
from streamaqa.delivery.topics import Topics
from streamaqa.engine import build, new_session
from streamaqa.errors import WorkerGoneError
from streamaqa.recording import lines, session
from streamaqa.replaying import replay
from streamaqa.sessions import recording, sinks_of
from streamaqa.sources.synthetic import poses
from streamaqa.types import Assessment, AssessorInfo, Evidence, Finding, PhaseEnded
from streamaqa.windows import PAPER_PLAN, Window, WindowPlan

CAMERA = CameraSettings(name="rack", source="-", athlete="Ada")
SPEED = 4.0
"""Times real time: a repetition each second."""


class Late:
    """A remote assessor: late for the first repetition, gone for the second, in time after that."""

    info = AssessorInfo("llava", "7", calibrated=True)
    plan: WindowPlan | None = PAPER_PLAN
    counts: dict[str, int] = {}  # noqa: RUF012 - never changed

    async def assess(self, evidence: Evidence) -> Assessment:
        raise AssertionError("a lifter waits: `ask`")

    async def ask(
        self, evidence: Evidence, *, deadline_s: float, stale_s: float, missed: Callable[[], None]
    ) -> Assessment:
        rep = evidence.rep
        assert len(evidence.windows) == 1
        if rep.number == 1:
            missed()
            await asyncio.sleep(0.05)
        if rep.number == 2:
            raise WorkerGoneError("told to be gone")
        finding = Finding("shallow", 0.8, rep.start, rep.end)
        return Assessment("squat", 0.9, (finding,), ("knees_inward", "knees_forward"), self.info)

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        pass

    def begin(self, ended: PhaseEnded, windows: Sequence[Window]) -> None:
        pass

    def cancel(self, unit: int) -> None:
        pass


async def recorded(folder: Path) -> Path:
    """Record a rehearsal that the late model judges."""
    track = poses("synthetic:squat?reps=4&seed=1&view=0", fps=15)
    settings = {
        "site": "gym",
        "recording": {"folder": folder, "min_free_mib": 0, "video": False},
        "assessor": {"kind": "llava", "url": "http://127.0.0.1:9", "deadline_s": 60, "stale_s": 60},
        "limits": {"frames": 64},  # a busy machine drops none
    }
    config = Config.model_validate(settings)
    source = Rehearsed(track, speed=SPEED)
    begun = new_session(config, CAMERA)
    async with recording(config, CAMERA, begun, source) as recorder:
        assert recorder is not None
        pipeline = await build(
            config,
            CAMERA,
            source,
            Outlet(Topics("gym", CAMERA.name), sinks_of(recorder)).say,
            session=begun,
            assessor=Late(),
            estimator=Knows(track),
            recorder=recorder,
        )
        await pipeline.run()
    return recorder.folder


async def test_late_answers_are_replayed_where_they_were_said(tmp_path: Path) -> None:
    folder = await recorded(tmp_path / "sessions")
    told = [
        (event["payload"]["kind"], event["payload"]["rep"], event["payload"]["degraded"])
        for event in lines.read(folder / session.EVENTS)
        if event["topic"].endswith("/feedback")
    ]
    assert told[:2] == [("feedback", 1, True), ("update", 1, False)]
    assert told[2:] == [("feedback", 2, True), ("feedback", 3, False), ("feedback", 4, False)]
    assert "127.0.0.1:9" not in (folder / session.SESSION).read_text()

    events = tmp_path / "again.jsonl"
    console = Console(file=io.StringIO(), width=200)
    code = await replay(
        folder,
        Config(),
        CameraSettings(name="replay", source=str(folder)),
        console,
        speed=None,
        check=True,
        events=events,
    )
    assert isinstance(console.file, io.StringIO)
    assert code == 0, console.file.getvalue()
    again = [json.loads(line) for line in events.read_text().splitlines()]
    assert [
        (event["payload"]["kind"], event["payload"]["rep"], event["payload"]["assessor"]["name"])
        for event in again
        if event["topic"].endswith("/feedback")
    ] == [
        ("feedback", 1, "kinematic"),
        ("update", 1, "llava"),
        ("feedback", 2, "kinematic"),
        ("feedback", 3, "llava"),
        ("feedback", 4, "llava"),
    ]


def test_the_late_model_is_asked_like_the_real_one() -> None:
    for name in ("ask", "begin", "cancel", "run"):
        assert callable(getattr(LlavaAssessor, name))
