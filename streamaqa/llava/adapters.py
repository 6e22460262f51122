"""PEFT adapters on top of a model, or merged into it, each with the contract it was trained under.

A folder holds PEFT's own two files, `adapter_config.json` and `adapter_model.safetensors`, and
`contract.json`.
Targets are full paths: bare suffixes, as in LLaVA-NeXT's script, adapt SigLIP's q/k/v by accident too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from peft import LoraConfig, PeftConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from streamaqa.errors import WeightsError
from streamaqa.llava.contract import Contract
from streamaqa.llava.model import LlavaVideo

DECODER = r"model\.layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj)"
"""Every linear layer of the decoder, by full path; nothing of the tower or projector."""
WEIGHTS = "adapter_model.safetensors"


def lora(rank: int = 64, alpha: int = 16, dropout: float = 0.05, targets: str = DECODER) -> LoraConfig:
    """LLaVA-NeXT's numbers; `targets` must match a module's whole path."""
    return LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=targets, bias="none")


def add_adapter(model: LlavaVideo, config: PeftConfig, name: str = "default") -> PeftModel:
    """Put a fresh adapter on a model, in place; train what this returns. WeightsError if it has no target."""
    try:
        return cast(PeftModel, get_peft_model(cast(Any, model), config, adapter_name=name))
    except ValueError as error:  # PEFT's for targets that match nothing
        raise WeightsError(f"the adapter does not fit the model: {error}") from error


def save_adapter(adapted: PeftModel, folder: Path, contract: Contract) -> None:
    """Write the adapter and the contract it was trained under."""
    folder.mkdir(parents=True, exist_ok=True)
    state = get_peft_model_state_dict(adapted)
    save_file({key: value.detach().cpu().contiguous() for key, value in state.items()}, folder / WEIGHTS)
    config = adapted.peft_config["default"]
    config.inference_mode = True
    config.save_pretrained(str(folder))
    contract.save(folder)


def load_adapter(model: LlavaVideo, folder: Path, wanted: Contract, *, merge: bool = False) -> LlavaVideo:
    """Put a trained adapter on a model, in place, or merge it into its weights.

    WeightsError if it was trained under another contract, for another model, or cannot be read whole.
    """
    config, state = _stored(folder, wanted)
    adapted = add_adapter(model, config)
    _fill(adapted, "default", state, folder)
    adapted.eval()
    if merge:
        return cast(LlavaVideo, adapted.merge_and_unload(safe_merge=True))
    return cast(LlavaVideo, adapted.base_model.model)


class AdapterSwitch:
    """Several trained adapters on one model, in place, of which one or none is in use.

    They share the model's weights, so each further one costs its own megabytes only. WeightsError as from
    `load_adapter`.
    """

    def __init__(self, model: LlavaVideo, folders: Mapping[str, Path], wanted: Contract) -> None:
        # PEFT keeps them in a ModuleDict, whose keys may hold no dot: names are the caller's own
        self._known = {name: f"adapter_{number}" for number, name in enumerate(folders)}
        self._adapted: PeftModel | None = None
        for name, folder in folders.items():
            config, state = _stored(folder, wanted)
            inner = self._known[name]
            if self._adapted is None:
                self._adapted = add_adapter(model, config, inner)
            else:
                try:
                    self._adapted.add_adapter(inner, config)
                except ValueError as error:
                    raise WeightsError(f"{folder}: does not fit the other adapters: {error}") from error
            _fill(self._adapted, inner, state, folder)
        if self._adapted is not None:
            self._adapted.eval()
        self._used: str | None = None
        self._switch_off()

    def use(self, name: str | None) -> None:
        """Answer with that adapter, or with the model as it was loaded. WeightsError for an unknown one."""
        if name == self._used:
            return
        if name is None:
            self._switch_off()
        elif name not in self._known:
            raise WeightsError(f"adapter {name!r} is not loaded, but {', '.join(self._known) or 'none'}")
        elif self._adapted is not None:
            cast(Any, self._adapted.base_model).enable_adapter_layers()
            self._adapted.set_adapter(self._known[name])
            self._adapted.requires_grad_(False)
        self._used = name

    def _switch_off(self) -> None:
        if self._adapted is not None:
            cast(Any, self._adapted.base_model).disable_adapter_layers()
            self._adapted.requires_grad_(False)


def _stored(folder: Path, wanted: Contract) -> tuple[PeftConfig, dict[str, Tensor]]:
    """What is in an adapter's folder, its contract checked."""
    contract = Contract.load(folder)
    if contract is None:
        raise WeightsError(
            f"{folder}: an adapter without contract.json: what it was trained to answer is unknown"
        )
    contract.check(wanted, str(folder))
    if not (folder / WEIGHTS).exists():
        raise WeightsError(f"{folder}: wanted {WEIGHTS}; pickled adapters are never read")
    try:
        state = load_file(folder / WEIGHTS)
        config = PeftConfig.from_pretrained(str(folder))
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise WeightsError(f"{folder}: no whole adapter: {error}") from error
    config.inference_mode = True
    return config, state


def _fill(adapted: PeftModel, name: str, state: Mapping[str, Tensor], folder: Path) -> None:
    """Copy an adapter's weights in. WeightsError if they are another model's."""
    _check_keys(adapted, name, state, folder)
    own = adapted.state_dict()
    with torch.no_grad():
        for key, value in state.items():
            own[_stored_name(key, name)].copy_(value)


def _check_keys(adapted: PeftModel, name: str, found: Mapping[str, Tensor], folder: Path) -> None:
    own = get_peft_model_state_dict(adapted, adapter_name=name)
    wanted = {key: tuple(value.shape) for key, value in own.items()}
    shapes = {key: tuple(value.shape) for key, value in found.items()}
    for key in sorted(wanted.keys() | shapes.keys()):
        if wanted.get(key) != shapes.get(key):
            raise WeightsError(
                f"{folder}: an adapter for another model: {key} is {shapes.get(key, 'missing')}, "
                f"wanted {wanted.get(key, 'no such key')}"
            )


def _stored_name(key: str, name: str) -> str:
    """PEFT leaves the adapter's name out of the file; in the model it stands before `weight`."""
    head, _, tail = key.rpartition(".")
    return f"{head}.{name}.{tail}"
