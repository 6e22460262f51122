"""Running the decoder: one prefill, then further tokens on its kept keys and values, in any tree.

The cache is laid out once and written in place. The prompt's keys are never copied or repeated for
alternatives: a tree of tokens sees the prompt and its own ancestors through a mask. The prefill is
transformers' own forward pass, what comes behind it is `decoder.decode`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

from streamaqa.llava.decoder import Kept, bias_of, decode
from streamaqa.llava.graphs import DecodeGraphs, FixedShapes
from streamaqa.llava.model import LlavaVideo, Merged

_GROW = 512
"""Slots laid out behind the prompt at first; a read-out seldom takes more, and growing is a copy."""


class _Slots(DynamicLayer):
    """One layer's keys and values in a buffer that is written in place and read as a view."""

    def __init__(self) -> None:
        start: Any = super().__init__  # has no annotations
        start()
        self._buffers: tuple[Tensor, Tensor] | None = None
        self._used = 0

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """(B, H, Q, D) twice -> all keys and values so far, (B, H, K, D) twice."""
        start = self._used
        self.keys, self.values = self.more(key_states.shape[2], key_states)
        for buffer, new in zip((self.keys, self.values), (key_states, value_states), strict=True):
            buffer[:, :, start:] = new
        self.is_initialized = True
        return self.keys, self.values

    def more(self, count: int, like: Tensor | None = None) -> Kept:
        """So many more slots -> all so far, the new ones yet to be written. `like`: (B, H, _, D) at first."""
        start, self._used = self._used, self._used + count
        if self._buffers is None or self._used > self._buffers[0].shape[2]:
            old = self._buffers
            pattern = old[0] if old is not None else like
            assert pattern is not None
            shape = (*pattern.shape[:2], self._used + _GROW, pattern.shape[3])
            self._buffers = pattern.new_empty(shape), pattern.new_empty(shape)
            if old is not None:
                for new, before in zip(self._buffers, old, strict=True):
                    new[:, :, :start] = before[:, :, :start]
        keys, values = self._buffers
        return keys[:, :, : self._used], values[:, :, : self._used]

    def adopt(self, kept: Kept, used: int) -> None:
        """Go on in other buffers, of which so many slots are taken."""
        self._buffers, self._used = (kept[0].clone(), kept[1].clone()), used

    def get_seq_length(self) -> int:
        """Slots written."""
        return self._used


class Session:
    """A batch of prompts that has been read, and what is said after them."""

    def __init__(self, model: LlavaVideo, graphs: DecodeGraphs | None = None) -> None:
        self._model = model
        self._graphs = graphs
        self._fixed: FixedShapes | None = None
        """Where the keys and values lie instead, if passes have fixed shapes."""
        self._slots = [_Slots() for _ in model.model.layers]
        self.passes = 0
        """Times the decoder ran, the prefill included."""
        self.said = 0
        """Slots taken behind the prompt in each row."""

    @classmethod
    @torch.inference_mode()
    def open(
        cls,
        model: LlavaVideo,
        prompts: Sequence[Sequence[int]],
        videos: Sequence[Tensor],
        graphs: DecodeGraphs | None = None,
    ) -> Session:
        """Look and prefill: `prompts` hold -200 where the videos go, in order."""
        longest = max(map(len, prompts))
        ids = torch.zeros(len(prompts), longest, dtype=torch.long)
        mask = torch.zeros(len(prompts), longest, dtype=torch.bool)
        for row, prompt in enumerate(prompts):
            ids[row, : len(prompt)] = torch.tensor(prompt)
            mask[row, : len(prompt)] = True
        session = cls(model, graphs)
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
            past_key_values=Cache(layers=list(self._slots)),
            use_cache=True,
        ).last_hidden_state
        self.lengths = mask.sum(dim=1)
        """(B,) tokens of each prompt."""
        padding = torch.zeros_like(mask, dtype=hidden.dtype).masked_fill_(~mask, -torch.inf)
        self._padding = padding[:, None]  # (B, 1, L') added to attention
        last = hidden[torch.arange(len(embeds), device=hidden.device), self.lengths - 1]
        self.first = self._model.lm_head(last)
        """(B, vocabulary) logits of the answer's first token."""
        self.passes = 1
        if self._graphs is not None:
            self._fixed = self._graphs.take([slots.more(0) for slots in self._slots], self._padding)

    @torch.inference_mode()
    def step(self, ids: Tensor, depths: Tensor, sees: Tensor) -> Tensor:
        """Feed (B, Q) tokens at `depths` (B, Q) behind their prompts -> (B, Q, vocabulary) logits.

        `sees` (B, Q, S) says which of the slots said so far, these Q included, each token attends to besides
        the prompt; slots count over all steps in order.
        """
        device, width = self.lengths.device, ids.shape[1]
        ids, sees, positions = ids.to(device), sees.to(device), self.lengths[:, None] + depths.to(device)
        logits = self._fixed.step(ids, positions, sees) if self._fixed is not None else None
        if logits is None:
            self._unfix()
            kept = [slots.more(width) for slots in self._slots]
            used = kept[0][0].shape[2]
            where = torch.arange(used - width, used, device=device)
            logits = decode(self._model, ids, positions, where, bias_of(self._padding, sees), kept)
        self.said += width
        self.passes += 1
        return logits

    def close(self) -> None:
        """Give back what was lent; the session is over. Without it the next one goes without graphs."""
        if self._fixed is not None:
            self._fixed.lent = False
            self._fixed = None

    def _unfix(self) -> None:
        """Go on in buffers that grow, where passes of fixed shapes come to their end."""
        if self._fixed is None:
            return
        for slots, kept in zip(self._slots, self._fixed.kept, strict=True):
            slots.adopt(kept, self._fixed.prompt + self.said)
        self._padding = self._fixed.padding.clone()
        self.close()


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
