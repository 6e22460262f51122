"""Labels keep their place: into a window and back, through an answer and back."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from finetune.clips import Clip
from finetune.convert.cutting import Part, Scissors, parts
from finetune.convert.moving import hull, into_clip, into_window, overlaps
from finetune.convert.settings import ConvertSettings
from finetune.convert.wordings import CLEAN, LEAD_INS, OPENINGS, QUESTIONS, answered, asked, longest
from finetune.records import Errors, said, spans
from streamaqa.dialogue import Answer, ErrorSpan, check_times, parse, question
from streamaqa.exercises import EXERCISES
from streamaqa.types import Phase, Rep, Tempo
from streamaqa.windows import Span, WindowPlan

if TYPE_CHECKING:
    from _typeshed import SupportsLenAndGetItem

Drawn = TypeVar("Drawn")

CLOSE = 2e-6
"""Times are written to a millionth of a second."""


@st.composite
def labels(draw: st.DrawFn, longest_s: float = 8.0) -> Errors:
    """Errors of a squat, each with intervals apart from each other."""
    found: Errors = {}
    for name in draw(st.lists(st.sampled_from(["knees_forward", "knees_inward"]), unique=True)):
        edges = draw(st.lists(st.integers(0, int(longest_s * 1000)), min_size=2, max_size=6, unique=True))
        edges = sorted(edges)[: len(edges) // 2 * 2]
        found[name] = tuple(
            (start / 1000, end / 1000) for start, end in zip(edges[::2], edges[1::2], strict=True)
        )
    return found


places = st.tuples(st.floats(0, 8), st.floats(0.2, 8))
"""Start and duration of a window."""


@given(labels(), places)
def test_an_interval_that_a_window_holds_comes_back_where_it_was(
    errors: Errors, place: tuple[float, float]
) -> None:
    start, duration = place
    back = into_clip(into_window(errors, start, duration, 0.0), start)
    for name, when in errors.items():
        inside = [(b, e) for b, e in when if start <= b and e <= start + duration and e - b > 0.02]
        for begin, end in inside:
            assert any(abs(b - begin) < CLOSE and abs(e - end) < CLOSE for b, e in back[name])


@given(labels(), places, st.floats(0, 1))
def test_a_window_shows_only_parts_of_what_the_clip_has(
    errors: Errors, place: tuple[float, float], share: float
) -> None:
    start, duration = place
    shown = into_window(errors, start, duration, share)
    assert shown.keys() <= errors.keys()
    for name, when in shown.items():
        assert when
        assert all(0 <= begin < end <= duration + CLOSE for begin, end in when)
        for begin, end in into_clip(shown, start)[name]:
            assert any(b - CLOSE <= begin and end <= e + CLOSE for b, e in errors[name])


@given(labels(), places, st.floats(0, 1))
def test_the_least_share_is_honoured(errors: Errors, place: tuple[float, float], share: float) -> None:
    start, duration = place
    shown = into_window(errors, start, duration, share)
    for name, when in errors.items():
        for begin, end in when:
            begun, ended = max(begin, start), min(end, start + duration)
            least = share * min(end - begin, duration)
            kept = any(
                abs(b - begun) < CLOSE and abs(e - ended) < CLOSE
                for b, e in into_clip(shown, start).get(name, ())
            )
            if ended - begun > max(0.02, least + CLOSE):
                assert kept
            if 0 < ended - begun < least - CLOSE:
                assert not kept


def test_a_chunk_within_a_long_fault_shows_it_whatever_the_share() -> None:
    assert into_window({"knees": ((0.0, 4.0),)}, 1.0, 0.5, 1.0) == {"knees": ((0.0, 0.5),)}


def test_a_sliver_does_not_make_a_window_faulty_and_is_counted() -> None:
    errors: Errors = {"knees": ((0.0, 1.0),)}
    assert into_window(errors, 0.9, 1.0, 0.25) == {}
    assert overlaps(errors["knees"], 0.9, 1.0) == 1
    assert overlaps(errors["knees"], 1.0, 1.0) == 0


def test_what_an_answer_could_not_say_is_not_labelled() -> None:
    assert into_window({"knees": ((0.0, 1.004),)}, 1.0, 1.0, 0.0) == {}
    assert said((0.201, 0.204), 1.0) is None
    assert said((0.5, 1.0), 0.994) == (0.5, 0.99)


def test_the_hull_is_the_papers() -> None:
    assert hull({"knees": ((0.1, 0.4), (2.0, 3.0)), "elbows": ()}) == {"knees": ((0.1, 3.0),), "elbows": ()}


@given(labels(), places, st.booleans())
@example(errors={"knees_forward": ((0.39, 0.40),)}, place=(0.325, 1.0), timed=True)  # .065 to .075
def test_what_is_rendered_is_read_back_and_fits_its_window(
    errors: Errors, place: tuple[float, float], timed: bool
) -> None:
    shown = into_window(errors, *place, 0.25)
    answer = Answer("squat", spans(shown, place[1], timed=timed))
    assert parse(answered(answer)) == answer
    check_times(answer, place[1])
    assert {span.name for span in answer.errors} == shown.keys()
    if timed:
        for span, (start, end) in zip(
            answer.errors, [w for when in shown.values() for w in when], strict=True
        ):
            assert span.start == pytest.approx(start, abs=0.0051)
            assert span.end == pytest.approx(end, abs=0.0101)  # cut at the duration as it is told


# --- wordings ----------------------------------------------------------------------------------------------


class Each(random.Random):
    """Takes options by numbers given beforehand."""

    def __init__(self, *numbers: int) -> None:
        super().__init__()
        self._numbers = iter(numbers)

    def choice(self, seq: SupportsLenAndGetItem[Drawn]) -> Drawn:
        """The option whose turn it is."""
        return seq[next(self._numbers) % len(seq)]


def test_every_wording_of_every_answer_is_read_back() -> None:
    texts = set()
    for exercise in EXERCISES:
        names = [error.name for error in exercise.errors]
        for errors in (
            (),
            *((ErrorSpan(name, 0.0, 2.62),) for name in names),
            *((ErrorSpan(name),) for name in names),
            tuple(ErrorSpan(name, 0.5, 0.75) for name in names),
            tuple(ErrorSpan(name) for name in names),
            (ErrorSpan(names[0], 0.5, 0.75), ErrorSpan(names[0], 1.0, 1.25)),
        ):
            answer = Answer(exercise.name, errors)
            for opening in range(len(OPENINGS) + 1):
                for rest in range(max(len(CLEAN), len(LEAD_INS["one"])) + 1):
                    texts.add(answered(answer, chance=Each(opening, rest)))  # raises unless read back
    assert len(texts) > 5 * 5 * 20


def test_every_question_names_the_exercises() -> None:
    questions = {asked(EXERCISES, random.Random(seed)) for seed in range(200)}
    assert len(questions) == len(QUESTIONS) + 1
    assert all(exercise.question_words in text for text in questions for exercise in EXERCISES)
    assert asked(EXERCISES[:2]) == question()


def test_the_longest_interval_of_each_error_is_kept_in_order() -> None:
    said_of = (
        ErrorSpan("a", 0.0, 0.5),
        ErrorSpan("a", 1.0, 2.0),
        ErrorSpan("b", 0.0, 0.1),
        ErrorSpan("a", 3.0, 4.0),
    )
    assert longest(said_of) == (ErrorSpan("a", 1.0, 2.0), ErrorSpan("b", 0.0, 0.1))


# --- which part of a clip ----------------------------------------------------------------------------------


def clip(frames: int) -> Clip:
    """A clip of that many frames."""
    return Clip(
        id="squat/1_1",
        part="squat",
        exercise="squat",
        kind="video",
        file="1_1.mp4",
        split="train",
        errors={},
        judged=(),
        frames=frames,
        size=(64, 96),
    )


def rep(start: float, turn: float, end: float, unit: int = 1) -> Rep:
    """A squat."""
    phases = Phase("lowering", start, turn), Phase("lifting", turn, end)
    return Rep(unit, 1, unit, "squat", 1.0, phases, Tempo(turn - start, 0.0, end - turn), 1.0, 1.0)


@st.composite
def frame_times(draw: st.DrawFn) -> tuple[float, ...]:
    """Times of a clip's frames, not all as far apart."""
    steps = draw(st.lists(st.sampled_from([0.02, 0.033333, 0.04, 0.1]), min_size=1, max_size=120))
    times = [0.0]
    for step in steps:
        times.append(round(times[-1] + step, 6))
    return tuple(times)


@given(frame_times(), st.integers(1, 32))
def test_consecutive_chunks_show_each_frame_of_a_clip_once(times: tuple[float, ...], frames: int) -> None:
    settings = ConvertSettings(plan=WindowPlan(sampling="consecutive", frames=frames))
    chosen, found = parts(times, settings, None)
    assert found == "one"
    scissors = Scissors(clip(len(times)), times, settings.plan)
    shown = [numbers for part in chosen for _, numbers in scissors.cut(part, ())]
    assert [number for numbers in shown for number in numbers] == list(range(len(times)))
    assert len(shown) == math.ceil(len(times) / frames)


@given(frame_times(), st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.integers(1, 32))
def test_chunks_of_phases_show_each_frame_of_the_repetition_once(
    times: tuple[float, ...], turn: float, end: float, frames: int
) -> None:
    last = times[-1] + 0.02
    found = rep(0.0, turn * end * last, end * last)
    settings = ConvertSettings(
        plan=WindowPlan(unit="phase", sampling="consecutive", frames=frames), reps="found"
    )
    chosen, _ = parts(times, settings, [found])
    scissors = Scissors(clip(len(times)), times, settings.plan)
    shown: list[int] = []
    for part in chosen:
        if any(part.span.start <= time < part.span.end for time in times):
            shown += [number for _, numbers in scissors.cut(part, ()) for number in numbers]
    assert shown == [number for number, time in enumerate(times) if time < found.end]


def test_a_window_is_cut_as_serving_cuts_it() -> None:
    times = tuple(n / 30 for n in range(60))
    plan = WindowPlan(unit="phase", frames=8)
    scissors = Scissors(clip(60), times, plan)
    ((window, numbers),) = scissors.cut(Part("phase", 0, Span(0, "lowering", 0.5, 1.5)), ())
    assert numbers == tuple(int(15 + 29 * n / 7) for n in range(8))
    assert window.times == tuple(times[number] for number in numbers)
    assert window.duration == pytest.approx(1.0)


FOUND = {"reps": "found"}
TWO = [rep(0, 0.5, 1), rep(1, 2, 2.9)]


@pytest.mark.parametrize(
    ("reps", "settings", "shown", "found"),
    [
        (None, {}, [("clip", 0.0, 3.0)], "one"),
        ([], FOUND, [("clip", 0.0, 3.0)], "none"),
        ([], FOUND | {"no_rep": "skip"}, [], "none"),
        ([rep(0.5, 1.0, 1.4)], FOUND, [("rep", 0.5, 1.4)], "one"),
        (TWO, FOUND, [("rep", 0, 1), ("rep", 1, 2.9)], "several"),
        (TWO, FOUND | {"many_reps": "longest"}, [("rep", 1, 2.9)], "several"),
        (TWO, FOUND | {"many_reps": "skip"}, [], "several"),
    ],
)
def test_how_many_repetitions_there_should_be_is_configured(
    reps: list[Rep] | None, settings: dict[str, str], shown: list[tuple[str, float, float]], found: str
) -> None:
    times = tuple(n / 30 for n in range(90))
    chosen, number = parts(times, ConvertSettings.model_validate(settings), reps)
    assert [part.unit for part in chosen] == [unit for unit, _, _ in shown]
    for part, (_, start, end) in zip(chosen, shown, strict=True):
        assert (part.span.start, part.span.end) == pytest.approx((start, end))
    assert number == found
