"""LLaVA-Video's configuration, read from and written to the files of the original.

Two files describe a checkpoint: `config.json`, and where present `vision_config.json` with the sizes of the
SigLIP tower. The original deletes the tower's last layer, so both count one layer more than the weights hold.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from streamaqa.errors import WeightsError

if TYPE_CHECKING:
    from transformers import Qwen2Config, SiglipVisionConfig

Newline: TypeAlias = Literal["grid", "frame", "one_token", "no_token"]
Pool: TypeAlias = Literal["bilinear", "average", "max"]

IMAGE_TOKEN = -200
"""Stands in `input_ids` where the visual tokens go."""
IGNORED = -100
"""A label that is not learned."""

SO400M: Mapping[str, Any] = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "image_size": 384,
    "patch_size": 14,
    "num_channels": 3,
    "hidden_act": "gelu_pytorch_tanh",
    "layer_norm_eps": 1e-6,
    "model_type": "siglip_vision_model",
}
"""google/siglip-so400m-patch14-384, which every published LLaVA-Video looks through."""

MODEL_TYPES = ("llava_qwen", "llava", "qwen2")
"""What published checkpoints of this architecture have written under `model_type`."""

_QWEN2 = {
    "model_type": "llava_qwen",
    "architectures": ["LlavaQwenForCausalLM"],
    "hidden_act": "silu",
    "rms_norm_eps": 1e-6,
    "rope_theta": 1e6,
    "rope_scaling": None,
    "max_position_embeddings": 32768,
    "use_sliding_window": False,
    "attention_dropout": 0.0,
    "mm_newline_position": "grid",
    "mm_patch_merge_type": "spatial_unpad",
    "mm_projector_type": "mlp2x_gelu",
    "mm_spatial_pool_mode": "bilinear",
    "mm_spatial_pool_stride": 2,
    "mm_vision_select_feature": "patch",
    "mm_vision_select_layer": -2,
    "mm_vision_tower": "google/siglip-so400m-patch14-384",
    "mm_hidden_size": 1152,
    "use_mm_proj": True,
}
_SIZES = {
    "7b": {
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "vocab_size": 152064,
        "tie_word_embeddings": False,
    },
    "0.5b": {
        "hidden_size": 896,
        "intermediate_size": 4864,
        "num_hidden_layers": 24,
        "num_attention_heads": 14,
        "num_key_value_heads": 2,
        "vocab_size": 151936,
        "tie_word_embeddings": True,
    },
}
"""Qwen2-7B and Qwen2-0.5B."""


@dataclass(frozen=True)
class LlavaVideoConfig:
    """The contents of both files, and the two choices that a caller may override."""

    text: Mapping[str, Any] = field(repr=False)
    """`config.json` as it stands."""
    vision: Mapping[str, Any] = field(repr=False)
    """`vision_config.json`; `num_hidden_layers` is one more than are used."""
    newline: Newline
    pool: Pool

    @classmethod
    def of(
        cls,
        text: Mapping[str, Any],
        vision: Mapping[str, Any] | None = None,
        *,
        newline: Newline | None = None,
        pool: Pool | None = None,
        where: str = "config.json",
    ) -> LlavaVideoConfig:
        """Check both files. WeightsError names the first entry that belongs to another model."""
        _check_family(text, where)
        chosen_newline = newline or text.get("mm_newline_position", "one_token")
        chosen_pool = pool or text.get("mm_spatial_pool_mode", "bilinear")
        for key, value, known in (
            ("mm_newline_position", chosen_newline, get_args(Newline)),
            ("mm_spatial_pool_mode", chosen_pool, get_args(Pool)),
        ):
            if value not in known:
                raise WeightsError(f"{where}: {key} is {value!r}, wanted one of {', '.join(known)}")
        vision = {**SO400M, **(vision or {}).get("vision_config", vision or {})}  # SigLIP's own file nests it
        wide = text.get("mm_hidden_size", vision["hidden_size"])
        if wide != vision["hidden_size"]:
            raise WeightsError(
                f"{where}: mm_hidden_size is {wide}, but the vision tower gives {vision['hidden_size']}"
            )
        return cls(dict(text), vision, chosen_newline, chosen_pool)

    @classmethod
    def load(
        cls, folder: Path, *, newline: Newline | None = None, pool: Pool | None = None
    ) -> LlavaVideoConfig:
        """Read a checkpoint's files; WeightsError if one cannot be read or belongs to another model."""
        text = _read_json(folder / "config.json")
        beside = folder / "vision_config.json"
        vision = _read_json(beside) if beside.exists() else None
        return cls.of(text, vision, newline=newline, pool=pool, where=str(folder / "config.json"))

    def save(self, folder: Path) -> None:
        """Write what `load`, and the original, read."""
        text = {**self.text, "mm_newline_position": self.newline, "mm_spatial_pool_mode": self.pool}
        for name, content in (("config.json", text), ("vision_config.json", self.vision)):
            (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def published(cls, size: Literal["7b", "0.5b"]) -> LlavaVideoConfig:
        """The architecture of LLaVA-Video-7B-Qwen2, or the same on Qwen2-0.5B."""
        return cls.of({**_QWEN2, **_SIZES[size]}, SO400M)

    @classmethod
    def tiny(cls, vocab_size: int | None = None) -> LlavaVideoConfig:
        """A model of some 300,000 parameters whose vocabulary is `tokens.tiny_tokenizer()`'s."""
        if vocab_size is None:
            from streamaqa.llava.tokens import tiny_tokenizer

            vocab_size = len(tiny_tokenizer())
        sizes = {
            "hidden_size": 64,
            "intermediate_size": 160,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "vocab_size": vocab_size,
            "tie_word_embeddings": False,
            "mm_hidden_size": 48,
        }
        vision = {
            "hidden_size": 48,
            "intermediate_size": 96,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "image_size": 70,
        }
        return cls.of({**_QWEN2, **sizes}, {**SO400M, **vision})

    def with_choices(self, newline: Newline | None = None, pool: Pool | None = None) -> LlavaVideoConfig:
        """The same with other newline or pooling."""
        return replace(self, newline=newline or self.newline, pool=pool or self.pool)

    @property
    def stride(self) -> int:
        """Patches pooled into one, each way: the original reads `mm_spatial_pool_stride` nowhere."""
        return 2

    @property
    def merge_type(self) -> str:
        """`spatial_unpad` has newlines, `spatial` none after one token or image, `flat` none at all."""
        return str(self.text.get("mm_patch_merge_type", "flat"))

    @property
    def image_size(self) -> int:
        """Pixels each way that the tower looks at."""
        return int(self.vision["image_size"])

    @property
    def side(self) -> int:
        """Patches each way before pooling."""
        return self.image_size // int(self.vision["patch_size"])

    @property
    def pooled_side(self) -> int:
        """Patches each way after pooling: bilinear rounds up, the others down."""
        return -(-self.side // self.stride) if self.pool == "bilinear" else self.side // self.stride

    def visual_tokens(self, frames: int) -> int:
        """Tokens that a video of that many frames becomes."""
        cells = frames * self.pooled_side**2
        if self.merge_type == "flat":
            return cells
        closing = int("unpad" in self.merge_type)
        return (
            cells
            + {
                "grid": frames * self.pooled_side,
                "frame": frames,
                "one_token": closing,
                "no_token": 0,
            }[self.newline]
        )

    def qwen2(self) -> Qwen2Config:
        """For transformers."""
        from transformers import Qwen2Config

        keys = (
            "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
            "num_key_value_heads", "vocab_size", "hidden_act", "rms_norm_eps", "max_position_embeddings",
            "tie_word_embeddings", "attention_dropout",
        )  # fmt: skip
        rope = self.text.get("rope_parameters") or {}  # where transformers 5 writes it
        theta = float(self.text.get("rope_theta", rope.get("rope_theta", 1e4)))  # Qwen2Config's default
        return Qwen2Config(
            **{key: self.text[key] for key in keys if key in self.text},
            rope_parameters={"rope_type": "default", "rope_theta": theta},
        )

    def siglip(self) -> SiglipVisionConfig:
        """For transformers: the last layer is gone, and there is no head."""
        from transformers import SiglipVisionConfig

        keys = (
            "hidden_size", "intermediate_size", "num_attention_heads", "image_size", "patch_size",
            "num_channels", "hidden_act", "layer_norm_eps",
        )  # fmt: skip
        return SiglipVisionConfig(
            **{key: self.vision[key] for key in keys},
            num_hidden_layers=int(self.vision["num_hidden_layers"]) - 1,
            vision_use_head=False,
        )


def _check_family(text: Mapping[str, Any], where: str) -> None:
    """WeightsError unless this is LLaVA-Video on Qwen2 with the parts that are built here."""
    if text.get("model_type") not in MODEL_TYPES:
        raise WeightsError(
            f"{where}: model_type is {text.get('model_type')!r}, wanted one of {', '.join(MODEL_TYPES)}"
        )
    missing = [
        key
        for key in (
            "mm_vision_tower",
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "vocab_size",
        )
        if key not in text
    ]
    if missing:
        raise WeightsError(f"{where}: no {', '.join(missing)}: this is no LLaVA-Video configuration")
    if "siglip" not in str(text["mm_vision_tower"]).lower():
        raise WeightsError(f"{where}: mm_vision_tower is {text['mm_vision_tower']!r}, wanted a SigLIP tower")
    for key, only in (
        ("mm_projector_type", "mlp2x_gelu"),
        ("mm_vision_select_feature", "patch"),
        ("mm_resampler_type", None),
        ("add_faster_video", False),
        ("use_sliding_window", False),
        ("rope_scaling", None),
        ("mm_use_im_start_end", False),
        ("hidden_act", "silu"),
    ):
        if (found := text.get(key, only)) != only:
            raise WeightsError(f"{where}: {key} is {found!r}, wanted {only!r}")
    rope = text.get("rope_parameters") or {}
    if rope.get("rope_type", "default") != "default":
        raise WeightsError(f"{where}: rope_parameters are of type {rope['rope_type']!r}, wanted 'default'")
    wide, heads = int(text["hidden_size"]), int(text["num_attention_heads"])
    kept = int(text.get("num_key_value_heads") or heads)
    if wide % heads or heads % kept:
        raise WeightsError(
            f"{where}: hidden_size {wide} on {heads} heads and {kept} key-value heads, wanted multiples"
        )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise WeightsError(f"{path}: no JSON: {error}") from error
    if not isinstance(content, dict):
        raise WeightsError(f"{path}: a {type(content).__name__}, wanted an object")
    return content
