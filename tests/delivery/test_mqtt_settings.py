"""Broker settings: URLs, passwords that never show, combinations that make no sense."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from streamaqa.delivery.settings import MqttSettings
from streamaqa.errors import UsageError


@pytest.mark.parametrize(
    ("url", "host", "port", "username", "tls"),
    [
        ("mqtt://broker", "broker", 1883, None, False),
        ("mqtts://broker", "broker", 8883, None, True),
        ("mqtt://anna@broker:1884", "broker", 1884, "anna", False),
        ("mqtt://a%40b@broker/", "broker", 1883, "a@b", False),
        ("broker", "broker", 1883, None, False),
        ("broker:1884", "broker", 1884, None, False),
        ("mqtt://[::1]:1884", "::1", 1884, None, False),
    ],
)
def test_urls_are_read(url: str, host: str, port: int, username: str | None, tls: bool) -> None:
    settings = MqttSettings.from_url(url)
    assert (settings.host, settings.port, settings.username, settings.tls) == (host, port, username, tls)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://broker",
        "mqtt://",
        "mqtt://broker:port",
        "mqtt://broker:99999",
        "mqtt://broker/topic",
        "mqtt://[::1",
    ],
)
def test_a_url_that_cannot_be_read_gives_one_line(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        MqttSettings.from_url(url)
    assert "\n" not in str(caught.value)


def test_a_password_in_a_url_is_refused_without_being_shown() -> None:
    with pytest.raises(UsageError) as caught:
        MqttSettings.from_url("mqtt://anna:s3cret@broker:1883")
    assert "s3cret" not in str(caught.value)
    assert "STREAMAQA_MQTT__PASSWORD" in str(caught.value)


def test_a_password_shows_nowhere_but_where_it_is_asked_for() -> None:
    settings = MqttSettings(username="anna", password=SecretStr("s3cret"))
    for shown in (
        repr(settings),
        str(settings),
        settings.model_dump_json(),
        settings.where,
        str(settings.model_dump()),
    ):
        assert "s3cret" not in shown
    assert settings.secret() == "s3cret"


def test_a_bad_value_is_named_and_not_shown() -> None:
    with pytest.raises(ValidationError) as caught:
        MqttSettings.model_validate({"username": "anna", "password": ["s3cret"]})
    assert "password" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_password_comes_from_a_file_without_its_line_end(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"pass word \r\n")
    assert MqttSettings(username="anna", password_file=secret).secret() == "pass word "
    missing = MqttSettings(username="anna", password_file=tmp_path / "missing")
    with pytest.raises(UsageError, match=r"mqtt\.password_file"):
        missing.secret()


def test_tls_brings_its_port_unless_one_is_given() -> None:
    assert MqttSettings.model_validate({"tls": True}).port == 8883
    assert MqttSettings(tls=True, port=1885).port == 1885


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "x"},
        {"username": "anna", "password": "x", "password_file": "y"},
        {"ca_file": "ca.pem"},
        {"port": 0},
        {"host": ""},
        {"protocol": "3.1"},
        {"prot": 1883},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MqttSettings.model_validate(wrong)


def test_settings_travel_to_another_process() -> None:
    settings = MqttSettings(username="anna", password=SecretStr("s3cret"))
    assert pickle.loads(pickle.dumps(settings)).secret() == "s3cret"
