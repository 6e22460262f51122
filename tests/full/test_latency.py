"""Half an hour of a camera over RTSP, with the real pose model: no later at the end than at the start.

`lag_ms` of `state` says how old the newest frame is since it was decoded; a queue before that (the camera's,
the socket's) it cannot see. So the repetitions are timed too: the camera's film says when each ends, and the
wall clock says when its message was here.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
import streams

from streamaqa.sources.synthetic import from_spec

MINUTES = 30
SPEC = "synthetic:squat?reps=16&seed=1&size=360x480&fps=30"
"""Just under a minute, standing at both ends: shown over and over."""
DRIFT_S = 0.05
"""A frame and a half: a queue that grows is seconds by then."""


@dataclass
class Heard:
    """What arrived, by minute of the run."""

    lag_ms: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    fps: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    ends: list[tuple[float, float]] = field(default_factory=list)
    """Of each repetition: its end in stream time, and the wall clock when its `rep` message was here."""


@pytest.mark.full
@pytest.mark.timeout(MINUTES * 60 + 300)
def test_latency_in_the_last_minute_is_that_of_the_first(tmp_path: Path, pose_model: Path) -> None:
    clip, true_ends = film(tmp_path / "long.mkv", MINUTES + 1)
    with streams.rtsp_server(clip) as server:
        began, heard = listen_to(server.address, MINUTES, tmp_path)
    late = delays(true_ends, heard.ends, began)
    for minute in sorted(late):
        told = (
            f"minute {minute}: frames {statistics.median(heard.lag_ms[minute]):.1f} ms old at the median, "
            f"{max(heard.lag_ms[minute]):.0f} at most; {statistics.median(heard.fps[minute]):.1f} a second; "
            f"{len(late[minute])} reps, told {statistics.median(late[minute]):+.3f} s later than the first\n"
        )
        sys.stdout.write(told)  # the figures are what it is run for
    first, last = 1, MINUTES - 1
    for figures, of in ((heard.lag_ms, 0.001), (late, 1.0)):
        drift = of * (statistics.median(figures[last]) - statistics.median(figures[first]))
        assert abs(drift) < DRIFT_S
    shown = sum(end < MINUTES * 60 - 5 for end in true_ends)
    assert sum(map(len, late.values())) >= 0.98 * shown


def film(path: Path, minutes: int) -> tuple[Path, list[float]]:
    """One set's packets again and again, and when its repetitions end."""
    source = from_spec(SPEC)
    ends = [rep.end for rep in source.truth.reps]
    with av.open(path, "w") as out:
        options = {"preset": "ultrafast", "tune": "zerolatency", "g": "30"}
        stream = out.add_stream("libx264", rate=30, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 360, 480, "yuv420p"
        stream.codec_context.thread_count = 1  # one slice a picture: the server splits others
        packets = []
        for number, frame in enumerate(source.frames()):
            picture = av.VideoFrame.from_ndarray(frame.image, "rgb24")
            picture.pts, picture.time_base = number, Fraction(1, 30)
            packets += [(bytes(packet), packet.is_keyframe) for packet in stream.encode(picture)]
        source.close()
        turns = minutes * 60 * 30 // len(packets) + 1
        for number, (data, key) in enumerate(packets * turns):
            packet = av.Packet(data)
            packet.pts = packet.dts = number
            packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, 30), stream, key
            out.mux(packet)
    lasts = len(packets) / 30
    return path, [turn * lasts + end for turn in range(turns) for end in ends]


def listen_to(address: str, minutes: float, folder: Path) -> tuple[float, Heard]:
    """Wall clock at stream time 0, and what `streamaqa run` said."""
    heard = Heard()
    streamaqa = Path(sys.executable).with_name("streamaqa")
    environment = {**os.environ, "STREAMAQA_OUTBOX__FOLDER": str(folder / "outbox")}
    with subprocess.Popen(
        [streamaqa, "run", address, "--json"], stdout=subprocess.PIPE, text=True, env=environment
    ) as run:
        assert run.stdout is not None
        begun = time.monotonic()
        try:
            for message in lines(run.stdout):
                now, payload = time.monotonic(), message["payload"]
                if now - begun > minutes * 60:
                    break
                topic = message["topic"].rpartition("/")[2]
                minute = int((now - begun) // 60)
                if topic == "state" and payload["lag_ms"] is not None and payload["fps"] is not None:
                    heard.lag_ms[minute].append(payload["lag_ms"])
                    heard.fps[minute].append(payload["fps"])
                elif topic == "rep":
                    heard.ends.append((payload["end_s"], now))
        finally:
            run.send_signal(signal.SIGINT)
    return begun, heard


def lines(stream: Any) -> Iterator[Any]:
    for line in stream:
        yield json.loads(line)


def delays(true_ends: list[float], told: list[tuple[float, float]], began: float) -> dict[int, list[float]]:
    """By minute: how much later after its end on film each repetition's message came than the first one's.

    When the film began for this machine's clock only the first repetition tells: up to that constant.
    """
    film_began = told[0][1] - true_ends[0]
    found: dict[int, list[float]] = defaultdict(list)
    for _, now in told:
        late = min((now - film_began - end for end in true_ends), key=abs)
        found[int((now - began) // 60)].append(late)
    return found
