"""A tiny data set in Fitness-AQA's layout, with real videos and pictures: written once, copied by tests."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finetune import layout
from finetune.layout import ImagePart, VideoPart

FPS = 30
FRAMES = 45

Intervals = list[list[float]]

SQUATS: dict[str, tuple[str, Intervals, Intervals]] = {
    "1000_1": ("train", [[0.4, 1.0]], []),
    "1000_2": ("train", [], []),
    "1001_1": ("train", [[0.2, 0.5], [0.9, 1.3]], [[0.3, 0.8]]),
    "1002_1": ("train", [], [[0.1, 0.6]]),
    "1003_1": ("val", [[0.0, 1.5]], []),
    "1004_1": ("test", [[0.5, 0.9]], []),
}
"""Id to split, intervals of knees forward, of knees inward."""
PRESSES: dict[str, tuple[str, Intervals, Intervals]] = {
    "2000_1": ("train", [[0.0, 1.2]], [[0.0, 0.4]]),
    "2001_1": ("train", [], []),
    "2002_1": ("val", [], [[0.0, 0.3]]),
    "2003_1": ("test", [[0.2, 1.1]], []),
}
"""Id to split, intervals of elbows, of knees."""
SHALLOW = {
    "3000_1_10": ("train", 1),
    "3000_1_20": ("train", 0),
    "3001_1_5": ("val", 1),
    "3002_1_7": ("test", 0),
}
LUMBAR = {"4000_1_3": ("train", 1), "4001_1_4": ("train", 0), "4002_1_5": ("val", 0), "4003_1_6": ("test", 1)}
TORSO = {"4000_1_3": ("train", 0), "4001_1_4": ("test", 1), "4002_1_5": ("val", 1), "4004_1_8": ("test", 0)}


def write_video(path: Path, frames: int = FRAMES, size: tuple[int, int] = (64, 96)) -> None:
    """Frame n is grey, its brightness 16 + 4 n modulo 220, so that a test can tell which frame it got."""
    import av  # this module is loaded with every run of tests

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "12", "preset": "ultrafast"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, FPS)
        for number in range(frames):
            image = np.full((size[1], size[0], 3), 16 + 4 * number % 220, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def picture(shade: int) -> bytes:
    """A small JPEG."""
    from streamaqa.windows import encode

    return encode(np.full((40, 30, 3), shade, np.uint8))[0]


def dump(path: Path, value: Any) -> None:
    """Write JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def edit(path: Path, change: Any) -> None:
    """Read JSON, let `change` alter it in place, write it."""
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def zipped(members: Mapping[str, bytes]) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def build(root: Path) -> None:
    """Write the whole data set."""
    _videos(root, layout.SQUAT, SQUATS)
    _videos(root, layout.OHP, PRESSES)
    dump(root / str(layout.SQUAT.unusable), ["1000_2"])
    _images(root, layout.SHALLOW, SHALLOW)
    _images(root, layout.LUMBAR, LUMBAR)
    _images(root, layout.TORSO, TORSO)
    names = sorted({*LUMBAR, *TORSO, "9999_1_1"})
    rows = {f"barbellrow/{name}.jpg": picture(40 * n) for n, name in enumerate(names)}
    rows["__MACOSX/barbellrow/._4000_1_3.jpg"] = b"a Mac's note"
    (root / layout.LUMBAR.archive).write_bytes(zipped(rows))
    shallow = {f"images/{name}.jpg": picture(60 * n) for n, name in enumerate(sorted(SHALLOW))}
    (root / layout.SHALLOW.archive).write_bytes(zipped(shallow))
    for folder, names in zip(layout.UNLABELED, (["a", "b"], ["c", "d", "e"]), strict=True):
        (root / folder).mkdir(parents=True)
        (root / folder / "videos.zip").write_bytes(zipped({f"videos/{name}.mp4": b"" for name in names}))
        (root / folder / "bar_trajectories_raw.zip").write_bytes(zipped({"a.npy": b""}))


def _videos(root: Path, part: VideoPart, clips: Mapping[str, tuple[str, Intervals, Intervals]]) -> None:
    for name in clips:
        write_video(root / part.video(name))
    for at, (_, file) in enumerate(part.labels.items(), start=1):
        dump(root / file, {name: clip[at] for name, clip in clips.items()})
    _splits(root, part, {name: clip[0] for name, clip in clips.items()})


def _images(root: Path, part: ImagePart, labels: Mapping[str, tuple[str, int]]) -> None:
    dump(root / part.labels, {name: label for name, (_, label) in labels.items()})
    _splits(root, part, {name: split for name, (split, _) in labels.items()})


def _splits(root: Path, part: VideoPart | ImagePart, of: Mapping[str, str]) -> None:
    for split in layout.SPLITS:
        dump(root / part.split(split), [name for name, found in of.items() if found == split])


def lines(text: str, containing: Sequence[str]) -> list[str]:
    """Lines of a report that hold all of some words."""
    return [line for line in text.splitlines() if all(word in line for word in containing)]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny data set. Not to be changed: see `mini`."""
    root = tmp_path_factory.mktemp("data") / "Fitness-AQA"
    build(root)
    return root


@pytest.fixture
def mini(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the tiny data set that a test may damage; commands keep their scans apart."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Path(shutil.copytree(built, tmp_path / "Fitness-AQA"))
