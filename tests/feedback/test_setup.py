"""Advice on where to stand."""

from __future__ import annotations

import pytest

from streamaqa.body import View
from streamaqa.exercises import BARBELL_ROW, SQUAT
from streamaqa.feedback import advise, observable, setup_text, turns


def test_knees_forward_need_a_side_view_and_knees_inward_a_frontal_one() -> None:
    assert "knees_forward" in observable(SQUAT, View.SIDE)
    assert "knees_forward" not in observable(SQUAT, View.FRONT)
    assert "knees_inward" in observable(SQUAT, View.FRONT)
    assert "knees_inward" not in observable(SQUAT, View.SIDE)


def test_what_poses_cannot_show_from_anywhere_is_never_promised() -> None:
    assert all("lumbar" not in observable(BARBELL_ROW, view) for view in View)
    assert all("lumbar" not in names for view in View for names in turns(BARBELL_ROW, view).values())


def test_turning_is_advised_for_what_it_would_bring_into_view() -> None:
    assert turns(SQUAT, View.FRONT)["turn_side_on"] == ("knees_forward",)
    assert turns(SQUAT, View.SIDE)["turn_front_on"] == ("knees_inward",)
    assert turns(BARBELL_ROW, View.SIDE) == {}


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
