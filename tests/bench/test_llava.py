"""The bench runs, counts what it says it counts, and its limit is the reference's."""

from __future__ import annotations

import dataclasses
import json

import pytest
from rich.console import Console

from streamaqa.errors import UsageError

torch = pytest.importorskip("torch", reason="the model needs torch: pip install -e '.[llava]'")

from streamaqa.bench import llava  # noqa: E402  after the check that torch is there
from streamaqa.llava.config import LlavaVideoConfig  # noqa: E402  likewise
from streamaqa.llava.cost import Costs  # noqa: E402  likewise


def test_a_tiny_run_fills_every_column() -> None:
    result = llava.measure("tiny", frames=(2,), rounds=2, batches=(2,))
    (row,) = result.rows
    assert row.total_ms.p50 > 0
    assert row.passes * 3 <= row.plain_passes
    assert row.best_batch in (1, 2)
    json.dumps(dataclasses.asdict(result))
    console = Console(width=250, record=True)
    console.print(llava.table(result))
    assert "read-out" in console.export_text()


def test_only_random_weights_are_measured() -> None:
    with pytest.raises(UsageError, match="only random weights"):
        llava.measure("tiny", weights="trained")


def test_the_counted_work_is_the_references() -> None:
    costs = Costs(LlavaVideoConfig.published("7b"))
    assert costs.vision(32).flop == pytest.approx(21.3e12, rel=0.01)
    assert costs.prefill(6720 + 300).flop == pytest.approx(101.5e12, rel=0.01)
    seconds = costs.vision(32).seconds(790e12, 4.3e12) + costs.prefill(7020).seconds(790e12, 4.3e12)
    assert seconds == pytest.approx(0.155, abs=0.001)
    token = costs.step(1, 7020)
    assert token.seconds(790e12, 4.3e12) == pytest.approx(3.4e-3, abs=1.5e-4)
