"""`streamaqa bench`: how fast and how exact, as tables or JSON. Timings belong here, never into a test."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from streamaqa.config import load
from streamaqa.errors import UsageError

if TYPE_CHECKING:
    from streamaqa.bench.llava_ways import Size

bench = typer.Typer(help="Measure speed and accuracy on this machine.", no_args_is_help=True)
console = Console()

JsonOption = Annotated[bool, typer.Option("--json", help="As JSON.")]
VideoArgument = Annotated[Path, typer.Argument(help="A video.", show_default=False)]
SharedOption = Annotated[
    Path, typer.Option(help="The folder that holds clips/annotations.json and poses/.", show_default=True)
]


@bench.command(epilog="Example: [bold]streamaqa bench pose set.mp4[/bold]")
def pose(video: VideoArgument, as_json: JsonOption = False) -> None:
    """Frames a second of each pose model on a video, decoding not counted."""
    from streamaqa.bench import pose as measured

    _tell(measured, measured.measure(video), as_json)


@bench.command(epilog="Example: [bold]streamaqa bench segment --all --plots plots[/bold]")
def segment(
    shared: SharedOption = Path("../shared"),
    plots: Annotated[
        Path | None, typer.Option(help="A folder for one picture per recording.", show_default=False)
    ] = None,
    clips: Annotated[
        bool, typer.Option("--clips", help="Also the annotated clips from their pictures: a minute.")
    ] = False,
    stressed: Annotated[
        bool, typer.Option("--stressed", help="Also the recordings changed in many ways: a minute.")
    ] = False,
    rendered: Annotated[
        bool,
        typer.Option(
            "--rendered", help="Also lifters drawn and seen by the pose model: 45 minutes the first time."
        ),
    ] = False,
    leave_one_out: Annotated[
        bool,
        typer.Option("--leave-one-out", help="Also with parameters chosen without each recording: an hour."),
    ] = False,
    with_faults: Annotated[
        bool,
        typer.Option(
            "--faults", help="Also the kinematic assessor, as `bench faults`: half an hour the first time."
        ),
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="All of these.")] = False,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes for --leave-one-out, which goes on where it was stopped.")
    ] = 2,
    seed: Annotated[
        int,
        typer.Option(
            min=0,
            help="Of all that is drawn but the even sets on exact landmarks; on 0 parameters were tried.",
        ),
    ] = 0,
    bodies: Annotated[int, typer.Option(min=1, help="How many people --rendered draws, 72 sets each.")] = 3,
    as_json: JsonOption = False,
) -> None:
    """Repetitions and phases found against annotations and against drawn lifters, and what a pose costs."""
    from streamaqa.bench import segment as measured

    if not (shared / "clips" / "annotations.json").is_file():
        raise UsageError(f"{shared}: no clips/annotations.json there; name the folder with --shared")
    result = measured.measure(
        shared,
        plots=plots,
        clips=clips or everything,
        stressed=stressed or everything,
        rendered=rendered or everything,
        held_out=leave_one_out or everything,
        faults=with_faults or everything,
        workers=workers,
        seed=seed,
        bodies=bodies,
    )
    _tell(measured, result, as_json)


@bench.command(epilog="Example: [bold]streamaqa bench faults --sets 12[/bold]")
def faults(
    sets: Annotated[
        int | None,
        typer.Option(min=1, help="Sets to draw and judge, five repetitions each: 168 if not said."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of the first set, if not of those that nothing was tuned on.")
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(help="The folder that keeps the poses, if not the user's cache.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """The kinematic assessor on drawn lifters, through the real pose model. Takes half an hour at first."""
    from streamaqa.bench import faults as measured
    from streamaqa.bench.estimated import EstimatedTracks

    first = measured.SEEDS.start if seed is None else seed
    seeds = range(first, first + (sets or len(measured.SEEDS)))
    _tell(measured, measured.measure(seeds, tracks=EstimatedTracks(cache)), as_json)


@bench.command(epilog="Example: [bold]streamaqa bench follow --each 2[/bold]")
def follow(
    each: Annotated[int, typer.Option(min=1, help="Scenes of every kind.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Draws the scenes.")] = 0,
    off: Annotated[bool, typer.Option("--off", help="Follow nobody, to compare.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Whether the lifter is followed while others walk past, spot or train beside. Takes some minutes."""
    from streamaqa.bench import follow as measured
    from streamaqa.pose import PoseSettings

    settings = PoseSettings(people=1) if off else PoseSettings()
    _tell(measured, measured.measure(each, seed=seed, settings=settings), as_json)


@bench.command(epilog="Example: [bold]streamaqa bench replay set.mp4[/bold]")
def replay(
    video: VideoArgument,
    rounds: Annotated[int, typer.Option(min=1, help="Of each, in turn.")] = 3,
    as_json: JsonOption = False,
) -> None:
    """The whole pipeline's frame rate over that of a bare decode and pose loop, in turn in one run."""
    from streamaqa.bench import replay as measured

    _tell(measured, measured.measure(video, load(None, os.environ), rounds=rounds), as_json)


@bench.command(epilog="Example: [bold]streamaqa bench llava --size tiny --weights random[/bold]")
def llava(
    size: Annotated[str, typer.Option(help="tiny, 0.5b or 7b.")] = "tiny",
    weights: Annotated[
        str, typer.Option(help="Only random: the real architecture without training.")
    ] = "random",
    as_json: JsonOption = False,
) -> None:
    """LLaVA-Video's read-out beside plain generation of the same modules. Needs the extra `llava`."""
    known = _size(size)
    from streamaqa.bench import llava as measured

    _tell(measured, measured.measure(known, weights), as_json)


@bench.command(epilog="Example: [bold]streamaqa bench fleet --service-time 0.2 --streams 2,4,8[/bold]")
def fleet(
    streams: Annotated[str, typer.Option(help="Numbers of lifters at once.")] = "1,2,4,8",
    seconds: Annotated[float, typer.Option(min=1, help="Of each number.")] = 30.0,
    size: Annotated[
        str | None, typer.Option(help="A model of random weights: tiny, 0.5b or 7b.", show_default=False)
    ] = None,
    weights: Annotated[
        str, typer.Option(help="Only random: weights do not change how long it takes.")
    ] = "random",
    service_time: Annotated[
        float | None, typer.Option(min=0, help="Or sleep so many seconds a window.", show_default=False)
    ] = None,
    frames: Annotated[str, typer.Option(help="Frames of each window.")] = "32",
    deadline: Annotated[float, typer.Option(min=0.1, help="Seconds from a repetition's end.")] = 3.0,
    batch: Annotated[int, typer.Option(min=1, max=64, help="Windows in the model at once, at most.")] = 8,
    plot: Annotated[Path | None, typer.Option(help="Write a picture (.png).", show_default=False)] = None,
    as_json: JsonOption = False,
) -> None:
    """Lifters that one worker serves: latency, degraded and refused shares, throughput. Needs `worker`."""
    known = None if size is None else _size(size)
    if weights != "random":
        raise UsageError(f"--weights {weights}: only random weights are measured")
    from streamaqa.bench import fleet as measured

    with Console(stderr=True).status("") as shown:
        result = measured.measure(
            _numbers("--streams", streams),
            seconds=seconds,
            size=known,
            service_time_s=service_time,
            frames=_numbers("--frames", frames),
            deadline_s=deadline,
            batch=batch,
            tell=shown.update,
        )
    if plot is not None:
        from streamaqa.bench import fleet_plot

        fleet_plot.plot(result, plot)
    _tell(measured, result, as_json)


def _size(named: str) -> Size:
    """The size of that name."""
    from streamaqa.bench.llava_ways import SIZES

    for size in SIZES:
        if size == named:
            return size
    raise UsageError(f"no size {named!r}: there are {', '.join(SIZES[:-1])} and {SIZES[-1]}")


def _numbers(option: str, text: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1:
        raise UsageError(f"{option} {text}: wanted numbers with commas between, such as 1,2,4")
    return numbers


@bench.command(epilog="Example: [bold]streamaqa bench delivery --broker mqtt://gym.local[/bold]")
def delivery(
    messages: Annotated[int, typer.Option(min=10, help="One each 5 ms.")] = 2000,
    backlog: Annotated[int, typer.Option(min=10, help="Messages that wait for the broker.")] = 2000,
    broker: Annotated[
        str | None,
        typer.Option(help="mqtt://[user@]host[:port]; else a Mosquitto is started.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Publish to subscribe through the outbox, and how fast a backlog goes out. Needs Mosquitto."""
    from streamaqa.bench import delivery as measured
    from streamaqa.delivery.settings import MqttSettings

    where = MqttSettings.from_url(broker) if broker else None
    _tell(measured, measured.measure(where, messages=messages, backlog=backlog), as_json)


@bench.command(epilog="Example: [bold]streamaqa bench render[/bold]")
def render(as_json: JsonOption = False) -> None:
    """Frames a second that the synthetic lifter is drawn at, on one core."""
    from streamaqa.bench import render as measured

    _tell(measured, measured.measure(), as_json)


def _tell(module: Any, result: Any, as_json: bool) -> None:
    """A bench module turns its result into tables; dataclasses turn themselves into JSON."""
    if as_json:
        sys.stdout.write(json.dumps(dataclasses.asdict(result), indent=2, default=str) + "\n")
        return
    tables = module.table(result)
    for table in tables if isinstance(tables, list) else [tables]:
        console.print(table)
