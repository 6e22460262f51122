"""`streamaqa-finetune convert`, as somebody at a terminal meets it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from mini_aqa import edit

from finetune import cli, layout
from finetune.corpus import Corpus

Command: TypeAlias = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command; gives its exit status, and what it printed to either stream."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["streamaqa-finetune", *map(str, arguments)])
        status = 0
        try:
            cli.main()
        except SystemExit as stopped:
            status = int(stopped.code or 0)
        return status, *capsys.readouterr()

    return run


def test_the_summary_counts_conversations_by_errors(command: Command, mini: Path, tmp_path: Path) -> None:
    status, printed, told = command("convert", mini, tmp_path / "out")
    assert status == 0
    rows = {
        line.rsplit(maxsplit=3)[0].strip(): line.split()[-3:] for line in printed.splitlines() if line.strip()
    }
    assert rows["squat: knees_forward + knees_inward"] == ["1", "0", "0"]
    assert rows["squat, still: shallow"] == ["1", "1", "0"]
    assert rows["conversations"] == ["9", "4", "6"]
    assert "not read, Squat/Unlabeled_Dataset: 2" in printed
    assert "25%" in printed
    assert told.strip() == ""


def test_the_papers_options_are_there(command: Command, mini: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, _, _ = command("convert", mini, out, "--only", "squat,ohp", "--hull", "--join-val", "--no-times")
    assert status == 0
    settings = Corpus.open(out).manifest["settings"]
    assert (settings["hull"], settings["join_val"], settings["times"]) == (True, True, False)
    assert not Corpus.open(out).records("val")


def test_problems_are_all_printed_and_the_rest_converted(
    command: Command, mini: Path, tmp_path: Path
) -> None:
    (mini / layout.SQUAT.video("1000_1")).write_bytes(b"")
    (mini / layout.OHP.video("2000_1")).unlink()
    status, printed, told = command("convert", mini, tmp_path / "out")
    assert status == 0
    assert "2 problems, 2 clips left out" in told
    assert "damaged video (1)\n  squat/1000_1" in told
    assert "missing video (1)\n  ohp/2000_1" in told
    assert "conversations" in printed
    assert len(Corpus.open(tmp_path / "out").manifest["problems"]) == 2


def test_strict_and_check_end_with_2_and_write_nothing(command: Command, mini: Path, tmp_path: Path) -> None:
    assert command("convert", mini, "--check")[0] == 0
    edit(mini / layout.OHP.split("test"), lambda ids: ids.append("2001_1"))
    for option in ("--strict", "--check"):
        status, printed, told = command("convert", mini, tmp_path / "out", option)
        assert status == 2
        assert "ohp/2001_1: is in train and test" in told
        assert printed == ""
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--plan", "phase", "--reps", "whole"], "a plan by phases needs --reps found"),
        (["--min-share", "1.5"], "--min-share: Input should be less than or equal to 1"),
        (["--plan", "rep,uniform,99"], "--plan rep,uniform,99: frames: "),
        (["--only", "bench"], "--only: no part 'bench'"),
    ],
)
def test_a_wrong_option_is_one_line(command: Command, mini: Path, arguments: list[str], told: str) -> None:
    status, _, error = command("convert", mini, "--check", *arguments)
    assert status == 2
    assert told in error
    assert len(error.strip().splitlines()) == 1


def test_an_output_folder_is_asked_for(command: Command, mini: Path) -> None:
    assert command("convert", mini)[2].strip() == "error: give the folder to write, or --check"


def test_another_folder_is_answered_with_what_was_expected(command: Command, tmp_path: Path) -> None:
    status, _, told = command("convert", tmp_path, "--check")
    assert status == 2
    assert told.startswith(f"error: {tmp_path} does not have the shape of Fitness-AQA's folder.\nexpected:\n")


def test_help_shows_examples(command: Command) -> None:
    status, printed, _ = command("convert", "--help")
    assert status == 0
    assert "streamaqa-finetune convert Fitness-AQA_dataset_release --check" in printed


def test_a_folder_that_may_not_be_written_is_one_line(command: Command, mini: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    status, _, told = command("convert", mini, tmp_path / "file" / "out")
    assert status == 2
    assert told.strip() == f"error: {tmp_path / 'file' / 'out'}: Not a directory"


def test_a_cache_that_may_not_be_written_costs_nothing_but_time(
    command: Command, mini: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert command("convert", mini, tmp_path / "out")[0] == 0
