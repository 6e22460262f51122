"""Leave-one-out: each recording is scored with parameters chosen without it.

For each fold a coordinate descent goes through `segment_space.PARAMETERS`, one after another and over again,
and takes the value with which the other tracks have fewest mistakes, then the least cost; of values that are
as good, the middle one, which is farthest from where it goes wrong. All folds go in step, so that what one
finds out serves the others: most choose alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

from streamaqa.bench.annotated import AnnotatedResult, Annotation, annotations_in, rest, run, score, sum_up
from streamaqa.bench.segment_space import PARAMETERS, exercises_of, settings_of, shipped, start
from streamaqa.bench.segment_trials import Outcome, Trials, Values
from streamaqa.sources.pose_track import PoseTrackSource

SWEEPS: Final = 2
"""Passes through all parameters, at most; each costs as much again."""
ALIKE: Final = 0.01
"""Share of the cost within which two values are as good as each other."""
DRAWN_SHARE: Final = 0.5
"""What drawn repetitions' cost counts beside recorded ones': they keep the choice from overfitting."""
FILM_MAKER: Final = "MuscleWiki"
"""The one whose films of the same lifter came by several repositories."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One parameter over all folds."""

    name: str
    shipped: float
    start: float
    chosen: dict[float, int]
    """Value to the number of folds that chose it."""


@dataclass(frozen=True, slots=True)
class HeldOutResult:
    """Recordings scored with parameters chosen without them."""

    left_out: str
    """What each fold does without: "recording", or "source" with all that are of it."""
    folds: int
    figures: AnnotatedResult
    choices: tuple[Choice, ...]

    @property
    def shipped_share(self) -> float:
        """How often a fold chose the shipped value, in [0, 1]."""
        taken = sum(choice.chosen.get(choice.shipped, 0) for choice in self.choices)
        return taken / (self.folds * len(self.choices))


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What `measure_held_out` found."""

    by_recording: HeldOutResult
    by_source: HeldOutResult
    nothing_left_out: AnnotatedResult
    """Chosen by all recordings and scored on them, which flatters."""


def source_of(annotation: Annotation) -> str:
    """The same for recordings that may be of one person, one film or one way of cutting."""
    told = annotation["source"]
    return FILM_MAKER if FILM_MAKER in told["license"] else str(told["repository"])


def measure_held_out(shared: Path, folder: Path | None = None, workers: int = 1) -> SearchResult:
    """Choose and score for every recording and every source.

    `folder` keeps what was tried; a run that was stopped goes on from there.
    """
    entries = {entry["name"]: entry for entry in annotations_in(shared)}
    sources = {name: source_of(entry) for name, entry in entries.items()}
    with Trials(shared, folder, workers) as trials:
        without = {
            **{name: frozenset([name]) for name in entries},
            **{
                source: frozenset(name for name in entries if sources[name] == source)
                for source in sources.values()
            },
            "": frozenset[str](),
        }
        folds = {fold: frozenset(trials.names) - left for fold, left in without.items()}
        chosen = search(folds, trials)
    by_source = {name: chosen[source] for name, source in sources.items()}
    return SearchResult(
        _held_out("recording", shared, {name: chosen[name] for name in entries}, chosen, list(entries)),
        _held_out("source", shared, by_source, chosen, sorted(set(sources.values()))),
        _scored(shared, dict.fromkeys(entries, chosen[""])),
    )


class Known(Protocol):
    """What a search needs of `Trials`."""

    def know(self, wanted: Mapping[tuple[str, Values], Values]) -> None:
        """Find out about these tracks and values."""

    def outcome(self, track: str, values: Values) -> Outcome:
        """One of those found out."""


def search(folds: Mapping[str, frozenset[str]], trials: Known, sweeps: int = SWEEPS) -> dict[str, Values]:
    """The values chosen by the tracks of each fold."""
    current: dict[str, Values] = dict.fromkeys(folds, tuple(start().values()))
    columns = (*Progress.get_default_columns()[:3], MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Leave-one-out", total=sweeps * len(PARAMETERS))
        origin = tuple(start().values())
        trials.know({(track, origin): origin for names in folds.values() for track in names})
        for sweep in range(sweeps):
            before = dict(current)
            for index, name in enumerate(PARAMETERS):
                progress.update(task, description=f"Round {sweep + 1}, {name}")
                current = _step(index, current, folds, trials)
                progress.advance(task)
            if current == before:
                break
    return current


def _step(
    index: int, current: Mapping[str, Values], folds: Mapping[str, frozenset[str]], trials: Known
) -> dict[str, Values]:
    """Choose one parameter anew in every fold."""
    values = tuple(PARAMETERS.values())[index]
    candidates = {
        fold: [(*now[:index], value, *now[index + 1 :]) for value in sorted(values)]
        for fold, now in current.items()
    }
    trials.know(
        {
            (track, candidate): current[fold]
            for fold, several in candidates.items()
            for candidate in several
            for track in folds[fold]
        }
    )
    return {fold: _best(several, sorted(folds[fold]), trials) for fold, several in candidates.items()}


def _best(candidates: Sequence[Values], tracks: Sequence[str], trials: Known) -> Values:
    """The middle one of those that are as good as the best."""
    losses = [_loss(candidate, tracks, trials) for candidate in candidates]
    fewest, least = min(losses)
    good = [
        (candidate, loss)
        for candidate, loss in zip(candidates, losses, strict=True)
        if loss[0] == fewest and loss[1] <= (1 + ALIKE) * least
    ]
    middle = good[(len(good) - 1) // 2 : len(good) // 2 + 1]
    return min(middle, key=lambda one: one[1])[0]


def _loss(values: Values, tracks: Sequence[str], trials: Known) -> tuple[int, float]:
    """Mistakes, and mean cost of a matched repetition."""
    outcomes = {track: trials.outcome(track, values) for track in tracks}
    real = [outcome for track, outcome in outcomes.items() if not track.startswith("drawn")]
    drawn = [outcome for track, outcome in outcomes.items() if track.startswith("drawn")]
    means = [sum(o.cost for o in part) / max(sum(o.matched for o in part), 1) for part in (real, drawn)]
    return sum(outcome.mistakes for outcome in outcomes.values()), means[0] + DRAWN_SHARE * means[1]


def _held_out(
    left_out: str,
    shared: Path,
    by_recording: Mapping[str, Values],
    chosen: Mapping[str, Values],
    folds: list[str],
) -> HeldOutResult:
    first, as_shipped = start(), shipped()
    choices = tuple(
        Choice(name, as_shipped[name], first[name], dict(Counter(chosen[fold][index] for fold in folds)))
        for index, name in enumerate(PARAMETERS)
    )
    return HeldOutResult(left_out, len(folds), _scored(shared, by_recording), choices)


def _scored(shared: Path, chosen: Mapping[str, Values]) -> AnnotatedResult:
    """Each recording with its own values."""
    plain, rested = [], []
    for entry in annotations_in(shared):
        combination = dict(zip(PARAMETERS, chosen[entry["name"]], strict=True))
        settings, exercises = settings_of(combination), exercises_of(combination)
        track = list(PoseTrackSource(shared / entry["poses"]).poses())
        plain.append(score(entry, run(track, settings, exercises)))
        rested.append(score(entry, run(rest(track), settings, exercises)))
    return sum_up(plain, rested)
