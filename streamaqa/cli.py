"""The command line. Each command's work lives in a module of its own; this one reads what the user typed.

Something the user has to mend is one line on standard error and exit code 2, without a traceback.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import signal
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from streamaqa import logs
from streamaqa.cli_bench import bench
from streamaqa.cli_worker import worker
from streamaqa.config import CameraSettings, Config, describe, load
from streamaqa.delivery.events import as_json as to_json
from streamaqa.delivery.listen import listen as listen_to
from streamaqa.delivery.settings import MqttSettings
from streamaqa.delivery.topics import Envelope
from streamaqa.errors import UsageError, first
from streamaqa.pose.model_file import Progress as Told
from streamaqa.replaying import Beginning, print_line, stopping_on_signals

app = typer.Typer(
    help="A coach that watches every rep: video in, per-rep feedback over MQTT out.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
models = typer.Typer(help="The pose model's file.", no_args_is_help=True)
app.add_typer(models, name="models")
app.add_typer(bench, name="bench")
app.command(epilog="Example: [bold]streamaqa worker --weights models/coach-7b[/bold]")(worker)

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="A YAML file; see edge_configs/.", show_default=False)
]
RecordOption = Annotated[
    Path | None, typer.Option("--record", help="Store each session in a folder here.", show_default=False)
]
AssessorOption = Annotated[
    Literal["kinematic", "llava"] | None,
    typer.Option(
        help="Who judges: by pose alone, or LLaVA-Video on a GPU worker; default: as configured.",
        show_default=False,
    ),
]


JsonLines = Annotated[bool, typer.Option("--json", help="Each message as a JSON line, and nothing else.")]


class _Terminal(Console):
    """Standard output. When nobody reads it any more (`| head`), the program ends as if it were told to."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        os.kill(os.getpid(), signal.SIGTERM)


console = _Terminal()
problems = Console(stderr=True)


def _version(wanted: bool) -> None:
    if wanted:
        console.print(f"streamaqa {version('streamaqa')}", highlight=False)
        raise typer.Exit


@app.callback()
def _options(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more on standard error.")] = False,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    del show_version  # its callback has done the work
    logs.quiet_native()
    logs.configure(verbose=verbose)


@app.command(epilog="Example: [bold]streamaqa demo --loop[/bold]")
def demo(
    config: ConfigOption = None,
    loop: Annotated[bool, typer.Option("--loop", help="Begin again until Ctrl-C.")] = False,
    as_json: JsonLines = False,
) -> None:
    """Everything on this machine: a drawn lifter, an embedded broker, a live table. Takes a minute."""
    from streamaqa.demo import demo as run_demo

    settings = load(config, os.environ)
    _fetch_model(settings)
    shown, lines = _outputs(as_json)
    _exit(asyncio.run(run_demo(settings, shown, problems=problems, lines=lines, loop=loop)))


@app.command(epilog="Example: [bold]streamaqa run set.mp4 --config edge_configs/laptop.yaml[/bold]")
def run(
    source: Annotated[
        str | None,
        typer.Argument(help="A video, a pose track (.npz) or synthetic:squat; else the file's cameras."),
    ] = None,
    record: RecordOption = None,
    assessor: AssessorOption = None,
    as_json: JsonLines = False,
    config: ConfigOption = None,
) -> None:
    """Coach live: every camera of the configuration, or one source, published over MQTT."""
    from streamaqa.running import run as run_cameras

    settings = _judged_by(load(config, os.environ), assessor)
    if source is not None:
        settings = _with_source(settings, source)
    settings = _recorded_into(settings, record)
    if not settings.cameras:
        raise UsageError("no camera: name a source, or put cameras into the configuration file")
    see_frames = [_needs_pose_model(camera) for camera in settings.cameras]
    if any(see_frames):
        _fetch_model(settings)
    follow = config if source is None else None
    shown, lines = _outputs(as_json)
    _exit(asyncio.run(run_cameras(settings, shown, problems=problems, lines=lines, follow=follow)))


@app.command(epilog="Example: [bold]streamaqa replay set.mp4 --fast --events messages.jsonl[/bold]")
def replay(
    path: Annotated[
        Path, typer.Argument(help="A video, a pose track (.npz) or a recorded folder.", show_default=False)
    ],
    fast: Annotated[bool, typer.Option("--fast", help="As fast as this machine can.")] = False,
    speed: Annotated[float, typer.Option(min=0.01, help="Pace, as a multiple of real time.")] = 1.0,
    events: Annotated[
        Path | None, typer.Option(help="Write every message as a JSON line.", show_default=False)
    ] = None,
    beginning: Annotated[
        Beginning | None,
        typer.Option(
            "--from", help="Where a recorded session starts again; default: poses.", show_default=False
        ),
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="List what differs from the recorded messages; exit 1 if any.")
    ] = False,
    exercise: Annotated[
        str | None, typer.Option(help="A hint: squat, overhead_press, barbell_row.", show_default=False)
    ] = None,
    record: RecordOption = None,
    assessor: AssessorOption = None,
    as_json: JsonLines = False,
    config: ConfigOption = None,
) -> None:
    """Run a recording through the engine and show each repetition; needs no broker."""
    from streamaqa.replaying import replay as run_replay

    settings = _recorded_into(_judged_by(load(config, os.environ), assessor), record)
    camera = camera_for(str(path), "replay", exercise)
    shown, lines = _outputs(as_json)
    with _download() as progress:
        replaying = run_replay(
            path,
            settings,
            camera,
            shown,
            speed=None if fast else speed,
            events=events,
            progress=progress,
            beginning=beginning,
            check=compare,
            own_settings=config is not None,
            judge_anew=assessor is not None,
            lines=lines,
        )
        _exit(asyncio.run(replaying))


@app.command(epilog="Example: [bold]streamaqa listen --broker mqtt://gym.local:1883[/bold]")
def listen(
    broker: Annotated[
        str | None,
        typer.Option(help="mqtt://[user@]host[:port]; default: as configured.", show_default=False),
    ] = None,
    topic: Annotated[str, typer.Option(help="Topic filter.")] = "streamaqa/#",
    as_json: Annotated[bool, typer.Option("--json", help="Each message as a JSON line.")] = False,
    config: ConfigOption = None,
) -> None:
    """Subscribe, and print a readable line for each repetition until Ctrl-C."""
    settings = load(config, os.environ).mqtt
    if broker is not None:
        settings = settings.model_copy(update=MqttSettings.from_url(broker).model_dump(exclude_unset=True))
    asyncio.run(_listen(settings, topic, as_json=as_json))


@app.command(epilog="Example: [bold]streamaqa check edge_configs/laptop.yaml[/bold]")
def check(
    config: Annotated[Path, typer.Argument(help="The YAML file.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Read a configuration and say what would run; every mistake with its file, line and key."""
    rows = describe(load(config, os.environ))
    if as_json:
        print_json(dict(rows))
        return
    table = Table("What", "How", title=Text(str(config)), title_justify="left")
    for what, how in rows:
        table.add_row(Text(what), Text(how))
    console.print(table)


@app.command(epilog="Example: [bold]streamaqa doctor --config edge_configs/laptop.yaml[/bold]")
def doctor(
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Look at this machine: what fits it, what is missing, and the command that mends it."""
    from streamaqa.doctor import examine, table

    findings = examine(load(config, os.environ))
    if as_json:
        print_json([dataclasses.asdict(finding) for finding in findings])
    else:
        console.print(table(findings))
    _exit(1 if any(finding.verdict == "bad" for finding in findings) else 0)


@models.command(epilog="Example: [bold]streamaqa models pull --variant lite[/bold]")
def pull(
    variant: Annotated[str, typer.Option(help="lite, full or heavy.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigOption = None,
) -> None:
    """Fetch the pose model into the cache ahead of time, and check it."""
    from streamaqa.pose import PoseSettings
    from streamaqa.pose.model_file import locate

    settings = load(config, os.environ).pose
    if variant:
        if variant not in ("lite", "full", "heavy"):
            raise UsageError(f"no pose model {variant!r}: there are lite, full and heavy")
        settings = PoseSettings.model_validate({**settings.model_dump(), "variant": variant})
    with _download() as progress:
        path = locate(settings, progress=progress)
    size = path.stat().st_size
    if as_json:
        print_json({"variant": settings.variant, "path": str(path), "bytes": size})
        return
    console.print(f"{path}  ({size / 2**20:.1f} MiB, checked)", highlight=False, soft_wrap=True)


# --- helpers ---------------------------------------------------------------------------------------------


def camera_for(source: str, name: str, exercise: str | None = None) -> CameraSettings:
    """A camera as named on the command line; UsageError for what a configuration would refuse too."""
    try:
        return CameraSettings(name=name, source=source, exercise=exercise)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        told = [f"{detail['loc'][0]}: {detail['msg'].removeprefix('Value error, ')}" for detail in details]
        raise UsageError("; ".join(told)) from None


def print_json(value: Any) -> None:
    """For other programs: JSON on standard output, nothing else."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def _fetch_model(config: Config) -> None:
    """Before any event loop runs: a download that hangs is left by Ctrl-C."""
    from streamaqa.pose.model_file import locate

    with _download() as progress:
        locate(config.pose, progress=progress)


def _needs_pose_model(camera: CameraSettings) -> bool:
    """Whether the camera sees frames. A file is looked at, so that what is wrong with it is said first."""
    from streamaqa.sources import Source, open_source

    source = open_source(camera.address())
    source.close()
    return isinstance(source, Source)


def _with_source(config: Config, source: str) -> Config:
    """The configuration with the named source in place of its cameras; hints of a first camera stay."""
    camera = camera_for(source, "camera")  # says what is wrong with it
    if config.cameras:
        camera = config.cameras[0].model_copy(update={"source": camera.source})
    return config.model_copy(update={"cameras": (camera,)})


def _judged_by(config: Config, kind: Literal["kinematic", "llava"] | None) -> Config:
    """The configuration with another assessor, if one is given."""
    if kind is None:
        return config
    return config.model_copy(update={"assessor": config.assessor.model_copy(update={"kind": kind})})


def _recorded_into(config: Config, folder: Path | None) -> Config:
    """The configuration with another folder for recordings, if one is given."""
    if folder is None:
        return config
    return config.model_copy(update={"recording": config.recording.model_copy(update={"folder": folder})})


async def _listen(settings: MqttSettings, topic: str, *, as_json: bool) -> None:
    task = asyncio.current_task()
    assert task is not None, "runs in a loop"
    with stopping_on_signals(lambda: _cancel(task)), contextlib.suppress(asyncio.CancelledError):
        async with contextlib.aclosing(listen_to(settings, topic)) as messages:
            async for name, payload in messages:
                if as_json:
                    line = json.dumps(to_json(Envelope(name, payload)))
                    console.print(line, markup=False, highlight=False, soft_wrap=True)
                else:
                    print_line(Envelope(name, payload), console)


def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()


@contextlib.contextmanager
def _download() -> Iterator[Told]:
    """A progress bar that appears when something is fetched, and goes when that is done."""
    columns = (TextColumn("fetching the {task.description}"), BarColumn(), DownloadColumn())
    with contextlib.ExitStack() as stack:
        bars: list[tuple[Progress, TaskID]] = []

        def tell(what: str, done: int, total: int | None) -> None:
            if not bars:
                bar = stack.enter_context(Progress(*columns, console=problems, transient=True))
                bars.append((bar, bar.add_task(what, total=None)))
            bar, task = bars[0]
            bar.update(task, description=what, completed=done, total=total)
            if done == total:
                bar.stop()

        yield tell


def _outputs(as_json: bool) -> tuple[Console, Console | None]:
    """Where people read, and where programs do: one of them is silent."""
    return (Console(quiet=True, force_terminal=False), console) if as_json else (console, None)


def _exit(code: int) -> None:
    if code:
        raise typer.Exit(code)


def main() -> None:
    """Entry point of the `streamaqa` command."""
    try:
        app()
    except (UsageError, BaseExceptionGroup) as error:
        cause = first(error)
        if not isinstance(cause, UsageError):
            raise
        for line in str(cause).splitlines():
            problems.print(f"streamaqa: {line}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
