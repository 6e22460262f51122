"""What is said of a repetition: the `Assessor` seam and who implements it."""

from streamaqa.assessment.base import Assessor
from streamaqa.assessment.calibration import Calibration, Threshold
from streamaqa.assessment.kinematic import KinematicAssessor, KinematicSettings, Reading, Shown

__all__ = [
    "Assessor",
    "Calibration",
    "KinematicAssessor",
    "KinematicSettings",
    "Reading",
    "Shown",
    "Threshold",
]
