"""HTTP before the service: who may ask, how much, how slowly, and which status says what.

Every answer that is not 200 is a `wire.Refusal`: a reason and one line. `/live`, `/ready` and `/metrics` are
open, since probes seldom have a token and nothing of them is secret.
"""

from __future__ import annotations

import asyncio
import hmac
import math
from collections.abc import Coroutine
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from streamaqa.assessment.wire import ASSESS, Answer, Ready, Reason, Refusal
from streamaqa.worker.body import Body, BodyReader
from streamaqa.worker.refused import RefusedError
from streamaqa.worker.service import Service
from streamaqa.worker.settings import LimitSettings, is_loopback

_SWALLOWED = 16 * 2**20
"""Bytes of a refused body that are read and forgotten, so that a client that is still sending comes to read
the answer; a longer one is cut off with its connection."""
_SWALLOW_S = 2.0
_REFUSALS = (400, 401, 403, 408, 413, 422, 429, 500, 503)


class Gate:
    """Who may ask, and how much is held for all of them."""

    def __init__(self, service: Service) -> None:
        token = service.settings.token
        self._token = token.get_secret_value().encode() if token else None
        self._limits = service.settings.limits
        self._gauge = service.metrics.held
        self._held = 0

    def check(self, request: Request) -> None:
        """RefusedError without the right token; without any, for what a web page elsewhere may have sent."""
        if self._token is None:
            host = request.url.hostname or ""
            if not is_loopback(host) or "origin" in request.headers:
                raise RefusedError("host", "without a token only programs on this machine may ask")
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given:
            raise RefusedError("token", "no token: send it as Authorization: Bearer")
        if not hmac.compare_digest(given.strip().encode("latin-1", "replace"), self._token):
            raise RefusedError("token", "the token is not the right one")

    def hold(self, count: int) -> None:
        """Take so many bytes into account; RefusedError where they are too many for this worker."""
        if self._held + count > self._limits.held_bytes:
            raise RefusedError("full", f"{self._held} bytes of requests are held already", retry_after_s=1.0)
        self._held += count
        self._gauge.set(self._held)

    def let_go(self, count: int) -> None:
        """Those bytes are held no more."""
        self._held -= count
        self._gauge.set(self._held)


def build(service: Service) -> FastAPI:
    """The app of a service that runs."""
    app = FastAPI(title="streamaqa worker", version="1", docs_url=None, redoc_url=None)
    gate = Gate(service)

    @app.get("/live", response_class=PlainTextResponse)
    async def live() -> str:
        """200 as long as the process answers."""
        return "live\n"

    @app.get("/ready", response_model=Ready, responses={503: {"model": Ready}})
    async def ready() -> Response:
        """200 with the contract when requests are taken, else 503."""
        told = service.ready
        return _json(told, 200 if told.state == "ready" else 503)

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """For Prometheus."""
        return Response(service.metrics.text(), media_type=service.metrics.content_type)

    @app.post(ASSESS, response_model=Answer, responses={status: {"model": Refusal} for status in _REFUSALS})
    async def assess(request: Request) -> Response:
        """Read windows: multipart, part `request` first, then a part `frame` for each frame."""
        return await _assess(service, gate, request)

    @app.exception_handler(HTTPException)
    async def not_there(request: Request, error: HTTPException) -> Response:
        reason: Reason = "method" if error.status_code == 405 else "not_found"
        return _refusal(service, RefusedError(reason, f"{request.method} {request.url.path}: {error.detail}"))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        del request
        return _refusal(service, RefusedError("invalid", str(error.errors()[0]["msg"])))

    return app


async def _assess(service: Service, gate: Gate, request: Request) -> Response:
    arrived = asyncio.get_running_loop().time()
    held = _Held(gate)
    try:
        gate.check(request)
        service.check_open()
        body = await _receive(request, held, service.settings.limits)
        received = asyncio.get_running_loop().time()
        answering = service.assess(body.asked, body.frames, arrived=arrived, received=received)
        answer = await _unless_gone(request, answering)
        return _json(answer, 200)
    except RefusedError as refused:
        service.metrics.requests.labels(refused.reason).inc()
        return _refusal(service, refused, close=not await _swallow(request))
    except ClientDisconnect:
        service.metrics.requests.labels("gone").inc()
        return Response(status_code=499)  # nobody reads it
    finally:
        held.let_go()


class _Held:
    """What one request holds."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._count = 0

    def more(self, count: int) -> None:
        self._gate.hold(count)
        self._count += count

    def let_go(self) -> None:
        self._gate.let_go(self._count)
        self._count = 0


async def _receive(request: Request, held: _Held, limits: LimitSettings) -> Body:
    """The whole body; RefusedError as soon as it is wrong, too large or too slow."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limits.body_bytes:
        raise RefusedError("too_large", f"a body of {length} bytes, wanted at most {limits.body_bytes}")
    reader = BodyReader(request.headers.get("content-type", ""), limits)
    try:
        async with asyncio.timeout(limits.body_s):
            async for piece in request.stream():
                held.more(len(piece))
                reader.feed(piece)
    except TimeoutError:
        raise RefusedError(
            "timeout", f"{reader.received} bytes came within {limits.body_s:g} s, and no end"
        ) from None
    return reader.finish()


async def _unless_gone(request: Request, answering: Coroutine[Any, Any, Answer]) -> Answer:
    """The answer; ClientDisconnect, and the work dropped, when the client goes before."""
    # no task group: it would wrap a refusal
    loop = asyncio.get_running_loop()
    work = loop.create_task(answering, name="assess")
    watch = loop.create_task(_until_gone(request), name="watch")
    try:
        await asyncio.wait((work, watch), return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise ClientDisconnect
        return work.result()
    finally:
        work.cancel()
        watch.cancel()
        await asyncio.gather(work, watch, return_exceptions=True)


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _swallow(request: Request) -> bool:
    """Read on a little, so that the client comes to read the answer; whether its body has ended by then."""
    swallowed = 0
    try:
        async with asyncio.timeout(_SWALLOW_S):
            async for piece in request.stream():
                swallowed += len(piece)
                if swallowed > _SWALLOWED:
                    return False
    except (TimeoutError, ClientDisconnect):
        return False
    except RuntimeError:  # starlette's: all of it was read before
        return True
    return True


def _json(told: Answer | Ready | Refusal, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(told.model_dump_json(), status, headers, "application/json")


def _refusal(service: Service, refused: RefusedError, *, close: bool = False) -> Response:
    headers = {"Connection": "close"} if close else {}
    if refused.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, math.ceil(refused.retry_after_s)))
    if refused.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    forecast = service.forecast_ms() if refused.status == 429 else None
    return _json(refused.told(forecast), refused.status, headers)
