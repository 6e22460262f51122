"""Advice on where to stand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from lifter import reps, run, scene, track

from streamaqa.assessment import KinematicAssessor, KinematicSettings
from streamaqa.body import FACING, SIDE_ON
from streamaqa.exercises import BARBELL_ROW, EXERCISES, OVERHEAD_PRESS, SQUAT, Exercise
from streamaqa.feedback import advise, observable, setup_text, tell_shown
from streamaqa.signs import SHANK_OVERLEAN
from streamaqa.sources.pose_track import PoseTrackSource
from streamaqa.types import Evidence, Pose


def test_knees_forward_need_a_side_view_and_knees_inward_a_frontal_one() -> None:
    assert "knees_forward" in observable(SQUAT, SIDE_ON)
    assert "knees_forward" not in observable(SQUAT, FACING)
    assert "knees_inward" in observable(SQUAT, FACING)
    assert "knees_inward" not in observable(SQUAT, SIDE_ON)


def test_what_poses_cannot_show_from_anywhere_is_never_promised() -> None:
    around = [float(yaw) for yaw in range(-180, 181, 15)]
    assert all("lumbar" not in observable(BARBELL_ROW, yaw) for yaw in around)
    assert "lumbar" not in tell_shown({"barbell_row": ()}, EXERCISES)


def test_only_the_part_of_the_side_views_that_a_sign_asks_for_counts() -> None:
    least, most = SHANK_OVERLEAN.facing
    around = (least - 1.0, least + 1.0, -90.0, most - 1.0, most + 1.0)
    assert [yaw for yaw in around if "knees_forward" in observable(SQUAT, yaw)] == list(around[1:-1])


# --- what can be judged from here -----------------------------------------------------------------------


def shown(
    exercises: Iterable[Exercise], poses: list[Pose], settings: KinematicSettings | None = None
) -> dict[str, tuple[str, ...]]:
    told = KinematicAssessor(settings).shown(exercises, poses)
    return {name: each.judged for name, each in told.items()}


def standing(view: float, exercise: str = "squat") -> list[Pose]:
    """Two seconds of somebody who has not begun."""
    return [pose for pose in track(scene(exercise, view=view)) if pose.time < 1.0]


@pytest.mark.parametrize(
    ("view", "squat", "press", "row"),
    [
        (0.0, ("knees_inward", "shallow"), ("elbows", "knees"), ()),
        (90.0, ("knees_forward", "shallow"), ("knees",), ("torso_angle",)),
        (180.0, ("knees_inward", "shallow"), (), ()),
        (270.0, ("knees_forward", "shallow"), ("knees",), ("torso_angle",)),
    ],
)
def test_before_anything_has_begun_it_is_known_which_errors_the_view_can_show(
    view: float, squat: tuple[str, ...], press: tuple[str, ...], row: tuple[str, ...]
) -> None:
    known = shown(EXERCISES, standing(view))
    assert known == {"squat": squat, "overhead_press": press, "barbell_row": row}


def test_what_is_promised_before_the_set_is_what_is_judged_in_it() -> None:
    for view in (0.0, 90.0, 180.0):
        stream = track(scene("squat", view=view, reps=1))
        promised = shown((SQUAT,), [pose for pose in stream if pose.time < 1.0])["squat"]
        (rep,) = reps(run(stream))
        near = tuple(pose for pose in stream if rep.start - 3.0 <= pose.time <= rep.end)
        judged = KinematicAssessor().judge(Evidence(rep, near))
        assert {finding.name for finding in judged.findings} == set(promised)


def test_what_is_promised_follows_the_assessors_settings() -> None:
    strict = KinematicSettings(min_visibility=1.0)
    assert shown((SQUAT,), standing(0.0), strict) == {"squat": ()}


def test_of_a_real_press_without_legs_the_same_is_promised_as_is_judged(shared: Path) -> None:
    """Its view is told by shoulders and hips, by both."""
    stream = list(PoseTrackSource(shared / "poses" / "shoulderpress_torso_only_1rep.npz").poses())
    (rep,) = reps(run(stream))
    near = tuple(pose for pose in stream if rep.start - 3.0 <= pose.time <= rep.end)
    judged = KinematicAssessor().judge(Evidence(rep, near))
    promised = shown((OVERHEAD_PRESS,), [pose for pose in near if pose.time >= rep.start])
    assert promised["overhead_press"] == tuple(finding.name for finding in judged.findings) == ("elbows",)


def test_legs_out_of_the_picture_cannot_show_their_errors() -> None:
    def cut(pose: Pose) -> Pose:
        image = pose.image.copy()
        image[25:, 1] = 1.05
        return replace(pose, image=image)

    known = shown(EXERCISES, [cut(pose) for pose in standing(0.0)])
    assert known == {"squat": (), "overhead_press": ("elbows",), "barbell_row": ()}


def test_of_nobody_or_of_somebody_who_turns_about_nothing_is_promised() -> None:
    seen = standing(0.0)
    assert shown(EXERCISES, []) == {}
    assert shown(EXERCISES, [Pose.nobody(pose.time, pose.size) for pose in seen]) == {}
    nobody = [Pose.nobody(pose.time, pose.size) for pose in seen]
    assert shown(EXERCISES, [*nobody, *seen[: len(seen) // 2]]) == {}
    behind = standing(180.0)
    assert shown(EXERCISES, [pose for pair in zip(seen, behind, strict=True) for pose in pair]) == {}


@pytest.mark.parametrize(
    ("known", "text"),
    [
        ({}, ""),
        (
            {"squat": ("knees_inward", "shallow")},
            "Judged from here: knees inward, shallow depth. Needs a side view: knees forward.",
        ),
        (
            {"squat": ("knees_forward", "shallow")},
            "Judged from here: knees forward, shallow depth. Needs a front view: knees inward.",
        ),
        ({"overhead_press": ()}, "Needs a side view: bending knees. Needs a front view: drifting elbows."),
        ({"barbell_row": ("torso_angle",)}, "Judged from here: swinging torso."),
        (
            {"squat": ("shallow",), "overhead_press": (), "barbell_row": ("torso_angle",)},
            "Judged from here: squat (shallow depth), barbell row (swinging torso).",
        ),
        ({"squat": (), "barbell_row": ()}, "Nothing can be judged from here."),
    ],
)
def test_what_can_be_judged_is_told_in_words(known: dict[str, tuple[str, ...]], text: str) -> None:
    assert tell_shown(known, EXERCISES) == text


def test_nobody_is_sent_to_another_view_for_what_is_out_of_the_picture() -> None:
    known = {"overhead_press": ()}
    text = tell_shown(known, EXERCISES, hidden={"overhead_press": ("knees", "elbows")})
    assert text == "Nothing can be judged from here."
    text = tell_shown(known, EXERCISES, hidden={"overhead_press": ("elbows",)})
    assert text == "Needs a side view: bending knees."


def test_advice_to_turn_is_not_given_twice() -> None:
    text = tell_shown({"squat": ("knees_inward",)}, EXERCISES, "en", ("turn_side_on",))
    assert text == "Judged from here: knees inward."


def test_an_exercise_of_ones_own_without_signs_can_show_nothing() -> None:
    own = Exercise("clean", "Clean", "Clean", "lifting", ())
    known = shown((own,), standing(0.0))
    assert known == {"clean": ()}
    assert tell_shown(known, (own,), "de") == "Von hier ist nichts zu beurteilen."


# --- advice in words ------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "de", "es"])
def test_the_advice_names_the_errors(lang: str) -> None:
    text = setup_text("turn_side_on", lang, SQUAT, ["knees_forward"])  # type: ignore[arg-type]  # plain strings
    assert "{" not in text
    if lang == "en":
        assert text == "Turn side-on to the camera to have this judged: knees forward."


def test_an_unknown_code_is_shown_as_it_is() -> None:
    assert setup_text("camera_moved") == "Camera moved."


def test_advice_to_turn_names_what_it_would_bring_into_view() -> None:
    told = advise(("feet_not_visible", "turn_side_on"), "en", SQUAT)
    assert told == (
        "Feet not visible: step back or tilt the camera down. "
        "Turn side-on to the camera to have this judged: knees forward."
    )
    assert advise(()) == ""


def test_advice_to_turn_names_errors_also_where_another_view_than_the_front_hides_them() -> None:
    """A press from behind hides the knees, which the front shows: they are what a turn brings."""
    told = advise(("turn_side_on",), "en", OVERHEAD_PRESS, {"overhead_press": ()})
    assert told == "Turn side-on to the camera to have this judged: bending knees."
    on_the_border = advise(("turn_side_on",), "en", OVERHEAD_PRESS, {"overhead_press": ("knees",)})
    assert on_the_border == told
