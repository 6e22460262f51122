"""Leave-one-out leaves out: a fold's choice is blind to what it is scored on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from streamaqa.bench import segment_trials
from streamaqa.bench.annotated import annotations_in
from streamaqa.bench.segment_held_out import measure_held_out, search, source_of
from streamaqa.bench.segment_space import PARAMETERS
from streamaqa.bench.segment_trials import Outcome, Values


class Known:
    """Trials whose outcome is a formula; notes what was asked for."""

    def __init__(self, outcome: Callable[[str, float], tuple[int, float]]) -> None:
        self.formula = outcome
        self.asked: set[tuple[str, Values]] = set()

    def know(self, wanted: Mapping[tuple[str, Values], Values]) -> None:
        self.asked |= wanted.keys()

    def outcome(self, track: str, values: Values) -> Outcome:
        assert (track, values) in self.asked
        mistakes, cost = self.formula(track, values[0])
        return Outcome(mistakes, cost, 1, {})


@pytest.fixture
def one() -> Iterator[tuple[float, ...]]:
    """Only one parameter to search: its values, sorted. All come back in their order, which matters."""
    kept = dict(PARAMETERS)
    for name in list(PARAMETERS)[1:]:
        del PARAMETERS[name]
    (values,) = PARAMETERS.values()
    yield tuple(sorted(values))
    PARAMETERS.clear()
    PARAMETERS.update(kept)


def chosen(known: Known, tracks: str = "abc") -> float:
    return search({"fold": frozenset(tracks)}, known)["fold"][0]


def test_fewer_mistakes_weigh_more_than_any_cost(one: tuple[float, ...]) -> None:
    right = Known(lambda _, value: (0, 9.0) if value == one[-1] else (1, 0.0))
    assert chosen(right) == one[-1]


def test_of_equal_mistakes_the_cheapest_is_chosen(one: tuple[float, ...]) -> None:
    assert chosen(Known(lambda _, value: (1, value))) == one[0]


def test_of_values_as_good_the_middle_one_is_chosen(one: tuple[float, ...]) -> None:
    wide = Known(lambda _, value: (int(value == one[-1]), 1.0))
    assert chosen(wide) == one[1]


def test_a_fold_never_asks_about_what_it_leaves_out(one: tuple[float, ...]) -> None:
    tempting = Known(lambda track, value: (0 if track != "c" else 10 * int(value != one[-1]), value))
    found = search({"c": frozenset("ab"), "": frozenset("abc")}, tempting)
    assert found["c"][0] == one[0]
    assert found[""][0] == one[-1]


def test_recordings_of_one_lifter_or_film_maker_are_one_source(shared: Path) -> None:
    sources = {entry["name"]: source_of(entry) for entry in annotations_in(shared)}
    presses = {source for name, source in sources.items() if name.startswith("shoulderpress_seated")}
    assert presses == {sources["neg_curl_front"]}
    assert len({source for name, source in sources.items() if "musclewiki" in name}) == 1
    assert sources["squat_barbell_rearobliq_1rep_fullset"] == sources["squat_barbell_rearobliq_1rep_trim"]
    assert len(set(sources.values())) == 14


def test_each_recording_is_scored_by_what_its_fold_chose(
    shared: Path, tmp_path: Path, one: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = annotations_in(shared)
    few = [entry for entry in entries if entry["name"] in ("neg_curl_front", "squat_kaiakol_correct_007")]
    monkeypatch.setattr("streamaqa.bench.segment_tracks.annotations_in", lambda _: few)
    monkeypatch.setattr("streamaqa.bench.segment_held_out.annotations_in", lambda _: few)
    monkeypatch.setattr(segment_trials, "drawn", list)
    segment_trials._tracks.cache_clear()
    try:
        result = measure_held_out(shared, tmp_path)
    finally:
        segment_trials._tracks.cache_clear()
    assert result.by_recording.folds == result.by_source.folds == 2
    assert [r.name for r in result.by_recording.figures.recordings] == [entry["name"] for entry in few]
    (choice,) = result.by_recording.choices
    assert sum(choice.chosen.values()) == 2
    assert result.by_recording.shipped_share == choice.chosen.get(choice.shipped, 0) / 2
