"""Advice on where to stand."""

from __future__ import annotations

import pytest

from streamaqa.body import FACING, SIDE_ON
from streamaqa.exercises import BARBELL_ROW, SQUAT
from streamaqa.feedback import advise, observable, setup_text, turns


def test_knees_forward_need_a_side_view_and_knees_inward_a_frontal_one() -> None:
    assert "knees_forward" in observable(SQUAT, SIDE_ON)
    assert "knees_forward" not in observable(SQUAT, FACING)
    assert "knees_inward" in observable(SQUAT, FACING)
    assert "knees_inward" not in observable(SQUAT, SIDE_ON)


def test_what_poses_cannot_show_from_anywhere_is_never_promised() -> None:
    around = [float(yaw) for yaw in range(-180, 181, 15)]
    assert all("lumbar" not in observable(BARBELL_ROW, yaw) for yaw in around)
    assert all("lumbar" not in names for yaw in around for names in turns(BARBELL_ROW, yaw).values())


def test_turning_is_advised_for_what_it_would_bring_into_view() -> None:
    assert turns(SQUAT, FACING)["turn_side_on"] == ("knees_forward",)
    assert turns(SQUAT, SIDE_ON)["turn_front_on"] == ("knees_inward",)
    assert turns(BARBELL_ROW, SIDE_ON) == {}


def test_only_a_part_of_the_side_views_shows_how_far_the_knees_go() -> None:
    """A view is 60 to 125 degrees wide; the shank's lean is read between 66 and 114."""
    assert [
        yaw for yaw in (62.0, 70.0, -90.0, 110.0, 120.0) if "knees_forward" in observable(SQUAT, yaw)
    ] == [
        70.0,
        -90.0,
        110.0,
    ]
    assert turns(SQUAT, 62.0)["turn_side_on"] == ("knees_forward",)


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
