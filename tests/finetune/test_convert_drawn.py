"""A drawn data set goes through the reader and into conversations, and its labels stay the truth's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from finetune.convert import ConvertSettings, convert
from finetune.convert.moving import into_clip
from finetune.fitness_aqa import DataSet, read_data_set
from finetune.poses import PoseTracks
from finetune.synthesize import Recipe, read_truth, synthesize
from streamaqa.pose import PoseSettings
from streamaqa.windows import WindowPlan


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    """A small drawn data set."""
    root = tmp_path_factory.mktemp("drawn") / "set"
    synthesize(root, Recipe(videos=20, images=12, size=48, seconds=2.0, seed=2))
    return read_data_set(root)


def test_nothing_is_wrong_with_a_drawn_data_set(drawn: DataSet) -> None:
    assert drawn.problems == ()
    assert {clip.part for clip in drawn.clips} == {"squat", "ohp", "shallow", "row"}
    assert len(drawn.clips) == 32


def test_windows_of_a_drawn_clip_say_what_is_drawn(drawn: DataSet, tmp_path: Path) -> None:
    plan = WindowPlan(sampling="consecutive", frames=16)
    outcome = convert(drawn, tmp_path / "out", ConvertSettings(plan=plan, min_share=0.0))
    shown: dict[str, dict[str, float]] = {}
    for record in outcome.records:
        if record.still:
            continue
        truth = read_truth(drawn.root / "Truth" / f"{record.source}.npz").intervals
        seconds = shown.setdefault(record.source, dict.fromkeys(truth, 0.0))
        for name, when in into_clip(record.errors, record.start).items():
            for start, end in when:
                assert any(s - 0.01 <= start and end <= e + 0.01 for s, e in truth[name])
                seconds[name] += end - start
    for source, seconds in shown.items():
        truth = read_truth(drawn.root / "Truth" / f"{source}.npz").intervals
        for name, drawn_at in truth.items():  # the chunks together show all of it
            assert seconds[name] == pytest.approx(sum(end - start for start, end in drawn_at), abs=0.1)
    assert any(total for seconds in shown.values() for total in seconds.values())


def test_the_pose_model_and_the_segmenter_find_a_drawn_clips_phases(pose_model: Path, tmp_path: Path) -> None:
    root = tmp_path / "set"
    synthesize(root, Recipe(videos=2, images=2, size=112, seconds=2.0, seed=5))
    data = read_data_set(root, ["squat", "ohp"])
    data = replace(data, clips=data.clips[:1])
    tracks = PoseTracks(tmp_path / "poses", root, PoseSettings(model=pose_model))
    settings = ConvertSettings(plan=WindowPlan(unit="phase"), reps="found", no_rep="skip")
    outcome = convert(data, tmp_path / "out", settings, tracks=tracks)
    start, turn, end = read_truth(root / "Truth" / f"{data.clips[0].id}.npz").about["phases"]
    first, second = outcome.records
    assert first.span == pytest.approx((start, turn), abs=0.2)
    assert second.span == pytest.approx((turn, end), abs=0.2)
    assert tracks.path(data.clips[0]).is_file()
