"""Passes of fixed shapes compute what passes of any shape do; a graph that cannot be had is done without."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lessons import LESSONS, asked

pytest.importorskip("torch", reason="the model needs torch: pip install -e '.[llava]'")

import torch

from streamaqa.assessment.merge import WindowReading
from streamaqa.llava.graphs import SAID, STEP, Capture, DecodeGraphs, Run
from streamaqa.llava.passes import Session, generate
from streamaqa.llava.readout import Asked, Reader, ReadoutSettings

NEAR = 1e-5


def as_it_is(run: Run) -> Run:
    """In place of a capture, where there is no GPU: the same pass over the same buffers, run anew."""
    return run


def fixed(reader: Reader, settings: ReadoutSettings | None = None, capture: Capture = as_it_is) -> Reader:
    """The same reader, its passes in fixed shapes."""
    other = Reader(reader.model, reader.tokens, reader.vocabulary, settings or reader.settings)
    other.graphs = DecodeGraphs(reader.model, capture)
    return other


def tree(width: int, said: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two rows of tokens that see themselves and each second one before."""
    ids = torch.arange(2 * width).view(2, width) % 300
    sees = torch.zeros(2, width, said + width, dtype=torch.bool)
    sees[:, :, ::2] = True
    sees = sees.tril(said) | torch.eye(width, said + width, dtype=torch.bool).roll(said, 1)
    return ids, torch.arange(width).expand(2, -1) + said, sees


def both(reader: Reader, windows: list[Asked]) -> Iterator[Session]:
    prompts = [reader.prompt(window) for window in windows]
    for graphs in (None, DecodeGraphs(reader.model, as_it_is)):
        yield Session.open(reader.model, prompts, [window.video for window in windows], graphs)


def test_passes_of_fixed_shapes_have_the_logits_of_passes_of_any(random_reader: Reader) -> None:
    free, still = both(random_reader, [asked(1, 2, 1.0), asked(2, 3, 2.5)])  # padded: prompts of two lengths
    assert still._fixed is not None
    for width in (1, 7, 32, 50, 3):
        given = tree(width, free.said)
        torch.testing.assert_close(still.step(*given), free.step(*given), atol=NEAR, rtol=0)
    assert still._fixed is not None
    assert free.said == still.said == 93


@pytest.mark.parametrize("width", [300, 200])
def test_a_pass_too_wide_or_slots_that_run_out_go_on_in_buffers_that_grow(
    random_reader: Reader, width: int
) -> None:
    free, still = both(random_reader, [asked(1, 2, 1.0), asked(2, 3, 2.5)])
    for _ in range(SAID // width + 1):
        given = tree(width, free.said)
        torch.testing.assert_close(still.step(*given), free.step(*given), atol=NEAR, rtol=0)
    assert still._fixed is None


def test_windows_read_the_same_one_after_the_other_in_the_same_buffers(sure_reader: Reader) -> None:
    reader = fixed(sure_reader)
    assert reader.graphs is not None
    for window, answer in LESSONS * 2:
        (found,), (wanted,) = reader.read([window]), sure_reader.read([window])
        assert isinstance(found, WindowReading)
        assert isinstance(wanted, WindowReading)
        assert found.passes == wanted.passes
        assert {*found.answer().errors} == {*answer.errors}
        assert found.exercises == pytest.approx(wanted.exercises, abs=NEAR)
    assert len(reader.graphs._shapes) == 1
    assert reader.graphs.off is None


def test_a_window_that_went_wrong_leaves_nothing_in_the_buffers(
    random_reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = fixed(random_reader)
    merge = reader.model.merge_batch

    def poisoned(*args: Any, **kwargs: Any) -> Any:
        merged = merge(*args, **kwargs)
        merged.embeds[:] = torch.nan
        return merged

    with monkeypatch.context() as patched:
        patched.setattr(reader.model, "merge_batch", poisoned)
        (broken,) = reader.read([asked(1, 8, 2.0)])
    assert not isinstance(broken, WindowReading)
    (found,) = reader.read([asked(2, 2, 1.0)])
    (wanted,) = random_reader.read([asked(2, 2, 1.0)])
    assert isinstance(found, WindowReading)
    assert isinstance(wanted, WindowReading)
    assert found.exercises == pytest.approx(wanted.exercises, abs=NEAR)


def test_generation_runs_in_fixed_shapes_too(sure_reader: Reader) -> None:
    free, still = both(sure_reader, [window for window, _ in LESSONS[:2]])
    assert generate(still, sure_reader.tokens.end) == generate(free, sure_reader.tokens.end)


def cannot(run: Run) -> Run:
    raise RuntimeError("operation not permitted when stream is capturing")


def computes_else(run: Run) -> Run:
    return lambda: run() + 1


def computes_nothing(run: Run) -> Run:
    return lambda: run() * torch.nan


@pytest.mark.parametrize(
    ("capture", "said"),
    [(cannot, "not permitted"), (computes_else, "differ by"), (computes_nothing, "differ by nan")],
)
def test_a_graph_that_cannot_be_captured_or_computes_otherwise_is_done_without_and_said(
    sure_reader: Reader,
    capture: Capture,
    said: str,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reader = fixed(sure_reader, capture=capture)
    window, answer = LESSONS[1]
    for _ in range(2):
        (found,) = reader.read([window])
        assert isinstance(found, WindowReading)
        assert {*found.answer().errors} == {*answer.errors}
    assert reader.graphs is not None
    assert said in str(reader.graphs.off)
    assert (caplog.text + capsys.readouterr().out).count("decode_graphs_off") == 1


def test_what_a_session_holds_no_other_one_gets(random_reader: Reader) -> None:
    reader = fixed(random_reader)
    first, second = reader.open([asked(1, 2, 1.0)]), reader.open([asked(2, 2, 1.0)])
    assert first._fixed is not None
    assert second._fixed is None
    first.close()
    assert reader.open([asked(2, 2, 1.0)])._fixed is not None


def test_few_layouts_are_kept_and_wide_batches_go_without(random_reader: Reader) -> None:
    reader = fixed(random_reader)
    assert reader.graphs is not None
    for frames in (1, 20, 32, 32):
        for count in (1, 2):
            reader.open([asked(seed, frames, 2.0) for seed in range(count)]).close()
    assert len(reader.graphs._shapes) <= 4
    assert all(shapes.prompt % STEP == 0 for shapes in reader.graphs._shapes.values())
    assert reader.open([asked(seed, 2, 1.0) for seed in range(5)])._fixed is None


def test_another_adapter_is_another_graph(tmp_path: Path, random_reader: Reader) -> None:
    pytest.importorskip("peft", reason="adapters need peft: pip install -e '.[finetune]'")
    from streamaqa.llava.adapters import AdapterSwitch, add_adapter, lora, save_adapter
    from streamaqa.llava.config import LlavaVideoConfig
    from streamaqa.llava.contract import Contract
    from streamaqa.llava.model import LlavaVideo

    trained = add_adapter(LlavaVideo.random(LlavaVideoConfig.tiny()), lora(rank=2, alpha=64, dropout=0.0))
    with torch.no_grad():
        for name, value in trained.named_parameters():
            if "lora_B" in name:
                value.normal_()
    save_adapter(trained, tmp_path, Contract.of())
    model = LlavaVideo.random(LlavaVideoConfig.tiny())
    switch = AdapterSwitch(model, {"mine": tmp_path}, Contract.of())
    plain = Reader(model, random_reader.tokens)
    reader = fixed(plain)
    assert reader.graphs is not None
    adapters: tuple[str | None, ...] = (None, "mine", None, "mine")
    for number, adapter in enumerate(adapters, 1):
        switch.use(adapter)
        (found,), (wanted,) = (each.read([asked(1, 2, 1.0)]) for each in (reader, plain))
        assert isinstance(found, WindowReading)
        assert isinstance(wanted, WindowReading)
        assert found.exercises == pytest.approx(wanted.exercises, abs=NEAR)
        assert len(reader.graphs._shapes) == min(number, 2)


def test_graphs_are_for_gpus_only(random_reader: Reader) -> None:
    assert (random_reader.graphs is not None) == (random_reader.model.device.type == "cuda")
    off = Reader(random_reader.model, random_reader.tokens, settings=ReadoutSettings(decode_graphs="off"))
    assert off.graphs is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs need a GPU")
def test_a_cuda_graph_reads_what_its_passes_read(random_reader: Reader) -> None:
    model = random_reader.model.to("cuda")
    try:
        reader = Reader(model, random_reader.tokens)
        off = Reader(model, random_reader.tokens, settings=ReadoutSettings(decode_graphs="off"))
        for seed in range(3):
            (found,), (wanted,) = (each.read([asked(seed, 2, 1.0)]) for each in (reader, off))
            assert isinstance(found, WindowReading)
            assert isinstance(wanted, WindowReading)
            assert found.exercises == pytest.approx(wanted.exercises, abs=1e-3)
        assert reader.graphs is not None
        assert reader.graphs.off is None
    finally:
        model.to("cpu")
