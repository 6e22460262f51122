"""Recordings changed as other cameras, rooms and lifters might have made them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lifter import scene, track, truth
from rich.console import Console

from streamaqa.bench.segment import measure, table
from streamaqa.bench.segment_stress import (
    HIDDEN_EVERY_S,
    STRESSES,
    Change,
    Stress,
    dropped,
    every,
    farther,
    hidden,
    measure_stressed,
    mixed_up,
    same,
    shaken,
    stretched,
    swayed,
    tilted,
    unseen,
)
from streamaqa.errors import SourceError
from streamaqa.sources.pose_track import save_track
from streamaqa.types import Pose

NAMES = {stress.name: stress for stress in STRESSES}


SQUATS = scene("squat", view=30.0)


@pytest.fixture(scope="module")
def poses() -> list[Pose]:
    return track(SQUATS)


@pytest.fixture(scope="module")
def shared(poses: list[Pose], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of one recording: drawn, annotated by its truth."""
    folder = tmp_path_factory.mktemp("shared")
    (folder / "clips").mkdir()
    save_track(folder / "a.npz", poses)
    reps = [
        {"start_s": rep.start, "turn_s": rep.turn, "end_s": rep.end, "tol_s": 0.1}
        for rep in truth(SQUATS).reps
    ]
    entry = {"name": "a", "exercise": "squat", "poses": "a.npz", "fps": 30.0, "reps": reps}
    (folder / "clips" / "annotations.json").write_text(json.dumps([entry]))
    return folder


def changed(change: Change, poses: list[Pose]) -> list[Pose]:
    return list(change(poses, np.random.default_rng(3)))


def test_a_set_that_is_counted_stays_so_under_every_stress(shared: Path) -> None:
    results = measure_stressed(shared)
    assert [result.name for result in results] == list(NAMES)
    assert {result.name: result.figures.exact for result in results} == dict.fromkeys(NAMES, 1)


def test_what_is_annotated_takes_as_long_as_what_is_seen(shared: Path) -> None:
    (longer,) = measure_stressed(shared, stresses=[Stress("slow", same, 2.0)])
    assert longer.figures.boundary_p90 < 0.1


def test_stretching_leaves_the_entry_as_it_was() -> None:
    entry: dict[str, Any] = {"reps": [{"start_s": 1.0, "turn_s": 2.0, "end_s": None, "tol_s": 0.1}]}
    assert stretched(entry, 2.0)["reps"] == [{"start_s": 2.0, "turn_s": 4.0, "end_s": None, "tol_s": 0.1}]
    assert entry["reps"][0]["start_s"] == 1.0


def test_each_change_does_what_it_says(poses: list[Pose]) -> None:
    image = np.stack([pose.image for pose in poses])
    assert len(changed(every(3), poses)) == -(-len(poses) // 3)
    assert len(changed(dropped(0.4), poses)) == pytest.approx(0.6 * len(poses), rel=0.2)
    assert np.mean([not p.found for p in changed(unseen(0.25), poses)]) == pytest.approx(0.25, abs=0.08)
    share = np.mean([not p.found for p in changed(hidden(0.5), poses)])
    assert share == pytest.approx(0.5 / HIDDEN_EVERY_S, abs=0.06)
    off = np.stack([p.image for p in changed(shaken(0.006), poses)]) - image
    assert off[..., :2].std() == pytest.approx(0.006, rel=0.05)
    assert not off[..., 2:].any(), "depth and visibility are as they were"
    off = np.stack([p.image for p in changed(swayed(0.02), poses)]) - image
    assert np.abs(off[..., :2]).max() <= 0.02 + 1e-6
    assert np.ptp(off[:, :, 0], axis=1).max() < 1e-6, "all landmarks together"
    small = np.stack([p.image for p in changed(farther(0.5), poses)])
    assert np.ptp(small[..., 1]) == pytest.approx(0.5 * np.ptp(image[..., 1]))


def test_a_tilted_camera_turns_the_picture_and_the_world(poses: list[Pose]) -> None:
    pose = poses[0]
    (seen,) = changed(tilted(10.0), [pose])
    for was, now, size in ((pose.image, seen.image, pose.size), (pose.world, seen.world, (1, 1))):
        before, after = ((landmarks[0] - landmarks[27])[:2] * size for landmarks in (was, now))
        turned = np.degrees(np.arctan2(before[0], -before[1]) - np.arctan2(after[0], -after[1]))
        assert turned == pytest.approx(10.0, abs=0.01), "the nose over the ankle leans to the left"
        assert np.linalg.norm(after) == pytest.approx(np.linalg.norm(before))
        assert (now[:, 2:] == was[:, 2:]).all()


def test_sides_that_are_mixed_up_leave_the_lifter_in_place(poses: list[Pose]) -> None:
    seen = changed(mixed_up(0.15), poses)
    swapped = [not np.array_equal(a.image, b.image) for a, b in zip(seen, poses, strict=True)]
    assert np.mean(swapped) == pytest.approx(0.15, abs=0.08)
    one = swapped.index(True)
    for was, now in ((poses[one].image, seen[one].image), (poses[one].world, seen[one].world)):
        assert (now[[0, 11, 12, 27]] == was[[0, 12, 11, 28]]).all()


def test_the_bench_shows_a_line_for_each_stress(shared: Path) -> None:
    result = measure(shared, cost=False, synthetic=False, stressed=True)
    console = Console(file=io.StringIO(), width=100)
    console.print(*table(result))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert all(name in shown for name in NAMES)


def test_a_recording_without_its_track_is_named(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    text = (shared / "clips" / "annotations.json").read_text()
    (tmp_path / "clips" / "annotations.json").write_text(text)
    with pytest.raises(SourceError, match=r"a\.npz"):
        measure_stressed(tmp_path)
