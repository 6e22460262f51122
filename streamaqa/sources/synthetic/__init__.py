"""A lifter that is drawn: known truth for tests, demo and training data.

    from streamaqa.sources.synthetic import from_spec, poses

    source = from_spec("synthetic:squat?reps=3&view=90&faults=knees_forward")
    source.truth.reps[0].start, .turn, .end, .errors     # exact, seconds of stream time
    for frame in source.frames(): ...                    # rendered, streamaqa.sources.base.Source

    track = poses("synthetic:demo", fps=30)              # exact streamaqa.types.Pose, nothing rendered
    track = poses(scene, 30, noise=0.02, seed=1)         # any Scene; landmark noise in trunk lengths
    Truth(scene, (360, 480)).reps                        # the truth of a scene that is not rendered

A `Scene` is a sequence of segments (`SetScript` of `RepScript`s with `Fault`s, and `Distractor`s) with body,
appearance, camera, room and other people. Everything in it is explicit; `generate` draws scenes by chance.
Views are degrees: 0 faces the camera, 90 shows the left side, 180 the back, 270 the right side.
"""

from __future__ import annotations

from streamaqa.sources.synthetic.body import BodyShape
from streamaqa.sources.synthetic.generate import (
    demo_scene,
    make_set,
    negatives_scene,
    random_fault,
    random_rep,
    random_scene,
)
from streamaqa.sources.synthetic.script import (
    Appearance,
    Camera,
    Companion,
    Distractor,
    Fault,
    Passer,
    RepScript,
    Room,
    Scene,
    SetScript,
    Style,
)
from streamaqa.sources.synthetic.source import SyntheticPoses, SyntheticSource, from_spec, poses
from streamaqa.sources.synthetic.truth import TrueError, TrueRep, Truth

__all__ = [
    "Appearance",
    "BodyShape",
    "Camera",
    "Companion",
    "Distractor",
    "Fault",
    "Passer",
    "RepScript",
    "Room",
    "Scene",
    "SetScript",
    "Style",
    "SyntheticPoses",
    "SyntheticSource",
    "TrueError",
    "TrueRep",
    "Truth",
    "demo_scene",
    "from_spec",
    "make_set",
    "negatives_scene",
    "poses",
    "random_fault",
    "random_rep",
    "random_scene",
]
