"""What tells one movement from another, on postures made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamaqa.motion import PRESS, ROW, SQUAT, Gate, Measure, Motion, Posture, Sight, trunk_height

STANDING = Posture(
    time=0.0,
    aside=0.0,
    shoulders=0.0,
    hips=-1.0,
    ankles=-2.6,
    elbows=-0.6,
    wrists=-1.2,
    knee=172.0,
    elbow=170.0,
    lean=3.0,
    arms=0.9,
    legs=0.9,
    facing=0.7,
    feet=0.0,
    stride=0.0,
    knees_apart=0.0,
)


def failed(motion: Motion, start: Posture, turn: Posture, end: Posture, *between: Posture) -> set[str]:
    """The gates that a movement through these postures does not pass."""

    def values(measure: Measure) -> tuple[float, float, float]:
        return measure(start), measure(turn), measure(end)

    def highest(measure: Measure) -> float:
        return max(measure(posture) for posture in (turn, *between))

    return {gate.name for gate in motion.gates if gate.judge(values, highest) < 0}


def test_a_deadlift_seen_from_behind_is_no_squat() -> None:
    """As the pose model has it: hips sink by half of what the shoulders do, arms look short."""
    low = replace(STANDING, shoulders=-1.2, hips=-1.6, wrists=-1.78, knee=142.0, lean=45.0)
    assert failed(SQUAT, STANDING, low, STANDING) == {"load_hangs"}


@pytest.mark.parametrize(("lean", "hands"), [(38.0, -0.6), (50.0, -0.2)])
def test_a_squat_may_lean_with_the_bar_on_the_back_or_hang_upright(lean: float, hands: float) -> None:
    low = replace(STANDING, shoulders=-1.1, hips=-1.8, wrists=-1.1 + hands, knee=80.0, lean=lean)
    assert failed(SQUAT, STANDING, low, STANDING) == set()


def test_a_deep_squat_with_dumbbells_may_lean_a_little_more_than_a_deadlift_read_from_behind() -> None:
    low = replace(STANDING, shoulders=-1.2, hips=-1.9, wrists=-2.2, knee=80.0, lean=45.0)
    assert failed(SQUAT, STANDING, low, STANDING) == set()
    assert failed(SQUAT, STANDING, replace(low, lean=60.0), STANDING) == {"load_hangs"}


def test_half_a_squat_with_dumbbells_has_not_come_down_to_where_a_bar_lies() -> None:
    low = replace(STANDING, shoulders=-0.8, hips=-1.5, wrists=-1.95, knee=95.0, lean=47.0)
    assert failed(SQUAT, STANDING, low, STANDING) == set()
    assert failed(SQUAT, STANDING, replace(low, wrists=-2.3), STANDING) == {"load_hangs"}
    assert failed(SQUAT, STANDING, replace(low, shoulders=-1.0), STANDING) == {"load_hangs"}, "a bent trunk"


def test_who_ducks_under_a_racked_bar_holds_on_to_it() -> None:
    before = replace(STANDING, elbows=-0.5, wrists=-0.25)
    ducked = replace(before, shoulders=-0.5, hips=-1.35, knee=120.0, lean=30.0, wrists=-0.25, elbows=-0.7)
    with_the_bar = replace(before, wrists=-0.05)
    assert failed(SQUAT, before, ducked, with_the_bar) == {"hands_stay"}
    assert failed(SQUAT, with_the_bar, ducked, before) == {"hands_stay"}, "back into the rack"
    carried = replace(ducked, wrists=-0.55)
    assert failed(SQUAT, with_the_bar, carried, with_the_bar) == set(), "a quarter squat"
    stretched = replace(ducked, wrists=-0.6)
    assert failed(SQUAT, STANDING, stretched, STANDING) == set(), "arms that hung and are stretched out"
    under = replace(with_the_bar, feet=0.6)
    assert failed(SQUAT, before, carried, under) == {"stepped"}, "hidden hands, seen from the side"
    deep = replace(carried, hips=-1.9, shoulders=-1.1, wrists=-1.15)
    assert failed(SQUAT, before, deep, under) == set(), "a camera that pans during a squat"
    assert "shoulders_sink" in failed(PRESS, before, replace(ducked, elbows=0.1, wrists=0.4), before)


def test_one_foot_far_ahead_of_the_other_or_one_knee_below_it_is_a_lunge() -> None:
    low = replace(STANDING, shoulders=-0.9, hips=-1.85, wrists=-2.1, knee=85.0, lean=8.0, stride=0.6)
    assert failed(SQUAT, STANDING, low, STANDING) == set(), "a staggered stance, or a guess of the pose model"
    assert failed(SQUAT, STANDING, replace(low, stride=1.3), STANDING) == {"lunged"}
    assert failed(SQUAT, STANDING, replace(low, knees_apart=0.35), STANDING) == {"lunged"}
    hidden = replace(low, stride=1.3, knees_apart=0.6, legs=0.1)
    assert failed(SQUAT, STANDING, hidden, STANDING) == set(), "guessed legs tell nothing"


def test_hands_at_the_feet_squat_nothing_but_between_folded_knees() -> None:
    """As deadlifts are misread on their way down: hips low over legs that stay straight, or fold as well."""
    low = replace(STANDING, shoulders=-1.3, hips=-2.0, wrists=-2.5, knee=55.0, lean=40.0)
    at_the_feet = replace(low, wrists=low.ankles)
    assert failed(SQUAT, STANDING, low, STANDING) == set()
    assert failed(SQUAT, STANDING, at_the_feet, STANDING) == set(), "dumbbells on the floor beside the feet"
    assert failed(SQUAT, STANDING, replace(at_the_feet, knee=150.0), STANDING) == {"hands_at_feet"}
    assert failed(SQUAT, STANDING, replace(at_the_feet, shoulders=-1.5), STANDING) == {"hands_at_feet"}
    hidden = replace(at_the_feet, knee=150.0, legs=0.1)
    assert failed(SQUAT, STANDING, hidden, STANDING) == set(), "guessed legs tell nothing"
    bowed = replace(STANDING, shoulders=-0.6, hips=-1.1, wrists=-1.8, lean=57.0)
    assert failed(SQUAT, STANDING, at_the_feet, bowed) == {"hands_at_feet"}
    assert failed(SQUAT, STANDING, low, bowed) == set(), "who racks the bar at once"


def test_knees_beyond_a_right_angle_tell_a_squat_whose_trunk_bows_from_a_bow() -> None:
    low = replace(STANDING, shoulders=-0.9, hips=-1.43, wrists=-2.0, knee=76.0, lean=40.0)
    assert failed(SQUAT, STANDING, low, STANDING) == set()
    assert failed(SQUAT, STANDING, replace(low, knee=120.0), STANDING) == {"hips_stay_high"}


def test_arms_that_stretch_behind_the_head_press_nothing() -> None:
    racked = replace(STANDING, elbows=-0.3, wrists=0.1, elbow=70.0)
    overhead = replace(STANDING, elbows=0.5, wrists=1.0, elbow=165.0)
    assert failed(PRESS, racked, overhead, racked) == set()
    behind_the_head = replace(racked, elbows=0.45)
    assert failed(PRESS, behind_the_head, overhead, behind_the_head) == {"elbows_up"}


@pytest.mark.parametrize(("elbows", "wrists"), [(0.1, 0.6), (0.2, 0.7), (0.3, 0.65)])
def test_presses_may_begin_with_elbows_up_under_the_hands(elbows: float, wrists: float) -> None:
    """Dumbbells at a right angle or higher, half a press, a camera on the floor."""
    begun = replace(STANDING, elbows=elbows, wrists=wrists, elbow=90.0)
    overhead = replace(STANDING, elbows=0.6, wrists=1.1, elbow=165.0)
    assert failed(PRESS, begun, overhead, begun) == set()


def test_arms_that_rise_as_a_trunk_comes_up_or_goes_down_press_nothing() -> None:
    """A bow with the bar on the back, seen from the side: hidden hands are put anywhere."""
    bowed = replace(STANDING, shoulders=-0.7, hips=-1.05, elbows=-0.65, wrists=-0.75, elbow=130.0, lean=66.0)
    upright = replace(STANDING, elbows=0.15, wrists=0.45, elbow=155.0, lean=22.0)
    racked = replace(STANDING, elbows=-0.3, wrists=0.05, elbow=55.0)
    assert failed(PRESS, racked, upright, racked) == set()
    assert failed(PRESS, bowed, upright, racked) == {"began_bent"}
    assert failed(PRESS, racked, upright, bowed) == {"ended_bent"}


def test_who_steps_to_the_rack_or_ducks_under_its_bar_presses_nothing() -> None:
    raised = replace(RACKED, elbows=0.2, wrists=0.4, elbow=150.0)
    assert failed(PRESS, RACKED, raised, RACKED) == set()
    assert failed(PRESS, RACKED, raised, replace(RACKED, aside=0.7)) == {"walked"}
    sunk = replace(RACKED, shoulders=-0.28, hips=-1.25, elbows=-0.17, wrists=0.0, elbow=155.0)
    assert failed(PRESS, RACKED, sunk, RACKED) == {"not_overhead"}, "the hands stay where the bar is"
    hidden = replace(RACKED, elbows=0.0, wrists=0.25, elbow=130.0)
    assert failed(PRESS, RACKED, hidden, RACKED) == {"not_overhead"}
    lifted = replace(hidden, shoulders=0.2, hips=-0.9, elbows=0.2, wrists=0.45)
    assert failed(PRESS, RACKED, lifted, RACKED) == set(), "the pose model raises the trunk with hidden hands"
    hardly = replace(lifted, elbows=0.15, wrists=0.3)
    assert failed(PRESS, RACKED, hardly, RACKED) == {"not_overhead"}


def test_who_stands_and_drinks_seen_from_behind_rows_nothing() -> None:
    """One hand at the mouth and one that hangs are, joined, a hand at the belly."""
    sight = Sight(100.0, 0.5, 0.5, 0.0, -100.0, (-260.0,) * 2, (-60.0, -60.0), (-120.0, -120.0))
    hung = replace(STANDING, facing=-0.7, elbow=145.0, sight=sight)
    drinking = replace(hung, elbows=-0.3, wrists=-0.6, elbow=115.0)
    with_one_hand = replace(drinking, sight=replace(sight, wrists=(10.0, -120.0)))
    assert failed(ROW, hung, drinking, hung) == set(), "both hands: a row from exactly behind looks like it"
    assert failed(ROW, hung, with_one_hand, hung) == {"upright", "stood_up", "stayed_up"}
    obliquely = [replace(posture, facing=-0.5) for posture in (hung, drinking, hung)]
    assert failed(ROW, *obliquely) == {"upright", "stood_up", "stayed_up"}, "there a bent trunk would show"


def test_hips_that_seem_to_sink_under_shoulders_that_stay_are_no_squat() -> None:
    jumped = replace(STANDING, shoulders=-0.07, hips=-1.5, knee=140.0)
    assert "shoulders_stay_up" in failed(SQUAT, STANDING, jumped, STANDING)


def test_a_row_ends_with_the_shoulders_where_they_began() -> None:
    bent = replace(STANDING, shoulders=-0.5, elbows=-1.1, wrists=-1.6, lean=50.0)
    pulled = replace(bent, wrists=-0.9, elbows=-0.7)
    assert failed(ROW, bent, pulled, bent) == set()
    assert failed(ROW, bent, pulled, replace(bent, shoulders=-0.1, wrists=-1.2)) == {"ended_elsewhere"}


def test_hands_that_move_at_the_bottom_of_a_squat_row_nothing() -> None:
    low = replace(STANDING, shoulders=-1.2, hips=-1.95, elbows=-1.8, wrists=-2.4, lean=41.0, knee=68.0)
    pulled = replace(low, elbows=-1.4, wrists=-1.5)
    assert failed(ROW, low, pulled, low) == {"legs_folded"}
    assert failed(ROW, *(replace(p, legs=0.1) for p in (low, pulled, low))) == set(), (
        "guessed legs tell nothing"
    )


def test_a_row_whose_trunk_is_thrown_is_one_though_the_shoulders_come_along() -> None:
    bent = replace(STANDING, shoulders=-0.6, elbows=-1.2, wrists=-1.7, lean=60.0)
    thrown = replace(bent, shoulders=-0.15, elbows=-0.7, wrists=-1.1, lean=25.0)
    assert failed(ROW, bent, thrown, bent) == set()
    lifted = replace(thrown, wrists=-1.22, elbows=-0.73)
    assert failed(ROW, bent, lifted, bent) == {"arms_stay_straight", "elbows_stay_down"}, "the trunk alone"


def test_legs_that_fold_under_hips_that_stay_are_a_mistake() -> None:
    bent = replace(STANDING, shoulders=-0.5, elbows=-1.1, wrists=-1.6, lean=70.0)
    folded = replace(bent, wrists=-0.9, elbows=-0.7, ankles=-1.8, knee=94.0)
    assert failed(ROW, bent, folded, bent) == set()
    assert failed(ROW, bent, folded, replace(folded, wrists=-1.6, elbows=-1.1)) == {"legs_folded"}


def test_who_stood_up_in_between_did_not_row() -> None:
    """A deadlift seen from behind, whose hidden arms are estimated bent at the floor."""
    bent = replace(STANDING, shoulders=-0.9, hips=-1.3, elbows=-1.5, wrists=-2.0, lean=50.0)
    pulled = replace(bent, wrists=-1.3, elbows=-1.1)
    assert failed(ROW, bent, pulled, bent, STANDING) == {"shoulders_rise"}
    nearly = replace(STANDING, shoulders=-0.13)
    assert failed(ROW, bent, pulled, bent, nearly) == {"shoulders_rise"}, "bent over for a thing on the floor"
    assert failed(ROW, bent, pulled, bent) == set()


RACKED = replace(STANDING, elbows=-0.5, wrists=-0.1, elbow=65.0)


def test_a_press_whose_hands_are_hidden_is_told_by_the_elbows() -> None:
    """As the pose model has it from the side: the trunk rises in place of the hands."""
    top = replace(RACKED, shoulders=0.4, hips=-0.7, elbows=0.45, wrists=0.5, elbow=140.0)
    assert failed(PRESS, RACKED, top, RACKED) == set()


def test_a_press_need_not_lock_the_arms_out() -> None:
    assert failed(PRESS, RACKED, replace(RACKED, elbows=0.32, wrists=0.72, elbow=83.0), RACKED) == set()


@pytest.mark.parametrize(
    ("start", "turn", "gates"),
    [
        pytest.param(STANDING, replace(STANDING, wrists=-0.1, elbow=40.0), {"not_overhead"}, id="curl"),
        pytest.param(STANDING, replace(STANDING, elbows=0.0, wrists=0.0), {"not_from_shoulders"}, id="raise"),
        pytest.param(
            RACKED, replace(RACKED, elbows=-0.05, wrists=-0.02, elbow=170.0), {"not_overhead"}, id="reach"
        ),
        pytest.param(RACKED, replace(RACKED, elbows=-0.1, wrists=0.4, elbow=75.0), {"arms_bent"}, id="wave"),
        pytest.param(
            replace(RACKED, shoulders=-1.0, hips=-1.8, elbows=-1.5, wrists=-1.1),
            RACKED,
            {"arms_stay_put"},
            id="squat",
        ),
    ],
)
def test_arms_that_move_otherwise_press_nothing(start: Posture, turn: Posture, gates: set[str]) -> None:
    assert failed(PRESS, start, turn, start) >= gates


def test_a_body_that_seems_to_leap_and_fall_under_pressing_arms_is_no_squat() -> None:
    leapt = replace(RACKED, shoulders=0.5, hips=-0.5, wrists=0.4)
    pressing = replace(RACKED, elbows=0.3, wrists=0.6)
    assert "pressed" in failed(SQUAT, leapt, pressing, leapt)


def test_ducking_under_the_bar_before_a_camera_that_sways_is_no_squat() -> None:
    ducked = replace(STANDING, shoulders=-0.5, hips=-1.4, ankles=-2.85, knee=130.0, wrists=-0.4, lean=33.0)
    assert failed(SQUAT, STANDING, ducked, STANDING) == {"hips_stay_over_ankles"}


def test_a_squat_whose_legs_are_out_of_the_picture_is_told_by_the_hips() -> None:
    standing = replace(STANDING, legs=0.1)
    low = replace(standing, shoulders=-1.1, hips=-1.9, ankles=-3.5)
    assert failed(SQUAT, standing, low, standing) == set()
    assert failed(SQUAT, STANDING, replace(low, legs=0.9), STANDING) == {
        "legs_stay_straight",
        "hips_stay_over_ankles",
    }
    half = replace(standing, shoulders=-0.4, hips=-1.4, ankles=-3.0)
    assert "legs_stay_straight" in failed(SQUAT, standing, half, standing), "as a camera may move"


def test_a_row_ends_facing_as_it_began() -> None:
    leaning = replace(STANDING, shoulders=-0.5, elbows=-1.1, wrists=-1.6, lean=35.0)
    pulled = replace(leaning, wrists=-0.9, elbows=-0.7)
    assert failed(ROW, leaning, pulled, leaning) == set()
    assert failed(ROW, leaning, pulled, replace(leaning, facing=0.2)) == {"turned_around"}
    bent = replace(leaning, lean=50.0)
    assert failed(ROW, bent, replace(pulled, lean=50.0), replace(bent, facing=0.2)) == set(), (
        "nobody turns around bent over: sides were mixed up"
    )


def test_a_row_seen_from_behind_is_told_by_forearms_that_hang_from_raised_elbows() -> None:
    """There a trunk at 56 degrees is read as upright."""
    bent = replace(STANDING, lean=5.0, elbows=-0.7, wrists=-1.4, facing=-0.7)
    pulled = replace(bent, elbows=-0.15, wrists=-0.7, elbow=115.0)
    assert failed(ROW, bent, pulled, bent) == set()
    upright = {"upright", "stayed_up"}
    assert upright <= failed(ROW, bent, replace(pulled, elbow=165.0), bent), "arms raised straight"
    high = replace(pulled, elbows=0.1, wrists=-0.4)
    assert upright <= failed(ROW, bent, high, bent), "an upright row"
    assert failed(ROW, bent, replace(high, hips=-0.7), bent) <= {"hips_move"}, (
        "the trunk shows that it is bent"
    )
    raised = replace(pulled, elbows=-0.02, wrists=-0.02)
    assert upright <= failed(ROW, bent, raised, bent), "straight arms raised before the body, read as bent"
    ahead, pulled_ahead = replace(bent, facing=0.7), replace(pulled, facing=0.7)
    assert {"upright", "stayed_up"} <= failed(ROW, ahead, pulled_ahead, ahead)


def test_a_curl_seen_from_behind_is_no_row() -> None:
    hanging = replace(STANDING, facing=-0.7)
    assert {"upright", "elbows_stay_down"} <= failed(ROW, hanging, replace(hanging, wrists=-0.4), hanging)


def test_gates_that_do_instead_do_so_together_only() -> None:
    deep, seen = (
        Gate("deep", trunk_height, "change", high=-9.0),
        Gate("seen", lambda p: p.legs, "turn", low=0.5),
    )
    low = replace(STANDING, hips=-2.0, shoulders=-1.0)

    def judged(legs: float, *instead: Gate) -> bool:
        def values(measure: Measure) -> tuple[float, float, float]:
            return measure(STANDING), measure(replace(low, legs=legs)), measure(STANDING)

        return replace(deep, instead=instead).judge(values) >= 0

    low_enough = Gate("low", trunk_height, "change", high=-0.5)
    assert not judged(0.9)
    assert judged(0.9, seen, low_enough)
    assert not judged(0.1, seen, low_enough)
