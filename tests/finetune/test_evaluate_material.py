"""What a judge is shown: the clip's own pictures, or those with the person erased; damage is named."""

from __future__ import annotations

import zipfile
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from finetune.clips import Clip
from finetune.evaluate import KinematicJudge, Library, Material
from streamaqa.errors import SourceError
from streamaqa.pose.painting import GREY
from streamaqa.sources.synthetic import RepScript, Scene, SetScript, poses
from streamaqa.types import Frame, Pose

SIZE = (64, 96)
"""Width and height."""


class Standing:
    """A pose model that finds somebody in the middle third of the picture, if it is bright there."""

    def __init__(self, seen: list[Frame]) -> None:
        self._seen = seen
        self.closed = False

    def estimate(self, frame: Frame) -> Pose:
        self._seen.append(frame)
        if frame.image[48, 32].mean() < 200:
            return Pose.nobody(frame.time, SIZE)
        landmarks = np.zeros((33, 4), np.float32)
        landmarks[:, 0] = np.linspace(0.4, 0.6, 33)
        landmarks[:, 1] = np.linspace(0.3, 0.7, 33)
        return Pose(frame.time, landmarks, landmarks, SIZE)

    def close(self) -> None:
        self.closed = True


def video(path: Path, frames: int = 12) -> None:
    """A bright block in the middle of a dark picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for number in range(frames):
            picture = np.full((SIZE[1], SIZE[0], 3), 30, np.uint8)
            picture[24:72, 20:44] = 240
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def clip(file: str, kind: str = "video", **fields: object) -> Clip:
    base = {"id": Path(file).stem, "part": "squat", "exercise": "squat", "kind": kind, "file": file}
    return Clip.model_validate(
        {**base, "split": "test", "errors": {}, "judged": ("knees_inward",), "duration": 0.4, **fields}
    )


@pytest.fixture
def seen() -> list[Frame]:
    return []


@pytest.fixture
def library(tmp_path: Path, seen: list[Frame]) -> Library:
    video(tmp_path / "a.mp4")
    return Library(tmp_path, tmp_path / "poses", estimator=lambda: Standing(seen))


def test_poses_are_made_once_and_kept(library: Library, seen: list[Frame]) -> None:
    first = library.material(clip("a.mp4")).poses()
    assert len(first) == 12
    assert len(seen) == 12
    again = library.material(clip("a.mp4")).poses()
    assert len(seen) == 12
    assert [pose.time for pose in again] == [pose.time for pose in first]


def test_the_person_is_grey_and_the_rest_is_as_it_was(library: Library, seen: list[Frame]) -> None:
    whole = list(library.material(clip("a.mp4")).frames())
    erased = library.without_person(clip("a.mp4"))
    assert erased is not None
    frames = list(erased.frames())
    assert [frame.time for frame in frames] == [frame.time for frame in whole]
    assert (frames[0].image[30:66, 26:38] == GREY).all()
    assert (frames[0].image[:, :8] == whole[0].image[:, :8]).all()
    boxes = {tuple(np.argwhere((frame.image == GREY).all(axis=2)).min(axis=0).tolist()) for frame in frames}
    assert len(boxes) == 1  # one box for the whole clip: it does not follow the lifter
    seen.clear()
    assert not any(pose.found for pose in erased.poses())
    assert (seen[0].image[30:66, 26:38] == GREY).all()


def test_where_nobody_is_found_there_is_nobody_to_erase(tmp_path: Path, library: Library) -> None:
    cv2.imwrite(str(tmp_path / "dark.jpg"), np.zeros((SIZE[1], SIZE[0], 3), np.uint8))
    assert library.without_person(clip("dark.jpg", "image", duration=0.0)) is None


def test_a_still_is_read_from_its_archive(tmp_path: Path, library: Library) -> None:
    picture = np.full((SIZE[1], SIZE[0], 3), 240, np.uint8)
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        archive.writestr("in/1.png", cv2.imencode(".png", picture)[1].tobytes())
    still = clip("images/in/1.png", "image", archive="images.zip", member="in/1.png", duration=0.0)
    with library:
        material = library.material(still)
        (frame,) = material.frames()
        assert frame.image.mean() == 240
        assert material.still
        assert material.poses()[0].found


@pytest.mark.parametrize("keep", [0, 400])
def test_a_damaged_video_is_a_source_error(tmp_path: Path, library: Library, keep: int) -> None:
    whole = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "torn.mp4").write_bytes(whole[:keep])
    with pytest.raises(SourceError, match=r"torn\.mp4"):
        library.material(clip("torn.mp4")).poses()
    with pytest.raises(SourceError, match="gone"):
        list(library.material(clip("gone.mp4")).frames())
    with pytest.raises(SourceError, match="still"):
        list(library.material(clip("still.jpg", "image")).frames())


def still_of(exercise: str, pose: Pose) -> Material:
    return Material("still", exercise, True, 0.0, lambda: iter(()), lambda: [pose])


def test_a_still_is_judged_by_what_one_pose_shows() -> None:
    deep, high, ahead = (
        poses(Scene((SetScript("squat", (RepScript(extent=extent),), view=view),)), 30.0)
        for extent, view in ((1.0, 90.0), (0.5, 90.0), (0.5, 0.0))
    )
    lowest = [max(track, key=lambda pose: float(pose.image[23, 1])) for track in (deep, high, ahead)]
    said = [KinematicJudge().judge(still_of("squat", pose)) for pose in lowest]
    assert [verdict.exercise for verdict in said] == ["squat"] * 3
    assert said[0].errors["shallow"] < 0.5 < said[1].errors["shallow"]
    assert said[2].errors == {}  # from ahead the height is counted from where the lifter stood
    assert "knees_inward" not in said[0].errors  # it is counted from the other phase, which a still lacks
    assert said[0].spans == ()


def test_what_only_a_movement_shows_is_abstained_from_in_a_still() -> None:
    track = poses(Scene((SetScript("barbell_row", (RepScript(),), view=90.0),)), 30.0)
    assert KinematicJudge().judge(still_of("barbell_row", track[40])).errors == {}
    nobody = KinematicJudge().judge(still_of("barbell_row", Pose.nobody(0.0, SIZE)))
    assert (nobody.exercise, nobody.notes) == ("barbell_row", ("nobody",))
