"""What is asked of the last seconds of a signal."""

from __future__ import annotations

from dataclasses import replace

from test_phases import STANDING

from streamaqa.segmentation.past import Past, Sample
from streamaqa.segmentation.settings import PhaseSettings


def test_who_was_hidden_is_not_said_to_have_stood_still() -> None:
    kept = Past(PhaseSettings())

    def seen_at(time: float) -> None:
        kept.append(Sample(time, 0.0, 0.0, replace(STANDING, time=time)))

    for number in range(30):
        seen_at(number / 30)
    assert kept.still(0.5) == 0.0
    seen_at(kept.last.time + 0.6)
    assert kept.still(0.5) is None
