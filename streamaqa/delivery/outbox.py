"""Messages on disk, numbered and in order, until the broker has acknowledged them.

`Outbox` is synchronous and belongs to the thread that opened it; `outbox_thread` is its asynchronous face.

A row is pending until acknowledged and stays for a while after, so that a subscriber that missed it can ask
for it again. SQLite's AUTOINCREMENT makes `seq`: it goes on from the largest ever given, also when rows have
been pruned. The file is opened in exclusive locking mode: a second engine under the same camera name is told
so instead of numbering the same messages twice; the lock dies with the process.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from streamaqa.delivery.settings import OutboxSettings
from streamaqa.delivery.topics import Envelope
from streamaqa.errors import UsageError

log = logging.getLogger(__name__)

IN_MEMORY = ":memory:"
LOCK_WAIT_S = 3.0
"""A restarted engine waits this long for the one before it to be gone."""
PRUNE_EVERY = 100
"""Appends between two prunings, which read an index and delete a few rows."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    qos INTEGER NOT NULL,
    retain INTEGER NOT NULL,
    added REAL NOT NULL,      -- Unix seconds
    pending INTEGER NOT NULL  -- 0 acknowledged, 1 never sent, 2 asked for again
);
CREATE INDEX IF NOT EXISTS pending_first ON message (seq) WHERE pending > 0;
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""
_VERSION = 1
_ACKNOWLEDGED, _NEW, _AGAIN = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Entry:
    """A numbered message in the outbox."""

    seq: int
    envelope: Envelope
    again: bool = False
    """Whether it goes out again on request, so that it is not the newest of its topic."""


@dataclass(frozen=True, slots=True)
class Resent:
    """What `resend` found."""

    count: int
    oldest: int
    """The oldest seq still kept; 0 for none."""
    newest: int
    """The largest seq ever given; 0 for none."""


def numbered(payload: bytes, seq: int) -> bytes:
    """The JSON object `payload` with its `seq` filled in."""
    fields = json.loads(payload)
    fields["seq"] = seq
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


class Outbox:
    """The messages of one camera in one SQLite file. Use it from the thread that made it.

    UsageError if the file cannot be opened or another engine has it. A damaged file is set aside beside the
    new one with a warning; numbering then begins again at 1.
    """

    def __init__(
        self, path: Path | str, settings: OutboxSettings | None = None, *, first_seq: int = 1
    ) -> None:
        self.settings = settings or OutboxSettings()
        self.path = path
        self._db = _open(path, self.settings)
        self._appended = 0
        if first_seq > self.newest() + 1:
            self.number_from(first_seq)

    def append(self, envelope: Envelope, now: float | None = None) -> Entry:
        """Store and number one message; its payload is a JSON object and gets its `seq`.

        `now` is Unix seconds, for tests.
        """
        now = datetime.now(UTC).timestamp() if now is None else now
        row = (envelope.topic, b"", envelope.qos, envelope.retain, now, _NEW)
        with self._db:
            inserted = self._db.execute(
                "INSERT INTO message (topic, payload, qos, retain, added, pending) VALUES (?, ?, ?, ?, ?, ?)",
                row,
            )
            seq = inserted.lastrowid
            assert seq is not None, "SQLite numbers every inserted row"
            payload = numbered(envelope.payload, seq)
            self._db.execute("UPDATE message SET payload = ? WHERE seq = ?", (payload, seq))
        self._appended += 1
        if self._appended % PRUNE_EVERY == 0:
            self.prune(now)
        return Entry(seq, replace(envelope, payload=payload))

    def pending(self, limit: int) -> list[Entry]:
        """The first messages that the broker has not acknowledged, in order."""
        rows = self._db.execute(
            "SELECT seq, topic, payload, qos, retain, pending FROM message WHERE pending > 0 "
            "ORDER BY seq LIMIT ?",
            (limit,),
        )
        return [
            Entry(seq, Envelope(topic, payload, qos, bool(retain)), again=pending == _AGAIN)
            for seq, topic, payload, qos, retain, pending in rows
        ]

    def acknowledge(self, seqs: Sequence[int]) -> None:
        """The broker has these; unknown numbers are ignored."""
        with self._db:
            self._db.executemany(
                "UPDATE message SET pending = ? WHERE seq = ?", [(_ACKNOWLEDGED, seq) for seq in seqs]
            )

    def resend(self, from_seq: int, to_seq: int) -> Resent:
        """Make delivered messages pending again, both ends included."""
        with self._db:
            self._db.execute(
                "UPDATE message SET pending = ? WHERE seq BETWEEN ? AND ? AND pending = ?",
                (_AGAIN, from_seq, to_seq, _ACKNOWLEDGED),
            )
        count = self._number("SELECT count(*) FROM message WHERE seq BETWEEN ? AND ?", from_seq, to_seq)
        return Resent(count, self._number("SELECT min(seq) FROM message"), self.newest())

    def prune(self, now: float | None = None) -> int:
        """Drop what is too old or too much, oldest first; says how many undelivered messages that cost."""
        now = datetime.now(UTC).timestamp() if now is None else now
        oldest = now - self.settings.keep_days * 86_400
        keep_from = self.newest() - self.settings.keep_messages + 1
        with self._db:
            self._db.execute("DELETE FROM message WHERE pending = ? AND added < ?", (_ACKNOWLEDGED, oldest))
            lost = self._number("SELECT count(*) FROM message WHERE seq < ? AND pending = ?", keep_from, _NEW)
            self._db.execute("DELETE FROM message WHERE seq < ?", (keep_from,))
            if lost:
                self._db.execute(
                    "INSERT INTO counter VALUES ('dropped', ?) "
                    "ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
                    (lost,),
                )
        if lost:
            log.warning("outbox is full: dropped the %d oldest undelivered messages", lost)
        return lost

    def newest(self) -> int:
        """The largest seq ever given; 0 for none."""
        return self._number("SELECT max(seq) FROM sqlite_sequence")

    def waiting(self) -> int:
        """How many messages the broker has not acknowledged."""
        return self._number("SELECT count(*) FROM message WHERE pending > 0")

    def dropped(self) -> int:
        """How many undelivered messages were ever dropped for want of room."""
        return self._number("SELECT max(value) FROM counter WHERE name = 'dropped'")

    def close(self) -> None:
        """Close the file; more than once does no harm."""
        self._db.close()

    def _number(self, query: str, *values: object) -> int:
        row = self._db.execute(query, values).fetchone()
        return int(row[0] or 0)

    def number_from(self, first: int) -> None:
        """Let the next message be number `first`, which is above every number given so far."""
        with self._db:
            self._db.execute("DELETE FROM sqlite_sequence WHERE name = 'message'")
            self._db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('message', ?)", (first - 1,))


def _open(path: Path | str, settings: OutboxSettings) -> sqlite3.Connection:
    """A connection with the schema in place; a damaged file is set aside once."""
    if path == IN_MEMORY:
        return _connect(path, settings)
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _connect(path, settings)
    except OSError as error:
        raise UsageError(f"cannot make the outbox folder {path.parent}: {error.strerror}") from None
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise UsageError(
                f"outbox {path} is in use by another engine: stop it, or give this camera another name"
            ) from None
        raise UsageError(
            f"cannot open outbox {path}: {error}; check that the folder can be written"
        ) from None
    except sqlite3.DatabaseError as error:
        aside = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}")
        log.warning(
            "outbox %s is damaged (%s): set aside as %s, numbering begins again", path, error, aside.name
        )
        _set_aside(path, aside)
        return _connect(path, settings)


def _set_aside(path: Path, aside: Path) -> None:
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _connect(path: Path | str, settings: OutboxSettings) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level="IMMEDIATE")
    try:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA synchronous = {'FULL' if settings.durable else 'NORMAL'}")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version not in (0, _VERSION):
            raise sqlite3.DatabaseError(f"made by another version, {version}")
        (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        db.executescript(_SCHEMA + f"PRAGMA user_version = {_VERSION};")
    except BaseException:
        db.close()
        raise
    return db
