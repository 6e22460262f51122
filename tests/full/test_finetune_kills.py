"""SIGKILL the verbs that write data sets at random moments: nothing half-written reads as whole.

Each verb is killed ten times, started again after each, and must end with the files of a run that nobody
disturbed. A run that is done before its moment comes counts for nothing: everything is removed, and the next
one begins anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from finetune.corpus import Corpus
from finetune.fitness_aqa import read_data_set
from finetune.synthesize import Recipe, synthesize
from finetune.training_folder import TrainingFolder
from streamaqa.errors import UsageError

pytestmark = [pytest.mark.full, pytest.mark.timeout(1800)]

KILLS = 10
EARLIEST_S = 0.3
"""Before this, the interpreter is still starting, and nothing can be half done."""
RECIPE = Recipe(videos=24, images=12, size=64, seconds=2.0, seed=8)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn data set."""
    out = tmp_path_factory.mktemp("data") / "drawn"
    synthesize(out, RECIPE, workers=2)
    return out


class Killed:
    """One verb that writes one folder, run to its end or killed on the way."""

    def __init__(self, words: Sequence[object], out: Path, cache: Path) -> None:
        self.command = [sys.executable, "-m", "finetune.cli", *map(str, words)]
        self.out = out
        self.cache = cache

    def start(self) -> subprocess.Popen[bytes]:
        """The verb's process, in a group of its own, as a terminal starts it."""
        return subprocess.Popen(
            self.command,
            env=os.environ | {"XDG_CACHE_HOME": str(self.cache)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def clean(self) -> tuple[dict[str, str], float]:
        """What an undisturbed run leaves, and how many seconds it took; removed again."""
        began = time.monotonic()
        assert self.start().wait() == 0
        took = time.monotonic() - began
        left = files(self.out)
        self.remove()
        return left, took

    def remove(self) -> None:
        """Everything it has written, what it keeps in the cache too."""
        shutil.rmtree(self.out, ignore_errors=True)
        shutil.rmtree(self.cache, ignore_errors=True)

    def ends_like_a_clean_run(self, whole: Callable[[], object], seed: int) -> None:
        """Kill it ten times, and let it end. `whole` raises UsageError on what is not whole."""
        expected, took = self.clean()
        rng = random.Random(seed)
        kills = 0
        while kills < KILLS:
            process = self.start()
            try:
                process.wait(rng.uniform(EARLIEST_S, max(took, 2 * EARLIEST_S)))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                kills += 1
                if files(self.out) != expected:
                    with pytest.raises(UsageError):
                        whole()
                continue
            assert files(self.out) == expected
            self.remove()
        assert self.start().wait() == 0
        assert files(self.out) == expected
        whole()


def files(folder: Path) -> dict[str, str]:
    """Every file, hidden ones too, and a digest of it. Of pose tracks, whose archives hold the time they were
    made, only the name."""
    return {
        path.relative_to(folder).as_posix(): ""
        if path.suffix == ".npz" and "poses" in path.parts
        else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_synthesize_killed_ten_times_ends_as_a_clean_run(tmp_path: Path) -> None:
    out = tmp_path / "drawn"
    options = {"--videos": 60, "--images": 20, "--size": 64, "--seconds": 2.0, "--seed": 8}
    words = ("synthesize", out, *(word for pair in options.items() for word in pair), "--workers", 2)
    verb = Killed(words, out, tmp_path / "cache")
    verb.ends_like_a_clean_run(lambda: read_data_set(out), seed=1)


@pytest.mark.parametrize(
    "options",
    [
        ("--hull", "--join-val", "--only", "squat,ohp"),
        ("--plan", "rep,consecutive,16,15,none", "--paraphrase"),
        ("--plan", "phase,uniform,8,null,person", "--only", "squat"),
    ],
    ids=["paper", "chunks", "phases"],
)
def test_convert_killed_ten_times_ends_as_a_clean_run(
    tmp_path: Path, data: Path, options: tuple[str, ...], pose_model: Path
) -> None:
    out = tmp_path / "corpus"
    verb = Killed(("convert", data, out, *options), out, tmp_path / "cache")
    verb.ends_like_a_clean_run(lambda: Corpus.open(out), seed=len(options))


def test_augment_write_killed_ten_times_ends_as_a_clean_run(tmp_path: Path, data: Path) -> None:
    corpus, out = tmp_path / "corpus", tmp_path / "written"
    first = Killed(("convert", data, corpus, "--join-val"), corpus, tmp_path / "cache")
    assert first.start().wait() == 0
    verb = Killed(("augment", corpus, out, "--copies", 2, "--write"), out, tmp_path / "kept")
    verb.ends_like_a_clean_run(lambda: TrainingFolder.open(out), seed=0)
    assert len(TrainingFolder.open(out).phases["train"]) == 3 * len(Corpus.open(corpus).records("train"))
    assert list((out / "videos").rglob("*.mp4"))


def test_balance_killed_ten_times_ends_as_a_clean_run(tmp_path: Path, data: Path) -> None:
    corpus, out = tmp_path / "corpus", tmp_path / "balanced"
    first = Killed(("convert", data, corpus, "--join-val", "--only", "squat,ohp"), corpus, tmp_path / "cache")
    assert first.start().wait() == 0
    verb = Killed(("balance", corpus, out, "--strategy", "dynamic-step"), out, tmp_path / "kept")
    verb.ends_like_a_clean_run(lambda: TrainingFolder.open(out), seed=0)
    assert json.loads((out / "balance.json").read_text())["format"]
