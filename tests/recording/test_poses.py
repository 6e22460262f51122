"""`poses.bin`: exact, and whole up to where a killed writer left off."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamaqa.errors import SourceError
from streamaqa.recording import poses
from streamaqa.recording.poses import HEADER_BYTES, RECORD, RECORDS, PoseFile
from streamaqa.types import HIP_POINTS, LANDMARKS, LOAD_POINTS, Flow, Pose


def pose(at: float, seed: int = 0, size: tuple[int, int] = (360, 480)) -> Pose:
    rng = np.random.default_rng(seed)
    image, world = rng.normal(size=(2, LANDMARKS, 4)).astype(np.float32)
    return Pose(at, image, world, size)


def same(one: Pose, other: Pose) -> bool:
    """To the last bit, NaN included."""
    return poses.render(one) == poses.render(other) and one.size == other.size


def written(path: Path, track: list[Pose], extra: bytes = b"") -> Path:
    path.write_bytes(poses.header() + b"".join(map(poses.render, track)) + extra)
    return path


@given(
    at=st.floats(allow_nan=False, allow_infinity=False),
    seed=st.integers(0, 2**32 - 1),
    width=st.integers(1, 2**32 - 1),
)
def test_what_is_written_is_what_is_read(at: float, seed: int, width: int) -> None:
    given_pose = pose(at, seed, (width, 480))
    (read,) = poses.parse(poses.render(given_pose))
    assert read.time == at
    assert np.array_equal(read.image, given_pose.image)
    assert np.array_equal(read.world, given_pose.world)
    assert read.size == (width, 480)


def test_what_was_followed_in_the_picture_is_kept_exactly() -> None:
    rng = np.random.default_rng(0)
    rise = rng.normal(size=LOAD_POINTS + HIP_POINTS).astype(np.float32)
    rise[3] = np.nan
    flow = Flow(rise, (float(np.float32(0.1)), float(np.float32(-0.2))))
    with_flow, without = poses.parse(poses.render(replace(pose(0.0), flow=flow)) + poses.render(pose(0.1)))
    assert with_flow.flow is not None
    np.testing.assert_array_equal(with_flow.flow.rise, rise)
    assert with_flow.flow.room == flow.room
    assert without.flow is None


def test_a_track_of_version_1_is_read_without_what_it_lacks(tmp_path: Path) -> None:
    track = [pose(n / 30, n) for n in range(300)]
    old = RECORDS[1]
    fields = {"format": "streamaqa-poses", "version": 1, "record_bytes": old.itemsize}
    records = b"".join(np.array((p.time, p.size, p.image, p.world), old).tobytes() for p in track)
    path = tmp_path / "poses.bin"
    path.write_bytes(json.dumps(fields).encode().ljust(HEADER_BYTES - 1) + b"\n" + records + records[:100])
    file = PoseFile(path)
    assert file.count == 300
    assert all(same(one, other) for one, other in zip(file, track, strict=True))
    assert file.first_and_last() is not None


def test_nobody_stays_nobody(tmp_path: Path) -> None:
    path = written(tmp_path / "poses.bin", [Pose.nobody(0.0, (360, 480)), pose(0.1)])
    assert [read.found for read in PoseFile(path)] == [False, True]


def test_half_a_record_at_the_end_costs_that_record(tmp_path: Path) -> None:
    track = [pose(n / 30, n) for n in range(600)]
    half = poses.render(pose(20.0))[: RECORD.itemsize // 2]
    file = PoseFile(written(tmp_path / "poses.bin", track, half))
    assert file.count == 600
    assert all(same(one, other) for one, other in zip(file, track, strict=True))


def test_zeros_of_a_machine_that_lost_its_power_end_the_track(tmp_path: Path) -> None:
    track = [pose(n / 30, n) for n in range(1, 10)]
    file = PoseFile(written(tmp_path / "poses.bin", track, bytes(3 * RECORD.itemsize)))
    assert [read.time for read in file] == [one.time for one in track]


def test_the_header_says_what_numpy_needs_to_read_it(tmp_path: Path) -> None:
    path = written(tmp_path / "poses.bin", [pose(0.5)])
    fields = json.loads(path.read_bytes()[:HEADER_BYTES])
    described = [(name, kind, tuple(shape)) for name, kind, *shape in fields["record"]]
    assert np.dtype(described) == RECORD
    assert fields["record_bytes"] == RECORD.itemsize
    assert np.fromfile(path, RECORD, offset=HEADER_BYTES)["time"].tolist() == [0.5]


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        (b"", "no file of recorded poses"),
        (b"RIFF" * 200, "no file of recorded poses"),
        (poses.header().replace(b'"version": 2', b'"version": 3'), "version 3"),
    ],
)
def test_a_file_of_another_kind_is_one_line(tmp_path: Path, head: bytes, wanted: str) -> None:
    path = tmp_path / "poses.bin"
    path.write_bytes(head)
    with pytest.raises(SourceError, match=wanted):
        PoseFile(path)
    with pytest.raises(SourceError, match="no such file"):
        PoseFile(tmp_path / "nowhere.bin")
