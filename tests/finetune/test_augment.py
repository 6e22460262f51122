"""What an augmentation does to pictures it does to joints, by the synthetic lifter's true landmarks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from finetune.augment import (
    MIN_SHARE,
    PLAIN,
    Augmentation,
    Kind,
    Person,
    Recipe,
    Sample,
    apply,
    draw,
    draw_kind,
    move_box,
    move_interval,
    move_landmarks,
    move_points,
    paper_kind,
    size_after,
)
from streamaqa.sources.synthetic import Scene, Truth, make_set, random_scene
from streamaqa.windows import person_box

Array = NDArray[np.float64]
SIZE = (90, 120)
"""Width and height."""

AUGMENTATIONS = st.builds(
    Augmentation,
    flip=st.booleans(),
    rotation=st.one_of(st.just(0.0), st.floats(-60, 60)),
    crop=st.tuples(st.floats(0, 0.3), st.floats(0, 0.3), st.floats(0.7, 1), st.floats(0.7, 1)),
    invert=st.booleans(),
)


def lifter(seed: int, exercise: str = "squat") -> tuple[Scene, Truth, Array]:
    """Somebody's repetition, and the true landmarks (T, 33, 4) over it."""
    rng = np.random.default_rng(seed)
    scene = random_scene(rng, [make_set(exercise, rng, reps=1, view=float(rng.uniform(0, 360)))])
    truth = Truth(scene, SIZE)
    times = np.linspace(truth.reps[0].start, truth.reps[0].end, 8)
    return scene, truth, truth.landmarks(times)[0]


def dotted(points: Array) -> NDArray[np.uint8]:
    """Black frames, each with one white dot of 5 pixels at a point (x, y) in pixels: (T, H, W, 3)."""
    x, y = np.arange(SIZE[0]) + 0.5, np.arange(SIZE[1]) + 0.5
    away = np.hypot(x[None, None] - points[:, 0, None, None], y[None, :, None] - points[:, 1, None, None])
    return np.repeat((255 * np.clip(3.0 - away, 0, 1)).astype(np.uint8)[..., None], 3, axis=-1)


def dots(frames: NDArray[np.uint8]) -> Array:
    """The middle of what is bright in each frame, (T, 2) pixels."""
    bright = frames[..., 0].astype(float)
    total = bright.sum(axis=(1, 2))
    x = (bright.sum(axis=1) * (np.arange(frames.shape[2]) + 0.5)).sum(axis=1) / total
    y = (bright.sum(axis=2) * (np.arange(frames.shape[1]) + 0.5)).sum(axis=1) / total
    return np.stack([x, y], axis=-1)


@settings(max_examples=60, deadline=None)
@given(augmentation=AUGMENTATIONS, seed=st.integers(0, 20), joint=st.integers(0, 32))
def test_a_joint_is_drawn_where_its_label_moves_to(augmentation: Augmentation, seed: int, joint: int) -> None:
    before = lifter(seed)[2][:, joint, :2] * SIZE
    after = move_points(before, augmentation, SIZE)
    width, height = size_after(augmentation, SIZE)
    # a dot that the edge cuts through has its middle elsewhere
    whole = ((before > 4) & (before < np.subtract(SIZE, 4))).all(axis=1)
    whole &= ((after > 4) & (after < np.subtract((width, height), 4))).all(axis=1)
    if not whole.any():
        return
    frames = dotted(before[whole])
    shown = apply(255 - frames if augmentation.invert else frames, augmentation)
    assert shown.shape == (int(whole.sum()), height, width, 3)
    if augmentation.rotation == 0.0 or not augmentation.invert:  # inverted, the black corners are bright
        np.testing.assert_allclose(dots(shown), after[whole], atol=0.35)


@pytest.mark.parametrize("seed", range(4))
def test_the_joints_of_flipped_frames_are_the_flipped_joints(seed: int) -> None:
    landmarks = lifter(seed)[2]
    flipped = move_landmarks(landmarks, Augmentation(flip=True), SIZE)
    # the lifter's left wrist looks like a right one, at the mirrored place
    np.testing.assert_allclose(flipped[:, 16, 0], 1.0 - landmarks[:, 15, 0])
    np.testing.assert_allclose(flipped[:, 16, 1:], landmarks[:, 15, 1:])
    np.testing.assert_allclose(flipped[:, 0, 0], 1.0 - landmarks[:, 0, 0])
    np.testing.assert_allclose(move_landmarks(flipped, Augmentation(flip=True), SIZE), landmarks)
    right = {2: 5, 7: 8, 9: 10, 11: 12, 23: 24, 31: 32}
    for left, other in right.items():
        np.testing.assert_allclose(flipped[:, left, 1], landmarks[:, other, 1])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 30), copy=st.integers(1, 50), name=st.sampled_from(["squat", "overhead_press"]))
def test_a_mild_crop_never_cuts_off_a_joint_of_the_lifter(seed: int, copy: int, name: str) -> None:
    _, truth, landmarks = lifter(seed, name)
    times = np.linspace(truth.reps[0].start, truth.reps[0].end, 8)
    left, top, right, bottom = person_box(truth.poses(times), SIZE)
    box = (left / SIZE[0], top / SIZE[1], right / SIZE[0], bottom / SIZE[1])
    sample = Sample("a", 3.0, person=Person(box, SIZE))
    drawn = draw(Recipe.MILD, sample, copy, seed=0)
    without_crop = move_landmarks(landmarks, drawn.model_copy(update={"crop": PLAIN.crop}), SIZE)[..., :2]
    seen = ((without_crop >= 0) & (without_crop < 1)).all(axis=-1)
    after = move_landmarks(landmarks, drawn, SIZE)[..., :2]
    assert ((after[seen] >= 0) & (after[seen] <= 1)).all()


def test_a_mild_crop_is_drawn_where_the_person_is_known_and_only_there() -> None:
    near_the_middle = Person((0.4, 0.3, 0.6, 0.8), SIZE)
    cropped = [draw(Recipe.MILD, Sample("a", 3.0, person=near_the_middle), n, 0).crop for n in range(1, 30)]
    assert len(set(cropped)) == 29
    assert min(right - left for left, _, right, _ in cropped) < 0.85
    for left, top, right, bottom in cropped:
        assert right - left == pytest.approx(bottom - top, abs=3e-4)  # a lifter keeps their proportions
    assert {draw(Recipe.MILD, Sample("a", 3.0), n, 0).crop for n in range(1, 30)} == {PLAIN.crop}


@settings(max_examples=40, deadline=None)
@given(augmentation=AUGMENTATIONS, seed=st.integers(0, 10))
def test_a_box_moves_with_what_is_in_it(augmentation: Augmentation, seed: int) -> None:
    points = lifter(seed)[2][..., :2].reshape(-1, 2)
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    moved = move_points(points * SIZE, augmentation, SIZE) / size_after(augmentation, SIZE)
    box = move_box((float(left), float(top), float(right), float(bottom)), augmentation, SIZE)
    seen = moved[((moved >= 0) & (moved <= 1)).all(axis=1)]
    assert (seen >= np.array(box[:2]) - 1e-9).all()
    assert (seen <= np.array(box[2:]) + 1e-9).all()


def test_the_lifters_own_pictures_are_flipped_inverted_and_lit_as_told() -> None:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (3, 12, 8, 3), np.uint8)
    kept = frames.copy()
    np.testing.assert_array_equal(apply(frames, PLAIN), frames)
    np.testing.assert_array_equal(apply(frames, Augmentation(flip=True)), frames[:, :, ::-1])
    np.testing.assert_array_equal(apply(frames, Augmentation(invert=True)), 255 - frames)
    both = apply(frames, Augmentation(flip=True, invert=True))
    np.testing.assert_array_equal(both, 255 - frames[:, :, ::-1])
    lit = apply(frames, Augmentation(brightness=1.5))
    np.testing.assert_array_equal(lit, np.minimum(np.rint(frames * 1.5), 255))
    blurred = apply(frames, Augmentation(blur=0.1))
    assert blurred.astype(int).std() < frames.astype(int).std()
    assert blurred.mean() == pytest.approx(frames.mean(), abs=8)
    dark_and_blurred = apply(frames, Augmentation(blur=0.1, brightness=0.5, invert=True))
    assert dark_and_blurred.mean() == pytest.approx(255 - frames.mean() / 2, abs=8)
    quarter = apply(frames, Augmentation(crop=(0.5, 0.5, 1, 1)))
    np.testing.assert_array_equal(quarter, frames[:, 6:, 4:])
    np.testing.assert_array_equal(frames, kept)


def test_a_rotation_turns_anticlockwise_and_leaves_black_corners() -> None:
    frames = np.full((1, 40, 40, 3), 200, np.uint8)
    frames[0, 18:22, 32:36] = 255  # at three o'clock
    turned = apply(frames, Augmentation(rotation=90))
    assert (turned[0, 4:8, 18:22] == 255).all()  # at twelve
    assert (apply(frames, Augmentation(rotation=45))[0, 0, 0] == 0).all()


@pytest.mark.parametrize("recipe", Recipe)
@given(name=st.text(min_size=1), copy=st.integers(1, 100), seed=st.integers(0, 2**31))
@settings(max_examples=25, deadline=None)
def test_a_draw_depends_on_sample_copy_and_seed_alone(
    recipe: Recipe, name: str, copy: int, seed: int
) -> None:
    sample = Sample(name, 3.0, ((0.5, 1.5),))
    assert draw(recipe, sample, copy, seed) == draw(recipe, sample, copy, seed)


@settings(max_examples=100, deadline=None)
@given(
    duration=st.floats(1.0, 8.0),
    shares=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted), max_size=3),
    copy=st.integers(1, 100),
)
def test_a_shift_never_costs_an_interval_more_than_a_fifth(
    duration: float, shares: list[list[float]], copy: int
) -> None:
    intervals = tuple((a * duration, b * duration) for a, b in shares if (b - a) * duration >= 0.1)
    drawn = draw(Recipe.MILD, Sample("a", duration, intervals), copy, 0)
    assert 0 <= drawn.cut_start <= 0.12 * duration
    assert 0 <= drawn.cut_end <= 0.12 * duration
    for start, end in intervals:
        moved = move_interval((start, end), drawn, duration)
        assert moved is not None
        assert (moved[1] - moved[0]) * drawn.speed >= MIN_SHARE * (end - start) - 1e-9


def test_samples_copies_and_seeds_draw_differently() -> None:
    drawn = {
        draw(Recipe.MILD, Sample(name, 3.0), copy, seed).model_dump_json()
        for name in "abc"
        for copy in (1, 2)
        for seed in (0, 1)
    }
    assert len(drawn) == 12


def test_the_papers_angles_are_uniform_from_0_to_50() -> None:
    angles = np.array([draw_kind(Kind.ROTATION, f"v{n}", 1, 0).rotation for n in range(2000)])
    assert angles.min() >= 0
    assert angles.max() <= 50
    shares = np.histogram(angles, bins=5, range=(0, 50))[0] / 2000
    np.testing.assert_allclose(shares, 0.2, atol=0.04)


@given(copies=st.integers(1, 400), name=st.text(min_size=1, max_size=5))
@example(copies=39, name="\xb2\xde3\U0010f754\x1f")  # independent draws gave it one angle twice
@settings(max_examples=30, deadline=None)
def test_no_two_of_the_papers_copies_of_a_video_are_the_same(copies: int, name: str) -> None:
    kinds = [paper_kind(name, copy, 3) for copy in range(1, copies + 1)]
    drawn = [draw_kind(kind, name, copy, 3) for copy, kind in enumerate(kinds, start=1)]
    assert len({one.model_dump_json() for one in drawn}) == copies
    assert set(kinds[:5]) == set(Kind) if copies >= 5 else len(set(kinds)) == copies
    assert [one.kind for one in drawn] == [str(kind) for kind in kinds]
