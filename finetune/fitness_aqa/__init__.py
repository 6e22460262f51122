"""Reads Fitness-AQA's folder, all of it, and says everything that is wrong with it at once.

    data = read_data_set(Path("Fitness-AQA_dataset_release"))
    for clip in data.clips: ...
    print(data.report())

What is wrong with one clip costs that clip: it is named, left out and counted. What makes a whole part
unreadable (a file that is missing or no JSON) stops with a `UsageError` that lists it along with the rest.
"""

from __future__ import annotations

from finetune.fitness_aqa.problems import Problem, report
from finetune.fitness_aqa.reading import DataSet, read_data_set
from finetune.fitness_aqa.scan import Scan, Scans, store_of
from finetune.fitness_aqa.videos import Progress

__all__ = ["DataSet", "Problem", "Progress", "Scan", "Scans", "read_data_set", "report", "store_of"]
