"""The conversion: every clip to its records, in a folder that is whole or says that it is not.

What takes long (decoding, poses, unpacking) is kept as it is done, what is written is a function of the data
set and the settings alone, and `convert.json` comes last. So a conversion that was killed goes on where it
was, and ends with the same files as one that was not.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finetune.clips import Clip
from finetune.convert.cutting import Part, Reps, Scissors, find_reps, parts
from finetune.convert.moving import hull, into_window, overlaps
from finetune.convert.settings import ConvertSettings
from finetune.convert.stills import STILLS, unpack
from finetune.convert.wordings import answered, asked, longest
from finetune.convert.writing import LOCK, write
from finetune.corpus import MANIFEST
from finetune.fitness_aqa import DataSet, Problem, Progress, report
from finetune.folders import claim
from finetune.layout import Split
from finetune.poses import PoseTracks
from finetune.records import Errors, Record, conversation, spans
from streamaqa.dialogue import Answer
from streamaqa.errors import SourceError, UsageError, WindowError
from streamaqa.exercises import EXERCISES, OVERHEAD_PRESS, SQUAT, Exercise
from streamaqa.types import Pose
from streamaqa.windows import Window


@dataclass(slots=True)
class Outcome:
    """What became of a data set."""

    question: str
    records: list[Record] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    """Those of the data set, then those met on the way."""
    counts: Counter[str] = field(default_factory=Counter)
    """How often what happened that is neither usual nor a problem."""
    unseen: dict[str, str] = field(default_factory=dict)
    """Clips without a window, and why."""


def convert(
    data: DataSet,
    out: Path,
    settings: ConvertSettings | None = None,
    *,
    tracks: PoseTracks | None = None,
    strict: bool = False,
    progress: Progress = lambda *_: lambda: None,
) -> Outcome:
    """Write the conversations of a data set to folder `out`, in place of those that are there.

    Args:
        data: what was read.
        out: the folder; made if it is not there. UsageError if it holds something else, or another conversion
            into it is under way.
        settings: the paper's by default, validation apart.
        tracks: the clips' poses; tracks in `out` and MediaPipe's model by default.
        strict: stop at the first stage that finds a problem, with a UsageError that lists all it found.
        progress: told of each long step and its size, gives back what is called for each item done.
    """
    settings = settings or ConvertSettings()
    _stop_at(strict, data.problems)
    with claim(out, LOCK, (MANIFEST,)):
        tracks = tracks or PoseTracks(out / "poses", data.root)
        unpack(data, out / STILLS, progress)
        work = _Conversion(data, settings, tracks)
        outcome = work.run(progress("windows", len(data.clips)))
        _stop_at(strict, outcome.problems)
        write(out, data, settings, outcome, tracks)
    return outcome


def _stop_at(strict: bool, problems: Sequence[Problem]) -> None:
    if strict and problems:
        raise UsageError(f"--strict: {len(problems)} problems, nothing was converted\n{report(problems)}")


class _Conversion:
    """Makes records of clips, one after the other."""

    def __init__(self, data: DataSet, settings: ConvertSettings, tracks: PoseTracks) -> None:
        self._data = data
        self._settings = settings
        self._tracks = tracks
        self._vocabulary = asked_about(data.clips)
        self._done = Outcome(asked(self._vocabulary), problems=list(data.problems))

    def run(self, step: Callable[[], None]) -> Outcome:
        """Records of all clips, in the clips' order."""
        for clip in self._data.clips:
            records = self._still(clip) if clip.kind == "image" else self._video(clip)
            shown = {name for record in records for name in record.errors}
            self._done.counts["errors that no window shows"] += len(clip.errors.keys() - shown)
            self._done.records += records
            if records:  # another part of the clip could be cut
                self._done.unseen.pop(clip.id, None)
            step()
        return self._done

    def _still(self, clip: Clip) -> list[Record]:
        plain = self._common(clip, clip.id, clip.errors, timed=False)
        return [Record(**plain, image=clip.file, unit="still")]

    def _video(self, clip: Clip) -> list[Record]:
        settings, times = self._settings, self._data.times[clip.id]
        poses: Sequence[Pose] = ()
        reps = None
        try:
            if settings.reps == "found" or settings.plan.crop == "person":
                poses = self._tracks.poses(clip)
        except SourceError as error:
            self._done.problems.append(Problem("unfit pose track", clip.id, str(error)))
            self._done.unseen[clip.id] = "its pose track cannot be used"
            return []
        if settings.reps == "found":
            reps = find_reps(clip, poses)
        chosen, found = parts(times, settings, reps)
        if found != "one":
            self._done.counts[_told(found, settings)] += 1
        if not chosen:
            self._done.unseen[clip.id] = f"repetitions found: {found}"
        errors = hull(clip.errors) if settings.hull else clip.errors
        scissors = Scissors(clip, times, settings.plan)
        return [record for part in chosen for record in self._windows(clip, part, scissors, poses, errors)]

    def _windows(
        self, clip: Clip, part: Part, scissors: Scissors, poses: Sequence[Pose], errors: Errors
    ) -> list[Record]:
        try:
            cut = scissors.cut(part, poses)
        except WindowError as error:
            self._done.counts["units that cannot be cut"] += 1
            self._done.unseen.setdefault(clip.id, str(error))
            return []
        return [
            self._window(clip, part, at, len(cut), window, frames, errors)
            for at, (window, frames) in enumerate(cut)
        ]

    def _window(
        self,
        clip: Clip,
        part: Part,
        at: int,
        of: int,
        window: Window,
        frames: tuple[int, ...],
        errors: Errors,
    ) -> Record:
        shown = into_window(errors, window.start, window.duration, self._settings.min_share)
        self._done.counts["intervals of which a window shows too little"] += sum(
            overlaps(errors[name], window.start, window.duration) - len(shown.get(name, ()))
            for name in errors
        )
        what = [] if part.unit == "clip" else [f"rep{part.number + 1}"]
        what += [part.span.phase] if part.span.phase else []
        what += [f"{at + 1}of{of}"] if of > 1 else []
        timed = self._settings.times and not window.still
        return Record(
            **self._common(clip, "/".join((clip.id, *what)), shown, timed=timed, duration=window.duration),
            video=clip.file,
            unit=part.unit,
            phase=part.span.phase,
            number=part.number,
            window=at,
            span=(round(part.span.start, 6), round(part.span.end, 6)),
            start=round(window.start, 6),
            frames=frames,
            times=tuple(round(time, 6) for time in window.relative_times),
            duration=round(window.duration, 6),
            crop=window.crop,
        )

    def _common(
        self, clip: Clip, name: str, errors: Errors, *, timed: bool, duration: float = 0.0
    ) -> dict[str, Any]:
        """What a record of a video and one of a still share: the conversation, and what it is about."""
        settings = self._settings
        split: Split = "train" if clip.split == "val" and settings.join_val else clip.split
        known = {exercise.name: exercise for exercise in EXERCISES}[clip.exercise]
        ordered = {error.name: errors[error.name] for error in known.errors if error.name in errors}
        said = spans(ordered, duration, timed=timed)
        if len({span.name for span in said}) < len(said):
            self._done.counts["windows with several intervals of one error"] += 1
            said = longest(said) if settings.named == "longest" else said
        chance = None
        if settings.paraphrase and split == "train":
            chance = random.Random(f"{settings.seed} {name}")  # noqa: S311  # wordings are no secret
        question = asked(self._vocabulary, chance)
        return {
            "id": name,
            "conversations": conversation(question, answered(Answer(clip.exercise, said), chance=chance)),
            "source": clip.id,
            "split": split,
            "exercise": clip.exercise,
            "errors": ordered,
            "judged": clip.judged,
            "timed": timed,
            "plan": settings.plan,
        }


def asked_about(clips: Sequence[Clip]) -> tuple[Exercise, ...]:
    """The exercises that the question names: the paper's two, and others that there are clips of."""
    names = {SQUAT.name, OVERHEAD_PRESS.name, *(clip.exercise for clip in clips)}
    return tuple(exercise for exercise in EXERCISES if exercise.name in names)


def _told(found: Reps, settings: ConvertSettings) -> str:
    """What became of clips in which not one repetition was found."""
    if found == "none":
        return "clips without a repetition, " + {"whole": "taken whole", "skip": "left out"}[settings.no_rep]
    taken = {"each": "each taken", "longest": "the longest taken", "skip": "left out"}
    return "clips with several repetitions, " + taken[settings.many_reps]
