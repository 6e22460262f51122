"""What is asked of the last seconds of a signal."""

from __future__ import annotations

from dataclasses import replace

from test_phases import STANDING

from streamaqa.segmentation.past import Past, Sample
from streamaqa.segmentation.settings import PhaseSettings


def past(values: list[float], since: float, fps: float) -> Past:
    kept = Past(PhaseSettings())
    for number, value in enumerate(values):
        time = since + number / fps
        kept.append(Sample(time, value, value, replace(STANDING, time=time)))
    return kept


def test_who_was_hidden_is_not_said_to_have_stood_still() -> None:
    kept = past([0.0] * 30, 0.0, 30.0)
    assert kept.still(0.5) == 0.0
    time = kept.last.time + 0.6
    kept.append(Sample(time, 0.0, 0.0, replace(STANDING, time=time)))
    assert kept.still(0.5) is None
