"""What lifters, gyms and cameras do, on drawn landmarks: what counts, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from lifter import SIZE, reps, resting, run, scene, stopped, track, truth

from streamaqa.bench.segment_others import takes
from streamaqa.bench.segment_varied import draw
from streamaqa.body import Array
from streamaqa.exercises import EXERCISES
from streamaqa.segmentation import Segmenter
from streamaqa.sources.synthetic import Distractor, Scene, SetScript, Truth, make_set, poses, random_scene
from streamaqa.sources.synthetic.others import OTHERS
from streamaqa.sources.synthetic.posture import Joint, skeleton
from streamaqa.sources.synthetic.script import DistractorKind, Implement
from streamaqa.types import PhaseStarted, Pose, Rep, RepCancelled, RepEnded, SetEnded

NAMES = [exercise.name for exercise in EXERCISES]
Picture = Callable[[float, Array], Array]
"""Takes the time and (33, 2) places in the picture, and gives other places."""
NOISE = 0.01
"""Of landmarks, in trunk lengths: half of what the pose model shows."""


def counted(drawn: Scene, stream: list[Pose]) -> None:
    """Each drawn repetition is found, as the exercise it is, where it is."""
    found, wanted = reps(run(stream)), truth(drawn).reps
    assert [rep.exercise for rep in found] == [rep.exercise for rep in wanted]
    for is_, should in zip(found, wanted, strict=True):
        assert is_.turn == pytest.approx(should.turn, abs=0.5)


# --- tempo and frame rate -------------------------------------------------------------------------------


def uneven(exercise: str, totals: tuple[float, ...], view: float) -> Scene:
    """A set whose repetitions last so many seconds."""
    rng = np.random.default_rng(2)
    script = make_set(exercise, rng, reps=len(totals), view=view)
    paced = tuple(
        replace(rep, first=(total - 0.06) / 2, second=(total - 0.06) / 2, hold=0.06)
        for rep, total in zip(script.reps, totals, strict=True)
    )
    return random_scene(rng, [replace(script, reps=paced)])


@pytest.mark.parametrize("fps", [10.0, 25.0, 60.0])
@pytest.mark.parametrize("exercise", NAMES)
def test_quick_and_grinding_repetitions_count_within_one_set_at_any_frame_rate(
    exercise: str, fps: float
) -> None:
    drawn = uneven(exercise, (0.8, 8.0, 0.8, 3.0, 8.0, 0.8), view=90.0)
    counted(drawn, poses(drawn, fps, size=SIZE, noise=NOISE, seed=1))


@pytest.mark.parametrize(("first", "second"), [(3.0, 0.6), (0.6, 3.0)])
@pytest.mark.parametrize("exercise", NAMES)
def test_the_turn_is_found_though_one_phase_is_much_slower(
    exercise: str, first: float, second: float
) -> None:
    """It is the middle of the hold, and not of what is within 5 % of it: slow phases take long to arrive."""
    rng = np.random.default_rng(5)
    script = make_set(exercise, rng, reps=2, view=45.0)
    paced = replace(script, reps=tuple(replace(r, first=first, second=second, hold=0.2) for r in script.reps))
    drawn = random_scene(rng, [paced])
    found = reps(run(poses(drawn, 30.0, size=SIZE, noise=NOISE / 2, seed=2)))
    for is_, should in zip(found, truth(drawn).reps, strict=True):
        assert is_.turn == pytest.approx(should.turn, abs=0.1)


@pytest.mark.parametrize("seed", [40, 49])
def test_hands_that_have_only_just_come_to_the_shoulders_press(seed: int) -> None:
    rng = np.random.default_rng(seed)
    script = make_set("overhead_press", rng, reps=2, view=70.0)
    quick = replace(script, before=0.2, reps=tuple(replace(r, first=0.4, extent=0.8) for r in script.reps))
    drawn = random_scene(rng, [Distractor("stand", 1.0, 70.0), quick])
    counted(drawn, poses(drawn, 30.0, size=SIZE, noise=NOISE / 2, seed=2))


@pytest.mark.parametrize("view", [45.0, 90.0, 200.0])
def test_a_bar_that_was_taken_from_the_floor_is_rowed_from_where_it_hangs(view: float) -> None:
    rng = np.random.default_rng(2)
    script = make_set("barbell_row", rng, reps=3, view=view)
    taken = Distractor("deadlift", 4.0, view, script.style, repeats=2)
    drawn = random_scene(rng, [taken, replace(script, before=0.4)])
    counted(drawn, poses(drawn, 30.0, size=SIZE, noise=NOISE / 2, seed=2))


def test_a_press_of_three_quarters_counts() -> None:
    rng = np.random.default_rng(6)
    script = make_set("overhead_press", rng, reps=2, view=60.0)
    short = replace(script, reps=tuple(replace(rep, extent=0.75) for rep in script.reps))
    drawn = random_scene(rng, [short])
    counted(drawn, poses(drawn, 30.0, size=SIZE, noise=NOISE, seed=2))


@pytest.mark.parametrize("where", [0.3, 0.45, 0.75])
@pytest.mark.parametrize("seconds", [0.8, 1.6])
@pytest.mark.parametrize("exercise", NAMES)
def test_a_grind_that_stops_at_its_sticking_point_is_one_repetition(
    exercise: str, seconds: float, where: float
) -> None:
    """The third of a set; of the first nobody knows what the lifter is up to."""
    drawn = uneven(exercise, (2.0, 2.0, 4.0, 2.0), view=60.0)
    stream = list(poses(drawn, 30.0, size=SIZE, noise=NOISE, seed=1))
    before, _, grind, after = truth(drawn).reps
    begin, end = (grind.turn, grind.end) if exercise == "squat" else (grind.start, grind.turn)
    found = reps(run(stopped(stream, begin + where * (end - begin), seconds)))
    assert [rep.exercise for rep in found] == [exercise] * 4
    assert found[0].start == pytest.approx(before.start, abs=0.15)
    assert found[2].start == pytest.approx(grind.start, abs=0.15)
    assert found[2].end == pytest.approx(grind.end + seconds, abs=0.15)
    assert found[3].end == pytest.approx(after.end + seconds, abs=0.15)


# --- what the camera shows ------------------------------------------------------------------------------


def moved(stream: list[Pose], change: Picture) -> list[Pose]:
    """The same with other pictures."""
    out = []
    for pose in stream:
        image = pose.image.copy()
        image[:, :2] = change(pose.time, image[:, :2].astype(np.float64))
        outside = ((image[:, :2] < 0) | (image[:, :2] > 1)).any(axis=1)
        image[outside, 3] = 0.05  # as the pose model says of what it only guesses
        out.append(replace(pose, image=image))
    return out


def panned(time: float, xy: Array) -> Array:
    sway = np.array([0.04 * np.sin(1.1 * time), 0.015 * np.sin(1.6 * time + 1.0)])
    return np.asarray(xy + sway)


def zoomed(time: float, xy: Array) -> Array:
    return np.asarray(0.5 + (1.0 + 0.05 * np.sin(0.9 * time)) * (xy - 0.5))


def shaken(time: float, xy: Array) -> Array:
    """By 3 pixels of 480, from frame to frame."""
    return np.asarray(xy + 0.006 * np.random.default_rng(round(time * 1000)).standard_normal(2))


def legs_cut_off(time: float, xy: Array) -> Array:
    """The picture ends at the thighs."""
    return np.asarray(xy * (1.0, 1.7) - (0.0, 0.1))


def head_cut_off(time: float, xy: Array) -> Array:
    """The picture begins at the neck."""
    return np.asarray(xy - (0.0, 0.28))


@pytest.mark.parametrize("camera", [panned, zoomed, shaken])
@pytest.mark.parametrize("exercise", NAMES)
def test_a_camera_that_moves_a_little_loses_nothing(exercise: str, camera: Picture) -> None:
    drawn = scene(exercise, reps=3, view=45.0, seed=3)
    counted(drawn, moved(track(drawn), camera))


@pytest.mark.parametrize(
    ("exercise", "camera"),
    [
        *((name, legs_cut_off) for name in NAMES),
        ("squat", head_cut_off),
        ("barbell_row", head_cut_off),
    ],
)
@pytest.mark.parametrize("view", [0.0, 90.0])
def test_a_part_of_the_lifter_is_enough(exercise: str, camera: Picture, view: float) -> None:
    drawn = scene(exercise, reps=2, view=view, seed=4)
    counted(drawn, moved(track(drawn), camera))


@pytest.mark.parametrize("exercise", NAMES)
def test_poses_that_are_missing_now_and_then_cost_nothing(exercise: str) -> None:
    drawn = scene(exercise, reps=3, view=60.0, seed=5)
    rng, stream, gone = np.random.default_rng(6), [], 0
    for pose in track(drawn):
        gone = gone - 1 if gone else int(rng.integers(2, 9)) if rng.random() < 0.05 else 0
        stream.append(Pose.nobody(pose.time, pose.size) if gone else pose)
    assert 0.08 < np.mean([not pose.found for pose in stream]) < 0.3
    counted(drawn, stream)


@pytest.mark.parametrize("hidden", ["start", "turn", "end"])
@pytest.mark.parametrize("exercise", NAMES)
def test_who_walks_past_hides_no_boundary(exercise: str, hidden: str) -> None:
    """For 0.6 s nobody is seen; what is seen of the repetition tells when it began, turned and ended."""
    drawn = scene(exercise, reps=3, view=60.0, tempo=1.2, seed=5)
    true = truth(drawn).reps[1]
    middle = getattr(true, hidden)
    stream = [
        Pose.nobody(pose.time, pose.size) if abs(pose.time - middle) < 0.3 else pose for pose in track(drawn)
    ]
    counted(drawn, stream)
    found = reps(run(stream))[1]
    assert [found.start, found.turn, found.end] == pytest.approx([true.start, true.turn, true.end], abs=0.067)


@pytest.mark.parametrize("exercise", NAMES)
def test_who_takes_up_a_place_unseen_begins_from_there(exercise: str) -> None:
    """A body that is guessed elsewhere until nobody is seen, and then rightly, has not begun a repetition."""
    drawn = scene(exercise, reps=3, view=60.0, tempo=1.2, seed=5)
    first = truth(drawn).reps[0]
    before = [pose for pose in track(drawn) if pose.time < first.start - 0.2][-1]
    still = [replace(before, time=before.time + n / 30) for n in range(1, 45)]
    later = [replace(pose, time=pose.time + 45 / 30) for pose in track(drawn) if pose.time > before.time]
    rises = first.exercise != "squat"
    stream = [pose for pose in track(drawn) if pose.time <= before.time] + still + later
    gone = before.time + 0.6
    for n, pose in enumerate(stream):
        if pose.time < before.time:
            image = pose.image.copy()
            image[: 23 if rises else 33, 1] += 0.12 if rises else -0.12
            stream[n] = replace(pose, image=image)
        elif pose.time < gone:
            stream[n] = Pose.nobody(pose.time, pose.size)
    assert [rep.exercise for rep in reps(run(stream))] == [exercise] * 3


# --- what the lifter holds, and sits on -----------------------------------------------------------------


@pytest.mark.parametrize("view", [0.0, 45.0, 90.0, 180.0, 315.0])
@pytest.mark.parametrize("exercise", NAMES)
def test_dumbbells_and_narrow_hands_are_the_same_exercise(exercise: str, view: float) -> None:
    rng = np.random.default_rng(7)
    script = make_set(exercise, rng, reps=2, view=view, implement="dumbbells")
    narrow = replace(script, style=replace(script.style, grip=0.9))
    drawn = random_scene(rng, [narrow])
    counted(drawn, poses(drawn, 30.0, size=SIZE, noise=NOISE, seed=1))


def seated(stream: list[Pose]) -> list[Pose]:
    """The lifter sits: hips and all above come down by a thigh, knees lie ahead of the hips."""
    thigh = float(np.linalg.norm(stream[0].world[23, :3] - stream[0].world[25, :3]))
    out = []
    for pose in stream:
        world, image = pose.world.copy(), pose.image.copy()
        hips = world[23:25, :3].copy()
        across = world[11, :3] - world[12, :3]
        ahead = np.cross(across, np.array([0.0, -1.0, 0.0]))
        ahead *= thigh / np.linalg.norm(ahead)
        down = world[27:29, :3] - world[25:27, :3]
        per_metre = (
            (image[11, :2] - image[23, :2])[1]
            / (world[11, 1] - world[23, 1])
            * np.array([pose.size[1] / pose.size[0], 1.0])
        )
        drop = world[25:27, 1].mean() - hips[:, 1].mean()
        world[25:27, :3] = hips + ahead
        world[27:, :3] += (world[25:27, :3] + down - pose.world[27:29, :3]).mean(axis=0)
        world[27:29, :3] = world[25:27, :3] + down
        image[:, 1] += drop * per_metre[1]
        middle, at = pose.world[23:25, :2].mean(axis=0), image[23:25, :2].mean(axis=0)
        image[25:, :2] = at + (world[25:, :2] - middle) * per_metre
        out.append(replace(pose, world=world, image=image))
    return out


@pytest.mark.parametrize("view", [0.0, 45.0, 90.0])
def test_a_press_done_sitting_is_a_press(view: float) -> None:
    rng = np.random.default_rng(8)
    drawn = random_scene(rng, [make_set("overhead_press", rng, reps=3, view=view, implement="dumbbells")])
    counted(drawn, seated(poses(drawn, 30.0, size=SIZE)))


@pytest.mark.parametrize("arm", [0, 1])
@pytest.mark.parametrize("view", [0.0, 45.0, 150.0, 315.0])
@pytest.mark.parametrize("exercise", ["overhead_press", "barbell_row"])
def test_one_dumbbell_counts_as_two_do(exercise: str, view: float, arm: int) -> None:
    rng = np.random.default_rng(8)
    drawn = random_scene(rng, [make_set(exercise, rng, reps=4, view=view, implement="dumbbells")])
    stream = list(poses(drawn, 30.0, size=SIZE, noise=NOISE, seed=3))
    for stop, pose in enumerate(stream):
        seen = pose.image.copy()
        seen[[13, 14, 15, 16], 3] = 0.9
        stream[stop] = replace(pose, image=seen)
    found, wanted = reps(run(resting(stream, arm))), truth(drawn).reps
    assert [rep.exercise for rep in found] == [exercise] * 4
    for is_, should in zip(found, wanted, strict=True):
        assert is_.start == pytest.approx(should.start, abs=0.2)
        assert is_.end == pytest.approx(should.end, abs=0.2)


def test_a_press_with_one_hand_is_as_long_after_a_pause_though_the_other_one_shakes() -> None:
    rng = np.random.default_rng(8)
    drawn = random_scene(rng, [make_set("overhead_press", rng, reps=3, implement="dumbbells")])
    stream, later, out = list(poses(drawn, 30.0, size=SIZE)), 0.0, []
    ends = [rep.end + 0.1 for rep in truth(drawn).reps]
    for pose in resting(stream, 1):
        image = pose.image.copy()
        image[[14, 16], 1] = image[12, 1] + np.array([0.1, 0.2])
        times = [pose.time + later]
        if ends and pose.time >= ends[0]:
            times += [times[0] + n / 30 for n in range(1, 120)]
            later, ends = later + 119 / 30, ends[1:]
        for time in times:
            shaken = image.copy()
            shaken[:, :2] += rng.normal(0.0, 0.002, (33, 2))
            shaken[[14, 16], :2] += rng.normal(0.0, 0.002, (2, 2))
            shaken[13:17, 3] = 0.9
            out.append(replace(pose, time=time, image=shaken))
    first, second, third = (rep.range_of_motion for rep in reps(run(out)))
    assert second == pytest.approx(third, rel=0.05)
    assert second == pytest.approx(first, rel=0.12)


# --- what is no repetition ------------------------------------------------------------------------------

IDLE: tuple[DistractorKind, ...] = (
    "walk_in", "walk_out", "walk", "stand", "talk", "unrack", "rack", "deadlift", "curl",
)  # fmt: skip


@pytest.mark.parametrize("kind", IDLE)
def test_what_lifters_do_between_repetitions_counts_nothing(kind: DistractorKind) -> None:
    for view, seed in ((0.0, 0), (60.0, 1), (90.0, 2), (180.0, 3), (300.0, 4)):
        rng = np.random.default_rng(seed)
        style = make_set("squat", rng, implement=("barbell", "dumbbells")[seed % 2]).style
        seconds = 4.0 if "rack" in kind or "walk_" in kind else 8.0
        repeats = 3 if kind in ("deadlift", "curl") else 1
        doing = Distractor(kind, seconds, view, style, repeats, seed)
        drawn = random_scene(rng, [Distractor("stand", 1.0, view), doing, Distractor("stand", 1.0, view)])
        assert reps(run(poses(drawn, 20.0, size=SIZE, noise=NOISE, seed=seed))) == []


def from_the_wall(drawn: Scene, height: float = 2.8) -> Scene:
    """Seen from that many metres up: from behind, bent trunks look long and hands that hang look high."""
    return replace(drawn, camera=replace(drawn.camera, height=height, distance=3.0))


@pytest.mark.parametrize("view", [165.0, 180.0, 210.0])
def test_deadlifts_seen_from_behind_and_above_count_nothing(view: float) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        style = make_set("squat", rng).style
        drawn = from_the_wall(
            random_scene(rng, [Distractor("deadlift", 9.0, view, style, repeats=3, seed=seed)])
        )
        assert reps(run(poses(drawn, 20.0, size=SIZE, noise=NOISE, seed=seed))) == []


def test_half_squats_with_dumbbells_that_lean_count_from_behind_as_well() -> None:
    """Their trunks show and their hands hang as a deadlift's do, but the legs fold under them."""
    drawn = draw(6, 42)
    wanted, found = truth(drawn).reps, reps(run(poses(drawn, 25.0, size=SIZE, noise=0.007, seed=42)))
    assert [rep.exercise for rep in found] == ["squat"] * 3
    assert [rep.turn for rep in found] == pytest.approx([rep.turn for rep in wanted], abs=0.5)


@pytest.mark.parametrize("kind", ["unrack", "rack"])
@pytest.mark.parametrize("view", [0.0, 45.0, 90.0, 180.0])
def test_whoever_ducks_under_a_bar_in_its_rack_does_not_squat(kind: DistractorKind, view: float) -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        style = make_set("squat", rng, implement="barbell").style
        stand = Distractor("stand", 1.0, view, style)
        drawn = random_scene(rng, [stand, Distractor(kind, 5.0, view, style, seed=seed), stand])
        assert reps(run(poses(drawn, 20.0, size=SIZE, noise=NOISE, seed=seed))) == []


@pytest.mark.parametrize("kind", OTHERS)
def test_other_exercises_and_a_drink_count_nothing(kind: str) -> None:
    for take in takes(kind, seed=7):
        assert reps(run(poses(take.scene, take.fps, size=SIZE, noise=NOISE, seed=7))) == []


@pytest.mark.parametrize("implement", ["barbell", "front_rack", "dumbbells", "none"])
@pytest.mark.parametrize("view", [0.0, 90.0])
def test_as_shallow_a_squat_counts_whatever_the_hands_do(implement: Implement, view: float) -> None:
    rng = np.random.default_rng(3)
    script = make_set("squat", rng, reps=2, view=view, implement=implement)
    short = replace(script, reps=tuple(replace(rep, extent=0.5) for rep in script.reps))
    counted(drawn := random_scene(rng, [short]), poses(drawn, 20.0, size=SIZE, noise=NOISE, seed=3))


@pytest.mark.parametrize(("exercise", "view"), [("squat", 30.0), ("squat", 90.0), ("overhead_press", 60.0)])
def test_of_a_whole_visit_only_the_set_counts(exercise: str, view: float) -> None:
    """In, out of the rack with a walk-out, some talk, the set, back into the rack, away."""
    rng = np.random.default_rng(9)
    script = make_set(exercise, rng, reps=3, view=view)
    around = [Distractor("walk_in", 3.0, view, seed=1), Distractor("unrack", 4.0, view, seed=2)]
    after = [Distractor("rack", 4.0, view, seed=3), Distractor("talk", 4.0, view, seed=4)]
    drawn = random_scene(rng, [*around, script, *after, Distractor("walk_out", 3.0, view, seed=5)])
    counted(drawn, poses(drawn, 30.0, size=SIZE, noise=NOISE, seed=1))


# --- sets -----------------------------------------------------------------------------------------------


def test_a_pause_below_the_limit_keeps_the_set_and_one_above_ends_it() -> None:
    stream = track(scene("squat", reps=1))

    def again(pause: float) -> list[tuple[int, int]]:
        last = stream[-1].time
        idle = [replace(stream[-1], time=last + i / 10) for i in range(1, int(10 * pause))]
        later = [replace(pose, time=pose.time + idle[-1].time + 0.1) for pose in stream]
        return [(rep.set_number, rep.number) for rep in reps(run([*stream, *idle, *later]))]

    assert again(15.0) == [(1, 1), (1, 2)]
    assert again(21.0) == [(1, 1), (2, 1)]


def test_somebody_who_leaves_ends_the_set_when_the_pause_is_over() -> None:
    stream = track(scene("squat", reps=1))
    away = [Pose.nobody(stream[-1].time + i / 10, SIZE) for i in range(1, 230)]
    segmenter = Segmenter()
    events = [event for pose in (*stream, *away) for event in segmenter.push(pose)]
    (ended,) = [event for event in events if isinstance(event, SetEnded)]
    assert ended.at - ended.reps[-1].end == pytest.approx(20.0, abs=0.3)
    assert segmenter.status.rep == 0


def test_another_athlete_begins_a_set_of_their_own() -> None:
    stream = track(scene("squat", reps=1))
    segmenter = Segmenter()
    first = [event for pose in stream for event in segmenter.push(pose)]
    between = segmenter.reset()
    moved_on = [replace(pose, time=pose.time + stream[-1].time + 1.0) for pose in stream]
    second = [event for pose in moved_on for event in segmenter.push(pose)] + segmenter.flush()
    assert [event.set_number for event in between if isinstance(event, SetEnded)] == [1]
    assert [(rep.set_number, rep.number) for rep in reps(first + second)] == [(1, 1), (2, 1)]


def test_one_repetition_is_a_set() -> None:
    events = run(track(scene("squat", reps=1)))
    (ended,) = [event for event in events if isinstance(event, SetEnded)]
    assert [rep.velocity_loss for rep in ended.reps] == [None]


# --- what is measured -----------------------------------------------------------------------------------


def drawn_speed(drawn: Scene, rep: Rep) -> float:
    """Mean speed in m/s of the bar between 5 and 95 % of its way up: the middle of hands or shoulders."""
    lifting = next(phase for phase in rep.phases if phase.kind == "lifting")
    times = np.linspace(lifting.start - 0.3, lifting.end + 0.3, 300)
    bones = skeleton(drawn.body, Truth(drawn, SIZE).timeline.posture(times))
    held = Joint.COLLAR if rep.exercise == "squat" else Joint.L_WRIST
    height = bones.joints[:, held, 1]
    middle = (times > lifting.start - 0.1) & (times < lifting.end + 0.1)
    low, high = height[middle].min(), height[middle].max()
    share = (height - low) / (high - low)
    up = times[middle][(share[middle] > 0.05) & (share[middle] < 0.95)]
    return float(0.9 * (high - low) / (up.max() - up.min()))


@pytest.mark.parametrize("view", [0.0, 90.0])
@pytest.mark.parametrize(
    ("exercise", "within"), [("overhead_press", 0.2), ("barbell_row", 0.2), ("squat", 0.3)]
)
def test_with_a_height_the_velocity_is_near_the_bars(exercise: str, within: float, view: float) -> None:
    """A squat's is that of the trunk, whose hips travel less than the bar on the shoulders does."""
    drawn = scene(exercise, reps=2, view=view, seed=5)
    found = reps(run(track(drawn), Segmenter(height_m=drawn.body.height)))
    assert len(found) == 2
    for rep in found:
        assert rep.mean_lifting_velocity == pytest.approx(drawn_speed(drawn, rep), rel=within)


def test_velocity_follows_the_tempo_and_the_range_does_not() -> None:
    quick, slow = (reps(run(track(scene("overhead_press", tempo=t, seed=6)))) for t in (0.8, 1.6))
    assert len(quick) == 2
    for one, other in zip(quick, slow, strict=True):
        assert one.range_of_motion == pytest.approx(other.range_of_motion, rel=0.05)
        assert one.mean_lifting_velocity == pytest.approx(2 * other.mean_lifting_velocity, rel=0.15)


# --- provisional, then confirmed or cancelled -----------------------------------------------------------


def test_what_was_begun_and_given_up_is_cancelled_under_its_own_name() -> None:
    """A lifter who walks off in the middle of a squat."""
    drawn = scene("squat", reps=1, tempo=1.5)
    (true,) = truth(drawn).reps
    stream = [pose for pose in track(drawn) if pose.time < true.turn + 0.5]
    away = [Pose.nobody(stream[-1].time + i / 30, SIZE) for i in range(1, 90)]
    events = run([*stream, *away])
    begun = [event.unit for event in events if isinstance(event, PhaseStarted)]
    ended = [event.unit for event in events if isinstance(event, RepCancelled)]
    assert begun
    assert begun == ended
    assert not [event for event in events if isinstance(event, RepEnded | SetEnded)]


def test_a_hint_can_be_given_and_taken_back_between_repetitions() -> None:
    rng = np.random.default_rng(10)
    sets: list[SetScript] = [make_set(name, rng, reps=1, view=30.0) for name in ("squat", "overhead_press")]
    stream = track(random_scene(rng, [*sets, *sets]))
    half = stream[-1].time / 2
    segmenter = Segmenter(hint="overhead_press")
    found = []
    for pose in stream:
        if pose.time > half:
            segmenter.expect(None)
        found += reps(segmenter.push(pose))
    assert [rep.exercise for rep in found] == ["overhead_press", "squat", "overhead_press"]
