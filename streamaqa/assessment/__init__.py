"""What is said of a repetition: the `Assessor` seam and who implements it."""

from streamaqa.assessment.base import Assessor
from streamaqa.assessment.kinematic import KinematicAssessor, KinematicSettings

__all__ = ["Assessor", "KinematicAssessor", "KinematicSettings"]
