from __future__ import annotations

import time
from itertools import islice

import numpy as np
import pytest

from streamaqa.errors import SourceError
from streamaqa.sources.base import PoseSource, Source
from streamaqa.sources.synthetic import (
    Passer,
    Scene,
    SyntheticPoses,
    SyntheticSource,
    Truth,
    from_spec,
    make_set,
    poses,
)
from streamaqa.sources.synthetic.render import Renderer
from streamaqa.sources.synthetic.spec import parse
from streamaqa.types import Frame


def first(source: SyntheticSource, count: int) -> list[Frame]:
    return list(islice(source.frames(), count))


def test_it_is_a_source_whose_frames_keep_its_size_and_rate() -> None:
    source = from_spec("synthetic:squat?reps=1&size=120x160&fps=20")
    frames = list(source.frames())

    assert isinstance(source, Source)
    assert source.info.size == (120, 160)
    assert source.info.frames == len(frames)
    assert [f.number for f in frames] == list(range(len(frames)))
    assert [f.time for f in frames] == pytest.approx([n / 20.0 for n in range(len(frames))])
    assert {f.image.shape for f in frames} == {(160, 120, 3)}
    assert frames[0].image.dtype == np.uint8
    assert frames[0].arrival <= time.monotonic()
    assert not source.info.live


def test_the_same_spec_gives_the_same_pixels_and_another_seed_others() -> None:
    spec = "synthetic:overhead_press?seed=3&size=112x112"
    one, two = first(from_spec(spec), 20), first(from_spec(spec), 20)
    other = first(from_spec(spec.replace("seed=3", "seed=4")), 20)

    assert all((a.image == b.image).all() for a, b in zip(one, two, strict=True))
    assert from_spec(spec).truth.to_dict() == from_spec(spec).truth.to_dict()
    assert (one[0].image != other[0].image).mean() > 0.5


def test_a_frame_does_not_depend_on_which_were_drawn_before() -> None:
    scene = Scene((make_set("squat", np.random.default_rng(0), reps=1),))
    times = np.arange(40) / 10.0
    together = Renderer(scene, (112, 112)).render(times)
    alone = Renderer(scene, (112, 112)).render(times[23:24], first=23)

    assert (together[23] == alone[0]).all()


def test_frames_show_the_lifter_where_the_truth_says() -> None:
    source = from_spec("synthetic:squat?reps=1&size=180x240")
    shirt = np.array(source.truth.scene.appearance.shirt, float)
    frame = next(f for f in source.frames() if f.time >= source.truth.reps[0].turn)
    (pose,) = source.truth.poses(np.array([frame.time]))

    chest = 0.7 * pose.image[11:13, :2].mean(axis=0) + 0.3 * pose.image[23:25, :2].mean(axis=0)
    x, y = (chest * (180, 240)).astype(int)
    seen = frame.image[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).mean(axis=0)
    assert np.argmax(seen) == np.argmax(shirt)
    assert np.dot(seen, shirt) / np.linalg.norm(seen) / np.linalg.norm(shirt) > 0.97


def test_a_passer_crosses_and_is_gone() -> None:
    script = make_set("squat", np.random.default_rng(0), reps=1)
    alone, crossed = Scene((script,)), Scene((script,), passers=(Passer(start=1.0, duration=2.0),))
    times = np.array([0.5, 2.0, 3.5])
    differ = [
        (a != b).any()
        for a, b in zip(
            Renderer(alone, (112, 112)).render(times),
            Renderer(crossed, (112, 112)).render(times),
            strict=True,
        )
    ]

    assert differ == [False, True, False]


@pytest.mark.parametrize(("distance", "channel"), [(1.0, 0), (-1.2, 2)])
def test_who_is_nearer_covers_the_other(distance: float, channel: int) -> None:
    script = make_set("squat", np.random.default_rng(0), reps=1)
    passer = Passer(start=0.0, duration=0.8, distance=distance)
    scene = Scene((script,), passers=(passer,))
    (picture,) = Renderer(scene, (180, 240)).render(np.array([0.4]))
    (pose,) = Truth(scene, (180, 240)).poses(np.array([0.4]))

    x, y = (pose.image[[11, 12, 23, 24], :2].mean(axis=0) * (180, 240)).astype(int)
    assert np.argmax(picture[y, x]) == channel, "the passer's shirt is red, the lifter's blue"


def test_close_ends_an_iteration() -> None:
    source = from_spec("synthetic:squat?size=112x112")
    frames = source.frames()
    next(frames)
    source.close()
    source.close()

    assert list(frames) == []


def test_poses_come_as_a_source_too() -> None:
    wanted = from_spec("synthetic:curl?reps=2").truth.scene
    source = SyntheticPoses(wanted)

    assert isinstance(source, PoseSource)
    assert len(list(source.poses())) == source.info.frames == len(poses(wanted))


def test_the_demo_is_a_minute_of_three_sets_with_faults_in_some() -> None:
    truth = from_spec("synthetic:demo").truth

    assert 45.0 <= truth.duration <= 62.0
    assert [r.exercise for r in truth.reps] == ["squat"] * 4 + ["overhead_press"] * 4 + ["barbell_row"] * 4
    assert {e.name for r in truth.reps for e in r.errors} == {"knees_inward", "knees", "torso_angle"}
    assert sum(not r.errors for r in truth.reps) >= 4


@pytest.mark.parametrize("word", ["walking", "deadlift", "curl", "negatives?minutes=2"])
def test_distractors_have_no_repetitions(word: str) -> None:
    truth = from_spec(f"synthetic:{word}").truth

    assert truth.reps == ()
    assert truth.duration > 10.0


def test_faults_come_in_every_repetition_and_pick_a_view_that_shows_them() -> None:
    truth = from_spec("synthetic:squat?reps=3&faults=knees_forward,shallow").truth

    assert [[e.name for e in r.errors] for r in truth.reps] == [["knees_forward", "shallow"]] * 3
    assert truth.reps[0].view == 90.0
    assert from_spec("synthetic:squat?faults=knees_forward&view=10").truth.reps[0].view == 10.0


def test_tempo_hold_and_rest_are_seconds() -> None:
    slow = from_spec("synthetic:barbell_row?reps=4&tempo=3&hold=1&rest=2").truth.reps
    lengths = [r.phases[0].duration for r in slow]

    assert np.mean(lengths) == pytest.approx(3.0 * 0.81 + 0.5, rel=0.15)
    assert {r.hold for r in slow} == {1.0}


@pytest.mark.parametrize(
    ("spec", "held"),
    [
        ("lunge", "none"),
        ("drink", "none"),
        ("good_morning", "barbell"),
        ("curl?implement=dumbbells", "dumbbells"),
    ],
)
def test_other_movements_are_done_with_what_is_usual_or_asked_for(spec: str, held: str) -> None:
    (segment,) = parse(f"synthetic:{spec}").scene.segments
    assert segment.style.implement == held


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("synthetic:bench", ["'bench'", "squat", "demo"]),
        ("synthetic:squat?legs=2", ["'legs'", "reps", "view"]),
        ("synthetic:squat?reps=none", ["reps=none", "1 to 1000"]),
        ("synthetic:squat?size=12", ["size=12", "WIDTHxHEIGHT"]),
        ("synthetic:squat?faults=elbows", ["'elbows'", "knees_forward"]),
        ("synthetic:squat?implement=kettlebell", ["barbell"]),
        ("synthetic:lunge?faults=knees_inward", ["lunge", "faults", "squat"]),
        ("synthetic:deadlift?hold=2", ["deadlift", "hold", "squat"]),
    ],
)
def test_an_unknown_word_is_answered_with_those_known_in_one_line(spec: str, words: list[str]) -> None:
    with pytest.raises(SourceError) as caught:
        from_spec(spec)

    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)
