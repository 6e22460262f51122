"""From training records to balanced ones: `balance.json` is written last, so where it is, everything is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from finetune.augment import Augmentation, Person, Recipe, augmented, draw, draw_kind, sample_of
from finetune.augment.recipes import shuffled
from finetune.augment.records import kinds
from finetune.balance.assumptions import assumptions
from finetune.balance.chart import Bars, chart
from finetune.balance.classes import Class, classes_of, counts
from finetune.balance.strategies import Balancing, Phase, Pick, Strategy, after, balance, identical
from finetune.records import Record, write_whole
from finetune.training_folder import BALANCED, TrainingFolder, claimed, write_phases, write_summary
from streamaqa.errors import UsageError

CHART: Final = "balance.png"
WEIGHTS: Final = "weights.json"


@dataclass(frozen=True, slots=True)
class Balanced:
    """What was made."""

    classes: Mapping[str, Class]
    """By id of each record that came in."""
    phases: Mapping[str, tuple[Record, ...]]
    """Records of each phase, classes mixed: a trainer that reads in order sees no class in one piece."""
    plan: tuple[Phase, ...]
    how: Balancing

    @property
    def before(self) -> dict[Class, int]:
        """Samples of each class that came in."""
        return counts(self.classes.values())

    def bars(self) -> dict[Class, Bars]:
        """Counts before, and in the last phase."""
        last = self.plan[-1]
        expected = after(last, self.classes)
        copies = Counter(self.classes[pick.id] for pick in last.picks if pick.copy)
        return {
            one: Bars(count, expected[one] - copies[one], copies[one]) for one, count in self.before.items()
        }


def make(
    records: Sequence[Record],
    how: Balancing,
    people: Mapping[str, Person] | None = None,
) -> Balanced:
    """Balance records. The same records in any order, and the same `how`, give the same result.

    Args:
        records: of training, with distinct ids.
        how: strategy, seed and the choices that the paper leaves open.
        people: by clip where the lifter is, for the mild recipe's crops.

    Raises:
        UsageError: a record is of the test split, is augmented already or cannot be flipped.
    """
    for record in records:
        if record.split == "test":
            raise UsageError(f"{record.id}: is of the test split, which is never trained on")
    classes = classes_of(records)
    by_id = {record.id: record for record in records}
    plan = balance(classes, how)
    phases: dict[str, tuple[Record, ...]] = {}
    for phase in plan:
        made: dict[str, Record] = {}
        for pick in phase.picks:
            one = _copy(by_id[pick.id], pick, how, people)
            made[one.id] = one
        phases[phase.name] = tuple(made[name] for name in shuffled(list(made), "order", how.seed, phase.name))
    return Balanced(classes, phases, plan, how)


def _copy(record: Record, pick: Pick, how: Balancing, people: Mapping[str, Person] | None) -> Record:
    if not pick.copy:
        return record
    return augmented(record, _augmentation(record, pick, how, people), pick.copy)


def _augmentation(
    record: Record, pick: Pick, how: Balancing, people: Mapping[str, Person] | None
) -> Augmentation:
    if pick.kind is not None:
        return draw_kind(pick.kind, record.id, pick.copy, how.seed)
    return draw(Recipe.MILD, sample_of(record, people), pick.copy, how.seed)


# --- writing ---------------------------------------------------------------------------------------------


def write(balanced: Balanced, out: Path, source: TrainingFolder) -> None:
    """Write the folder; UsageError if it holds other things. What an earlier run left there is replaced."""
    with claimed(out):
        files = write_phases(out, balanced.phases, source.media)
        (out / WEIGHTS).unlink(missing_ok=True)
        for phase in balanced.plan:
            if phase.weights is not None:
                lines = ",\n".join(f" {json.dumps(name)}: {w!r}" for name, w in sorted(phase.weights.items()))
                write_whole(out / WEIGHTS, "{\n" + lines + "\n}\n")
        write_whole(out / CHART, picture(balanced))
        write_summary(out / BALANCED, files, source.media, source.poses, summary(balanced))


def picture(balanced: Balanced) -> bytes:
    """The bar chart, a PNG."""
    strategy, last = balanced.how.strategy, balanced.plan[-1].name
    if strategy is Strategy.INVERSE_FREQUENCY:
        return chart(balanced.bars(), f"{strategy}: samples of each class", "samples", "expected draws", None)
    before = "before (phase one)" if strategy is Strategy.TWO_STEP else "before"
    now = "phase two" if strategy is Strategy.TWO_STEP else "after"
    copies = "flipped" if strategy is Strategy.TWO_STEP else "augmented copies"
    title = f"{strategy}: samples of each class, {last}.json"
    return chart(balanced.bars(), title, before, f"{now}: as recorded", f"{now}: {copies}")


def summary(balanced: Balanced) -> dict[str, Any]:
    """What `balance.json` holds: how, under which assumptions, and counts before and after."""
    how = balanced.how
    return {
        "strategy": str(how.strategy),
        "configuration": asdict(how) | {"within": str(how.scope)},
        "assumptions": list(assumptions(how)),
        "before": _table(balanced.before),
        "after": {phase.name: _after(phase, balanced) for phase in balanced.plan},
    }


def _after(phase: Phase, balanced: Balanced) -> dict[str, Any]:
    classes = balanced.classes
    told: dict[str, Any] = {
        "file": f"{phase.name}.json",
        "samples": len(phase.picks),
        "counts": _table(Counter(classes[pick.id] for pick in phase.picks)),
        "augmentations": kinds(balanced.phases[phase.name]),
        "same_as_another_copy": identical(phase.picks),
    }
    if phase.weights is not None:
        told["expected_draws"] = {str(k): round(v, 3) for k, v in after(phase, classes).items()}
        told["weights"] = WEIGHTS
    return told


def _table(table: Mapping[Class, int]) -> dict[str, int]:
    return {str(one): table[one] for one in counts(table)}
