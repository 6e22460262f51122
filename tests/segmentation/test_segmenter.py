from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from lifter import reps, run, scene, track, truth

from streamaqa.exercises import EXERCISES, Exercise
from streamaqa.motion import Gate, Motion, hip_height, trunk_lean, wrists_over_shoulders
from streamaqa.segmentation import Segmenter, SegmenterSettings
from streamaqa.sources.pose_track import PoseTrackSource
from streamaqa.sources.synthetic import Scene, make_set, negatives_scene, random_scene
from streamaqa.types import (
    Event,
    PhaseEnded,
    PhaseStarted,
    Pose,
    RepCancelled,
    RepEnded,
    SetEnded,
)

VIEWS = (0.0, 45.0, 90.0, 180.0, 225.0)


def later(stream: list[Pose], seconds: float) -> list[Pose]:
    return [replace(pose, time=pose.time + seconds) for pose in stream]


def two_sets(first: str, second: str) -> Scene:
    rng = np.random.default_rng(1)
    sets = [make_set(name, rng, reps=2, view=30.0) for name in (first, second)]
    return random_scene(rng, sets)


@pytest.mark.parametrize("exercise", [e.name for e in EXERCISES])
@pytest.mark.parametrize("view", VIEWS)
def test_a_drawn_set_is_counted_recognized_and_cut_within_two_frames(exercise: str, view: float) -> None:
    drawn = scene(exercise, reps=2, view=view)
    found = reps(run(track(drawn)))
    assert [rep.exercise for rep in found] == [exercise] * 2
    for rep, true in zip(found, truth(drawn).reps, strict=True):
        assert rep.phases[0].kind == true.phases[0].kind
        for is_, should in ((rep.start, true.start), (rep.turn, true.turn), (rep.end, true.end)):
            assert is_ == pytest.approx(should, abs=2 / 30)


@pytest.mark.parametrize("tempo", [0.36, 3.9])
@pytest.mark.parametrize("exercise", [e.name for e in EXERCISES])
def test_quick_and_grinding_repetitions_count(exercise: str, tempo: float) -> None:
    assert len(reps(run(track(scene(exercise, reps=2, view=60.0, tempo=tempo))))) == 2


@pytest.mark.parametrize("exercise", [e.name for e in EXERCISES])
def test_a_repetition_is_said_within_a_third_of_a_second(exercise: str) -> None:
    drawn = scene(exercise, reps=3, view=60.0)
    said = [event.at for event in run(track(drawn)) if isinstance(event, RepEnded)]
    late = [at - true.end for at, true in zip(said, truth(drawn).reps, strict=True)]
    assert max(late) < 0.35


def test_tempo_splits_a_repetition_into_lowering_pause_and_lifting() -> None:
    rep = reps(run(track(scene("squat", tempo=2.0))))[0]
    tempo = rep.tempo
    assert tempo.lowering + tempo.pause + tempo.lifting == pytest.approx(rep.duration)
    assert tempo.lowering > tempo.pause > 0
    assert tempo.lifting > tempo.pause


def test_phases_touch_at_the_turn_and_repetitions_follow_each_other() -> None:
    found = reps(run(track(scene("overhead_press", reps=4))))
    assert len(found) == 4
    for rep in found:
        assert rep.phases[0].end == rep.phases[1].start == rep.turn
        assert rep.start < rep.turn < rep.end
    assert all(before.end <= after.start for before, after in pairwise(found))


def test_velocity_is_travel_over_lifting_time_and_metres_with_a_height() -> None:
    stream = track(scene("squat"))
    plain, tall = reps(run(stream))[0], reps(run(stream, Segmenter(height_m=2.0)))[0]
    assert plain.mean_lifting_velocity == pytest.approx(0.9 * plain.range_of_motion / plain.tempo.lifting)
    assert tall.mean_lifting_velocity == pytest.approx(plain.mean_lifting_velocity * 2.0 * 0.288)


def test_velocity_loss_counts_from_the_fastest_repetition_so_far() -> None:
    drawn = scene("squat", reps=3)
    script = drawn.segments[0]
    slower = tuple(
        replace(rep, second=second, variation=())
        for rep, second in zip(script.reps, (1.2, 0.9, 1.8), strict=True)  # type: ignore[union-attr]
    )
    found = reps(run(track(replace(drawn, segments=(replace(script, reps=slower),)))))  # type: ignore[arg-type]
    assert found[0].velocity_loss is None
    assert found[1].velocity_loss == 0.0
    fastest = found[1].mean_lifting_velocity
    assert found[2].velocity_loss == pytest.approx(1 - found[2].mean_lifting_velocity / fastest)
    assert found[2].velocity_loss == pytest.approx(0.5, abs=0.05)


def test_a_long_pause_ends_the_set_and_the_next_starts_again_from_one() -> None:
    stream = track(scene("squat"))
    idle = [replace(stream[-1], time=stream[-1].time + i / 10) for i in range(1, 250)]
    events = run([*stream, *idle, *later(stream, idle[-1].time + 0.1)])
    ended = [event for event in events if isinstance(event, SetEnded)]
    assert [event.set_number for event in ended] == [1, 2]
    assert ended[0].at - ended[0].reps[-1].end == pytest.approx(20.0, abs=0.3)
    assert [(rep.set_number, rep.number) for rep in reps(events)] == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_another_exercise_ends_the_set() -> None:
    events = run(track(two_sets("squat", "overhead_press")))
    ended = [event for event in events if isinstance(event, SetEnded)]
    assert [(event.exercise, len(event.reps)) for event in ended] == [("squat", 2), ("overhead_press", 2)]


def test_a_press_straight_out_of_a_squat_is_a_thruster_and_so_one_squat() -> None:
    drawn = two_sets("squat", "overhead_press")
    squat, press = truth(drawn).reps[1:3]
    stream = track(drawn)
    standing = press.start - squat.end - 0.5
    up = [pose for pose in stream if pose.time < squat.end + 0.25]
    on = [replace(p, time=p.time - standing) for p in stream if squat.end + 0.25 < p.time - standing]
    on = [pose for pose in on if pose.time < press.end - standing + 0.5]
    assert [rep.exercise for rep in reps(run([*up, *on]))] == ["squat", "squat"]


def test_every_unit_is_announced_before_it_ends() -> None:
    events = run(track(scene("barbell_row", view=90.0)))
    assert len(reps(events)) == 2
    for rep in reps(events):
        kinds = [type(event) for event in events if unit_of(event) == rep.unit]
        assert kinds == [PhaseStarted, PhaseEnded, RepEnded]


def test_a_hint_keeps_the_segmenter_from_looking_for_anything_else() -> None:
    stream = track(scene("squat"))
    assert len(reps(run(stream, Segmenter(hint="squat")))) == 2
    assert run(stream, Segmenter(hint="overhead_press")) == []


def test_a_hint_that_names_no_exercise_is_refused() -> None:
    with pytest.raises(ValueError, match="no exercise 'yoga'"):
        Segmenter(hint="yoga")


def test_reset_cancels_what_is_open_and_ends_the_set() -> None:
    stream = track(scene("squat", reps=2))
    segmenter = Segmenter()
    second = truth(scene("squat", reps=2)).reps[1]
    events: list[Event] = []
    for pose in stream:
        if pose.time > second.turn + 0.3:
            break
        events += segmenter.push(pose)
    after = segmenter.reset()
    assert [type(event) for event in after] == [RepCancelled, SetEnded]
    assert segmenter.status.set_number == 1  # sets are numbered on: subscribers tell them by it
    assert segmenter.status.rep == 0


def test_status_follows_the_lifter() -> None:
    drawn = scene("squat", reps=1)
    (rep,) = truth(drawn).reps
    segmenter = Segmenter()
    seen = {}
    for pose in track(drawn):
        segmenter.push(pose)
        seen[round(pose.time, 2)] = segmenter.status
    at = sorted(seen)
    phase = {time: seen[time].phase for time in at}
    assert phase[min(at, key=lambda t: abs(t - rep.turn + 0.2))] == "lowering"
    assert phase[min(at, key=lambda t: abs(t - rep.end + 0.3))] == "lifting"
    last = seen[at[-1]]
    assert (last.person, last.exercise, last.phase, last.set_number, last.rep) == (True, "squat", None, 1, 1)


def test_nobody_in_view_gives_no_events() -> None:
    segmenter = Segmenter()
    assert run([Pose.nobody(i / 30, (360, 480)) for i in range(90)], segmenter) == []
    assert not segmenter.status.person


def test_short_gaps_cost_nothing_and_a_long_one_cancels() -> None:
    drawn = scene("squat", reps=1, tempo=1.5)
    (rep,) = truth(drawn).reps

    def without(start: float, end: float) -> list[Pose]:
        return [
            Pose.nobody(pose.time, pose.size) if start < pose.time < end else pose for pose in track(drawn)
        ]

    assert len(reps(run(without(rep.start + 0.5, rep.start + 0.7)))) == 1
    assert reps(run(without(rep.start + 0.5, rep.end - 0.3))) == []


def test_somebody_else_in_the_lifters_place_cancels_the_repetition() -> None:
    drawn = scene("squat", reps=1)
    (rep,) = truth(drawn).reps

    def jumped(pose: Pose) -> Pose:
        image = pose.image.copy()
        image[:, 0] += 0.4 if pose.time > rep.turn else 0.0
        return replace(pose, image=image)

    events = run(map(jumped, track(drawn)))
    assert reps(events) == []
    assert [event.reason for event in events if isinstance(event, RepCancelled)] == ["somebody_else"]


def test_who_takes_the_lifters_place_begins_a_set_of_their_own() -> None:
    first, second = track(scene("squat", reps=3)), track(scene("squat", reps=2))

    def beside(pose: Pose) -> Pose:
        image = pose.image.copy()
        image[:, 0] += 0.5
        return replace(pose, image=image)

    events = run([*first, *later(list(map(beside, second)), first[-1].time + 1 / 30)])
    assert [(rep.set_number, rep.number) for rep in reps(events)] == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]
    assert [len(event.reps) for event in events if isinstance(event, SetEnded)] == [3, 2]


@pytest.mark.parametrize("at", ["between", "bottom"])
@pytest.mark.parametrize("away", [0.4, 2.0])
def test_a_pose_that_was_elsewhere_for_a_while_parts_no_set(at: str, away: float) -> None:
    """Whoever was taken for the lifter did nothing, and the lifter is back where they were."""
    drawn = scene("squat", reps=5, tempo=1.0)
    second, third = truth(drawn).reps[1:3]
    begin = (second.end + third.start) / 2 if at == "between" else third.turn
    other = track(drawn)[0]
    other = replace(other, image=other.image + np.array([0.5, 0.0, 0.0, 0.0], np.float32))
    stream = [
        replace(other, time=pose.time) if begin < pose.time < begin + away else pose for pose in track(drawn)
    ]
    events = run(stream)
    numbers = [(rep.set_number, rep.number) for rep in reps(events)]
    assert numbers == [(1, n) for n in range(1, len(numbers) + 1)]
    assert len(numbers) >= (4 if away < 1.0 else 3)
    assert sum(isinstance(event, SetEnded) for event in events) == 1


@pytest.mark.parametrize("exercise", [e.name for e in EXERCISES])
@pytest.mark.parametrize("early", [0.2, 0.1, -0.1])
def test_who_leaves_as_a_repetition_ends_has_done_it(exercise: str, early: float) -> None:
    drawn = scene(exercise, reps=3, view=45.0)
    gone = truth(drawn).reps[-1].end - early
    stream = [pose if pose.time < gone else Pose.nobody(pose.time, pose.size) for pose in track(drawn)]
    nobody = [Pose.nobody(stream[-1].time + n / 30, stream[-1].size) for n in range(1, 90)]
    segmenter = Segmenter()
    said = [event for pose in [*stream, *nobody] for event in segmenter.push(pose)]
    assert len(reps(said)) == 3
    assert segmenter.status.phase is None


def test_who_leaves_in_mid_repetition_has_ended_it_and_then_the_set() -> None:
    """Also if nobody ever comes again and the stream goes on."""
    drawn = scene("squat", reps=3)
    rep = truth(drawn).reps[-1]
    stream = [pose for pose in track(drawn) if pose.time < (rep.start + rep.turn) / 2]
    gone = [Pose.nobody(stream[-1].time + n / 30, stream[-1].size) for n in range(1, 30 * 30)]
    segmenter, said = Segmenter(), []
    for pose in [*stream, *gone]:
        said += [(pose.time, event) for event in segmenter.push(pose)]
        if pose.time > stream[-1].time + 2.0:
            assert segmenter.status.phase is None
    cancelled = [(at, event.reason) for at, event in said if isinstance(event, RepCancelled)]
    ended = [(at, len(event.reps)) for at, event in said if isinstance(event, SetEnded)]
    ((at, reason),), ((over, counted),) = cancelled, ended
    assert (reason, counted) == ("gap", 2)
    assert at == pytest.approx(stream[-1].time + 1.5, abs=0.1)
    assert over == pytest.approx(truth(drawn).reps[1].end + 20.0, abs=0.3)


def test_one_stray_pose_costs_nothing() -> None:
    stream = track(scene("squat", reps=1))
    middle = len(stream) // 2
    image = stream[middle].image.copy()
    image[:, 0] += 0.4
    stray = [*stream[:middle], replace(stream[middle], image=image), *stream[middle + 1 :]]
    assert len(reps(run(stray))) == 1


def changed(stream: list[Pose], change: Callable[[Pose, np.ndarray, np.ndarray], None]) -> list[Pose]:
    """Each pose with its image and world landmarks changed in place."""
    poses = []
    for pose in stream:
        image, world = pose.image.copy(), pose.world.copy()
        change(pose, image, world)
        poses.append(replace(pose, image=image, world=world))
    return poses


def torso(image: np.ndarray) -> float:
    """Length of the trunk, picture heights."""
    return float(abs(image[23:25, 1].mean() - image[11:13, 1].mean()))


def test_a_press_counts_whose_hidden_hands_hardly_rise_over_the_shoulders() -> None:
    """From the side, plates before the hands: the pose model raises the trunk in their place."""
    stream = track(scene("overhead_press", view=90.0, tempo=1.2))
    rest = stream[0].image[15, 1]

    def hidden(_: Pose, image: np.ndarray, __: np.ndarray) -> None:
        risen = np.clip((rest - image[15:17, 1].mean()) / (1.2 * torso(image)), 0.0, 1.0)
        image[15:17, 1] += 1.0 * risen * torso(image)
        image[13:15, 1] += 0.4 * risen * torso(image)
        image[:25, 1] -= 0.3 * risen * torso(image)

    assert [rep.exercise for rep in reps(run(changed(stream, hidden)))] == ["overhead_press"] * 2


def test_arms_that_leap_for_a_moment_split_no_press() -> None:
    drawn = scene("overhead_press", reps=1, tempo=1.5)
    (rep,) = truth(drawn).reps

    def leapt(pose: Pose, image: np.ndarray, _: np.ndarray) -> None:
        if 0.40 <= pose.time - rep.turn < 0.46:
            image[13:17, 1] += 1.5 * torso(image)

    (found,) = reps(run(changed(track(drawn), leapt)))
    times = (found.start, found.turn, found.end)
    assert times == pytest.approx((rep.start, rep.turn, rep.end), abs=2 / 30)


def test_a_row_seen_from_behind_counts_whose_trunk_is_read_as_upright() -> None:
    def upright(_: Pose, __: np.ndarray, world: np.ndarray) -> None:
        shoulders, hips = world[11:13, :3].mean(0), world[23:25, :3].mean(0)
        length = np.linalg.norm(shoulders - hips)
        world[:23, :3] += hips - shoulders - np.array([0.0, length, 0.0], np.float32)

    stream = changed(track(scene("barbell_row", view=180.0)), upright)
    assert [rep.exercise for rep in reps(run(stream))] == ["barbell_row"] * 2


def test_a_squat_counts_whose_legs_are_out_of_the_picture() -> None:
    def guessed(_: Pose, image: np.ndarray, world: np.ndarray) -> None:
        for hip, legs in ((23, (25, 27, 29, 31)), (24, (26, 28, 30, 32))):
            for leg, length in zip(legs, (0.8, 1.6, 1.7, 1.7), strict=True):
                image[leg] = image[hip] + np.array([0.0, length * 0.2, 0.0, 0.0])
                image[leg, 3] = 0.05
                world[leg, :3] = world[hip, :3] + np.array([0.0, length * 0.5, 0.0])

    assert len(reps(run(changed(track(scene("squat", view=30.0)), guessed)))) == 2


@pytest.mark.parametrize("exercise", [e.name for e in EXERCISES])
def test_a_camera_that_sways_and_drifts_changes_no_count(exercise: str) -> None:
    def moved(pose: Pose, image: np.ndarray, _: np.ndarray) -> None:
        image[:, 1] += 0.02 * np.sin(2 * np.pi * pose.time / 3) - 0.005 * pose.time
        image[:, 0] += 0.02 * np.sin(2 * np.pi * pose.time / 4.1) + 0.01 * pose.time

    assert len(reps(run(changed(track(scene(exercise, view=45.0, tempo=1.5)), moved)))) == 2


def test_walking_racking_deadlifts_and_curls_are_no_repetitions() -> None:
    drawn = negatives_scene(np.random.default_rng(4), 2.0)
    assert reps(run(track(drawn))) == []


def test_hands_that_stay_below_the_head_are_no_press() -> None:
    drawn = scene("overhead_press", reps=2)
    script = drawn.segments[0]
    short = tuple(replace(rep, extent=0.65) for rep in script.reps)  # type: ignore[union-attr]
    stream = track(replace(drawn, segments=(replace(script, reps=short),)))  # type: ignore[arg-type]

    def lowered(pose: Pose) -> Pose:
        image = pose.image.copy()
        image[15:17, 1] += 0.35 * (image[23, 1] - image[11, 1])
        return replace(pose, image=image)

    assert reps(run(map(lowered, stream))) == []


CURL = Exercise(
    name="curl",
    words="Curl",
    question_words="Curl",
    first_phase="lifting",
    errors=(),
    motion=Motion(
        signal=wrists_over_shoulders,
        least_range=0.4,
        gates=(
            Gate("not_hanging", wrists_over_shoulders, "start", high=-0.5),
            Gate("overhead", wrists_over_shoulders, "turn", high=0.3),
            Gate("bent_over", trunk_lean, "start", high=25.0, softness=10.0),
        ),
    ),
)


def test_a_fourth_exercise_is_one_more_object(shared) -> None:  # type: ignore[no-untyped-def]
    stream = list(PoseTrackSource(shared / "poses" / "neg_curl_front.npz").poses())
    assert reps(run(stream)) == []
    found = reps(run(stream, Segmenter(exercises=(*EXERCISES, CURL))))
    assert [rep.exercise for rep in found] == ["curl"] * len(found)
    assert len(found) == 4


WAVE = replace(CURL, name="wave", motion=Motion(signal=wrists_over_shoulders, least_range=0.25))


@pytest.mark.parametrize(("hold", "wave"), [(0.2, 0.35), (3.0, -1.0), (3.0, 0.0), (3.0, 0.8)])
def test_arms_that_move_in_the_hole_of_a_squat_are_a_part_of_it(hold: float, wave: float) -> None:
    rng = np.random.default_rng(0)
    drawn = random_scene(rng, [make_set("squat", rng, reps=1, tempo=2.0, hold=hold, implement="dumbbells")])
    (rep,) = truth(drawn).reps

    def waved(pose: Pose, image: np.ndarray, _: np.ndarray) -> None:
        raised = 0.45 * torso(image) * np.exp(-0.5 * ((pose.time - rep.turn - wave) / 0.3) ** 2)
        image[15:17, 1] -= raised

    def found(*exercises: Exercise) -> list[str]:
        stream = changed(track(drawn), waved)
        return [each.exercise for each in reps(run(stream, Segmenter(exercises=exercises)))]

    squat = EXERCISES[0]
    assert squat.motion is not None
    nothing = replace(squat.motion, gates=(*squat.motion.gates, Gate("never", hip_height, "change", low=0.0)))
    assert found(WAVE) == ["wave"]
    assert found(squat, WAVE) == ["squat"]
    assert found(replace(squat, motion=nothing), WAVE) == ["wave"], "what is no squat has no parts"


def test_an_exercise_without_motion_is_passed_over() -> None:
    talked_about = replace(CURL, name="plank", motion=None)
    assert len(reps(run(track(scene("squat")), Segmenter(exercises=(*EXERCISES, talked_about))))) == 2


def test_the_set_pause_is_a_setting() -> None:
    stream = track(scene("squat"))
    idle = [replace(stream[-1], time=stream[-1].time + i / 10) for i in range(1, 60)]
    segmenter = Segmenter(SegmenterSettings(set_pause_s=3.0))
    before_flush = [event for pose in [*stream, *idle] for event in segmenter.push(pose)]
    assert isinstance(before_flush[-1], SetEnded)


def unit_of(event: Event) -> int | None:
    match event:
        case PhaseStarted() | PhaseEnded() | RepCancelled():
            return event.unit
        case RepEnded():
            return event.rep.unit
        case _:
            return None


def still(stream: list[Pose], seconds: float) -> list[Pose]:
    """A lifter who stands for so long as at the beginning of that stream, and then does what is in it."""
    first, count = stream[0], round(30 * seconds)
    before = [replace(first, time=first.time - (count - i) / 30) for i in range(count)]
    return [*before, *stream]


def walked(stream: list[Pose], size: Callable[[float], float], horizon: float) -> list[Pose]:
    """The stream seen at `size(time)` times its size, about the height `horizon` of the picture."""

    def scaled(pose: Pose, image: np.ndarray, _: np.ndarray) -> None:
        image[:, :2] = (0.5, horizon) + size(pose.time) * (image[:, :2] - (0.5, horizon))

    return changed(stream, scaled)


@pytest.mark.parametrize(("size", "horizon"), [(2.8, 0.8), (0.5, -0.1)], ids=["away, low", "nearer, high"])
@pytest.mark.parametrize("pause", [0.5, 3.0])
def test_who_walks_to_the_place_of_the_set_loses_no_repetition(
    size: float, horizon: float, pause: float
) -> None:
    """The camera stands low or hangs high, so that a walk sinks the lifter in the picture."""
    stream = still(track(scene("squat", reps=3)), 4.0 + pause)
    arrived = -pause

    def at(time: float) -> float:
        return float(size ** np.clip((arrived - time) / 2.0, 0.0, 1.0))

    assert len(reps(run(walked(stream, at, horizon)))) == 3


@pytest.mark.parametrize("horizon", [0.6, 0.8])
def test_who_walks_away_and_comes_back_has_not_squatted(horizon: float) -> None:
    stream = still(track(scene("squat", reps=1))[:10], 10.0)

    def there_and_back(time: float) -> float:
        return float(2.8 ** np.clip(abs(time + 5.0) / 2.5, 0.0, 1.0))

    assert reps(run(walked(stream, there_and_back, horizon))) == []


@pytest.mark.parametrize("depth", [0.15, 0.22])
def test_a_press_that_legs_drive_ends_where_the_lifter_stood(depth: float) -> None:
    """The bar dips by that many torso lengths before it rises, and comes back to the shoulders."""
    drawn = scene("overhead_press", reps=1, tempo=1.2)
    (rep,) = truth(drawn).reps

    def dipped(pose: Pose, image: np.ndarray, _: np.ndarray) -> None:
        share = np.clip((pose.time - rep.start + 0.5) / 0.6, 0.0, 1.0)
        image[:25, 1] += depth * torso(image) * np.sin(np.pi * share) ** 2

    events = run(changed(still(track(drawn), 1.0), dipped))
    (ended,) = [event for event in events if isinstance(event, RepEnded)]
    assert ended.rep.end == pytest.approx(rep.end, abs=0.1)
    assert ended.at - rep.end < 0.35


@pytest.mark.parametrize("sideways", [True, False], ids=["lateral raise", "front raise"])
def test_arms_that_are_raised_straight_are_no_row_seen_from_behind(sideways: bool) -> None:
    stream = still(track(scene("squat", reps=1, view=180.0))[:10], 8.0)

    def raised(pose: Pose, image: np.ndarray, world: np.ndarray) -> None:
        angle = np.radians(10 + 70 * np.sin(np.pi * np.clip((pose.time + 5.0) / 3.0, 0.0, 1.0)) ** 2)
        out, down, upper, fore = np.sin(angle), np.cos(angle), 0.55, 0.45
        metre = torso(image) / float(np.linalg.norm(world[11, :3] - world[23, :3]))
        for shoulder, side in ((11, -1.0), (12, 1.0)):
            aside = side * out if sideways else 0.0
            away = np.array([aside, down, 0.0 if sideways else out]) * torso(image) / metre
            for limb, length in ((2, upper), (4, upper + fore)):
                world[shoulder + limb, :3] = world[shoulder, :3] + length * away
                step = length * away[:2] * metre * np.array([pose.size[1] / pose.size[0], 1.0])
                image[shoulder + limb, :2] = image[shoulder, :2] + step

    assert reps(run(changed(stream, raised))) == []


def test_a_press_that_comes_down_to_a_right_angle_only_counts() -> None:
    def high(_: Pose, image: np.ndarray, __: np.ndarray) -> None:
        image[15:17, 1] = np.minimum(image[15:17, 1], image[11:13, 1] - 0.7 * torso(image))

    found = reps(run(changed(track(scene("overhead_press", view=0.0)), high)))
    assert [rep.exercise for rep in found] == ["overhead_press"] * 2


def test_poses_that_do_not_come_in_time_order_are_refused() -> None:
    pose = track(scene("squat", reps=1))[0]
    segmenter = Segmenter()
    segmenter.push(pose)
    with pytest.raises(ValueError, match="comes after"):
        segmenter.push(pose)
