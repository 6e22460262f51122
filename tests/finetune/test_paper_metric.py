"""The paper's own metric, faults included, and the same with its IoU mended."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from finetune.paper_metric import Case, Span, mended_iou, paper_iou, paper_scores
from finetune.scoring import Answered, score_answers
from streamaqa.dialogue import Answer, ErrorSpan, render

NOTHING = (0.0, 0.0)


@pytest.mark.parametrize(
    ("said", "truth", "paper", "mended"),
    [
        ((0.0, 2.0), (1.0, 3.0), 1 / 3, 1 / 3),  # overlapping: both agree
        ((0.0, 1.0), (0.0, 1.0), 1.0, 1.0),
        ((0.0, 1.0), (2.0, 3.0), 1.0, 0.0),  # a gap of 1 counts as overlap: 1 / (1 + 1 - 1)
        ((0.0, 1.0), (1.5, 2.5), 0.5 / 1.5, 0.0),
        ((0.0, 1.0), (9.0, 10.0), 0.0, 0.0),  # a gap of 8 makes the union negative: 0
        (NOTHING, (1.0, 3.0), 1.0, 0.0),  # missing is [0, 0]: gap 1, union 2 - 1
        (NOTHING, (0.0, 2.0), 0.0, 0.0),
        ((1.0, 3.0), NOTHING, 1.0, 0.0),  # an error that is not there, and it scores
        (NOTHING, NOTHING, 0.0, 0.0),  # rightly naming nothing scores nothing
        ((2.0, 1.0), (0.0, 2.0), 0.0, 0.0),  # reversed: |1 - 2| over -1 + 2 - 1
    ],
)
def test_overlap_is_as_the_paper_has_it_and_as_it_should_be(
    said: Span, truth: Span, paper: float, mended: float
) -> None:
    assert paper_iou(said, truth) == pytest.approx(paper)
    assert mended_iou(said, truth) == pytest.approx(mended)


spans = st.tuples(st.floats(0, 10), st.floats(0, 10)).map(lambda pair: (min(pair), max(pair)))


@given(spans, spans)
def test_mending_changes_disjoint_intervals_only(one: Span, other: Span) -> None:
    assert 0.0 <= mended_iou(one, other) <= 1.0 + 1e-9
    if min(one[1], other[1]) >= max(one[0], other[0]):
        assert paper_iou(one, other) == mended_iou(one, other)
    else:
        assert mended_iou(one, other) == 0.0


@given(st.floats(0.01, 5), st.floats(0.1, 5))
def test_naming_nothing_scores_where_the_label_begins_late_enough(start: float, length: float) -> None:
    reached = paper_iou(NOTHING, (start, start + length)) >= 0.5
    if start < 0.999 * length / 3 or start > 1.001 * length:
        assert not reached
    elif length / 3 * 1.001 < start < 0.999 * length:
        assert reached


def test_ap_is_a_share_of_all_videos_and_naming_nothing_is_not_zero() -> None:
    late = Case({"knees": (1.0, 3.0)}, [])
    early = Case({"knees": (0.0, 2.0)}, [])
    clean = Case({"knees": None}, [])
    scores = paper_scores([late, early, clean, clean], ["knees"])
    assert scores.ap == {"knees": 0.25}
    assert scores.f1 == {"knees": 0.0}
    assert paper_scores([late, early, clean, clean], ["knees"], mended=True).ap == {"knees": 0.0}


def test_one_far_window_scores_everywhere_by_the_papers_metric() -> None:
    far = ("knees", (100.0, 300.0))
    cases = [Case({"knees": (1.0, 3.0)}, [far]), Case({"knees": None}, [far])]
    assert paper_scores(cases, ["knees"]).ap == {"knees": 1.0}
    assert paper_scores(cases, ["knees"], mended=True).ap == {"knees": 0.0}


def test_of_several_intervals_the_papers_reader_keeps_the_last() -> None:
    twice = [("knees", (0.0, 1.0)), ("knees", (5.0, 6.0))]
    assert paper_scores([Case({"knees": (5.0, 6.0)}, twice)], ["knees"]).ap == {"knees": 1.0}
    thrice = [("elbows", (0.0, 1.0)), ("knees", (0.0, 1.0)), ("elbows", (2.0, 3.0))]
    scores = paper_scores([Case({"knees": (0.0, 1.0), "elbows": None}, thrice)], ["knees", "elbows"])
    assert scores.f1["knees"] == 0.0  # the middle of three is not read at all


# --- through answers -----------------------------------------------------------------------------------


def reference(answers: dict[str, Answered], abs_bug: bool) -> tuple[dict[str, float], dict[str, float]]:
    """F1 and AP as the paper's evaluation computes them, written down once more and plainly."""
    wire = {"Squat": "squat", "OHP": "overhead_press"}
    labels = {"Squat": ["knees forward", "knees inward"], "OHP": ["elbows", "knees"]}
    present: dict[str, tuple[list[int], list[int]]] = {}
    reached: dict[str, list[bool]] = {}
    for item in answers.values():
        said = SAID[item.answer]
        if said.exercise != wire[item.exercise]:
            continue
        for label in labels[item.exercise]:
            span = next((s for s in said.errors if s.name == label.replace(" ", "_")), None)
            truth = item.truth[label]
            a = (span.start or 0.0, span.end or 0.0) if span else (0.0, 0.0)
            b = truth or (0.0, 0.0)
            shared = min(a[1], b[1]) - max(a[0], b[0])
            shared = max(0, abs(shared)) if abs_bug else max(0.0, shared)
            union = (a[1] - a[0]) + (b[1] - b[0]) - shared
            true, named = present.setdefault(label, ([], []))
            true.append(int(truth is not None))
            named.append(int(span is not None))
            reached.setdefault(label, []).append(bool(union > 0 and shared / union >= 0.5))
    f1 = {label: float(f1_score(true, named)) for label, (true, named) in present.items()}
    return f1, {label: sum(hits) / (len(hits) + 1e-6) for label, hits in reached.items()}


SAID: dict[str, Answer] = {}


def drawn_answers(count: int, seed: int) -> dict[str, Answered]:
    """Answers in the training data's words about videos like the data set's; some name the wrong exercise."""
    rng = random.Random(seed)
    errors = {"squat": ["knees_forward", "knees_inward"], "overhead_press": ["elbows", "knees"]}
    words = {"squat": "Squat", "overhead_press": "OHP"}
    answers = {}
    for number in range(count):
        exercise = rng.choice(list(errors))
        truth: dict[str, tuple[float, float] | None] = {}
        spans = []
        for name in errors[exercise]:
            start = rng.choice([0.0, round(rng.uniform(0, 2.5), 2)])
            end = round(start + rng.uniform(0.2, 2.5), 2)
            truth[name.replace("_", " ")] = (start, end) if rng.random() < 0.5 else None
            if rng.random() < 0.5:
                start = round(max(0.0, start + rng.uniform(-0.5, 0.5)), 2)
                spans.append(ErrorSpan(name, start, round(start + rng.uniform(0.2, 2.5), 2)))
        said = Answer(exercise, tuple(spans))
        if rng.random() < 0.1:
            said = Answer("overhead_press" if exercise == "squat" else "squat")
        text = render(said)
        SAID[text] = said
        answers[f"{number}_1"] = Answered(words[exercise], truth, text)
    return answers


@pytest.mark.parametrize("seed", [0, 1])
def test_hundreds_of_answers_give_the_papers_f1_and_ap(seed: int) -> None:
    answers = drawn_answers(300, seed)
    scores = score_answers(answers)
    for found, bug in ((scores.paper, True), (scores.paper_mended, False)):
        f1, ap = reference(answers, bug)
        assert found.f1 == pytest.approx(f1)
        assert found.ap == pytest.approx(ap, abs=1e-6)
        assert found.mean_ap == pytest.approx(sum(ap.values()) / len(ap), abs=1e-6)
    assert scores.unreadable == 0
    assert scores.left_out == sum(
        SAID[a.answer].exercise[0] != a.exercise[0].lower() for a in answers.values()
    )


def test_the_command_gives_the_papers_metric_with_the_reason_it_misleads(tmp_path: Path) -> None:
    path = tmp_path / "answers.json"
    item = Answered("OHP", {"knees": (1.0, 3.0), "elbows": None}, render(Answer("overhead_press")))
    path.write_text(json.dumps({"v": {"exercise": "OHP", "truth": item.truth, "answer": item.answer}}))
    command = [sys.executable, "-m", "finetune.cli", "score", "--answers", str(path), "--json"]
    values = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert values["paper"]["ap"] == {"knees": 1.0, "elbows": 0.0}
    assert values["paper"]["mAP"] == 0.5
    assert values["paper_iou_mended"]["mAP"] == 0.0
    assert "gap between disjoint intervals" in values["paper"]["why"]
    assert "no answer can reach 1" in values["paper_iou_mended"]["why"]
