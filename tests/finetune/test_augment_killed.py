"""`augment --write`, killed again and again, leaves nothing that reads as whole and ends as a clean run."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from finetune.convert import convert
from finetune.corpus import Corpus
from finetune.fitness_aqa import read_data_set
from finetune.training_folder import TrainingFolder
from streamaqa.errors import UsageError

AUGMENT = """
import os, signal, sys
from pathlib import Path

from finetune import cli

source, out, stage, left = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
replace = Path.replace


def killing(self, target):
    global left
    left -= Path(target).suffix == stage
    if Path(target).suffix == stage and left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(self, target)


Path.replace = killing
sys.argv = ["streamaqa-finetune", "augment", source, out, "--copies", "2", "--write", "--workers", "1"]
cli.main()
"""

KILLS = [(".mp4", 3), (".json", 2)]
"""At which rename to which ending; the last is the summary's, when everything else is there."""


def run(corpus: Path, out: Path, stage: str = "never", count: int = 0) -> int:
    """Augment in a process of its own; its exit status."""
    arguments = [sys.executable, "-c", AUGMENT, str(corpus), str(out), stage, str(count)]
    return subprocess.run(arguments, check=False, capture_output=True).returncode


def content(out: Path) -> dict[str, bytes]:
    """Every file, hidden ones too."""
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_copies_killed_again_and_again_end_as_those_of_a_clean_run(mini: Path, tmp_path: Path) -> None:
    corpus, out = tmp_path / "corpus", tmp_path / "out"
    convert(read_data_set(mini), corpus)
    for stage, count in KILLS:
        assert run(corpus, out, stage, count) == -signal.SIGKILL, stage
        with pytest.raises(UsageError, match="no finished conversion"):
            TrainingFolder.open(out)
    assert run(corpus, out) == 0
    killed = content(out)

    shutil.rmtree(out)
    assert run(corpus, out) == 0
    assert content(out) == killed
    assert not [name for name in killed if ".part" in name]
    assert sum(name.endswith(".mp4") for name in killed) == 2 * sum(
        not record.still for record in Corpus.open(corpus).records("train")
    )
