"""`streamaqa doctor`: what this machine has, what fits it, what is missing, and the command that mends it."""

from __future__ import annotations

import asyncio
import ctypes.util
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, TypeAlias

import psutil
from rich.table import Table
from rich.text import Text

from streamaqa.config import Config
from streamaqa.delivery.connection import check_broker
from streamaqa.errors import BrokerError, ModelFileError
from streamaqa.pose.model_file import default_cache, locate

Verdict: TypeAlias = Literal["good", "note", "bad"]
"""`bad` keeps something from working, `note` limits it."""

LEAST_PYTHON = (3, 11)
LEAST_DISK_GIB = 1.0
"""The model, outboxes and some recordings; an hour of recorded video takes about 1 GiB."""
LEAST_MEMORY_GIB = 1.0
"""One camera process takes about 0.4 GiB (measured), the supervisor 0.15."""
CAMERA_CORES = 1.0
"""Cores that one camera at 30 frames a second keeps busy with the full pose model (measured on x86-64)."""
PACKAGES = ("av", "mediapipe", "numpy", "aiomqtt", "amqtt", "pydantic", "torch", "transformers")
LIBRARIES = {"GL": "libgl1", "EGL": "libegl1", "GLESv2": "libgles2"}
"""What OpenCV and MediaPipe load, and Debian's packages that hold it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    verdict: Verdict
    found: str
    mend: str = ""
    """The command or step that mends it; empty where nothing needs mending."""


def examine(config: Config) -> list[Finding]:
    """Look at everything; takes a few seconds. Starts and changes nothing."""
    looks: tuple[Callable[[Config], Iterator[Finding]], ...] = (
        _python,
        _packages,
        _libraries,
        _machine,
        _gpu,
        _disk,
        _model,
        _cameras,
        _broker,
        _ports,
    )
    return [finding for look in looks for finding in look(config)]


def table(findings: list[Finding]) -> Table:
    """For people."""
    shown = Table(title="This machine", title_justify="left")
    for heading in ("", "What", "Found", "To mend it"):
        shown.add_column(heading, overflow="fold")
    signs = {"good": Text("✓", "green"), "note": Text("!", "yellow"), "bad": Text("✗", "red")}
    for finding in findings:
        row = (Text(finding.what), Text(finding.found), Text(finding.mend, "bold"))
        shown.add_row(signs[finding.verdict], *row)
    return shown


def _python(_config: Config) -> Iterator[Finding]:
    good = sys.version_info >= LEAST_PYTHON
    mend = "" if good else "install Python 3.11 or later, then: make PYTHON=python3.11 demo"
    yield Finding(
        "Python", "good" if good else "bad", f"{platform.python_version()}, {platform.system()}", mend
    )


def _packages(_config: Config) -> Iterator[Finding]:
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            if name not in ("torch", "transformers"):  # the edge needs neither
                yield Finding("package", "bad", f"{name} is missing", "pip install -c constraints.txt -e .")
    yield Finding("packages", "good", ", ".join(found))
    second = [name for name in ("opencv-python", "opencv-python-headless") if _installed(name)]
    if second:
        mend = f"pip uninstall {' '.join(second)}, then: pip install --force-reinstall opencv-contrib-python"
        yield Finding("OpenCV", "bad", "two wheels of it break each other", mend)


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _libraries(_config: Config) -> Iterator[Finding]:
    missing = [package for library, package in LIBRARIES.items() if not ctypes.util.find_library(library)]
    if missing:
        mend = f"sudo apt-get install {' '.join(missing)}"
        yield Finding("libraries", "bad", f"{', '.join(missing)} missing", mend)
    else:
        yield Finding("libraries", "good", "what OpenCV and MediaPipe load is there")


def _machine(config: Config) -> Iterator[Finding]:
    cores = os.cpu_count() or 1
    wanted = max(len(config.cameras), 1)
    fits = max(int(cores / CAMERA_CORES), 1)
    mend = "" if wanted <= fits else "pose: {variant: lite}, or fewer frames a second at the camera"
    found = f"{cores} for {wanted} camera{'' if wanted == 1 else 's'}; about {fits} at 30 frames a second fit"
    yield Finding("cores", "good" if wanted <= fits else "note", found, mend)
    memory = psutil.virtual_memory()
    free = memory.available / 2**30
    enough = free >= LEAST_MEMORY_GIB
    found = f"{free:.1f} of {memory.total / 2**30:.1f} GiB free"
    yield Finding("memory", "good" if enough else "note", found, "" if enough else "end other programs")


def _gpu(_config: Config) -> Iterator[Finding]:
    if shutil.which("nvidia-smi"):
        yield Finding("GPU", "good", "an NVIDIA driver is there")
    else:
        yield Finding("GPU", "good", "none; the kinematic assessor needs none")


def _disk(config: Config) -> Iterator[Finding]:
    for what, folder in (("outbox", config.outbox.folder), ("pose model", default_cache())):
        there = next(parent for parent in (folder, *folder.parents) if parent.exists())
        free = shutil.disk_usage(there).free / 2**30
        if not os.access(there, os.W_OK):
            yield Finding(f"disk for the {what}", "bad", f"{there} is not writable", f"chown it: {there}")
        elif free < LEAST_DISK_GIB:
            yield Finding(f"disk for the {what}", "note", f"{free:.1f} GiB free at {there}", "make room")
        else:
            yield Finding(f"disk for the {what}", "good", f"{free:.0f} GiB free at {there}")


def _model(config: Config) -> Iterator[Finding]:
    path = default_cache() / f"pose_landmarker_{config.pose.variant}.task"
    own = config.pose.model or os.environ.get("STREAMAQA_POSE_MODEL")
    if not own and not path.exists():
        yield Finding(
            "pose model", "note", f"{config.pose.variant} is not fetched yet", "streamaqa models pull"
        )
        return
    try:
        path = locate(config.pose)
    except ModelFileError as error:
        yield Finding("pose model", "bad", str(error), f"rm {path}; streamaqa models pull")
        return
    yield Finding("pose model", "good", f"{path.name}, checked")


def _cameras(config: Config) -> Iterator[Finding]:
    devices = sorted(Path("/dev").glob("video*"))
    names = ", ".join(map(str, devices)) or "none; files, streams and the synthetic lifter need none"
    yield Finding("cameras here", "good", names)
    for device in devices:
        if not os.access(device, os.R_OK | os.W_OK):
            mend = f"sudo usermod -aG video {os.environ.get('USER', '$USER')}, then log in again"
            yield Finding("camera", "bad", f"{device} may not be opened", mend)
    for camera in config.cameras:
        source = camera.source
        if source.startswith("/") and not Path(source).exists():
            yield Finding(f"camera {camera.name}", "bad", f"{source} is not there", "mend cameras.source")


def _broker(config: Config) -> Iterator[Finding]:
    if config.mqtt.embedded:
        yield Finding("broker", "good", "embedded, for this machine only; name mqtt.host for another")
        return
    try:
        asyncio.run(check_broker(config.mqtt))
    except BrokerError as error:
        mend = f"sudo apt-get install mosquitto; or mend mqtt.host (now {config.mqtt.where})"
        yield Finding("broker", "bad", str(error), mend)
    else:
        yield Finding("broker", "good", f"{config.mqtt.where} takes us")


def _ports(config: Config) -> Iterator[Finding]:
    if not config.mqtt.embedded:
        return
    port = config.mqtt.port
    taken = [c for c in _listening() if c == port]
    if taken:
        found = f"{port} is taken, by a broker perhaps; the embedded one takes a free port"
        mend = f"use the one there: STREAMAQA_MQTT__HOST=127.0.0.1 STREAMAQA_MQTT__PORT={port}"
        yield Finding("port", "note", found, mend)
    else:
        yield Finding("port", "good", f"{port} is free")


def _listening() -> list[int]:
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return []
    return [c.laddr.port for c in connections if c.status == psutil.CONN_LISTEN and c.laddr]
