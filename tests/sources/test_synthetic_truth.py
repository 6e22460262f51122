from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from streamaqa.exercises import EXERCISES, exercise
from streamaqa.sources.synthetic import (
    BodyShape,
    Camera,
    Distractor,
    Fault,
    RepScript,
    Scene,
    SetScript,
    Style,
    Truth,
    make_set,
    poses,
    random_fault,
    random_scene,
)
from streamaqa.sources.synthetic.camera import View
from streamaqa.sources.synthetic.generate import FAULTS
from streamaqa.sources.synthetic.posture import Joint, skeleton, two_bones
from streamaqa.sources.synthetic.timeline import Timeline, onsets, set_posture

SIZE = (360, 480)
Array = NDArray[np.float64]


def scene_of(name: str, *faults: Fault, rep: RepScript | None = None, view: float = 0.0) -> Scene:
    """One repetition without chance."""
    script = replace(rep or RepScript(), faults=faults)
    return Scene((SetScript(name, (script,), view=view, style=Style(sway=0.0)),))


def load_height(name: str, scene: Scene, times: Array) -> Array:
    """What the truth's crossings are of, measured on the joints."""
    bones = skeleton(scene.body, Timeline(scene).posture(times))
    if name == "squat":
        return np.asarray(bones[Joint.PELVIS][:, 1])
    if name == "overhead_press":
        return np.asarray(bones[Joint.BAR][:, 1] - bones[Joint.COLLAR][:, 1])
    return np.asarray(bones[Joint.BAR][:, 1])


def angle(a: Array, b: Array) -> Array:
    """Degrees between vectors."""
    cosine = np.sum(a * b, -1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


UP = np.array([0.0, 1.0, 0.0])


def fault_angle(error: str, scene: Scene, times: Array) -> Array:
    """Degrees of what an error shows in, over time."""
    bones = skeleton(scene.body, Timeline(scene).posture(times))
    hip, knee, ankle = bones[Joint.L_HIP], bones[Joint.L_KNEE], bones[Joint.L_ANKLE]
    if error == "knees_forward":
        return angle(knee - ankle, UP)
    if error == "knees":
        return 180.0 - angle(hip - knee, ankle - knee)
    if error == "knees_inward":
        gap = knee[:, 0] - bones[Joint.R_KNEE][:, 0]
        feet = ankle[:, 0] - bones[Joint.R_ANKLE][:, 0]
        # A gap of the knees that is 2 % narrower counts as a degree here, to have one scale for all.
        return np.asarray(-50.0 * gap / feet)
    if error == "shallow":
        return -angle(knee - hip, -UP)
    if error == "elbows":
        return angle(bones[Joint.L_WRIST] - bones[Joint.L_ELBOW], UP)
    if error == "torso_angle":
        return -angle(bones[Joint.COLLAR] - bones[Joint.PELVIS], UP)
    waist, chest = bones[Joint.WAIST], bones[Joint.CHEST]
    return angle(waist - bones[Joint.PELVIS], bones[Joint.COLLAR] - chest)


@pytest.mark.parametrize("name", [e.name for e in EXERCISES])
@pytest.mark.parametrize(
    "rep", [RepScript(1.2, 0.8, 0.0), RepScript(0.4, 0.5, 0.1), RepScript(3.0, 4.5, 1.0)]
)
def test_start_turn_and_end_are_where_the_load_crosses_five_per_cent_of_its_way(
    name: str, rep: RepScript
) -> None:
    scene = scene_of(name, rep=rep)
    (true,) = Truth(scene, SIZE).reps
    times = np.arange(0.0, Timeline(scene).duration, 0.0005)
    height = load_height(name, scene, times)
    share = (height - height[0]) / (height[np.argmax(np.abs(height - height[0]))] - height[0])

    away = times[share >= 0.05]
    top = times[share >= 0.9999]
    assert true.start == pytest.approx(away[0], abs=0.001)
    assert true.end == pytest.approx(away[-1], abs=0.001)
    assert true.turn == pytest.approx((top[0] + top[-1]) / 2.0, abs=0.02)
    assert (height.max() - height[0] > 0.2) == (exercise(name).first_phase == "lifting")
    assert true.phases[0].kind == exercise(name).first_phase


@pytest.mark.parametrize("error", [e.name for x in EXERCISES for e in x.errors])
def test_a_fault_shows_in_its_own_interval_and_nowhere_else(error: str) -> None:
    name = next(x.name for x in EXERCISES if error in [e.name for e in x.errors])
    drawn = FAULTS[error]
    fault = Fault(
        error, np.mean(drawn.magnitude).item(), np.mean(drawn.start).item(), np.mean(drawn.end).item()
    )
    clean, faulty = scene_of(name), scene_of(name, fault)
    times = np.arange(0.0, Timeline(clean).duration, 0.01)
    (true,) = Truth(faulty, SIZE).reps
    (shown,) = true.errors
    change = fault_angle(error, faulty, times) - fault_angle(error, clean, times)

    # What starts with the repetition is there a little before it.
    early = 0.3 * (shown.end - shown.start) if fault.start == 0.0 else 0.0
    inside = (times >= shown.start - early) & (times <= shown.end)
    assert true.start <= shown.start < shown.end <= true.end
    assert change[inside].max() > 0.4 * fault.magnitude
    if error != "shallow":  # depth is decided for the whole repetition
        assert np.abs(change[~inside]).max() < 0.02 * fault.magnitude


@pytest.mark.parametrize("error", ["knees_forward", "torso_angle", "lumbar"])
def test_the_magnitude_is_degrees_of_the_joint_it_names(error: str) -> None:
    name = next(x.name for x in EXERCISES if error in [e.name for e in x.errors])
    small, large = (Fault(error, m, 0.2, 0.8) for m in (12.0, 20.0))
    times = np.arange(0.0, 4.0, 0.02)
    clean, less, more = (
        fault_angle(error, s, times) for s in (scene_of(name), scene_of(name, small), scene_of(name, large))
    )

    # The leg turns outward with the foot, and a rounded back is seen over part of its length.
    assert (more - clean).max() - (less - clean).max() == pytest.approx(8.0, rel=0.4)


def test_bones_keep_their_lengths_and_feet_stay_on_the_floor() -> None:
    rng = np.random.default_rng(5)
    for name in ("squat", "overhead_press", "barbell_row"):
        faults = [e.name for e in exercise(name).errors]
        scene = replace(Scene((make_set(name, rng, reps=2, faults=faults),)), body=BodyShape.random(rng))
        body = scene.body
        bones = skeleton(body, Timeline(scene).posture(np.arange(0.0, 7.0, 0.05)))
        for first, second, length in (
            (Joint.L_HIP, Joint.L_KNEE, body.thigh),
            (Joint.R_KNEE, Joint.R_ANKLE, body.shank),
            (Joint.L_SHOULDER, Joint.L_ELBOW, body.upper_arm),
            (Joint.R_ELBOW, Joint.R_WRIST, body.forearm),
        ):
            assert np.linalg.norm(bones[first] - bones[second], axis=-1) == pytest.approx(length, abs=1e-9)
        assert bones[Joint.L_ANKLE][:, 1] == pytest.approx(body.ankle, abs=0.006)
        wide = np.linalg.norm(bones[Joint.L_GRIP] - bones[Joint.BAR], axis=-1)
        assert np.ptp(wide) < 0.06, f"the hands stay on the bar in a {name}"


def test_the_squats_load_stays_over_the_feet() -> None:
    scene = scene_of("squat")
    bones = skeleton(scene.body, Timeline(scene).posture(np.arange(0.0, 4.0, 0.02)))

    before_heel = bones[Joint.BAR][:, 2] - bones[Joint.L_HEEL][:, 2]
    before_toe = bones[Joint.L_TOE][:, 2] - bones[Joint.BAR][:, 2]
    assert (before_heel > 0.03).all()
    assert (before_toe > 0.03).all()


def test_clean_repetitions_vary_and_the_smallest_faults_overlap_them() -> None:
    rng = np.random.default_rng(0)
    for x in EXERCISES:
        script = make_set(x.name, rng, reps=40)
        for error in x.errors:
            sizes = [abs(v.magnitude) for rep in script.reps for v in rep.variation if v.error == error.name]
            assert np.std(sizes) > 0.0
            assert max(sizes) > 0.2 * FAULTS[error.name].magnitude[0]
            assert max(sizes) < FAULTS[error.name].magnitude[0]
        assert not any(rep.faults for rep in script.reps)


def test_views_turn_the_lifter_as_they_say() -> None:
    # Nose against the middle of the ears, in world landmarks: x right, z away from the camera.
    for view, x, z in ((0.0, 0.0, -1.0), (90.0, -1.0, 0.0), (180.0, 0.0, 1.0), (270.0, 1.0, 0.0)):
        pose = Truth(scene_of("squat", view=view), SIZE).poses(np.array([0.0]))[0]
        nose = pose.world[0, :3] - pose.world[7:9, :3].mean(axis=0)
        nose = nose / np.linalg.norm(nose)
        assert nose[0] == pytest.approx(x, abs=0.35)
        assert nose[2] == pytest.approx(z, abs=0.35)
    front = Truth(scene_of("squat"), SIZE).poses(np.array([0.0]))[0]
    assert front.image[11, 0] > front.image[12, 0], "from the front the left shoulder is on the right"


def test_the_far_arm_is_hidden_from_the_side_and_nothing_from_the_front() -> None:
    side = Truth(scene_of("barbell_row", view=90.0), SIZE).poses(np.array([0.0]))[0]
    front = Truth(scene_of("overhead_press"), SIZE).poses(np.array([0.0]))[0]

    assert side.image[23, 3] > 0.9 > 0.5 > side.image[24, 3]
    assert (front.image[11:33, 3] > 0.9).all()
    close = replace(scene_of("squat"), camera=replace(Scene(()).camera, distance=1.6))
    assert Truth(close, SIZE).poses(np.array([0.0]))[0].image[31, 3] < 0.1, "feet out of the picture"


def test_image_and_world_landmarks_are_one_body() -> None:
    truth = Truth(scene_of("squat", view=40.0), SIZE)
    (pose,) = truth.poses(np.array([1.0]))
    hips = truth.view.to_camera(
        skeleton(truth.scene.body, truth.timeline.posture(np.array([1.0])))[Joint.PELVIS]
    )
    again = truth.view.project(pose.world[:, :3] + hips[0]) / np.array(SIZE)

    assert again == pytest.approx(pose.image[:, :2], abs=1e-5)
    assert pose.world[23:25, :3].mean(axis=0) == pytest.approx(0.0, abs=1e-6)


def test_truth_is_json_and_counts_sets_and_repetitions() -> None:
    rng = np.random.default_rng(3)
    segments = (
        make_set("squat", rng, reps=2),
        Distractor("talk", 2.0),
        make_set("overhead_press", rng, reps=3, faults=["knees"], faulty=[2]),
    )
    told = json.loads(json.dumps(Truth(random_scene(rng, segments), SIZE).to_dict()))

    assert [(r["exercise"], r["set_number"], r["number"]) for r in told["reps"]] == [
        ("squat", 1, 1), ("squat", 1, 2),
        ("overhead_press", 2, 1), ("overhead_press", 2, 2), ("overhead_press", 2, 3),
    ]  # fmt: skip
    assert [[e["name"] for e in r["errors"]] for r in told["reps"]] == [[], [], [], ["knees"], []]


def test_nothing_jumps_between_segments() -> None:
    rng = np.random.default_rng(11)
    segments = (
        Distractor("walk_in", 4.0, view=0.0, seed=1),
        make_set("squat", rng, reps=1, view=30.0),
        Distractor("rack", 4.0, view=30.0),
        Distractor("deadlift", 6.0, view=90.0, repeats=2),
        make_set("barbell_row", rng, reps=1, view=90.0),
        Distractor("curl", 5.0, view=0.0, repeats=2),
        Distractor("walk", 12.0, seed=4),
        Distractor("walk_out", 4.0, view=0.0, seed=2),
    )
    track = poses(Scene(segments), fps=60.0)
    world = np.stack([pose.image[:, :2] for pose in track])

    # Six widths a second at most; a swinging foot does two.
    assert np.abs(np.diff(world, axis=0)).max() < 0.1


def test_landmark_noise_is_seeded_and_as_large_as_told() -> None:
    scene = scene_of("squat")
    exact = np.stack([p.world[:, :3] for p in poses(scene)])
    noisy = [np.stack([p.world[:, :3] for p in poses(scene, noise=0.02, seed=s)]) for s in (1, 1, 2)]

    assert (noisy[0] == noisy[1]).all()
    assert not (noisy[0] == noisy[2]).all()
    assert np.std(noisy[0] - exact) == pytest.approx(0.02 * scene.body.trunk, rel=0.1)


def test_random_faults_lie_in_their_ranges() -> None:
    rng = np.random.default_rng(2)
    for error, drawn in FAULTS.items():
        for _ in range(20):
            fault = random_fault(error, rng)
            assert drawn.magnitude[0] <= fault.magnitude <= drawn.magnitude[1]
            assert 0.0 <= fault.start < fault.end <= 1.0


def test_a_hand_that_cannot_reach_is_drawn_in_and_no_bone_stretches() -> None:
    shoulder, far = np.zeros((1, 3)), np.array([[0.0, -3.0, 0.2]])
    elbow, wrist = two_bones(shoulder, far, 0.3, 0.25, np.array([[0.0, 0.0, -1.0]]))

    assert np.linalg.norm(elbow) == pytest.approx(0.3, abs=1e-9)
    assert np.linalg.norm(wrist - elbow) == pytest.approx(0.25, abs=1e-9)
    assert np.linalg.norm(wrist) < 0.55


def test_the_camera_looks_at_its_aim_and_up_is_up() -> None:
    view = View(Camera(distance=4.0, height=2.4, aim=0.8, aside=0.3), SIZE)
    aim, above, right = view.project(
        view.to_camera(np.array([[0.3, 0.8, 0.0], [0.3, 1.2, 0.0], [0.9, 0.8, 0.0]]))
    )

    assert aim == pytest.approx(np.array(SIZE) / 2.0)
    assert above[1] < aim[1]
    assert right[0] > aim[0]


def test_the_very_last_moments_of_a_movement_are_drawn_like_the_others() -> None:
    rep = RepScript(first=0.35, second=4.0)
    script = SetScript("squat", (rep,))
    end = onsets(script)[0] + rep.first + rep.hold + rep.second
    assert np.isfinite(set_posture(BodyShape(), script, end - np.linspace(0.0, 1e-5, 10_001))).all()
