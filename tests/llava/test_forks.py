"""The answers that can be walked are the dialogue's, no more and no fewer, for windows of any length."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("tokenizers", reason="needs tokenizers: pip install -e '.[llava]'")

from streamaqa import dialogue
from streamaqa.dialogue import Answer, ErrorSpan
from streamaqa.errors import WindowError
from streamaqa.exercises import EXERCISES
from streamaqa.llava.forks import Begun, Run, Said, WindowGrammar
from streamaqa.llava.grammar import LONGEST_S, Grammar
from streamaqa.llava.tokens import tiny_tokenizer

GRAMMAR = Grammar(tiny_tokenizer(), EXERCISES)
DURATIONS = st.one_of(
    st.sampled_from([1, 2, 9, 10, 11, 99, 100, 101, 280, 999, 1000, 1001]), st.integers(1, 1500)
).map(lambda hundredths: hundredths / 100)


@st.composite
def answers(draw: st.DrawFn) -> tuple[float | None, Answer]:
    """A window's duration, or None for a still, and an answer that fits it."""
    duration = draw(st.one_of(st.none(), DURATIONS))
    known = draw(st.sampled_from(EXERCISES))
    names = draw(st.permutations([error.name for error in known.errors]))[: draw(st.integers(0, 2))]
    spans = []
    for name in names:
        if duration is None:
            spans.append(ErrorSpan(name))
        else:
            end = draw(st.integers(1, round(duration * 100)))
            spans.append(ErrorSpan(name, draw(st.integers(0, end - 1)) / 100, end / 100))
    return duration, Answer(known.name, tuple(spans))


def walked(grammar: WindowGrammar, ids: tuple[int, ...]) -> list[Run]:
    """The runs that say an answer."""
    runs = [grammar.start()]
    at = len(runs[0].ids)
    while (fork := runs[-1].fork).tokens:
        runs.append(grammar.run(fork, fork.tokens.index(ids[at])))
        at += len(runs[-1].ids)
    assert tuple(token for run in runs for token in run.ids) == ids
    return runs


@settings(max_examples=150, deadline=None)
@given(answers())
def test_every_answer_that_fits_a_window_can_be_walked(case: tuple[float | None, Answer]) -> None:
    duration, answer = case
    runs = walked(
        WindowGrammar(GRAMMAR, duration), tiny_tokenizer().answer(dialogue.render(answer, EXERCISES))
    )
    events = [event for run in runs for event in run.events]
    timed = answer.errors if duration is not None else ()
    assert [event.error for event in events if isinstance(event, Begun)] == [error.name for error in timed]
    assert [(event.begin / 100, event.end / 100) for event in events if isinstance(event, Said)] == [
        (error.start, error.end) for error in timed
    ]
    said = answer.exercise, frozenset(error.name for error in answer.errors)
    assert all(said in run.fork.outcomes for run in runs)
    assert runs[-1].fork.outcomes == {said}


@settings(max_examples=150, deadline=None)
@given(st.data(), st.one_of(st.none(), DURATIONS))
def test_every_walk_is_an_answer_that_fits_its_window(data: st.DataObject, duration: float | None) -> None:
    grammar = WindowGrammar(GRAMMAR, duration)
    run = grammar.start()
    ids, outcomes = [*run.ids], run.fork.outcomes
    while run.fork.tokens:
        assert len(run.fork.tokens) > 1  # a fork is one
        option = data.draw(st.integers(0, len(run.fork.tokens) - 1))
        within, ending = run.fork.place.kind in ("from", "to"), option in grammar.endings(run.fork)
        run = grammar.run(run.fork, option)
        assert ending == (within and any(isinstance(event, Said) for event in run.events))
        assert run.fork.outcomes <= outcomes
        ids += run.ids
        outcomes = run.fork.outcomes
    assert ids.pop() == tiny_tokenizer().end
    answer = dialogue.parse(tiny_tokenizer().decode(ids))
    dialogue.check_times(answer, duration or 0.0)
    assert tiny_tokenizer().encode(dialogue.render(answer)) == tuple(ids)


@pytest.mark.parametrize(
    ("duration", "said"),
    [(0.0, "no interval"), (0.004, "no interval"), (LONGEST_S + 1.0, "wanted at most 300")],
)
def test_a_window_too_short_for_an_interval_or_longer_than_any_repetition_is_refused(
    duration: float, said: str
) -> None:
    with pytest.raises(WindowError, match=said):
        WindowGrammar(GRAMMAR, duration)


def test_an_answer_may_name_as_many_errors_as_it_is_told() -> None:
    three = Grammar(tiny_tokenizer(), EXERCISES, most_errors=3)
    spans = tuple(ErrorSpan(error.name, 0.1, 0.9) for error in EXERCISES[0].errors)
    ids = tiny_tokenizer().answer(dialogue.render(Answer(EXERCISES[0].name, spans), EXERCISES))
    assert walked(WindowGrammar(three, 1.0), ids)[-1].fork.tokens == ()
