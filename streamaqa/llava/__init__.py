"""LLaVA-Video: model, checkpoints, frames, and answers read out as probabilities.

torch is imported here and nowhere else of the engine, and only when one of the names below that needs it is
asked for: `streamaqa.llava.Contract` costs the edge nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamaqa.llava.contract import Contract

if TYPE_CHECKING:
    from streamaqa.llava.config import LlavaVideoConfig
    from streamaqa.llava.model import LlavaVideo
    from streamaqa.llava.readout import Reader, ReadoutSettings

__all__ = ["Contract", "LlavaVideo", "LlavaVideoConfig", "Reader", "ReadoutSettings"]

_WHERE = {
    "LlavaVideo": "model",
    "LlavaVideoConfig": "config",
    "Reader": "readout",
    "ReadoutSettings": "readout",
}


def __getattr__(name: str) -> Any:
    """Import what needs torch or transformers when it is first asked for."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
