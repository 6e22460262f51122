"""Answers read out equal scoring every whole answer, in a third of the passes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

import pytest
from lessons import LESSONS, asked

pytest.importorskip("torch", reason="the model needs torch: pip install -e '.[llava]'")

import torch

from streamaqa import dialogue
from streamaqa.assessment.merge import WindowReading
from streamaqa.dialogue import Answer, ErrorSpan
from streamaqa.errors import AnswerError, WindowError
from streamaqa.exercises import EXERCISES, OVERHEAD_PRESS, SQUAT
from streamaqa.llava.passes import generate
from streamaqa.llava.readout import Asked, Reader, ReadoutSettings

WHOLE = ReadoutSettings(tolerance=0, likely=0, passes=None, reach=1e-12, guess=0)
"""Search until everything asked is known."""
NEAR = 2e-5
"""Of log-probabilities: float32 logits of other batch shapes differ by this much."""


# --- the reference: every answer, scored as a whole, with none of the code under test ---------------------


@dataclass
class Exhaustive:
    """Every answer of the grammar with its log-probability."""

    answers: list[Answer]
    ids: list[tuple[int, ...]]
    raw: list[float]
    """As the model has it."""
    own: list[float]
    """Each token normalized over those with which another answer goes on."""

    def sets(self, values: list[float]) -> dict[tuple[str, frozenset[str]], float]:
        total: dict[tuple[str, frozenset[str]], float] = defaultdict(float)
        for answer, value in zip(self.answers, values, strict=True):
            total[answer.exercise, frozenset(error.name for error in answer.errors)] += math.exp(value)
        whole = sum(total.values())
        return {key: value / whole for key, value in total.items()}


def every_answer(duration: float | None) -> Iterator[Answer]:
    hundredths = range(round((duration or 0) * 100) + 1)
    spans = [(a / 100, b / 100) for a in hundredths for b in hundredths if a < b]
    for known in (SQUAT, OVERHEAD_PRESS):
        names = [error.name for error in known.errors]
        yield Answer(known.name)
        for count in (1, 2):
            for chosen in permutations(names, count):
                yield from (Answer(known.name, errors) for errors in with_times(chosen, spans, duration))


def with_times(
    names: tuple[str, ...], spans: list[tuple[float, float]], duration: float | None
) -> Iterator[tuple[ErrorSpan, ...]]:
    if not names:
        yield ()
        return
    for rest in with_times(names[1:], spans, duration):
        said = [ErrorSpan(names[0], start, end) for start, end in spans]
        for error in said if duration is not None else [ErrorSpan(names[0])]:
            yield (error, *rest)


@torch.inference_mode()
def score_every_answer(reader: Reader, window: Asked) -> Exhaustive:
    answers = list(every_answer(None if window.still else window.duration))
    ids = [reader.tokens.answer(dialogue.render(answer)) for answer in answers]
    follow: dict[tuple[int, ...], set[int]] = defaultdict(set)
    for answer in ids:
        for at, token in enumerate(answer):
            follow[answer[:at]].add(token)
    prompt = reader.model.merge(torch.tensor([reader.prompt(window)]), [window.video])[0]
    raw, own = [], []
    for first in range(0, len(ids), 64):
        some = ids[first : first + 64]
        longest = max(map(len, some))
        padded = torch.tensor([[*answer, *[0] * (longest - len(answer))] for answer in some])
        embeds = torch.cat([prompt.expand(len(some), -1, -1), reader.model.model.embed_tokens(padded)], dim=1)
        hidden = reader.model.model(inputs_embeds=embeds).last_hidden_state[:, len(prompt) - 1 :]
        logs = reader.model.lm_head(hidden)[..., : len(reader.tokens)].double().log_softmax(-1)
        for answer, row in zip(some, logs, strict=True):
            raw.append(sum(float(row[at, token]) for at, token in enumerate(answer)))
            own.append(
                sum(
                    float(row[at, token] - row[at, sorted(follow[answer[:at]])].logsumexp(0))
                    for at, token in enumerate(answer)
                )
            )
    return Exhaustive(answers, ids, raw, own)


def read(reader: Reader, window: Asked, settings: ReadoutSettings | None = None) -> WindowReading:
    (result,) = with_settings(reader, settings or ReadoutSettings()).read([window])
    assert isinstance(result, WindowReading), result
    return result


def told(found: WindowReading) -> set[ErrorSpan]:
    return {*found.answer().errors}


def with_settings(reader: Reader, settings: ReadoutSettings) -> Reader:
    return Reader(reader.model, reader.tokens, reader.vocabulary, settings)


def check_against(found: WindowReading, wanted: Exhaustive, near: float = NEAR) -> None:
    sets = wanted.sets(wanted.own)
    for exercise in ("squat", "overhead_press"):
        mass = sum(value for (performed, _), value in sets.items() if performed == exercise)
        share = math.exp(found.exercises[exercise])
        assert share == pytest.approx(mass, abs=near)
        for combination in found.sets[exercise]:
            joint = share * math.exp(combination.log_probability)
            assert joint == pytest.approx(sets[exercise, frozenset(combination.names)], abs=near)
        for name, probability in found.errors(exercise).items():
            naming = (value for (done, names), value in sets.items() if done == exercise and name in names)
            assert share * probability == pytest.approx(sum(naming), abs=near)


def best_interval(wanted: Exhaustive, exercise: str, name: str) -> tuple[float, float, float]:
    """The likeliest interval in the likeliest context that names the error, by the whole answers alone."""
    contexts: dict[object, dict[tuple[float, float], float]] = defaultdict(lambda: defaultdict(float))
    for answer, value in zip(wanted.answers, wanted.own, strict=True):
        for place, error in enumerate(answer.errors):
            if answer.exercise == exercise and error.name == name:
                said = (len(answer.errors) > 1, answer.errors[:place])
                assert error.start is not None
                assert error.end is not None
                contexts[said][error.start, error.end] += math.exp(value)
    likeliest = max(contexts.values(), key=lambda spans: sum(spans.values()))
    (start, end), mass = max(likeliest.items(), key=lambda item: item[1])
    return start, end, math.log(mass / sum(likeliest.values()))


# --- equal to scoring every answer -----------------------------------------------------------------------


@pytest.mark.parametrize("window", [asked(3, 2, 0.03), asked(9, 2, 0.03)])
def test_random_weights_read_out_as_every_answer_scored(random_reader: Reader, window: Asked) -> None:
    wanted = score_every_answer(random_reader, window)
    found = read(random_reader, window, WHOLE)
    check_against(found, wanted)
    assert found.undecided == 0
    assert found.outside == pytest.approx(1 - sum(map(math.exp, wanted.raw)), abs=1e-9)
    exercise = found.best()
    assert set(found.intervals[exercise]) == set(found.errors(exercise))
    for name, interval in found.intervals[exercise].items():
        start, end, log = best_interval(wanted, exercise, name)
        assert (interval.start, interval.end) == (start, end)
        assert interval.log_probability == pytest.approx(log, abs=NEAR)
        assert interval.proven


@pytest.mark.parametrize("lesson", [3, 4])
def test_a_sure_model_reads_out_as_every_answer_scored(sure_reader: Reader, lesson: int) -> None:
    window, answer = LESSONS[lesson]
    wanted = score_every_answer(sure_reader, window)
    found = read(sure_reader, window)  # with the settings that serve
    check_against(found, wanted, near=found.undecided + NEAR)
    assert found.undecided <= ReadoutSettings().tolerance
    check_against(read(sure_reader, window, WHOLE), wanted)
    assert told(found) == {*answer.errors}
    for error in answer.errors:
        start, end, log = best_interval(wanted, answer.exercise, error.name)
        interval = found.intervals[answer.exercise][error.name]
        assert (interval.start, interval.end) == (error.start, error.end) == (start, end)
        assert interval.log_probability == pytest.approx(log, abs=NEAR)


def test_within_the_grammar_a_sure_model_agrees_with_scores_normalized_over_whole_answers(
    sure_reader: Reader,
) -> None:
    window, _ = LESSONS[4]
    wanted = score_every_answer(sure_reader, window)
    whole = wanted.sets(wanted.raw)
    found = read(sure_reader, window, WHOLE)
    for exercise in ("squat", "overhead_press"):
        for combination in found.sets[exercise]:
            joint = math.exp(found.exercises[exercise] + combination.log_probability)
            assert joint == pytest.approx(whole[exercise, frozenset(combination.names)], abs=found.outside)


def test_no_probability_is_off_by_more_than_is_undecided(random_reader: Reader) -> None:
    window = asked(11, 2, 0.03)
    wanted = score_every_answer(random_reader, window).sets
    sets = wanted(score_every_answer(random_reader, window).own)
    found = read(random_reader, window, ReadoutSettings(passes=4, width=16, tolerance=0.5))
    assert found.undecided > 0
    for exercise in ("squat", "overhead_press"):
        for combination in found.sets[exercise]:
            joint = math.exp(found.exercises[exercise] + combination.log_probability)
            assert abs(joint - sets[exercise, frozenset(combination.names)]) <= found.undecided + NEAR


def test_a_still_image_is_read_out_without_times(random_reader: Reader) -> None:
    window = asked(7, 1, 0.0)
    still = Asked(window.video[0], (0.0,), 0.0)
    wanted = score_every_answer(random_reader, still)
    found = read(random_reader, still, WHOLE)
    check_against(found, wanted)
    assert not any(found.intervals.values())
    assert dialogue.render(found.answer())


# --- few passes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lesson", [0, 1, 2])
def test_an_answer_takes_a_third_of_the_passes_of_generation_or_fewer(
    sure_reader: Reader, lesson: int
) -> None:
    window, answer = LESSONS[lesson]
    session = sure_reader.open([window])
    (said,) = generate(session, sure_reader.tokens.end)
    assert dialogue.parse(sure_reader.tokens.decode(said)) == answer
    unlimited = read(sure_reader, window, ReadoutSettings(passes=None))
    for found in (read(sure_reader, window), unlimited):
        assert told(found) == {*answer.errors}
        assert found.passes * 3 <= session.passes
    assert all(interval.proven for interval in unlimited.intervals.get(answer.exercise, {}).values())


def test_windows_read_together_read_as_each_alone(sure_reader: Reader) -> None:
    together = sure_reader.read([window for window, _ in LESSONS])
    for (window, _), found in zip(LESSONS, together, strict=True):
        alone = read(sure_reader, window)
        assert isinstance(found, WindowReading)
        assert told(found) == told(alone)
        for exercise, log in alone.exercises.items():
            assert math.exp(found.exercises[exercise]) == pytest.approx(math.exp(log), abs=1e-5)
            assert found.errors(exercise) == pytest.approx(alone.errors(exercise), abs=1e-4)


def test_free_decoding_reads_what_the_model_says(sure_reader: Reader) -> None:
    free = with_settings(sure_reader, ReadoutSettings(decode="free"))
    for (_, answer), found in zip(LESSONS, free.read([window for window, _ in LESSONS]), strict=True):
        assert isinstance(found, WindowReading)
        assert told(found) == {*answer.errors}
        assert found.errors(answer.exercise) == {error.name: 1.0 for error in answer.errors}


def test_free_text_that_cannot_be_read_costs_its_window(random_reader: Reader) -> None:
    (result,) = with_settings(random_reader, ReadoutSettings(decode="free")).read([asked(1, 2, 1.0)])
    assert isinstance(result, AnswerError)


# --- what else is known ----------------------------------------------------------------------------------


def test_the_segmenters_exercise_decides_whose_intervals_are_looked_for(sure_reader: Reader) -> None:
    window, _ = LESSONS[1]
    sure = {"squat": math.log(1 - 1e-12), "overhead_press": math.log(1e-12)}
    (found,) = sure_reader.read([window], prior=sure)
    assert isinstance(found, WindowReading)
    assert found.best() == "overhead_press"  # the model's own view stays its own
    assert found.best(sure) == "squat"
    assert "overhead_press" not in found.intervals


def test_a_third_exercise_is_one_more_branch(random_reader: Reader) -> None:
    reader = Reader(random_reader.model, random_reader.tokens, EXERCISES)
    (found,) = reader.read([asked(5, 2, 1.0)])
    assert isinstance(found, WindowReading)
    assert set(found.exercises) == {"squat", "overhead_press", "barbell_row"}
    assert sum(map(math.exp, found.exercises.values())) == pytest.approx(1)
    for sets in found.sets.values():
        assert sum(math.exp(each.log_probability) for each in sets) == pytest.approx(1)


def test_a_windows_own_hint_decides_for_that_window_alone(sure_reader: Reader) -> None:
    window, _ = LESSONS[1]
    sure = {"squat": math.log(1 - 1e-12), "overhead_press": math.log(1e-12)}
    hinted, plain = sure_reader.read([replace(window, hint=sure), window])
    assert isinstance(hinted, WindowReading)
    assert isinstance(plain, WindowReading)
    assert hinted.exercises == pytest.approx(plain.exercises, abs=1e-4)
    assert "overhead_press" not in hinted.intervals
    assert "overhead_press" in plain.intervals


def test_a_window_of_one_frame_with_a_time_is_read(random_reader: Reader) -> None:
    (found,) = random_reader.read([asked(3, 1, 0.04)])
    assert isinstance(found, WindowReading)
    assert sum(map(math.exp, found.exercises.values())) == pytest.approx(1)


# --- bad input costs one window --------------------------------------------------------------------------


def test_a_bad_window_costs_itself_and_not_its_neighbour(sure_reader: Reader) -> None:
    good, answer = LESSONS[0]
    holes = good.video.clone()
    holes[0, 0, 0, 0] = torch.nan
    bad = [
        replace(good, video=good.video[:0], times=()),
        replace(good, times=tuple(reversed(good.times))),
        replace(good, video=holes),
        replace(good, duration=0.0, times=(0.0, 0.0)),
        replace(good, duration=1e6),
    ]
    *failed, found = sure_reader.read([*bad, good])
    assert all(isinstance(result, WindowError) for result in failed)
    for result, said in zip(
        failed, ("no frames", "fall back", "no finite numbers", "no interval", "wanted at most"), strict=True
    ):
        assert said in str(result)
    assert isinstance(found, WindowReading)
    assert told(found) == {*answer.errors}


def test_logits_that_are_no_numbers_fail_that_window_by_name(
    random_reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge = random_reader.model.merge_batch

    def poisoned(*args: Any, **kwargs: Any) -> Any:
        merged = merge(*args, **kwargs)
        merged.embeds[1, 5] = torch.nan
        return merged

    monkeypatch.setattr(random_reader.model, "merge_batch", poisoned)
    fine, broken = random_reader.read([asked(1, 2, 1.0), asked(2, 2, 1.0)])
    assert isinstance(fine, WindowReading)
    assert isinstance(broken, AnswerError)
    assert "NaN" in str(broken)
