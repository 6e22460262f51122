"""Adapters train, save, load and merge; one of another contract or model is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the model needs torch: pip install -e '.[llava]'")
pytest.importorskip("peft", reason="adapters need peft: pip install -e '.[finetune]'")

import torch

from streamaqa.errors import WeightsError
from streamaqa.exercises import BARBELL_ROW, OVERHEAD_PRESS, SQUAT
from streamaqa.llava.adapters import AdapterSwitch, add_adapter, load_adapter, lora, save_adapter
from streamaqa.llava.config import LlavaVideoConfig
from streamaqa.llava.contract import Contract
from streamaqa.llava.model import LlavaVideo
from streamaqa.windows import WindowPlan

TINY = LlavaVideoConfig.tiny(vocab_size=300)
IDS = torch.tensor([[5, 6, -200, 7, 8, 9]])
VIDEO = [torch.zeros(2, 3, 70, 70)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, torch.Tensor]:
    """An adapter after one step, and the logits of the model with it."""
    folder = tmp_path_factory.mktemp("adapter")
    adapted = add_adapter(LlavaVideo.random(TINY), lora(rank=4, alpha=64, dropout=0.0))
    learning = [value for value in adapted.parameters() if value.requires_grad]
    optimizer = torch.optim.SGD(learning, lr=1.0)
    for _ in range(3):
        adapted(input_ids=IDS, videos=VIDEO, labels=IDS.clamp(min=-100)).loss.backward()
        optimizer.step()
    save_adapter(adapted, folder, Contract.of())
    with torch.no_grad():
        return folder, adapted(input_ids=IDS, videos=VIDEO).logits


@pytest.mark.parametrize("merge", [False, True])
def test_a_saved_adapter_answers_as_the_trained_one(trained: tuple[Path, torch.Tensor], merge: bool) -> None:
    folder, wanted = trained
    base = LlavaVideo.random(TINY)
    with torch.no_grad():
        before = base(IDS, VIDEO).logits
        found = load_adapter(base, folder, Contract.of(), merge=merge)(IDS, VIDEO).logits
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=0)
    assert (found - before).abs().max() > 1e-2


def test_a_merged_adapter_saves_in_the_originals_layout(
    trained: tuple[Path, torch.Tensor], tmp_path: Path
) -> None:
    merged = load_adapter(LlavaVideo.random(TINY), trained[0], Contract.of(), merge=True)
    merged.save_pretrained(tmp_path)
    again = LlavaVideo.from_pretrained(tmp_path, device="cpu")
    with torch.no_grad():
        torch.testing.assert_close(again(IDS, VIDEO).logits, trained[1], atol=1e-4, rtol=0)


def test_targets_are_full_paths_and_leave_the_tower_alone() -> None:
    adapted = add_adapter(LlavaVideo.random(TINY), lora(rank=2))
    touched = [name for name, value in adapted.named_parameters() if value.requires_grad]
    assert touched
    assert all(".model.layers." in name and "vision_tower" not in name for name in touched)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Contract.of(WindowPlan(frames=16)), "plan.frames 32, wanted 16"),
        (Contract.of(WindowPlan(unit="phase")), "plan.unit 'rep', wanted 'phase'"),
        (Contract.of(vocabulary=(SQUAT, OVERHEAD_PRESS, BARBELL_ROW)), "wanted Squat .* Barbell Row"),
        (Contract.of(vocabulary=(OVERHEAD_PRESS, SQUAT)), "vocabulary Squat"),
        (Contract.of().model_copy(update={"dialogue": "0"}), "dialogue version '1', wanted '0'"),
    ],
)
def test_an_adapter_of_another_contract_is_refused(
    trained: tuple[Path, torch.Tensor], wanted: Contract, said: str
) -> None:
    with pytest.raises(WeightsError, match=said):
        load_adapter(LlavaVideo.random(TINY), trained[0], wanted)


def test_an_adapter_of_another_model_is_refused(trained: tuple[Path, torch.Tensor]) -> None:
    other = LlavaVideoConfig.of({**TINY.text, "intermediate_size": 96}, TINY.vision)
    with pytest.raises(WeightsError, match=r"an adapter for another model: .*mlp"):
        load_adapter(LlavaVideo.random(other), trained[0], Contract.of())


def test_an_adapter_cut_off_pickled_or_without_contract_is_refused(
    trained: tuple[Path, torch.Tensor], tmp_path: Path
) -> None:
    def refused(said: str) -> None:
        with pytest.raises(WeightsError, match=said):
            load_adapter(LlavaVideo.random(TINY), tmp_path, Contract.of())

    refused("without contract.json")
    (tmp_path / "contract.json").write_text(json.dumps({"plan": 3}))
    refused("no contract can be read")
    Contract.of().save(tmp_path)
    (tmp_path / "adapter_model.bin").write_bytes(b"x")
    refused("pickled adapters are never read")
    (tmp_path / "adapter_model.safetensors").write_bytes(
        (trained[0] / "adapter_model.safetensors").read_bytes()[:500]
    )
    refused("no whole adapter")


def test_several_adapters_on_one_model_answer_in_turn(
    trained: tuple[Path, torch.Tensor], tmp_path: Path
) -> None:
    other = add_adapter(LlavaVideo.random(TINY), lora(rank=2, alpha=32, dropout=0.0))
    with torch.no_grad():
        for name, value in other.named_parameters():
            if "lora_B" in name:
                value.normal_()
        others = other.eval()(input_ids=IDS, videos=VIDEO).logits
    save_adapter(other, tmp_path, Contract.of())
    model = LlavaVideo.random(TINY)
    with torch.no_grad():
        plain = model(IDS, VIDEO).logits
        switch = AdapterSwitch(model, {"a.b": trained[0], "c": tmp_path}, Contract.of())
        turns: tuple[tuple[str | None, torch.Tensor], ...] = (
            (None, plain),
            ("a.b", trained[1]),
            ("c", others),
            ("a.b", trained[1]),
            (None, plain),
        )
        for adapter, wanted in turns:
            switch.use(adapter)
            torch.testing.assert_close(model(IDS, VIDEO).logits, wanted, atol=1e-4, rtol=0)
    assert not any(value.requires_grad for name, value in model.named_parameters() if "lora" in name)
    with pytest.raises(WeightsError, match=r"adapter 'd' is not loaded, but a.b, c"):
        switch.use("d")


def test_of_several_adapters_one_under_another_contract_is_refused(
    trained: tuple[Path, torch.Tensor], tmp_path: Path
) -> None:
    other = add_adapter(LlavaVideo.random(TINY), lora(rank=2))
    save_adapter(other, tmp_path, Contract.of(WindowPlan(frames=16)))
    with pytest.raises(WeightsError, match=r"plan.frames 16, wanted 32"):
        AdapterSwitch(LlavaVideo.random(TINY), {"mine": trained[0], "other": tmp_path}, Contract.of())
