"""`balance` from a conversion to a folder that is whole, or that nobody takes for whole."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from finetune import cli
from finetune.balance import Balancing, Strategy, Within, make, run, write
from finetune.convert import ConvertSettings, convert
from finetune.fitness_aqa import read_data_set
from finetune.records import Record, read_records, write_records
from finetune.training_folder import TrainingFolder, claimed
from streamaqa.errors import UsageError


@pytest.fixture(scope="module")
def converted(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A conversion of the tiny data set."""
    folder = tmp_path_factory.mktemp("converted") / "corpus"
    convert(read_data_set(built), folder, ConvertSettings())
    return folder


@pytest.fixture
def corpus(converted: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    return Path(shutil.copytree(converted, tmp_path / "corpus"))


def balance(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    """Run the command in this process; its exit code."""
    monkeypatch.setattr(sys, "argv", ["streamaqa-finetune", "balance", *map(str, words)])
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def told(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "balance.json").read_text())
    return found


def test_two_step_writes_two_phases_and_says_what_it_assumed(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "two"
    assert balance(monkeypatch, corpus, out, "--strategy", "two-step", "--within", "exercise") == 0
    train = read_records(corpus / "train.json")
    first, second = read_records(out / "phase1.json"), read_records(out / "phase2.json")
    assert sorted(one.id for one in first) == sorted(one.id for one in train)
    plain = {one.id for one in second if one.augment is None}
    assert {one.id for one in second if one.augment == {"flip": True}} == {f"{name}~1" for name in plain}
    assert len(second) == 2 * len(plain)
    summary = told(out)
    assert summary["before"]["Squat: knees forward"] == 1
    assert summary["after"]["phase2"]["counts"]["Squat: knees inward"] == 2
    assert summary["after"]["phase2"]["augmentations"] == {"flip": len(plain), "plain": len(plain)}
    assert summary["configuration"]["within"] == "exercise"
    printed = " ".join(capsys.readouterr().out.split())
    for sentence in summary["assumptions"]:
        assert sentence in printed
    assert "Squat: knees forward + knees inward 1 1 2" in printed


def test_dynamic_step_fills_each_class_and_the_folder_opens_again(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "dynamic"
    assert balance(monkeypatch, corpus, out, "--strategy", "dynamic-step", "--seed", 3, "--json") == 0
    summary = told(out)
    assert json.loads(capsys.readouterr().out) == summary
    for group in ("Squat", "OHP", "Squat (shallow depth)"):
        filled = {
            n for name, n in summary["after"]["train"]["counts"].items() if name.startswith(f"{group}:")
        }
        assert len(filled) == 1, group
    opened = TrainingFolder.open(out)
    assert opened.derived
    assert len(opened.phases["train"]) == summary["after"]["train"]["samples"]
    for record in opened.phases["train"]:
        assert opened.media.path(record).is_file()


def test_inverse_frequency_writes_a_weight_for_each_record(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "weighted"
    assert balance(monkeypatch, corpus, out, "--strategy", "inverse-frequency", "--within", "all") == 0
    weights = json.loads((out / "weights.json").read_text())
    records = read_records(out / "train.json")
    assert set(weights) == {record.id for record in records}
    assert sum(weights.values()) == pytest.approx(len(records))
    assert balance(monkeypatch, corpus, out, "--strategy", "two-step") == 0
    assert not (out / "weights.json").exists()  # nothing of the earlier run is left
    assert not (out / "train.json").exists()


def test_the_same_seed_writes_the_same_bytes(corpus: Path, tmp_path: Path) -> None:
    source = TrainingFolder.open(corpus)
    for name in ("one", "other"):
        write(make(source.phases["train"], Balancing(Strategy.DYNAMIC_STEP)), tmp_path / name, source)
    one, other = (
        {path.name: path.read_bytes() for path in sorted((tmp_path / name).iterdir())}
        for name in ("one", "other")
    )
    assert one == other


def test_a_run_that_broke_off_leaves_no_summary_and_the_next_one_mends_it(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = TrainingFolder.open(corpus), tmp_path / "out"
    balanced = make(source.phases["train"], Balancing(Strategy.TWO_STEP))
    write(balanced, out, source)
    whole = (out / "balance.json").read_bytes()

    def stop(_: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(run, "picture", stop)
        with pytest.raises(KeyboardInterrupt):
            write(balanced, out, source)
    with pytest.raises(UsageError, match="no finished conversion"):
        TrainingFolder.open(out)
    write(balanced, out, source)
    assert (out / "balance.json").read_bytes() == whole


def test_two_runs_do_not_write_to_one_folder(tmp_path: Path) -> None:
    with claimed(tmp_path), pytest.raises(UsageError, match="another run"), claimed(tmp_path):
        pass


def test_a_record_of_the_test_split_in_the_training_file_is_refused(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    smuggled = [*read_records(corpus / "train.json"), *read_records(corpus / "test.json")]
    write_records(corpus / "train.json", smuggled)
    assert balance(monkeypatch, corpus, tmp_path / "out", "--strategy", "two-step") == 2
    assert "is of the test split, which is never trained on" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_is_balanced_already_is_not_balanced_again(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert balance(monkeypatch, corpus, tmp_path / "two", "--strategy", "two-step") == 0
    assert balance(monkeypatch, tmp_path / "two", tmp_path / "again", "--strategy", "two-step") == 2
    assert "give the folder that convert wrote" in capsys.readouterr().err


@pytest.mark.parametrize(
    "damage", ["{", "[]", '{"format": "something else"}', '{"format": "streamaqa-training-1"}']
)
def test_a_summary_that_is_none_is_one_clear_line(tmp_path: Path, damage: str) -> None:
    (tmp_path / "balance.json").write_text(damage)
    with pytest.raises(UsageError, match=r"balance\.json: "):
        TrainingFolder.open(tmp_path)


def test_an_id_that_comes_twice_is_refused(corpus: Path) -> None:
    records: list[Record] = read_records(corpus / "train.json")
    write_records(corpus / "train.json", [*records, records[0]])
    with pytest.raises(UsageError, match="comes twice"):
        TrainingFolder.open(corpus)


@pytest.mark.parametrize("strategy", Strategy)
def test_the_chart_has_a_bar_for_each_class_before_and_after(
    corpus: Path, tmp_path: Path, strategy: Strategy
) -> None:
    source = TrainingFolder.open(corpus)
    balanced = make(source.phases["train"], Balancing(strategy, within=Within.EXERCISE))
    bars = balanced.bars()
    assert set(bars) == set(balanced.before)
    for one, bar in bars.items():
        assert bar.before == balanced.before[one]
    if strategy is Strategy.TWO_STEP:
        assert all(bar.plain == bar.copies for bar in bars.values())
    image = cv2.imdecode(np.frombuffer(run.picture(balanced), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape[1] > 1000
    for colour in ((0x9C, 0xA3, 0xAF), (0x1D, 0x4E, 0xD8)):
        assert (image[:, :, ::-1] == colour).all(axis=-1).any()
