"""Text to ids and labels, and a small real tokenizer for running without weights.

An answer's ids are made apart from its prompt's, in training as in reading out: what the model saw when it
learned is what is scored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeAlias

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from streamaqa import dialogue
from streamaqa.dialogue.prompt import END, IMAGE, SYSTEM
from streamaqa.errors import WeightsError
from streamaqa.exercises import EXERCISES, OVERHEAD_PRESS, SQUAT
from streamaqa.llava.config import IGNORED, IMAGE_TOKEN

Labels: TypeAlias = Literal["answer", "original"]
"""`answer` learns the assistant's words and their end. `original` learns what LLaVA-NeXT does: the whole
assistant turn with its header, and every newline, turn start and turn end of the other turns too."""
Turn: TypeAlias = tuple[Literal["user", "assistant"], str]

START = "<|im_start|>"
PAD = "<|endoftext|>"
FILE = "tokenizer.json"

# Qwen2's pre-tokenizer: words with the space before them, and digits one by one
_QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True)
class Encoded:
    """One conversation as ids; -200 stands for the pictures."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]
    """As `ids`, and -100 where nothing is learned."""


class Tokens:
    """A byte-level BPE tokenizer with ChatML's special tokens."""

    def __init__(self, tokenizer: Tokenizer, where: str = "the tokenizer") -> None:
        self.tokenizer = tokenizer
        found = {name: tokenizer.token_to_id(name) for name in (START, END, PAD)}
        special = {name: number for name, number in found.items() if number is not None}
        if missing := found.keys() - special.keys():
            listed = ", ".join(sorted(missing))
            raise WeightsError(f"{where}: no {listed}, wanted a ChatML tokenizer such as Qwen2's")
        self.end = special[END]
        self.start = special[START]
        self.pad = special[PAD]

    @classmethod
    def load(cls, folder: Path) -> Tokens:
        """From `tokenizer.json`, or from `vocab.json` and `merges.txt`. WeightsError if neither can be
        read.
        """
        try:
            if (folder / FILE).exists():
                return cls(Tokenizer.from_file(str(folder / FILE)), str(folder / FILE))
            if not (folder / "vocab.json").exists():
                raise WeightsError(f"{folder}: no tokenizer: wanted {FILE}, or vocab.json and merges.txt")
            from transformers import Qwen2Tokenizer

            return cls(Qwen2Tokenizer.from_pretrained(folder).backend_tokenizer, str(folder))
        except WeightsError:
            raise
        except Exception as error:
            raise WeightsError(f"{folder}: no tokenizer can be read there: {error}") from error

    def save(self, folder: Path) -> None:
        """Write what `load`, and transformers, read."""
        self.tokenizer.save(str(folder / FILE))

    def __len__(self) -> int:
        """Ids in use; an embedding may have more rows."""
        return self.tokenizer.get_vocab_size(with_added_tokens=True)

    def encode(self, text: str) -> tuple[int, ...]:
        """Ids of a text; `<image>` becomes -200."""
        parts = (self.tokenizer.encode(part, add_special_tokens=False).ids for part in text.split(IMAGE))
        ids = [number for part in parts for number in (IMAGE_TOKEN, *part)]
        return tuple(ids[1:])

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, special tokens left out."""
        return self.tokenizer.decode([number for number in ids if number >= 0], skip_special_tokens=True)

    def answer(self, text: str) -> tuple[int, ...]:
        """Ids of a whole answer with its end."""
        return (*self.encode(text), self.end)

    def transcript(self, turn: str, answer: str, labels: Labels = "answer") -> Encoded:
        """A training sample: `dialogue.transcript` as ids and labels."""
        return self.conversation([("user", turn), ("assistant", answer)], labels)

    def conversation(self, turns: Sequence[Turn], labels: Labels = "answer") -> Encoded:
        """Any number of turns after the system's."""
        ids: list[int] = []
        learned: list[int] = []
        for role, text in (("system", SYSTEM), *turns):
            for part, is_answer in self._turn(role, text):
                ids += part
                wanted = is_answer if labels == "answer" else role == "assistant"
                learned += part if wanted else [IGNORED] * len(part)
        if labels == "original":
            always = {self.start, self.end, *self.encode("\n")}
            learned = [
                number if number in always else label for number, label in zip(ids, learned, strict=True)
            ]
        return Encoded(tuple(ids), tuple(learned))

    def _turn(self, role: str, text: str) -> Iterator[tuple[tuple[int, ...], bool]]:
        """Ids of a turn's parts, and whether they are an answer."""
        if role == "assistant":
            yield self.encode(f"{START}{role}\n"), False
            yield self.answer(text), True
            yield self.encode("\n"), False
        else:
            yield self.encode(f"{START}{role}\n{text}{END}\n"), False


@lru_cache(maxsize=1)
def tiny_tokenizer() -> Tokens:
    """Trained here and now on the dialogue's own sentences, pre-tokenized as Qwen2 does."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_QWEN2), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,  # every word of the dialogue becomes one token, as with Qwen2, and merges run out
        special_tokens=[PAD, START, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_sentences(), trainer)
    return Tokens(tokenizer)


def _sentences() -> Iterator[str]:
    for vocabulary in ((SQUAT, OVERHEAD_PRESS), EXERCISES):
        turn = dialogue.user_turn(dialogue.question(vocabulary), (0.0, 1.5), 3.0)
        yield dialogue.prompt(turn).replace(IMAGE, "")
    for known in EXERCISES:
        spans = [dialogue.ErrorSpan(error.name, 0.5, 1.25) for error in known.errors]
        for count in range(len(spans) + 1):
            yield dialogue.render(dialogue.Answer(known.name, tuple(spans[:count])))
