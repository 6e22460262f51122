"""What is drawn is labelled as it is, counted as asked, and betrayed by nothing but the fault."""

from __future__ import annotations

import json
import re
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.fitness_aqa import read_data_set
from finetune.layout import IMAGE_PARTS, SPLITS, VIDEO_PARTS
from finetune.synthesize import Recipe, read_truth, synthesize
from finetune.synthesize.casting import BLIND, cast, view_of
from finetune.synthesize.drawing import draw
from finetune.synthesize.plan import Sample, plan, shared_out
from finetune.synthesize.recipe import KINDS, OHP, SQUAT
from finetune.synthesize.seen import GAP, SHORTEST, VISIBLE, look
from finetune.synthesize.shards import PARTS
from finetune.synthesize.shot import Lens, Screen, Shot
from streamaqa.errors import UsageError
from streamaqa.sources.synthetic import Fault
from streamaqa.sources.video import VideoSource

RECIPE = Recipe(videos=44, images=24, size=64, seconds=2.0, seed=5, imbalance=0.5, blind_views=0.4)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("drawn") / "set"
    synthesize(out, RECIPE)
    return out


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_folder_is_laid_out_as_fitness_aqa_and_has_nothing_else(drawn: Path) -> None:
    found = {path.relative_to(drawn).as_posix() for path in drawn.rglob("*") if path.is_file()}
    ours = {re.sub(r"/[^/]*\.(mp4|npz)$", r"/*.\1", name) for name in found}
    squat, ohp, row = (f"{name}/Labeled_Dataset" for name in ("Squat", "OHP", "BarbellRow"))
    shallow = f"{squat}/Shallow_Squat_Error_Dataset"
    assert ours == {
        f"{squat}/videos/*.mp4",
        f"{squat}/Labels/error_knees_forward.json",
        f"{squat}/Labels/error_knees_inward.json",
        f"{squat}/Splits/traj_nan.json",
        f"{shallow}/images.zip",
        f"{shallow}/labels_shallow_depth.json",
        f"{ohp}/videos/*.mp4",
        f"{ohp}/Labels/error_elbows.json",
        f"{ohp}/Labels/error_knees.json",
        f"{row}/barbellrow_images_raw.zip",
        f"{row}/Labels/labels_lumbar_error.json",
        f"{row}/Labels/labels_torso_angle_error.json",
        *(f"{folder}/Splits/{split}_keys.json" for folder in (squat, ohp) for split in SPLITS),
        *(f"{shallow}/splits/{split}_ids.json" for split in SPLITS),
        *(f"{row}/Splits/Splits_Lumbar_Error/{split}_ids.json" for split in SPLITS),
        *(f"{row}/Splits/Splits_TorsoAngle_Error/{split}_ids.json" for split in SPLITS),
        *(f"Truth/{kind}/*.npz" for kind in ("squat", "ohp", "shallow", "row")),
        "Truth/synthesis.json",
        "Truth/.lock",
    }


def test_the_reader_takes_it_for_the_real_thing(drawn: Path) -> None:
    data = read_data_set(drawn)
    assert not data.problems
    assert len(data.clips) == RECIPE.videos + RECIPE.images


def test_labels_of_videos_are_what_the_truth_says_is_seen(drawn: Path) -> None:
    checked = 0
    for kind, part in PARTS.items():
        labels = {error: _json(drawn / file) for error, file in part.labels.items()}
        for path in (drawn / "Truth" / kind).iterdir():
            truth = read_truth(path)
            for error, by_clip in labels.items():
                intervals = by_clip[path.stem]
                assert intervals == truth.intervals.get(error, [])
                if error not in truth.errors:
                    continue
                seen = truth.seen[:, truth.errors.index(error)] >= VISIBLE
                inside = np.zeros_like(seen)
                for start, end in intervals:
                    checked += 1
                    assert SHORTEST <= end - start <= 2.0 + GAP / 30
                    assert 0.0 <= start < end <= len(seen) / 30
                    here = (truth.times >= start - 0.006) & (truth.times < end - 0.006)
                    assert seen[here][0]
                    assert seen[here][-1]
                    inside |= here
                    assert _longest(~seen[here]) <= GAP
                    # What can be seen is what was added to the motion.
                    assert truth.degrees[here & seen, truth.errors.index(error)].min() > 0.0
                assert _longest(seen & ~inside) <= SHORTEST * 30
    assert checked > 20


def _longest(flags: np.ndarray) -> int:
    return max((len(run) for run in "".join("x" if f else " " for f in flags).split()), default=0)


def test_labels_of_images_are_what_the_truth_says_is_seen(drawn: Path) -> None:
    for part in IMAGE_PARTS:
        labels = _json(drawn / part.labels)
        folder = drawn / "Truth" / ("shallow" if part.error == "shallow" else "row")
        with zipfile.ZipFile(drawn / part.archive) as archive:
            names = {Path(name).stem for name in archive.namelist()}
        assert labels.keys() == names == {path.stem for path in folder.iterdir()}
        assert set(labels.values()) == {0, 1}
        for name, label in labels.items():
            truth = read_truth(folder / f"{name}.npz")
            shows = part.error in truth.errors and truth.seen[0, truth.errors.index(part.error)] >= VISIBLE
            assert label == int(shows)
            assert int(name.split("_")[2]) == round(float(truth.times[0]) * 30)


def test_every_sample_is_in_one_split_and_classes_are_shared_out_in_each(drawn: Path) -> None:
    for part in VIDEO_PARTS:
        splits = [_json(drawn / part.split(split)) for split in SPLITS]
        together = [name for ids in splits for name in ids]
        assert sorted(together) == sorted(path.stem for path in (drawn / part.videos).iterdir())
        assert len(set(together)) == len(together)
    for samples in plan(Recipe(seed=3)).values():
        classes = Counter(sample.errors for sample in samples)
        by_split = Counter((sample.errors, sample.split) for sample in samples)
        shares = Recipe().splits(samples[0].kind)
        for errors, size in classes.items():
            for split, share in zip(SPLITS, shares, strict=True):
                assert abs(by_split[errors, split] - size * share) < 1.0


def test_as_large_as_the_real_set_it_is_as_imbalanced() -> None:
    planned = plan(Recipe())
    assert len(planned["squat"]) == 1623
    assert len(planned["ohp"]) == 2260
    squats = Counter(sample.errors for sample in planned["squat"])
    # 402, 781, 37 and 159 of 1379, in 1623.
    assert squats[frozenset()] == 473
    assert squats[frozenset({"knees_forward"})] == 919
    assert squats[frozenset({"knees_inward"})] == 44
    assert squats[frozenset({"knees_forward", "knees_inward"})] == 187
    presses = Counter(error for sample in planned["ohp"] for error in sample.errors)
    assert presses == {"elbows": 577, "knees": 764}
    assert [sum(s.split == split for s in planned["ohp"]) for split in SPLITS] == pytest.approx(
        [1582, 339, 339], abs=2
    )


def test_imbalance_can_be_taken_away_or_raised() -> None:
    def rarest(imbalance: float) -> float:
        return min(Recipe(imbalance=imbalance).classes(SQUAT).values())

    assert rarest(0.0) == 0.25
    assert rarest(2.0) < rarest(1.0) < rarest(0.5) < 0.25


@given(st.integers(0, 5000), st.lists(st.floats(0.01, 1000.0), min_size=1, max_size=6))
def test_shares_are_whole_numbers_that_sum_up(total: int, weights: list[float]) -> None:
    parts = shared_out(total, weights)
    assert sum(parts) == total
    assert all(
        abs(part - total * weight / sum(weights)) < 1.0 for part, weight in zip(parts, weights, strict=True)
    )


# --- no shortcuts ------------------------------------------------------------------------------------------


def _as_class(sample: Sample, *errors: str) -> Sample:
    return replace(sample, errors=frozenset(errors))


def test_nothing_but_its_faults_depends_on_a_samples_class() -> None:
    recipe = Recipe(videos=60, images=60, blind_views=0.0, seed=8)
    for kind in KINDS:
        for sample in plan(recipe)[kind.name][:8]:
            clean = cast(recipe, _as_class(sample))
            for errors in kind.classes:
                other = cast(recipe, _as_class(sample, *errors))
                assert other.scene == clean.scene
                np.testing.assert_array_equal(other.times, clean.times)
                np.testing.assert_array_equal(other.shake, clean.shake)
                assert (other.screens, other.roll, other.seed) == (clean.screens, clean.roll, clean.seed)


def test_faults_change_nothing_but_the_faults_of_the_script() -> None:
    recipe = Recipe(videos=40, images=40, seed=8)
    for samples in plan(recipe).values():
        for sample in samples[:10]:
            found, bare = draw(recipe, sample).shot, cast(recipe, sample)
            rep = replace(found.script.reps[0], faults=())
            assert replace(found.script, reps=(rep,)) == bare.script
            assert replace(found.scene, segments=()) == replace(bare.scene, segments=())
            assert found.screens in (bare.screens, ())


def test_a_view_that_hides_an_error_is_given_to_no_sample_that_shows_it() -> None:
    recipe = Recipe(videos=800, images=200, blind_views=0.5)
    for samples in plan(recipe).values():
        hidden = [(sample, view_of(recipe, sample)[1]) for sample in samples]
        assert all(error not in sample.errors for sample, error in hidden if error)
        blindable = [
            error is not None
            for sample, error in hidden
            if any(blind not in sample.errors for blind, _ in BLIND[sample.kind.name])
        ]
        if blindable:
            assert np.mean(blindable) == pytest.approx(0.5, abs=0.1)


def test_an_error_that_this_view_hides_is_drawn_and_not_labelled(drawn: Path) -> None:
    truths = [read_truth(path) for path in (drawn / "Truth").rglob("*.npz")]
    hidden = [truth for truth in truths if truth.about["hidden"]]
    assert hidden
    for truth in hidden:
        place = truth.errors.index(truth.about["hidden"])
        assert truth.degrees[:, place].max() > 5.0
        assert truth.intervals[truth.about["hidden"]] == []


# --- what can be seen --------------------------------------------------------------------------------------


def _shot(kind: Any, view: float, *faults: Fault, screens: tuple[Screen, ...] = ()) -> Shot:
    recipe = Recipe(videos=10, images=0, seconds=3.0)
    shot = cast(recipe, _as_class(plan(recipe)[kind.name][0]))
    script = replace(shot.script, view=view, before=0.4)
    script = replace(script, reps=(replace(script.reps[0], variation=(), faults=faults),))
    return replace(shot.with_faults(script), screens=screens)


def _intervals(shot: Shot, error: str) -> list[tuple[float, float]]:
    return look(shot, Lens(shot)).intervals(error, shot.times)


def test_an_elbow_flare_is_seen_at_the_bottom_and_not_at_lock_out() -> None:
    assert _intervals(_shot(OHP, 30.0, Fault("elbows", 28.0, 0.02, 0.25)), "elbows")
    assert not _intervals(_shot(OHP, 30.0, Fault("elbows", 28.0, 0.45, 0.55)), "elbows")


def test_knees_are_seen_only_from_where_they_show() -> None:
    forward = Fault("knees_forward", 16.0, 0.2, 0.8)
    inward = Fault("knees_inward", 22.0, 0.3, 0.8)
    for left in (1.0, -1.0):
        assert _intervals(_shot(SQUAT, 80.0 * left % 360.0, forward), "knees_forward")
        assert not _intervals(_shot(SQUAT, 0.0, forward), "knees_forward")
        assert _intervals(_shot(SQUAT, 10.0 * left % 360.0, inward), "knees_inward")
        assert not _intervals(_shot(SQUAT, 90.0 * left % 360.0, inward), "knees_inward")


def test_what_stands_in_front_of_the_knees_takes_the_label_away() -> None:
    fault = Fault("knees", 30.0, 0.1, 0.5)
    low = Screen(((-0.1, 0.5), (1.1, 0.5), (1.1, 1.1), (-0.1, 1.1)), (90, 90, 90))
    assert _intervals(_shot(OHP, 45.0, fault), "knees")
    assert not _intervals(_shot(OHP, 45.0, fault, screens=(low,)), "knees")


# --- truth -------------------------------------------------------------------------------------------------


def test_left_is_left_in_every_view(drawn: Path) -> None:
    sides = 0
    for path in (drawn / "Truth").rglob("*.npz"):
        truth = read_truth(path)
        view = truth.about["view"] % 360.0
        shoulders, ankles = truth.image[0, 11:13, 0], truth.image[0, 27:29, 0]
        if view < 50.0 or view > 310.0:  # faces the camera: left is to the right of the picture
            assert shoulders[0] > shoulders[1]
            assert ankles[0] > ankles[1]
        elif 130.0 < view < 230.0:
            assert shoulders[0] < shoulders[1]
        left_is_near = truth.world[0, 11, 2] < truth.world[0, 12, 2]
        if 40.0 < view < 140.0 or 220.0 < view < 320.0:
            sides += 1
            assert left_is_near == (view < 180.0)
    assert sides > 10


def test_truth_has_a_row_for_every_frame_of_the_video(drawn: Path) -> None:
    for part, kind in ((part, kind) for kind, part in PARTS.items()):
        for path in sorted((drawn / "Truth" / kind).iterdir())[:6]:
            truth = read_truth(path)
            source = VideoSource(drawn / part.video(path.stem))
            frames = list(source.frames())
            assert len(frames) == len(truth.times)
            assert frames[0].image.shape == (64, 64, 3)
            np.testing.assert_allclose([frame.time for frame in frames], truth.times, atol=1e-3)
            assert truth.image.shape == truth.world.shape == (len(frames), 33, 3)
            start, turn, end = truth.about["phases"]
            first = truth.phase == 0
            np.testing.assert_array_equal(first, (truth.times >= start - 1e-4) & (truth.times < turn))
            assert (truth.phase[truth.times > end + 1e-3] == -1).all()


def test_a_file_that_is_no_truth_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    np.savez(path, a=np.arange(3))
    with pytest.raises(UsageError, match=r"other\.npz: no truth"):
        read_truth(path)
    with pytest.raises(UsageError, match=r"absent\.npz: no truth"):
        read_truth(tmp_path / "absent.npz")
    path.write_bytes(b"PK half of a file")
    with pytest.raises(UsageError, match="no truth"):
        read_truth(path)


def test_everything_wrong_with_a_recipe_is_told_at_once() -> None:
    with pytest.raises(UsageError) as error:
        Recipe(videos=-1, size=61, seconds=0.5, split=(0.0, 0.0, 0.0), imbalance=9.0)
    for word in ("negative", "--size", "--seconds", "--split", "--imbalance"):
        assert word in str(error.value)
