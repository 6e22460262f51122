"""Runs a judge over clips: answers are kept as they come, damaged files named, skipped and counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from pydantic import ValidationError

from finetune.clips import Clip
from finetune.evaluate.fitting import Sample
from finetune.evaluate.judges import Judge, Verdict
from finetune.evaluate.material import Material
from streamaqa.errors import SourceError, UsageError


@dataclass(frozen=True, slots=True)
class Judged:
    """What a judge said of some clips."""

    samples: tuple[Sample, ...]
    damaged: Mapping[str, str]
    """By clip, why it was skipped."""


class Verdicts:
    """Verdicts of one judge in a file of their own, a line each, so that a run that was stopped goes on."""

    def __init__(self, path: Path | None) -> None:
        """Without `path` nothing is kept."""
        self._path = path
        self._file: FileIO | None = None
        self.kept: dict[str, Verdict] = dict(self._read())

    def _read(self) -> Iterator[tuple[str, Verdict]]:
        if self._path is None or not self._path.exists():
            return
        for line in self._path.read_bytes().splitlines():
            try:
                kept = json.loads(line)
                yield kept["clip"], Verdict.model_validate(kept["verdict"])
            except (ValueError, KeyError, TypeError, ValidationError):
                continue  # what a kill left half written is judged again

    def add(self, clip: str, verdict: Verdict) -> None:
        """Keep one more."""
        self.kept[clip] = verdict
        if self._path is None:
            return
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = FileIO(self._path, "ab")
            if self._file.tell():
                self._file.write(b"\n")  # what a kill left half written stays a line of its own
        line = json.dumps({"clip": clip, "verdict": verdict.model_dump(mode="json")})
        self._file.write(line.encode() + b"\n")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def judge_all(
    judge: Judge,
    clips: Iterable[Clip],
    material: Callable[[Clip], Material | None],
    root: Path,
    store: Path | None,
    *,
    strict: bool = False,
    done: Callable[[], None] = lambda: None,
) -> Judged:
    """Let `judge` look at every clip, or take what it said before from `store`.

    Args:
        judge: who looks; stills are passed over unless it can judge them.
        clips: with their labels, which the judge does not get.
        material: what it gets; a clip for which this is None is passed over.
        root: the data set's folder, to tell a file that was replaced.
        store: a file of `Verdicts`, this judge's alone; None keeps nothing.
        strict: raise UsageError at the first damaged file.
        done: called for each clip.
    """
    verdicts = Verdicts(store)
    samples: list[Sample] = []
    damaged: dict[str, str] = {}
    try:
        for clip in clips:
            if clip.kind == "video" or judge.stills:
                try:
                    verdict = _verdict(judge, clip, material, root, verdicts)
                except SourceError as error:
                    if strict:
                        raise UsageError(f"{clip.id}: {error}") from None
                    damaged[clip.id] = str(error)
                else:
                    if verdict is not None:
                        samples.append(Sample(clip, verdict))
            done()
    finally:
        verdicts.close()
    return Judged(tuple(samples), damaged)


def _verdict(
    judge: Judge,
    clip: Clip,
    material: Callable[[Clip], Material | None],
    root: Path,
    verdicts: Verdicts,
) -> Verdict | None:
    name = _named(root, clip)
    if name in verdicts.kept:
        return verdicts.kept[name]
    seen = material(clip)
    if seen is None:
        return None
    verdict = judge.judge(seen)
    verdicts.add(name, verdict)
    return verdict


def _named(root: Path, clip: Clip) -> str:
    """The clip and the state of its file."""
    try:
        about = (root / (clip.archive or clip.file)).stat()
    except OSError as error:
        raise SourceError(f"{clip.file}: cannot be read: {error.strerror}") from None
    return f"{clip.id} {about.st_size} {about.st_mtime_ns}"
