"""Checkpoints in the original's layout: safetensors with the original's key names, whole or in shards.

Nothing is ever unpickled: a folder that only holds `pytorch_model.bin` is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from streamaqa.errors import WeightsError
from streamaqa.llava.config import LlavaVideoConfig, Newline, Pool
from streamaqa.llava.model import LlavaVideo
from streamaqa.llava.quantize import check_quantize, quantize_decoder

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
_TIED = "lm_head.weight"
_ASKED_FOR = ["*.json", "*.safetensors", "merges.txt", "*.jinja"]
"""What is downloaded from the hub: nothing that could be a pickle."""
_NAMED = 5
"""Keys listed in an error message before it says how many more there are."""


def load(
    folder: str | Path,
    *,
    newline: Newline | None = None,
    pool: Pool | None = None,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
    quantize: str | None = None,
) -> LlavaVideo:
    """See `LlavaVideo.from_pretrained`."""
    check_quantize(quantize)
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    kind = dtype or (torch.bfloat16 if place.type == "cuda" else torch.float32)
    local = fetch(folder)
    config = LlavaVideoConfig.load(local, newline=newline, pool=pool)
    with torch.device("meta"):
        model = LlavaVideo(config)
    check_shapes(model, read_shapes(local), str(local))
    for file in weight_files(local):
        model.load_state_dict(_read(file, place, kind), strict=False, assign=True)
    model.tie()
    _fill_buffers(model, place)
    model.eval()
    if quantize:
        quantize_decoder(model, quantize)
    return model


def save(model: LlavaVideo, folder: Path, *, max_shard_bytes: int) -> None:
    """See `LlavaVideo.save_pretrained`."""
    folder.mkdir(parents=True, exist_ok=True)
    model.config.save(folder)
    state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    if model.model.config.tie_word_embeddings:
        state.pop(_TIED)
    shards = _shards(state, max_shard_bytes)
    if len(shards) == 1:
        save_file(state, folder / SINGLE, metadata={"format": "pt"})
        return
    where: dict[str, str] = {}
    for number, keys in enumerate(shards, 1):
        name = f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        save_file({key: state[key] for key in keys}, folder / name, metadata={"format": "pt"})
        where |= dict.fromkeys(keys, name)
    total = sum(value.nbytes for value in state.values())
    index = {"metadata": {"total_size": total}, "weight_map": where}
    (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def fetch(folder: str | Path) -> Path:
    """The folder, or the hub's snapshot of the repository of that id, without any pickle."""
    local = Path(folder)
    if local.is_dir():
        return local
    if str(folder).count("/") != 1 or str(folder).startswith((".", "/", "~")):
        raise WeightsError(f"{folder}: no such folder, and no hub id (owner/name) either")
    from httpx2 import HTTPError
    from huggingface_hub import snapshot_download

    try:
        found = Path(snapshot_download(str(folder), allow_patterns=_ASKED_FOR))
    except (OSError, ValueError, HTTPError) as error:  # what the hub's client raises
        reason = " ".join(str(error).split())
        raise WeightsError(f"{folder}: no such folder, and the hub does not give it: {reason}") from error
    if not any(found.glob("*.safetensors")):
        raise WeightsError(
            f"{folder}: no safetensors in this repository of the hub; pickled weights are never read"
        )
    return found


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a checkpoint. WeightsError if there are none or one is missing."""
    if (folder / INDEX).exists():
        try:
            named = sorted(
                set(json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"].values())
            )
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise WeightsError(f"{folder / INDEX}: no index of shards: {error}") from error
        # a shard lies beside its index: the index must not name files elsewhere
        files = [folder / Path(str(name)).name for name in named]
        if missing := [file.name for file in files if not file.exists()]:
            raise WeightsError(f"{folder}: the index names {', '.join(missing)}, which is not there")
        return files
    if (folder / SINGLE).exists():
        return [folder / SINGLE]
    pickles = sorted(
        path.name for path in (*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.pth"))
    )
    found = f"{', '.join(pickles[:3])} is never unpickled" if pickles else "nothing of the kind is there"
    raise WeightsError(f"{folder}: wanted {SINGLE} or {INDEX}; {found}")


def read_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Key to shape over all files, read from their headers. WeightsError names a file that is cut off."""
    shapes: dict[str, tuple[int, ...]] = {}
    for file in weight_files(folder):
        with _opened(file) as stored:
            shapes |= {key: tuple(stored.get_slice(key).get_shape()) for key in stored.keys()}  # noqa: SIM118  no dict
    return shapes


def check_shapes(model: LlavaVideo, found: Mapping[str, tuple[int, ...]], where: str) -> None:
    """WeightsError naming keys that are missing, unexpected or of another shape than the model's."""
    wanted = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    if model.model.config.tie_word_embeddings:
        wanted.pop(_TIED)
        found = {key: shape for key, shape in found.items() if key != _TIED}
    misshapen = [
        f"{key} is {found[key]}, wanted {wanted[key]}"
        for key in sorted(wanted.keys() & found.keys())
        if wanted[key] != found[key]
    ]
    complaints = [
        f"{what}: {_some(keys)}"
        for what, keys in (
            ("missing", sorted(wanted.keys() - found.keys())),
            ("unexpected", sorted(found.keys() - wanted.keys())),
            ("of another shape", misshapen),
        )
        if keys
    ]
    if complaints:
        raise WeightsError(f"{where}: the weights do not fit their config.json; {'; '.join(complaints)}")


def _some(keys: list[str]) -> str:
    more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
    return ", ".join(keys[:_NAMED]) + more


def _opened(file: Path) -> Any:
    try:
        return safe_open(file, framework="pt")
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{file}: {file.stat().st_size} bytes that are no whole safetensors: {error}"
        ) from error


def _read(file: Path, place: torch.device, kind: torch.dtype) -> dict[str, Tensor]:
    with _opened(file) as stored:
        return {key: stored.get_tensor(key).to(place, kind) for key in stored.keys()}  # noqa: SIM118  no dict


def _fill_buffers(model: LlavaVideo, place: torch.device) -> None:
    """Compute what no checkpoint holds and the meta device left empty: rotary frequencies, patch
    positions.
    """
    body: Any = model.model
    tower: Any = model.model.siglip
    with place:
        body.rotary_emb = type(body.rotary_emb)(body.config)
        places = tower.embeddings.position_ids
        tower.embeddings.position_ids = torch.arange(places.shape[-1]).expand(places.shape)


def _shards(state: Mapping[str, Tensor], max_bytes: int) -> list[list[str]]:
    shards: list[list[str]] = [[]]
    size = 0
    for key, value in state.items():
        if shards[-1] and size + value.nbytes > max_bytes:
            shards.append([])
            size = 0
        shards[-1].append(key)
        size += value.nbytes
    return shards
