"""The client of the GPU worker: `assessor: llava`."""

from streamaqa.assessment.remote.assessor import LlavaAssessor
from streamaqa.assessment.remote.settings import RemoteSettings

__all__ = ["LlavaAssessor", "RemoteSettings"]
