"""What a person sees in the terminal: a live table of repetitions, and a summary of sets.

Fed with messages as they were published, by whatever way they came, so that it shows what a display would.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from streamaqa.delivery.events import as_json
from streamaqa.delivery.topics import ROOT, Envelope

ROWS = 14
"""Repetitions shown live, at most; fewer where the terminal is lower."""
FRAME = 9
"""Lines of the live view that are no repetitions: title, headings, borders, states, notes."""
MIN_WIDTHS = {
    "Exercise": 8,
    "Set": 3,
    "Rep": 3,
    "Down": 5,
    "Hold": 5,
    "Up": 5,
    "Faults": 9,
    "Cue": 6,
    "After": 6,
}
"""What columns keep in a narrow terminal: numbers whole, words cut."""
KEPT = 1000
"""Repetitions and sets kept for the end: an evening's. The counts go on."""
_ARROW = {"lowering": "↓ lowering", "lifting": "↑ lifting", None: "–"}


@dataclass(slots=True)
class _Row:
    """One repetition: its `rep` message, and its `feedback` once that has come."""

    rep: dict[str, Any]
    feedback: dict[str, Any] | None = None


class Board:
    """Collects messages and draws them."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._rows: OrderedDict[tuple[str, str, int, int], _Row] = OrderedDict()
        self._states: dict[str, dict[str, Any]] = {}
        self._notes: deque[str] = deque(maxlen=4)
        self.sets: deque[dict[str, Any]] = deque(maxlen=KEPT)
        """The newest `set` messages."""
        self.latencies_ms: deque[float] = deque(maxlen=KEPT)
        """End of a repetition to its feedback, one for each."""
        self.reps = 0
        """Repetitions counted so far."""

    @property
    def feedback(self) -> list[dict[str, Any]]:
        """The newest feedback, one for each repetition that has got one."""
        return [row.feedback for row in self._rows.values() if row.feedback is not None]

    async def send(self, envelope: Envelope) -> None:
        """Take a message: a board is a `Sink`."""
        self.take(envelope.topic, as_json(envelope)["payload"])

    def take(self, topic: str, fields: Any) -> None:
        """Take a message's topic and JSON; what says nothing of a lifter is passed over."""
        levels = topic.split("/")
        if len(levels) != 4 or levels[0] != ROOT or levels[3] not in ("state", "rep", "feedback", "set"):
            return
        if levels[3] == "state":
            self._states[levels[2]] = fields
        elif levels[3] == "set":
            self.sets.append(fields)
        else:
            self._take_rep(levels[3], fields)

    def _take_rep(self, what: str, fields: dict[str, Any]) -> None:
        key = (fields["camera"], fields["session"], fields["set_number"], fields["rep"])
        if key not in self._rows:
            self._rows[key] = _Row(fields)
            self.reps += 1
            if len(self._rows) > KEPT:
                self._rows.popitem(last=False)
        row = self._rows[key]
        if what == "feedback":
            row.feedback = fields
            if fields["kind"] == "feedback" and fields["latency_ms"]["total"] is not None:
                self.latencies_ms.append(fields["latency_ms"]["total"])

    def note(self, text: str) -> None:
        """Show a line below the table: a camera that died, a broker that went away."""
        self._notes.append(text)

    # --- drawing ---------------------------------------------------------------------------------------

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The live view: what is going on now, and the newest repetitions, a line each."""
        for camera, state in self._states.items():
            yield _state_line(camera, state)
        for note in self._notes:
            yield Text(note, style="yellow", no_wrap=True, overflow="ellipsis")
        room = (options.max_height or console.height) - FRAME - len(self._states) - len(self._notes)
        newest = list(self._rows.values())[-max(1, min(ROWS, room)) :]
        yield self.table(newest, wrap=False)

    def table(self, rows: Iterable[_Row] | None = None, *, wrap: bool = True) -> Table:
        """The repetitions, all that are kept if none are given."""
        # the live view has to fit 80 columns: no lines between its columns
        edges = box.HEAVY_HEAD if wrap else box.SIMPLE_HEAD
        table = Table(title=self._title, title_justify="left", box=edges, collapse_padding=not wrap)
        for heading in ("Exercise", "Set", "Rep", "Down", "Hold", "Up", "Faults", "Cue", "After"):
            number = heading in ("Set", "Rep", "Down", "Hold", "Up", "After")
            table.add_column(
                heading,
                justify="right" if number else "left",
                no_wrap=not wrap or heading not in ("Faults", "Cue"),
                overflow="ellipsis",
                min_width=MIN_WIDTHS[heading],
            )
        last_set = None
        for row in self._rows.values() if rows is None else rows:
            set_number = (row.rep["camera"], row.rep["set_number"])
            if last_set not in (None, set_number):
                table.add_section()
            last_set = set_number
            table.add_row(*_cells(row, whole=wrap))
        return table

    def summary(self) -> Table:
        """One row for each set."""
        table = Table(title="Sets", title_justify="left")
        for heading in ("Set", "Exercise", "Reps", "Duration", "Velocity loss", "Summary"):
            table.add_column(heading, no_wrap=heading != "Summary")
        for ended in self.sets:
            loss = ended["velocity_loss"]
            table.add_row(
                str(ended["set_number"]),
                _words(ended["exercise"]),
                str(ended["reps"]),
                f"{ended['duration_s']:.0f} s",
                "–" if loss is None else f"{loss:.0%}",
                escape(ended["text"]),
            )
        return table


def _cells(row: _Row, *, whole: bool) -> list[RenderableType]:
    rep, feedback = row.rep, row.feedback
    tempo = rep["tempo"]
    return [
        _words(rep["exercise"]["name"]),
        str(rep["set_number"]),
        str(rep["rep"]),
        f"{tempo['lowering_s']:.1f} s",
        f"{tempo['pause_s']:.1f} s",
        f"{tempo['lifting_s']:.1f} s",
        _faults(feedback, whole=whole),
        "" if feedback is None else Text(feedback["cue"] or "", style="bold"),
        "" if feedback is None or rep["latency_ms"]["total"] is None else _after(feedback),
    ]


def _faults(feedback: dict[str, Any] | None, *, whole: bool) -> Text:
    if feedback is None:
        return Text("…", style="dim")
    if feedback["errors"]:
        named = ", ".join(
            f"{_words(e['name'])} {e['probability']:.0%}{'?' * (e['name'] in feedback['doubtful'])}"
            for e in feedback["errors"]
        )
        return Text(named, style="red")
    unseen = ", ".join(_words(name) for name in feedback["abstained"])
    note = f" ({unseen}: not judged)" if whole and unseen else ""
    if feedback["doubtful"]:
        return Text(f"not sure: {', '.join(map(_words, feedback['doubtful']))}{note}", style="yellow")
    return Text(f"none seen{note}", style="dim" if unseen else "green")


def _after(feedback: dict[str, Any]) -> str:
    total = feedback["latency_ms"]["total"]
    return "" if total is None else f"{total / 1000:.2f} s"


def _state_line(camera: str, state: dict[str, Any]) -> Text:
    parts = [
        camera,
        _words(state["exercise"] or "no exercise yet"),
        f"set {state['set_number']}",
        f"rep {state['rep']}",
        _ARROW[state["phase"]],
        f"{state['at_s']:.1f} s",
    ]
    if state["fps"] is not None:
        parts.append(f"{state['fps']:.0f} frames a second")
    if state["lag_ms"] is not None:
        parts.append(f"lag {state['lag_ms']:.0f} ms")
    line = Text("  ".join(parts), style="cyan", no_wrap=True, overflow="ellipsis")
    if state["text"]:
        line.append(f"  {state['text']}", style="yellow")
    return line


def _words(name: str) -> str:
    return name.replace("_", " ")
