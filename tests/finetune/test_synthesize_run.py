"""A run may be killed at any time, go on with any number of workers, and ends with the same files."""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from finetune.cli import app
from finetune.fitness_aqa import read_data_set
from finetune.synthesize import Recipe, synthesize
from finetune.synthesize.shards import WORK, Shard, shards
from streamaqa.errors import UsageError

RECIPE = Recipe(videos=40, images=24, size=48, seconds=2.0, seed=4)
OPTIONS = ("--videos", "40", "--images", "24", "--size", "48", "--seconds", "2.0", "--seed", "4")
SMALL = Recipe(videos=2, images=2, size=48, seconds=2.0)


def _tree(folder: Path) -> dict[str, str]:
    """Every file, hidden ones too, and what is in it."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a run that nobody disturbs leaves."""
    out = tmp_path_factory.mktemp("clean") / "set"
    outcome = synthesize(out, RECIPE)
    assert (outcome.drawn, outcome.kept) == (64, 0)
    return _tree(out)


def _start(out: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "finetune.cli", "synthesize", str(out), *OPTIONS, "--workers", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _wait_for(condition: object, seconds: float = 60.0) -> None:
    assert callable(condition)
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)


def _children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def _lives(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_killed_and_started_again_it_ends_as_a_clean_run(tmp_path: Path, clean: dict[str, str]) -> None:
    out = tmp_path / "set"
    every = shards(RECIPE)
    process = _start(out)
    _wait_for(lambda: any((out / WORK).glob("*.json")))
    workers = _children(process.pid)
    assert workers
    process.kill()
    process.wait()
    _wait_for(lambda: not any(map(_lives, workers)))
    with pytest.raises(UsageError, match="does not have the shape"):
        read_data_set(out)
    whole = [shard for shard in every if shard.labels(out).exists()]
    assert 1 <= len(whole) < len(every)
    outcome = synthesize(out, RECIPE, workers=1)
    assert outcome.kept == sum(shard.last - shard.first for shard in whole)
    assert outcome.drawn == 64 - outcome.kept
    assert _tree(out) == clean


def test_killed_while_it_finishes_it_ends_as_a_clean_run(
    tmp_path: Path, clean: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "set"
    with monkeypatch.context() as patched:
        patched.setattr("finetune.synthesize.run.shutil.rmtree", _killed)
        with pytest.raises(SystemExit):
            synthesize(out, RECIPE)
    assert (out / WORK).is_dir()
    outcome = synthesize(out, RECIPE)
    assert outcome.drawn == 0
    assert _tree(out) == clean


def _killed(*_: object, **__: object) -> None:
    raise SystemExit(137)


def _fails_at_the_end(done: int, total: int) -> None:
    1 // (total - done)


def test_a_video_that_was_taken_away_is_drawn_again(tmp_path: Path) -> None:
    out = tmp_path / "set"
    recipe = Recipe(videos=8, images=0, size=48, seconds=2.0)
    with pytest.raises(ZeroDivisionError):
        synthesize(out, recipe, told=_fails_at_the_end)
    taken = next((out / "OHP/Labeled_Dataset/videos").iterdir())
    content = taken.read_bytes()
    taken.unlink()
    assert synthesize(out, recipe).drawn == 5
    assert taken.read_bytes() == content


def test_the_number_of_workers_changes_nothing_and_the_seed_everything(
    tmp_path: Path, clean: dict[str, str]
) -> None:
    told: list[tuple[int, int]] = []
    synthesize(tmp_path / "two", RECIPE, workers=2, told=lambda done, total: told.append((done, total)))
    assert _tree(tmp_path / "two") == clean
    assert told[0] == (0, 64)
    assert told[-1] == (64, 64)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    synthesize(tmp_path / "one", SMALL)
    synthesize(tmp_path / "other", Recipe(videos=2, images=2, size=48, seconds=2.0, seed=1))
    one, other = _tree(tmp_path / "one"), _tree(tmp_path / "other")
    assert not {content for name, content in one.items() if name.endswith(".mp4")} & set(other.values())


def test_another_recipe_in_the_same_folder_is_refused_with_what_differs(tmp_path: Path) -> None:
    synthesize(tmp_path / "set", SMALL)
    before = _tree(tmp_path / "set")
    with pytest.raises(UsageError, match=r"holds another synthetic data set \(seed 0, now 9\): choose"):
        synthesize(tmp_path / "set", Recipe(videos=2, images=2, size=48, seconds=2.0, seed=9))
    assert _tree(tmp_path / "set") == before


def test_a_folder_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="is not empty"):
        synthesize(tmp_path, SMALL)
    with pytest.raises(UsageError, match="is a file"):
        synthesize(tmp_path / "thesis.txt", SMALL)
    assert _tree(tmp_path).keys() == {"thesis.txt"}
    (tmp_path / "odd/Truth").mkdir(parents=True)
    (tmp_path / "odd/Truth/synthesis.json").write_text("[]")
    with pytest.raises(UsageError, match=r"synthesis\.json: not the note"):
        synthesize(tmp_path / "odd", SMALL)


def test_two_runs_never_draw_into_one_folder(tmp_path: Path) -> None:
    out = tmp_path / "set"
    (out / "Truth").mkdir(parents=True)
    with (out / "Truth/.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another run is drawing"):
            synthesize(out, SMALL)


def test_a_worker_that_dies_ends_the_run_and_says_so(tmp_path: Path) -> None:
    out = tmp_path / "set"

    def kill(done: int, total: int) -> None:
        if done:
            for child in _children(os.getpid()):
                command = Path(f"/proc/{child}/cmdline").read_bytes()
                if b"spawn_main" in command:
                    os.kill(child, signal.SIGKILL)

    with pytest.raises(RuntimeError, match="was ended from outside"):
        synthesize(out, RECIPE, workers=2, told=kill)


def test_shards_cover_every_sample_once() -> None:
    seen: dict[str, list[int]] = {}
    for shard in shards(Recipe(videos=333, images=101)):
        seen.setdefault(shard.kind, []).extend(range(shard.first, shard.last))
    assert {kind: len(numbers) for kind, numbers in seen.items()} == {
        "squat": 139,
        "ohp": 194,
        "shallow": 51,
        "row": 50,
    }
    assert all(numbers == list(range(len(numbers))) for numbers in seen.values())
    assert Shard("row", 40, 80).name == "row-000040"


def test_the_command_draws_and_tells_what(tmp_path: Path) -> None:
    options = ["--videos", "4", "--images", "2", "--size", "48", "--seconds", "2", "--workers", "1"]
    call = ["synthesize", str(tmp_path / "set"), *options]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.output
    assert "6 samples drawn" in done.output
    again = CliRunner().invoke(app, call)
    assert "was complete already" in again.output


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--split", "70,30"], "--split: three numbers with commas, not '70,30'"),
        (["--size", "111"], "--size: an even number"),
        (["--workers", "0"], "--workers: 1 or more"),
    ],
)
def test_what_the_user_got_wrong_is_one_line(tmp_path: Path, options: list[str], says: str) -> None:
    done = CliRunner().invoke(app, ["synthesize", str(tmp_path / "set"), *options])
    assert isinstance(done.exception, UsageError)
    assert says in str(done.exception)
    assert not (tmp_path / "set").exists()
