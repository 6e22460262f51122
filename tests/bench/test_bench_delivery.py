from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from brokers import Mosquitto, free_port
from rich.console import Console

from streamaqa.bench.delivery import measure, table
from streamaqa.delivery.settings import MqttSettings
from streamaqa.errors import BrokerError, UsageError


def test_every_message_is_timed_and_none_is_lost_with_either_way_to_keep_the_outbox(
    mosquitto: Mosquitto,
) -> None:
    result = measure(mosquitto.settings, messages=20, backlog=30)

    assert [row.durable for row in result.rows] == [False, True]
    for row in result.rows:
        assert 0 < row.p50_ms <= row.p99_ms <= row.worst_ms
        assert row.drained_per_s > 0
        assert (row.lost, row.disordered) == (0, 0)
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(table(result))
    shown = console.export_text()
    assert "FULL (durable: true)" in shown
    assert "99th percentile, ms" in shown


def test_it_starts_a_mosquitto_of_its_own_and_ends_it(mosquitto: Mosquitto) -> None:
    result = measure(messages=10, backlog=10)
    assert result.broker != mosquitto.settings.where
    with pytest.raises(BrokerError, match="refused"):
        measure(MqttSettings(port=int(result.broker.rsplit(":", 1)[1])), messages=10, backlog=10)


def test_without_a_broker_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match="refused"):
        measure(MqttSettings(port=free_port()), messages=10, backlog=10)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(UsageError, match="install it, or name a broker with --broker"):
        measure()
