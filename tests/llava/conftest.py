"""Gives the model's tests what `lessons` makes, where torch is there."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the model needs torch: pip install -e '.[llava]'")
pytest.importorskip("transformers", reason="the model needs transformers: pip install -e '.[llava]'")

from lessons import _one_thread, original, random_reader, sure_reader  # noqa: F401 - after the check
