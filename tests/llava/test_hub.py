"""A model named by its hub id is found in the hub's cache, whole, and never as a pickle."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the model needs torch: pip install -e '.[llava]'")

import torch
from huggingface_hub import constants

from streamaqa.errors import WeightsError
from streamaqa.llava.checkpoint import fetch
from streamaqa.llava.config import LlavaVideoConfig
from streamaqa.llava.model import LlavaVideo
from streamaqa.llava.tokens import Tokens, tiny_tokenizer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the cache keeps `someone/tiny-video`; there is no network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    repository = tmp_path / "models--someone--tiny-video"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    folder = repository / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    return folder


def test_a_sharded_model_is_loaded_by_its_hub_id(snapshot: Path) -> None:
    model = LlavaVideo.random(LlavaVideoConfig.tiny())
    model.save_pretrained(snapshot, max_shard_bytes=200_000)
    tiny_tokenizer().save(snapshot)
    assert len(list(snapshot.glob("*.safetensors"))) > 1
    again = LlavaVideo.from_pretrained("someone/tiny-video", device="cpu", newline="frame")
    assert again.config.newline == "frame"
    assert again.config.image_size == 70  # of the vision_config.json beside it
    found, wanted = again.state_dict(), model.state_dict()
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[key], wanted[key]) for key in wanted)
    assert len(Tokens.load(fetch("someone/tiny-video"))) == len(tiny_tokenizer())


def test_a_repository_of_pickles_is_refused_by_its_name(snapshot: Path) -> None:
    LlavaVideoConfig.tiny(300).save(snapshot)
    (snapshot / "pytorch_model.bin").write_bytes(b"cos\nsystem\n")
    with pytest.raises(WeightsError, match=r"someone/tiny-video: no safetensors .* never read"):
        LlavaVideo.from_pretrained("someone/tiny-video")


def test_a_shard_that_was_not_downloaded_is_named(snapshot: Path) -> None:
    LlavaVideo.random(LlavaVideoConfig.tiny(300)).save_pretrained(snapshot, max_shard_bytes=200_000)
    shard = json.loads((snapshot / "model.safetensors.index.json").read_text())["weight_map"][
        "lm_head.weight"
    ]
    (snapshot / shard).unlink()
    with pytest.raises(WeightsError, match=shard):
        LlavaVideo.from_pretrained("someone/tiny-video")


def test_a_hub_that_cannot_be_reached_and_an_id_that_is_none_are_said(snapshot: Path) -> None:
    with pytest.raises(WeightsError, match=r"someone/other: .*the hub does not give it") as raised:
        LlavaVideo.from_pretrained("someone/other")
    assert "\n" not in str(raised.value)
    with pytest.raises(WeightsError, match="no hub id"):
        LlavaVideo.from_pretrained("nowhere")
