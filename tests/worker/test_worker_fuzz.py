"""Five thousand bodies that valid ones were broken into: none gets a 500, none leaves anything behind."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import tempfile
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from workers import Worker, background, picture, refused

from streamaqa.assessment.wire import ASSESS, Answer

GOOD = picture(size=(16, 12))


def header_of(width: int, height: int) -> bytes:
    at = GOOD.index(b"\xff\xc0")
    return GOOD[: at + 5] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + GOOD[at + 9 :]


BAD_PICTURES = [
    b"",
    b"\xff\xd8",
    b"GIF89a" + b"\0" * 40,
    b"\x89PNG\r\n\x1a\n" + b"\0" * 40,
    GOOD[: len(GOOD) // 2],
    GOOD[:-2],
    GOOD + GOOD,
    GOOD.replace(b"\xff\xc0", b"\xff\xc2"),
    header_of(10_000, 10_000),
    header_of(65_535, 65_535),
    header_of(1000, 1000),
    header_of(0, 7),
    header_of(3, 3),
]
JUNK: list[Any] = [
    None, True, -1, 0, 2**70, 1e308, float("nan"), float("-inf"), "", "1", "squat", [], {}, [[]], [None],
    {"a": 1}, "\ud800", "x" * 10_000, [0.0] * 2000, [0.0, 1.0, 0.5], 1_795_000_000_000, [1, 2, 3, 4],
]  # fmt: skip
FIELDS = ["unit", "phase", "offset", "times", "duration", "crop", "hint", "more"]


@dataclass
class Draft:
    """A request as it is broken."""

    asked: dict[str, Any]
    frames: list[bytes]
    boundary: str = "x"
    kind: str = "multipart/form-data; boundary=x"
    headers: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    stop: float | None = None
    noise: list[tuple[float, bytes]] = field(default_factory=list)

    def body(self) -> bytes:
        text = json.dumps(self.asked).encode("utf-8", "replace")
        names = self.names or ["request", *["frame"] * len(self.frames)]
        contents = [text, *self.frames]
        parts = [
            b'--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
            % (name.encode(), contents[number % len(contents)])
            for number, name in enumerate(names)
        ]
        made = bytearray(b"".join(parts) + b"--x--\r\n")
        for place, noise in self.noise:
            at = int(place * len(made))
            made[at : at + len(noise)] = noise
        return bytes(made if self.stop is None else made[: int(self.stop * len(made))])


places = st.floats(0, 1, exclude_max=True)


@st.composite
def drafts(draw: st.DrawFn) -> tuple[bytes, dict[str, str], int]:
    windows: list[dict[str, Any]] = []
    frames: list[bytes] = []
    for _ in range(draw(st.integers(1, 2))):
        count = draw(st.integers(1, 3))
        times = [0.1 * number for number in range(count)]
        windows.append({"unit": 1, "phase": "lowering", "times": times, "duration": 0.1 * count})
        frames += [GOOD] * count
    made = Draft({"windows": windows, "deadline_ms": 60_000}, frames)
    for _ in range(draw(st.integers(0, 3))):
        draw(st.sampled_from(BREAKS))(draw, made)
    headers = {"content-type": made.kind, **made.headers}
    return made.body(), headers, draw(st.sampled_from([7, 100, 2**16]))


def junk_field(draw: st.DrawFn, made: Draft) -> None:
    value = draw(st.sampled_from(JUNK))
    if draw(st.booleans()):
        made.asked[draw(st.sampled_from(["windows", "deadline_ms", "adapter", "more"]))] = value
    elif isinstance(windows := made.asked.get("windows"), list) and windows and isinstance(windows[0], dict):
        windows[0][draw(st.sampled_from(FIELDS))] = value


def bad_picture(draw: st.DrawFn, made: Draft) -> None:
    if made.frames:
        made.frames[draw(st.integers(0, len(made.frames) - 1))] = draw(st.sampled_from(BAD_PICTURES))


def flipped_picture(draw: st.DrawFn, made: Draft) -> None:
    if made.frames:
        flipped = bytearray(GOOD)
        flipped[draw(st.integers(0, len(GOOD) - 1))] = draw(st.integers(0, 255))
        made.frames[0] = bytes(flipped)


def frame_count(draw: st.DrawFn, made: Draft) -> None:
    made.frames = made.frames[: draw(st.integers(0, len(made.frames)))] or [GOOD] * draw(
        st.sampled_from([0, 5, 2000])
    )


def part_order(draw: st.DrawFn, made: Draft) -> None:
    made.names = draw(st.permutations(["request", *["frame"] * len(made.frames)]))[:20]


def part_name(draw: st.DrawFn, made: Draft) -> None:
    made.names = ["request", *["frame"] * len(made.frames)]
    made.names[draw(st.integers(0, min(3, len(made.frames))))] = draw(
        st.sampled_from(["", "file", "réq", "a" * 600])
    )


def cut_off(draw: st.DrawFn, made: Draft) -> None:
    made.stop = draw(places)


def bytes_amid(draw: st.DrawFn, made: Draft) -> None:
    made.noise.append((draw(places), draw(st.binary(min_size=1, max_size=12) | st.just(b"\r\n--x\r\n"))))


def content_type(draw: st.DrawFn, made: Draft) -> None:
    kinds = [
        "",
        "text/plain",
        "multipart/form-data",
        "multipart/form-data; boundary=y",
        "multipart/mixed; boundary=x",
    ]
    made.kind = draw(
        st.sampled_from([*kinds, "multipart/form-data; boundary=" + "z" * 300, ";;=;", "application/json"])
    )


def deadline(draw: st.DrawFn, made: Draft) -> None:
    made.asked["deadline_ms"] = draw(st.sampled_from([-1.0, 0, 1e-9, 1, -600_000, 600_001]))


def other_header(draw: st.DrawFn, made: Draft) -> None:
    made.headers |= draw(
        st.sampled_from(
            [
                {"content-length": "999999999999"},
                {"content-length": "none"},
                {"authorization": "Bearer wrong"},
                {"origin": "https://elsewhere.example"},
                {"host": "elsewhere.example"},
            ]
        )
    )


BREAKS = [
    junk_field, junk_field, junk_field, bad_picture, bad_picture, flipped_picture, flipped_picture,
    frame_count, part_order, part_name, cut_off, bytes_amid, bytes_amid, content_type, deadline, other_header,
]  # fmt: skip
STATUSES = {200, 400, 403, 413, 422, 429}


async def post(worker: Worker, body: bytes, headers: dict[str, str], piece: int) -> int:
    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(body), max(piece, len(body) // 50)):
            yield body[at : at + max(piece, len(body) // 50)]

    response = await worker.client.post(ASSESS, content=pieces(), headers=headers)
    if response.status_code == 200:
        Answer.model_validate_json(response.content)
    else:
        refused(response)
    return response.status_code


def temporary_files() -> list[str]:
    return sorted(path.name for path in Path(tempfile.gettempdir()).iterdir())


async def still_there(worker: Worker) -> dict[str, Any]:
    """What a request may leave behind, and must not."""
    for _ in range(100):
        if len(asyncio.all_tasks()) <= 5:  # main, worker, lane, this one, and one that ends
            break
        await asyncio.sleep(0.01)
    gc.collect()
    registry = worker.service.metrics.registry
    return {
        "tasks": sorted(
            task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()
        ),
        "threads": threading.active_count(),
        "files": psutil.Process().num_fds(),
        "temporary": temporary_files(),
        "waiting": len(worker.service.line),
        "held": registry.get_sample_value("streamaqa_worker_held_bytes"),
    }


def test_five_thousand_broken_bodies_get_their_status_and_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # as the server does: a line for each
    seen: dict[int, int] = {}
    with background(decode_threads=1) as (loop, worker):  # a pool starts its threads when it needs them

        @settings(
            max_examples=5000, deadline=None, database=None, derandomize=True,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(drafts())
        def fuzz(drawn: tuple[bytes, dict[str, str], int]) -> None:
            body, headers, piece = drawn
            status = loop.run(post(worker, body, headers, piece))
            assert status in STATUSES, f"{status} for {body[:300]!r}"
            seen[status] = seen.get(status, 0) + 1

        for _ in range(20):
            loop.run(post(worker, Draft({}, []).body(), {"content-type": "text/plain"}, 100))
        good = Draft(
            {"windows": [{"unit": 1, "phase": "lowering", "times": [0], "duration": 0}], "deadline_ms": 9000},
            [GOOD],
        )
        for _ in range(20):  # all threads are started
            assert loop.run(post(worker, good.body(), {"content-type": good.kind}, 100)) == 200
        before, memory = loop.run(still_there(worker)), psutil.Process().memory_info().rss
        fuzz()
        after = loop.run(still_there(worker))
        grown = psutil.Process().memory_info().rss - memory
        assert loop.run(post(worker, good.body(), {"content-type": good.kind}, 100)) == 200
    assert after == before
    assert grown < 64 * 2**20, "memory"
    assert sum(seen.values()) >= 4000
    assert set(seen) == STATUSES, "every kind of refusal was met"
