"""From poses to repetitions, phases and sets: online, without a clock.

    segmenter = Segmenter()
    for pose in poses:
        for event in segmenter.push(pose): ...
    for event in segmenter.flush(): ...

`signals` reads postures from poses, `phases` follows one exercise's signal, `segmenter` joins them all.
"""

from __future__ import annotations

from streamaqa.segmentation.segmenter import Segmenter
from streamaqa.segmentation.settings import SegmenterSettings

__all__ = ["Segmenter", "SegmenterSettings"]
