"""Balanced training sets: the paper's two ways, and weights for sampling.

from finetune.balance import Balancing, Strategy, make, read_training_records, write

records = read_training_records([Path("data/train.json")])
write(make(records, Balancing(Strategy.DYNAMIC_STEP, seed=1)), Path("balanced"), [Path("data/train.json")])
"""

from __future__ import annotations

from finetune.balance.assumptions import assumptions
from finetune.balance.classes import Class, classes_of, counts
from finetune.balance.run import Balanced, make, write
from finetune.balance.strategies import (
    Balancing,
    NoneRole,
    Phase,
    Pick,
    Strategy,
    Within,
    after,
    balance,
    identical,
)

__all__ = [
    "Balanced",
    "Balancing",
    "Class",
    "NoneRole",
    "Phase",
    "Pick",
    "Strategy",
    "Within",
    "after",
    "assumptions",
    "balance",
    "classes_of",
    "counts",
    "identical",
    "make",
    "write",
]
