"""A model that reads windows is evaluated by the clip: cut and merged as in serving, not window by window."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from drawn_clips import Drawn, DrawnLibrary, draw

from finetune.evaluate import Sample, Verdict, WindowJudge, figures
from finetune.evaluate.fitting import Fitted
from streamaqa.assessment.merge import ErrorSet, Interval, Placed, WindowReading, certain, merge
from streamaqa.dialogue import Answer, ErrorSpan
from streamaqa.errors import AnswerError
from streamaqa.exercises import EXERCISES
from streamaqa.windows import Window, WindowPlan, decode

CHUNKS = WindowPlan(unit="rep", sampling="consecutive", frames=16)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Drawn]:
    root = tmp_path_factory.mktemp("windows")
    return root, draw(root, {"test": 4})


class Scripted:
    """Reads each window as `script` says, and remembers what it was shown."""

    name = "scripted"
    key = "1"

    def __init__(self, plan: WindowPlan, script: Callable[[Window], WindowReading]) -> None:
        self.plan, self._script = plan, script
        self.windows: list[Window] = []

    def read(self, window: Window) -> WindowReading:
        self.windows.append(window)
        return self._script(window)


def reading(window: Window, probability: float, start: float, end: float) -> WindowReading:
    """A squat; knees inward with that probability, from start to end within the window."""
    sets = (ErrorSet((), math.log(1 - probability)), ErrorSet(("knees_inward",), math.log(probability)))
    never = math.log(1e-3)
    exercises = {known.name: 0.0 if known.name == "squat" else never for known in EXERCISES}
    others = {known.name: (ErrorSet((), 0.0),) for known in EXERCISES}
    spans = {"squat": {"knees_inward": Interval(start, min(end, window.duration), 0.0)}}
    return WindowReading(exercises, others | {"squat": sets}, spans, 0.0, 0.0, 1)


def squat(drawn: tuple[Path, Drawn], faulty: bool = True) -> tuple[DrawnLibrary, str]:
    root, data = drawn
    clip = next(c for c in data.clips if c.exercise == "squat" and bool(c.errors) == faulty)
    return DrawnLibrary(root, data), clip.id


def judged(judge: WindowJudge, library: DrawnLibrary, clip_id: str) -> Verdict:
    clip = next(clip for clip in library.drawn.clips if clip.id == clip_id)
    return judge.judge(library.material(clip))


def test_windows_are_merged_by_serving_and_placed_in_the_clip(drawn: tuple[Path, Drawn]) -> None:
    library, name = squat(drawn)
    reader = Scripted(CHUNKS, lambda window: reading(window, 0.8, 0.0, 10.0))
    verdict = judged(WindowJudge(reader), library, name)
    assert len(reader.windows) > 2
    placed = [Placed(reading(w, 0.8, 0.0, 10.0), w.start, w.duration) for w in reader.windows]
    merged = next(e for e in merge(placed, EXERCISES).errors if e.name == "knees_inward")
    assert verdict.errors["knees_inward"] == merged.probability
    (span,) = [span for span in verdict.spans if span.error == "knees_inward"]
    assert [(span.start, span.end)] == list(merged.intervals)  # neighbours joined: one interval, not one each


def test_each_frame_of_the_repetition_is_shown_once(drawn: tuple[Path, Drawn]) -> None:
    library, name = squat(drawn)
    reader = Scripted(CHUNKS, lambda window: reading(window, 0.1, 0.0, 0.2))
    judged(WindowJudge(reader), library, name)
    times = [time for window in reader.windows for time in window.times]
    assert times == sorted(set(times))
    shown = [round(float(decode(jpeg).mean())) for window in reader.windows for jpeg in window.frames]
    assert all(abs(grey - round(time * 30)) <= 1 for grey, time in zip(shown, times, strict=True))


def test_a_clip_counts_once_however_many_windows_it_has(drawn: tuple[Path, Drawn]) -> None:
    library, name = squat(drawn)
    clip = next(clip for clip in library.drawn.clips if clip.id == name)
    reader = Scripted(CHUNKS, lambda window: reading(window, 0.9, 0.0, 10.0))
    verdict = judged(WindowJudge(reader), library, name)
    found = figures("scripted", [Sample(clip, verdict)], Fitted())
    of = {one.code: one for one in found.errors}["squat.knees_inward"]
    assert (of.score.videos, of.confusion) == (1, (1, 0, 0, 0))


def test_the_papers_plan_takes_the_whole_clip_in_one_window(drawn: tuple[Path, Drawn]) -> None:
    library, name = squat(drawn)
    plan = WindowPlan()
    reader = Scripted(plan, lambda window: reading(window, 0.9, 0.5, 1.0))
    verdict = judged(WindowJudge(reader, whole=True), library, name)
    (window,) = reader.windows
    track = library.drawn.poses[name]
    assert (window.times[0], window.times[-1]) == (0.0, track[-1].time)
    assert len(window.times) == 32
    assert verdict.notes == ()
    assert [(s.start, s.end) for s in verdict.spans if s.error == "knees_inward"] == [(0.5, 1.0)]
    with pytest.raises(ValueError, match="a whole clip has no phases"):
        WindowJudge(Scripted(WindowPlan(unit="phase"), lambda w: reading(w, 0.5, 0, 1)), whole=True)


def test_phases_are_cut_where_serving_cuts_them(drawn: tuple[Path, Drawn]) -> None:
    library, name = squat(drawn)
    reader = Scripted(WindowPlan(unit="phase"), lambda window: reading(window, 0.5, 0.0, 0.3))
    judged(WindowJudge(reader), library, name)
    assert [window.phase for window in reader.windows] == ["lowering", "lifting"]


def test_an_unreadable_window_costs_that_window_and_an_unreadable_clip_is_a_miss(
    drawn: tuple[Path, Drawn],
) -> None:
    library, name = squat(drawn)

    def torn(window: Window) -> WindowReading:
        if window.times[0] > 1.2:
            raise AnswerError("cannot be read")
        return reading(window, 0.9, 0.0, 10.0)

    partly = judged(WindowJudge(Scripted(CHUNKS, torn)), library, name)
    assert partly.exercise == "squat"
    assert "unreadable_window" in partly.notes

    def silent(window: Window) -> WindowReading:
        raise AnswerError("cannot be read")

    nothing = judged(WindowJudge(Scripted(CHUNKS, silent)), library, name)
    assert nothing.exercise is None
    assert nothing.errors == {}
    assert nothing.notes[-1] == "unreadable"


def test_answers_as_text_can_be_evaluated_too(drawn: tuple[Path, Drawn]) -> None:
    library, name = squat(drawn)
    answer = Answer("squat", (ErrorSpan("knees_inward", 0.4, 0.9),))
    reader = Scripted(WindowPlan(), lambda window: certain(answer, EXERCISES))
    verdict = judged(WindowJudge(reader, whole=True), library, name)
    assert verdict.errors["knees_inward"] > 0.99
    assert verdict.errors["knees_forward"] == 0.0
    assert [(s.start, s.end) for s in verdict.spans if s.error == "knees_inward"] == [(0.4, 0.9)]
