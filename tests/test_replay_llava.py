"""`assessor: llava` through a real worker process with the tiny model: clips and a drawn lifter."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rehearsal import Knows, Rehearsed
from rich.console import Console

from streamaqa.config import CameraSettings, Config
from streamaqa.delivery.messages import AnyMessage, FeedbackMessage, RepMessage
from streamaqa.delivery.schema import load as load_schema
from streamaqa.engine import build
from streamaqa.errors import UsageError
from streamaqa.recording import lines
from streamaqa.replaying import replay
from streamaqa.sources.pose_track import save_track
from streamaqa.sources.synthetic import poses
from streamaqa.worker_child import WorkerChild, reached

pytest.importorskip("torch")
pytest.importorskip("fastapi")

LLAVA = Config.model_validate({"assessor": {"kind": "llava"}})
CLIP = "ohp_dumbbell_side_2reps.mp4"


@pytest.fixture(scope="module")
def served() -> Iterator[Config]:
    """The configuration of a worker process of our own, which serves all of these tests."""
    child = WorkerChild(LLAVA.assessor, LLAVA.plan, lambda text: None, must=True)
    stop, loop = asyncio.Event(), asyncio.new_event_loop()

    async def main() -> None:
        running = asyncio.create_task(child.run())
        await stop.wait()
        running.cancel()
        await asyncio.wait([running])

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    yield reached(LLAVA, child)
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


def check_judged_by_the_model(feedback: dict[str, Any]) -> None:
    """What holds for any weights: probabilities and intervals that can be, and who said so."""
    jsonschema.validate(feedback, load_schema("feedback"))
    assert not feedback["degraded"]
    assert feedback["assessor"]["name"] == "tiny"
    assert "untrained" in feedback["assessor"]["version"]
    assert "never trained" in feedback["text"]
    assert 0.0 <= feedback["exercise"]["probability"] <= 1.0
    for error in feedback["errors"]:
        assert 0.0 <= error["probability"] <= 1.0
        assert feedback["start_s"] <= error["start_s"] <= error["end_s"] <= feedback["end_s"]
    latency = feedback["latency_ms"]
    assert sum(latency[stage] for stage in ("segment", "queue", "assess", "publish")) == pytest.approx(
        latency["total"], abs=0.5
    )


async def judged(clip: Path, config: Config, events: Path, speed: float | None) -> list[dict[str, Any]]:
    """Each feedback of a clip, one for each repetition."""
    camera = CameraSettings(name="replay", source="-")
    code = await replay(clip, config, camera, Console(file=io.StringIO()), speed=speed, events=events)
    assert code == 0
    messages = lines.read(events)
    feedback = [m["payload"] for m in messages if m["topic"].endswith("/feedback")]
    reps = [m["payload"]["rep"] for m in messages if m["topic"].endswith("/rep")]
    assert [said["rep"] for said in feedback if said["kind"] == "feedback"] == reps == [1, 2]
    return feedback


async def test_a_clip_gets_one_feedback_of_the_model_for_each_repetition(
    shared: Path, pose_model: Path, served: Config, tmp_path: Path
) -> None:
    del pose_model  # fetched ahead of time
    for feedback in await judged(shared / "clips" / CLIP, served, tmp_path / "events.jsonl", None):
        check_judged_by_the_model(feedback)


@pytest.mark.full
async def test_a_clip_at_its_own_pace_is_judged_as_fast_ones_are(
    shared: Path, pose_model: Path, served: Config, tmp_path: Path
) -> None:
    del pose_model  # fetched ahead of time
    assessor = served.assessor.model_copy(update={"deadline_s": 60.0, "stale_s": 60.0})
    at_leisure = served.model_copy(update={"assessor": assessor})
    told = []
    for name, speed in (("fast", None), ("paced", 1.0)):
        told.append(await judged(shared / "clips" / CLIP, at_leisure, tmp_path / name, speed))
        for feedback in told[-1]:
            check_judged_by_the_model(feedback)
    fast, paced = ([(f["start_s"], f["errors"], f["exercise"]) for f in each] for each in told)
    assert fast == paced


async def test_a_drawn_lifter_is_judged_by_the_model(served: Config) -> None:
    track = poses("synthetic:squat?reps=2&seed=1&view=0", fps=15)
    said: list[AnyMessage] = []

    async def say(message: AnyMessage) -> None:
        said.append(message)

    source = Rehearsed(track, live=False)
    camera = CameraSettings(name="rack", source="-")
    pipeline = await build(served, camera, source, say, estimator=Knows(track), in_time=False)
    await pipeline.run()
    feedback = [m.model_dump(mode="json") for m in said if isinstance(m, FeedbackMessage)]
    assert [f["rep"] for f in feedback] == [m.rep for m in said if isinstance(m, RepMessage)] == [1, 2]
    for each in feedback:
        check_judged_by_the_model(each)
    assert pipeline.counts["worker_asked"] == 2


async def test_a_track_of_poses_has_nothing_for_the_model_to_look_at(served: Config, tmp_path: Path) -> None:
    save_track(tmp_path / "set.npz", poses("synthetic:squat?reps=1&seed=1", fps=15))
    camera = CameraSettings(name="replay", source="-")
    with pytest.raises(UsageError, match="holds poses only"):
        await replay(tmp_path / "set.npz", served, camera, Console(file=io.StringIO()), speed=None)
