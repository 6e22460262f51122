"""Models of other sizes agree with the description written out plainly; what is not built is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lessons import Original

pytest.importorskip("torch", reason="the model needs torch: pip install -e '.[llava]'")

import plainly
import torch
from safetensors.torch import load_file, save_file

from streamaqa.errors import WeightsError
from streamaqa.llava.config import LlavaVideoConfig
from streamaqa.llava.model import LlavaVideo
from streamaqa.llava.passes import Session, generate

NEAR = 3e-5
TINY = LlavaVideoConfig.tiny(vocab_size=90)
IDS = [3, 17, 5, -200, 88, 0, 41, 9]

SIZES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "as many kept heads as heads": ({"num_key_value_heads": 4}, {}),
    "one kept head, wide heads": ({"num_attention_heads": 2, "num_key_value_heads": 1}, {}),
    "six heads on three": (
        {"hidden_size": 96, "num_attention_heads": 6, "num_key_value_heads": 3, "intermediate_size": 50},
        {},
    ),
    "one layer, another theta and eps": (
        {"num_hidden_layers": 1, "rope_theta": 1e4, "rms_norm_eps": 1e-5},
        {},
    ),
    "a tied head": ({"tie_word_embeddings": True}, {}),
    "an even side": ({}, {"image_size": 56}),
    "a side of one": ({}, {"image_size": 16, "patch_size": 16}),
    "pictures that patches do not fill": ({}, {"image_size": 75, "patch_size": 16}),
    "a wider, deeper tower": (
        {"mm_hidden_size": 60},
        {"hidden_size": 60, "num_attention_heads": 5, "num_hidden_layers": 5, "intermediate_size": 33},
    ),
    "another eps in the tower": ({}, {"layer_norm_eps": 1e-5}),
    "another stride, which the original does not read": ({"mm_spatial_pool_stride": 4}, {"image_size": 98}),
    "newlines of frames": ({"mm_newline_position": "frame"}, {}),
    "one newline": ({"mm_newline_position": "one_token"}, {}),
    "one newline, and none without unpad": (
        {"mm_newline_position": "one_token", "mm_patch_merge_type": "spatial"},
        {},
    ),
    "no newline": ({"mm_newline_position": "no_token"}, {}),
    "flat": ({"mm_patch_merge_type": "flat"}, {}),
    "average over an odd side": ({"mm_spatial_pool_mode": "average"}, {"image_size": 98}),
    "max over an even side": ({"mm_spatial_pool_mode": "max"}, {"image_size": 84}),
}


def written(folder: Path, text: dict[str, Any], vision: dict[str, Any]) -> LlavaVideoConfig:
    """A random checkpoint of those sizes, all its weights away from their first values."""
    config = LlavaVideoConfig.of({**TINY.text, **text}, {**TINY.vision, **vision})
    model = LlavaVideo.random(config, seed=5)
    generator = torch.Generator().manual_seed(6)
    with torch.no_grad():
        for value in model.parameters():
            value.add_(0.05 * torch.randn(value.shape, generator=generator))
    model.save_pretrained(folder)
    return config


def video(config: LlavaVideoConfig, frames: int = 3) -> torch.Tensor:
    side = config.image_size
    return torch.rand(frames, 3, side, side, generator=torch.Generator().manual_seed(7)) * 2 - 1


def test_the_description_written_out_is_the_original(original: Original) -> None:
    state = load_file(original.folder / "model.safetensors")
    text, vision = (
        json.loads((original.folder / name).read_text()) for name in ("config.json", "vision_config.json")
    )
    ids, shown = original["input_ids_4f"][0].tolist(), original["pixel_values_4f"]
    found = plainly.answer(state, ids, shown, text, {**LlavaVideoConfig.tiny(90).vision, **vision})
    torch.testing.assert_close(original.columns(found), original["logits_grid_4f"][0], atol=NEAR, rtol=0)


@pytest.mark.parametrize("size", SIZES)
def test_other_sizes_agree_with_the_description_written_out(size: str, tmp_path: Path) -> None:
    config = written(tmp_path, *SIZES[size])
    model = LlavaVideo.from_pretrained(tmp_path, device="cpu")
    state = load_file(tmp_path / "model.safetensors")
    shown = video(config)
    with torch.no_grad():
        wanted = plainly.answer(state, IDS, shown, config.text, config.vision)
        found = model(torch.tensor([IDS]), [shown]).logits[0]
        torch.testing.assert_close(found, wanted, atol=NEAR, rtol=1e-5)
        session = Session.open(model, [IDS], [shown])  # and so do passes behind a kept prompt
        torch.testing.assert_close(session.first[0], wanted[-1], atol=NEAR, rtol=1e-5)
        (said,) = generate(session, end=-1, most=5)
        longer = plainly.answer(state, [*IDS, *said[:-1]], shown, config.text, config.vision)
    assert said == longer[-5:].argmax(-1).tolist()


def test_a_checkpoint_in_bfloat16_loads_as_float32_on_a_cpu(tmp_path: Path) -> None:
    config = written(tmp_path, {}, {})
    halved = {key: value.bfloat16() for key, value in load_file(tmp_path / "model.safetensors").items()}
    save_file(halved, tmp_path / "model.safetensors")
    model = LlavaVideo.from_pretrained(tmp_path, device="cpu")
    assert {value.dtype for value in model.parameters()} == {torch.float32}
    with torch.no_grad():
        state = {key: value.float() for key, value in halved.items()}
        wanted = plainly.answer(state, IDS, video(config), config.text, config.vision)
        found = model(torch.tensor([IDS]), [video(config)]).logits[0]
    torch.testing.assert_close(found, wanted, atol=NEAR, rtol=1e-5)


def test_a_configuration_as_siglip_and_transformers_5_write_theirs_reads_the_same(tmp_path: Path) -> None:
    config = written(tmp_path, {"rope_theta": 5e4}, {})
    shown = video(config)
    wanted = LlavaVideo.from_pretrained(tmp_path, device="cpu")(torch.tensor([IDS]), [shown]).logits
    text = {key: value for key, value in config.text.items() if key != "rope_theta"}
    text["rope_parameters"] = {"rope_type": "default", "rope_theta": 5e4}
    (tmp_path / "config.json").write_text(json.dumps(text))
    nested = {"model_type": "siglip", "vision_config": dict(config.vision)}
    (tmp_path / "vision_config.json").write_text(json.dumps(nested))
    found = LlavaVideo.from_pretrained(tmp_path, device="cpu")(torch.tensor([IDS]), [shown]).logits
    assert torch.equal(found, wanted)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"mm_projector_type": "mlp3x_gelu"}, "mm_projector_type is 'mlp3x_gelu', wanted 'mlp2x_gelu'"),
        ({"mm_projector_type": "linear"}, "mm_projector_type is 'linear'"),
        ({"mm_resampler_type": "spatial_pool"}, "mm_resampler_type is 'spatial_pool'"),
        ({"rope_scaling": {"type": "yarn", "factor": 4.0}}, "rope_scaling is"),
        ({"rope_parameters": {"rope_type": "yarn"}}, "rope_parameters"),
        ({"use_sliding_window": True}, "use_sliding_window is True"),
        ({"mm_spatial_pool_mode": "conv"}, "mm_spatial_pool_mode is 'conv'"),
        ({"add_faster_video": True}, "add_faster_video is True"),
        ({"hidden_act": "gelu"}, "hidden_act is 'gelu', wanted 'silu'"),
        ({"num_attention_heads": 7}, "7 heads"),
        ({"num_key_value_heads": 3}, "3 key-value heads"),
    ],
)
def test_what_is_not_built_here_is_refused_by_name(entry: dict[str, Any], said: str) -> None:
    with pytest.raises(WeightsError, match=said):
        LlavaVideoConfig.of({**TINY.text, **entry}, TINY.vision)
