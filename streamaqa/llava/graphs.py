"""Passes of fixed shapes, so that each is one CUDA graph: a pass of a 7B model is some 600 kernels, and they
start more slowly than they run.

Keys and values lie in buffers that outlive a window; prompts are laid out in steps of 256 slots and passes in
a few widths, so a handful of graphs serves. Slots that are not in use are masked, and tokens that only fill
up a width write to one slot that nobody sees. A graph is checked against the same pass run without it before
it is used. Whatever fails switches graphs off, says why once, and costs nothing but their speed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import structlog
import torch
from torch import Tensor

from streamaqa.llava.decoder import Kept, bias_of, decode
from streamaqa.llava.model import LlavaVideo

log = structlog.get_logger(__name__)

Run: TypeAlias = Callable[[], Tensor]
Capture: TypeAlias = Callable[[Run], Run]

WIDTHS = (1, 32, 96, 288)
"""Tokens of a pass: one of generation, the usual one, a first one of three times that, and less than half."""
SAID = 1408
"""Slots behind the prompt: a first pass of 288 and eleven of 96, in steps of 64."""
STEP = 256
"""Prompts are laid out in multiples of it: a 7B model keeps 57 KB a token, so at most 15 MB lie idle."""
MOST_ROWS = 4
"""Windows at once: beyond, a pass is long enough to hide the starting of its kernels."""
MOST_SHAPES = 4
"""Buffers that are kept; at 32 frames each row of a 7B model takes 0.5 GB."""
NEAR = 2e-2
"""Share of the largest logit by which a graph may differ from the pass it captured: twice bfloat16's step."""


class DecodeGraphs:
    """The graphs of one model. `capture` makes a pass that can be replayed; by default a CUDA graph."""

    def __init__(self, model: LlavaVideo, capture: Capture | None = None) -> None:
        self._model = model
        self._capture = capture or cuda_graph
        self._shapes: dict[tuple[object, ...], FixedShapes] = {}
        self.off: str | None = None
        """Why graphs are not used, once something has failed."""

    def take(self, kept: Sequence[Kept], padding: Tensor) -> FixedShapes | None:
        """Buffers that hold the prompt's keys and values, lent until given back; None where that fails."""
        rows, _, prompt, _ = kept[0][0].shape
        if self.off is not None or rows > MOST_ROWS:
            return None
        key = rows, -(-prompt // STEP), _adapters(self._model)
        try:
            if key not in self._shapes:
                while len(self._shapes) >= MOST_SHAPES:
                    self._shapes.pop(next(iter(self._shapes)))
                self._shapes[key] = FixedShapes(self._model, rows, key[1] * STEP, self)
            shapes = self._shapes[key] = self._shapes.pop(key)  # the one used last goes last
            if shapes.lent:
                return None
            shapes.fill(kept, padding)
        except RuntimeError as error:  # no memory, for one
            self.fail(error)
            return None
        return shapes

    def captured(self, run: Run) -> Run:
        """The pass as a graph that has been seen to compute the same; the pass itself where that fails."""
        if self.off is not None:
            return run
        try:
            wanted = run().clone()
            replay = self._capture(run)
            differ = float((replay() - wanted).abs().max())
            if not differ <= NEAR * float(wanted.abs().max()):
                raise RuntimeError(f"a graph's logits differ by {differ:.3g} from those of its pass")
        except RuntimeError as error:  # torch's own for whatever a stream cannot capture
            self.fail(error)
            return run
        return replay

    def fail(self, error: Exception) -> None:
        """Do without from now on."""
        self.off = str(error)
        self._shapes.clear()
        log.warning("decode_graphs_off", reason=self.off)


class FixedShapes:
    """One layout of prompts: buffers, and a pass over them for each width."""

    def __init__(self, model: LlavaVideo, rows: int, prompt: int, graphs: DecodeGraphs) -> None:
        self._model = model
        self._graphs = graphs
        self.prompt = prompt
        """Slots before those of the answer."""
        self.lent = False
        attention: Any = model.model.layers[0].self_attn
        heads = attention.k_proj.out_features // attention.head_dim
        shape = rows, heads, prompt + SAID + 1, attention.head_dim
        device, dtype = model.device, model.dtype
        self.kept = [
            (torch.zeros(shape, device=device, dtype=dtype), torch.zeros(shape, device=device, dtype=dtype))
            for _ in model.model.layers
        ]
        self.padding = torch.zeros(rows, 1, prompt, device=device, dtype=dtype)
        """(B, 1, prompt) added to attention: 0 at a prompt's tokens, -inf elsewhere."""
        self._passes: dict[int, tuple[Run, _Inputs]] = {}

    def fill(self, kept: Sequence[Kept], padding: Tensor) -> None:
        """Copy a prefill's keys and values in, and lend."""
        self.lent = True
        long = padding.shape[-1]
        for own, given in zip(self.kept, kept, strict=True):
            for mine, theirs in zip(own, given, strict=True):
                mine[:, :, :long] = theirs
                mine[:, :, long:] = 0  # what is masked counts as 0 times what is there, so no NaN may be left
        self.padding.fill_(-torch.inf)
        self.padding[:, :, :long] = padding

    def step(self, ids: Tensor, positions: Tensor, sees: Tensor) -> Tensor | None:
        """As `Session.step`; None where the pass is too wide or the slots run out."""
        width, said = ids.shape[1], sees.shape[2]
        wide = next((each for each in WIDTHS if each >= width), None)
        if wide is None or said > SAID:
            return None
        if wide not in self._passes:
            self._passes[wide] = self._made(wide)
        run, inputs = self._passes[wide]
        inputs.put(ids, positions, sees, self.prompt + said - width, self.prompt + SAID)
        return run()[:, :width]

    def _made(self, wide: int) -> tuple[Run, _Inputs]:
        """A pass of that width. It is captured while it writes nowhere but to the slot that nobody sees."""
        inputs = _Inputs(self.padding, wide, self.prompt + SAID)

        def run() -> Tensor:
            bias = bias_of(self.padding, inputs.sees)
            return decode(self._model, inputs.ids, inputs.positions, inputs.slots, bias, self.kept)

        return self._graphs.captured(run), inputs


class _Inputs:
    """What changes from pass to pass, in tensors that stay where they are."""

    def __init__(self, padding: Tensor, wide: int, spare: int) -> None:
        rows, device = len(padding), padding.device
        self.ids = torch.zeros(rows, wide, dtype=torch.long, device=device)
        self.positions = torch.zeros(rows, wide, dtype=torch.long, device=device)
        self.slots = torch.full((wide,), spare, device=device)
        self.sees = torch.zeros(rows, wide, SAID + 1, dtype=torch.bool, device=device)

    def put(self, ids: Tensor, positions: Tensor, sees: Tensor, first: int, spare: int) -> None:
        """Tokens in front; what only fills up behind them sees the prompt, and its slot is `spare`."""
        width, said = ids.shape[1], sees.shape[2]
        self.ids.zero_()[:, :width] = ids
        self.positions.zero_()[:, :width] = positions
        self.slots.fill_(spare)[:width] = torch.arange(first, first + width, device=self.slots.device)
        self.sees.zero_()[:, :width, :said] = sees


def cuda_graph(run: Run) -> Run:
    """Record what a pass starts on the device, and start it all at once from then on."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):  # libraries set themselves up in their first calls, outside the record
        run()
        run()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = run()

    def replay() -> Tensor:
        graph.replay()
        return found

    return replay


def _adapters(model: LlavaVideo) -> tuple[object, ...]:
    """Which adapters answer: a graph holds the kernels of those that did when it was recorded."""
    layer: Any = model.model.layers[0]
    return tuple(
        (type(part).__name__, tuple(part.active_adapters), bool(part.disable_adapters))
        for part in layer.modules()
        if hasattr(part, "active_adapters")
    )
