"""`video.mkv`: readable without an end, and with the times of its frames."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from streamaqa.recording.files import Unbuffered
from streamaqa.recording.video import CopiedVideo, EncodedVideo
from streamaqa.sources.base import Compressed
from streamaqa.sources.video import VideoSource

if TYPE_CHECKING:
    from av.video.stream import VideoStream

SIZE = (64, 48)
Picture = NDArray[np.uint8]


def picture(value: int, size: tuple[int, int] = SIZE) -> Picture:
    return np.full((size[1], size[0], 3), value, np.uint8)


def read(path: Path) -> list[tuple[float, Picture]]:
    with av.open(str(path)) as container:
        frames = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    return [(float(at or 0.0), np.asarray(image, np.uint8)) for at, image in frames]


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Unbuffered]:
    file = Unbuffered(tmp_path / "video.mkv")
    yield file
    file.close()


def test_pictures_come_back_at_their_times(file: Unbuffered, tmp_path: Path) -> None:
    times = [0.5, 0.533, 0.6, 2.0, 2.0004, 700.25]
    video = EncodedVideo(file, SIZE, 30.0, 23)
    for number, at in enumerate(times):
        video.picture(picture(40 * number), at)
    video.close()
    found = read(tmp_path / "video.mkv")
    assert [at for at, _ in found] == pytest.approx(times, abs=0.001)
    assert [round(float(image.mean()) / 40) for _, image in found] == [0, 1, 2, 3, 4, 5]


def test_a_video_without_an_end_lacks_only_its_last_cluster(file: Unbuffered, tmp_path: Path) -> None:
    video = EncodedVideo(file, SIZE, 30.0, 23)
    for number in range(90):
        video.picture(picture(number), number / 30)
    killed = tmp_path / "killed.mkv"
    killed.write_bytes((tmp_path / "video.mkv").read_bytes())
    video.close()
    assert read(killed)[-1][0] > 89 / 30 - 0.3
    assert len(read(tmp_path / "video.mkv")) == 90


def test_odd_and_changing_sizes_fit_into_one_video(file: Unbuffered, tmp_path: Path) -> None:
    video = EncodedVideo(file, (65, 49), 30.0, 23)
    video.picture(picture(200, (65, 49)), 0.0)
    video.picture(picture(200, (128, 48)), 0.1)
    video.close()
    first, second = (image for _, image in read(tmp_path / "video.mkv"))
    assert first.shape == second.shape == (48, 64, 3)
    assert first.mean() > 190
    assert second[24].mean() > 190, "the wide picture fills the width"
    assert second[2].mean() < 40, "with bars above and below"


class Taker:
    """Keeps what it is given; `make` is told of the stream while that is there."""

    def __init__(self, make: Callable[[VideoStream], CopiedVideo] | None = None) -> None:
        self.packets: list[Compressed] = []
        self.video: CopiedVideo | None = None
        self._make = make

    def begin(self, stream: VideoStream | None, first: int) -> None:
        assert first == 0
        if stream is not None and self._make is not None:
            self.video = self._make(stream)

    def packet(self, packet: Compressed) -> None:
        self.packets.append(packet)


@pytest.fixture(scope="module")
def reordered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """H.264 whose packets do not come in the order of showing."""
    path = tmp_path_factory.mktemp("video") / "reordered.mp4"
    make = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=2"]
    subprocess.run([*make, "-c:v", "libx264", "-bf", "3", "-pix_fmt", "yuv420p", str(path)], check=True)
    return path


def test_copied_packets_show_the_same_pictures_at_the_same_times(
    file: Unbuffered, tmp_path: Path, reordered: Path
) -> None:
    source = VideoSource(reordered)
    source.copy_to(taker := Taker(lambda stream: CopiedVideo(file, stream)))
    video = taker.video
    assert video is not None
    frames = list(source.frames())
    # as some cameras do, and as would make a muxer shift all times
    packets = [Compressed(p.data, p.time, p.decode_time - 0.2, p.keyframe) for p in taker.packets]
    assert any(packet.decode_time < packet.time for packet in packets), "the fixture has to be reordered"
    for packet in packets:
        video.packet(packet)
    video.close()
    found = read(tmp_path / "video.mkv")
    assert [at for at, _ in found] == pytest.approx([frame.time for frame in frames], abs=0.001)
    assert all(np.array_equal(image, frame.image) for (_, image), frame in zip(found, frames, strict=True))


def test_packets_before_the_first_keyframe_are_left_out(
    file: Unbuffered, tmp_path: Path, reordered: Path
) -> None:
    source = VideoSource(reordered)
    source.copy_to(taker := Taker(lambda stream: CopiedVideo(file, stream)))
    video = taker.video
    assert video is not None
    count = len(list(source.frames()))
    for packet in [
        *taker.packets[1:],
        *(Compressed(p.data, p.time + 9, p.decode_time + 9, p.keyframe) for p in taker.packets),
    ]:
        video.packet(packet)
    video.close()
    with av.open(str(tmp_path / "video.mkv")) as stored:
        assert sum(packet.size > 0 for packet in stored.demux(video=0)) == count
    found = read(tmp_path / "video.mkv")
    assert found[0][0] == pytest.approx(9.0, abs=0.001)


def test_a_turned_clip_cannot_be_copied(tmp_path: Path, reordered: Path) -> None:
    turned = tmp_path / "turned.mp4"
    make = ["ffmpeg", "-v", "error", "-i", str(reordered), "-c", "copy", "-metadata:s:v", "rotate=90"]
    subprocess.run([*make, str(turned)], check=True)
    source = VideoSource(turned)
    source.copy_to(taker := Taker(lambda stream: CopiedVideo(Unbuffered(tmp_path / "video.mkv"), stream)))
    assert next(iter(source.frames())).image.shape == (64, 48, 3)
    assert taker.video is None
    assert taker.packets == []
    source.close()
