"""Frames are preprocessed as the original does, to the bit."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import pytest
from lessons import Original

pytest.importorskip("torch", reason="the model needs torch: pip install -e '.[llava]'")

from streamaqa.errors import WindowError
from streamaqa.llava.frames import check_times, pixels, preprocess
from streamaqa.windows import Window, encode


def test_preprocessing_is_the_originals_to_the_bit(original: Original) -> None:
    sums = json.loads((original.folder / "preprocess_meta.json").read_text())
    with np.load(original.folder / "preprocess.npz") as stored:
        frames = {key: stored[key] for key in stored.files if key.startswith("frames")}
    for name, size in (("up_120x160", 384), ("down_432x768", 384), ("70_up_120x160", 70)):
        source = f"frames_{name.removeprefix('70_')}"
        if source in frames:  # the committed fixture leaves the largest out
            found = preprocess(list(frames[source]), size).numpy()
            wanted = sums[f"pixel_values_{name}"]
            assert (list(found.shape), str(found.dtype)) == (wanted["shape"], wanted["dtype"])
            assert hashlib.sha256(found.tobytes()).hexdigest() == wanted["sha256"]


def window(count: int, **other: Any) -> Window:
    grey = np.full((60, 40, 3), 128, np.uint8)
    times = tuple(10 + at / 10 for at in range(count))
    given: dict[str, Any] = {
        "times": times,
        "duration": count / 10,
        "frames": (encode(grey)[0],) * count,
        **other,
    }
    return Window(unit=1, phase=None, **given)


def test_a_window_becomes_a_video_and_a_window_of_one_frame_an_image() -> None:
    assert pixels(window(3), 70).shape == (3, 3, 70, 70)
    still = pixels(window(1), 70)
    assert still.shape == (3, 70, 70)
    assert still.abs().max() < 0.02  # grey is the middle


def test_a_crop_is_cut_before_resizing() -> None:
    picture = np.zeros((60, 40, 3), np.uint8)
    picture[:, 20:] = 255
    cut = window(2, frames=(encode(picture)[0],) * 2, crop=(24, 0, 40, 60))
    assert pixels(cut, 70).min() > 0.9


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"frames": (), "times": ()}, "no frames"),
        ({"times": (10.0, 10.3, 10.2)}, "fall back to 10.20"),
        ({"times": (10.0, 10.1)}, "3 frames with 2 times"),
        ({"times": (10.0, 10.1, float("nan"))}, "no finite numbers"),
        ({"duration": 0.1}, "in a window of 0.10 s"),
        ({"frames": (b"", b"", b"")}, "no JPEG"),
    ],
)
def test_a_window_that_cannot_be_shown_is_refused(broken: dict[str, object], said: str) -> None:
    with pytest.raises(WindowError, match=said):
        pixels(window(3, **broken), 70)


def test_more_frames_than_a_window_holds_are_refused() -> None:
    with pytest.raises(WindowError, match="33 frames, wanted at most 32"):
        check_times([0.0] * 33, 33, 1.0)


@pytest.mark.parametrize(
    "picture", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)]
)
def test_pictures_of_another_kind_are_refused(picture: np.ndarray) -> None:
    with pytest.raises(WindowError, match="wanted uint8"):
        preprocess([picture], 70)
