"""Augmented copies of samples: seeded, on the fly, and never with a label that the picture does not bear out.

    from finetune.augment import Recipe, apply, augmentation_of, augmented, draw, sample_of

    copy = augmented(record, draw(Recipe.MILD, sample_of(record), copy=1, seed=0), copy=1)
    frames = apply(frames, augmentation_of(copy))     # by whoever loads them; no second video is needed

A draw depends on the record, where its lifter is, the copy's number and the seed alone, so any machine, any
worker and any epoch can repeat it. `written.write_media` makes real videos and images where another trainer
needs them.
"""

from __future__ import annotations

from finetune.augment.augmentation import (
    PLAIN,
    WHOLE,
    Augmentation,
    duration_after,
    kept_frames,
    move_box,
    move_interval,
    move_landmarks,
    move_points,
    move_time,
    size_after,
)
from finetune.augment.pixels import apply
from finetune.augment.recipes import MIN_SHARE, Kind, Person, Recipe, Sample, draw, draw_kind, paper_kind
from finetune.augment.records import augmentation_of, augmented, names_a_side, sample_of

__all__ = [
    "MIN_SHARE",
    "PLAIN",
    "WHOLE",
    "Augmentation",
    "Kind",
    "Person",
    "Recipe",
    "Sample",
    "apply",
    "augmentation_of",
    "augmented",
    "draw",
    "draw_kind",
    "duration_after",
    "kept_frames",
    "move_box",
    "move_interval",
    "move_landmarks",
    "move_points",
    "move_time",
    "names_a_side",
    "paper_kind",
    "sample_of",
    "size_after",
]
