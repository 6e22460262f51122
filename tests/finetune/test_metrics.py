"""Figures agree with ActivityNet's own evaluation, and with their definitions."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from finetune import cli, resampling
from finetune.blind import best_window
from finetune.detection import ranked
from finetune.metrics import (
    Judged,
    Prediction,
    Segment,
    auroc,
    average_precision,
    detection,
    error_score,
    error_scores,
    f1,
    mcc,
    tiou,
)
from finetune.scoring import Answered, score_answers
from streamaqa.dialogue import Answer, ErrorSpan, render
from streamaqa.errors import UsageError

FIXTURE = json.loads((Path(__file__).parents[1] / "fixtures" / "tal_cases.json").read_text())
CASES = {case["name"]: case for case in FIXTURE["cases"]}

# --- intervals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_average_precision_is_activitynets(name: str) -> None:
    case = CASES[name]
    truth = [Segment(**row) for row in case["ground_truth"]]
    found = detection(truth, [Prediction(**row) for row in case["predictions"]])
    assert list(found.ap) == list(case["expected"]["ap"])
    for label, expected in case["expected"]["ap"].items():
        assert list(found.ap[label].values()) == pytest.approx(expected, abs=1e-9)
    for threshold, value in case["expected"]["mAP"].items():
        assert found.mean[float(threshold)] == pytest.approx(value, abs=1e-9)


def test_any_order_of_tied_predictions_stays_in_the_range_of_the_original() -> None:
    case = CASES["ties_sensitive"]
    truth = [Segment(**row) for row in case["ground_truth"]]
    ranges = case["expected_ap_range_over_tie_orders"]["knees forward"]
    predictions = [Prediction(**row) for row in case["predictions"]]
    for order in list(permutations(predictions))[:200]:
        for value, (low, high) in zip(average_precision(truth, order).values(), ranges, strict=True):
            assert low - 1e-9 <= value <= high + 1e-9


def test_among_equal_scores_the_prediction_listed_last_ranks_first() -> None:
    truth = [Segment("a", "knees", 0, 1)]
    right, wrong = Prediction("a", "knees", 0, 1, 0.5), Prediction("a", "knees", 5, 6, 0.5)
    assert average_precision(truth, [wrong, right])[0.5] == 1.0
    assert average_precision(truth, [right, wrong])[0.5] == 0.5


def test_a_prediction_takes_the_interval_it_meets_best_and_leaves_the_other() -> None:
    truth = [Segment("a", "knees", 0.0, 4.0), Segment("a", "knees", 1.0, 4.0)]
    # at 0.7 the first could have either, the second only the shorter one
    found = [Prediction("a", "knees", 0.0, 4.0, 0.9), Prediction("a", "knees", 1.4, 4.0, 0.8)]
    for order in permutations(truth):
        assert average_precision(list(order), found)[0.7] == 1.0


def test_predictions_of_a_label_that_the_truth_lacks_are_dropped() -> None:
    truth = [Segment("a", "knees", 0, 1)]
    found = detection(truth, [Prediction("a", "knees", 0, 1, 0.1), Prediction("a", "elbows", 0, 1, 0.9)])
    assert found.ap == {"knees": {0.3: 1.0, 0.5: 1.0, 0.7: 1.0}}
    assert detection([], [Prediction("a", "knees", 0, 1, 0.1)]).mean == {}


def test_disjoint_touching_empty_and_reversed_intervals_do_not_overlap() -> None:
    one = Segment("a", "knees", 1.0, 2.0)
    for start, end in [(3.0, 4.0), (2.0, 3.0), (1.5, 1.5), (2.0, 1.0)]:
        assert tiou(one, Segment("a", "knees", start, end)) == 0.0
    assert tiou(one, Segment("a", "knees", 1.5, 2.5)) == pytest.approx(1 / 3)


segments = st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.integers(1, 5))


@given(st.lists(segments, min_size=1, max_size=8), st.lists(segments, max_size=8))
def test_average_precision_is_a_share_and_1_for_perfect_predictions(
    truth: list[tuple[str, int, int]], predictions: list[tuple[str, int, int]]
) -> None:
    labelled = [Segment(video, "x", start, start + long) for video, start, long in truth]
    found = [
        Prediction(video, "x", start, start + long, -place)
        for place, (video, start, long) in enumerate(predictions)
    ]
    values = list(average_precision(labelled, found).values())
    assert all(0 <= value <= 1 + 1e-12 for value in values)
    perfect = [Prediction(one.video, one.label, one.start, one.end, 1.0) for one in labelled]
    assert list(average_precision(labelled, perfect).values()) == pytest.approx([1.0, 1.0, 1.0])


def by_hand(truth: list[Segment], predictions: list[Prediction], threshold: float) -> float:
    """AP of one label from its definition: for each hit, the best precision at that recall or beyond."""
    free = list(truth)
    hits: list[bool] = []
    listed = enumerate(predictions)
    for _, one in sorted(listed, key=lambda pair: (pair[1].score, pair[0]), reverse=True):
        overlaps = [(tiou(one, other), place) for place, other in enumerate(free) if other.video == one.video]
        best, place = max(overlaps, default=(-1.0, 0))
        hits.append(best >= threshold)
        if hits[-1]:
            del free[place]
    precisions = [sum(hits[:count]) / count for count in range(1, len(hits) + 1)]
    return sum(max(precisions[place:]) for place, hit in enumerate(hits) if hit) / len(truth)


TIMES = st.sampled_from([0.0, 0.5, 1.0, 1.4, 2.0, 3.0, 3.4, 4.0])
VIDEO = st.sampled_from(["a", "b"])  # few, so that several intervals meet several predictions
LABEL = st.sampled_from(["x", "y"])


@settings(max_examples=400)
@given(
    st.lists(st.tuples(VIDEO, LABEL, TIMES, st.sampled_from([0.5, 1.0, 2.0, 3.0])), min_size=1, max_size=9),
    st.lists(
        st.tuples(
            VIDEO | st.just("no label has it"),
            LABEL | st.just("z"),
            TIMES,
            TIMES,  # an end that may be the start, or before it
            st.sampled_from([-1.0, 0.0, 0.5, 1.0]),
        ),
        max_size=14,
    ),
)
def test_average_precision_is_what_its_definition_says(
    truth: list[tuple[str, str, float, float]], predictions: list[tuple[str, str, float, float, float]]
) -> None:
    labelled = [Segment(video, label, start, start + long) for video, label, start, long in truth]
    found = [Prediction(*row) for row in predictions]
    scores = detection(labelled, found)
    assert set(scores.ap) == {one.label for one in labelled}
    for label, values in scores.ap.items():
        own = [one for one in labelled if one.label == label]
        said = [one for one in found if one.label == label]
        for threshold, value in values.items():
            assert value == pytest.approx(by_hand(own, said, threshold), abs=1e-9)


# --- yes or no -----------------------------------------------------------------------------------------


def test_always_yes_scores_what_the_paper_leaves_unsaid() -> None:
    truth = [True] * 169 + [False] * 75  # knees forward in the test split
    score = error_score(truth, [1.0] * len(truth))
    assert score.f1 == score.f1_always_positive == pytest.approx(0.818, abs=5e-4)
    assert score.mcc == 0.0
    assert score.auroc == 0.5
    assert score.precision == pytest.approx(169 / 244)
    assert score.recall == 1.0


def test_figures_of_a_confusion_matrix_worked_out_by_hand() -> None:
    truth = [True] * 5 + [False] * 5
    said = [1.0] * 4 + [0.0] + [1.0] * 2 + [0.0] * 3  # 4 hits, 1 missed, 2 false, 3 right
    score = error_score(truth, said)
    assert score.precision == pytest.approx(4 / 6)
    assert score.recall == pytest.approx(4 / 5)
    assert score.f1 == pytest.approx(8 / 11)
    assert score.mcc == pytest.approx((4 * 3 - 2 * 1) / np.sqrt(6 * 5 * 5 * 4))
    assert score.auroc == pytest.approx((0.8 + 0.6) / 2)
    low, high = score.f1_interval
    assert 0 < low < score.f1 < high <= 1


def test_without_both_kinds_there_is_no_auroc_and_nothing_divides_by_zero() -> None:
    assert error_score([True], [0.0]).auroc is None
    assert error_score([], []).f1_interval == (0.0, 0.0)
    assert error_score([False], [0.0]).f1 == 0.0


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_correlation_turns_with_the_answer_and_f1_does_not_exceed_its_bounds(
    pairs: list[tuple[bool, bool]],
) -> None:
    actual, said = (np.array(column) for column in zip(*pairs, strict=True))
    assert mcc(actual, ~said) == pytest.approx(-mcc(actual, said))
    assert 0 <= f1(actual, said) <= 1
    if actual.any():
        assert f1(actual, actual) == mcc(actual, actual) or actual.all()


def test_auroc_orders_by_score_and_counts_ties_half() -> None:
    actual = np.array([True, True, False, False])
    assert auroc(actual, np.array([0.9, 0.5, 0.5, 0.1])) == pytest.approx(3.5 / 4)


# --- against scikit-learn ------------------------------------------------------------------------------


def drawn(seed: int, videos: int = 120) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    actual = rng.random(videos) < rng.uniform(0.1, 0.9)
    scores = np.round(np.clip(actual * 0.2 + rng.random(videos) * 0.8, 0, 1), 1)  # many ties
    return actual, scores


@pytest.mark.parametrize("seed", range(8))
def test_figures_are_scikit_learns(seed: int) -> None:
    actual, scores = drawn(seed)
    said = scores >= 0.5
    found = error_score(actual.tolist(), scores.tolist())
    assert found.f1 == pytest.approx(sk.f1_score(actual, said))
    assert found.precision == pytest.approx(sk.precision_score(actual, said))
    assert found.recall == pytest.approx(sk.recall_score(actual, said))
    assert found.mcc == pytest.approx(sk.matthews_corrcoef(actual, said))
    assert found.auroc == pytest.approx(sk.roc_auc_score(actual, scores))


def test_the_mean_f1_is_scikit_learns_macro() -> None:
    judged, columns = {}, []
    for seed in range(3):
        actual, scores = drawn(seed)
        videos = tuple(str(number) for number in range(len(actual)))
        judged[str(seed)] = Judged(videos, tuple(actual.tolist()), tuple(scores.tolist()))
        columns.append((actual, scores >= 0.5))
    _, macro = error_scores(judged)
    assert macro is not None
    truth, said = (np.stack(column, axis=1) for column in zip(*columns, strict=True))
    assert macro.f1 == pytest.approx(sk.f1_score(truth, said, average="macro"))
    low, high = macro.f1_interval
    assert low < macro.f1 < high


# --- resampling ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_a_round_of_the_bootstrap_is_the_figure_of_the_videos_it_drew(seed: int) -> None:
    actual, scores = drawn(seed, 30)
    said = scores >= 0.5
    weights = resampling.draws(30, seed, rounds=20)
    rates, areas = resampling.rates(weights, actual, said), resampling.areas(weights, actual, scores)
    for number, row in enumerate(weights):
        chosen = np.repeat(np.arange(30), row.astype(int))
        assert rates["f1"][number] == pytest.approx(f1(actual[chosen], said[chosen]))
        assert rates["mcc"][number] == pytest.approx(mcc(actual[chosen], said[chosen]))
        assert areas[number] == pytest.approx(auroc(actual[chosen], scores[chosen]), nan_ok=True)


def test_a_round_of_average_precision_is_that_of_the_videos_it_drew() -> None:
    rng = np.random.default_rng(3)
    truth = [Segment(str(v), "x", 0.0, 1.0 + v % 3) for v in range(10) if v % 3]
    found = [Prediction(str(v), "x", 0.0, float(rng.uniform(0.5, 3)), float(rng.random())) for v in range(10)]
    weights = resampling.draws(10, 0, rounds=20)
    order = ranked(found)
    hits = [any(t.video == p.video and tiou(t, p) >= 0.5 for t in truth) for p in order]
    values = resampling.average_precisions(
        weights, hits, [int(p.video) for p in order], [int(t.video) for t in truth]
    )
    for row, value in zip(weights, values, strict=True):
        copies = [(v, copy) for v in range(10) for copy in range(int(row[v]))]
        again = [
            Segment(f"{v}.{copy}", "x", one.start, one.end)
            for v, copy in copies for one in truth if one.video == str(v)
        ]  # fmt: skip
        said = [
            Prediction(f"{v}.{copy}", "x", one.start, one.end, one.score)
            for v, copy in copies for one in found if one.video == str(v)
        ]  # fmt: skip
        assert value == pytest.approx(average_precision(again, said, [0.5])[0.5], nan_ok=True)


def test_the_interval_is_as_wide_as_the_binomial_says() -> None:
    truth = [True] * 200
    low, high = error_score(truth, [1.0] * 100 + [0.0] * 100).recall_interval
    spread = 1.96 * (0.25 / 200) ** 0.5
    assert low == pytest.approx(0.5 - spread, abs=0.015)
    assert high == pytest.approx(0.5 + spread, abs=0.015)


# --- blind window --------------------------------------------------------------------------------------


def test_the_blind_window_meets_most_labels() -> None:
    spans = [(1.0, 2.0)] * 5 + [(1.1, 2.1)] * 5 + [(4.0, 5.0)] * 4
    window = best_window(spans)
    assert window is not None
    met = sum(tiou(Segment("a", "x", *window), Segment("a", "x", *span)) >= 0.5 for span in spans)
    assert met == 10
    assert best_window([]) is None
    assert best_window([(1.0, 1.0)]) is None


# --- answers -------------------------------------------------------------------------------------------


def said(exercise: str, *spans: ErrorSpan) -> str:
    return render(Answer(exercise, spans))


ANSWERED = {
    "found": Answered(
        "OHP",
        {"knees": (0.0, 1.0), "elbows": None},
        said("overhead_press", ErrorSpan("knees", 0.0, 0.5)),
    ),
    "clean": Answered("OHP", {"knees": None, "elbows": None}, said("overhead_press")),
    "wrong exercise": Answered("OHP", {"knees": (0.0, 1.0)}, said("squat")),
    "unreadable": Answered("OHP", {"knees": (0.0, 1.0), "elbows": (1.0, 2.0)}, "lorem ipsum"),
    "other": Answered(
        "Squat", {"knees inward": (1.0, 2.0)}, said("squat", ErrorSpan("knees_inward", 1.0, 2.0))
    ),
}


def test_a_wrong_exercise_or_an_unreadable_answer_is_a_miss() -> None:
    scores = score_answers(ANSWERED)
    assert (scores.videos, scores.unreadable, scores.exercise_accuracy) == (5, 1, 0.6)
    assert scores.errors["knees"].recall == pytest.approx(1 / 3)
    assert scores.errors["knees"].precision == 1.0
    assert scores.errors["elbows"].videos == 4
    assert scores.errors["elbows"].recall == 0.0
    assert scores.errors["knees inward"].f1 == 1.0


def test_answers_intervals_are_scored_as_activitynet_does() -> None:
    found = score_answers(ANSWERED).intervals
    assert found.ap["knees"] == {0.3: pytest.approx(1 / 3), 0.5: pytest.approx(1 / 3), 0.7: 0.0}
    assert found.ap["elbows"][0.3] == 0.0
    assert found.ap["knees inward"][0.7] == 1.0


def test_errors_that_nobody_labelled_are_not_held_against_an_answer() -> None:
    answer = said("squat", ErrorSpan("shallow", 0.0, 1.0), ErrorSpan("knees_inward", 1.0, 2.0))
    scores = score_answers({"a": Answered("Squat", {"knees inward": (1.0, 2.0)}, answer)})
    assert list(scores.errors) == ["knees inward"]
    assert scores.intervals.mean == {0.3: 1.0, 0.5: 1.0, 0.7: 1.0}


@pytest.mark.parametrize(
    ("item", "complaint"),
    [
        (Answered("Deadlift", {}, ""), r"v: exercise: unknown 'Deadlift'; there are Squat, OHP, Barbell Row"),
        (Answered("OHP", {"knee": None}, ""), r"v: truth: unknown label 'knee'; OHP has elbows, knees"),
    ],
)
def test_labels_outside_the_vocabulary_are_refused(item: Answered, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        score_answers({"v": item})


# --- command -------------------------------------------------------------------------------------------


class Done(NamedTuple):
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Done]:
    """Run `score` on files of this content, in this process."""

    def run(*options: str, **contents: Any) -> Done:
        command = ["streamaqa-finetune", "score", *options]
        for name, content in contents.items():
            path = tmp_path / f"{name}.json"
            path.write_text(content if isinstance(content, str) else json.dumps(content))
            command += [f"--{name}", str(path)]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return Done(int(ended.value.code or 0), *capsys.readouterr())

    return run


def test_score_prints_average_precision_as_json(run: Run) -> None:
    case = CASES["lower_envelope_needed"]
    done = run("--json", truth=case["ground_truth"], predictions=case["predictions"])
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)
    assert values == {
        "ap": {"knees forward": dict.fromkeys(["0.3", "0.5", "0.7"], pytest.approx(0.7916666666666666))},
        "mAP": dict.fromkeys(["0.3", "0.5", "0.7"], pytest.approx(0.7916666666666666)),
    }


ANSWERS = {
    "v": {
        "exercise": "OHP",
        "truth": {"knees": [0.0, 1.0], "elbows": None},
        "answer": said("overhead_press", ErrorSpan("knees", 0.0, 1.0)),
    }
}


def test_score_prints_every_figure_of_answers(run: Run) -> None:
    done = run("--json", answers=ANSWERS)
    values = json.loads(done.stdout)
    assert values["mAP"] == {"0.3": 1.0, "0.5": 1.0, "0.7": 1.0}
    assert values["errors"]["knees"]["f1"] == 1.0
    assert values["errors"]["knees"]["f1_always_positive"] == 1.0
    table = run(answers=ANSWERS).stdout
    assert "knees" in table
    assert "exercise right in 100.0%" in table


@pytest.mark.parametrize(
    ("contents", "complaint"),
    [
        ({}, "give either --truth and --predictions, or --answers"),
        ({"truth": []}, "give either --truth and --predictions, or --answers"),
        ({"answers": "{"}, "answers.json: not JSON: "),
        ({"answers": []}, "answers.json: file: Input should be a valid dictionary"),
        ({"answers": {"v": {**ANSWERS["v"], "exercise": "OHQ"}}}, "answers.json: v: exercise: unknown 'OHQ'"),
        ({"truth": [{"video": "a", "label": "x", "start": 0}], "predictions": []}, "truth.json: [0].end: "),
        (
            {"truth": [{"video": "a", "label": "x", "start": 2, "end": 1}], "predictions": []},
            "truth.json: [0]: start 2.0 is not before end 1.0",
        ),
        ({"truth": "[NaN]", "predictions": []}, "truth.json: not JSON: NaN is no number"),
        ({"truth": "[1e999]", "predictions": []}, "truth.json: not JSON: 1e999 is no number"),
        ({"truth": "[" * 100_000, "predictions": []}, "truth.json: not JSON: nested without end"),
        ({"truth": [], "predictions": []}, "truth.json: holds no intervals"),
        ({"answers": {}}, "answers.json: holds no answers"),
        ({"answers": {"v": {"exercise": "OHP", "answer": ""}}}, "answers.json: v.truth: Field required"),
        ({"answers": {"v": {**ANSWERS["v"], "truth": None}}}, "answers.json: v.truth: Input should be"),
        ({"answers": {"v": {**ANSWERS["v"], "answer": None}}}, "answers.json: v.answer: Input should be"),
        ({"answers": '{"v": 1, "v": 2}'}, "answers.json: not JSON: 'v' stands twice"),
    ],
)
def test_what_cannot_be_scored_is_one_line_and_exit_code_2(
    run: Run, contents: dict[str, Any], complaint: str
) -> None:
    done = run(**contents)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert complaint in done.stderr
