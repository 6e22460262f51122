"""Evaluates assessors on a split of a data set in Fitness-AQA's layout.

Whoever is evaluated is a `Judge` (see `judges`): the kinematic assessor, any other `Assessor` of serving
(`AssessorJudge`), a model that reads windows (`WindowJudge`), or a control that does not look. A judge gets
pictures and poses and never labels. Thresholds and calibration come from the validation split alone; a video
is scored whole, against its own intervals, however many windows it was cut into.
"""

from __future__ import annotations

from finetune.evaluate.assessors import AssessorJudge, KinematicJudge
from finetune.evaluate.controls import Blind, Constant, Duration, Prior
from finetune.evaluate.evaluation import Evaluation, Evaluator, engine_yaml
from finetune.evaluate.figures import ErrorFigures, Figures, figures
from finetune.evaluate.fitting import Fitted, Sample, Validation, fit
from finetune.evaluate.judges import Found, Judge, Verdict
from finetune.evaluate.material import Library, Material
from finetune.evaluate.windows import WindowJudge, WindowReader

__all__ = [
    "AssessorJudge",
    "Blind",
    "Constant",
    "Duration",
    "ErrorFigures",
    "Evaluation",
    "Evaluator",
    "Figures",
    "Fitted",
    "Found",
    "Judge",
    "KinematicJudge",
    "Library",
    "Material",
    "Prior",
    "Sample",
    "Validation",
    "Verdict",
    "WindowJudge",
    "WindowReader",
    "engine_yaml",
    "figures",
    "fit",
]
