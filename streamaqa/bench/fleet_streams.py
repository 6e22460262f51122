"""The lifters of `bench fleet`: a camera's client and judge, and repetitions by the clock in its place."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from streamaqa.assessment.remote import LlavaAssessor, RemoteSettings
from streamaqa.delivery.builders import Session
from streamaqa.delivery.messages import AnyMessage, FeedbackMessage
from streamaqa.exercises import EXERCISES
from streamaqa.feedback import Coach
from streamaqa.judging import Judge, Lifter, Patience
from streamaqa.types import Evidence, Phase, PhaseEnded, Rep, RepEnded, Tempo
from streamaqa.windows import Window

PERIOD_S = 3.0
"""From one repetition's end to the next one's: a squat of ordinary tempo."""
JITTER = 0.05
"""Share of the period: no two lifters keep step."""
PHASE_S = 1.4
"""Of a repetition of 2.8 s, the median of the real clips."""


@dataclass(slots=True)
class Tally:
    """What the streams of one row saw."""

    ended: dict[tuple[int, int], float] = field(default_factory=dict)
    """Stream and repetition to the loop's time of its end."""
    first: dict[tuple[int, int], tuple[float, bool]] = field(default_factory=dict)
    """Seconds to its feedback, and whether that was degraded."""
    updates: int = 0


async def stream(
    number: int,
    assessor: LlavaAssessor,
    settings: RemoteSettings,
    windows: Sequence[Window],
    seconds: float,
    tally: Tally,
) -> None:
    """One camera's judging for so long, without its camera."""
    loop = asyncio.get_running_loop()
    await assessor.meet(10.0)

    async def tell(message: AnyMessage) -> None:
        if not isinstance(message, FeedbackMessage):
            return
        if message.kind == "update":
            tally.updates += 1
        else:
            rep = number, message.rep
            tally.first[rep] = loop.time() - tally.ended[rep], message.degraded

    judge = Judge(
        assessor, None, tell, limit=8, exercises=EXERCISES, recorder=None, clock=loop.time,
        patience=Patience(settings.deadline_s, settings.stale_s),
    )  # fmt: skip
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(assessor.run(), name="worker")
        judging = tasks.create_task(judge.run(), name="judge")
        await _lift(number, assessor, judge, windows, seconds, tally)
        await judge.idle()
        await judge.end()
        await judging
        keeping.cancel()


async def _lift(
    number: int,
    assessor: LlavaAssessor,
    judge: Judge,
    windows: Sequence[Window],
    seconds: float,
    tally: Tally,
) -> None:
    """Repetitions for so long."""
    loop, rng = asyncio.get_running_loop(), random.Random(number)  # noqa: S311  the same lifters each time
    session = Session("bench", "bench", f"stream-{number}", datetime.now(UTC))
    lifter = Lifter(session, Coach())
    start = loop.time()
    end = start + PERIOD_S * rng.uniform(1.0, 2.0)
    for rep_number in range(1, 10**6):
        if end - start > seconds + PERIOD_S:
            return
        rep = _rep(rep_number)
        await asyncio.sleep(max(0.0, end - PHASE_S - loop.time()))
        mine = [_moved(window, rep) for window in windows]
        assessor.begin(PhaseEnded(rep.turn, rep.unit, rep.exercise, rep.phases[0]), mine[:1])
        await asyncio.sleep(max(0.0, end - loop.time()))
        tally.ended[number, rep_number] = loop.time()
        await judge.rep(RepEnded(rep.end, rep), lifter, Evidence(rep, (), mine), 0.0)
        end += PERIOD_S * rng.uniform(1 - JITTER, 1 + JITTER)


def _rep(number: int) -> Rep:
    start = PERIOD_S * number
    turn, end = start + PHASE_S, start + 2 * PHASE_S
    phases_ = Phase("lowering", start, turn), Phase("lifting", turn, end)
    return Rep(number, 1, number, "squat", 0.95, phases_, Tempo(PHASE_S, 0.0, PHASE_S), 1.0, 0.5)


def _moved(window: Window, rep: Rep) -> Window:
    """The window of the same pictures in this repetition."""
    times = tuple(rep.start + time for time in window.times)
    return Window(rep.unit, window.phase, times, window.duration, window.frames)
