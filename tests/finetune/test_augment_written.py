"""Augmented videos that are written show what augmenting on loading shows; a stop leaves no half ones."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from mini_aqa import SQUATS

from finetune import cli
from finetune.augment import Augmentation, Person, Recipe, augmented, sample_of
from finetune.augment.people import people_in
from finetune.augment.run import Augmenting, augment_records, write_all
from finetune.augment.written import media_of, prune, write_media
from finetune.clips import Clip
from finetune.convert import ConvertSettings, convert
from finetune.corpus import Corpus
from finetune.fitness_aqa import read_data_set
from finetune.media import Media
from finetune.poses import PoseTracks
from finetune.records import Record, read_records
from finetune.training_folder import TrainingFolder
from streamaqa.errors import UsageError
from streamaqa.sources.pose_track import save_track
from streamaqa.sources.synthetic import poses


@pytest.fixture
def corpus(mini: Path, tmp_path: Path) -> Path:
    """A conversion of the tiny data set, whose squats' videos show a wedge that moves."""
    for name in SQUATS:
        wedge(mini / "Squat/Labeled_Dataset/videos" / f"{name}.mp4")
    convert(read_data_set(mini), tmp_path / "corpus", ConvertSettings())
    return tmp_path / "corpus"


def wedge(path: Path) -> None:
    """45 frames, brighter to the right and with time, green below."""
    across = np.broadcast_to(np.linspace(20, 150, 64), (96, 64))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "8"})
        stream.width, stream.height, stream.pix_fmt = 64, 96, "yuv420p"
        for number in range(45):
            image = np.zeros((96, 64, 3), np.uint8)
            image[..., 0] = across + 2 * number
            image[48:, :, 1] = 120
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> None:
    """The command line in this process."""
    monkeypatch.setattr(sys, "argv", ["streamaqa-finetune", *map(str, words)])
    try:
        cli.main()
    except SystemExit as end:
        if end.code:
            raise


def squat(corpus: Path) -> tuple[Record, Media]:
    opened = Corpus.open(corpus)
    return next(r for r in opened.records("train") if r.id == "squat/1001_1"), opened.media


def difference(one: list[Any], other: list[Any]) -> float:
    return float(np.abs(np.stack(one).astype(int) - np.stack(other)).mean())


@pytest.mark.parametrize(
    "augmentation",
    [
        Augmentation(flip=True),
        Augmentation(flip=True, invert=True),
        Augmentation(rotation=20),
        Augmentation(crop=(0.1, 0.05, 0.9, 0.85), brightness=0.8, speed=1.1, cut_start=0.15, cut_end=0.1),
    ],
)
def test_what_is_written_is_what_augmenting_on_loading_shows(
    corpus: Path, tmp_path: Path, augmentation: Augmentation
) -> None:
    plain, media = squat(corpus)
    record = augmented(plain, augmentation, 1)
    written = write_media(record, media, tmp_path / "out")
    assert written.augment is None
    assert written.frames[0] == 0
    there = media_of(tmp_path / "out")
    shown, wanted = there.pictures(written), media.pictures(record)
    height, width = wanted[0].shape[:2]
    inside = [picture[:height, :width] for picture in shown]
    assert difference(inside, wanted) < 4.0  # what H.264 and a second JPEG cost
    times = [frame.time for frame in there.frames(written)]
    np.testing.assert_allclose(times, written.times, atol=2e-5)
    assert written.errors == record.errors
    assert written.conversations == record.conversations


def test_loading_a_record_augments_its_pictures(corpus: Path) -> None:
    plain, media = squat(corpus)
    before, after = media.pictures(plain), media.pictures(augmented(plain, Augmentation(flip=True), 1))
    np.testing.assert_array_equal(np.stack(after), np.stack(before)[:, :, ::-1])


def test_plain_records_keep_their_own_files_and_stills_are_written_too(corpus: Path, tmp_path: Path) -> None:
    opened = TrainingFolder.open(corpus)
    records = opened.phases["train"]
    flipped = [augmented(record, Augmentation(flip=True, invert=True), 1) for record in records]
    done = write_all([*records, *flipped], opened.media, tmp_path / "out", workers=2)
    assert done.problems == ()
    there = media_of(tmp_path / "out")
    for before, after in zip([*records, *flipped], done.records, strict=True):
        shown, wanted = there.pictures(after), opened.media.pictures(before)
        assert difference(shown, wanted) < 4.0
    count = len(list((tmp_path / "out").rglob("*.*")))
    assert count == len(flipped)


def test_a_second_run_writes_nothing_again_and_another_seed_leaves_nothing_behind(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ("augment", corpus, out, "--recipe", "mild", "--write", "--seed")
    run(monkeypatch, *words, 1)
    first = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in (out / "videos").rglob("*.mp4")}
    texts = {path.name: path.read_bytes() for path in out.glob("*.json*")}
    assert len(first) == 6  # squats and presses to train on
    gone, *_ = first
    gone.unlink()
    run(monkeypatch, *words, 1)
    again = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in (out / "videos").rglob("*.mp4")}
    assert {path for path in first if first[path] != again[path]} == {gone}
    assert again[gone][1] == first[gone][1]
    assert {path.name: path.read_bytes() for path in out.glob("*.json*")} == texts
    run(monkeypatch, *words, 2)
    assert not set(first) & set((out / "videos").rglob("*.mp4"))
    assert len(list((out / "videos").rglob("*.mp4"))) == 6
    assert "clips are not cropped" in capsys.readouterr().err


def test_a_damaged_video_is_named_and_left_out_and_strict_stops(
    corpus: Path,
    mini: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (mini / "Squat/Labeled_Dataset/videos/1001_1.mp4").write_bytes(b"no video any more")
    run(monkeypatch, "augment", corpus, tmp_path / "out", "--write")
    told = capsys.readouterr().err
    assert "1 conversations left out" in told
    assert "squat/1001_1~1" in told
    ids = {record.id for record in read_records(tmp_path / "out" / "train.json")}
    assert "squat/1000_1~1" in ids
    assert "squat/1001_1~1" not in ids
    assert len(json.loads((tmp_path / "out" / "augment.json").read_text())["problems"]) == 1
    with pytest.raises(SystemExit) as end:
        run(monkeypatch, "augment", corpus, tmp_path / "strict", "--write", "--strict")
    assert end.value.code == 2
    assert not (tmp_path / "strict" / "augment.json").exists()


def test_balanced_copies_can_be_written_afterwards(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "balance", corpus, tmp_path / "two", "--strategy", "two-step")
    with pytest.raises(SystemExit):
        run(monkeypatch, "augment", tmp_path / "two", tmp_path / "no")
    assert "can only --write them" in capsys.readouterr().err
    run(monkeypatch, "augment", tmp_path / "two", tmp_path / "written", "--write")
    before, after = TrainingFolder.open(tmp_path / "two"), TrainingFolder.open(tmp_path / "written")
    for name, records in before.phases.items():
        assert [record.id for record in records] == [record.id for record in after.phases[name]]
        assert (tmp_path / "written" / f"{name}.messages.jsonl").exists()
        for record in after.phases[name]:
            assert after.media.path(record).is_file()
    assert not (tmp_path / "two" / "phase2.messages.jsonl").exists()  # its flips are made on loading


def test_prune_leaves_files_of_others_alone(corpus: Path, tmp_path: Path) -> None:
    plain, media = squat(corpus)
    kept = write_media(augmented(plain, Augmentation(flip=True), 1), media, tmp_path)
    write_media(augmented(plain, Augmentation(invert=True), 2), media, tmp_path)
    prune(tmp_path, [kept, write_media(plain, media, tmp_path)])
    assert [path.stem for path in (tmp_path / "videos").rglob("*.mp4")] == [Path(kept.file).stem]
    assert media.path(plain).exists()


@pytest.mark.parametrize(
    "settings",
    [
        {"paraphrase": True},
        {"named": "longest", "paraphrase": True, "seed": 5},
        {"hull": True, "join_val": True},
        {"times": False},
        {"plan": {"sampling": "consecutive", "frames": 20}},
        {"plan": {"frames": 8, "fps": 10}},
    ],
    ids=str,
)
def test_whatever_was_converted_its_mild_copies_tell_the_moved_intervals(
    built: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    convert(read_data_set(built), tmp_path / "corpus", ConvertSettings.model_validate(settings))
    records = TrainingFolder.open(tmp_path / "corpus").phases["train"]
    made = augment_records(records, Augmenting(Recipe.MILD, copies=6, originals=False))
    plain = {record.id: record for record in records}
    assert len(made) == 6 * len(records)
    for record in made:
        before = plain[record.id.rpartition("~")[0]]
        assert record.combination == before.combination
        assert {span.name for span in record.spoken().errors} == set(record.errors)
        for span in record.spoken().errors:
            if span.start is not None and span.end is not None:
                assert any(
                    abs(span.start - start) < 0.011 and abs(span.end - end) < 0.011
                    for start, end in record.errors[span.name]
                )
        assert [re.sub(r"[\d.]+s", "", text) for text in (record.question, record.answer)] == [
            re.sub(r"[\d.]+s", "", text) for text in (before.question, before.answer)
        ]
        Record.model_validate(record.as_llava())


# --- where the lifter is ---------------------------------------------------------------------------------


def test_a_crop_comes_from_the_clips_pose_track(corpus: Path, tmp_path: Path) -> None:
    opened = Corpus.open(corpus)
    clips = [clip for clip in opened.clips() if clip.exercise == "squat"]
    tracks = PoseTracks(tmp_path / "tracks", opened.media.videos)
    assert people_in(clips, tracks) == {}
    known = next(clip for clip in clips if clip.id == "squat/1001_1")
    track = [pose for pose in poses("synthetic:squat?reps=1", size=(64, 96)) if pose.time < known.duration]
    tracks.path(known).parent.mkdir(parents=True)
    save_track(tracks.path(known), track)
    people = people_in(clips, tracks)
    assert set(people) == {known.id}
    points = np.concatenate([pose.image[:, :2] for pose in track])
    left, top, right, bottom = people[known.id].box
    assert (points >= (left, top)).all()
    assert (points <= (right, bottom)).all()


def test_a_lifters_place_is_moved_into_the_crop_that_the_record_has_already(corpus: Path) -> None:
    plain, _ = squat(corpus)
    cropped = plain.model_copy(update={"crop": (16, 0, 48, 96)})
    people = {plain.source: Person((0.375, 0.25, 0.5, 0.75), (64, 96))}
    assert sample_of(cropped, people).person == Person((0.25, 0.25, 0.5, 0.75), (32, 96))
    assert sample_of(plain, people).person == people[plain.source]


def test_clips_without_a_video_have_no_lifter(tmp_path: Path) -> None:
    clip = Clip(id="shallow/1", part="shallow", exercise="squat", kind="image", file="1.jpg", split="train",
                errors={}, judged=("shallow",))  # fmt: skip
    assert people_in([clip], PoseTracks(tmp_path, tmp_path), find=True) == {}


def test_nothing_is_written_into_a_folder_of_another_kind(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    for folder in (corpus, tmp_path / "mine", tmp_path / "mine" / "thesis.tex"):
        with pytest.raises(SystemExit) as end:
            run(monkeypatch, "augment", corpus, folder)
        assert end.value.code == 2
        assert str(folder) in capsys.readouterr().err
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "years of work"
    with pytest.raises(UsageError, match="no finished conversion"):
        TrainingFolder.open(tmp_path / "mine")
