"""The pose model's file: known, or one clear line."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from streamaqa.errors import ModelFileError
from streamaqa.pose import MediaPipePose, PoseSettings, Variant
from streamaqa.pose import model_file as module
from streamaqa.pose.model_file import bundle, locate, weights_digest


@pytest.fixture
def no_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a network: neither the host nor a package index answers."""

    def nothing(variant: Variant, progress: object) -> bytes:
        raise module._WayError("nothing can be reached")

    monkeypatch.setattr(module, "_from_host", nothing)
    monkeypatch.setattr(module, "_from_packages", nothing)


def test_a_known_bundle_is_used_offline_from_the_cache(pose_model: Path, no_way: None) -> None:
    assert locate(cache=pose_model.parent, environ={}) == pose_model


def test_the_environment_names_a_bundle(pose_model: Path, tmp_path: Path, no_way: None) -> None:
    environ = {"STREAMAQA_POSE_MODEL": str(pose_model)}
    assert locate(cache=tmp_path, environ=environ) == pose_model


def test_a_bundle_that_others_put_together_from_the_same_networks_is_known(
    pose_model: Path, tmp_path: Path, no_way: None
) -> None:
    with zipfile.ZipFile(pose_model) as archive:
        networks = {name: archive.read(name) for name in archive.namelist()}
    assert set(networks) == {module.DETECTOR, module.LANDMARKER}
    other = tmp_path / "other.task"
    other.write_bytes(bundle(networks) + b"")
    with zipfile.ZipFile(other, "a") as archive:
        archive.writestr("README", "put together elsewhere")
    assert locate(PoseSettings(model=other), environ={}) == other


def test_one_changed_weight_is_another_network(pose_model: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.task"
    content = bytearray(pose_model.read_bytes())
    content[len(content) // 2] ^= 0xFF
    damaged.write_bytes(content)
    with pytest.raises(ModelFileError, match="not a pose model that is known") as caught:
        locate(PoseSettings(model=damaged), environ={})
    assert "\n" not in str(caught.value)


def test_a_damaged_cache_says_how_to_mend_it(tmp_path: Path) -> None:
    (tmp_path / "pose_landmarker_full.task").write_bytes(b"half a downlo")
    with pytest.raises(ModelFileError, match="delete it, and it is fetched again"):
        locate(cache=tmp_path, environ={})


def test_a_bundle_of_ones_own_is_taken_by_its_hash(tmp_path: Path) -> None:
    own = tmp_path / "own.task"
    own.write_bytes(b"my own model")
    with pytest.raises(ModelFileError, match=r"set pose\.sha256 to (\w{64})") as caught:
        locate(PoseSettings(model=own), environ={})
    found = str(caught.value).rsplit(" ", 1)[1]
    assert locate(PoseSettings(model=own, sha256=found), environ={}) == own
    with pytest.raises(ModelFileError):
        locate(PoseSettings(model=own, sha256="0" * 64), environ={})


def test_no_way_to_get_it_says_what_to_do_and_leaves_nothing_half_written(
    tmp_path: Path, no_way: None
) -> None:
    with pytest.raises(ModelFileError, match="nothing can be reached") as caught:
        locate(cache=tmp_path, environ={})
    assert "STREAMAQA_POSE_MODEL" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="no such pose model file"):
        locate(PoseSettings(model=tmp_path / "nowhere.task"), environ={})


def test_what_is_no_network_has_no_weights() -> None:
    with pytest.raises(ValueError, match="not a TensorFlow Lite network"):
        weights_digest(b"\0" * 100)


def test_mediapipe_refusing_a_bundle_is_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.task"
    broken.write_bytes(bundle({module.DETECTOR: b"x", module.LANDMARKER: b"y"}))
    with pytest.raises(ModelFileError, match="MediaPipe cannot use"):
        MediaPipePose(broken)
