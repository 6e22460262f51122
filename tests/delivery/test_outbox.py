"""The outbox: order, numbers and nothing lost over any interleaving; damaged files; failing disks."""

from __future__ import annotations

import json
import logging
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from streamaqa.delivery.outbox import IN_MEMORY, Outbox
from streamaqa.delivery.outbox_thread import OutboxThread
from streamaqa.delivery.settings import OutboxSettings
from streamaqa.delivery.topics import Envelope
from streamaqa.errors import DeliveryError, UsageError


def message(number: int) -> Envelope:
    return Envelope("t", json.dumps({"seq": 0, "n": number}).encode())


def contents(box: Outbox, limit: int = 1000) -> list[tuple[int, int]]:
    """(seq, n) of what is pending, as the payloads have it."""
    found = [(json.loads(entry.envelope.payload), entry.seq) for entry in box.pending(limit)]
    assert all(payload["seq"] == seq for payload, seq in found)
    return [(seq, payload["n"]) for payload, seq in found]


class AnyInterleaving(RuleBasedStateMachine):
    """Against a plain list: appends, acknowledgements, repeats, restarts with and without a clean close."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "box"
        self.box = Outbox(self.path)
        self.added = 0
        self.waiting: list[tuple[int, int]] = []

    @rule()
    def append(self) -> None:
        self.added += 1
        entry = self.box.append(message(self.added))
        assert entry.seq == self.added
        self.waiting.append((entry.seq, self.added))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def acknowledge_some(self, data: st.DataObject) -> None:
        gone = data.draw(st.lists(st.sampled_from(self.waiting), unique=True))
        self.box.acknowledge([seq for seq, _ in gone])
        self.waiting = [entry for entry in self.waiting if entry not in gone]

    @precondition(lambda self: self.added)
    @rule(data=st.data())
    def ask_again(self, data: st.DataObject) -> None:
        first = data.draw(st.integers(1, self.added))
        last = data.draw(st.integers(first, self.added + 2))
        assert self.box.resend(first, last).count == min(last, self.added) - first + 1
        again = {(seq, seq) for seq in range(first, min(last, self.added) + 1)}
        self.waiting = sorted(set(self.waiting) | again)

    @rule()
    def restart(self) -> None:
        self.box.close()
        self.box = Outbox(self.path)

    @rule()
    def look_at_a_few(self) -> None:
        assert contents(self.box, limit=3) == self.waiting[:3]

    @invariant()
    def order_kept_and_nothing_lost(self) -> None:
        assert contents(self.box) == self.waiting
        assert self.box.waiting() == len(self.waiting)
        assert self.box.newest() == self.added

    def teardown(self) -> None:
        self.box.close()
        self.folder.cleanup()


TestAnyInterleaving = AnyInterleaving.TestCase
TestAnyInterleaving.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)


@given(st.integers(1, 400), st.integers(100, 150))
@settings(max_examples=20, deadline=None)
def test_the_outbox_is_bounded_and_counts_what_it_drops(added: int, keep: int) -> None:
    box = Outbox(IN_MEMORY, OutboxSettings(keep_messages=keep))
    for number in range(added):
        box.append(message(number))
    box.prune()
    assert box.waiting() == min(added, keep)
    assert box.dropped() == max(0, added - keep)
    assert contents(box)[-1] == (added, added - 1)
    box.close()


def test_delivered_messages_are_kept_for_a_while_and_numbers_are_never_used_twice(tmp_path: Path) -> None:
    day = 86_400.0
    box = Outbox(tmp_path / "box", OutboxSettings(keep_days=7))
    for number in range(5):
        box.append(message(number), now=number * day)
    box.acknowledge([1, 2, 3, 4, 5])
    assert box.prune(now=9.5 * day) == 0
    assert box.resend(1, 5).count == 2
    box.acknowledge([4, 5])
    box.prune(now=99 * day)
    assert box.resend(1, 5).count == 0
    box.close()
    again = Outbox(tmp_path / "box")
    assert again.append(message(9)).seq == 6
    again.close()


def test_undelivered_messages_do_not_grow_too_old(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "box", OutboxSettings(keep_days=1))
    box.append(message(0), now=0.0)
    box.prune(now=1e9)
    assert contents(box) == [(1, 0)]
    box.close()


@pytest.mark.parametrize("rubbish", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_set_aside_with_a_warning(
    tmp_path: Path, rubbish: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "box"
    path.write_bytes(rubbish)
    box = Outbox(path)
    assert box.append(message(1)).seq == 1
    box.close()
    (aside,) = tmp_path.glob("box.damaged-*")
    assert aside.read_bytes() == rubbish
    assert "set aside" in caplog.text


def test_a_second_engine_under_the_same_name_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamaqa.delivery.outbox.LOCK_WAIT_S", 0.05)
    first = Outbox(tmp_path / "box")
    with pytest.raises(UsageError, match="in use by another engine"):
        Outbox(tmp_path / "box")
    first.close()


def test_a_place_that_cannot_be_written_gives_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "box", tmp_path):
        with pytest.raises(UsageError) as caught:
            Outbox(path)
        assert "\n" not in str(caught.value)


async def test_a_disk_that_fails_costs_durability_and_no_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    append = Outbox.append
    async with OutboxThread(tmp_path / "box") as outbox:
        for number in range(3):
            await outbox.append(message(number))
        await outbox.acknowledge([1])

        def fails_on_disk(box: Outbox, envelope: Envelope, now: float | None = None) -> object:
            if box.path != IN_MEMORY:
                raise sqlite3.OperationalError("database or disk is full")
            return append(box, envelope, now)

        monkeypatch.setattr(Outbox, "append", fails_on_disk)
        entry = await outbox.append(message(3))
        assert entry.seq == 4
        left = await outbox.pending(10)
    assert [json.loads(entry.envelope.payload) for entry in left] == [
        {"seq": n + 1, "n": n} for n in (1, 2, 3)
    ]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_a_closed_outbox_says_so(tmp_path: Path) -> None:
    async with OutboxThread(tmp_path / "box") as outbox:
        pass
    with pytest.raises(DeliveryError, match="closed"):
        await outbox.append(message(0))


async def test_the_thread_passes_on_why_it_cannot_open(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        async with OutboxThread(tmp_path):
            pass
