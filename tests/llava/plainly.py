"""LLaVA-Video written out once more, from its description and a state dict alone: loops, and no modules.

It shares no line with `streamaqa.llava`, knows SigLIP and Qwen2 only as matrix products, and is slow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  torch's own convention
from torch import Tensor

State = Mapping[str, Tensor]


def linear(state: State, name: str, x: Tensor) -> Tensor:
    found = x @ state[f"{name}.weight"].T
    return found + state[f"{name}.bias"] if f"{name}.bias" in state else found


def layer_norm(state: State, name: str, x: Tensor, eps: float) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    scaled = centred / torch.sqrt((centred**2).mean(-1, keepdim=True) + eps)
    return scaled * state[f"{name}.weight"] + state[f"{name}.bias"]


def rms_norm(state: State, name: str, x: Tensor, eps: float) -> Tensor:
    return x / torch.sqrt((x**2).mean(-1, keepdim=True) + eps) * state[f"{name}.weight"]


def attention(q: Tensor, k: Tensor, v: Tensor, heads: int, kept: int, *, causal: bool) -> Tensor:
    """(L, heads * D), (L, kept * D) twice -> (L, heads * D), one head after the other."""
    long, deep = len(q), q.shape[1] // heads
    found = []
    for head in range(heads):
        shared = head * kept // heads
        mine = q[:, head * deep : (head + 1) * deep]
        keys, values = (x[:, shared * deep : (shared + 1) * deep] for x in (k, v))
        scores = mine @ keys.T / deep**0.5
        if causal:
            scores = scores.masked_fill(torch.ones(long, long).triu(1).bool(), -torch.inf)
        found.append(scores.softmax(-1) @ values)
    return torch.cat(found, dim=1)


def look(state: State, frame: Tensor, vision: Mapping[str, Any]) -> Tensor:
    """One frame (3, S, S) -> (patches, D): the layers that the checkpoint holds, and nothing after them."""
    top = "model.vision_tower.vision_tower.vision_model"
    patch, eps = vision["patch_size"], vision["layer_norm_eps"]
    side = vision["image_size"] // patch
    kernel = state[f"{top}.embeddings.patch_embedding.weight"].flatten(1)
    cells = [
        kernel @ frame[:, r * patch : (r + 1) * patch, c * patch : (c + 1) * patch].flatten()
        for r in range(side)
        for c in range(side)
    ]
    x = torch.stack(cells) + state[f"{top}.embeddings.patch_embedding.bias"]
    x = x + state[f"{top}.embeddings.position_embedding.weight"]
    for layer in range(vision["num_hidden_layers"] - 1):
        name = f"{top}.encoder.layers.{layer}"
        h = layer_norm(state, f"{name}.layer_norm1", x, eps)
        q, k, v = (linear(state, f"{name}.self_attn.{part}_proj", h) for part in "qkv")
        heads = vision["num_attention_heads"]
        x = x + linear(state, f"{name}.self_attn.out_proj", attention(q, k, v, heads, heads, causal=False))
        h = linear(state, f"{name}.mlp.fc1", layer_norm(state, f"{name}.layer_norm2", x, eps))
        h = 0.5 * h * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (h + 0.044715 * h**3)))
        x = x + linear(state, f"{name}.mlp.fc2", h)
    return x


def project(state: State, x: Tensor) -> Tensor:
    h = linear(state, "model.mm_projector.0", x)
    return linear(state, "model.mm_projector.2", 0.5 * h * (1 + torch.erf(h / 2**0.5)))


def pool(x: Tensor, how: str) -> Tensor:
    """(side, side, C) by two each way: bilinear keeps a last odd row, the others drop it."""
    if how == "bilinear":
        grid = x.permute(2, 0, 1)[None]
        size = (len(x) + 1) // 2
        small: Tensor = F.interpolate(grid, size=(size, size), mode="bilinear", align_corners=False)
        return small[0].permute(1, 2, 0)
    half = len(x) // 2
    fours = x[: 2 * half, : 2 * half].unflatten(0, (half, 2)).unflatten(2, (half, 2))
    pooled: Tensor = fours.mean((1, 3)) if how == "average" else fours.amax((1, 3))
    return pooled


def video_tokens(state: State, video: Tensor, config: Mapping[str, Any], vision: Mapping[str, Any]) -> Tensor:
    newline = state["model.image_newline"][None]
    mode, merge = config["mm_newline_position"], config["mm_patch_merge_type"]
    side = vision["image_size"] // vision["patch_size"]
    tokens: list[Tensor] = []
    for frame in video:
        features = project(state, look(state, frame, vision)).unflatten(0, (side, side))
        for row in pool(features, config["mm_spatial_pool_mode"]):
            tokens.append(row)
            if mode == "grid" and merge != "flat":
                tokens.append(newline)
        if mode == "frame" and merge != "flat":
            tokens.append(newline)
    if mode == "one_token" and "unpad" in merge:
        tokens.append(newline)
    return torch.cat(tokens)


def turned(x: Tensor, deep: int, theta: float) -> Tensor:
    """Each head's two halves as the parts of complex numbers, turned by the position."""
    half = deep // 2
    angle = torch.arange(len(x))[:, None] / theta ** (torch.arange(half) / half)
    found = []
    for head in x.split(deep, dim=1):
        a, b = head[:, :half], head[:, half:]
        found += [a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()]
    return torch.cat(found, dim=1)


def logits(state: State, embeds: Tensor, config: Mapping[str, Any]) -> Tensor:
    """(L, C) -> (L, vocabulary)."""
    x, eps = embeds, config["rms_norm_eps"]
    heads, kept = config["num_attention_heads"], config["num_key_value_heads"]
    deep = config["hidden_size"] // heads
    for layer in range(config["num_hidden_layers"]):
        name = f"model.layers.{layer}"
        h = rms_norm(state, f"{name}.input_layernorm", x, eps)
        q, k, v = (linear(state, f"{name}.self_attn.{part}_proj", h) for part in "qkv")
        q, k = (turned(part, deep, config["rope_theta"]) for part in (q, k))
        x = x + linear(state, f"{name}.self_attn.o_proj", attention(q, k, v, heads, kept, causal=True))
        h = rms_norm(state, f"{name}.post_attention_layernorm", x, eps)
        gate = linear(state, f"{name}.mlp.gate_proj", h)
        up = linear(state, f"{name}.mlp.up_proj", h)
        x = x + linear(state, f"{name}.mlp.down_proj", gate * torch.sigmoid(gate) * up)
    x = rms_norm(state, "model.norm", x, eps)
    head = "model.embed_tokens" if config.get("tie_word_embeddings") else "lm_head"
    return x @ state[f"{head}.weight"].T


def answer(
    state: State, ids: list[int], video: Tensor, config: Mapping[str, Any], vision: Mapping[str, Any]
) -> Tensor:
    """Logits at every position of one prompt with one video at -200, (L', vocabulary)."""
    at = ids.index(-200)
    words = state["model.embed_tokens.weight"]
    seen = video_tokens(state, video, config, vision)
    return logits(state, torch.cat([words[ids[:at]], seen, words[ids[at + 1 :]]]), config)
