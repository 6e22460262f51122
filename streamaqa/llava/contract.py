"""What weights were trained under, saved beside them: serving by another contract is an error, not a bad
answer.

`contract.json`:

    {"dialogue": "1", "plan": {"unit": "rep", "sampling": "uniform", "frames": 32, "fps": null, "crop":
    "none"}, "vocabulary": {"Squat": ["knees forward", "knees inward", "shallow depth"], ...}}

Weights without one, such as the original checkpoint, are served under the configured plan and marked
`untrained`. This module needs no torch: the edge compares contracts too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import ValidationError

from streamaqa import dialogue
from streamaqa.errors import WeightsError
from streamaqa.exercises import OVERHEAD_PRESS, SQUAT, Exercise
from streamaqa.settings import Settings
from streamaqa.windows import PAPER_PLAN, WindowPlan

FILE = "contract.json"


class Contract(Settings):
    """How the windows were cut, how the model was asked, and which words its answers use."""

    dialogue: str
    """`dialogue.VERSION` at training time."""
    plan: WindowPlan
    vocabulary: Mapping[str, tuple[str, ...]]
    """The words of each exercise the question named, in order, to the words of its errors."""

    @classmethod
    def of(
        cls, plan: WindowPlan = PAPER_PLAN, vocabulary: Iterable[Exercise] = (SQUAT, OVERHEAD_PRESS)
    ) -> Contract:
        """The contract of this code for that plan and those exercises."""
        words = {known.words: tuple(error.words for error in known.errors) for known in vocabulary}
        return cls(dialogue=dialogue.VERSION, plan=plan, vocabulary=words)

    @classmethod
    def load(cls, folder: Path) -> Contract | None:
        """The contract beside the weights; None if they have none. WeightsError if it cannot be read."""
        path = folder / FILE
        if not path.exists():
            return None
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise WeightsError(f"{path}: no contract can be read there: {error}") from error

    def save(self, folder: Path) -> None:
        """Write what `load` reads."""
        (folder / FILE).write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")

    def check(self, wanted: Contract, whose: str) -> None:
        """WeightsError, saying what was found and what was wanted, unless the two are the same."""
        differences = []
        if self.dialogue != wanted.dialogue:
            differences.append(f"dialogue version {self.dialogue!r}, wanted {wanted.dialogue!r}")
        if self.plan != wanted.plan:
            found, asked = self.plan.model_dump(), wanted.plan.model_dump()
            differences += [
                f"plan.{key} {found[key]!r}, wanted {asked[key]!r}"
                for key in found
                if found[key] != asked[key]
            ]
        # the question names the exercises in order, so the order is part of the contract
        if list(self.vocabulary.items()) != list(wanted.vocabulary.items()):
            differences.append(f"vocabulary {_listed(self)}, wanted {_listed(wanted)}")
        if differences:
            raise WeightsError(f"{whose}: trained under another contract: {'; '.join(differences)}")


def _listed(contract: Contract) -> str:
    return ", ".join(f"{words} ({', '.join(errors)})" for words, errors in contract.vocabulary.items())
