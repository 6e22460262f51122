"""One combination of parameters tried on one track: what it costs, remembered on disk.

A trial also notes between which values of a gate's bound it would come out the same: a bound that moves past
none of the values that its gate saw changes no event. That saves most trials of gates, exactly.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Final, Self, TypeAlias

import numpy as np
import platformdirs

import streamaqa.motion
import streamaqa.segmentation
from streamaqa.bench.annotated import Annotation, score
from streamaqa.bench.drawn import Tally
from streamaqa.bench.segment_space import PARAMETERS, exercises_of, settings_of
from streamaqa.bench.segment_tracks import Track, drawn, recordings
from streamaqa.exercises import Exercise
from streamaqa.motion import Gate, Posture
from streamaqa.segmentation.advice import Advisor
from streamaqa.segmentation.segmenter import Segmenter
from streamaqa.segmentation.settings import SegmenterSettings, SignalSettings
from streamaqa.segmentation.signals import PostureReader
from streamaqa.sources.synthetic import TrueRep
from streamaqa.types import Event, Pose, RepEnded

_Read: TypeAlias = tuple[Posture | None, bool, bool]
Values: TypeAlias = tuple[float, ...]
"""One value for each of `PARAMETERS`, in their order."""

LATE_S: Final = 0.25
"""Seconds after the end from which on a later word costs: the 95th percentile may be 0.35 s."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One combination on one track."""

    mistakes: int
    """Repetitions miscounted, not matched, or taken for another exercise's."""
    cost: float
    """Seconds, summed over the matched repetitions: mean error of a boundary, and delay beyond `LATE_S`."""
    matched: int
    seen: Mapping[str, tuple[int, ...]]
    """By parameter, what its gates asked: bit k is set if the k-th value would have let it pass."""

    def same_with(self, name: str, one: float, other: float) -> bool:
        """Whether that parameter can move between these values and leave every event as it is."""
        if name not in self.seen:
            return False
        values = PARAMETERS[name]
        first, second = values.index(one), values.index(other)
        return all((mask >> first & 1) == (mask >> second & 1) for mask in self.seen[name])


def attempt(track: Track, values: Values) -> Outcome:
    """Run the segmenter with these values over that track."""
    combination = dict(zip(PARAMETERS, values, strict=True))
    seen: dict[str, set[int]] = {}

    def watch(gate: Gate, others: Mapping[str, tuple[Gate, ...]]) -> Gate:
        masks = [(seen.setdefault(name, set()), gates) for name, gates in others.items()]
        watched = {slot: getattr(gate, slot) for slot in Gate.__slots__}
        return _Watched(**watched, masks=tuple(masks))

    settings = settings_of(combination)
    segmenter = _Segmenter(settings, exercises_of(combination, watch), _read(track, settings.signal))
    events = [event for pose in track.poses for event in segmenter.push(pose)] + segmenter.flush()
    mistakes, cost, matched = _weigh(track.truth, events)
    return Outcome(mistakes, cost, matched, {name: tuple(sorted(masks)) for name, masks in seen.items()})


class _Segmenter(Segmenter):
    """One that finds its poses already read, which is half of the work and seldom differs between trials."""

    def __init__(
        self, settings: SegmenterSettings, exercises: Sequence[Exercise], postures: Iterable[_Read]
    ) -> None:
        super().__init__(settings, exercises)
        self._reader = _Reader(settings.signal, postures)
        self._advisor = _NoAdvisor(settings.advice)


class _Reader(PostureReader):
    """Hands out what another reader made of the same poses."""

    def __init__(self, settings: SignalSettings, postures: Iterable[_Read]) -> None:
        super().__init__(settings)
        self._postures = iter(postures)

    def read(self, pose: Pose) -> Posture | None:  # noqa: ARG002 # named as in the reader
        posture, self.somebody_else, self.returned = next(self._postures)
        return posture


class _NoAdvisor(Advisor):
    """Set-up advice changes no event."""

    def push(self, pose: Pose, exercise: Exercise | None) -> None:
        """Nothing."""


@lru_cache(maxsize=512)
def _read(track: Track, settings: SignalSettings) -> tuple[_Read, ...]:
    """Of each pose its posture, whether somebody else came, and whether they had been there before."""
    reader = PostureReader(settings)
    return tuple((reader.read(pose), reader.somebody_else, reader.returned) for pose in track.poses)


@dataclass(frozen=True, slots=True)
class _Watched(Gate):
    """A gate that notes which values of its bounds would have let each movement pass."""

    masks: tuple[tuple[set[int], tuple[Gate, ...]], ...] = field(default=(), compare=False)

    def margin(self, start: float, turn: float, end: float) -> float:
        """As the gate itself."""
        for masks, gates in self.masks:
            masks.add(sum(1 << k for k, gate in enumerate(gates) if gate.margin(start, turn, end) >= 0))
        return Gate.margin(self, start, turn, end)


def _weigh(truth: Annotation | tuple[TrueRep, ...], events: Sequence[Event]) -> tuple[int, float, int]:
    """Mistakes, cost and matched repetitions."""
    if isinstance(truth, dict):
        found = score(truth, events)
        wrong = sum(not m.exercise_right for m in found.matched)
        mistakes = max(found.off_by, found.expected - len(found.matched) + wrong)
        cost = sum(float(np.mean(m.errors)) + max(0.0, m.delay - LATE_S) for m in found.matched)
        return mistakes, cost, len(found.matched)
    tally = Tally()
    tally.add(truth, [event for event in events if isinstance(event, RepEnded)])
    cost = float(np.abs(tally.errors).sum()) / 3 + sum(max(0.0, delay - LATE_S) for delay in tally.delays)
    return tally.reps - tally.right + tally.extra, cost, tally.right


class Trials:
    """All outcomes known, in memory and in a file that a later run reads again. To be entered by `with`.

    The file is named after everything that an outcome depends on: the segmenter's code, the tracks, the
    parameters. Each line is one outcome; a line that a killed run left unfinished is passed over.
    """

    def __init__(self, shared: Path, folder: Path | None = None, workers: int = 1) -> None:
        self._shared = shared
        self._tracks = _tracks(shared)
        folder = folder or platformdirs.user_cache_path("streamaqa") / "bench"
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"trials-{_version(self._tracks.values())}.jsonl"
        self._known: dict[tuple[str, str], Outcome] = dict(self._read())
        # Threads of a progress bar do not survive a fork.
        self._pool = ProcessPoolExecutor(workers, get_context("spawn")) if workers > 1 else None
        self.tried = 0
        """Runs of the segmenter so far; what was known or could be told without is not counted."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    @property
    def names(self) -> list[str]:
        """Of all tracks: recordings, then drawn ones."""
        return list(self._tracks)

    def outcome(self, track: str, values: Values) -> Outcome:
        """A known one; KeyError if it was not asked for by `know`."""
        return self._known[track, _key(values)]

    def know(self, wanted: Mapping[tuple[str, Values], Values]) -> None:
        """Find out about these tracks and values; each is given with values that are known and near."""
        missing = [
            (track, values)
            for (track, values), near in wanted.items()
            if (track, _key(values)) not in self._known and not self._told(track, values, near)
        ]
        self.tried += len(missing)
        with self._path.open("a", encoding="utf-8") as file:
            for (track, values), outcome in zip(missing, self._attempts(missing), strict=True):
                self._known[track, _key(values)] = outcome
                file.write(json.dumps([track, _key(values), *_line(outcome)]) + "\n")
                file.flush()

    def _told(self, track: str, values: Values, near: Values) -> bool:
        """Whether the outcome is the one of the values near it, which is noted then."""
        moved = [
            (name, one, other)
            for name, one, other in zip(PARAMETERS, near, values, strict=True)
            if one != other
        ]
        outcome = self._known.get((track, _key(near)))
        if outcome is None or len(moved) != 1 or not outcome.same_with(*moved[0]):
            return False
        self._known[track, _key(values)] = outcome
        return True

    def _attempts(self, missing: Sequence[tuple[str, Values]]) -> Iterator[Outcome]:
        if self._pool is None:
            return (attempt(self._tracks[track], values) for track, values in missing)
        names, values = zip(*missing, strict=True) if missing else ((), ())
        return self._pool.map(_attempt, repeat(self._shared), names, values, chunksize=4)

    def _read(self) -> Iterator[tuple[tuple[str, str], Outcome]]:
        if not self._path.is_file():
            return
        lines = self._path.read_text(encoding="utf-8")
        if lines and not lines.endswith("\n"):
            lines = lines[: lines.rfind("\n") + 1]
            self._path.write_text(lines, encoding="utf-8")
        for line in lines.splitlines():
            track, key, mistakes, cost, matched, seen = json.loads(line)
            told = {name: tuple(masks) for name, masks in seen.items()}
            yield (track, key), Outcome(mistakes, cost, matched, told)


def _line(outcome: Outcome) -> tuple[int, float, int, dict[str, tuple[int, ...]]]:
    return outcome.mistakes, outcome.cost, outcome.matched, dict(outcome.seen)


@cache
def _tracks(shared: Path) -> dict[str, Track]:
    """All tracks by name; each process makes them once."""
    return {track.name: track for track in [*recordings(shared), *drawn()]}


def _attempt(shared: Path, name: str, values: Values) -> Outcome:
    return attempt(_tracks(shared)[name], values)


def _key(values: Values) -> str:
    return hashlib.sha256(repr(values).encode()).hexdigest()[:20]


def _version(tracks: Iterable[Track]) -> str:
    """Changes with the segmenter's code, the tracks, and what is searched or weighed here."""
    package = Path(streamaqa.segmentation.__file__).parent
    sources = [*sorted(package.glob("*.py")), Path(streamaqa.motion.__file__), Path(__file__)]
    digest = hashlib.sha256(repr(PARAMETERS).encode())
    for source in sources:
        digest.update(source.read_bytes())
    for track in tracks:
        digest.update(repr((track.name, track.truth)).encode())
        digest.update(np.array([pose.time for pose in track.poses]).tobytes())
        for pose in track.poses:
            digest.update(pose.image.tobytes())
            digest.update(pose.world.tobytes())
    return digest.hexdigest()[:16]
