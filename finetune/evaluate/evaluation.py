"""The whole of an evaluation: floors from training labels, fitting on validation, figures on test."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finetune.clips import Clip
from finetune.evaluate.assessors import KinematicJudge
from finetune.evaluate.controls import Blind, Constant, Duration, Prior
from finetune.evaluate.figures import Figures, figures
from finetune.evaluate.fitting import Fitted, Sample, Validation, fit
from finetune.evaluate.judges import Judge
from finetune.evaluate.kinematic_fit import fit_kinematic
from finetune.evaluate.material import Library, Material
from finetune.evaluate.running import Judged, judge_all
from finetune.layout import Split
from streamaqa.assessment import Calibration
from streamaqa.errors import UsageError

Steps = Callable[[str, int], Callable[[], None]]
"""Told of a step's name and size, gives back what is called for each item done."""

PERSON_ERASED = "person erased"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of it."""

    data: str
    """Name of the data set's folder."""
    split: Split
    figures: Figures
    """Of the assessor."""
    controls: Mapping[str, Figures]
    """By name: `constant`, `blind window`, `duration only`, `person erased`."""
    fitted: Fitted
    samples: tuple[Sample, ...] = field(repr=False)
    """Of the assessor on the tested split, calibrated."""
    engine_calibration: Calibration | None = None
    """For the kinematic assessor: what the engine reads."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Clips by split."""

    def as_json(self) -> dict[str, Any]:
        """`metrics.json`, but for the published results."""
        return {
            "data": self.data,
            "split": self.split,
            "clips": dict(self.counts),
            "assessor": self.figures.as_json(),
            "fitted": self.fitted.model_dump(mode="json"),
            "controls": {name: one.as_json() for name, one in self.controls.items()},
        }


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Evaluates judges over one data set.

    Args:
        clips: of all splits. Labels of `train` give floors and controls, those of `val` what is fitted.
        library: gives judges their material.
        out: folder for verdicts; a run that was stopped goes on from there.
        strict: UsageError at the first damaged file, which is otherwise skipped and counted.
        split: what is tested: not `val`, on which everything is fitted.
        steps: told of progress.
    """

    clips: Sequence[Clip]
    library: Library
    out: Path
    strict: bool = False
    split: Split = "test"
    steps: Steps = lambda *_: lambda: None

    def __post_init__(self) -> None:
        """UsageError for a split that cannot be tested."""
        if self.split == "val":
            raise UsageError("the validation split is fitted on: test on another")

    def prior(self) -> Prior:
        """What the training labels alone say."""
        return Prior.of(self.of("train"))

    def of(self, split: Split) -> list[Clip]:
        """The clips of a split."""
        return [clip for clip in self.clips if clip.split == split]

    def run(self, judge: Judge, *, controls: bool = True) -> Evaluation:
        """Fit `judge` on validation, test it, and test the controls beside it.

        UsageError if a split that is needed is empty, or holds nothing that could be judged.
        """
        prior, name = self.prior(), self.library.root.resolve().name
        validated = self._validation(judge)
        calibration: Calibration | None = None
        notes: Mapping[str, str] = {}
        fitted_on = f"{name}, validation split, {len(validated.samples)} clips"
        if isinstance(judge, KinematicJudge):
            calibration, notes = fit_kinematic(judge, validated, self.library, fitted_on)
            judge = KinematicJudge(judge.settings, calibration)
            validated = self._validation(judge, "fitted")
        fitted = fit(validated, fitted_on, scale=calibration is None)
        fitted = fitted.model_copy(update={"notes": {**notes, **fitted.notes}})
        tested = self._judge(judge, self.split)
        samples = tuple(Sample(s.clip, fitted.apply(s.verdict)) for s in tested.samples)
        if not samples:
            raise UsageError(f"the {self.split} split holds nothing that {judge.name} could judge")
        others = self._controls(prior, judge, fitted) if controls else {}
        return Evaluation(
            data=name,
            split=self.split,
            figures=figures(judge.name, samples, fitted, told=judge.told, damaged=tested.damaged),
            controls=others,
            fitted=fitted,
            samples=samples,
            engine_calibration=calibration,
            counts={split: len(self.of(split)) for split in ("train", "val", "test")},
        )

    def _controls(self, prior: Prior, judge: Judge, fitted: Fitted) -> dict[str, Figures]:
        """Controls have their own thresholds from validation; erased clips are judged as the whole ones."""
        found = {}
        for control in (Constant(prior), Blind(prior), Duration(prior, self.of("train"))):
            own = fit(self._validation(control, keep=False), "validation split", scale=False)
            tested = self._judge(control, self.split, keep=False)
            found[control.name] = figures(control.name, tested.samples, own, told=control.told)
        erased = self._judge(judge, self.split, PERSON_ERASED, self.library.without_person)
        samples = [Sample(s.clip, fitted.apply(s.verdict)) for s in erased.samples]
        found[PERSON_ERASED] = figures(PERSON_ERASED, samples, fitted, told=judge.told)
        return found

    def _validation(self, judge: Judge, what: str = "", *, keep: bool = True) -> Validation:
        samples = self._judge(judge, "val", what, keep=keep).samples
        if not samples:
            raise UsageError(f"the validation split holds nothing that {judge.name} could judge")
        return Validation(samples)

    def _judge(
        self,
        judge: Judge,
        split: Split,
        what: str = "",
        material: Callable[[Clip], Material | None] | None = None,
        keep: bool = True,
    ) -> Judged:
        clips = self.of(split)
        title = " ".join(filter(None, [judge.name, what, f"on {split}"]))
        key = hashlib.sha256(f"{judge.key} {what}".encode()).hexdigest()[:16]  # another judge, another file
        return judge_all(
            judge,
            clips,
            material or self.library.material,
            self.library.root,
            self.out / f"{judge.name.replace(' ', '_')}-{split}-{key}.jsonl" if keep else None,
            strict=self.strict,
            done=self.steps(title, len(clips)),
        )


def engine_yaml(evaluation: Evaluation, calibration: Path | None) -> str:
    """What to put into the engine's configuration so that it judges as was tested.

    `calibration`: where the kinematic assessor's numbers were written.
    """
    thresholds = evaluation.fitted.thresholds
    lines = [
        "# Fitted on the validation split by `streamaqa-finetune evaluate`: merge into the engine's file."
    ]
    if calibration is not None:
        lines += ["assessor:", "  kind: kinematic", f"  calibration: {json.dumps(str(calibration))}"]
    if thresholds:
        lines.append("feedback:")
        lines.append("  thresholds:   # best F1 on the validation split; others stay at feedback.threshold")
    lines += [f"    {code}: {value:.6g}" for code, value in thresholds.items()]
    if len(lines) == 1:
        return "# Nothing could be fitted: the validation split has too few clips of either kind.\n"
    return "\n".join(lines) + "\n"
