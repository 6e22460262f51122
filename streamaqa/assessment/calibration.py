"""The numbers of the kinematic rules in one table, apart from the rules, so that fitting can replace them.

The vocabulary's own numbers are the start. `streamaqa-finetune` fits them on labelled repetitions and writes
a file that `KinematicSettings.calibration` names:

    {"version": "1", "rules": "5", "fitted_on": "Fitness-AQA train",
     "signs": {"squat.knees_forward.shank_overlean": {"threshold": 18.1, "softness": 1.4, "hold": 0.5}}}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, ValidationError

from streamaqa.errors import ConfigError
from streamaqa.exercises import Exercise
from streamaqa.settings import Settings

RULES: Final = "6"
"""The version of what signs measure. It goes up when a measure changes; numbers that were fitted on what it
said before mean nothing then. In an assessor's version the calibration's follows after a dot."""


class Threshold(Settings):
    """The numbers of one sign; see `signs.Sign` for what they mean."""

    threshold: Annotated[float, Field(allow_inf_nan=False)]
    softness: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    hold: Annotated[float, Field(ge=0, lt=1)]


class Calibration(Settings):
    """Thresholds by `<exercise>.<error>.<sign>`."""

    version: str = "1"
    rules: str = RULES
    """What was measured for it, see `RULES`; a file that does not say is taken to be of today."""
    fitted_on: str | None = None
    """Which labels it was fitted on; None for numbers set by hand, whose probabilities are no frequencies."""
    signs: Mapping[str, Threshold]

    @classmethod
    def of(cls, exercises: Iterable[Exercise]) -> Calibration:
        """The numbers that the vocabulary itself brings."""
        return cls(
            signs={
                f"{exercise.name}.{error.name}.{sign.name}": Threshold(
                    threshold=sign.threshold, softness=sign.softness, hold=sign.hold
                )
                for exercise in exercises
                for error in exercise.errors
                for sign in error.signs
            }
        )

    @classmethod
    def load(cls, path: Path, exercises: Iterable[Exercise]) -> Calibration:
        """The file's numbers over the vocabulary's.

        Raises ConfigError if it cannot be read, was fitted on other rules or names an unknown sign.
        """
        try:
            fitted = cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise ConfigError(f"{path}: the calibration cannot be read: {error.strerror}") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ConfigError(f"{path}: {where or 'file'}: {first['msg']}") from error
        if fitted.rules != RULES:
            raise ConfigError(
                f"{path}: rules: fitted on version {fitted.rules}, but signs are measured as in {RULES}; "
                "fit it again with `streamaqa-finetune evaluate`"
            )
        given = cls.of(exercises).signs
        if unknown := sorted(set(fitted.signs) - set(given)):
            raise ConfigError(f"{path}: signs.{unknown[0]}: no error of the vocabulary has this sign")
        return fitted.model_copy(update={"signs": {**given, **fitted.signs}})

    def save(self, path: Path) -> None:
        """Write what `load` reads."""
        path.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")
