"""What the README tells a newcomer to type works as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest
from brokers import Mosquitto

from streamaqa.sources.synthetic import from_spec

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    lines = [line.split("#")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the README's reader stands: with a `set.mp4`, and the project's `edge_configs`."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "edge_configs").symlink_to(ROOT / "edge_configs")
    source = from_spec("synthetic:squat?reps=2&seed=1&size=240x320&fps=15")
    with av.open(str(folder / "set.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=15)
        stream.width, stream.height, stream.pix_fmt = 240, 320, "yuv420p"
        for frame in source.frames():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame.image, format="rgb24")))
        container.mux(stream.encode())
    return folder


def environ(folder: Path) -> dict[str, str]:
    """The environment's commands first in the path, and nothing left in the user's folders."""
    return {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "STREAMAQA_OUTBOX__FOLDER": str(folder / "box"),
    }


def quick(command: str) -> bool:
    """Whether a command ends by itself and needs no more than the folder."""
    words = command.split()
    ends = ("replay", "check", "models", "doctor")
    return words[1:2] != [] and (words[1] in ends or (words[1] == "run" and "--config" not in words))


def test_the_readme_has_its_two_commands_and_make_knows_them() -> None:
    makes = [line.split()[1] for line in commands() if line.startswith("make ")]
    assert makes == ["demo", "test"]
    for target in makes:
        subprocess.run(["make", "-n", target], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("command", [line for line in commands() if quick(line)])
def test_a_command_of_the_readme_works(command: str, folder: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=environ(folder),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    if "--compare" in command:
        assert "no differences" in done.stdout
    elif "set.mp4" in command:
        assert "2 reps" in done.stdout
    if "--events" in command:
        assert (folder / "out.jsonl").stat().st_size > 0


def test_the_commands_that_go_on_until_ctrl_c_start_and_stop(folder: Path, mosquitto: Mosquitto) -> None:
    lasting = [line for line in commands() if line.startswith(("streamaqa run --config", "streamaqa listen"))]
    assert len(lasting) == 2
    for command in lasting:
        here = command.replace("mqtt://127.0.0.1", f"mqtt://127.0.0.1:{mosquitto.port}")
        running = subprocess.Popen(
            shlex.split(here),
            cwd=folder,
            env=environ(folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(3.0)
        assert running.poll() is None, running.communicate()
        running.send_signal(signal.SIGINT)
        _, complaints = running.communicate(timeout=20)
        assert running.returncode in (0, 130), complaints  # 130 on a machine so slow that it still starts
        assert "Traceback" not in complaints


def test_bench_segment_of_the_readme_reads_its_folder(shared: Path) -> None:
    command = next(line for line in commands() if line.startswith("streamaqa bench segment"))
    words = shlex.split(command)
    assert words[words.index("--shared") + 1] == "../shared"


def test_the_readmes_python_prints_a_line_for_each_rep(folder: Path) -> None:
    (program,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["1", "squat"], ["2", "squat"]]


def test_the_pictures_of_the_readme_are_there() -> None:
    for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert (ROOT / path).stat().st_size > 10_000
    for path in re.findall(r"\]\(((?:docs|edge_configs)/[^)#]+)\)", README):
        assert (ROOT / path).is_file(), path
