"""Clips become conversations: LLaVA's, messages, and a folder that is whole or says that it is not."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lifter import scene, track
from mini_aqa import FRAMES, edit, write_video

from finetune import layout
from finetune.convert import ConvertSettings, convert, read_plan
from finetune.convert.writing import LOCK
from finetune.corpus import Corpus
from finetune.fitness_aqa import DataSet, read_data_set
from finetune.folders import claim
from finetune.poses import PoseTracks
from finetune.records import Record
from streamaqa.dialogue import question, time_instruction
from streamaqa.errors import SourceError, UsageError
from streamaqa.exercises import EXERCISES
from streamaqa.sources.pose_track import save_track
from streamaqa.types import Frame, Pose
from streamaqa.windows import WindowPlan, decode


@pytest.fixture
def data(mini: Path) -> DataSet:
    """The tiny data set."""
    return read_data_set(mini)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where conversations go."""
    return tmp_path / "out"


def done(data: DataSet, out: Path, **settings: Any) -> dict[str, Record]:
    """Records by id after a conversion."""
    convert(data, out, ConvertSettings.model_validate(settings))
    corpus = Corpus.open(out)
    return {record.id: record for split in layout.SPLITS for record in corpus.records(split)}


# --- what is written -------------------------------------------------------------------------------------


def test_a_video_becomes_a_conversation_as_llava_video_is_trained_on(data: DataSet, out: Path) -> None:
    done(data, out)
    sample = next(s for s in json.loads((out / "train.json").read_text()) if s["id"] == "squat/1000_1")
    assert sample["video"] == "Squat/Labeled_Dataset/videos/1000_1.mp4"
    assert "image" not in sample
    assert sample["conversations"] == [
        {"from": "human", "value": "<image>\n" + question(EXERCISES)},
        {
            "from": "gpt",
            "value": "The subject is performing a Squat. The body part committing errors is the following: "
            "knees forward from frame time 0.4s to 1.0s.",
        },
    ]


def test_the_papers_plan_is_the_whole_clip(data: DataSet, out: Path) -> None:
    record = done(data, out)["squat/1000_1"]
    assert record.frames == tuple(int(n * (FRAMES - 1) / 31) for n in range(32))
    assert (record.span, record.duration, record.unit) == ((0.0, 1.5), 1.5, "clip")
    assert record.judged == ("knees_forward", "knees_inward")
    assert record.errors == {"knees_forward": ((0.4, 1.0),)}


def test_messages_hold_the_same_with_the_time_instruction(mini: Path, data: DataSet, out: Path) -> None:
    records = done(data, out)
    lines = (out / "train.messages.jsonl").read_text().splitlines()
    samples = {sample["id"]: sample for sample in map(json.loads, lines)}
    assert list(samples) == [record.id for record in records.values() if record.split == "train"]
    record = records["squat/1000_1"]
    user, assistant = samples[record.id]["messages"]
    assert (user["role"], assistant["role"]) == ("user", "assistant")
    pixels, text = user["content"]
    assert pixels == {"type": "video", "path": str(mini / record.file)}
    assert text["text"] == f"{time_instruction(record.times, 1.5)}\n{question(EXERCISES)}"
    assert record.turn == f"<image>\n{text['text']}"
    assert assistant["content"] == [{"type": "text", "text": record.answer}]


def test_a_still_is_asked_without_times(data: DataSet, out: Path) -> None:
    record = done(data, out)["shallow/3000_1_10"]
    assert (record.timed, record.unit, record.frames) == (False, "still", ())
    assert record.turn == f"<image>\n{question(EXERCISES)}"
    assert record.answer.endswith("The body part committing errors is the following: shallow depth.")
    (line,) = [line for line in (out / "train.messages.jsonl").read_text().splitlines() if record.id in line]
    pixels = json.loads(line)["messages"][0]["content"][0]
    assert pixels["type"] == "image"
    assert Path(pixels["path"]).is_file()


def test_every_answer_says_what_its_record_says(data: DataSet, out: Path) -> None:
    for record in done(data, out).values():
        spoken = record.spoken()
        assert spoken.exercise == record.exercise
        assert {span.name for span in spoken.errors} == record.errors.keys()


def test_without_times_neither_question_nor_answer_tells_any(data: DataSet, out: Path) -> None:
    for record in done(data, out, times=False).values():
        assert not record.timed
        assert "0." not in record.turn + record.answer
    record = done(data, out, times=False)["squat/1001_1"]
    assert record.answer.endswith("errors are the following: knees forward and knees inward.")
    assert record.errors["knees_forward"] == ((0.2, 0.5), (0.9, 1.3))  # known, though not told


def test_several_intervals_are_kept_or_joined_as_the_paper(data: DataSet, out: Path) -> None:
    kept = done(data, out)["squat/1001_1"]
    assert (
        "knees forward from frame time 0.2s to 0.5s and knees forward from frame time 0.9s to 1.3s"
        in kept.answer
    )
    joined = done(data, out, hull=True)["squat/1001_1"]
    assert joined.errors["knees_forward"] == ((0.2, 1.3),)
    assert "knees forward from frame time 0.2s to 1.3s and knees inward" in joined.answer


def test_the_longest_interval_alone_may_be_named(data: DataSet, out: Path) -> None:
    record = done(data, out, named="longest")["squat/1001_1"]
    assert record.errors["knees_forward"] == ((0.2, 0.5), (0.9, 1.3))
    assert [(span.name, span.start) for span in record.spoken().errors] == [
        ("knees_forward", 0.9),
        ("knees_inward", 0.3),
    ]


def test_validation_stays_apart_or_joins_training_as_in_the_paper(data: DataSet, out: Path) -> None:
    apart = Counter(record.split for record in done(data, out).values())
    joined = Counter(record.split for record in done(data, out, join_val=True).values())
    assert joined == {"train": apart["train"] + apart["val"], "test": apart["test"]}
    assert not (out / "val.json").exists()
    assert not (out / "val.messages.jsonl").exists()
    assert (
        sum(clip.split == "val" for clip in Corpus.open(out).clips()) == apart["val"]
    )  # as the data set has it


def test_wordings_vary_by_seed_in_training_only(data: DataSet, out: Path) -> None:
    plain = done(data, out)
    one = done(data, out, paraphrase=True)
    assert one == done(data, out, paraphrase=True)
    assert one != done(data, out, paraphrase=True, seed=1)
    changed = {id for id in plain if one[id].conversations != plain[id].conversations}
    assert changed
    assert {one[id].split for id in changed} == {"train"}
    for id, record in one.items():
        assert record.spoken() == plain[id].spoken()


def test_the_question_names_the_papers_exercises_unless_there_are_others(mini: Path, out: Path) -> None:
    record = done(read_data_set(mini, ["squat"]), out)["squat/1000_1"]
    assert record.question == question()


def test_clips_keep_the_whole_truth_to_score_against(data: DataSet, out: Path) -> None:
    done(data, out, plan=WindowPlan(sampling="consecutive", frames=16), hull=True)
    assert Corpus.open(out).clips() == list(data.clips)


def test_the_manifest_says_what_was_done_and_counts_it(data: DataSet, out: Path) -> None:
    done(data, out, min_share=0.5)
    manifest = Corpus.open(out).manifest
    assert manifest["settings"]["min_share"] == 0.5
    assert manifest["splits"]["train"]["clips"] == 9
    assert manifest["splits"]["train"]["by_errors"]["squat: knees_forward + knees_inward"] == 1
    assert manifest["splits"]["train"]["by_errors"]["squat, still: shallow"] == 1
    assert manifest["ignored"]["Squat/Unlabeled_Dataset"] == 2


# --- chunks ----------------------------------------------------------------------------------------------


def test_chunks_carry_labels_moved_to_their_own_times(data: DataSet, out: Path) -> None:
    records = done(data, out, plan=WindowPlan(sampling="consecutive", frames=15))
    chunks = [record for record in records.values() if record.source == "squat/1000_1"]
    assert [chunk.id for chunk in chunks] == [f"squat/1000_1/{n}of3" for n in (1, 2, 3)]
    assert [chunk.frames for chunk in chunks] == [tuple(range(n, n + 15)) for n in (0, 15, 30)]
    assert [chunk.errors for chunk in chunks] == [  # the fault lasts from 0.4 to 1.0 s
        {},  # 0.1 s of it, under a quarter of the half second
        {"knees_forward": ((0.0, 0.5),)},
        {},
    ]
    assert Corpus.open(out).manifest["counts"]["intervals of which a window shows too little"] >= 1


def test_a_window_of_one_frame_is_asked_as_a_still(data: DataSet, out: Path) -> None:
    records = done(data, out, plan=WindowPlan(sampling="consecutive", frames=1))
    (first,) = [record for record in records.values() if record.source == "ohp/2001_1" and record.window == 0]
    assert not first.timed
    assert first.turn == f"<image>\n{question(EXERCISES)}"


# --- phases, cut through poses ---------------------------------------------------------------------------


@pytest.fixture
def posed(mini: Path, tmp_path: Path) -> Path:
    """Tracks of drawn lifters for two squats and a press, whose videos are made as long."""
    tracks = tmp_path / "tracks"
    for part, name, exercise, reps in [
        (layout.SQUAT, "1000_1", "squat", 1),
        (layout.SQUAT, "1000_2", "squat", 2),
        (layout.OHP, "2000_1", "overhead_press", 1),
    ]:
        poses = track(scene(exercise, reps=reps, seed=3))
        write_video(mini / part.video(name), frames=len(poses))
        path = tracks / f"{part.name}/{name}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_track(path, poses)
    return tracks


class Nobody:
    """A pose model that finds nobody."""

    made = 0

    def __init__(self) -> None:
        Nobody.made += 1

    def estimate(self, frame: Frame) -> Pose:
        """Nobody."""
        return Pose.nobody(frame.time, (64, 96))

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def nobody() -> type[Nobody]:
    """The model that finds nobody, not made yet."""
    Nobody.made = 0
    return Nobody


PHASES = {"plan": WindowPlan(unit="phase"), "reps": "found"}


def by_clip(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Records of each clip."""
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(record.source, []).append(record)
    return found


def test_phases_are_cut_by_the_segmenter_and_labels_moved(
    mini: Path, posed: Path, out: Path, nobody: type[Nobody]
) -> None:
    edit(mini / layout.SQUAT.labels["knees_forward"], lambda labels: labels.update({"1000_1": [[0.0, 60.0]]}))
    edit(mini / layout.SQUAT.labels["knees_inward"], lambda labels: labels.update({"1000_1": []}))
    data = read_data_set(mini, ["squat"])
    assert data.problems  # 60 s is outside; take the clip's own end
    whole = len(track(scene("squat", reps=1, seed=3))) / 30
    edit(
        mini / layout.SQUAT.labels["knees_forward"], lambda labels: labels.update({"1000_1": [[0.0, whole]]})
    )
    data = read_data_set(mini, ["squat"])
    outcome = convert(
        data, out, ConvertSettings.model_validate(PHASES), tracks=PoseTracks(posed, mini, estimator=nobody)
    )
    lowering, lifting = by_clip(outcome.records)["squat/1000_1"]
    assert (lowering.id, lifting.id) == ("squat/1000_1/rep1/lowering", "squat/1000_1/rep1/lifting")
    assert lowering.span is not None
    assert lifting.span is not None
    assert lowering.span[1] == lifting.span[0]
    for record in (lowering, lifting):
        assert record.start >= (record.span or (0, 0))[0]
        ((start, end),) = record.errors["knees_forward"]
        assert (start, end) == pytest.approx((0.0, record.duration), abs=1e-5)
    two = by_clip(outcome.records)["squat/1000_2"]
    assert [(record.number, record.phase) for record in two] == [
        (0, "lowering"), (0, "lifting"), (1, "lowering"), (1, "lifting"),
    ]  # fmt: skip


def test_clips_without_one_repetition_are_treated_as_told_and_counted(
    mini: Path, posed: Path, out: Path, nobody: type[Nobody]
) -> None:
    data = read_data_set(mini, ["squat"])
    tracks = PoseTracks(posed, mini, estimator=nobody)

    def run(**more: str) -> tuple[dict[str, list[Record]], dict[str, Any]]:
        outcome = convert(data, out, ConvertSettings.model_validate(PHASES | more), tracks=tracks)
        return by_clip(outcome.records), Corpus.open(out).manifest

    records, manifest = run(no_rep="whole", many_reps="each")
    assert manifest["counts"]["clips without a repetition, taken whole"] == 4
    assert manifest["counts"]["clips with several repetitions, each taken"] == 1
    assert [record.unit for record in records["squat/1001_1"]] == ["clip"]
    assert len(records["squat/1000_2"]) == 4

    records, manifest = run(no_rep="skip", many_reps="longest")
    assert "squat/1001_1" not in records
    assert manifest["without_windows"]["squat/1001_1"] == "repetitions found: none"
    assert len(records["squat/1000_2"]) == 2

    records, manifest = run(no_rep="skip", many_reps="skip")
    assert records.keys() == {"squat/1000_1"}
    assert manifest["counts"]["clips without a repetition, left out"] == 4
    assert manifest["counts"]["clips with several repetitions, left out"] == 1
    assert len(manifest["without_windows"]) == 5


def test_poses_are_estimated_once(mini: Path, posed: Path, out: Path, nobody: type[Nobody]) -> None:
    data = read_data_set(mini, ["squat", "ohp"])
    settings = ConvertSettings.model_validate(PHASES)
    convert(data, out, settings, tracks=PoseTracks(posed, mini, estimator=nobody))
    assert nobody.made == len(data.clips) - 3  # three tracks were there
    first = (out / "train.json").read_bytes()
    convert(data, out, settings, tracks=PoseTracks(posed, mini, estimator=nobody))
    assert nobody.made == len(data.clips) - 3
    assert (out / "train.json").read_bytes() == first


def test_a_track_of_another_video_is_named_and_costs_its_clip(
    mini: Path, posed: Path, out: Path, nobody: type[Nobody]
) -> None:
    (posed / "squat/1000_1.npz").replace(posed / "squat/1001_1.npz")
    data = read_data_set(mini, ["squat"])
    tracks = PoseTracks(posed, mini, estimator=nobody)
    outcome = convert(data, out, ConvertSettings.model_validate(PHASES), tracks=tracks)
    (problem,) = outcome.problems
    assert (problem.kind, problem.where) == ("unfit pose track", "squat/1001_1")
    assert "squat/1001_1" in outcome.unseen
    with pytest.raises(UsageError, match="unfit pose track"):
        convert(data, out, ConvertSettings.model_validate(PHASES), tracks=tracks, strict=True)


def test_a_crop_to_the_person_is_in_the_record(
    mini: Path, posed: Path, out: Path, nobody: type[Nobody]
) -> None:
    data = read_data_set(mini, ["squat"])
    settings = ConvertSettings(plan=WindowPlan(crop="person"))
    outcome = convert(data, out, settings, tracks=PoseTracks(posed, mini, estimator=nobody))
    (record,) = by_clip(outcome.records)["squat/1000_1"]
    assert record.crop is not None
    left, top, right, bottom = record.crop
    assert 0 <= left < right <= 64
    assert 0 <= top < bottom <= 96
    shown = Corpus.open(out).media.pictures(record)
    assert {picture.shape for picture in shown} == {(bottom - top, right - left, 3)}
    assert "nobody to crop to" in outcome.unseen["squat/1001_1"]


# --- the folder ------------------------------------------------------------------------------------------


def test_strict_stops_at_a_problem_and_writes_nothing(mini: Path, out: Path) -> None:
    (mini / layout.SQUAT.video("1000_1")).write_bytes(b"")
    data = read_data_set(mini)
    with pytest.raises(UsageError, match="damaged video"):
        convert(data, out, strict=True)
    assert not out.exists()
    outcome = convert(data, out)
    assert "squat/1000_1" not in {record.source for record in outcome.records}
    assert Corpus.open(out).manifest["left_out"] == 1


def test_a_folder_with_other_files_is_not_written_to(data: DataSet, out: Path) -> None:
    out.mkdir()
    (out / "train.json").write_text("mine")
    with pytest.raises(UsageError, match="holds other files"):
        convert(data, out)
    assert [path.name for path in out.iterdir()] == ["train.json"]


def test_two_conversions_do_not_write_to_one_folder(data: DataSet, out: Path) -> None:
    with claim(out, LOCK, ()), pytest.raises(UsageError, match="another run"):
        convert(data, out)


def test_a_folder_that_is_not_whole_is_not_read(data: DataSet, out: Path) -> None:
    convert(data, out)
    (out / "convert.json").unlink()
    with pytest.raises(UsageError, match="no finished conversion"):
        Corpus.open(out)
    for text, told in [
        ("{", "not JSON"),
        ("[]", "its format is not"),
        ('{"format": "mine"}', "its format is not"),
    ]:
        (out / "convert.json").write_text(text)
        with pytest.raises(UsageError, match=told):
            Corpus.open(out)


def test_a_folder_that_is_being_written_anew_is_not_whole_meanwhile(
    data: DataSet, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    convert(data, out)

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("finetune.convert.writing.write_clips", full)
    with pytest.raises(OSError, match="no space"):
        convert(data, out, ConvertSettings(hull=True))
    with pytest.raises(UsageError, match="no finished conversion"):
        Corpus.open(out)


def test_what_a_killed_conversion_left_is_cleared_away(data: DataSet, out: Path) -> None:
    convert(data, out)
    (out / ".train.json.123.part").write_text("half")
    (out / "images" / ".x.jpg.123.part").write_bytes(b"half")
    convert(data, out)
    assert not list(out.rglob("*.part"))


# --- pixels ----------------------------------------------------------------------------------------------


def test_a_record_finds_its_frames(data: DataSet, out: Path) -> None:
    record = done(data, out, plan=WindowPlan(sampling="consecutive", frames=15))["squat/1000_1/2of3"]
    frames = Corpus.open(out).media.frames(record)
    assert [frame.number for frame in frames] == list(range(15, 30))
    for frame in frames:
        assert frame.image.mean() == pytest.approx(16 + 4 * frame.number, abs=4)


def test_a_window_passes_through_servings_frame_path(data: DataSet, out: Path) -> None:
    records = done(data, out)
    media = Corpus.open(out).media
    window = media.window(records["squat/1000_1"])
    assert (len(window.frames), window.duration, window.still) == (32, 1.5, False)
    assert window.relative_times == pytest.approx(records["squat/1000_1"].times)
    for jpeg, picture in zip(window.frames, media.pictures(records["squat/1000_1"]), strict=True):
        np.testing.assert_array_equal(decode(jpeg), picture)
    assert media.window(records["shallow/3000_1_10"]).still


def test_a_video_that_was_replaced_is_not_taken_for_the_one_converted(
    mini: Path, data: DataSet, out: Path
) -> None:
    record = done(data, out)["squat/1000_1"]
    write_video(mini / record.file, frames=10)
    with pytest.raises(SourceError, match="has no frame 11"):
        Corpus.open(out).media.frames(record)


# --- plans -----------------------------------------------------------------------------------------------


def test_a_plan_is_read_however_it_is_written(tmp_path: Path) -> None:
    wanted = WindowPlan(unit="phase", sampling="consecutive", frames=16, fps=12.5, crop="person")
    assert read_plan("phase,consecutive,16,12.5,person") == wanted
    assert read_plan(wanted.model_dump_json()) == wanted
    for name, text in [
        ("plan.json", wanted.model_dump_json()),
        ("plan.yaml", "unit: phase\nsampling: consecutive\nframes: 16\nfps: 12.5\ncrop: person\n"),
    ]:
        (tmp_path / name).write_text(text)
        assert read_plan(str(tmp_path / name)) == wanted
    assert read_plan("rep,uniform,32,null,none") == read_plan("rep") == WindowPlan()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rep,uniform,64", "frames: Input should be less than or equal to 32"),
        ("set", "unit: Input should be 'rep' or 'phase'"),
        ("rep,uniform,32,null,none,more", "6 fields"),
        ("{unit: [", "neither YAML nor JSON"),
        ("none.yaml", "No such file"),
        ('{"unit": "rep", "fpss": 3}', "fpss: Extra inputs are not permitted"),
    ],
)
def test_a_plan_that_cannot_be_read_is_told_in_a_line(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=r"^--plan") as refused:
        read_plan(text)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_record_survives_its_file(data: DataSet, out: Path) -> None:
    for record in done(data, out).values():
        assert Record.model_validate_json(json.dumps(record.as_llava())) == record
