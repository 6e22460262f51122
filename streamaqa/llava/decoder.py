"""One pass of the decoder over few tokens that see kept keys and values: Qwen2's modules, less in between.

A pass of few tokens takes as long as its operations are many, so norms are fused, queries and keys turned in
one go, and heads that share keys stand in a row as further queries, where transformers repeats the keys for
each. Adapted and quantized layers work as they are: modules are called, weights are not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F  # noqa: N812  torch's own convention
from torch import Tensor

from streamaqa.llava.model import LlavaVideo

Kept: TypeAlias = tuple[Tensor, Tensor]
"""One layer's keys and values, (B, H, K, D) each."""


def decode(
    model: LlavaVideo, ids: Tensor, positions: Tensor, slots: Tensor, bias: Tensor, kept: Sequence[Kept]
) -> Tensor:
    """(B, Q) tokens at `positions` (B, Q) -> (B, Q, vocabulary) logits.

    Their keys and values are written at `slots` (Q,) of `kept`, in place. `bias` (B, Q, K) is added to
    attention: 0 where a token sees a slot, -inf where it does not.
    """
    body: Any = model.model
    hidden = body.embed_tokens(ids)
    turn = _rotation(body.rotary_emb, hidden, positions)
    mask = bias.repeat(1, body.layers[0].self_attn.num_key_value_groups, 1)[:, None]  # (B, 1, groups * Q, K)
    for layer, both in zip(body.layers, kept, strict=True):
        seen = _attend(layer.self_attn, _normed(layer.input_layernorm, hidden), turn, slots, mask, both)
        hidden = hidden + seen
        hidden = hidden + layer.mlp(_normed(layer.post_attention_layernorm, hidden))
    logits: Tensor = model.lm_head(_normed(body.norm, hidden))
    return logits


def bias_of(padding: Tensor, sees: Tensor) -> Tensor:
    """What `decode` adds to attention, (B, Q, L' + S).

    Of the prompt's padding (B, 1, L'), and what each token sees behind the prompt (B, Q, S).
    """
    tail = padding.new_zeros(sees.shape).masked_fill_(~sees, -torch.inf)
    return torch.cat([padding.expand(-1, sees.shape[1], -1), tail], dim=2)


def _normed(norm: Any, hidden: Tensor) -> Tensor:
    return F.rms_norm(hidden, norm.weight.shape, norm.weight, norm.variance_epsilon)


def _rotation(rotary: Any, hidden: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines (B, 1, Q, D), those of the first half negated: halves need only be swapped."""
    cos, sin = rotary(hidden, positions)
    half = sin.shape[-1] // 2
    return cos[:, None], torch.cat([-sin[..., :half], sin[..., half:]], dim=-1)[:, None]


def _attend(
    attention: Any, hidden: Tensor, turn: tuple[Tensor, Tensor], slots: Tensor, mask: Tensor, kept: Kept
) -> Tensor:
    """Grouped-query attention, (B, Q, C) -> (B, Q, C)."""
    rows, width, _ = hidden.shape
    deep, (cos, sin), (keys, values) = attention.head_dim, turn, kept
    both = torch.cat([attention.q_proj(hidden), attention.k_proj(hidden)], dim=-1)
    both = both.view(rows, width, -1, deep).transpose(1, 2)  # (B, heads + H, Q, D)
    both = torch.addcmul(both * cos, both.roll(deep // 2, dims=-1), sin)
    new = attention.v_proj(hidden).view(rows, width, -1, deep).transpose(1, 2)  # (B, H, Q, D)
    heads = new.shape[1]
    keys.index_copy_(2, slots, both[:, -heads:])
    values.index_copy_(2, slots, new)
    asked = both[:, :-heads].reshape(rows, heads, -1, deep)  # (B, H, groups * Q, D)
    found = F.scaled_dot_product_attention(asked, keys, values, attn_mask=mask, scale=attention.scaling)
    found = found.view(rows, -1, width, deep).transpose(1, 2).reshape(rows, width, -1)
    seen: Tensor = attention.o_proj(found)
    return seen
