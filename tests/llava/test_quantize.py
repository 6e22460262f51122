"""Which layers are quantized, with a stand-in: bitsandbytes' own arithmetic needs CUDA."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("torch", reason="the model needs torch: pip install -e '.[llava]'")

import torch
from torch import nn

from streamaqa.errors import WeightsError
from streamaqa.llava import quantize
from streamaqa.llava.config import LlavaVideoConfig
from streamaqa.llava.model import LlavaVideo

IDS = torch.tensor([[5, 6, -200, 7, 8]])
VIDEO = [torch.zeros(2, 3, 70, 70)]


class Weight(nn.Parameter):
    """Takes what `Params4bit` and `Int8Params` take, and keeps every bit."""

    def __new__(cls, data: torch.Tensor, requires_grad: bool = True, **_: Any) -> Weight:
        made: Weight = torch.Tensor._make_subclass(cls, data, requires_grad)
        return made


class Small(nn.Linear):
    """Takes what `Linear4bit` and `Linear8bitLt` take."""

    def __init__(self, inner: int, outer: int, bias: bool = True, **options: Any) -> None:
        super().__init__(inner, outer, bias)
        self.options = options


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = ModuleType("bitsandbytes")
    module.nn = SimpleNamespace(Linear4bit=Small, Linear8bitLt=Small, Params4bit=Weight, Int8Params=Weight)
    monkeypatch.setitem(sys.modules, "bitsandbytes", module)


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize("kind", ["4bit", "8bit"])
def test_the_decoders_linear_layers_are_replaced_and_no_others(kind: str) -> None:
    model = LlavaVideo.random(LlavaVideoConfig.tiny(vocab_size=300))
    with torch.no_grad():
        wanted = model(IDS, VIDEO).logits
        quantize.quantize_decoder(model, kind)
        found = model(IDS, VIDEO).logits
    small = {name: part for name, part in model.named_modules() if isinstance(part, Small)}
    assert len(small) == 7 * len(model.model.layers)
    assert all(name.startswith("model.layers.") for name in small)
    assert not any(value.requires_grad for part in small.values() for value in [part.weight])
    assert torch.equal(found, wanted)  # biases are kept, and each weight is where it was
    options = next(iter(small.values())).options
    if kind == "4bit":
        assert options == {"compute_dtype": torch.float32, "compress_statistics": True, "quant_type": "nf4"}
    else:
        assert options == {"has_fp16_weights": False}


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    quantize.check_quantize(None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(WeightsError, match="needs a CUDA device, and torch finds none here"):
        quantize.check_quantize("4bit")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(quantize, "find_spec", lambda _: None)
    with pytest.raises(WeightsError, match="needs bitsandbytes, which is not installed"):
        quantize.check_quantize("8bit")
    monkeypatch.setattr(quantize, "find_spec", lambda _: object())
    quantize.check_quantize("8bit")
    with pytest.raises(WeightsError, match="wanted one of 4bit, 8bit"):
        quantize.check_quantize("2bit")
