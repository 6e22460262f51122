"""The segmenter's share of the pose model's time: that it is measured, not how much it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamaqa.bench import segment_cost
from streamaqa.bench.segment_cost import measure_cost
from streamaqa.errors import SourceError


@pytest.mark.usefixtures("pose_model")
def test_both_are_timed_on_the_same_pictures(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_cost, "FRAMES", 20)
    cost = measure_cost(shared)
    assert 0 < cost.segmenter_us < cost.model_us
    assert cost.share == cost.segmenter_us / cost.model_us


def test_a_missing_clip_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        measure_cost(tmp_path)
