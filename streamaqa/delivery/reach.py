"""Is there a way to the broker? Name, TCP and TLS, each with a limit, each with its own advice.

Everything here can be cancelled at once, which `getaddrinfo` and a blocking connect in a pool thread cannot.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import threading
from functools import partial

from streamaqa.delivery.settings import MqttSettings
from streamaqa.errors import BrokerError


async def reach(settings: MqttSettings) -> ssl.SSLContext | None:
    """Open and drop a connection; the TLS context to use for the real one, or None without TLS.

    BrokerError with one line that says what to do if the broker cannot be reached.
    """
    tls = _tls_context(settings)
    try:
        async with asyncio.timeout(settings.connect_timeout_s):
            addresses = await _resolve(settings.host)
    except TimeoutError:
        raise BrokerError(f"no name server answers for host {settings.host!r}: check the network") from None
    except (OSError, UnicodeError):
        raise BrokerError(f"host {settings.host!r} is not known: check mqtt.host") from None
    problem: Exception = OSError("it has no address")
    for address in addresses:
        try:
            async with asyncio.timeout(settings.connect_timeout_s):
                await _knock(address, settings, tls)
        except (OSError, TimeoutError) as error:
            problem = error
        else:
            return tls
    raise BrokerError(_advice(settings, problem))


async def _knock(address: str, settings: MqttSettings, tls: ssl.SSLContext | None) -> None:
    name = settings.host if tls else None
    _, writer = await asyncio.open_connection(address, settings.port, ssl=tls, server_hostname=name)
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def _tls_context(settings: MqttSettings) -> ssl.SSLContext | None:
    if not settings.tls:
        return None
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise BrokerError(f"cannot read mqtt.ca_file {settings.ca_file}: {error.strerror or error}") from None


def _advice(settings: MqttSettings, problem: Exception) -> str:
    """What went wrong, and what to do."""
    where = settings.where
    match problem:
        case ConnectionRefusedError():
            return (
                f"no MQTT broker answers at {where} (connection refused): start one "
                "(sudo systemctl start mosquitto), or set mqtt.host and mqtt.port"
            )
        case TimeoutError():
            return (
                f"no answer from {where} within {settings.connect_timeout_s:g} s: "
                "check mqtt.host, the network and the firewall"
            )
        case ssl.SSLCertVerificationError():
            return (
                f"the certificate of {where} is not trusted ({problem.verify_message}): "
                "set mqtt.ca_file to the certificate of its authority"
            )
        case ssl.SSLError() | ConnectionResetError():
            return f"{where} does not speak TLS as we do: check mqtt.port and mqtt.tls"
        case OSError():
            return f"cannot reach {where}: {problem.strerror or problem}; check mqtt.host and the network"
    return f"cannot reach {where}: {problem}"


async def _resolve(host: str) -> list[str]:
    """The addresses of `host`, looked up in a daemon thread: a resolver that hangs holds up nobody's exit."""
    with contextlib.suppress(ValueError):
        return [str(ipaddress.ip_address(host))]
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            settle = partial(_settle, answer, list(dict.fromkeys(str(entry[4][0]) for entry in found)))
        except (OSError, UnicodeError) as error:
            settle = partial(_settle, answer, error)
        with contextlib.suppress(RuntimeError):  # the loop has gone without waiting for us
            loop.call_soon_threadsafe(settle)

    threading.Thread(target=look_up, name="resolve broker", daemon=True).start()
    return await answer


def _settle(answer: asyncio.Future[list[str]], found: list[str] | Exception) -> None:
    if answer.done():
        return
    if isinstance(found, Exception):
        answer.set_exception(found)
    else:
        answer.set_result(found)
