"""Running the decoder: one prefill, then further tokens on its kept keys and values, in any tree.

The cache is laid out once and written in place. The prompt's keys are never copied or repeated for
alternatives: a tree of tokens sees the prompt and its own ancestors through a mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

from streamaqa.llava.model import LlavaVideo, Merged

_GROW = 512
"""Slots laid out behind the prompt at first; a read-out seldom takes more, and growing is a copy."""


class _Slots(DynamicLayer):
    """One layer's keys and values in a buffer that is written in place and read as a view."""

    def __init__(self) -> None:
        super().__init__()
        self._buffers: tuple[Tensor, Tensor] | None = None
        self._used = 0

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """(B, H, Q, D) twice -> all keys and values so far, (B, H, K, D) twice."""
        start, self._used = self._used, self._used + key_states.shape[2]
        if self._buffers is None or self._used > self._buffers[0].shape[2]:
            old = self._buffers
            shape = (*key_states.shape[:2], self._used + _GROW, key_states.shape[3])
            self._buffers = key_states.new_zeros(shape), value_states.new_zeros(shape)
            if old is not None:
                for new, before in zip(self._buffers, old, strict=True):
                    new[:, :, :start] = before[:, :, :start]
        for buffer, new in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[:, :, start : self._used] = new
        self.is_initialized = True
        self.keys, self.values = (buffer[:, :, : self._used] for buffer in self._buffers)
        return self.keys, self.values

    def get_seq_length(self) -> int:
        """Slots written."""
        return self._used


class Session:
    """A batch of prompts that has been read, and what is said after them."""

    def __init__(self, model: LlavaVideo) -> None:
        self._model = model
        self._cache = Cache(layers=[_Slots() for _ in model.model.layers])
        self.passes = 0
        """Times the decoder ran, the prefill included."""
        self.said = 0
        """Slots taken behind the prompt in each row."""

    @classmethod
    @torch.inference_mode()
    def open(cls, model: LlavaVideo, prompts: Sequence[Sequence[int]], videos: Sequence[Tensor]) -> Session:
        """Look and prefill: `prompts` hold -200 where the videos go, in order."""
        longest = max(map(len, prompts))
        ids = torch.zeros(len(prompts), longest, dtype=torch.long)
        mask = torch.zeros(len(prompts), longest, dtype=torch.bool)
        for row, prompt in enumerate(prompts):
            ids[row, : len(prompt)] = torch.tensor(prompt)
            mask[row, : len(prompt)] = True
        session = cls(model)
        session.prefill(model.merge_batch(ids, videos, mask))
        return session

    @torch.inference_mode()
    def prefill(self, merged: Merged) -> None:
        """Read the merged prompts."""
        embeds, mask = merged.embeds, merged.mask
        padded = not bool(mask.all())
        hidden = self._model.model(
            inputs_embeds=embeds,
            attention_mask=mask if padded else None,  # without a mask SDPA takes its causal kernel
            past_key_values=self._cache,
            use_cache=True,
        ).last_hidden_state
        self._mask = mask
        self.lengths = mask.sum(dim=1)
        """(B,) tokens of each prompt."""
        last = hidden[torch.arange(len(embeds), device=hidden.device), self.lengths - 1]
        self.first = self._model.lm_head(last)
        """(B, vocabulary) logits of the answer's first token."""
        self.passes = 1

    @torch.inference_mode()
    def step(self, ids: Tensor, depths: Tensor, sees: Tensor) -> Tensor:
        """Feed (B, Q) tokens at `depths` (B, Q) behind their prompts -> (B, Q, vocabulary) logits.

        `sees` (B, Q, S) says which of the slots said so far, these Q included, each token attends to besides
        the prompt; slots count over all steps in order.
        """
        device = self.lengths.device
        rows, width = ids.shape
        prompt = self._mask[:, None, :].expand(rows, width, -1)  # (B, Q, L')
        mask = torch.cat([prompt, sees.to(device)], dim=2)[:, None]  # (B, 1, Q, L' + S)
        hidden = self._model.model(
            inputs_embeds=self._model.model.embed_tokens(ids.to(device)),
            attention_mask=mask,
            position_ids=self.lengths[:, None] + depths.to(device),
            past_key_values=self._cache,
            use_cache=True,
        ).last_hidden_state
        self.said += width
        self.passes += 1
        logits: Tensor = self._model.lm_head(hidden)
        return logits


@torch.inference_mode()
def generate(session: Session, end: int, *, most: int = 160, ignore_end: bool = False) -> list[list[int]]:
    """Greedy token-by-token decoding of each row up to `end`: what the read-out is compared with."""
    rows = len(session.lengths)
    said: list[list[int]] = [[] for _ in range(rows)]
    logits = session.first
    for depth in range(most):
        chosen = logits.argmax(dim=-1)  # (B,)
        done = True
        for answer, token in zip(said, chosen.tolist(), strict=True):
            if ignore_end or not answer or answer[-1] != end:
                answer.append(token)
                done = done and token == end and not ignore_end
        if done or depth + 1 == most:
            break
        sees = torch.ones(rows, 1, depth + 1, dtype=torch.bool)
        logits = session.step(chosen[:, None], torch.full((rows, 1), depth), sees)[:, 0]
    return said
