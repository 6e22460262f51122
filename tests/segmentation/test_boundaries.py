"""Where a movement is cut, on signals made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from streamaqa.segmentation.boundaries import Cut, read
from streamaqa.segmentation.filter import Array
from streamaqa.segmentation.settings import PhaseSettings

PHASE_S = 3.0
CROSSING = 0.189
"""Share of a minimum-jerk movement's time at which 5 % of its way is done."""
REST_S = 1.0


def slow_rep(back_to: float = 0.0) -> tuple[Array, Array]:
    """Up to 1 and down again in three seconds each, along minimum-jerk curves, after a second of rest."""
    t = np.arange(0.0, REST_S + 2 * PHASE_S + 1.0, 1 / 30)

    def way(begin: float) -> Array:
        s = np.clip((t - begin) / PHASE_S, 0.0, 1.0)
        return np.asarray(s**3 * (10 - 15 * s + 6 * s**2))

    return t, way(REST_S) - (1.0 - back_to) * way(REST_S + PHASE_S)


def cut(t: Array, x: Array, until: float) -> Cut:
    return read(t[t <= until], x[t <= until], REST_S + 1.0, 0.0, PhaseSettings())


def test_a_whole_movement_is_cut_at_five_per_cent_of_its_range() -> None:
    found = cut(*slow_rep(), until=10.0)
    assert found.start == pytest.approx(REST_S + CROSSING * PHASE_S, abs=0.03)
    assert found.turn == pytest.approx(REST_S + PHASE_S, abs=0.03)
    assert found.end == pytest.approx(REST_S + (2 - CROSSING) * PHASE_S, abs=0.03)


@pytest.mark.parametrize("share", [0.83, 0.87, 0.92])
def test_a_movement_that_is_said_before_it_is_home_ends_where_it_will(share: float) -> None:
    """The share of the way back's time that has been seen; at 0.83 some 4 % of the way are left."""
    found = cut(*slow_rep(), until=REST_S + (1 + share) * PHASE_S)
    assert found.end == pytest.approx(REST_S + (2 - CROSSING) * PHASE_S, abs=0.05)


def test_a_lifter_who_stops_short_ends_where_they_stop() -> None:
    found = cut(*slow_rep(back_to=0.3), until=10.0)
    assert found.second_range == pytest.approx(0.7, abs=0.02)
    assert found.end == pytest.approx(REST_S + (2 - CROSSING) * PHASE_S, abs=0.03)
