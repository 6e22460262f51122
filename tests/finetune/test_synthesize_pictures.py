"""The painted lifter is where the truth says, and a fault changes the picture where it is labelled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from finetune.synthesize import Recipe
from finetune.synthesize.casting import cast
from finetune.synthesize.drawing import Drawn, draw
from finetune.synthesize.encode import Noise, jpeg, video
from finetune.synthesize.paint import paint
from finetune.synthesize.plan import plan
from finetune.synthesize.seen import SIGNS, look
from finetune.synthesize.shot import Lens, Shot

RECIPE = Recipe(videos=60, images=30, size=112, seconds=2.0, seed=2, imbalance=0.0, blind_views=0.0)


def _pictures(shot: Shot) -> NDArray[np.uint8]:
    lens = Lens(shot)
    return np.stack([picture.copy() for picture in paint(shot, lens, look(shot, lens).bones)])


def _changed(one: Shot, other: Shot) -> NDArray[np.float64]:
    """(T, H, W) how much two shots differ."""
    return np.asarray(np.abs(_pictures(one).astype(np.float64) - _pictures(other)).sum(axis=-1))


@pytest.mark.parametrize("kind", ["squat", "ohp", "row"])
def test_the_shirt_is_painted_between_shoulders_and_hips(kind: str) -> None:
    for sample in plan(RECIPE)[kind][:3]:
        shot = replace(cast(RECIPE, sample), screens=())
        looks = [replace(shot.scene.appearance, shirt=shirt) for shirt in ((255, 0, 0), (0, 0, 255))]
        changed = _changed(*(replace(shot, scene=replace(shot.scene, appearance=look)) for look in looks))
        sight = look(shot, Lens(shot))
        for moment in range(0, len(shot.times), 12):
            rows, columns = np.nonzero(changed[moment] > 60.0)
            assert len(rows) > 60
            # Arms in sleeves too.
            trunk = sight.image[moment, [11, 12, 13, 14, 15, 16, 23, 24]] * RECIPE.size
            low, high = trunk.min(axis=0) - 9.0, trunk.max(axis=0) + 9.0
            inside = (columns > low[0]) & (columns < high[0]) & (rows > low[1]) & (rows < high[1])
            assert inside.mean() > 0.98


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("squat", "knees_forward"),
        ("squat", "knees_inward"),
        ("ohp", "elbows"),
        ("ohp", "knees"),
    ],
)
def test_a_fault_changes_the_picture_in_its_interval_and_at_its_joints(kind: str, error: str) -> None:
    samples = [sample for sample in plan(RECIPE)[kind] if sample.errors == {error}][:2]
    for drawn in (draw(RECIPE, sample) for sample in samples):
        changed = _changed(drawn.shot, _clean(drawn))
        by_frame = changed.mean(axis=(1, 2))
        times = drawn.shot.times
        labelled = np.zeros(len(times), bool)
        for start, end in drawn.sight.intervals(error, times):
            labelled |= (times >= start) & (times < end)
        assert labelled.any()
        assert by_frame[labelled].min() > 0.2
        assert by_frame[labelled].mean() > 2.0 * by_frame[~labelled].mean()
        peak = int(np.argmax(drawn.sight.seen[error]))
        joints = drawn.sight.image[peak, [mark for _, mark in SIGNS[error].joints]] * RECIPE.size
        rows, columns = np.nonzero(changed[peak] > 40.0)
        gaps = np.hypot(columns[:, None] - joints[:, 0], rows[:, None] - joints[:, 1])
        assert gaps.min() < 4.0


def _clean(drawn: Drawn) -> Shot:
    script = drawn.shot.script
    return drawn.shot.with_faults(replace(script, reps=(replace(script.reps[0], faults=()),)))


def test_the_same_shot_gives_the_same_bytes() -> None:
    sample = plan(RECIPE)["squat"][3]

    def encoded() -> tuple[bytes, bytes]:
        drawn = draw(RECIPE, sample)
        noise = Noise((112, 112), 1.5, drawn.shot.seed)
        moving = video(paint(drawn.shot, drawn.lens, drawn.sight.bones), 112, noise)
        picture = next(iter(paint(drawn.shot, drawn.lens, drawn.sight.bones)))
        return moving, jpeg(picture, noise)

    assert encoded() == encoded()


def test_a_shaking_camera_moves_room_and_landmarks_alike() -> None:
    sample = plan(RECIPE)["squat"][0]
    shot = replace(cast(RECIPE, sample), screens=(), roll=0.0)
    still = replace(shot, shake=np.zeros_like(shot.shake))
    moved = replace(shot, shake=np.tile(np.array([3.0, -2.0]), (len(shot.times), 1)))
    marks = look(still, Lens(still)).image - look(moved, Lens(moved)).image
    np.testing.assert_allclose(marks * RECIPE.size, np.broadcast_to([3.0, -2.0], marks.shape), atol=1e-9)
    before, after = _pictures(still)[0], _pictures(moved)[0]
    np.testing.assert_array_equal(before[:-2, 3:], after[2:, :-3])


def test_clothes_stay_on_however_the_limb_is_turned() -> None:
    for kind in ("squat", "ohp"):
        for sample in plan(RECIPE)[kind][:6]:
            drawn = draw(RECIPE, sample)
            shot = replace(drawn.shot, screens=())
            looks = [
                replace(shot.scene.appearance, shorts=shorts, legs="shorts")
                for shorts in ((255, 0, 0), (0, 0, 255))
            ]
            worn = _changed(*(replace(shot, scene=replace(shot.scene, appearance=look)) for look in looks))
            # Of the half of each thigh that is nearer to the hip, the one nearer to the camera shows.
            near = drawn.sight.world[:, [25, 26], 2].argmin(axis=1)
            for moment in range(0, len(shot.times), 6):
                side = int(near[moment])
                hip, knee = drawn.sight.image[moment, [23 + side, 25 + side]]
                x, y = (RECIPE.size * (0.6 * hip + 0.4 * knee)).astype(int)
                assert worn[moment, y - 1 : y + 2, x - 1 : x + 2].max() > 60.0
