"""The decoder in 4 or 8 bits through bitsandbytes, where CUDA is there; said clearly where it is not."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from streamaqa.errors import WeightsError

if TYPE_CHECKING:
    from streamaqa.llava.model import LlavaVideo

KINDS = ("4bit", "8bit")


def check_quantize(kind: str | None) -> None:
    """WeightsError unless `kind` is None, or known and this machine can do it."""
    if kind is None:
        return
    if kind not in KINDS:
        raise WeightsError(f"quantize is {kind!r}, wanted one of {', '.join(KINDS)}")
    if not torch.cuda.is_available():
        raise WeightsError(f"quantize={kind!r} needs a CUDA device, and torch finds none here")
    if find_spec("bitsandbytes") is None:
        raise WeightsError(f"quantize={kind!r} needs bitsandbytes, which is not installed")


def quantize_decoder(model: LlavaVideo, kind: str) -> None:
    """Replace the linear layers of the decoder; tower, projector, embedding and head keep their precision."""
    import bitsandbytes as bnb

    layers: Any = model.model.layers
    for layer in layers:
        for block in (layer.self_attn, layer.mlp):
            for name, linear in block.named_children():
                if not isinstance(linear, nn.Linear):
                    continue
                sizes = linear.in_features, linear.out_features, linear.bias is not None
                if kind == "4bit":  # NF4 with double quantization: QLoRA (Dettmers 2023)
                    small = bnb.nn.Linear4bit(
                        *sizes, compute_dtype=model.dtype, compress_statistics=True, quant_type="nf4"
                    )
                    small.weight = bnb.nn.Params4bit(
                        linear.weight.data, requires_grad=False, quant_type="nf4"
                    )
                else:
                    small = bnb.nn.Linear8bitLt(*sizes, has_fp16_weights=False)
                    small.weight = bnb.nn.Int8Params(linear.weight.data, requires_grad=False)
                small.bias = linear.bias
                setattr(block, name, small.to(model.device))
