from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lifter import scene, track, truth

from streamaqa.motion import Gate, Posture, trunk_height, wrists_over_shoulders
from streamaqa.segmentation.settings import SignalSettings
from streamaqa.segmentation.signals import PostureReader
from streamaqa.types import HIP_POINTS, LOAD_POINTS, Flow, Pose


def read(stream: list[Pose]) -> list[Posture]:
    reader = PostureReader(SignalSettings())
    return [posture for pose in stream if (posture := reader.read(pose)) is not None]


@pytest.mark.parametrize("view", [0.0, 90.0, 200.0])
def test_lengths_are_the_lifters_own_from_any_side(view: float) -> None:
    standing = read(track(scene("squat", view=view)))[0]
    assert standing.shoulders - standing.hips == pytest.approx(1.0, abs=0.1)
    assert standing.lean < 20
    assert standing.knee > 155


def test_a_lean_towards_the_camera_does_not_stretch_the_ruler() -> None:
    """Seen from ahead a bent trunk is short in the picture, yet the arms hang as far as from the side."""
    hanging = [wrists_over_shoulders(read(track(scene("barbell_row", view=view)))[0]) for view in (0.0, 90.0)]
    assert hanging[0] == pytest.approx(hanging[1], rel=0.15)


@pytest.mark.parametrize(("view", "least", "most"), [(0.0, 0.4, 1.2), (180.0, -1.2, -0.4), (90.0, -0.2, 0.2)])
def test_the_shoulders_tell_whether_the_back_is_turned(view: float, least: float, most: float) -> None:
    assert least < read(track(scene("squat", view=view)))[0].facing < most


def nearest(times: list[float], time: float) -> float:
    return min(times, key=lambda t: abs(t - time))


def test_squatting_lowers_the_trunk_and_comes_back() -> None:
    drawn = scene("squat", reps=1)
    (rep,) = truth(drawn).reps
    postures = read(track(drawn))
    height = {p.time: trunk_height(p) for p in postures}
    at = [height[nearest(list(height), x)] for x in (rep.start - 0.2, rep.turn, rep.end + 0.2)]
    assert at[1] < at[0] - 0.6
    assert at[2] == pytest.approx(at[0], abs=0.1)


def test_where_the_flow_breaks_off_points_begin_anew() -> None:
    one = track(scene("squat", reps=1))[0]
    step = Flow(np.full(LOAD_POINTS + HIP_POINTS, 0.01, np.float32), (0.0, 0.0))
    flows = [None, step, step, None, step]
    sights = [p.sight for p in read([replace(one, time=n / 30, flow=f) for n, f in enumerate(flows)])]
    height = one.size[1]
    told = [(s.since, s.risen[0] / height) for s in sights if s is not None and s.risen is not None]
    assert [since for since, _ in told] == [0.0, 0.0, 0.0, 0.1, 0.1]
    assert [risen for _, risen in told] == pytest.approx([0.0, 0.01, 0.02, 0.0, 0.01])


def test_somebody_else_is_told_once_though_the_camera_has_panned() -> None:
    """The room's way is the picture's: forgotten with the lifter, it would make the next pose a jump."""
    one = track(scene("squat", reps=1))[0]
    panned = Flow(np.zeros(LOAD_POINTS + HIP_POINTS, np.float32), (0.0, 0.02))
    beside = one.image.copy()
    beside[:, 0] += 0.5
    stream = [replace(one, time=n / 30, flow=panned) for n in range(30)]
    for n, pose in enumerate(stream):
        image = (one.image if n < 10 else beside).copy()
        image[:, 1] += np.float32(0.02 * (n + 1))
        stream[n] = replace(pose, image=image)
    reader = PostureReader(SignalSettings())
    told = []
    for pose in stream:
        posture = reader.read(pose)
        told.append((posture is not None, reader.somebody_else))
    first = next(n for n, (_, somebody_else) in enumerate(told) if somebody_else)
    assert all(seen and not again for seen, again in told[first + 1 :])


def test_points_that_were_lost_did_what_half_of_their_kind_did() -> None:
    one = track(scene("squat", reps=1))[0]
    rise = np.full(LOAD_POINTS + HIP_POINTS, np.nan, np.float32)
    rise[:3] = 0.01, 0.02, 0.03
    flows = [None, Flow(rise, (0.0, 0.0))]
    last = read([replace(one, time=n / 30, flow=f) for n, f in enumerate(flows)])[-1].sight
    assert last is not None
    assert last.risen is not None
    assert last.risen[[0, 2, 5, LOAD_POINTS]] / one.size[1] == pytest.approx([0.01, 0.03, 0.02, 0.0])
    assert last.lost == 1


def test_nobody_gives_no_posture() -> None:
    assert PostureReader(SignalSettings()).read(Pose.nobody(0.0, (4, 3))) is None


def test_a_step_to_the_side_moves_the_feet_and_then_the_body() -> None:
    first = track(scene("squat", reps=1))[0]
    reader = PostureReader(SignalSettings())
    before = reader.read(first)
    image = first.image.copy()
    image[27:33, 0] += 0.1
    stepped = reader.read(replace(first, image=image, time=first.time + 0.1))
    image[:27, 0] += 0.1
    after = reader.read(replace(first, image=image, time=first.time + 0.2))
    assert before is not None
    assert stepped is not None
    assert after is not None
    assert stepped.sight is not None
    assert stepped.feet - before.feet == pytest.approx(0.1 * first.size[0] / stepped.sight.ruler, rel=0.05)
    assert stepped.aside == pytest.approx(before.aside)
    assert after.feet - stepped.feet == pytest.approx(0.0, abs=0.02)
    assert after.aside - before.aside == pytest.approx(stepped.feet - before.feet, rel=0.1)


def read_one(pose: Pose) -> Posture:
    posture = PostureReader(SignalSettings()).read(pose)
    assert posture is not None
    return posture


@pytest.mark.parametrize("turned", [0.0, 40.0, 90.0, 200.0])
@pytest.mark.parametrize("ahead", [0.0, 0.8])
def test_a_stride_is_how_far_one_foot_is_ahead_wherever_the_lifter_faces(turned: float, ahead: float) -> None:
    first = track(scene("squat", reps=1))[0]
    trunk = first.world[[11, 12], :3].mean(axis=0) - first.world[[23, 24], :3].mean(axis=0)
    world = first.world.copy()
    world[25:33, 2] += np.tile([0.4 * ahead, -0.6 * ahead], 4)  # the left leg back, the right one ahead
    cos, sin = np.cos(np.radians(turned)), np.sin(np.radians(turned))
    world[:, [0, 2]] = world[:, [0, 2]] @ np.array([[cos, sin], [-sin, cos]])
    stride = read_one(replace(first, world=world)).stride
    assert stride == pytest.approx(ahead / np.linalg.norm(trunk), abs=0.1)


def rolled(pose: Pose, degrees: float) -> Pose:
    """As a camera that is not level sees it."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    image, size = pose.image.copy(), np.array(pose.size)
    image[:, :2] = ((image[:, :2] - 0.5) * size @ np.array([[cos, sin], [-sin, cos]])) / size + 0.5
    return replace(pose, image=image)


def test_one_knee_is_lower_than_the_other_and_hardly_where_the_camera_is_tilted() -> None:
    first = track(scene("squat", reps=1))[0]
    lower = first.image.copy()
    lower[25, 1] += 0.1
    posture = read_one(replace(first, image=lower))
    assert posture.sight is not None
    assert posture.knees_apart == pytest.approx(0.1 * first.size[1] / posture.sight.ruler, rel=0.1)
    assert read_one(first).knees_apart == pytest.approx(0.0, abs=0.05)
    assert abs(read_one(rolled(first, 15.0)).facing) > 0.3
    assert read_one(rolled(first, 15.0)).knees_apart == pytest.approx(0.0, abs=0.15)


def test_hands_are_within_the_feet_by_how_much_closer_together_they_are() -> None:
    first = track(scene("squat", reps=1))[0]
    image = first.image.copy()
    image[[15, 16], 0] = 0.55, 0.45
    image[[27, 28], 0] = 0.65, 0.35
    posture = read_one(replace(first, image=image))
    assert posture.sight is not None
    assert posture.hands_within == pytest.approx(0.2 * first.size[0] / posture.sight.ruler, rel=0.01)
    image[27, 3] = 0.1
    assert read_one(replace(first, image=image)).hands_within == 0.0


def test_a_leg_that_is_guessed_is_neither_ahead_nor_lower() -> None:
    first = track(scene("squat", reps=1))[0]
    image, world = first.image.copy(), first.world.copy()
    image[25, 1] += 0.1
    world[27, 2] += 0.5
    seen = read_one(replace(first, image=image, world=world))
    assert min(seen.stride, seen.knees_apart) > 0.3
    image[[25, 27], 3] = 0.1
    guessed = read_one(replace(first, image=image, world=world))
    assert (guessed.stride, guessed.knees_apart) == (0.0, 0.0)


def test_a_lasting_jump_is_somebody_else() -> None:
    stream = track(scene("squat", reps=1))
    reader = PostureReader(SignalSettings())
    told = []
    for i, pose in enumerate(stream[:60]):
        image = pose.image.copy()
        image[:, 0] += 0.5 if i >= 30 else 0.0
        reader.read(replace(pose, image=image))
        told.append(reader.somebody_else)
    assert told.index(True) == pytest.approx(39, abs=1), "after 0.3 s"
    assert sum(told) == 1


def test_a_gate_measures_how_far_inside_a_value_lies() -> None:
    gate = Gate("deep", trunk_height, "change", high=-0.3, softness=0.1)
    assert gate.margin(0.0, -0.5, 0.0) == pytest.approx(2.0)
    assert gate.margin(0.0, -0.2, 0.0) == pytest.approx(-1.0)
    assert gate.margin(-0.4, -0.5, 0.0) == pytest.approx(2.0), "a recording may begin half way down"
    rise = Gate("risen", trunk_height, "rise", low=0.3)
    assert rise.margin(0.0, 0.5, 0.4) == pytest.approx(2.0)
    drift = Gate("stayed", trunk_height, "drift", low=-0.1, high=0.1)
    assert drift.margin(0.0, np.nan, 0.3) < 0
