"""The original's fixture, and tiny models: random, and one trained to be sure of its answers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from streamaqa import dialogue
from streamaqa.dialogue import Answer, ErrorSpan
from streamaqa.llava.config import IGNORED, LlavaVideoConfig
from streamaqa.llava.model import LlavaVideo
from streamaqa.llava.readout import Asked, Reader
from streamaqa.llava.tokens import tiny_tokenizer

COMMITTED = Path(__file__).resolve().parents[1] / "fixtures" / "llava_video"


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@dataclass(frozen=True)
class Original:
    """What the original code computed: whole where the shared folder is, with fewer columns where not."""

    folder: Path
    arrays: Mapping[str, Any]

    def __getitem__(self, key: str) -> Any:
        return torch.from_numpy(self.arrays[key])

    def columns(self, logits: Any) -> Any:
        """Of (..., vocabulary) logits those that the arrays hold."""
        if "vocabulary_columns" not in self.arrays:
            return logits
        return logits[..., torch.from_numpy(self.arrays["vocabulary_columns"])]


@pytest.fixture(scope="session")
def original() -> Original:
    shared = Path(os.environ.get("STREAMAQA_SHARED", COMMITTED.parents[3] / "shared"))
    whole = shared / "fixtures" / "llava_video"
    folder = whole if whole.is_dir() else COMMITTED
    with np.load(folder / "reference.npz") as stored:
        return Original(folder, dict(stored))


# --- tiny models ---------------------------------------------------------------------------------------


def asked(seed: int, frames: int, duration: float) -> Asked:
    """A window of one colour under some noise, another for each seed."""
    generator = torch.Generator().manual_seed(seed)
    colour = torch.rand(1, 3, 1, 1, generator=generator) * 1.6 - 0.8
    video = colour + torch.rand(frames, 3, 70, 70, generator=generator) * 0.4 - 0.2
    return Asked(video, tuple(i * duration / frames for i in range(frames)), duration)


LESSONS: list[tuple[Asked, Answer]] = [
    (asked(0, 2, 2.8), Answer("squat")),
    (asked(1, 2, 2.6), Answer("overhead_press", (ErrorSpan("elbows", 0.5, 1.27),))),
    (
        asked(2, 2, 3.1),
        Answer("squat", (ErrorSpan("knees_inward", 0.62, 1.9), ErrorSpan("shallow", 1.2, 2.05))),
    ),
    (asked(3, 2, 0.03), Answer("squat", (ErrorSpan("shallow", 0.01, 0.03),))),
    (
        asked(4, 2, 0.03),
        Answer("squat", (ErrorSpan("shallow", 0.01, 0.02), ErrorSpan("knees_forward", 0.0, 0.03))),
    ),
]
"""Windows of none, one and two errors that a model can learn by heart; two short enough to list every
answer."""


@pytest.fixture(scope="session")
def random_reader() -> Reader:
    return Reader(LlavaVideo.random(LlavaVideoConfig.tiny(), seed=3), tiny_tokenizer())


@pytest.fixture(scope="session")
def sure_reader() -> Reader:
    """A tiny model that has learned LESSONS by heart."""
    tokens = tiny_tokenizer()
    model = LlavaVideo.random(LlavaVideoConfig.tiny(), seed=1)
    reader = Reader(model, tokens)
    rows = []
    for window, answer in LESSONS:
        turn = dialogue.user_turn(dialogue.question(reader.vocabulary), window.times, window.duration)
        rows.append(tokens.transcript(turn, dialogue.render(answer)))
    longest = max(len(row.ids) for row in rows)
    ids = torch.tensor([[*row.ids, *[tokens.pad] * (longest - len(row.ids))] for row in rows])
    labels = torch.tensor([[*row.labels, *[IGNORED] * (longest - len(row.labels))] for row in rows])
    mask = torch.tensor([[True] * len(row.ids) + [False] * (longest - len(row.ids)) for row in rows])
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    videos = [window.video for window, _ in LESSONS]
    falling = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=160, pct_start=0.1)
    for _ in range(160):
        loss = model(ids, videos, mask, labels, need_logits=False).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        falling.step()
    assert loss.item() < 5e-3, f"{loss.item()}: the tiny model did not learn its lessons"
    return reader
