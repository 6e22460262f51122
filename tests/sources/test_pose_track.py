"""Pose tracks, and opening a source by what a user types."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamaqa.errors import SourceError
from streamaqa.sources import PoseSource, Source, open_source
from streamaqa.sources.pacing import paced
from streamaqa.sources.pose_track import PoseTrackSource, save_track
from streamaqa.sources.synthetic import poses
from streamaqa.types import HIP_POINTS, LOAD_POINTS, Flow, Pose


def test_a_track_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    written = [*poses("synthetic:squat?reps=1", fps=10), Pose.nobody(99.0, (360, 480))]
    save_track(tmp_path / "set.npz", written)
    source = PoseTrackSource(tmp_path / "set.npz")
    read = list(source.poses())
    assert [pose.time for pose in read] == [pose.time for pose in written]
    assert read[0].size == written[0].size
    for one, other in zip(read, written, strict=True):
        np.testing.assert_array_equal(one.image, other.image.astype(np.float32))
        np.testing.assert_array_equal(one.world, other.world.astype(np.float32))
    assert not read[-1].found
    assert source.info.frames == len(written)


def test_what_was_followed_in_the_picture_is_read_back_too(tmp_path: Path) -> None:
    first, *others = poses("synthetic:squat?reps=1", fps=10)
    rise = np.linspace(-1, 1, LOAD_POINTS + HIP_POINTS, dtype=np.float32)
    flow = Flow(rise, (0.5, -0.25))
    save_track(tmp_path / "set.npz", [first, *(replace(pose, flow=flow) for pose in others)])
    read = [pose.flow for pose in PoseTrackSource(tmp_path / "set.npz").poses()]
    assert read[0] is None
    assert read[1] is not None
    np.testing.assert_array_equal(read[1].rise, rise)
    assert read[1].room == flow.room


def test_every_real_track_can_be_read(shared: Path) -> None:
    tracks = sorted((shared / "poses").glob("*.npz"))
    assert tracks
    for path in tracks:
        source = open_source(path)
        assert isinstance(source, PoseSource)
        assert sum(pose.found for pose in source.poses()) > 20


PARTLY = np.zeros((3, 33, 4), np.float32)
PARTLY[1, 15, 2] = np.nan


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"t": None}, "'t' is missing"),
        ({"t": np.array([0.0, 0.2, 0.1])}, "do not rise"),
        ({"t": np.array([0.0, np.nan, 0.1])}, "do not rise"),
        ({"image": np.zeros((3, 17, 4), np.float32)}, "image is"),
        ({"world": np.zeros((2, 33, 4), np.float32)}, "world is"),
        ({"rise": np.zeros((3, 72), np.float32)}, "room is missing"),
        ({"rise": np.zeros((3, 8)), "room": np.zeros((3, 2))}, "rise is"),
        ({"size": np.array([0, 480])}, "size is"),
        ({"t": np.array([]), "image": np.zeros((0, 33, 4)), "world": np.zeros((0, 33, 4))}, "empty"),
        ({"t": np.array(["a", "b", "c"], dtype=object)}, "can be read"),
        ({"t": np.array(["a", "b", "c"])}, "t holds <U1, wanted numbers"),
        ({"t": np.array([0.0, 0.1, 1e12])}, "not seconds of a stream"),
        ({"size": np.array([np.nan, 480.0])}, "size is"),
        ({"image": np.zeros((3, 33, 4), complex)}, "image holds complex128"),
        ({"image": PARTLY}, r"image is partly NaN at 0\.1 s"),
        ({"world": PARTLY}, r"world is partly NaN at 0\.1 s"),
    ],
)
def test_a_damaged_track_is_one_clear_line(tmp_path: Path, change: dict[str, Any], complaint: str) -> None:
    arrays: dict[str, Any] = {
        "t": np.array([0.0, 0.1, 0.2]),
        "image": np.zeros((3, 33, 4), np.float32),
        "world": np.zeros((3, 33, 4), np.float32),
        "size": np.array([360, 480]),
    }
    arrays |= change
    np.savez(tmp_path / "bad.npz", **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(SourceError, match=complaint) as caught:
        open_source(tmp_path / "bad.npz")
    assert "\n" not in str(caught.value)


def test_what_is_no_track_at_all_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    with pytest.raises(SourceError, match="no such file"):
        open_source(path)
    path.write_bytes(b"PK\x03\x04 and then nothing of use")
    with pytest.raises(SourceError, match="no pose track"):
        open_source(path)


@pytest.mark.parametrize("name", ["x" * 300 + ".mp4", "null\0byte.mp4"])
def test_a_name_that_no_file_can_have_is_one_clear_line(name: str) -> None:
    with pytest.raises(SourceError, match="cannot be read") as caught:
        open_source(name)
    assert "\n" not in str(caught.value)


def test_what_is_neither_file_nor_folder_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(SourceError, match="neither a file nor a folder"):
        open_source(tmp_path / "pipe.mp4")


def test_the_synthetic_lifter_is_a_source_too() -> None:
    source = open_source("synthetic:squat?reps=1")
    assert isinstance(source, Source)
    source.close()
    with pytest.raises(SourceError, match="synthetic"):
        open_source("synthetic:snatch")


def test_pacing_changes_when_poses_come_and_not_what_comes(tmp_path: Path) -> None:
    save_track(tmp_path / "set.npz", poses("synthetic:squat?reps=1", fps=10))
    plain = open_source(tmp_path / "set.npz")
    quick = paced(open_source(tmp_path / "set.npz"), speed=1000)
    assert isinstance(plain, PoseSource)
    assert isinstance(quick, PoseSource)
    assert [pose.time for pose in quick.poses()] == [pose.time for pose in plain.poses()]


def test_closing_a_paced_source_ends_its_waiting(tmp_path: Path) -> None:
    save_track(tmp_path / "set.npz", poses("synthetic:squat?reps=1", fps=10))
    slow = paced(open_source(tmp_path / "set.npz"), speed=0.001)
    assert isinstance(slow, PoseSource)
    track = slow.poses()
    next(track)
    slow.close()
    assert list(track) == []
