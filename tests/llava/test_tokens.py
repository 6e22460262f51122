"""Ids and labels are the original's, and the tiny tokenizer is a real one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lessons import Original

pytest.importorskip("tokenizers", reason="needs tokenizers: pip install -e '.[llava]'")
pytest.importorskip("torch", reason="the model needs torch: pip install -e '.[llava]'")

from streamaqa import dialogue
from streamaqa.dialogue import Answer, ErrorSpan
from streamaqa.errors import WeightsError
from streamaqa.llava.config import IGNORED
from streamaqa.llava.tokens import Tokens, Turn, tiny_tokenizer

TRAINED = ("train_one_turn_time", "train_one_turn", "train_two_turns_time")


@pytest.fixture(scope="module")
def texts(original: Original) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((original.folder / "text.json").read_text())
    return found


@pytest.fixture(scope="module")
def bytewise(original: Original) -> Tokens:
    return Tokens.load(original.folder / "byte_tokenizer")


def turns(case: dict[str, Any]) -> list[Turn]:
    return [
        ("user" if turn["from"] == "human" else "assistant", turn["value"])
        for turn in case["conversations_in"]
    ]


@pytest.mark.parametrize("name", ["infer_model_card", "infer_video_demo"])
def test_prompts_have_the_originals_ids(texts: dict[str, Any], bytewise: Tokens, name: str) -> None:
    assert list(bytewise.encode(texts[name]["prompt"])) == texts[name]["input_ids"]


@pytest.mark.parametrize("name", TRAINED)
def test_labels_in_the_originals_mode_are_the_originals(
    texts: dict[str, Any], bytewise: Tokens, name: str
) -> None:
    encoded = bytewise.conversation(turns(texts[name]), labels="original")
    assert list(encoded.ids) == texts[name]["input_ids"]
    assert list(encoded.labels) == texts[name]["labels"]


@pytest.mark.parametrize("name", TRAINED)
def test_by_default_the_answers_and_their_ends_are_learned_and_nothing_else(
    texts: dict[str, Any], bytewise: Tokens, name: str
) -> None:
    said = turns(texts[name])
    encoded = bytewise.conversation(said)
    assert list(encoded.ids) == texts[name]["input_ids"]
    learned = tuple(label for label in encoded.labels if label != IGNORED)
    assert learned == sum((bytewise.answer(text) for role, text in said if role == "assistant"), ())


def test_a_training_sample_is_the_dialogues_transcript() -> None:
    tokens = tiny_tokenizer()
    turn = dialogue.user_turn(dialogue.question(), (0.0, 1.4), 2.8)
    text = dialogue.render(Answer("squat", (ErrorSpan("shallow", 0.53, 1.2),)))
    encoded = tokens.transcript(turn, text)
    assert encoded.ids == tokens.encode(dialogue.transcript(turn, text))
    assert encoded.ids[: len(tokens.encode(dialogue.prompt(turn)))] == tokens.encode(dialogue.prompt(turn))


def test_the_tiny_tokenizer_keeps_digits_single_and_gives_each_word_one_token() -> None:
    tokens = tiny_tokenizer()
    text = dialogue.render(Answer("squat", (ErrorSpan("knees_inward", 0.53, 12.27),)))
    pieces = [tokens.decode([number]) for number in tokens.encode(text)]
    assert "".join(pieces) == text
    assert all(len(piece) == 1 for piece in pieces if any(letter.isdigit() for letter in piece))
    assert {" performing", " committing", " inward"} <= set(pieces)
    assert tokens.decode(tokens.encode("Grüße, 你好 <|im_start|>")) == "Grüße, 你好 "


def test_a_tokenizer_comes_back_from_its_folder(tmp_path: Path) -> None:
    tiny_tokenizer().save(tmp_path)
    again = Tokens.load(tmp_path)
    assert again.encode("A squat of 2.8 s.") == tiny_tokenizer().encode("A squat of 2.8 s.")
    assert (again.end, len(again)) == (tiny_tokenizer().end, len(tiny_tokenizer()))


def test_a_folder_without_a_chatml_tokenizer_is_refused(tmp_path: Path, original: Original) -> None:
    with pytest.raises(WeightsError, match="no tokenizer"):
        Tokens.load(tmp_path)
    stored = json.loads((original.folder / "byte_tokenizer" / "tokenizer.json").read_text())
    stored["added_tokens"] = []
    (tmp_path / "tokenizer.json").write_text(json.dumps(stored))
    with pytest.raises(WeightsError, match="wanted a ChatML tokenizer"):
        Tokens.load(tmp_path)
