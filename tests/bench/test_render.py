from __future__ import annotations

import io
import os

from rich.console import Console

from streamaqa.bench.render import measure, table


def test_it_measures_each_size_and_frees_the_cores_again() -> None:
    cores = os.sched_getaffinity(0)
    result = measure(sizes=((64, 96), (112, 112)), seconds=0.3)

    assert [row.size for row in result.rows] == [(64, 96), (112, 112)]
    assert all(row.frames_per_second > 0 and row.frames_per_cpu_second > 0 for row in result.rows)
    assert os.sched_getaffinity(0) == cores
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(table(result))
    assert "112x112" in console.export_text()
