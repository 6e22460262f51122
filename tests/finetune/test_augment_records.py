"""An augmented record tells the truth: the synthetic lifter's fault is on where its intervals say so."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from finetune.augment import (
    MIN_SHARE,
    Augmentation,
    Recipe,
    augmentation_of,
    augmented,
    draw,
    names_a_side,
    sample_of,
)
from finetune.convert.wordings import CLEAN, LEAD_INS, OPENINGS, QUESTIONS
from finetune.records import Record, conversation, spans
from streamaqa.dialogue import Answer, question, render
from streamaqa.dialogue.answers import CORRECT
from streamaqa.errors import UsageError
from streamaqa.exercises import EXERCISES
from streamaqa.sources.synthetic import Fault, RepScript, Scene, SetScript, Truth
from streamaqa.sources.synthetic.source import frame_times
from streamaqa.sources.synthetic.timeline import Timeline
from streamaqa.windows import PAPER_PLAN, WindowPlan, plan_windows

FPS = 30.0
FRAME = 1 / FPS
ERRORS = {error.name: known.name for known in EXERCISES for error in known.errors}
SHOWN = sorted(set(ERRORS) - {"shallow", "lumbar"})
"""Errors with an interval in Fitness-AQA's videos, and the row's swing."""


def scene(error: str, start: float, end: float, *, drawn: bool = True) -> Scene:
    """One repetition with that fault, or the same one without it."""
    faults = (Fault(error, 20.0, start, end),) if drawn else ()
    script = SetScript(ERRORS[error], (RepScript(faults=faults),), before=0.3, after=0.2)
    return Scene((script,))


def recorded(error: str, start: float, end: float, plan: WindowPlan = PAPER_PLAN, window: int = 0) -> Record:
    """The record that convert makes of that clip's window."""
    truth = Truth(scene(error, start, end), (120, 160))
    times = frame_times(truth.duration, FPS)
    frames = plan_windows(plan, times.tolist())[window]
    first, duration = times[frames[0]], times[frames[-1]] - times[frames[0]] + FRAME
    (fault,) = truth.reps[0].errors
    shown = max(fault.start - first, 0.0), min(fault.end - first, duration)
    errors = {error: (shown,)} if shown[0] < shown[1] else {}
    return Record(
        id=f"{error}/1",
        video="1.mp4",
        conversations=conversation(
            question(), render(Answer(ERRORS[error], spans(errors, duration)), EXERCISES)
        ),
        source=error,
        split="train",
        exercise=ERRORS[error],
        errors=errors,
        judged=(error,),
        timed=True,
        unit="clip",
        window=window,
        span=(0.0, float(times[-1]) + FRAME),
        start=float(first),
        frames=frames,
        times=tuple(float(times[n] - first) for n in frames),
        duration=float(duration),
        plan=plan,
    )


def is_on(error: str, start: float, end: float, times: np.ndarray) -> np.ndarray:
    """Whether the fault moves the lifter at these times of the clip."""
    with_it, without = (
        Timeline(scene(error, start, end, drawn=drawn)).posture(times) for drawn in (True, False)
    )
    return np.asarray(np.abs(with_it - without).max(axis=1) > 1e-6)


STARTS, ENDS = st.floats(0.05, 0.4), st.floats(0.6, 0.95)
PLANS = st.sampled_from(
    [
        PAPER_PLAN,
        WindowPlan(frames=8),
        WindowPlan(frames=16, fps=10),
        WindowPlan(sampling="consecutive"),
        WindowPlan(sampling="consecutive", fps=15),
    ]
)


@settings(max_examples=80, deadline=None)
@given(error=st.sampled_from(SHOWN), start=STARTS, end=ENDS, plan=PLANS, copy=st.integers(1, 99))
def test_after_any_mild_draw_the_interval_is_where_the_fault_is_on(
    error: str, start: float, end: float, plan: WindowPlan, copy: int
) -> None:
    record = recorded(error, start, end, plan)
    after = augmented(record, draw(Recipe.MILD, sample_of(record), copy, seed=0), copy)
    clip_times = np.array(after.frames) / FPS
    on = is_on(error, start, end, clip_times)
    if not record.errors:
        assert not after.errors
        return
    ((begin, finish),) = after.errors[error]
    times = np.array(after.times)
    # at the edge of an interval a frame may fall to either side
    inside, outside = (times > begin + FRAME) & (times < finish - FRAME), (times < begin) | (times > finish)
    assert on[inside].all()
    assert not on[outside].any()
    assert 0 <= begin < finish <= after.duration + 1e-6


@settings(max_examples=60, deadline=None)
@given(error=st.sampled_from(SHOWN), plan=PLANS, copy=st.integers(1, 99))
def test_the_answer_tells_the_moved_interval_and_nothing_else_changes_in_it(
    error: str, plan: WindowPlan, copy: int
) -> None:
    record = recorded(error, 0.2, 0.8, plan)
    assume(record.errors)
    after = augmented(record, draw(Recipe.MILD, sample_of(record), copy, seed=1), copy)
    assert after.question == record.question
    assert after.spoken().errors == spans(after.errors, after.duration)
    assert [word for word in after.answer.split() if not word.strip("s.").replace(".", "").isdigit()] == [
        word for word in record.answer.split() if not word.strip("s.").replace(".", "").isdigit()
    ]
    assert f"{after.duration:.2f} seconds" in after.turn
    assert Record.model_validate(after.as_llava()) == after


@settings(max_examples=60, deadline=None)
@given(start=STARTS, end=ENDS, copy=st.integers(1, 200), plan=PLANS)
def test_a_shift_leaves_most_of_each_interval_and_whole_frames(
    start: float, end: float, copy: int, plan: WindowPlan
) -> None:
    record = recorded("knees_forward", start, end, plan)
    assume(record.errors)
    drawn = draw(Recipe.MILD, sample_of(record), copy, seed=2)
    after = augmented(record, drawn, copy)
    done = augmentation_of(after)
    ((before_start, before_end),) = record.errors["knees_forward"]
    ((after_start, after_end),) = after.errors["knees_forward"]
    kept = (after_end - after_start) * done.speed / (before_end - before_start)
    step = record.duration - record.times[-1]
    assert kept >= MIN_SHARE - (step + 1e-4) / (before_end - before_start)
    assert done.cut_start <= drawn.cut_start + 1e-6
    assert after.start == pytest.approx(after.frames[0] / FPS, abs=1e-5)
    assert after.times[0] == 0.0
    assert len(after.frames) == len(after.times) <= plan.frames
    np.testing.assert_allclose(
        np.array(after.times), (np.array(after.frames) / FPS - after.start) / done.speed, atol=1e-4
    )
    assert after.duration == pytest.approx(after.times[-1] + step / done.speed, abs=1e-4)


def test_a_plain_shift_moves_the_interval_by_what_was_cut_off() -> None:
    record = recorded("knees_forward", 0.3, 0.7)
    after = augmented(record, Augmentation(cut_start=0.2), 1)
    ((old, _),), ((new, _),) = record.errors["knees_forward"], after.errors["knees_forward"]
    assert old - new == pytest.approx(0.2, abs=1e-5)
    assert after.frames[0] == 6
    assert after.frames[-1] == record.frames[-1]
    assert len(after.frames) == 32


def test_a_shift_that_hides_a_fault_is_refused() -> None:
    record = recorded("knees_forward", 0.2, 0.4)
    with pytest.raises(ValueError, match="leaves nothing of knees_forward"):
        augmented(record, Augmentation(cut_start=1.8), 1)


def test_speed_scales_times_and_leaves_frames() -> None:
    record = recorded("knees_inward", 0.3, 0.7)
    after = augmented(record, Augmentation(speed=2.0), 1)
    assert after.frames == record.frames
    np.testing.assert_allclose(after.times, np.array(record.times) / 2, atol=1e-6)
    assert after.duration == pytest.approx(record.duration / 2, abs=1e-6)
    (old,), (new,) = record.errors["knees_inward"], after.errors["knees_inward"]
    np.testing.assert_allclose(new, np.array(old) / 2, atol=1e-6)


@pytest.mark.parametrize("recipe", Recipe)
def test_what_changes_the_picture_alone_leaves_labels_and_text(recipe: Recipe) -> None:
    record = recorded("elbows", 0.0, 0.5)
    drawn = draw(recipe, sample_of(record), 1, 0).model_copy(
        update={"cut_start": 0.0, "cut_end": 0.0, "speed": 1.0}
    )
    after = augmented(record, drawn, 1)
    assert after.model_copy(update={"id": record.id, "augment": None}) == record
    assert augmentation_of(after) == drawn


def test_several_intervals_and_an_answer_that_tells_the_longest_are_moved_alike() -> None:
    record = recorded("knees_forward", 0.2, 0.6)
    errors = {"knees_forward": ((0.6, 0.9), (1.2, 2.1))}
    for told in (errors, {"knees_forward": errors["knees_forward"][1:]}):
        answer = render(Answer("squat", spans(told, record.duration)))
        one = record.model_copy(update={"errors": errors}).with_answer(answer)
        after = augmented(one, Augmentation(speed=1.25, cut_start=0.4), 1)
        assert after.errors == {"knees_forward": ((0.16, 0.4), (0.64, 1.36))}
        assert len(after.spoken().errors) == len(told["knees_forward"])
        assert after.spoken().errors[-1].end == 1.36


def test_another_wording_keeps_its_words() -> None:
    record = recorded("knees_forward", 0.2, 0.6)
    (span,) = record.spoken().errors
    said = f"It is a Squat exercise. He makes a mistake: knees forward between {span.start}s and {span.end}s."
    after = augmented(record.with_answer(said), Augmentation(speed=2.0), 1)
    (faster,) = after.spoken().errors
    assert after.answer == said.replace(str(span.start), str(faster.start)).replace(
        str(span.end), str(faster.end)
    )


def test_an_answer_that_does_not_tell_its_record_is_refused() -> None:
    record = recorded("knees_forward", 0.2, 0.6)
    other = render(Answer("squat", spans({"knees_forward": ((0.1, 0.2),)}, 3.0)))
    with pytest.raises(UsageError, match="tells other times"):
        augmented(record.with_answer(other), Augmentation(speed=1.1), 1)


def test_the_dialogue_names_no_side_so_a_flip_leaves_its_texts_true() -> None:
    for known in EXERCISES:
        for error in known.errors:
            assert not {"left", "right"} & set(f"{error.words} {known.words}".lower().split())
    wordings = (
        *QUESTIONS,
        *OPENINGS,
        *CLEAN,
        *LEAD_INS["one"],
        *LEAD_INS["many"],
        CORRECT,
        question(EXERCISES),
    )
    for text in wordings:
        assert not re.search(r"\b(left|right)\b", text, re.IGNORECASE), text


@pytest.mark.parametrize("side", ["his left knee", "the right-hand side", "drifts to the left"])
def test_a_record_that_does_name_a_side_is_not_flipped(side: str) -> None:
    record = recorded("elbows", 0.1, 0.5)
    sided = record.with_answer(f"{record.answer} Mostly {side}.")
    with pytest.raises(UsageError, match="a flip would make false"):
        augmented(sided, Augmentation(flip=True), 1)
    assert augmented(sided, Augmentation(invert=True), 1).answer == sided.answer
    assert names_a_side(record.with_answer("The right form, and nothing left to say.")) is None


def test_a_still_image_keeps_everything_but_its_picture() -> None:
    record = recorded("knees_forward", 0.2, 0.6)
    still = Record.model_validate(
        record.as_llava()
        | {"video": None, "image": "a.jpg", "unit": "still", "span": None, "start": 0.0, "duration": 0.0}
        | {"frames": (), "times": (), "errors": {"shallow": ()}, "judged": ("shallow",), "timed": False}
    )
    for copy in range(1, 20):
        drawn = draw(Recipe.MILD, sample_of(still), copy, 0)
        assert not drawn.changes_time
        assert augmented(still, drawn, copy).errors == {"shallow": ()}


def test_nothing_is_augmented_twice() -> None:
    record = augmented(recorded("elbows", 0.1, 0.5), Augmentation(flip=True), 1)
    assert record.id == "elbows/1~1"
    with pytest.raises(UsageError, match="augmented already"):
        augmented(record, Augmentation(invert=True), 1)


def test_a_sample_with_a_moment_of_a_fault_keeps_its_times() -> None:
    record = recorded("elbows", 0.1, 0.5)
    brief = replace(sample_of(record), intervals=((1.0, 1.05),))
    assert not any(draw(Recipe.MILD, brief, copy, 0).changes_time for copy in range(1, 20))
