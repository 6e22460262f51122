"""A conversion that is killed leaves nothing that reads as whole, and ends like one that was not."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mini_aqa import FRAMES

from finetune.corpus import Corpus
from streamaqa.errors import UsageError

CONVERT = """
import os, signal, sys
from pathlib import Path

from finetune.convert import ConvertSettings, convert
from finetune.fitness_aqa import Scans, read_data_set
from finetune.poses import PoseTracks
from streamaqa.types import Pose
from streamaqa.windows import WindowPlan

root, out, store, stage, count = *map(Path, sys.argv[1:4]), sys.argv[4], int(sys.argv[5])


class Nobody:
    def estimate(self, frame):
        return Pose.nobody(frame.time, (64, 96))

    def close(self):
        pass


left = count


def due(at):
    global left
    left -= at == stage
    if at == stage and left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def progress(what, total):
    return lambda: due(what)


replace = Path.replace
Path.replace = lambda self, target: (due("rename " + Path(target).suffix), replace(self, target))[1]

data = read_data_set(root, None, Scans(store), progress)
plan = WindowPlan(unit="phase", sampling="consecutive", frames=20)
tracks = PoseTracks(out / "poses", root, estimator=Nobody)
settings = ConvertSettings(plan=plan, reps="found", paraphrase=True)
convert(data, out, settings, tracks=tracks, progress=progress)
"""

KILLS = [
    ("squat: videos", 3),
    ("images", 4),
    ("rename .jpg", 2),
    ("windows", 2),
    ("rename .npz", 3),
    ("rename .jsonl", 2),
    ("rename .json", 5),  # the manifest's: everything else is there
]
"""At which of which the process is killed."""


def run(root: Path, out: Path, store: Path, stage: str = "never", count: int = 0) -> int:
    """Convert in a process of its own; its exit status."""
    arguments = [sys.executable, "-c", CONVERT, str(root), str(out), str(store), stage, str(count)]
    return subprocess.run(arguments, check=False).returncode


def content(out: Path) -> dict[str, bytes]:
    """Every file but pose tracks, whose archives hold the time they were made."""
    files = (path for path in sorted(out.rglob("*")) if path.is_file() and path.suffix != ".npz")
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


def test_a_conversion_killed_again_and_again_ends_as_one_that_was_not(mini: Path, tmp_path: Path) -> None:
    out, store = tmp_path / "out", tmp_path / "scans.jsonl"
    for stage, count in KILLS:
        assert run(mini, out, store, stage, count) == -signal.SIGKILL, stage
        with pytest.raises(UsageError, match="no finished conversion"):
            Corpus.open(out)
    assert run(mini, out, store) == 0
    killed = content(out)
    tracks = {path.name for path in out.rglob("*.npz")}

    out.rename(tmp_path / "killed")
    assert run(mini, out, tmp_path / "clean.jsonl") == 0
    assert content(out) == killed
    assert tracks == {path.name for path in out.rglob("*.npz")}
    assert not list((tmp_path / "killed").rglob("*.part*"))
    assert any(record.duration < FRAMES / 30 for record in Corpus.open(out).records("train"))
