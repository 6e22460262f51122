"""The commands of docs/reproduce.md, typed in order, print what the page promises."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from finetune import cli
from finetune.corpus import Corpus
from finetune.training_folder import TrainingFolder

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reproduce.md").read_text(encoding="utf-8")
STEP = re.compile(
    r"```sh\n(?P<command>[^\n]+)\n```\n```text\n(?P<promised>.*?)```|```python\n(?P<program>.*?)```", re.S
)
STEPS = list(STEP.finditer(PAGE))
COMMANDS = [step["command"] for step in STEPS if step["command"]]


def said(text: str) -> list[str]:
    """What is to be compared: lines that say something, without padding, and how long it took."""
    lines = (re.sub(r"\bin \d+ s\b", "in N s", line).rstrip() for line in text.splitlines())
    return [line for line in lines if line.strip()]


def typed(command: str) -> str:
    """Run one `streamaqa-finetune` command in this process; what it printed."""
    words = shlex.split(command)
    assert words[0] == "streamaqa-finetune"
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patched, contextlib.redirect_stdout(printed):
        patched.setattr(sys, "argv", words)
        with contextlib.suppress(SystemExit):
            cli.main()
    return printed.getvalue()


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to work in."""
    return tmp_path_factory.mktemp("reader")


@pytest.fixture(scope="module")
def printed(reader: Path) -> dict[str, str]:
    """By command what it printed: all steps of the page, one after the other."""
    outputs: dict[str, str] = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(reader)
        patched.setenv("COLUMNS", "100")
        patched.setenv("XDG_CACHE_HOME", str(reader / "cache"))
        for step in STEPS:
            if step["program"]:
                (reader / "answers.py").write_text(step["program"], encoding="utf-8")
                runpy.run_path("answers.py", run_name="__main__")
            else:
                # as many processes as there are cores draw the same files; one spares their start
                alone = " --workers 1" if step["command"].split()[1] == "synthesize" else ""
                outputs[step["command"]] = typed(step["command"] + alone)
    return outputs


@pytest.mark.parametrize("step", [s for s in STEPS if s["command"]], ids=lambda s: s["command"].split()[1])
def test_a_command_prints_what_the_page_promises(step: re.Match[str], printed: dict[str, str]) -> None:
    assert said(step["promised"])
    assert said(printed[step["command"]]) == said(step["promised"])


def test_every_command_of_the_page_that_works_on_the_drawn_set_is_typed() -> None:
    shown = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S) for line in block.splitlines()]
    assert shown == COMMANDS
    assert [line.split()[1] for line in COMMANDS] == [
        "synthesize", "convert", "convert", "balance", "balance", "augment", "score", "evaluate",
    ]  # fmt: skip


def test_the_files_that_the_page_names_are_there(reader: Path, printed: dict[str, str]) -> None:
    assert printed
    assert Corpus.open(reader / "data/paper").records("train")
    assert (reader / "data/paper/train.messages.jsonl").stat().st_size > 0
    assert list(TrainingFolder.open(reader / "data/two-step").phases) == ["phase1", "phase2"]
    assert list(TrainingFolder.open(reader / "data/dynamic-step").phases) == ["train"]
    for folder in ("two-step", "dynamic-step"):
        assert (reader / "data" / folder / "balance.png").stat().st_size > 10_000
    assert list((reader / "data/two-step-written/videos").rglob("*.mp4"))
    assert (reader / "results/blind/report.html").is_file()
    assert (reader / "Fitness-AQA_dataset_release/Truth").is_dir()


def test_the_data_sets_zip_is_unpacked_by_the_command_of_the_page(
    reader: Path, printed: dict[str, str], tmp_path: Path
) -> None:
    assert printed
    name = "Fitness-AQA_dataset_release"
    shutil.make_archive(str(tmp_path / name), "zip", reader, name)
    (line,) = re.findall(r"^    (python -m zipfile .*)$", PAGE, re.M)
    subprocess.run([sys.executable, *shlex.split(line)[1:]], cwd=tmp_path, check=True)
    here = {path.relative_to(tmp_path) for path in (tmp_path / name).rglob("*") if path.is_file()}
    there = {path.relative_to(reader) for path in (reader / name).rglob("*") if path.is_file()}
    assert here == there


def test_training_is_said_to_be_missing_for_as_long_as_it_is() -> None:
    verbs = {
        command.name or (command.callback and command.callback.__name__)
        for command in cli.app.registered_commands
    }
    assert ("train" not in verbs) == ("**What is not here yet:** training." in PAGE)
