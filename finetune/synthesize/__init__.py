"""A data set in Fitness-AQA's layout, drawn: every label in it is known to be true.

    from finetune.synthesize import Recipe, synthesize, read_truth

    synthesize(Path("drawn"), Recipe(videos=400, images=200, seed=1), workers=2)
    truth = read_truth(Path("drawn/Truth/squat/60012_1.npz"))
    truth.image, truth.world, truth.seen, truth.intervals

One sample is one lifter with a room, a camera and a repetition of their own, drawn from the seed and the
sample's number alone (`casting`). What differs between samples with and without an error is the error: looks,
view, room, camera, tempo, length and place of the repetition are drawn before the fault and from another
stream of chance. An error is labelled where it can be seen in the picture, by measure (`seen`): the same
motion without the fault is projected too, and what moves less than a fiftieth of the lifter's height, or is
hidden, is no label.

The bodies and motions are the engine's synthetic lifter (`streamaqa.sources.synthetic`). Its mesh is too slow
for thousands of small clips, so pictures come from a painter of some sixty shaded polygons (`figure`,
`paint`), some 2,500 frames a second and core with their encoding.
"""

from __future__ import annotations

from finetune.synthesize.recipe import Recipe
from finetune.synthesize.run import Outcome, Told, synthesize
from finetune.synthesize.truth import ClipTruth, read_truth

__all__ = ["ClipTruth", "Outcome", "Recipe", "Told", "read_truth", "synthesize"]
