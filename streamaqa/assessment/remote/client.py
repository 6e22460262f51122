"""The worker over HTTP: one request, one answer or one error that says what its catcher does.

Knows nothing of repetitions, deadlines or retries; see `assessor` for those. Connections are kept and shared.
"""

from __future__ import annotations

import ssl
from types import TracebackType
from typing import Self, TypeVar

import httpx2
from pydantic import BaseModel, ValidationError

from streamaqa.assessment.remote.settings import RemoteSettings
from streamaqa.assessment.wire import ASSESS, Answer, AssessRequest, Ready, Refusal, encode
from streamaqa.errors import UsageError, WorkerBusyError, WorkerError, WorkerGoneError

CONNECT_S = 1.0
"""A worker in the same building answers a SYN in milliseconds; a lost one is sent again after 1 s."""
READY_S = 5.0
"""`/ready` computes nothing; a machine that swaps may still take seconds."""
KEEP_S = 60.0
"""Idle connections are kept for so long: the pause between two sets."""
ANSWER_BYTES = 4 * 2**20
"""The longest answer read: one window's takes some kB, and a request holds 32 at most."""

Told = TypeVar("Told", bound=BaseModel)


class WorkerClient:
    """Asks one worker. Use with `async with`.

    Args:
        settings: with a `url`.
        transport: in place of the network, for tests.

    Raises:
        UsageError: the token or the certificates cannot be read.
    """

    def __init__(
        self, settings: RemoteSettings, *, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        assert settings.url is not None, "a worker is asked at an address"
        self.where = settings.url
        """For people; holds no secret."""
        secret = settings.secret()
        self._http = httpx2.AsyncClient(
            base_url=settings.url,
            headers={} if secret is None else {"Authorization": f"Bearer {secret}"},
            timeout=httpx2.Timeout(None, connect=CONNECT_S),  # the caller's deadline ends the rest
            limits=httpx2.Limits(
                # one more for `/ready`, which must get through when all others wait
                max_connections=settings.connections + 1,
                max_keepalive_connections=settings.connections + 1,
                keepalive_expiry=KEEP_S,
            ),
            verify=_certificates(settings),
            transport=transport,
            trust_env=False,  # pictures go where the configuration says, through no proxy of the shell's
            follow_redirects=False,  # nor does the token go anywhere else
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Free the connections."""
        await self._http.aclose()

    async def ready(self) -> Ready:
        """What the worker serves. WorkerGoneError where it does not yet, UsageError for a wrong token."""
        timeout = httpx2.Timeout(READY_S, connect=CONNECT_S)
        status, body = await self._exchange(self._http.build_request("GET", "/ready", timeout=timeout))
        if status in (401, 403):
            raise UsageError(
                f"the worker at {self.where} wants another token: STREAMAQA_ASSESSOR__TOKEN or token_file"
            )
        if status == 503:
            raise WorkerGoneError(f"the worker at {self.where} is {_state(body)}")
        if status != 200:
            raise WorkerGoneError(f"{self.where} answers /ready with status {status}: is it a worker?")
        return self._read(Ready, body)

    async def assess(self, request: AssessRequest, frames: list[bytes]) -> Answer:
        """The answer to one request.

        Raises:
            WorkerGoneError: nobody is there, the connection broke, or the worker is loading or leaving.
            WorkerBusyError: refused for lack of time or memory.
            WorkerError: anything else; asking again would not help.
        """
        kind, content = encode(request, frames)
        sent = self._http.build_request("POST", ASSESS, content=content, headers={"Content-Type": kind})
        status, body = await self._exchange(sent)
        if status == 200:
            answer = self._read(Answer, body)
            if len(answer.windows) != len(request.windows):
                raise WorkerError(
                    f"the worker answered {len(answer.windows)} windows, asked were {len(request.windows)}"
                )
            return answer
        raise self._refused(status, body)

    async def _exchange(self, request: httpx2.Request) -> tuple[int, bytes]:
        """Status and body, up to a limit."""
        body = bytearray()
        try:
            response = await self._http.send(request, stream=True)
            try:
                async for part in response.aiter_bytes():
                    body += part
                    if len(body) > ANSWER_BYTES:
                        raise WorkerError(f"the worker's answer is longer than {ANSWER_BYTES} bytes")
            finally:
                await response.aclose()
        except httpx2.TransportError as error:
            what = str(error) or type(error).__name__
            raise WorkerGoneError(f"no worker at {self.where}: {what}") from None
        except httpx2.HTTPError as error:
            raise WorkerError(f"the worker's answer cannot be read: {error}") from None
        return response.status_code, bytes(body)

    def _read(self, model: type[Told], body: bytes) -> Told:
        try:
            return model.model_validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise WorkerError(
                f"the worker at {self.where} answers what this version cannot read: {where}: {first['msg']}"
            ) from None

    def _refused(self, status: int, body: bytes) -> WorkerError:
        try:
            refusal = Refusal.model_validate_json(body)
        except ValidationError:
            return (WorkerGoneError if status >= 500 else WorkerError)(
                f"the worker answers with status {status}"
            )
        if status == 429 or refusal.reason == "memory":
            return RefusedError(refusal)
        gone = status in (502, 503, 504)
        return (WorkerGoneError if gone else WorkerError)(f"the worker refuses: {refusal.error}")


class RefusedError(WorkerBusyError):
    """Too late, too full or too little memory, and the worker's forecast with it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"the worker refuses: {refusal.error}", refusal.retry_after_s)
        self.forecast_ms = refusal.forecast_ms
        """By number of frames; see `wire.Refusal`."""


def _state(body: bytes) -> str:
    """`loading` or `draining`, as far as a 503 says so."""
    try:
        return Ready.model_validate_json(body).state
    except ValidationError:
        return "not ready"


def _certificates(settings: RemoteSettings) -> ssl.SSLContext | bool:
    if settings.ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"cannot use assessor.ca_file {settings.ca_file}: {error}") from None
