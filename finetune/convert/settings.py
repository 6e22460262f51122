"""What can be chosen about a conversion, and how a plan is written on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from streamaqa.errors import UsageError
from streamaqa.settings import Settings
from streamaqa.windows import PAPER_PLAN, WindowPlan

FIELDS = ("unit", "sampling", "frames", "fps", "crop")
"""Of a plan, in the order of `rep,uniform,32,null,none`."""


class ConvertSettings(Settings):
    """How clips become conversations. The defaults are the paper's, but for validation, which stays apart."""

    plan: WindowPlan = PAPER_PLAN
    reps: Literal["whole", "found"] = "whole"
    """`whole`: a clip is one repetition, as in the paper. `found`: the segmenter finds them."""
    no_rep: Literal["whole", "skip"] = "whole"
    """Where the segmenter finds no repetition: the whole clip, or no conversation from this clip."""
    many_reps: Literal["longest", "each", "skip"] = "each"
    """Where it finds several."""
    min_share: float = Field(default=0.25, ge=0, le=1)
    """An interval that a window shows in part counts if this share of it is in the window, or if it covers
    this share of the window. A quarter: a fault about the turn counts in both phases where they halve it, and
    only in the phase that holds it where a sliver reaches into the other."""
    times: bool = True
    """Whether questions and answers about videos tell times."""
    named: Literal["each", "longest"] = "each"
    """What an answer says of an error with several intervals in one window. `each` names it once for each;
    `longest` once, with the longest, which is what answers read under the grammar can say."""
    hull: bool = False
    """First of all, join a clip's intervals of one error into (first start, last end), as the paper."""
    join_val: bool = False
    """Train on the validation split too, as the paper."""
    paraphrase: bool = False
    """Vary the wording of training conversations."""
    seed: int = 0
    """Of the choice of wordings."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.plan.unit == "phase" and self.reps == "whole":
            raise ValueError("a plan by phases needs --reps found: a whole clip has no phases")
        return self


def read_plan(text: str) -> WindowPlan:
    """A plan as `unit,sampling,frames[,fps[,crop]]`, as JSON, or as the name of a YAML or JSON file.

    UsageError says what is wrong with it.
    """
    values: Any
    try:
        if text.lstrip().startswith("{"):
            values = yaml.safe_load(text)
        elif text.endswith((".yaml", ".yml", ".json")):
            values = yaml.safe_load(Path(text).read_text(encoding="utf-8"))
        else:
            written = [part.strip() for part in text.split(",")]
            if len(written) > len(FIELDS):
                raise UsageError(f"--plan {text}: {len(written)} fields, wanted {','.join(FIELDS)}")
            values = {
                name: None if value in ("null", "none") and name == "fps" else value
                for name, value in zip(FIELDS, written, strict=False)
            }
        return WindowPlan.model_validate(values)
    except OSError as error:
        raise UsageError(f"--plan {text}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise UsageError(f"--plan {text}: neither YAML nor JSON") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "plan"
        raise UsageError(f"--plan {text}: {where}: {first['msg']}") from None
