"""Checkpoints in the original's layout load and save; what does not fit is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from lessons import Original

pytest.importorskip("torch", reason="the model needs torch: pip install -e '.[llava]'")

import torch
from safetensors.torch import load_file, save_file

from streamaqa.errors import WeightsError
from streamaqa.llava.checkpoint import check_shapes
from streamaqa.llava.config import LlavaVideoConfig
from streamaqa.llava.model import LlavaVideo


@pytest.fixture
def folder(original: Original, tmp_path: Path) -> Path:
    for name in ("model.safetensors", "config.json", "vision_config.json"):
        shutil.copyfile(original.folder / name, tmp_path / name)
    return tmp_path


def refused(folder: Path, *said: str) -> None:
    with pytest.raises(WeightsError) as raised:
        LlavaVideo.from_pretrained(folder, device="cpu")
    for words in said:
        assert words in str(raised.value)


def edit(folder: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    state = load_file(folder / "model.safetensors")
    change(state)
    save_file(state, folder / "model.safetensors")


def edit_config(folder: Path, **entries: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


@pytest.mark.parametrize("shard", [10**9, 200_000])
def test_what_is_saved_holds_the_originals_keys_and_loads_the_same(
    folder: Path, tmp_path: Path, shard: int
) -> None:
    model = LlavaVideo.from_pretrained(folder, newline="frame", pool="average", device="cpu")
    model.save_pretrained(tmp_path / "saved", max_shard_bytes=shard)
    files = sorted((tmp_path / "saved").glob("*.safetensors"))
    assert (len(files) > 1) == (shard < 10**9)
    saved = {key: value for file in files for key, value in load_file(file).items()}
    stored = load_file(folder / "model.safetensors")
    assert saved.keys() == stored.keys()
    assert all(torch.equal(saved[key], stored[key]) for key in stored)
    again = LlavaVideo.from_pretrained(tmp_path / "saved", device="cpu")
    assert (again.config.newline, again.config.pool) == ("frame", "average")
    assert json.loads((tmp_path / "saved" / "vision_config.json").read_text())["num_hidden_layers"] == 4


def test_a_missing_an_unexpected_and_a_misshapen_key_are_named(folder: Path) -> None:
    def change(state: dict[str, torch.Tensor]) -> None:
        del state["model.norm.weight"]
        state["model.extra.weight"] = torch.zeros(1)
        state["lm_head.weight"] = torch.zeros(7, 64)

    edit(folder, change)
    refused(
        folder,
        "missing: model.norm.weight",
        "unexpected: model.extra.weight",
        "lm_head.weight is (7, 64), wanted (1000, 64)",
    )


def test_a_truncated_shard_is_named(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    refused(folder, "model.safetensors", f"{len(whole) // 2} bytes")


def test_a_shard_that_the_index_names_and_is_not_there_is_named(folder: Path, tmp_path: Path) -> None:
    LlavaVideo.from_pretrained(folder, device="cpu").save_pretrained(
        tmp_path / "saved", max_shard_bytes=200_000
    )
    gone = sorted((tmp_path / "saved").glob("*.safetensors"))[1]
    gone.unlink()
    refused(tmp_path / "saved", gone.name)


def test_nothing_is_ever_unpickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    refused(folder, "pytorch_model.bin is never unpickled", "model.safetensors")


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"model_type": "llama"}, "model_type is 'llama', wanted one of llava_qwen"),
        ({"mm_vision_tower": "openai/clip-vit-large-patch14-336"}, "wanted a SigLIP tower"),
        ({"mm_projector_type": "linear"}, "mm_projector_type is 'linear', wanted 'mlp2x_gelu'"),
        ({"add_faster_video": True}, "add_faster_video"),
        ({"mm_newline_position": "row"}, "mm_newline_position is 'row'"),
        ({"mm_hidden_size": 1152}, "mm_hidden_size is 1152"),
        ({"num_hidden_layers": 3}, "model.layers.2."),
        ({"hidden_size": 128}, "wanted (1000, 128)"),
    ],
)
def test_a_configuration_of_another_model_is_refused(
    folder: Path, entries: dict[str, object], said: str
) -> None:
    edit_config(folder, **entries)
    refused(folder, said)


def test_a_folder_without_configuration_or_json_in_it_is_refused(folder: Path) -> None:
    (folder / "config.json").write_text("{")
    refused(folder, "config.json", "no JSON")
    (folder / "config.json").unlink()
    refused(folder, "config.json", "cannot be read")
    refused(folder / "nowhere", "no such folder")


@pytest.mark.parametrize("written", ["llava_qwen", "llava", "qwen2"])
def test_model_type_may_read_any_of_three(folder: Path, written: str) -> None:
    edit_config(folder, model_type=written)
    assert LlavaVideo.from_pretrained(folder, device="cpu")


@pytest.mark.parametrize("size", ["7b", "0.5b"])
def test_the_published_sizes_have_the_originals_keys_and_shapes(size: Literal["7b", "0.5b"]) -> None:
    with torch.device("meta"):
        model = LlavaVideo(LlavaVideoConfig.published(size))
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    wide, narrow, deep, mlp, kv, words = {
        "7b": (3584, 1152, 28, 18944, 512, 152064),
        "0.5b": (896, 1152, 24, 4864, 128, 151936),
    }[size]
    layer = {
        "self_attn.q_proj.weight": (wide, wide), "self_attn.q_proj.bias": (wide,),
        "self_attn.k_proj.weight": (kv, wide), "self_attn.k_proj.bias": (kv,),
        "self_attn.v_proj.weight": (kv, wide), "self_attn.v_proj.bias": (kv,),
        "self_attn.o_proj.weight": (wide, wide), "mlp.gate_proj.weight": (mlp, wide),
        "mlp.up_proj.weight": (mlp, wide), "mlp.down_proj.weight": (wide, mlp),
        "input_layernorm.weight": (wide,), "post_attention_layernorm.weight": (wide,),
    }  # fmt: skip
    tower = "model.vision_tower.vision_tower.vision_model."
    block = {
        **{f"self_attn.{name}_proj.weight": (narrow, narrow) for name in ("q", "k", "v", "out")},
        **{f"self_attn.{name}_proj.bias": (narrow,) for name in ("q", "k", "v", "out")},
        **{f"layer_norm{place}.{part}": (narrow,) for place in (1, 2) for part in ("weight", "bias")},
        "mlp.fc1.weight": (4304, narrow), "mlp.fc1.bias": (4304,),
        "mlp.fc2.weight": (narrow, 4304), "mlp.fc2.bias": (narrow,),
    }  # fmt: skip
    wanted = {
        "model.embed_tokens.weight": (words, wide), "model.norm.weight": (wide,),
        "lm_head.weight": (words, wide),
        "model.image_newline": (wide,),
        "model.mm_projector.0.weight": (wide, narrow), "model.mm_projector.0.bias": (wide,),
        "model.mm_projector.2.weight": (wide, wide), "model.mm_projector.2.bias": (wide,),
        f"{tower}embeddings.patch_embedding.weight": (narrow, 3, 14, 14),
        f"{tower}embeddings.patch_embedding.bias": (narrow,),
        f"{tower}embeddings.position_embedding.weight": (729, narrow),
        f"{tower}post_layernorm.weight": (narrow,), f"{tower}post_layernorm.bias": (narrow,),
        **{f"model.layers.{n}.{key}": shape for n in range(deep) for key, shape in layer.items()},
        **{f"{tower}encoder.layers.{n}.{key}": shape for n in range(26) for key, shape in block.items()},
    }  # fmt: skip
    assert shapes == wanted
    check_shapes(model, shapes, size)


def test_a_tied_head_is_not_stored_and_comes_back_tied(tmp_path: Path) -> None:
    tiny = LlavaVideoConfig.tiny(vocab_size=300)
    model = LlavaVideo.random(LlavaVideoConfig.of({**tiny.text, "tie_word_embeddings": True}, tiny.vision))
    model.save_pretrained(tmp_path)
    assert "lm_head.weight" not in load_file(tmp_path / "model.safetensors")
    again = LlavaVideo.from_pretrained(tmp_path, device="cpu")
    assert again.lm_head.weight is again.model.embed_tokens.weight


@pytest.mark.parametrize("kind", ["4bit", "8bit", "2bit"])
def test_quantization_without_cuda_is_refused_clearly(folder: Path, kind: str) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    with pytest.raises(WeightsError, match="needs a CUDA device" if kind != "2bit" else "wanted one of 4bit"):
        LlavaVideo.from_pretrained(folder, quantize=kind)
