"""From labelled clips to conversations: windows by serving's own scissors, labels moved into them.

    data = read_data_set(Path("Fitness-AQA_dataset_release"))
    done = convert(data, Path("conversations"), ConvertSettings())

What comes out is a folder that `corpus.Corpus` reads.
"""

from __future__ import annotations

from finetune.convert.converting import Outcome, convert
from finetune.convert.settings import ConvertSettings, read_plan

__all__ = ["ConvertSettings", "Outcome", "convert", "read_plan"]
