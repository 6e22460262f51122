"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest_plugins = ["brokers", "mini_aqa"]

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real clips and pose tracks. They never go into the project: without them a test skips."""
    folder = Path(os.environ.get("STREAMAQA_SHARED", ROOT.parent / "shared"))
    if not (folder / "poses").is_dir():
        pytest.skip(f"real clips and pose tracks are not here: {folder} is absent")
    return folder


@pytest.fixture(scope="session")
def pose_model() -> Path:
    """The full pose model, fetched once into the user's cache as the engine would."""
    from streamaqa.pose.model_file import locate

    return locate()
