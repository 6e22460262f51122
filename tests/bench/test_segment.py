from __future__ import annotations

import io
import json
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from lifter import run, scene, track, truth
from rich.console import Console

from streamaqa.bench import segment as measured
from streamaqa.bench.annotated import rest, score, sum_up
from streamaqa.bench.drawn import VIEWS, DrawnResult
from streamaqa.bench.faults import ErrorResult, FaultResult
from streamaqa.bench.segment import measure, table
from streamaqa.bench.segment_clips import ClipsResult, measure_clips
from streamaqa.bench.segment_cost import CostResult
from streamaqa.bench.segment_held_out import Choice, HeldOutResult, SearchResult
from streamaqa.bench.segment_others import OtherResult, takes
from streamaqa.bench.segment_plot import annotated, drawn, plot
from streamaqa.bench.segment_rendered import RenderedResult
from streamaqa.bench.segment_report import Figure, SegmentResult, figures, summary
from streamaqa.bench.segment_varied import EXTENT, PHASE_S, SHORTEST_S
from streamaqa.bench.segment_varied import draw as draw_varied
from streamaqa.cli_bench import segment as command
from streamaqa.errors import SourceError
from streamaqa.sources.synthetic import Distractor, SetScript
from streamaqa.sources.synthetic.idle import DISTRACTORS
from streamaqa.sources.synthetic.others import OTHERS
from streamaqa.sources.synthetic.script import OtherKind
from streamaqa.types import HIP_POINTS, LOAD_POINTS, Flow, Phase, Rep, RepEnded, Tempo

SQUAT: dict[str, Any] = {
    "name": "a",
    "exercise": "squat",
    "reps": [
        {"start_s": 1.0, "turn_s": 2.0, "end_s": 3.0, "tol_s": 0.3},
        {"start_s": 4.0, "turn_s": 5.0, "end_s": None, "tol_s": 0.2, "partial": True},
    ],
}


def ended(start: float, turn: float, end: float, exercise: str = "squat") -> RepEnded:
    phases = (Phase("lowering", start, turn), Phase("lifting", turn, end))
    return RepEnded(end + 0.2, Rep(1, 1, 1, exercise, 1.0, phases, Tempo(1.0, 0.0, 1.0), 1.0, 1.0))


def test_an_error_counts_only_beyond_the_annotations_own_doubt() -> None:
    (matched,) = score(SQUAT, [ended(1.25, 2.1, 2.5)]).matched
    assert matched.errors == pytest.approx((0.05, 0.0, 0.3))
    assert matched.delay == pytest.approx(-0.3)


def test_a_cut_repetition_may_be_counted_or_not() -> None:
    whole, cut = ended(1.0, 2.0, 3.0), ended(4.0, 5.0, 6.0)
    assert score(SQUAT, [whole]).exact
    assert score(SQUAT, [whole, cut]).exact
    assert score(SQUAT, [whole, cut, ended(7.0, 8.0, 9.0)]).off_by == 1
    assert score(SQUAT, []).off_by == 1


def test_a_turn_too_far_away_matches_nothing() -> None:
    assert score(SQUAT, [ended(1.0, 2.8, 3.5)]).matched == ()


def test_a_seated_press_is_a_press_and_another_exercise_is_wrong() -> None:
    seated = {**SQUAT, "exercise": "overhead_press_seated"}
    assert score(seated, []).exercise == "overhead_press"
    (matched,) = score(SQUAT, [ended(1.0, 2.0, 3.0, "barbell_row")]).matched
    assert not matched.exercise_right


def test_anything_on_a_negative_is_false() -> None:
    negative = {"name": "n", "exercise": "biceps curl (negative)", "reps": []}
    assert score(negative, [ended(1.0, 2.0, 3.0)]).off_by == 1


@pytest.fixture(scope="module")
def plots(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plots")


def test_measuring_gives_tables_and_a_picture_per_recording(shared: Path, plots: Path) -> None:
    result = measure(
        shared, plots=plots, only=("squat_kaiakol_correct_007", "neg_curl_front"), cost=False, synthetic=False
    )
    assert {path.stem for path in plots.glob("*.png")} == {r.name for r in result.recordings}
    assert asdict(result)["exact"] == 2
    assert {figure["met"] for figure in result.summary} == {True}
    console = Console(width=120, record=True)
    for each in table(result):
        console.print(each)
    assert "squat_kaiakol_correct_007" in console.export_text()


def everything() -> SegmentResult:
    """A result with all parts, of which the slow ones are made up."""
    recordings = [score(SQUAT, [ended(1.0, 2.0, 3.0)])]
    summed = sum_up(recordings, recordings)
    values = {name: getattr(summed, name) for name in asdict(summed)}
    choice = Choice("phase.slow", 0.35, 0.5, {0.35: 3, 0.5: 1})
    held_out = [HeldOutResult(left_out, 4, summed, (choice,)) for left_out in ("recording", "source")]
    error = ErrorResult("shallow", 9, 5, 1.0, 1.0, 0.8, 0.89, 0.7, 4, 1.0)
    result = SegmentResult(
        **values,
        pose_cost_us=300.0,
        cost=CostResult(10_000.0, 250.0),
        clips=ClipsResult(summed, summed),
        rendered=RenderedResult(432, 0.995, 0.94, 0, 0.8, 0.2, 0.3, 1),
        varied_rendered=DrawnResult(
            reps=135, right_share=0.96, extra=1, within_two_frames=1.0, boundary_p95=0.05, delay_p95=0.3
        ),
        others=(OtherResult("lunge", 24, 0, ()), OtherResult("drink", 24, 0, ())),
        others_rendered=(OtherResult("lunge", 24, 2, ("squat",)), OtherResult("drink", 24, 0, ())),
        held_out=SearchResult(held_out[0], held_out[1], summed),
        faults=FaultResult(50, 50, (error,), 25, 0.04),
    )
    return replace(result, summary=summary(result))


def test_every_figure_stands_beside_what_is_wanted() -> None:
    met = {(figure.part, figure.name): figure.met for figure in figures(everything())}
    assert met["recordings", "exact count"]
    assert met["recordings, each source left out", "boundary error, median"]
    assert met["cost", "share of the pose model's time"]
    assert met["rendered", "reps found and recognized"]
    assert not met["rendered", "... from behind"]
    assert not met["rendered", "boundaries within two frames"]
    assert met["rendered", "reps in 10 min of none"]
    assert met["uneven sets, rendered", "reps found and recognized"]
    assert not met["uneven sets, rendered", "reps too many"]
    assert met["other movements, drawn", "taken for reps"]
    assert not met["other movements, rendered", "taken for reps"]
    assert not met["kinematic assessor", "shallow: F1"]
    assert met["kinematic assessor", "shallow: interval IoU, median"]
    assert not met["kinematic assessor", "clean reps with a fault named"]


def test_what_could_not_be_measured_is_not_met() -> None:
    assert not Figure("a", "b", float("nan"), 1.0, least=True, unit="share").met
    assert not Figure("a", "b", float("nan"), 1.0, least=False, unit="share").met


def test_the_report_says_what_folds_chose() -> None:
    console = Console(width=160, record=True, file=io.StringIO())
    for each in table(everything()):
        console.print(each)
    text = console.export_text()
    assert "0.35 (3), 0.5 (1)" in text
    assert "75% by recording (4 folds)" in text
    assert "≥ 90.0%" in text


def test_the_report_names_other_movements_that_were_counted() -> None:
    console = Console(width=160, record=True, file=io.StringIO())
    for each in table(everything()):
        console.print(each)
    rows = [[cell.strip() for cell in line.split("│")] for line in console.export_text().splitlines()]
    assert ["", "lunge", "24", "0", "2", "squat", ""] in rows
    assert "drink" not in {cell for row in rows for cell in row}


def test_other_movements_are_reported_if_seen_by_the_pose_model_alone() -> None:
    console = Console(width=160, record=True, file=io.StringIO())
    for each in table(replace(everything(), others=())):
        console.print(each)
    rows = [[cell.strip() for cell in line.split("│")] for line in console.export_text().splitlines()]
    assert ["", "lunge", "24", "", "2", "squat", ""] in rows


def test_all_asks_for_everything(
    shared: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: dict[str, object] = {}

    def pretend(folder: Path, **what: object) -> SegmentResult:
        asked.update(what)
        return everything()

    monkeypatch.setattr(measured, "measure", pretend)
    command(shared, everything=True, as_json=True)
    told = json.loads(capsys.readouterr().out)["summary"]
    assert {"part", "name", "measured", "wanted", "met"} <= told[0].keys()
    parts = dict.fromkeys(("clips", "stressed", "rendered", "held_out", "faults"), True)
    assert asked == {"plots": None, "workers": 2, "seed": 0, "bodies": 3, **parts}


def test_a_drawn_set_is_plotted_with_its_truth(tmp_path: Path) -> None:
    squats = scene("squat", reps=2, tempo=0.6)
    poses = track(squats)
    marks = drawn(truth(squats).reps)
    assert [mark.times[1] for mark in marks] == [rep.turn for rep in truth(squats).reps]
    plot(tmp_path / "new" / "squats.png", "squats", poses, run(poses), marks)
    assert (tmp_path / "new" / "squats.png").stat().st_size > 10_000


def test_a_cut_repetition_is_marked_as_cut() -> None:
    whole, cut = annotated(SQUAT)
    assert (whole.partial, cut.partial) == (False, True)
    assert cut.times == (4.0, 5.0, None)


def test_rest_around_a_recording_moves_nothing_that_is_followed() -> None:
    flow = Flow(np.ones(LOAD_POINTS + HIP_POINTS, np.float32), (0.1, 0.1))
    poses = [replace(p, flow=flow if n else None) for n, p in enumerate(track(scene("squat", reps=1))[:5])]
    rested = rest(poses)
    assert rested[0].flow is None
    flows = [pose.flow for pose in rested[1:]]
    assert all(flow is not None for flow in flows)
    assert sum(float(flow.rise[0]) for flow in flows if flow is not None) == 4.0
    assert all(b.time > a.time for a, b in pairwise(rested))


def test_clips_are_scored_from_their_pictures_and_by_landmarks_alone(shared: Path, pose_model: Path) -> None:
    result = measure_clips(shared)
    names = sorted(path.stem for path in (shared / "clips").glob("*.mp4"))
    for read in (result.followed, result.landmarks):
        assert sorted(recording.name for recording in read.recordings) == names
        assert read.worst_off_by == 0
    assert result.followed.boundary_median < result.landmarks.boundary_median


def test_a_folder_without_clips_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "annotations.json").write_text("[]")
    with pytest.raises(SourceError, match="no annotated clip"):
        measure_clips(tmp_path)


def test_each_other_movement_is_drawn_by_one_function() -> None:
    assert set(get_args(OtherKind)) == OTHERS.keys()
    assert not OTHERS.keys() & DISTRACTORS.keys()


def test_other_movements_are_as_told_from_each_view_and_the_same_each_time() -> None:
    for kind in OTHERS:
        drawn = [take.scene for take in takes(kind, seed=2)]
        assert drawn == [take.scene for take in takes(kind, seed=2)]
        doing = [scene.segments[1] for scene in drawn]
        assert [segment.view for segment in doing] == list(VIEWS)
        assert {segment.kind for segment in doing if isinstance(segment, Distractor)} == {kind}


def test_uneven_sets_are_as_told_and_the_same_each_time() -> None:
    for number in range(12):
        drawn = draw_varied(3, number)
        assert drawn == draw_varied(3, number) != draw_varied(4, number)
        before, script, after = drawn.segments
        assert isinstance(script, SetScript)
        assert not isinstance(before, SetScript)
        assert not isinstance(after, SetScript)
        low, high = EXTENT[script.exercise]
        for rep in script.reps:
            assert PHASE_S[0] <= rep.first <= PHASE_S[1]
            assert rep.first + rep.second >= SHORTEST_S - 1e-9
            assert low <= rep.extent <= high
