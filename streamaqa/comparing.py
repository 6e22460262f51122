"""What a replay says differently from what was recorded, beyond ids and latencies.

Messages are compared topic by topic, each in its order: between topics the order is decided by how long an
assessor took, which is a latency. So is `seq` of a live session; of others it is compared.

From poses every other field must be the same. From video, poses are found anew in pictures that may have been
encoded again: there, repetitions and sets are matched by number, times may differ by a frame, and measures by
what a frame makes of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from rich.markup import escape
from rich.table import Table

VARYING: Final = frozenset({"id", "latency_ms", "lag_ms"})
"""Ids and latencies."""
COMPARED: Final = ("state", "rep", "feedback", "cue", "set")
"""Topics that follow from what was recorded; `stats` tells of the machine."""
STATE_S: Final = 0.2
"""A state waits at most so long for its turn, see `reporting.STATE_CHANGED_S`."""
MEASURE_SHARE: Final = 0.05
"""From video: of a range or a speed, of which a frame more or less at both ends is a share like this."""
PROBABILITY: Final = 0.1
"""From video: of a probability; the assessor's logistic turns 0.4 of its softness into as much."""
SHOWN: Final = 40
"""Rows of the table; a replay that went astray differs everywhere."""
ROUNDING_S: Final = 0.0015
"""Times on the wire are rounded to milliseconds, both of them."""

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of one message."""

    message: str
    """For people: `rep of set 1, rep 3`."""
    field: str
    """Dotted; empty where a whole message is missing or more."""
    recorded: Any
    replayed: Any


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `compare` found."""

    messages: int
    """Recorded messages that were compared."""
    differences: tuple[Difference, ...]
    beyond: int = 0
    """Messages that a replay says after a recording that was cut off."""

    def table(self) -> Table:
        """The differences, for people."""
        table = Table("Message", "Field", "Recorded", "Replayed", title="Differences", title_justify="left")
        for found in self.differences[:SHOWN]:
            cells = (found.message, found.field, _show(found.recorded), _show(found.replayed))
            table.add_row(*map(escape, cells))  # a list in brackets is no markup
        return table

    def summary(self) -> str:
        """One line."""
        beyond = f"; {self.beyond} more follow where the recording was cut off" if self.beyond else ""
        if not self.differences:
            return f"no differences in {self.messages} messages{beyond}"
        more = len(self.differences) - SHOWN
        rest = f", {more} not shown" if more > 0 else ""
        count = len(self.differences)
        return f"{count} difference{'' if count == 1 else 's'} in {self.messages} messages{rest}{beyond}"


def compare(
    recorded: Iterable[Json],
    replayed: Iterable[Json],
    *,
    frame_s: float | None = None,
    live: bool = False,
    complete: bool = True,
) -> Comparison:
    """Compare messages `{"topic", "payload"}`.

    Args:
        recorded: in order; those of one camera.
        replayed: likewise.
        frame_s: how much times may differ, seconds; None for not at all.
        live: whether the recorded source was, so that `seq` depends on latencies.
        complete: whether the recording ran to its end; a replay may say more than one that was killed.
    """
    ours, theirs = _by_topic(recorded), _by_topic(replayed)
    ignored = VARYING | ({"seq"} if live or frame_s is not None else set()) | ({"details"} if live else set())
    differences: list[Difference] = []
    beyond = 0
    for what in COMPARED:
        had, has = ours.get(what, []), theirs.get(what, [])
        if frame_s is not None and what == "state":
            differences += _states(had, has, frame_s)
            continue
        if frame_s is not None and what == "cue":
            continue  # each is part of a feedback, which is compared
        if not complete:
            beyond += max(len(has) - len(had), 0)
            has = has[: len(had)]
        differences += _pairs(what, had, has, _Tolerance(frame_s), ignored)
    count = sum(len(ours.get(what, [])) for what in COMPARED)
    return Comparison(count, tuple(differences), beyond)


@dataclass(frozen=True, slots=True)
class _Tolerance:
    """How much values may differ."""

    frame_s: float | None

    def same(self, field: str, one: Any, other: Any) -> bool:
        """Whether two leaves of a message are the same, by the last name of their path."""
        if one == other or self.frame_s is None:
            return bool(one == other)
        if field.endswith("_at") and isinstance(one, str) and isinstance(other, str):
            return abs(_utc(one) - _utc(other)) <= self.frame_s + ROUNDING_S
        if isinstance(one, str) and isinstance(other, str):
            return _NUMBER.sub("#", one) == _NUMBER.sub(
                "#", other
            )  # measures in words; compared as such, too
        return _is_number(one) and _is_number(other) and abs(one - other) <= self._most(field, one, other)

    def _most(self, field: str, one: float, other: float) -> float:
        """By how much two numbers may differ."""
        frame_s = self.frame_s or 0.0
        if field.endswith("_s"):
            return (2 if field in _DURATIONS else 1) * frame_s + ROUNDING_S
        if field == "probability":
            return PROBABILITY
        if field == "velocity_loss":  # a share of a speed, so as far off as two of them
            return 2 * MEASURE_SHARE
        return MEASURE_SHARE * max(abs(one), abs(other)) if field in _MEASURES else 0.0


_NUMBER = re.compile(r"\d+([.,]\d+)?")
_DURATIONS = {"duration_s", "lowering_s", "pause_s", "lifting_s"}
_MEASURES = {"range_of_motion", "mean_lifting_velocity", "mean", "smallest", "largest", "fastest", "last"}


def _pairs(
    what: str,
    had: Sequence[Any],
    has: Sequence[Any],
    tolerance: _Tolerance,
    ignored: frozenset[str] | set[str],
) -> list[Difference]:
    """Differences of two lists of payloads, the first with the first."""
    differences = []
    for index in range(max(len(had), len(has))):
        if index >= len(had) or index >= len(has):
            one, other = had[index : index + 1], has[index : index + 1]
            label = _label(what, (one or other)[0], index)
            differences.append(Difference(label, "", "said" if one else "-", "said" if other else "-"))
            continue
        label = _label(what, had[index], index)
        differences += [
            Difference(label, field, one, other)
            for field, one, other in _leaves(had[index], has[index], ignored)
            if not tolerance.same(field.rpartition(".")[2], one, other)
        ]
    return differences


def _leaves(one: Any, other: Any, ignored: Iterable[str], path: str = "") -> Iterable[tuple[str, Any, Any]]:
    """Each leaf of two payloads side by side with its dotted path; where shapes differ, the branch."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in dict.fromkeys([*one, *other]):
            if name not in ignored:
                below = f"{path}.{name}" if path else name
                yield from _leaves(one.get(name, _ABSENT), other.get(name, _ABSENT), (), below)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from _leaves(left, right, (), f"{path}[{index}]")
    else:
        yield path, one, other


_ABSENT: Final = "(absent)"


def _states(had: Sequence[Json], has: Sequence[Json], frame_s: float) -> list[Difference]:
    """Recorded states that the replay never showed near their time: a state stands until the next."""
    fields = ("phase", "rep", "set_number", "exercise", "athlete", "person")
    near = STATE_S + frame_s + ROUNDING_S
    differences = []
    for index, state in enumerate(had):
        at = state["at_s"]
        shown = [other for other in has if abs(other["at_s"] - at) <= near]
        before = [other for other in has if other["at_s"] < at - near][-1:]
        wanted = {field: state[field] for field in fields}
        if not any({field: other[field] for field in fields} == wanted for other in (*before, *shown)):
            closest = min((*before, *shown), key=lambda other: abs(other["at_s"] - at), default=None)
            seen = {field: closest[field] for field in fields} if closest else {}
            different = [field for field in fields if seen.get(field, _ABSENT) != wanted[field]]
            label = _label("state", state, index)
            differences += [Difference(label, f, wanted[f], seen.get(f, _ABSENT)) for f in different]
    return differences


def _by_topic(messages: Iterable[Json]) -> dict[str, list[Any]]:
    """Payloads by the last level of their topic."""
    sorted_out: dict[str, list[Any]] = {}
    for message in messages:
        sorted_out.setdefault(str(message["topic"]).rpartition("/")[2], []).append(message["payload"])
    return sorted_out


def _label(what: str, payload: Any, index: int) -> str:
    if isinstance(payload, dict) and what == "state":
        return f"state at {payload.get('at_s')} s"
    if isinstance(payload, dict) and "rep" in payload:
        return f"{payload.get('kind', what)} of set {payload['set_number']}, rep {payload['rep']}"
    if isinstance(payload, dict) and "set_number" in payload:
        return f"set {payload['set_number']}"
    return f"{what} {index + 1}"


def _show(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _utc(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
