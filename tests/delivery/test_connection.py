"""Connecting: each way to fail says in one line what to do, and shows no password."""

from __future__ import annotations

import asyncio
import gc
import socket
import subprocess
from pathlib import Path

import pytest
from brokers import Mosquitto, free_port
from pydantic import SecretStr

from streamaqa.delivery.broker import EmbeddedBroker
from streamaqa.delivery.connection import check_broker, connect
from streamaqa.delivery.settings import MqttSettings
from streamaqa.errors import BrokerError


async def refusal(settings: MqttSettings) -> str:
    with pytest.raises(BrokerError) as caught:
        await check_broker(settings)
    line = str(caught.value)
    assert "\n" not in line
    return line


async def test_a_good_broker_passes(mosquitto: Mosquitto) -> None:
    await check_broker(mosquitto.settings)


async def test_mosquitto_speaks_mqtt_5_and_an_older_broker_3_1_1(mosquitto: Mosquitto) -> None:
    async with connect(mosquitto.settings) as link:
        assert link.v5
    async with EmbeddedBroker(0) as broker, connect(MqttSettings(port=broker.port)) as link:
        assert not link.v5


async def test_the_right_password_passes_from_settings_and_from_a_file(
    locked_mosquitto: Mosquitto, tmp_path: Path
) -> None:
    here = locked_mosquitto.settings.model_copy(update={"username": "gym"})
    await check_broker(here.model_copy(update={"password": SecretStr("iron")}))
    (tmp_path / "secret").write_text("iron\n")
    await check_broker(here.model_copy(update={"password_file": tmp_path / "secret"}))


@pytest.mark.parametrize("protocol", ["auto", "3.1.1"])
async def test_a_wrong_password_is_named_as_such_and_not_shown(
    locked_mosquitto: Mosquitto, protocol: str
) -> None:
    settings = locked_mosquitto.settings.model_copy(
        update={"username": "gym", "password": SecretStr("rusty"), "protocol": protocol}
    )
    line = await refusal(settings)
    assert "refuses user 'gym'" in line
    assert "rusty" not in line


async def test_a_missing_password_is_asked_for(locked_mosquitto: Mosquitto) -> None:
    assert "wants a user name and password" in await refusal(locked_mosquitto.settings)


async def test_a_closed_port_says_where_to_start_a_broker() -> None:
    line = await refusal(MqttSettings(port=free_port()))
    assert "connection refused" in line
    assert "mosquitto" in line


async def test_an_unknown_host_is_named() -> None:
    line = await refusal(MqttSettings(host="no-such-host.invalid"))
    assert "no-such-host.invalid" in line
    assert "mqtt.host" in line


async def test_something_that_is_no_broker_is_found_out_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings = MqttSettings(port=listener.getsockname()[1], connect_timeout_s=0.2)
        assert "does not answer as an MQTT broker" in await refusal(settings)


async def test_tls_against_a_plain_port_points_at_the_port(mosquitto: Mosquitto) -> None:
    settings = MqttSettings(port=mosquitto.port, tls=True, connect_timeout_s=1)
    assert "mqtt.tls" in await refusal(settings)


async def test_tls_with_an_own_authority_connects_and_without_it_says_what_is_missing(tmp_path: Path) -> None:
    certificate = _certificate(tmp_path)
    broker = Mosquitto(tmp_path, certificate=certificate)
    broker.start()
    try:
        trusted = MqttSettings(host="localhost", port=broker.port, tls=True, ca_file=certificate[0])
        await check_broker(trusted)
        line = await refusal(MqttSettings(host="localhost", port=broker.port, tls=True))
        assert "mqtt.ca_file" in line
    finally:
        broker.kill()


async def test_giving_up_in_mid_connect_leaves_no_socket_and_no_task() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings = MqttSettings(port=listener.getsockname()[1])
        for wait in (0.0, 0.01, 0.1):
            checking = asyncio.create_task(check_broker(settings))
            await asyncio.sleep(wait)
            checking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await checking
        gc.collect()  # an unclosed socket would warn, and warnings are errors
        await asyncio.sleep(0.05)
        assert asyncio.all_tasks() == {asyncio.current_task()}


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost that is its own authority, and its key."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subject = "-subj /CN=localhost -addext subjectAltName=DNS:localhost"
    key_type = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    command = f"openssl req -x509 -days 2 {key_type} {subject} -keyout {key} -out {certificate}"
    subprocess.run(command.split(), check=True, capture_output=True)
    return certificate, key
