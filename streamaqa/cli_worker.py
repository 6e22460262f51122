"""`streamaqa worker`: the GPU service."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from pydantic import ValidationError
from rich.console import Console

from streamaqa.errors import UsageError
from streamaqa.windows import PAPER_PLAN, WindowPlan

if TYPE_CHECKING:
    from streamaqa.worker.engine import Engine
    from streamaqa.worker.settings import WorkerSettings

problems = Console(stderr=True)


def worker(
    weights: Annotated[
        str,
        typer.Option(
            help="A folder or hub id of weights; tiny, random:0.5b or random:7b run without any.",
        ),
    ] = "tiny",
    adapter: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=FOLDER of a LoRA that requests may choose; again for more.", show_default=False
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine's need a token.")
    ] = ("127.0.0.1"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8040,
    token_file: Annotated[
        Path | None,
        typer.Option(help="A file with the token; or STREAMAQA_WORKER__TOKEN.", show_default=False),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(help="cpu, cuda or cuda:N; default: every GPU, else the CPU.", show_default=False),
    ] = None,
    quantize: Annotated[str | None, typer.Option(help="4bit or 8bit.", show_default=False)] = None,
    unit: Annotated[
        Literal["rep", "phase"] | None,
        typer.Option(help="Plan of weights without a contract: the window's unit.", show_default=False),
    ] = None,
    sampling: Annotated[
        Literal["uniform", "consecutive"] | None,
        typer.Option(help="Plan: how frames are chosen.", show_default=False),
    ] = None,
    frames: Annotated[
        int | None, typer.Option(min=1, max=32, help="Plan: frames of a window at most.", show_default=False)
    ] = None,
    fps: Annotated[
        float | None, typer.Option(min=0.1, help="Plan: thin out to so many a second.", show_default=False)
    ] = None,
    crop: Annotated[
        Literal["none", "person"] | None,
        typer.Option(help="Plan: what part of the picture.", show_default=False),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=64, help="Windows in the model at once, at most.")] = 8,
    service_time: Annotated[
        float | None,
        typer.Option(
            min=0, help="Sleep so many seconds a window instead of asking a model.", show_default=False
        ),
    ] = None,
    until_stdin_closes: Annotated[
        bool, typer.Option("--until-stdin-closes", help="End with the program that started this one.")
    ] = False,
) -> None:
    """The GPU service: reads windows with LLaVA-Video for any number of cameras. Ends cleanly on SIGTERM."""
    try:
        from streamaqa.worker.server import serve
        from streamaqa.worker.settings import WorkerSettings, read_token
    except ModuleNotFoundError as error:
        raise UsageError(f"the worker needs {error.name}: pip install -e '.[worker]'") from error
    plan = _plan({"unit": unit, "sampling": sampling, "frames": frames, "fps": fps, "crop": crop})
    try:
        settings = WorkerSettings(
            weights=weights,
            adapters=_adapters(adapter or []),
            host=host,
            port=port,
            token=read_token(token_file, os.environ),
            device=device,
            quantize=quantize,
            plan=plan,
            line={"batch": batch},
            service_time_s=service_time,
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise UsageError(first["msg"].removeprefix("Value error, ")) from None
    asyncio.run(
        serve(
            settings,
            lambda: _settled(load(settings)),
            announce=_announce,
            until_stdin_closes=until_stdin_closes,
        )
    )


def load(settings: WorkerSettings) -> Sequence[Engine]:
    """The engines that the settings ask for."""
    from streamaqa.exercises import OVERHEAD_PRESS, SQUAT
    from streamaqa.llava.contract import Contract
    from streamaqa.worker.engine import SleepingEngine

    if settings.service_time_s is not None:
        vocabulary = (SQUAT, OVERHEAD_PRESS)
        contract = Contract.of(settings.plan or PAPER_PLAN, vocabulary)
        return [SleepingEngine(settings.service_time_s, contract, vocabulary)]
    try:
        from streamaqa.worker.llava_engine import load as load_llava
    except ModuleNotFoundError as error:
        raise UsageError(f"the worker needs {error.name}: pip install -e '.[worker]'") from error
    return load_llava(settings)


def _settled(engines: Sequence[Engine]) -> Sequence[Engine]:
    """What was loaded stays for good: a full garbage collection need not walk torch's modules each time."""
    gc.collect()
    gc.freeze()
    return engines


def _announce(url: str) -> None:
    """One line that a program which started this one can read."""
    typer.echo(url)


def _plan(given: dict[str, object]) -> WindowPlan | None:
    named = {key: value for key, value in given.items() if value is not None}
    return PAPER_PLAN.model_copy(update=named) if named else None


def _adapters(given: Sequence[str]) -> dict[str, Path]:
    adapters: dict[str, Path] = {}
    for text in given:
        name, equals, folder = text.partition("=")
        if not name or not equals or not folder:
            raise UsageError(f"--adapter {text}: wanted NAME=FOLDER")
        if name in adapters:
            raise UsageError(f"--adapter {text}: there is an adapter {name} already")
        adapters[name] = Path(folder)
    return adapters
