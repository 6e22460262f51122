"""What a window costs at least: operations and bytes, counted from the configuration.

A multiply and an add are two operations. Attention in the prefill is counted causal, half of full.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamaqa.llava.config import LlavaVideoConfig


@dataclass(frozen=True, slots=True)
class Cost:
    """Work of one stage."""

    flop: float
    read_bytes: float
    """Weights once, and what is kept of the prompt."""

    def __add__(self, other: Cost) -> Cost:
        """Both, one after the other."""
        return Cost(self.flop + other.flop, self.read_bytes + other.read_bytes)

    def seconds(self, flop_per_second: float, bytes_per_second: float) -> float:
        """The limit: work and transfer overlap, so the longer of the two."""
        return max(self.flop / flop_per_second, self.read_bytes / bytes_per_second)


class Costs:
    """Of one model."""

    def __init__(self, config: LlavaVideoConfig, weight_bytes: int = 2) -> None:
        text, vision = config.text, config.vision
        self._config = config
        self._bytes = weight_bytes
        self._width, self._layers = int(text["hidden_size"]), int(text["num_hidden_layers"])
        heads = int(text["num_attention_heads"])
        self._kv = self._width // heads * int(text.get("num_key_value_heads") or heads)
        """Width of all keys, and of all values, of one layer."""
        self._decoder = self._layers * (
            2 * self._width**2 + 2 * self._width * self._kv + 3 * self._width * int(text["intermediate_size"])
        )
        """Weights that each token is multiplied with, head left out."""
        self._head = self._width * int(text["vocab_size"])
        self._tower_width, self._tower_layers = (
            int(vision["hidden_size"]),
            int(vision["num_hidden_layers"]) - 1,
        )
        self._tower_mlp, self._patch = int(vision["intermediate_size"]), int(vision["patch_size"])

    def vision(self, frames: int) -> Cost:
        """Tower and projector."""
        patches, wide = self._config.side**2, self._tower_width
        layer = 4 * wide**2 + 2 * wide * self._tower_mlp
        outer = 3 * self._patch**2 * wide + wide * self._width + self._width**2
        weights = self._tower_layers * layer + outer
        attention = 4 * patches**2 * wide * self._tower_layers
        return Cost(frames * (2 * patches * weights + attention), weights * self._bytes)

    def prefill(self, tokens: int) -> Cost:
        """The decoder over a prompt, with logits at its last position only."""
        attention = 2 * tokens**2 * self._width * self._layers
        flop = 2 * tokens * self._decoder + attention + 2 * self._head
        return Cost(flop, (self._decoder + self._head) * self._bytes)

    def step(self, tokens: int, seen: int) -> Cost:
        """A pass of some tokens that each look back at `seen` others."""
        flop = 2 * tokens * (self._decoder + self._head) + 4 * tokens * seen * self._width * self._layers
        kept = 2 * self._kv * self._layers * seen
        return Cost(flop, (self._decoder + self._head + kept) * self._bytes)
