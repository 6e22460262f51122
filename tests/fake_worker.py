"""A GPU worker that does as it is told, behind httpx's own seam; and repetitions to ask it about."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Sequence

import httpx2

from streamaqa.assessment.merge import certain
from streamaqa.assessment.remote import LlavaAssessor, RemoteSettings
from streamaqa.assessment.wire import (
    ASSESS,
    Answer,
    AskedWindow,
    AssessRequest,
    Limits,
    ModelTold,
    Reading,
    Ready,
    Reason,
    Refusal,
    RepTold,
    Served,
    Timings,
    WindowTold,
)
from streamaqa.dialogue import Answer as Said
from streamaqa.dialogue import ErrorSpan
from streamaqa.exercises import OVERHEAD_PRESS, SQUAT
from streamaqa.llava.contract import Contract
from streamaqa.types import Evidence, Phase, PhaseEnded, Rep, Tempo
from streamaqa.windows import (
    PAPER_PLAN,
    BufferSettings,
    EncodedFrame,
    FrameBuffer,
    Window,
    WindowPlan,
    spans,
)

URL = "http://127.0.0.1:8040"
MODEL = ModelTold(name="llava", version="7", calibrated=False, untrained=False)
PHASES = WindowPlan(unit="phase", frames=32)

Reply = httpx2.Response | Exception | Callable[[AssessRequest], httpx2.Response]


def refusal(
    status: int, reason: Reason, retry_after_s: float | None = None, **more: object
) -> httpx2.Response:
    """What a worker says that does not do what it was asked."""
    told = Refusal(reason=reason, error=f"told to say {reason}", retry_after_s=retry_after_s, **more)
    return httpx2.Response(status, content=told.model_dump_json())


def unreachable() -> httpx2.ConnectError:
    """Nobody listens."""
    return httpx2.ConnectError("All connection attempts failed")


class FakeWorker:
    """Answers every window with the same error, after `delay_s`, unless told otherwise.

    `replies` are given once each, in order, before the usual answer; `gone` refuses every connection.
    """

    def __init__(self, contract: Contract | None = None, *, untrained: bool = False) -> None:
        self.contract = contract
        self.untrained = untrained
        self.delay_s = 0.0
        self.gone = False
        self.loading = False
        self.replies: deque[Reply] = deque()
        self.forecast_ms: dict[int, float] = {}
        self.asked: list[AssessRequest] = []
        self.frames: list[list[bytes]] = []
        self.abandoned = 0
        """Requests whose sender did not wait for the answer."""
        self.looks = 0
        """Times that `/ready` was asked."""
        self.token: str | None = None

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return refusal(401, "token")
        if request.url.path == "/ready":
            self.looks += 1
            if self.gone:
                raise unreachable()
            return self._ready()
        assert request.url.path == ASSESS
        if self.gone:
            raise unreachable()
        asked, frames = taken_apart(request)
        self.asked.append(asked)
        self.frames.append(frames)
        try:
            await asyncio.sleep(self.delay_s)
        except asyncio.CancelledError:
            self.abandoned += 1
            raise
        reply = self.replies.popleft() if self.replies else self.answer
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, httpx2.Response) else reply(asked)

    def _ready(self) -> httpx2.Response:
        if self.loading:
            return httpx2.Response(503, content=Ready(state="loading").model_dump_json())
        served = Served(**{**MODEL.model_dump(), "untrained": self.untrained})
        limits = Limits(windows=32, body_bytes=1 << 26, frame_bytes=1 << 21, frame_pixels=1 << 21)
        ready = Ready(
            state="ready",
            model=served,
            adapters={"rows": Served(**{**MODEL.model_dump(), "name": "rows"})},
            contract=self.contract,
            device="cpu",
            limits=limits,
            forecast_ms=self.forecast_ms,
        )
        return httpx2.Response(200, content=ready.model_dump_json())

    def answer(self, asked: AssessRequest) -> httpx2.Response:
        """Shallow in every window, from 0.1 s to its end."""
        told = Answer(
            model=MODEL,
            windows=tuple(self._window(window) for window in asked.windows),
            reps=(RepTold(unit=asked.windows[0].unit),),
            timings_ms=Timings(receive=1, decode=2, queue=3, model=4, answer=0, total=10),
            forecast_ms=self.forecast_ms,
        )
        return httpx2.Response(200, content=told.model_dump_json())

    def _window(self, window: AskedWindow) -> WindowTold:
        said = Said("squat", (ErrorSpan("shallow", 0.1, round(window.duration, 2)),))
        reading = Reading.of(certain(said, (SQUAT, OVERHEAD_PRESS)))
        return WindowTold(unit=window.unit, phase=window.phase, reading=reading)

    def transport(self) -> httpx2.MockTransport:
        """For a client."""
        return httpx2.MockTransport(self)


def taken_apart(request: httpx2.Request) -> tuple[AssessRequest, list[bytes]]:
    """The parts of a body, which must come in the order that the wire asks for."""
    kind = request.headers["Content-Type"]
    boundary = kind.partition("boundary=")[2].encode()
    parts = [
        part.strip(b"\r\n").partition(b"\r\n\r\n") for part in request.content.split(b"--" + boundary)[1:-1]
    ]
    heads = [head for head, _, _ in parts]
    assert b'name="request"' in heads[0]
    assert all(b'name="frame"' in head for head in heads[1:])
    asked = AssessRequest.model_validate_json(parts[0][2])
    frames = [content for _, _, content in parts[1:]]
    assert len(frames) == asked.frames
    return asked, frames


def paper(plan: WindowPlan = PAPER_PLAN) -> Contract:
    """The contract of this code for that plan."""
    return Contract.of(plan)


def assessor(worker: FakeWorker, plan: WindowPlan | None = None, **settings: object) -> LlavaAssessor:
    """One that asks `worker`."""
    chosen = RemoteSettings.model_validate({"url": URL, **settings})
    return LlavaAssessor(chosen, plan, transport=worker.transport())


def a_rep(number: int = 1, start: float = 10.0, exercise: str = "squat") -> Rep:
    """Two seconds, a second each way."""
    phases = (Phase("lowering", start, start + 1), Phase("lifting", start + 1, start + 2))
    return Rep(number, 1, number, exercise, 0.9, phases, Tempo(1, 0, 1), 1.0, 1.0)


def buffer(until: float, fps: float = 30.0) -> FrameBuffer:
    """Pictures that are no pictures, from 0 to `until`."""
    kept = FrameBuffer(BufferSettings(seconds=1000))
    for number in range(round(until * fps)):
        kept.add(EncodedFrame(number / fps, b"picture %d" % number, (48, 64)))
    return kept


def evidence(rep: Rep, plan: WindowPlan = PAPER_PLAN) -> Evidence:
    """What an assessor sees of a repetition, its windows cut by `plan`."""
    return Evidence(rep, (), buffer(rep.end + 1).cut(plan, spans(plan, rep)))


def turned(rep: Rep, off_s: float = 0.0) -> tuple[PhaseEnded, Sequence[Window]]:
    """The first phase of a repetition as it was thought to be, its end `off_s` off, and its windows."""
    first = Phase(rep.phases[0].kind, rep.start, rep.turn + off_s)
    ended = PhaseEnded(rep.turn + 0.2, rep.unit, rep.exercise, first)
    return ended, buffer(rep.end + 1).cut(PHASES, spans(PHASES, ended))


def broken_json() -> httpx2.Response:
    """Half an answer."""
    return httpx2.Response(200, content=json.dumps({"model": {}})[:-1])
