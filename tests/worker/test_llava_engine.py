"""LLaVA-Video behind the service: the tiny model, its adapters, and what its device and logits may do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the model needs torch: pip install -e '.[worker]'")
pytest.importorskip("peft", reason="adapters need peft: pip install -e '.[finetune]'")

from workers import PHASES, picture, refused, request, window, worker  # noqa: E402  after the check

from streamaqa.assessment.merge import Logistic, ProbabilityCalibration, WindowReading  # noqa: E402
from streamaqa.errors import AnswerError, WeightsError  # noqa: E402
from streamaqa.exercises import BARBELL_ROW  # noqa: E402
from streamaqa.llava.adapters import add_adapter, lora, save_adapter  # noqa: E402
from streamaqa.llava.config import LlavaVideoConfig  # noqa: E402
from streamaqa.llava.contract import Contract  # noqa: E402
from streamaqa.llava.model import LlavaVideo  # noqa: E402
from streamaqa.llava.readout import Asked  # noqa: E402
from streamaqa.llava.tokens import tiny_tokenizer  # noqa: E402
from streamaqa.windows import PAPER_PLAN, Window  # noqa: E402
from streamaqa.worker.llava_engine import LlavaEngine, devices, load  # noqa: E402
from streamaqa.worker.settings import WorkerSettings  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def settings(**more: Any) -> WorkerSettings:
    return WorkerSettings.model_validate({"device": "cpu", "plan": PHASES, **more})


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two that change the tiny model's answers, one of them calibrated."""
    folders = {}
    for number, name in enumerate(("gym", "home.v2")):
        folder = tmp_path_factory.mktemp(name)
        torch.manual_seed(number)
        adapted = add_adapter(LlavaVideo.random(LlavaVideoConfig.tiny()), lora(rank=4, alpha=64, dropout=0.0))
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                torch.nn.init.normal_(parameter, std=0.2)
        save_adapter(adapted, folder, Contract.of(PHASES))
        folders[name] = folder
    calibration = ProbabilityCalibration(fitted_on="a test", errors={"squat.shallow": Logistic(offset=1.0)})
    calibration.save(folders["gym"])
    return folders


def prepared(engine: LlavaEngine, frames: int = 4) -> Asked:
    asked = window(frames=frames)
    return engine.window(asked, [engine.part([picture(number) for number in range(frames)], None)])


def test_pixels_are_those_of_the_bare_reader_to_the_bit() -> None:
    (engine,) = load(settings())
    jpegs = [picture(number, (60, 40)) for number in range(3)]
    box = (3, 2, 50, 39)
    whole = Asked.of(Window(1, None, (0.0, 0.1, 0.2), 0.3, tuple(jpegs), box), 70)
    parts = [engine.part(jpegs[:1], box), engine.part(jpegs[1:], box)]
    assert torch.equal(engine.window(window(frames=3), parts).video, whole.video)
    assert tuple(engine.window(window(frames=1), parts[:1]).video.shape) == (3, 70, 70), "a still image"


def test_adapters_are_chosen_by_batch_and_none_gives_the_model_as_loaded(adapters: dict[str, Path]) -> None:
    bare = load(settings())[0]
    (engine,) = load(settings(adapters=adapters))
    asked = prepared(engine)

    def squat(name: str | None, of: LlavaEngine = engine) -> float:
        (reading,) = of.read([asked], name)
        assert isinstance(reading, WindowReading)
        return reading.exercises["squat"]

    before = squat(None, bare)
    order = [None, "gym", "home.v2", None, "home.v2", "gym"]
    said = [squat(name) for name in order]
    for name, value in zip(order, said, strict=True):
        assert value == pytest.approx(said[order.index(name)], abs=1e-5), "whatever was on before"
    assert said[0] == pytest.approx(before, abs=1e-5)
    assert len({round(value, 3) for value in said}) == 3


async def test_a_request_is_answered_by_the_adapter_it_chose(adapters: dict[str, Path]) -> None:
    (engine,) = load(settings(adapters=adapters))
    async with worker(engine) as running:
        ready = running.service.ready
        told = await running.ask(request(adapter="gym"))
        unknown = await running.post(request(adapter="nobody"))
    assert (ready.adapters["gym"].calibrated, ready.adapters["home.v2"].calibrated) == (True, False)
    assert not ready.adapters["gym"].untrained
    assert ready.model is not None
    assert ready.model.untrained
    assert (told.model.name, told.model.calibrated) == ("gym", True)
    assert told.windows[0].reading is not None
    reading = told.windows[0].reading.unpacked()
    if told.reps[0].exercise == "squat":
        shallow = next(error for error in told.reps[0].errors if error.name == "shallow")
        assert shallow.probability > reading.errors("squat").get("shallow", 0.0), "calibrated"
    assert refused(unknown).error == "no adapter 'nobody'; there is gym, home.v2"


def test_an_adapter_of_another_contract_or_without_one_is_refused(
    adapters: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(WeightsError, match=r"plan\.unit 'phase', wanted 'rep'"):
        load(settings(adapters=adapters, plan=PAPER_PLAN))
    for file in adapters["gym"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "contract.json").unlink()
    with pytest.raises(WeightsError, match=r"without contract\.json"):
        load(settings(adapters={"gym": tmp_path}))


def saved(folder: Path, contract: Contract | None) -> Path:
    LlavaVideo.random(LlavaVideoConfig.tiny()).save_pretrained(folder)
    tiny_tokenizer().save(folder)
    if contract is not None:
        contract.save(folder)
    return folder


def test_weights_bring_their_contract_or_are_untrained(tmp_path: Path) -> None:
    trained = saved(tmp_path / "trained", Contract.of(PHASES, vocabulary=(BARBELL_ROW,)))
    (engine,) = load(WorkerSettings(weights=str(trained), device="cpu"))
    assert (engine.contract.plan, engine.model.untrained) == (PHASES, False)
    assert [exercise.name for exercise in engine.vocabulary] == ["barbell_row"]
    with pytest.raises(WeightsError, match=r"plan\.unit 'phase', wanted 'rep'"):
        load(WorkerSettings(weights=str(trained), device="cpu", plan=PAPER_PLAN))

    original = saved(tmp_path / "original", None)
    (engine,) = load(WorkerSettings(weights=str(original), device="cpu"))
    assert (engine.contract.plan, engine.model.untrained) == (PAPER_PLAN, True)
    assert engine.model.version != "random"


def test_weights_for_words_that_are_not_known_are_refused(tmp_path: Path) -> None:
    contract = Contract(dialogue="1", plan=PHASES, vocabulary={"Deadlift": ("back",)})
    with pytest.raises(WeightsError, match="trained to name Deadlift"):
        load(WorkerSettings(weights=str(saved(tmp_path, contract)), device="cpu"))


def test_devices_are_named_or_found() -> None:
    assert devices("cpu") == ["cpu"]
    with pytest.raises(WeightsError, match="wanted cpu, cuda"):
        devices("tpu9")
    with pytest.raises(WeightsError, match="GPUs that torch can use"):
        devices("cuda:99")
    with pytest.raises(WeightsError, match="there are tiny"):
        load(WorkerSettings(weights="random:70b", device="cpu"))


async def test_torch_out_of_memory_is_halved_and_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    (engine,) = load(settings())
    real, sizes = engine._reader.read, []

    def tight(windows: Sequence[Asked]) -> list[Any]:
        sizes.append(len(windows))
        if len(windows) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(windows)

    monkeypatch.setattr(engine._reader, "read", tight)
    monkeypatch.setattr(engine, "rehearsals", lambda most: [(4, 1)])
    async with worker(engine) as running:
        for count in range(1, 9):
            running.service.line.rates.learn(2, count, 0.2)
        sizes.clear()
        told = await running.ask(request(*[window(unit) for unit in range(6)], deadline_ms=60_000))
    assert all(each.reading is not None for each in told.windows)
    assert max(sizes) > 1, "a batch was tried"


async def test_logits_that_are_no_numbers_cost_their_window(monkeypatch: pytest.MonkeyPatch) -> None:
    (engine,) = load(settings())
    head = engine._reader.model.lm_head
    real = head.forward

    def first_row_broken(hidden: Any) -> Any:
        logits = real(hidden)
        if broken:
            logits[0] = float("nan")
        return logits

    broken = False
    monkeypatch.setattr(head, "forward", first_row_broken)
    windows = [prepared(engine), prepared(engine)]
    assert all(isinstance(outcome, WindowReading) for outcome in engine.read(windows, None))
    broken = True
    first, second = engine.read(windows, None)
    assert isinstance(first, AnswerError)
    assert "NaN" in str(first)
    assert isinstance(second, WindowReading)
