"""When the coach speaks."""

from __future__ import annotations

import pytest
from coached import assessed, rep, run, spoken
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from streamaqa.exercises import BARBELL_ROW, EXERCISES, SQUAT, ErrorType, Exercise
from streamaqa.feedback import Coach, FeedbackSettings
from streamaqa.types import Assessment, SetEnded


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        ("cccc", "----"),
        ("F", "-"),  # once is no pattern
        ("FF", "-C"),  # twice is
        ("FcF", "--C"),  # two of the last three
        ("FccF", "----"),  # too far apart
        ("FFcc", "-C-F"),  # two clean ones earn one "fixed"
        ("FFcccc", "-C-F--"),  # and only one
        ("FFcFcc", "-C-C-F"),  # a relapse starts the count anew
        ("FFc?c", "-C--F"),  # what could not be judged is neither clean nor faulty
        ("F?F", "--C"),
        ("FFccF", "-C-F-"),  # the past is forgiven once it was fixed
        ("FFccFF", "-C-F-C"),
    ],
)
def test_a_cue_comes_with_a_pattern_and_leaves_with_two_clean_reps(faults: str, expected: str) -> None:
    assert spoken(run(Coach(), faults)) == expected


def test_a_fault_is_published_at_once_although_its_cue_waits() -> None:
    (first,) = run(Coach(), "F")
    assert [f.name for f in first.errors] == ["knees_inward"]
    assert first.text == SQUAT.error("knees_inward").sentence
    assert first.cue == ""


def test_below_the_threshold_nothing_is_reported() -> None:
    coach = Coach()
    first = coach.rep(rep(1), assessed({"knees_inward": 0.49}))
    second = coach.rep(rep(2), assessed({"knees_inward": 0.5}))
    assert first.errors == ()
    assert len(second.errors) == 1


def test_an_error_may_have_a_threshold_of_its_own() -> None:
    coach = Coach(FeedbackSettings(thresholds={"squat.knees_inward": 0.3, "squat.shallow": 0.8}))
    advice = coach.rep(rep(1), assessed({"knees_inward": 0.31, "shallow": 0.79, "knees_forward": 0.5}))
    assert [found.name for found in advice.errors] == ["knees_inward", "knees_forward"]
    assert coach.rep(rep(2), assessed({"knees_inward": 0.29})).errors == ()


def test_a_severe_fault_is_cued_at_once_and_before_a_lesser_one() -> None:
    coach = Coach()
    row = "barbell_row"
    lesser = assessed({"torso_angle": 0.9}, exercise=row)
    both = assessed({"torso_angle": 0.9, "lumbar": 0.6}, exercise=row)
    codes = [coach.rep(rep(n, exercise=row), a).cue_code for n, a in enumerate((lesser, lesser, both), 1)]
    assert codes == [None, "barbell_row.torso_angle", "barbell_row.lumbar"]


def test_a_severe_fault_is_not_hidden_by_a_fix() -> None:
    coach = Coach()
    row = "barbell_row"
    swing = assessed({"torso_angle": 0.9, "lumbar": 0.1}, exercise=row)
    still = assessed({"torso_angle": 0.1, "lumbar": 0.1}, exercise=row)
    round_back = assessed({"torso_angle": 0.1, "lumbar": 0.9}, exercise=row)
    said = [coach.rep(rep(n, exercise=row), a) for n, a in enumerate((swing, swing, still, round_back), 1)]
    assert said[-1].cue_code == "barbell_row.lumbar"


def test_one_cue_at_a_time_is_kept_although_another_fault_joins() -> None:
    coach = Coach()
    both = assessed({"knees_inward": 0.6, "knees_forward": 0.99})
    said = [coach.rep(rep(n), both).cue_code for n in range(1, 6)]
    assert said == [None] + ["squat.knees_inward"] * 4  # medium before low, however sure


def test_after_three_tries_without_effect_the_wording_changes() -> None:
    cues = [a.cue for a in run(Coach(), "F" * 11)][1:]
    assert cues[0] == cues[1] == cues[2] == SQUAT.error("knees_inward").cue
    assert cues[3] == cues[4] == cues[5] != cues[0]
    assert len({cues[0], cues[3], cues[6]}) == 3
    assert cues[9] == cues[0]


def test_the_wording_that_worked_is_used_again() -> None:
    coach = Coach()
    worked = run(coach, "FFFFFcc")[4].cue
    again = [coach.rep(rep(n), assessed({"knees_inward": 0.9})) for n in (8, 9)][-1].cue
    assert again == worked != SQUAT.error("knees_inward").cue


def test_the_bandwidth_starts_anew_with_each_set() -> None:
    coach = Coach()
    fault = assessed({"knees_inward": 0.9})
    assert coach.rep(rep(1), fault).cue == ""
    coach.set_ended(SetEnded(9.0, 1, "squat", (rep(1),)))
    assert coach.rep(rep(1, set_number=2), fault).cue == ""
    assert coach.rep(rep(2, set_number=2), fault).cue != ""


def test_velocity_loss_warns_after_two_reps_in_a_row_and_once() -> None:
    coach = Coach()
    clean = assessed({"knees_inward": 0.1})
    losses = (None, 0.25, 0.1, 0.21, 0.30, 0.35, 0.05, 0.3, 0.3)
    said = [coach.rep(rep(n, loss=loss), clean).cue_code for n, loss in enumerate(losses, start=1)]
    assert said == [None, None, None, None, "velocity_loss", None, None, None, "velocity_loss"]


def test_a_form_cue_goes_before_the_velocity_warning_which_follows_later() -> None:
    coach = Coach()
    fault, clean = assessed({"knees_inward": 0.9}), assessed({"knees_inward": 0.1})
    said = [coach.rep(rep(n, loss=0.3), a).cue_code for n, a in enumerate((fault, fault, clean), start=1)]
    assert said == [None, "squat.knees_inward", "velocity_loss"]


def test_an_update_mends_the_record_but_does_not_speak_again() -> None:
    coach = Coach()
    fault, clean = assessed({"knees_inward": 0.9}), assessed({"knees_inward": 0.1})
    coach.rep(rep(1), fault)
    update = coach.rep(rep(1), clean)
    assert update.errors == ()
    assert update.cue == ""
    assert coach.rep(rep(2), fault).cue == ""  # the mended first rep no longer counts


def test_an_update_of_the_rep_that_was_cued_stays_silent() -> None:
    coach = Coach()
    run(coach, "FF")
    update = coach.rep(rep(2), assessed({"knees_inward": 0.95}))
    assert [f.name for f in update.errors] == ["knees_inward"]
    assert update.cue_code is None


def test_a_fault_called_fixed_has_to_come_back_as_a_pattern_however_far_one_looks_back() -> None:
    coach = Coach(FeedbackSettings(bandwidth_reps=6))
    assert spoken(run(coach, "FFccFcF")) == "-C-F--C"


def test_a_rep_that_could_not_be_judged_says_so() -> None:
    coach = Coach()
    nothing = coach.rep(rep(1), assessed({}, ("knees_forward", "knees_inward", "shallow")))
    partly = coach.rep(rep(2), assessed({"shallow": 0.1}, ("knees_inward",)))
    assert nothing.text == "This rep could not be judged from this view."
    assert partly.text == "No fault seen. Not judged from this view: knees inward."


def test_what_the_assessor_can_hardly_tell_is_told_as_such() -> None:
    coach = Coach()
    sentence = SQUAT.error("knees_inward").sentence
    said = [coach.rep(rep(n), assessed({"knees_inward": p})) for n, p in enumerate((0.3, 0.4, 0.6, 0.7), 1)]
    assert [advice.text for advice in said] == [
        "Clean rep.",
        "Not sure about: knees inward.",
        f"{sentence} (Not certain.)",
        sentence,
    ]
    assert [advice.doubtful for advice in said] == [(), ("knees_inward",), ("knees_inward",), ()]
    assert Coach(FeedbackSettings(unsure=0.0)).rep(rep(1), assessed({"shallow": 0.49})).text == "Clean rep."


@pytest.mark.parametrize("threshold", [0.02, 0.12, 0.5, 0.9, 0.99])
def test_no_threshold_makes_certainty_doubtful(threshold: float) -> None:
    settings = FeedbackSettings(thresholds={"squat.knees_inward": threshold})

    def doubtful(probability: float) -> bool:
        return bool(Coach(settings).rep(rep(1), assessed({"knees_inward": probability})).doubtful)

    assert [doubtful(p) for p in (0.0, 0.6 * threshold, 1 - 0.6 * (1 - threshold), 1.0)] == [False] * 4
    assert doubtful(0.8 * threshold)
    assert doubtful(1 - 0.8 * (1 - threshold))


def test_a_sure_fault_is_told_before_a_doubtful_one_that_is_worse() -> None:
    advice = Coach().rep(rep(1), assessed({"knees_inward": 0.55, "shallow": 0.9}))
    assert advice.text == SQUAT.error("shallow").sentence


def test_doubt_hides_no_abstention() -> None:
    advice = Coach().rep(rep(1), assessed({"shallow": 0.45}, ("knees_forward",)))
    assert advice.text == "Not sure about: shallow depth. Not judged from this view: knees forward."


def test_a_doubtful_rep_is_no_step_towards_fixed() -> None:
    coach = Coach()
    said = [
        coach.rep(rep(n), assessed({"knees_inward": p})) for n, p in enumerate((0.9, 0.9, 0.4, 0.45, 0.1), 1)
    ]
    assert all("Fixed" not in advice.text + advice.cue for advice in said)
    assert coach.rep(rep(6), assessed({"knees_inward": 0.1})).cue == "Fixed: knees inward"


@pytest.mark.parametrize(
    ("probabilities", "text", "limit"),
    [
        ((0.45, 0.1, 0.45), "3 reps. Not sure about: knees inward.", None),
        ((0.51, 0.1, 0.51), "3 reps. Not sure about: knees inward.", None),
        ((0.51, 0.9, 0.9), "3 reps. Technique held up to rep 1; from rep 2: knees inward.", 2),
        ((0.45, 0.9, 0.1), "3 reps. Seen: knees inward.", None),
    ],
)
def test_a_set_is_summed_up_as_its_reps_were_told(
    probabilities: tuple[float, ...], text: str, limit: int | None
) -> None:
    coach = Coach()
    done = [rep(n) for n in range(1, len(probabilities) + 1)]
    for each, probability in zip(done, probabilities, strict=True):
        coach.rep(each, assessed({"knees_inward": probability}))
    summary = coach.set_ended(SetEnded(99.0, 1, "squat", tuple(done)))
    assert (summary.text, summary.technique_limit) == (text, limit)


def test_an_assessor_that_sees_another_exercise_counts_for_nothing() -> None:
    coach = Coach()
    other = assessed({"lumbar": 0.9}, exercise="barbell_row")
    advice = coach.rep(rep(1), other)
    assert advice.text == BARBELL_ROW.error("lumbar").sentence
    assert advice.cue == ""
    assert coach.set_ended(SetEnded(9.0, 1, "squat", (rep(1),))).errors == {}


@pytest.mark.parametrize(
    ("faults", "limit"), [("cccc", None), ("cFcc", None), ("ccFcF", 3), ("FF", 1), ("????", None)]
)
def test_the_technique_limit_is_where_a_fault_began_to_come_back(faults: str, limit: int | None) -> None:
    coach = Coach()
    run(coach, faults)
    reps = tuple(rep(n) for n in range(1, len(faults) + 1))
    assert coach.set_ended(SetEnded(99.0, 1, "squat", reps)).technique_limit == limit


def test_the_summary_tells_reps_limit_and_velocity_loss() -> None:
    coach = Coach()
    run(coach, "ccFF")
    reps = (rep(1), rep(2, loss=0.0), rep(3, loss=0.1), rep(4, loss=0.24))
    summary = coach.set_ended(SetEnded(99.0, 1, "squat", reps))
    expected = "4 reps. Technique held up to rep 2; from rep 3: knees inward. Velocity loss 24%."
    assert summary.text == expected
    assert summary.velocity_loss == 0.24
    assert summary.errors == {"knees_inward": 2}


def test_a_low_fault_is_never_called_an_injury() -> None:
    for exercise in EXERCISES:
        for error in exercise.errors:
            assert "injur" not in error.sentence.lower()


def test_an_exercise_of_ones_own_speaks_its_own_words_in_every_language() -> None:
    own = ErrorType("early_arms", "early arms", "arms", "high", "Your arms pulled too early.", "Long arms")
    clean = Exercise("clean", "Clean", "Clean", "lifting", (own,))
    coach = Coach(FeedbackSettings(lang="de"), exercises=(*EXERCISES, clean))
    advice = coach.rep(rep(1, exercise="clean"), assessed({"early_arms": 0.9}, exercise="clean"))
    assert (advice.text, advice.cue, advice.cue_code) == (
        "Your arms pulled too early.",
        "Long arms",
        "clean.early_arms",
    )


def test_cues_of_ones_own_replace_the_catalogues() -> None:
    coach = Coach(FeedbackSettings(cues={"squat.knees_inward": ("Knees out",)}))
    assert run(coach, "FF")[-1].cue == "Knees out"


@pytest.mark.parametrize("cue", ["", "one two three four five", "x" * 65, "ü" * 33])
def test_a_cue_of_ones_own_that_does_not_fit_a_watch_is_refused(cue: str) -> None:
    with pytest.raises(ValidationError, match="at most 64 bytes"):
        FeedbackSettings(cues={"squat.knees_inward": (cue,)})


names = st.sampled_from(["knees_forward", "knees_inward", "shallow", "unheard_of"])
answers = st.builds(
    assessed,
    st.dictionaries(names, st.floats(0, 1)),
    st.lists(names, max_size=3).map(tuple),
    st.sampled_from(["squat", "squat", "squat", "barbell_row", "swim"]),
)
losses = st.none() | st.floats(-0.5, 1)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(answers, losses), max_size=15), st.sampled_from(["en", "de", "es"]))
def test_whatever_comes_a_cue_fits_a_watch_and_has_a_reason(
    reps: list[tuple[Assessment, float | None]], lang: str
) -> None:
    coach = Coach(FeedbackSettings.model_validate({"lang": lang}))
    shown: list[set[str]] = []
    for number, (answer, loss) in enumerate(reps, start=1):
        advice = coach.rep(rep(number, loss=loss), answer)
        shown.append({f.name for f in advice.errors} if answer.exercise == "squat" else set())
        assert advice.text
        assert len(advice.cue.encode()) <= 64
        assert len(advice.cue.split()) <= 4
        assert (advice.cue == "") == (advice.cue_code is None)
        if advice.cue_code == "velocity_loss":
            assert loss is not None
            assert loss > 0.2
        elif advice.cue_code is not None and advice.cue_code.startswith("fixed."):
            assert advice.cue_code.rpartition(".")[2] not in shown[-1]
        elif advice.cue_code is not None:
            fault = advice.cue_code.rpartition(".")[2]
            assert fault in shown[-1]
            assert sum(fault in one for one in shown) >= 2
    ended = coach.set_ended(SetEnded(99.0, 1, "squat", tuple(rep(n + 1) for n in range(len(reps)))))
    assert ended.text


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.text(max_size=200))
def test_even_an_exercises_own_endless_cue_fits(cue: str, words: str) -> None:
    own = ErrorType("own", words, "arms", "high", "Sentence.", cue)
    coach = Coach(exercises=(Exercise("clean", "Clean", "Clean", "lifting", (own,)),))
    found, gone = (assessed({"own": p}, exercise="clean") for p in (0.9, 0.1))
    for number, answer in enumerate((found, gone, gone), start=1):
        advice = coach.rep(rep(number, exercise="clean"), answer)
        assert len(advice.cue.encode()) <= 64
        assert len(advice.cue.split()) <= 4
        assert (advice.cue == "") == (advice.cue_code is None)


def test_a_cue_that_can_no_longer_be_judged_makes_way() -> None:
    coach = Coach()
    forward = {"knees_forward": 0.9}
    answers = [assessed({"knees_inward": 0.9})] * 2 + [assessed(forward, ("knees_inward",))] * 4
    said = [coach.rep(rep(n), answer).cue_code for n, answer in enumerate(answers, start=1)]
    assert said == [None, "squat.knees_inward", None, None, "squat.knees_forward", "squat.knees_forward"]


def test_velocity_is_warned_of_whatever_the_assessor_takes_the_exercise_for() -> None:
    coach = Coach()
    other = assessed({"torso_angle": 0.9}, exercise="barbell_row")
    said = [coach.rep(rep(n, loss=loss), other) for n, loss in enumerate((0.3, 0.3, 0.4), start=1)]
    assert [advice.cue_code for advice in said] == [None, "velocity_loss", None]
    assert "30%" in said[1].text


def test_what_is_no_number_is_neither_slow_nor_clean() -> None:
    coach = Coach()
    nothing = assessed({"knees_inward": float("nan")})
    said = [coach.rep(rep(n, loss=float("nan")), nothing) for n in (1, 2, 3)]
    assert {(advice.text, advice.cue_code) for advice in said} == {
        ("This rep could not be judged from this view.", None)
    }


def test_severities_may_be_ones_own() -> None:
    both = assessed({"knees_inward": 0.9, "shallow": 0.6})
    assert [a.cue_code for a in (Coach().rep(rep(1), both),)] == [None]
    coach = Coach(FeedbackSettings(severity={"squat.shallow": "high"}))
    assert coach.rep(rep(1), both).cue_code == "squat.shallow"
    with pytest.raises(ValidationError, match=r"no error 'squat\.shalow'"):
        FeedbackSettings(severity={"squat.shalow": "high"})


def test_the_summary_tells_how_much_was_judged_and_what_else_was_seen() -> None:
    coach = Coach()
    inward = {"knees_inward": 0.9}
    answers = [
        assessed(inward),
        assessed({**inward, "shallow": 0.9}),
        assessed({"knees_inward": 0.1, "knees_forward": 0.55}),
        assessed({}, ("knees_forward", "knees_inward", "shallow")),
    ]
    done = [rep(n) for n in range(1, 5)]
    for each, answer in zip(done, answers, strict=True):
        coach.rep(each, answer)
    summary = coach.set_ended(SetEnded(99.0, 1, "squat", tuple(done)))
    assert summary.judged == {"knees_forward": 1, "knees_inward": 3, "shallow": 1}
    assert summary.doubtful == ("knees_forward",)
    assert summary.text == (
        "4 reps. From the first rep: knees inward. Also seen: shallow depth. Not sure about: knees forward."
        " 3 of 4 reps could be judged."
    )
