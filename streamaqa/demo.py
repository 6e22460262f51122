"""`streamaqa demo`: the main job on this machine, with a lifter that is drawn and so known exactly."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from streamaqa.config import CameraSettings, Config, StoreSettings
from streamaqa.running import supervise, tell_failures, with_broker
from streamaqa.sources.synthetic import TrueRep, from_spec
from streamaqa.terminal import Board
from streamaqa.worker_child import reached, with_worker

SOURCE = "synthetic:demo"
MATCH_S = 0.75
"""A counted repetition is a drawn one if their turns are this close: half the quickest drawn repetition."""


async def demo(
    config: Config, console: Console, *, problems: Console, lines: Console | None = None, loop: bool = False
) -> int:
    """A set of each exercise with some faults, shown live; the exit code.

    Args:
        config: pose model and broker settings; its cameras are not used.
        console: where to show it.
        problems: where to say what the user has to mend.
        lines: gets each message as a JSON line.
        loop: begin again after each round, until Ctrl-C.
    """
    truth = from_spec(SOURCE).truth.reps
    with tempfile.TemporaryDirectory(prefix="streamaqa-demo-") as folder:
        camera = CameraSettings(name="demo", source=SOURCE, athlete="mannequin")
        store = StoreSettings(folder=Path(folder))
        config = config.model_copy(update={"cameras": (camera,), "outbox": store})
        async with (
            with_broker(config, console) as with_address,
            with_worker(config, lambda text: console.print(text, highlight=False), must=False) as worker,
        ):
            with_address = reached(with_address, worker)
            console.print(_announcement(truth), highlight=False)
            while True:
                board = Board("Repetitions")
                ended = await supervise(with_address, console, board, lines=lines)
                console.print(summary(truth, board.feedback))
                if ended.failures or ended.stopped or not loop:
                    break
    if board.latencies_ms:
        middle = sorted(board.latencies_ms)[len(board.latencies_ms) // 2]
        console.print(f"From the end of a repetition to its feedback: {middle / 1000:.2f} s (median).")
    return tell_failures(ended.failures, problems)


def summary(drawn: Sequence[TrueRep], feedback: Sequence[dict[str, Any]]) -> Table:
    """What was drawn beside what was seen, one row for each set."""
    table = Table(title="Drawn and seen", title_justify="left")
    for heading in (
        "Set",
        "Exercise",
        "Drawn",
        "Counted",
        "Faults drawn (rep)",
        "Named",
        "Named but not drawn",
    ):
        table.add_column(heading, justify="right" if heading in ("Set", "Drawn", "Counted") else "left")
    for number in sorted({rep.set_number for rep in drawn}):
        reps = [rep for rep in drawn if rep.set_number == number]
        seen = [said for said in feedback if said["set_number"] == number]
        faults, named, extra = _compare(reps, seen)
        counted = sum(said["exercise"]["name"] == reps[0].exercise for said in seen)
        right = counted == len(reps) == len(seen)
        table.add_row(
            str(number),
            reps[0].exercise.replace("_", " "),
            str(len(reps)),
            Text(str(counted), style="green" if right else "red"),
            _list(faults),
            Text(f"{len(named)} of {len(faults)}", style="green" if named == faults else "yellow"),
            Text(_list(extra), style="red"),
        )
    return table


_Fault = tuple[str, int]
"""Error and number of the repetition within its set."""


def _compare(
    drawn: Sequence[TrueRep], seen: Sequence[dict[str, Any]]
) -> tuple[list[_Fault], list[_Fault], list[_Fault]]:
    """Faults drawn, those of them that were named, and those named that nobody drew."""
    faults, named, extra = [], [], []
    for rep in drawn:
        said = next((said for said in seen if abs(said["turn_s"] - rep.turn) < MATCH_S), None)
        there = {error.name for error in rep.errors}
        told = {error["name"] for error in said["errors"]} if said else set()
        faults += [(name, rep.number) for name in sorted(there)]
        named += [(name, rep.number) for name in sorted(there & told)]
        extra += [(name, rep.number) for name in sorted(told - there)]
    return faults, named, extra


def _list(faults: Sequence[_Fault]) -> str:
    """`knees inward (2, 4)`: each fault with the repetitions that show it."""
    names = dict.fromkeys(name for name, _ in faults)
    numbers = {name: ", ".join(str(number) for of, number in faults if of == name) for name in names}
    return ", ".join(f"{name.replace('_', ' ')} ({numbers[name]})" for name in names) or "–"


def _announcement(drawn: Sequence[TrueRep]) -> str:
    sets: dict[int, list[TrueRep]] = {}
    for rep in drawn:
        sets.setdefault(rep.set_number, []).append(rep)
    told = ", ".join(f"{len(reps)} × {reps[0].exercise.replace('_', ' ')}" for reps in sets.values())
    return f"\nA drawn lifter does {told}, some with faults. Ctrl-C ends it.\n"
