"""Windows cover each frame once, sample as LLaVA-Video does, and fit their memory."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from streamaqa.dialogue import time_instruction
from streamaqa.errors import WindowError
from streamaqa.types import Frame, Phase, PhaseEnded, Pose, Rep, Tempo
from streamaqa.windows import (
    MAX_FRAMES,
    PAPER_PLAN,
    BufferSettings,
    EncodedFrame,
    FrameBuffer,
    Span,
    WindowPlan,
    consecutive_windows,
    crop,
    decode,
    encode,
    frame_interval,
    person_box,
    plan_windows,
    resample,
    spans,
    uniform_indices,
)

SAMPLING = json.loads((Path(__file__).parent / "fixtures" / "llava_video_sampling.json").read_text())
"""Indices and times that the original's `process_video_with_decord` chose with `force_sample`."""

EVERY_FRAME = WindowPlan(sampling="consecutive")
BY_PHASE = WindowPlan(unit="phase", sampling="consecutive")


def rep(start: float = 1.0, turn: float = 2.0, end: float = 3.0, unit: int = 7) -> Rep:
    phases = Phase("lowering", start, turn), Phase("lifting", turn, end)
    return Rep(unit, 1, 1, "squat", 0.9, phases, Tempo(1.0, 0.0, 1.0), 1.0, 0.5)


def pose(time: float, *corners: tuple[float, float]) -> Pose:
    """Somebody whose landmarks all lie on `corners`, as shares of a 100 x 200 picture."""
    image = np.ones((33, 4), np.float32)
    image[:, :2] = [corners[index % len(corners)] for index in range(33)]
    return Pose(time, image, image, (100, 200))


def full_buffer(times: list[float], settings: BufferSettings | None = None) -> FrameBuffer:
    buffer = FrameBuffer(settings or BufferSettings())
    for time in times:
        buffer.add(EncodedFrame(time, f"jpeg of {time}".encode(), (100, 200)))
    return buffer


def rising(least: int = 1, most: int = 200) -> st.SearchStrategy[list[float]]:
    """Times of a stream with a wandering frame rate, 10 to 100 a second."""
    steps = st.lists(st.floats(0.01, 0.1), min_size=least, max_size=most)
    return steps.map(lambda steps: list(np.cumsum(steps)))


# --- sampling ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case", SAMPLING, ids=lambda case: f"{case['total_frames']}-{case['frames_upbound']}"
)
def test_uniform_sampling_and_its_time_instruction_are_the_originals(case: dict[str, object]) -> None:
    total, frames, fps = case["total_frames"], case["frames_upbound"], case["avg_fps"]
    assert isinstance(total, int)
    assert isinstance(frames, int)
    assert isinstance(fps, float)
    indices = uniform_indices(total, frames)
    assert list(indices) == case["indices"]
    said = time_instruction([index / fps for index in indices], total / fps)
    assert f"located at {case['frame_time']}.Please" in said
    if total > 1:
        times = [index / fps for index in range(total)]
        assert times[-1] + frame_interval(times) == pytest.approx(case["video_time"], abs=1e-5)


@given(st.integers(0, 1000), st.integers(1, MAX_FRAMES))
def test_consecutive_windows_show_every_frame_once_in_order_and_are_near_equal(
    total: int, frames: int
) -> None:
    windows = consecutive_windows(total, frames)
    assert [index for window in windows for index in window] == list(range(total))
    assert len(windows) == math.ceil(total / frames)
    lengths = {len(window) for window in windows}
    assert not lengths or max(lengths) <= frames
    assert not lengths or max(lengths) - min(lengths) <= 1


@given(rising(), st.floats(1, 120))
def test_resampling_takes_the_frame_nearest_to_each_tick_and_none_twice(
    times: list[float], fps: float
) -> None:
    kept = resample(times, fps)
    assert list(kept) == sorted(set(kept))
    nearest = set()
    for tick in np.arange(times[0], times[-1] + 1e-9, 1 / fps):
        distance = np.abs(np.array(times) - tick)
        close = set(np.flatnonzero(distance <= distance.min() + 1e-6).tolist())
        assert close & set(kept)
        nearest |= close
    assert set(kept) <= nearest


@pytest.mark.parametrize(("source", "wanted", "step"), [(30, 30, 1), (30, 15, 2), (60, 10, 6), (10, 30, 1)])
def test_a_steady_stream_is_thinned_evenly_and_never_padded(source: int, wanted: int, step: int) -> None:
    times = [100 + index / source for index in range(61)]
    assert resample(times, wanted) == tuple(range(0, 61, step))


def test_of_two_frames_equally_near_the_earlier_is_taken() -> None:
    assert resample([0.0, 0.75, 1.25, 2.0], 1.0) == (0, 1, 3)


@given(
    rising(),
    st.builds(
        WindowPlan,
        sampling=st.sampled_from(["uniform", "consecutive"]),
        frames=st.integers(1, MAX_FRAMES),
        fps=st.none() | st.floats(1, 60),
    ),
)
def test_no_plan_makes_an_empty_an_unordered_or_an_overlong_window(
    times: list[float], plan: WindowPlan
) -> None:
    windows = plan_windows(plan, times)
    assert windows
    for window in windows:
        assert 1 <= len(window) <= plan.frames
        assert list(window) == sorted(window)
        assert 0 <= window[0] <= window[-1] < len(times)
    if plan.sampling == "uniform":
        assert len(windows) == 1


def test_a_unit_of_one_frame_is_a_still_image() -> None:
    (window,) = full_buffer([1.5]).cut(PAPER_PLAN, spans(PAPER_PLAN, rep()))
    assert window.still
    assert window.frames == (b"jpeg of 1.5",)


def test_the_papers_plan_is_32_frames_over_the_repetition() -> None:
    assert WindowPlan() == PAPER_PLAN
    assert PAPER_PLAN.model_dump() == {
        "unit": "rep",
        "sampling": "uniform",
        "frames": 32,
        "fps": None,
        "crop": "none",
    }


@pytest.mark.parametrize(
    "wrong", [{"frames": 33}, {"frames": 0}, {"fps": 0}, {"fps": math.inf}, {"unit": "set"}]
)
def test_a_plan_the_model_cannot_take_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WindowPlan.model_validate(wrong)


# --- cutting -------------------------------------------------------------------------------------------


@given(rising(least=2), st.data())
@settings(max_examples=50)
def test_the_phase_windows_of_a_repetition_cover_each_of_its_frames_exactly_once(
    times: list[float], data: st.DataObject
) -> None:
    bounds = st.floats(times[0], times[-1]) | st.sampled_from(times)
    start, turn, end = sorted(data.draw(st.tuples(bounds, bounds, bounds)))
    one = rep(start, turn, end)
    inside = [time for time in times if start <= time < end]
    units = [span for span in spans(BY_PHASE, one) if any(span.start <= time < span.end for time in times)]
    windows = full_buffer(times).cut(BY_PHASE, units)
    assert [time for window in windows for time in window.times] == inside
    assert all(one.phase_at(time) == window.phase for window in windows for time in window.times)
    whole = full_buffer(times).cut(EVERY_FRAME, spans(EVERY_FRAME, one)) if inside else []
    assert [time for window in whole for time in window.times] == inside


@given(rising(), st.floats(0.5, 60))
@settings(max_examples=50)
def test_a_windows_times_begin_at_zero_and_end_one_interval_before_its_duration(
    times: list[float], fps: float
) -> None:
    plan = WindowPlan(sampling="consecutive", fps=fps)
    for window in full_buffer(times).cut(plan, [Span(1, None, times[0], times[-1] + 1)]):
        assert window.relative_times[0] == 0.0
        assert window.start == window.times[0]
        assert window.frames == tuple(f"jpeg of {time}".encode() for time in window.times)
        beyond = window.duration - window.relative_times[-1]
        assert beyond == pytest.approx(frame_interval(times, fps), abs=1e-9)


def test_a_dropped_frame_does_not_count_as_a_frame_interval() -> None:
    assert frame_interval([0.0, 0.1, 0.2, 0.8, 0.9]) == pytest.approx(0.1)


def test_the_first_phase_can_be_cut_before_the_repetition_is_over() -> None:
    early = PhaseEnded(at=2.1, unit=7, exercise="squat", phase=rep().phases[0])
    buffer = full_buffer([0.9, 1.0, 1.5, 2.0])
    (window,) = buffer.cut(BY_PHASE, spans(BY_PHASE, early))
    assert (window.unit, window.phase, window.times) == (7, "lowering", (1.0, 1.5))
    assert spans(PAPER_PLAN, early) == ()
    assert spans(BY_PHASE, rep())[0] == spans(BY_PHASE, early)[0]


def test_a_repetition_whose_first_frames_are_gone_costs_its_windows() -> None:
    buffer = full_buffer([index / 10 for index in range(60)], BufferSettings(seconds=4.0))
    buffer.cut(PAPER_PLAN, [Span(7, None, 1.95, 3.0)])
    with pytest.raises(WindowError, match=r"repetition from 1\.00 to 3\.00 s have left the buffer"):
        buffer.cut(PAPER_PLAN, spans(PAPER_PLAN, rep()))


def test_a_repetition_without_frames_costs_its_windows() -> None:
    with pytest.raises(WindowError, match=r"no frame of the lifting from 2\.00"):
        full_buffer([1.0, 1.5]).cut(BY_PHASE, spans(BY_PHASE, rep()))


def test_after_clear_old_repetitions_cannot_be_cut_and_new_ones_can() -> None:
    buffer = full_buffer([1.0, 2.0])
    buffer.clear()
    assert (len(buffer), buffer.nbytes, buffer.evicted) == (0, 0, 0)
    with pytest.raises(WindowError, match="left the buffer"):
        buffer.cut(PAPER_PLAN, spans(PAPER_PLAN, rep()))
    buffer.add(EncodedFrame(3.0, b"x", (1, 1)))
    assert len(buffer.cut(PAPER_PLAN, [Span(8, None, 2.5, 4.0)])) == 1


@given(st.lists(st.integers(1, 400), min_size=1, max_size=60), st.integers(300, 2000), st.floats(0.1, 3.0))
def test_the_buffer_keeps_the_newest_frames_within_both_caps_and_counts_the_rest(
    sizes: list[int], max_bytes: int, seconds: float
) -> None:
    buffer = FrameBuffer(BufferSettings(seconds=seconds, max_bytes=max_bytes))
    for index, size in enumerate(sizes):
        buffer.add(EncodedFrame(index / 10, bytes(size), (1, 1)))
        assert buffer.nbytes <= max_bytes
    kept = len(buffer)
    assert kept + buffer.evicted == len(sizes)
    assert buffer.nbytes == sum(sizes[len(sizes) - kept :])
    assert (kept - 1) / 10 <= seconds + 1e-9
    if kept < len(sizes):
        next_older = buffer.nbytes + sizes[len(sizes) - kept - 1]
        assert next_older > max_bytes or kept / 10 > seconds - 1e-9


# --- the frame path ------------------------------------------------------------------------------------


def gradient(height: int, width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A smooth picture, red to the right, blue downwards."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, :, 0] = np.linspace(0, 255, width)
    image[:, :, 2] = np.linspace(0, 255, height)[:, None]
    return image


@pytest.mark.parametrize(
    ("size", "encoded"),
    [((720, 1280), (853, 480)), ((1920, 1080), (480, 853)), ((480, 480), (480, 480)), ((90, 60), (60, 90))],
)
def test_pictures_are_shrunk_to_480_and_never_enlarged(
    size: tuple[int, int], encoded: tuple[int, int]
) -> None:
    jpeg, shown = encode(gradient(*size))
    assert shown == encoded
    assert decode(jpeg).shape == (encoded[1], encoded[0], 3)


def test_colours_survive_the_frame_path_in_their_order_and_at_full_resolution() -> None:
    image = gradient(120, 160)
    image[::2, :, 1] = 255  # a line of green on every other row would blur under 4:2:0
    jpeg, _ = encode(image)
    assert np.abs(decode(jpeg).astype(int) - image).mean() < 3
    header = jpeg.index(b"\xff\xc0")
    assert jpeg[header + 11] == 0x11  # sampling factors of luma: 1 x 1 is 4:4:4


def test_what_is_no_jpeg_costs_the_window() -> None:
    for broken in (b"", b"not a picture"):
        with pytest.raises(WindowError, match="no JPEG"):
            decode(broken)


def test_pushed_frames_are_encoded() -> None:
    buffer = FrameBuffer(BufferSettings())
    buffer.push(Frame(0, gradient(90, 60), 1.0, 0.0))
    (window,) = buffer.cut(PAPER_PLAN, spans(PAPER_PLAN, rep()))
    assert decode(window.frames[0]).shape == (90, 60, 3)


# --- crop ----------------------------------------------------------------------------------------------


def test_the_crop_holds_every_pose_of_the_unit_with_a_margin_and_no_other() -> None:
    plan = WindowPlan(crop="person", sampling="consecutive")
    seen = [
        pose(0.9, (0.0, 0.0)),  # before the repetition
        pose(1.0, (0.25, 0.5), (0.5, 0.625)),
        Pose.nobody(1.5, (100, 200)),
        pose(2.5, (0.5, 0.5), (0.75, 0.75)),
    ]
    (window,) = full_buffer([1.0, 2.0]).cut(plan, spans(plan, rep()), seen)
    assert window.crop == (17, 92, 83, 158)  # 25 to 75 and 100 to 150, and 0.15 of 50 around
    assert crop(gradient(200, 100), window.crop).shape == (66, 66, 3)


def test_without_a_crop_the_whole_picture_is_shown() -> None:
    (window,) = full_buffer([1.0]).cut(PAPER_PLAN, spans(PAPER_PLAN, rep()), [pose(1.0, (0.4, 0.5))])
    assert window.crop is None
    assert crop(gradient(20, 10), None).shape == (20, 10, 3)


coordinate = st.floats(-1, 2)


@given(
    st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=9),
    st.integers(1, 900),
    st.integers(1, 900),
)
def test_a_crop_lies_in_the_picture_and_is_never_empty(
    corners: list[tuple[float, float]], width: int, height: int
) -> None:
    left, top, right, bottom = person_box([pose(0.0, *corners)], (width, height))
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    for x, y in corners:
        if 0 <= x < 1 and 0 <= y < 1:
            assert left <= np.float32(x) * width <= right
            assert top <= np.float32(y) * height <= bottom


def test_nobody_to_crop_to_costs_the_window() -> None:
    plan = WindowPlan(crop="person")
    with pytest.raises(WindowError, match="no pose was found"):
        full_buffer([1.0]).cut(plan, spans(plan, rep()), [Pose.nobody(1.0, (100, 200))])


def test_a_picture_that_changes_size_cannot_be_cropped_alike() -> None:
    plan = WindowPlan(crop="person")
    buffer = full_buffer([1.0])
    buffer.add(EncodedFrame(1.1, b"x", (50, 50)))
    with pytest.raises(WindowError, match="changes size"):
        buffer.cut(plan, spans(plan, rep()), [pose(1.0, (0.4, 0.5))])
