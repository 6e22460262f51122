"""From frames to what a model sees: the plan, the frame buffer, JPEG and crop. Training and serving share it.

A unit (a repetition, or one of its phases) is cut into windows of at most 32 frames by a `WindowPlan`, which
is part of the weights' contract. The index functions know no pictures, so training plans with the same code;
`encode`, `decode` and `crop` are the frame path that training clips pass through as well.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Annotated, Literal, TypeAlias

import numpy as np
from annotated_types import Gt
from numpy.typing import NDArray
from pydantic import Field, PositiveFloat, PositiveInt

from streamaqa.errors import WindowError
from streamaqa.settings import Settings
from streamaqa.types import Frame, Phase, PhaseKind, Pose, Rep

MAX_FRAMES = 32
"""Frames of one window: LLaVA-Video's fine-tuning and the paper use 32, 210 visual tokens each."""
