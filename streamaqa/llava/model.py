"""LLaVA-Video as the original computes it: transformers' SigLIP and Qwen2, and our own lines between them.

The modules stand under the original's names, so the state dict's keys are the checkpoint's:
`model.layers.0...`, `model.image_newline`, `model.mm_projector.0...`,
`model.vision_tower.vision_tower.vision_model...`, `lm_head`. No renaming, and an adapter's targets are
paths that LLaVA-NeXT knows too.

    video (T, 3, S, S) -> tower (T, N, D) -> projector (T, N, C) -> pool (T, n, C) -> newlines (V, C) -> Qwen2
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F  # noqa: N812  torch's own convention
from torch import Tensor, nn
from transformers import Qwen2Model, SiglipVisionModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from streamaqa.errors import WindowError
from streamaqa.llava.config import IGNORED, IMAGE_TOKEN, LlavaVideoConfig, Newline, Pool

FRAMES_AT_ONCE = 64
"""Frames the tower sees in one call: two windows of 32, beyond which a batch gains nothing on a GPU."""


@dataclass(frozen=True)
class Merged:
    """Text and visual tokens in one sequence, padded on the right to the longest of the batch."""

    embeds: Tensor
    """(B, L', C); zero where padded."""
    mask: Tensor
    """(B, L') True where there is a token."""
    labels: Tensor
    """(B, L') int64; -100 at visual tokens and padding, and everywhere if no labels were given."""

    @property
    def lengths(self) -> Tensor:
        """(B,) tokens of each row."""
        return self.mask.sum(dim=1)


class LlavaVideoBody(Qwen2Model):
    """Qwen2's decoder, and beside it what turns pictures into its tokens."""

    def __init__(self, config: LlavaVideoConfig) -> None:
        super().__init__(config.qwen2())
        width = self.config.hidden_size
        self.image_newline = nn.Parameter(torch.randn(width) / width**0.5)
        self.mm_projector = nn.Sequential(
            nn.Linear(int(config.vision["hidden_size"]), width), nn.GELU(), nn.Linear(width, width)
        )
        # the original wraps the tower twice, and its keys say so
        self.vision_tower = nn.ModuleDict(
            {"vision_tower": nn.ModuleDict({"vision_model": SiglipVisionModel(config.siglip())})}
        )

    @property
    def siglip(self) -> SiglipVisionModel:
        """The tower without its wrappers."""
        return cast(SiglipVisionModel, cast(nn.ModuleDict, self.vision_tower["vision_tower"])["vision_model"])


class LlavaVideo(nn.Module):
    """The whole model. Build it with `from_pretrained`, or with random weights from a configuration."""

    def __init__(self, config: LlavaVideoConfig) -> None:
        super().__init__()
        self.config = config
        self.model = LlavaVideoBody(config)
        self.lm_head = nn.Linear(self.model.config.hidden_size, self.model.config.vocab_size, bias=False)
        self.tie()

    @classmethod
    def from_pretrained(
        cls,
        folder: str | Path,
        *,
        newline: Newline | None = None,
        pool: Pool | None = None,
        device: str | torch.device | None = None,
        dtype: torch.dtype | None = None,
        quantize: str | None = None,
    ) -> LlavaVideo:
        """Load a checkpoint in the original's layout from a folder, or from the hub by its id.

        `newline` and `pool` override the configuration. bfloat16 on a GPU and float32 on a CPU unless told
        otherwise; `quantize` is "4bit" or "8bit" (CUDA and bitsandbytes). WeightsError says what was found
        and what was wanted.
        """
        from streamaqa.llava.checkpoint import load

        return load(folder, newline=newline, pool=pool, device=device, dtype=dtype, quantize=quantize)

    @classmethod
    def random(cls, config: LlavaVideoConfig, seed: int = 0) -> LlavaVideo:
        """Random weights, the same for the same seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(config).eval()

    def save_pretrained(self, folder: str | Path, *, max_shard_bytes: int = 5 * 10**9) -> None:
        """Write the original's layout: both configurations, and one safetensors file or shards and index."""
        from streamaqa.llava.checkpoint import save

        save(self, Path(folder), max_shard_bytes=max_shard_bytes)

    def tie(self) -> None:
        """Share the embedding with the head where the configuration says so."""
        if self.model.config.tie_word_embeddings:
            self.lm_head.weight = self.model.embed_tokens.weight

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.model.image_newline.device

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights that are not quantized."""
        return self.model.image_newline.dtype

    def gradient_checkpointing_enable(
        self, gradient_checkpointing_kwargs: dict[str, Any] | None = None
    ) -> None:
        """Recompute activations in the backward pass, in tower and decoder; `transformers.Trainer` asks
        so.
        """
        parts: tuple[Any, ...] = (self.model, self.model.siglip)
        for part in parts:
            part.gradient_checkpointing_enable(gradient_checkpointing_kwargs)

    def get_input_embeddings(self) -> nn.Module:
        """The token embedding, for PEFT and Trainer."""
        return self.model.embed_tokens

    # --- pictures to tokens ----------------------------------------------------------------------------

    def see(self, frames: Tensor) -> Tensor:
        """(T, 3, S, S) in [-1, 1] -> (T, N, C): tower and projector, before pooling."""
        tower = self.model.siglip
        parts = []
        for some in frames.to(self.device, self.dtype).split(FRAMES_AT_ONCE):
            hidden = tower.encoder(inputs_embeds=tower.embeddings(some)).last_hidden_state
            # no post_layernorm: the original takes hidden_states[-1]
            parts.append(self.model.mm_projector(hidden))
        return _joined(parts)

    def pool(self, features: Tensor) -> Tensor:
        """(T, H*W, C) -> (T, h*w, C)."""
        frames, patches, width = features.shape
        side, stride = int(patches**0.5), self.config.stride
        grid = features.view(frames, side, side, width).permute(0, 3, 1, 2)  # (T, C, H, W)
        if self.config.pool == "bilinear":
            grid = F.interpolate(grid, size=(-(-side // stride),) * 2, mode="bilinear")
        elif self.config.pool == "average":
            grid = F.avg_pool2d(grid, stride)
        else:
            grid = F.max_pool2d(grid, stride)
        return grid.permute(0, 2, 3, 1).flatten(1, 2)

    def with_newlines(self, pooled: Tensor) -> Tensor:
        """(T, h*w, C) -> (V, C): frames in a row, with the learned newline where the mode puts it."""
        if self.config.merge_type == "flat" or self.config.newline == "no_token":
            return pooled.flatten(0, 1)
        frames, cells, width = pooled.shape
        newline = self.model.image_newline
        if self.config.newline == "one_token":
            return self._closed(pooled.flatten(0, 1))
        rows = int(cells**0.5) * frames if self.config.newline == "grid" else frames
        lines = pooled.reshape(rows, -1, width)  # (T*h, w, C) or (T, h*w, C)
        return torch.cat([lines, newline.expand(rows, 1, width)], dim=1).flatten(0, 1)

    def _closed(self, tokens: Tensor) -> Tensor:
        """(V, C) -> (V + 1, C) where the merge type ends pictures with a newline."""
        if "unpad" not in self.config.merge_type:
            return tokens
        return torch.cat([tokens, self.model.image_newline[None]])

    def visual_tokens(self, videos: Sequence[Tensor]) -> list[Tensor]:
        """Each video (T, 3, S, S) or image (3, S, S) -> (V, C); images are not pooled.

        WindowError for one without frames, of another size, or with pixels that are no numbers.
        """
        for number, video in enumerate(videos):
            self._check(video, number)
        stacked = [video if video.dim() == 4 else video[None] for video in videos]
        features = self.see(_joined(stacked)).split([len(video) for video in stacked])
        return [
            self.with_newlines(self.pool(seen)) if video.dim() == 4 else self._closed(seen[0])
            for video, seen in zip(videos, features, strict=True)
        ]

    def _check(self, video: Tensor, number: int) -> None:
        side, shape = self.config.image_size, tuple(video.shape)
        if video.dim() not in (3, 4) or shape[-3:] != (3, side, side):
            raise WindowError(f"video {number} has shape {shape}, wanted (frames, 3, {side}, {side})")
        if video.numel() == 0:
            raise WindowError(f"video {number} has no frames")
        if not is_finite(video):
            raise WindowError(f"video {number} has pixels that are no finite numbers")

    # --- one sequence ----------------------------------------------------------------------------------

    def merge(
        self, input_ids: Tensor, videos: Sequence[Tensor], attention_mask: Tensor | None = None
    ) -> Tensor:
        """(B, L) ids with -200 where pictures go, and the pictures in order -> (B, L', C) embeddings.

        A (T, 3, S, S) tensor is a video, a (3, S, S) one a single image. Rows are padded on the right.
        """
        return self.merge_batch(input_ids, videos, attention_mask).embeds

    def merge_batch(
        self,
        input_ids: Tensor,
        videos: Sequence[Tensor],
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> Merged:
        """As `merge`, with the mask and labels that belong to the merged sequence.

        `attention_mask` (B, L) marks what is no padding, `labels` (B, L) what is learned.
        """
        asked = int((input_ids == IMAGE_TOKEN).sum())
        if asked != len(videos):
            raise WindowError(f"the ids ask for {asked} videos, {len(videos)} were given")
        pictures = iter(self.visual_tokens(videos) if videos else [])
        rows, marks = [], []
        for row, ids in enumerate(input_ids.to(self.device)):
            kept = slice(None) if attention_mask is None else attention_mask[row].to(self.device, torch.bool)
            targets = torch.full_like(ids, IGNORED) if labels is None else labels[row].to(self.device)
            embedded, learned = self._merge_row(ids[kept], targets[kept], pictures)
            rows.append(embedded)
            marks.append(learned)
        lengths = torch.tensor([len(row) for row in rows], device=self.device)
        longest = int(lengths.max())
        return Merged(
            nn.utils.rnn.pad_sequence(rows, batch_first=True),
            torch.arange(longest, device=self.device) < lengths[:, None],
            nn.utils.rnn.pad_sequence(marks, batch_first=True, padding_value=IGNORED),
        )

    def _merge_row(self, ids: Tensor, labels: Tensor, pictures: Any) -> tuple[Tensor, Tensor]:
        """(L,) -> (L', C) and (L',)."""
        at = (ids == IMAGE_TOKEN).nonzero().flatten().tolist()
        embedded, learned = [], []
        for start, stop in zip([0, *(place + 1 for place in at)], [*at, len(ids)], strict=True):
            embedded.append(self.model.embed_tokens(ids[start:stop]))
            learned.append(labels[start:stop])
            if stop < len(ids):
                tokens = next(pictures)
                embedded.append(tokens)
                learned.append(labels.new_full((len(tokens),), IGNORED))
        return torch.cat(embedded), torch.cat(learned)

    def forward(
        self,
        input_ids: Tensor,
        videos: Sequence[Tensor] = (),
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        need_logits: bool = True,
        num_items_in_batch: Tensor | int | None = None,
    ) -> CausalLMOutputWithPast:
        """Logits (B, L', vocabulary) at every position, and with labels the shifted cross entropy.

        Training passes `need_logits=False`: then only supervised positions go through the head, which at 32
        frames saves 4 GB. `num_items_in_batch` is Trainer's count of labels over accumulated batches.
        """
        merged = self.merge_batch(input_ids, videos, attention_mask, labels)
        hidden = self.model(inputs_embeds=merged.embeds, attention_mask=merged.mask).last_hidden_state
        loss = None
        if labels is not None:
            loss = self._loss(hidden, merged.labels, num_items_in_batch)
        logits = self.lm_head(hidden) if need_logits or labels is None else None
        return CausalLMOutputWithPast(loss=loss, logits=logits)

    def _loss(self, hidden: Tensor, labels: Tensor, items: Tensor | int | None) -> Tensor:
        """Position t foretells the label of t + 1; the mean over labels, or their sum over `items`."""
        learned = labels[:, 1:] != IGNORED
        logits = self.lm_head(hidden[:, :-1][learned]).float()  # (labels, vocabulary)
        targets = labels[:, 1:][learned]
        if items is None:
            return F.cross_entropy(logits, targets)
        return F.cross_entropy(logits, targets, reduction="sum") / items


def is_finite(pixels: Tensor) -> bool:
    """Whether all are finite numbers. If their sum is, they are, and it reads them once where asking each
    reads them three times.
    """
    return bool(torch.isfinite(pixels.sum())) or bool(torch.isfinite(pixels).all())


def _joined(parts: Sequence[Tensor]) -> Tensor:
    """One after the other; what stands alone is not copied."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))
