"""Imports point one way, and the edge needs no torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

BASE = {"types", "errors", "settings", "exercises", "body", "measures", "motion", "signs"}
SHARED = BASE | {"dialogue", "windows"}
STAGES = SHARED | {"sources", "pose", "segmentation", "assessment", "feedback", "feed", "llava", "recording"}
DELIVERED = STAGES | {"delivery"}
ENGINE = DELIVERED | {
    "config",
    "pipeline",
    "engine",
    "coaching",
    "camera",
    "logs",
    "sessions",
    "comparing",
    "judging",
    "reporting",
    "worker_child",
    "metrics",
}
FRONT = ENGINE | {
    "supervisor",
    "children",
    "doctor",
    "terminal",
    "replaying",
    "running",
    "demo",
    "bench",
    "cli",
    "cli_bench",
    "cli_worker",
    "worker",
}

MAY_IMPORT: dict[str, set[str]] = {
    **dict.fromkeys(BASE, BASE),
    **dict.fromkeys(SHARED - BASE, SHARED),
    **dict.fromkeys(STAGES - SHARED, STAGES),
    **dict.fromkeys(DELIVERED - STAGES, DELIVERED - {"sources", "pose", "segmentation", "assessment"}),
    **dict.fromkeys(ENGINE - DELIVERED, ENGINE),
    **dict.fromkeys(FRONT - ENGINE, FRONT),
    "worker": STAGES,
}
"""Room to the rooms it may import. Within a layer everyone may import everyone."""
FINETUNE = SHARED | {"llava", "pose", "segmentation", "assessment", "sources"}


def _modules(package: str) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((ROOT / package).rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def _imports(tree: ast.Module) -> Iterator[str]:
    """Dotted names of what a module imports, `TYPE_CHECKING` blocks left out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _room(dotted: str) -> str | None:
    parts = dotted.split(".")
    return parts[1] if parts[0] == "streamaqa" and len(parts) > 1 else None


def test_every_room_has_its_place_in_the_layers() -> None:
    rooms = {path.stem for path in (ROOT / "streamaqa").glob("*.py")} - {"__init__", "__main__"}
    rooms |= {path.parent.name for path in (ROOT / "streamaqa").glob("*/__init__.py")}
    assert rooms <= set(MAY_IMPORT), f"give these a layer: {rooms - set(MAY_IMPORT)}"


def test_imports_point_one_way() -> None:
    for path, tree in _modules("streamaqa"):
        room = path.relative_to(ROOT / "streamaqa").parts[0].removesuffix(".py")
        if room in ("__init__", "__main__"):  # the package's faces: import when asked for
            continue
        wrong = {_room(name) for name in _imports(tree)} - {None, room, "coach"} - MAY_IMPORT[room]
        assert not wrong, f"{path.relative_to(ROOT)} must not import {wrong}"


def test_the_engine_never_imports_finetune() -> None:
    for path, tree in _modules("streamaqa"):
        assert not any(name.split(".")[0] == "finetune" for name in _imports(tree)), path


def test_finetune_stays_out_of_delivery_and_the_engine() -> None:
    for path, tree in _modules("finetune"):
        wrong = {_room(name) for name in _imports(tree)} - {None} - FINETUNE
        assert not wrong, f"{path.relative_to(ROOT)} must not import {wrong}"


@pytest.mark.parametrize("module", ["streamaqa", "streamaqa.coaching", "streamaqa.cli", "streamaqa.camera"])
def test_the_edge_pulls_in_no_torch(module: str) -> None:
    program = f"import sys, {module}; print(*sorted({{n.split('.')[0] for n in sys.modules}}))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout.split()
    assert not {"torch", "transformers", "peft", "accelerate"} & set(loaded)


def test_importing_streamaqa_loads_neither_mediapipe_nor_opencv_nor_av() -> None:
    program = "import sys, streamaqa, streamaqa.types; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout.split()
    assert not {"mediapipe", "cv2", "av"} & set(loaded)
