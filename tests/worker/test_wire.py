"""Writer and readers of the wire agree, and what cannot be right is refused with a line that says why."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from workers import picture, request, window

from streamaqa.assessment.merge import ErrorSet, Interval, WindowReading
from streamaqa.assessment.wire import (
    AskedWindow,
    AssessRequest,
    Reading,
    encode,
    frames_of,
)
from streamaqa.errors import WindowError
from streamaqa.windows import Window
from streamaqa.worker import jpeg
from streamaqa.worker.body import Body, BodyReader
from streamaqa.worker.refused import RefusedError
from streamaqa.worker.settings import LimitSettings

LIMITS = LimitSettings()
PICTURES = [picture(number) for number in range(5)]


@st.composite
def asked_windows(draw: st.DrawFn) -> AskedWindow:
    steps = draw(st.lists(st.floats(0, 1), max_size=7))
    times = [0.0]
    for step in steps:
        times.append(times[-1] + step)
    hint = draw(st.none() | st.dictionaries(st.sampled_from(["squat", "row"]), st.floats(-20, 0)))
    return AskedWindow(
        unit=draw(st.integers(0, 2**53)),
        phase=draw(st.sampled_from(["lowering", "lifting", None])),
        offset=draw(st.floats(-10, 100)),
        times=tuple(times),
        duration=times[-1] + draw(st.floats(0.01, 1)),
        hint=hint,
    )


requests = st.builds(
    AssessRequest,
    windows=st.lists(asked_windows(), min_size=1, max_size=3).map(tuple),
    deadline_ms=st.floats(-1000, 10_000),
    adapter=st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
)


def read(kind: str, body: bytes, piece: int = 2**16, limits: LimitSettings = LIMITS) -> Body:
    reader = BodyReader(kind, limits)
    for at in range(0, len(body), piece):
        reader.feed(body[at : at + piece])
    return reader.finish()


@settings(deadline=None, max_examples=50)
@given(requests, st.integers(1, 4000))
def test_what_is_encoded_is_read_again_however_it_is_cut_into_pieces(
    asked: AssessRequest, piece: int
) -> None:
    frames = [PICTURES[number % 5] for number in range(asked.frames)]
    found = read(*encode(asked, frames), piece)
    assert found.asked == asked
    assert found.frames == tuple(frames)


def test_a_cut_window_keeps_its_times_and_its_place_in_the_repetition() -> None:
    cut = Window(4, "lifting", (10.5, 10.7), 0.4, (b"a", b"b"), (1, 2, 3, 4))
    asked = AskedWindow.of(cut, start=9.0, hint={"squat": -0.5})
    assert (asked.unit, asked.phase, asked.offset, asked.crop) == (4, "lifting", 1.5, (1, 2, 3, 4))
    assert asked.times == pytest.approx((0.0, 0.2))
    assert frames_of([cut, cut]) == [b"a", b"b", b"a", b"b"]


logs = st.floats(-700, 0)
readings = st.builds(
    WindowReading,
    exercises=st.dictionaries(st.sampled_from(["squat", "overhead_press"]), logs, min_size=1),
    sets=st.dictionaries(
        st.sampled_from(["squat", "overhead_press"]),
        st.lists(st.builds(ErrorSet, st.just(("shallow",)) | st.just(()), logs), max_size=3).map(tuple),
    ),
    intervals=st.dictionaries(
        st.just("squat"),
        st.dictionaries(
            st.just("shallow"), st.builds(Interval, st.floats(0, 1), st.floats(1, 2), logs, st.booleans())
        ),
    ),
    outside=st.floats(0, 1),
    undecided=st.floats(0, 1),
    passes=st.integers(1, 12),
)


@given(readings)
def test_a_reading_comes_out_of_the_wire_as_it_went_in(reading: WindowReading) -> None:
    told = Reading.model_validate_json(Reading.of(reading).model_dump_json())
    assert told.unpacked() == reading


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"times": (0.5, 0.6)}, "count from the first frame"),
        ({"times": (0.0, 0.2, 0.1)}, "fall from 0.200 to 0.100"),
        ({"times": (0.0, 5.0)}, "reach 5.000 s in a window of 0.200"),
        ({"times": ()}, "at least 1"),
        ({"times": tuple(0.01 * n for n in range(33)), "duration": 1.0}, "at most 32"),
        ({"times": ("0", "0.1")}, "valid number"),
        ({"times": (0.0, math.nan)}, "finite"),
        ({"duration": math.inf}, "less than or equal|finite"),
        ({"duration": 0.0, "times": (0.0, 0.0)}, "window of 0 s"),
        ({"duration": 1e9}, "less than or equal"),
        ({"crop": (5, 5, 5, 9)}, "empty"),
        ({"hint": {"squat": 0.5}}, "less than or equal"),
        ({"unit": "1"}, "valid integer"),
        ({"phase": "resting"}, "lowering"),
        ({"surprise": 1}, "Extra inputs"),
    ],
)
def test_a_window_that_cannot_be_right_is_refused(change: dict[str, Any], said: str) -> None:
    fields = {"unit": 1, "times": (0.0, 0.1), "duration": 0.2, **change}
    with pytest.raises(ValidationError, match=said):
        AskedWindow(**fields)


def test_a_deadline_that_is_a_point_in_time_is_refused() -> None:
    with pytest.raises(ValidationError, match="deadline_ms"):
        request(deadline_ms=1_795_000_000_000.0)


# --- bodies --------------------------------------------------------------------------------------------


def parts(*given_parts: tuple[str, bytes]) -> tuple[str, bytes]:
    body = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (name.encode(), content)
        for name, content in given_parts
    )
    return "multipart/form-data; boundary=x", body + b"--x--\r\n"


ASKED = request(window(frames=2)).model_dump_json().encode()
FRAME = picture()


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (("text/plain", b"hello"), 400, "wanted multipart/form-data"),
        (("multipart/form-data", b""), 400, "wanted multipart/form-data"),
        (("multipart/form-data; boundary=" + "y" * 300, b""), 400, "Boundary length"),
        (parts(), 400, "no multipart body|no part"),
        (parts(("frame", FRAME), ("request", ASKED)), 400, "'frame' where 'request' was wanted"),
        (parts(("request", ASKED), ("request", ASKED)), 400, "'request' where 'frame' was wanted"),
        (parts(("request", b"{")), 400, "no JSON"),
        (parts(("request", b"[" * 50_000)), 400, "no JSON|valid"),
        (parts(("request", b"[]")), 422, "valid dictionary|object"),
        (parts(("request", b"{}")), 422, "windows: Field required"),
        (parts(("request", b" " * 2**19)), 413, "part request has more than"),
        (parts(("request", ASKED), ("frame", FRAME)), 422, "1 frames for 2 times"),
        (parts(("request", ASKED), *[("frame", FRAME)] * 3), 422, "more frames than the 2 times"),
        (parts(("request", ASKED), ("frame", b"")), 422, "frame 0: no JPEG"),
        (parts(("request", ASKED), ("frame", b"GIF89a")), 422, "frame 0: no JPEG"),
        (parts(("request", ASKED), ("frame", FRAME), ("frame", FRAME[:-40])), 422, "frame 1: .*cut off"),
        (parts(("request", ASKED), ("frame", b"x" * 3 * 2**20)), 413, "part frame 0 has more than"),
    ],
)
def test_a_body_that_cannot_be_right_gets_its_status_and_one_line(
    body: tuple[str, bytes], status: int, said: str
) -> None:
    with pytest.raises(RefusedError, match=said) as caught:
        read(*body)
    assert caught.value.status == status
    assert "\n" not in caught.value.error


def test_a_body_cut_off_anywhere_is_refused() -> None:
    kind, body = encode(request(window(frames=2)), [FRAME, FRAME])
    for stop in range(len(body) - 2):  # the last line break may be missing
        with pytest.raises(RefusedError) as caught:
            read(kind, body[:stop])
        assert caught.value.status == 400


def test_two_thousand_frames_are_refused_before_they_are_read() -> None:
    many = b'{"windows": [{"unit": 1, "duration": 1.0, "times": [%b]}], "deadline_ms": 1}'
    reader = BodyReader("multipart/form-data; boundary=x", LIMITS)
    _, body = parts(("request", many % b",".join([b"0.0"] * 2000)))
    with pytest.raises(RefusedError, match="at most 32") as caught:
        reader.feed(body)
    assert caught.value.status == 413

    _, body = parts(("request", ASKED), *[("frame", FRAME)] * 2000)
    reader = BodyReader("multipart/form-data; boundary=x", LIMITS)
    with pytest.raises(RefusedError, match="more frames"):
        for at in range(0, len(body), 100):
            reader.feed(body[at : at + 100])
    assert reader.received < 4 * len(FRAME)


def test_long_part_headers_are_refused() -> None:
    body = b"--x\r\nContent-Disposition: " + b"a" * 10_000
    with pytest.raises(RefusedError, match="no multipart body") as caught:
        BodyReader("multipart/form-data; boundary=x", LIMITS).feed(body)
    assert caught.value.status == 400


def test_a_body_over_the_limit_is_refused_as_it_passes_it() -> None:
    kind, body = encode(request(window(frames=20)), [picture(size=(64, 64))] * 20)
    assert len(body) > 2**16
    with pytest.raises(RefusedError, match="a body of more than 65536 bytes") as caught:
        read(kind, body, 1000, LimitSettings(body_bytes=2**16))
    assert caught.value.status == 413


# --- JPEG headers --------------------------------------------------------------------------------------


def bomb(width: int, height: int, marker: int = 0xC0) -> bytes:
    """A small JPEG that promises so many pixels."""
    at = FRAME.index(b"\xff\xc0")
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return FRAME[:at] + bytes([0xFF, marker]) + FRAME[at + 2 : at + 5] + size + FRAME[at + 9 :]


def test_the_header_tells_the_size() -> None:
    assert jpeg.size(picture(size=(31, 17))) == (31, 17)
    assert jpeg.size(b"\xff\xd8\xff\xff\xff" + FRAME[3:]) == (24, 16), "fill bytes are allowed"


def test_a_picture_of_a_hundred_megapixels_is_refused_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import cv2

    monkeypatch.setattr(cv2, "imdecode", None)
    with pytest.raises(RefusedError, match="10000 x 10000 pixels") as caught:
        read(*parts(("request", ASKED), ("frame", bomb(10_000, 10_000))))
    assert caught.value.status == 413


@pytest.mark.parametrize(
    ("picture_bytes", "said"),
    [
        (bomb(24, 16, 0xC2), "progressive"),
        (bomb(0, 16), "0 x 16"),
        (FRAME.replace(b"\xff\xda", b"\xff\xda\xff\xda\xff\xda\xff\xda\xff\xda", 1), "more scans"),
        (b"\xff\xd8" + FRAME, "broken"),
        (FRAME[:30], "cut off or broken"),
        (b"\xff\xd8\xff\xda" + FRAME[-20:], "without size"),
        (b"\xff\xd8\xff\xe0\x00\x01" + FRAME[2:], "broken"),
        (b"\x89PNG\r\n\x1a\n", "does not begin as one"),
    ],
)
def test_what_is_no_whole_sequential_jpeg_is_refused(picture_bytes: bytes, said: str) -> None:
    with pytest.raises(Exception, match=said):
        jpeg.size(picture_bytes)


@settings(max_examples=300)
@given(st.binary(max_size=300), st.integers(0, 300), st.booleans())
def test_no_bytes_break_the_header_reader(noise: bytes, at: int, inside: bool) -> None:
    made = FRAME[:at] + noise + FRAME[at + len(noise) :] if inside else noise
    try:
        width, height = jpeg.size(made)
    except WindowError:
        return
    assert width > 0
    assert height > 0
