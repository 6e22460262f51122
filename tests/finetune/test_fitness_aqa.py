"""The real layout is read whole, and everything that is wrong with it is said at once."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mini_aqa import FRAMES, PRESSES, SHALLOW, SQUATS, edit, lines, write_video

from finetune import layout
from finetune.clips import Clip
from finetune.fitness_aqa import DataSet, Problem, Scan, Scans, read_data_set
from finetune.fitness_aqa.files import intervals, joined
from finetune.fitness_aqa.scan import Job, scan_video
from streamaqa.errors import UsageError

FORWARD = layout.SQUAT.labels["knees_forward"]
INWARD = layout.SQUAT.labels["knees_inward"]


def clip(data: DataSet, name: str) -> Clip:
    """The clip of that id."""
    return {clip.id: clip for clip in data.clips}[name]


# --- what is right ---------------------------------------------------------------------------------------


def test_every_part_is_read_with_its_splits(mini: Path) -> None:
    data = read_data_set(mini)
    assert data.problems == ()
    assert Counter((clip.part, clip.split) for clip in data.clips) == {
        ("squat", "train"): 4,
        ("squat", "val"): 1,
        ("squat", "test"): 1,
        ("ohp", "train"): 2,
        ("ohp", "val"): 1,
        ("ohp", "test"): 1,
        ("shallow", "train"): 2,
        ("shallow", "val"): 1,
        ("shallow", "test"): 1,
        ("row", "train"): 1,
        ("row", "val"): 1,
        ("row", "test"): 3,
    }


def test_a_video_clip_knows_its_intervals_and_its_frames(mini: Path) -> None:
    data = read_data_set(mini)
    both = clip(data, "squat/1001_1")
    assert both.errors == {"knees_forward": ((0.2, 0.5), (0.9, 1.3)), "knees_inward": ((0.3, 0.8),)}
    assert clip(data, "squat/1000_2").errors == {}
    assert both.judged == ("knees_forward", "knees_inward")
    assert (both.exercise, both.kind, both.frames, both.size) == ("squat", "video", FRAMES, (64, 96))
    assert both.fps == pytest.approx(30)
    assert both.duration == pytest.approx(FRAMES / 30)
    assert data.times[both.id] == pytest.approx([n / 30 for n in range(FRAMES)])


def test_an_image_clip_knows_only_what_was_labelled(mini: Path) -> None:
    data = read_data_set(mini)
    deep = clip(data, "shallow/3000_1_20")
    assert (deep.errors, deep.judged, deep.exercise, deep.kind) == ({}, ("shallow",), "squat", "image")
    assert clip(data, "shallow/3000_1_10").errors == {"shallow": ()}
    assert (deep.archive, deep.member) == (layout.SHALLOW.archive, "images/3000_1_20.jpg")
    assert deep.size == (30, 40)


def test_a_row_image_that_two_parts_label_is_one_clip(mini: Path) -> None:
    both = clip(read_data_set(mini), "row/4000_1_3")
    assert (both.errors, both.judged) == ({"lumbar": ()}, ("lumbar", "torso_angle"))


def test_an_image_held_out_for_one_error_is_not_trained_on_for_the_other(mini: Path) -> None:
    data = read_data_set(mini)
    held = clip(data, "row/4001_1_4")  # lumbar: train, 0; torso angle: test, 1
    assert (held.split, held.errors, held.judged) == ("test", {"torso_angle": ()}, ("torso_angle",))
    assert data.ignored["labels of images that another error's split holds out"] == 1


def test_what_has_no_labels_is_passed_over_with_a_count(mini: Path) -> None:
    write_video(mini / layout.SQUAT.video("7777_1"))
    ignored = read_data_set(mini).ignored
    assert ignored["videos without labels"] == 1
    assert ignored["images without labels"] == 1  # 9999_1_1 of the row
    assert ignored["Squat/Unlabeled_Dataset"] == 2
    assert ignored["OHP/Unlabeled_Dataset"] == 3
    assert ignored[f"{layout.SQUAT.unusable} (their videos are read)"] == 1


def test_unlabelled_videos_are_counted_where_they_are_unpacked_or_cannot_be_opened(mini: Path) -> None:
    squats, presses = (mini / folder for folder in layout.UNLABELED)
    shutil.unpack_archive(squats / "videos.zip", squats)
    (squats / "videos.zip").unlink()
    (presses / "videos.zip").write_bytes(b"half a downl")
    ignored = read_data_set(mini).ignored
    assert (ignored["Squat/Unlabeled_Dataset"], ignored["OHP/Unlabeled_Dataset"]) == (2, 1)


def test_unpacked_images_are_read_like_packed_ones(mini: Path) -> None:
    packed = read_data_set(mini, ["shallow"])
    folder = mini / layout.SHALLOW.unpacked
    shutil.unpack_archive(mini / layout.SHALLOW.archive, folder)  # images/images/3000_1_10.jpg
    (mini / layout.SHALLOW.archive).unlink()
    unpacked = read_data_set(mini, ["shallow"])
    assert [clip.id for clip in unpacked.clips] == [clip.id for clip in packed.clips]
    assert all((mini / clip.file).is_file() and clip.archive is None for clip in unpacked.clips)


def test_a_label_that_ends_a_rounding_behind_its_video_is_cut_there(mini: Path) -> None:
    edit(mini / FORWARD, lambda labels: labels.update({"1000_1": [[0.4, 1.55]]}))
    data = read_data_set(mini, ["squat"])
    assert data.problems == ()
    (interval,) = clip(data, "squat/1000_1").errors["knees_forward"]
    assert interval == pytest.approx((0.4, 1.5))


# --- what is wrong with clips ----------------------------------------------------------------------------


def _wrong_labels(labels: dict[str, Any]) -> None:
    labels["1000_1"] = [[1.0, 0.4]]
    labels["1000_2"] = [[0.5, 0.9], [1.0, 9.0]]
    labels["1001_1"] = [["0.2", 0.5]]
    labels["1002_1"] = {"start": 0}
    labels["1003_1"] = [[-0.5, 0.3]]
    labels["5555_1"] = []


def test_every_problem_is_listed_at_once_and_costs_its_clip_only(mini: Path) -> None:
    edit(mini / FORWARD, _wrong_labels)
    edit(mini / INWARD, lambda labels: labels.pop("1004_1"))
    press = layout.OHP
    (mini / press.video("2000_1")).unlink()
    edit(mini / press.split("test"), lambda ids: ids.append("2001_1"))
    edit(mini / press.split("val"), lambda ids: ids.remove("2002_1"))
    edit(mini / layout.SHALLOW.labels, lambda labels: labels.update({"3000_1_10": 2, "3999_1_1": 1}))

    data = read_data_set(mini)
    text = data.report()
    for kind, where, words in [
        ("end before start", "squat/1000_1", "from 1 to 0.4 s"),
        ("outside the video", "squat/1000_2", "from 1 to 9 s, which lasts 1.50 s"),
        ("not a number", "squat/1001_1", '"0.2"'),
        ("not a label", "squat/1002_1", "holds an object"),
        ("outside the video", "squat/1003_1", "from -0.5 to 0.3 s"),
        ("not labelled", "squat/1004_1", f"{INWARD} has nothing of it"),
        ("missing video", "squat/5555_1", "error_knees_forward.json"),
        ("in no split", "squat/5555_1", ""),
        ("missing video", "ohp/2000_1", "a split"),
        ("in two splits", "ohp/2001_1", "is in train and test"),
        ("in no split", "ohp/2002_1", ""),
        ("not a label", "shallow/3000_1_10", "shallow is 2, wanted 0 or 1"),
        ("missing image", "shallow/3999_1_1", layout.SHALLOW.archive),
    ]:
        assert any((p.kind, p.where) == (kind, where) and words in p.what for p in data.problems), where
        assert lines(text, [where, words]), where
    assert [c.id for c in data.clips if c.part in ("squat", "ohp")] == ["ohp/2003_1"]
    assert [c.id for c in data.clips if c.part == "shallow"] == [f"shallow/{id}" for id in sorted(SHALLOW)][
        1:
    ]
    assert data.left_out == 7 + 3 + 2


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "true", "null", '"1.0"', "[]", "1e999", "1" + 400 * "0"]
)
def test_a_time_that_is_no_number_is_said_to_be_none(mini: Path, value: str) -> None:
    labels = json.loads((mini / FORWARD).read_text())
    del labels["1000_1"]
    rest = json.dumps(labels)[1:]
    (mini / FORWARD).write_text(f'{{"1000_1": [[0.1, {value}]], {rest}')
    (problem,) = read_data_set(mini, ["squat"]).problems
    assert (problem.kind, problem.where) == ("not a number", "squat/1000_1")


def test_an_id_that_stands_twice_in_a_file_is_left_out(mini: Path) -> None:
    text = (mini / FORWARD).read_text()
    (mini / FORWARD).write_text(text[:-1] + ', "1000_1": []}')
    data = read_data_set(mini, ["squat"])
    assert [(p.kind, p.where) for p in data.problems] == [("labelled twice", "squat/1000_1")]
    assert len(data.clips) == len(SQUATS) - 1


@pytest.mark.parametrize("damage", ["empty", "no video", "cut off", "overwritten"])
def test_a_damaged_video_is_named_left_out_and_counted(mini: Path, damage: str) -> None:
    path = mini / layout.OHP.video("2001_1")
    whole = path.read_bytes()
    if damage == "overwritten":  # the picture data, index and header left as they are
        begin = whole.index(b"mdat") + 4
        path.write_bytes(whole[: begin + 700] + bytes(range(256)) * 2 + whole[begin + 700 + 512 :])
    else:
        path.write_bytes(
            {"empty": b"", "no video": b"not a video" * 50, "cut off": whole[: len(whole) // 2]}[damage]
        )
    data = read_data_set(mini, ["ohp"])
    (problem,) = data.problems
    assert (problem.kind, problem.where) == ("damaged video", "ohp/2001_1")
    assert len(data.clips) == len(PRESSES) - 1
    assert data.left_out == 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=4),
        max_leaves=8,
    )
    | st.lists(st.lists(st.floats(-1, 5), min_size=2, max_size=2), max_size=4),
    st.none() | st.floats(0.1, 4),
)
def test_any_label_is_either_read_or_refused(value: Any, duration: float | None) -> None:
    read = intervals(value, duration, 0.1)
    if isinstance(read, Problem):
        assert read.what
    else:
        assert all(0 <= start < end for start, end in read)
        assert duration is None or all(end <= duration for _, end in read)
        assert all(one[1] < two[0] for one, two in pairwise(read))


def test_overlapping_intervals_of_one_error_are_one() -> None:
    assert joined([(1.0, 2.0), (0.0, 0.5), (1.5, 1.7), (2.0, 3.0)]) == ((0.0, 0.5), (1.0, 3.0))


# --- a folder of another shape ---------------------------------------------------------------------------


def test_another_folder_is_told_what_was_expected_and_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "holiday.mp4").touch()
    (tmp_path / "notes").mkdir()
    with pytest.raises(UsageError) as refused:
        read_data_set(tmp_path)
    text = str(refused.value)
    for part in layout.VIDEO_PARTS:
        assert lines(text, [f"{part.videos}/", "missing"])
        assert all(lines(text, [file, "missing"]) for file in part.labels.values())
    assert "holiday.mp4, notes/" in text


def test_the_folder_above_or_below_the_right_one_is_hinted_at(mini: Path) -> None:
    for wrong in (mini.parent, mini / "Squat", mini / "Squat" / "Labeled_Dataset" / "videos"):
        with pytest.raises(UsageError, match=f"hint: {mini} has that shape"):
            read_data_set(wrong)


def test_videos_that_are_still_packed_are_hinted_at(mini: Path) -> None:
    shutil.rmtree(mini / layout.OHP.videos)
    (mini / f"{layout.OHP.videos}.zip").touch()
    with pytest.raises(UsageError, match=r"OHP/Labeled_Dataset/videos/ +missing: unpack \S+videos.zip"):
        read_data_set(mini)


def test_parts_that_were_not_downloaded_are_left_out_knowingly(mini: Path) -> None:
    shutil.rmtree(mini / "BarbellRow")
    shutil.rmtree(mini / "OHP")
    with pytest.raises(UsageError, match="--only squat,shallow"):
        read_data_set(mini)
    data = read_data_set(mini, ["squat", "shallow"])
    assert data.parts == ("squat", "shallow")
    assert {clip.part for clip in data.clips} == {"squat", "shallow"}


def test_an_unknown_part_is_answered_with_those_there_are(mini: Path) -> None:
    with pytest.raises(UsageError, match=r"no part 'bench'.*squat, ohp, shallow, lumbar, torso, row"):
        read_data_set(mini, ["squat", "bench"])


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "\xff", 100_000 * "["])
def test_files_that_are_no_json_are_listed_together_with_the_rest(mini: Path, text: str) -> None:
    (mini / FORWARD).write_bytes(text.encode("latin-1"))
    (mini / layout.OHP.split("val")).write_text('{"no": "list"}')
    (mini / layout.OHP.video("2000_1")).unlink()
    with pytest.raises(UsageError) as refused:
        read_data_set(mini)
    report = str(refused.value)
    assert "unreadable file (2)" in report
    assert lines(report, [FORWARD])
    assert lines(report, [layout.OHP.split("val"), "wanted a list of ids"])
    assert lines(report, ["ohp/2000_1", "is not there"])
    assert "not labelled" not in report  # no clip is accused of what a file lacks


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no such folder$"):
        read_data_set(tmp_path / "none")


# --- scans -----------------------------------------------------------------------------------------------


def test_a_scan_is_kept_until_its_video_changes(mini: Path, tmp_path: Path) -> None:
    store = tmp_path / "scans.jsonl"
    first = read_data_set(mini, ["squat"], Scans(store))
    kept = store.read_bytes()
    assert read_data_set(mini, ["squat"], Scans(store)) == first
    assert store.read_bytes() == kept
    write_video(mini / layout.SQUAT.video("1000_2"), frames=60)
    again = read_data_set(mini, ["squat"], Scans(store))
    assert clip(again, "squat/1000_2").frames == 60
    assert len(store.read_bytes().splitlines()) > len(kept.splitlines())
    other = mini / layout.SQUAT.video("1001_1")
    other.write_bytes(bytes(other.stat().st_size))  # as long as before
    assert [p.where for p in read_data_set(mini, ["squat"], Scans(store)).problems] == ["squat/1001_1"]


def test_a_half_written_line_of_the_store_costs_one_scan(tmp_path: Path) -> None:
    store = tmp_path / "scans.jsonl"
    ran: list[str] = []

    def job(name: str) -> Job:
        def run() -> Scan:
            ran.append(name)
            return Scan((0.0, 0.1), (4, 4))

        return Job(name, name, run)

    Scans(store).scan([job("a"), job("b")])
    store.write_bytes(store.read_bytes()[:-20])
    ran.clear()
    found = Scans(store).scan([job("a"), job("b")])
    assert ran == ["b"]
    assert found["b"] == Scan((0.0, 0.1), (4, 4))
    ran.clear()
    Scans(store).scan([job("a"), job("b")])
    assert ran == []


def test_a_scan_sees_the_times_that_frames_have(mini: Path) -> None:
    from streamaqa.sources.video import VideoSource

    path = mini / layout.SQUAT.video("1000_1")
    source = VideoSource(path)
    assert scan_video(path).times == tuple(frame.time for frame in source.frames())
