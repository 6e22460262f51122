"""Trials of parameters are what the engine would do, remembered."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamaqa.bench import segment_trials
from streamaqa.bench.annotated import rest, run
from streamaqa.bench.drawn import Tally
from streamaqa.bench.segment_space import BOUNDS, PARAMETERS, exercises_of, settings_of, shipped, start
from streamaqa.bench.segment_tracks import Track, drawn
from streamaqa.bench.segment_trials import Trials, Values, attempt
from streamaqa.sources.pose_track import PoseTrackSource, save_track
from streamaqa.types import RepEnded

SHIPPED: Values = tuple(shipped().values())
TRACKS = {track.name: track for track in drawn()}
FEW = [TRACKS[name] for name in ("drawn squat 60", "drawn overhead_press 0", "drawn barbell_row 270")]
combinations = st.tuples(*(st.sampled_from(values) for values in PARAMETERS.values()))


def moved(values: Values, name: str, value: float) -> Values:
    index = list(PARAMETERS).index(name)
    return (*values[:index], value, *values[index + 1 :])


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(FEW), combinations)
def test_an_attempt_is_what_the_engine_would_do(track: Track, values: Values) -> None:
    combination = dict(zip(PARAMETERS, values, strict=True))
    events = run(track.poses, settings_of(combination), exercises_of(combination))
    tally = Tally()
    assert isinstance(track.truth, tuple)
    tally.add(track.truth, [event for event in events if isinstance(event, RepEnded)])
    outcome = attempt(track, values)
    assert outcome.mistakes == tally.reps - tally.right + tally.extra
    assert outcome.matched == tally.right


def test_a_bound_that_changes_something_is_said_to() -> None:
    nothing = TRACKS["drawn negatives"]
    open_gates = start()
    values = tuple(open_gates.values())
    before = attempt(nothing, values)
    changed = []
    for name in list(BOUNDS)[::2]:
        strict = PARAMETERS[name][-1]
        if attempt(nothing, moved(values, name, strict)) != before:
            assert not before.same_with(name, open_gates[name], strict)
            changed.append(name)
    assert changed


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(FEW), combinations, st.sampled_from(list(BOUNDS)), st.data())
def test_a_bound_said_to_change_nothing_changes_nothing(
    track: Track, values: Values, name: str, data: st.DataObject
) -> None:
    outcome = attempt(track, values)
    now = dict(zip(PARAMETERS, values, strict=True))[name]
    same = [value for value in PARAMETERS[name] if outcome.same_with(name, now, value)]
    assert attempt(track, moved(values, name, data.draw(st.sampled_from(same)))) == outcome


def test_shipped_values_make_no_mistakes_where_open_gates_make_many() -> None:
    nothing = TRACKS["drawn negatives"]
    assert [attempt(track, SHIPPED).mistakes for track in (*FEW, nothing)] == [0, 0, 0, 0]
    assert attempt(nothing, tuple(start().values())).mistakes > 3


@pytest.fixture
def small(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one recording, and one drawn lifter beside it."""
    (tmp_path / "clips").mkdir()
    (tmp_path / "poses").mkdir()
    entries = json.loads((shared / "clips" / "annotations.json").read_text())
    entry = next(e for e in entries if e["name"] == "squat_kaiakol_correct_007")
    (tmp_path / "clips" / "annotations.json").write_text(json.dumps([entry]))
    shutil.copy(shared / entry["poses"], tmp_path / entry["poses"])
    monkeypatch.setattr(segment_trials, "drawn", lambda: FEW[:1])
    return tmp_path


def test_what_was_tried_is_known_to_the_next_run(small: Path) -> None:
    other = moved(SHIPPED, "phase.slow", 0.5)
    with Trials(small, small / "kept") as trials:
        trials.know({(name, values): SHIPPED for name in trials.names for values in (SHIPPED, other)})
        first = [trials.outcome(name, other) for name in trials.names]
        assert trials.tried == 4
    with Trials(small, small / "kept") as again:
        again.know({(name, other): SHIPPED for name in again.names})
        assert again.tried == 0
        assert [again.outcome(name, other) for name in again.names] == first


def test_a_line_that_a_kill_left_unfinished_is_tried_again(small: Path) -> None:
    with Trials(small, small / "kept") as trials:
        trials.know({(name, SHIPPED): SHIPPED for name in trials.names})
    (kept,) = (small / "kept").iterdir()
    kept.write_text(kept.read_text()[:-20])
    with Trials(small, small / "kept") as again:
        again.know({(name, SHIPPED): SHIPPED for name in again.names})
        assert again.tried == 1
    assert all(json.loads(line) for line in kept.read_text().splitlines())


def test_a_gate_that_nothing_met_needs_no_second_trial(small: Path) -> None:
    with Trials(small, small / "kept") as trials:
        trials.know({(name, SHIPPED): SHIPPED for name in trials.names})
        known = [trials.outcome(name, SHIPPED) for name in trials.names]
        alike = [
            moved(SHIPPED, gate, value)
            for gate in BOUNDS
            for value in PARAMETERS[gate]
            if all(outcome.same_with(gate, shipped()[gate], value) for outcome in known)
        ]
        assert len(alike) > len(BOUNDS)
        tried = trials.tried
        trials.know({(name, values): SHIPPED for name in trials.names for values in alike})
        assert trials.tried == tried
        assert all(trials.outcome(n, alike[-1]) == k for n, k in zip(trials.names, known, strict=True))


def test_other_poses_are_another_file(small: Path) -> None:
    with Trials(small, small / "kept") as trials:
        trials.know({(trials.names[0], SHIPPED): SHIPPED})
    with Trials(small, small / "kept") as trials:
        trials.know({(trials.names[0], SHIPPED): SHIPPED})
        assert trials.tried == 0  # it was kept
    path = small / "poses" / f"{trials.names[0]}.npz"
    first, *others = PoseTrackSource(path).poses()
    save_track(path, [replace(first, image=first.image + np.float32(0.01)), *others])
    segment_trials._tracks.cache_clear()
    with Trials(small, small / "kept") as trials:
        trials.know({(trials.names[0], SHIPPED): SHIPPED})
        assert trials.tried == 1


def test_every_second_pose_of_a_recording_is_tried_with_rest_around(small: Path) -> None:
    track = segment_trials._tracks(small)["squat_kaiakol_correct_007"]
    whole = rest(list(PoseTrackSource(small / "poses" / f"{track.name}.npz").poses()))
    assert [pose.time for pose in track.poses] == [pose.time for pose in whole[::2]]
