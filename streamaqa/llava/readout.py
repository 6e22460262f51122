"""Answers read out as probabilities: one prefill of the window, then few wide passes through the trie of
answers.

Free generation stays available for comparison: `Reader.say`, whose text `dialogue.parse` reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from streamaqa import dialogue
from streamaqa.assessment.merge import ProbabilityCalibration, WindowReading, certain
from streamaqa.errors import AnswerError, StreamaqaError, WindowError
from streamaqa.exercises import OVERHEAD_PRESS, SQUAT, Exercise
from streamaqa.llava.frames import check_times, pixels
from streamaqa.llava.grammar import MOST_ERRORS, Grammar, WindowGrammar
from streamaqa.llava.model import LlavaVideo
from streamaqa.llava.passes import Session, generate
from streamaqa.llava.search import Node, Search
from streamaqa.llava.tokens import Tokens
from streamaqa.settings import Settings
from streamaqa.windows import Window

_NAN = "the model's logits for this window are no finite numbers (NaN)"


class ReadoutSettings(Settings):
    """How far answers are searched. The defaults keep a third of token-by-token generation's passes."""

    decode: Literal["readout", "free"] = "readout"
    """`free` generates text and parses it: for comparison, its probabilities are 0 or 1."""
    most_errors: int = Field(default=MOST_ERRORS, ge=1, le=3)
    width: int | None = Field(default=None, ge=1)
    """Tokens of one pass. None takes 96 on a GPU, where a pass of less than about 200 takes as long as one of
    one token, since all weights are read either way (H200: 790 TFLOP/s over 4.3 TB/s, two operations and two
    bytes a weight), and 32 on a CPU, where time goes with tokens."""
    reach: float = Field(default=3e-2, gt=0, lt=1)
    """Within a pass, tokens less likely than this share of the likeliest are not fed."""
    tolerance: float = Field(default=1e-2, ge=0, lt=1)
    """The search for error sets ends when this much probability is undecided."""
    likely: float = Field(default=0.1, ge=0, le=1)
    """Errors at least this likely are asked when; others would be told to nobody."""
    guess: float = Field(default=0.02, ge=0, lt=1)
    """An interval is taken as found once no other can be likelier than this: the model does not know when,
    and further passes would choose among guesses."""
    passes: int | None = Field(default=12, ge=2)
    """The model runs at most this often for a window, prefill included: a sure model needs 2 for no error,
    4 or 5 for one and 8 to 11 for two, on a GPU and a CPU. What is not known by then is said: `undecided`,
    `proven`. None has no limit."""


@dataclass(frozen=True)
class Asked:
    """One window as the model sees it."""

    video: Tensor
    """(T, 3, S, S), or (3, S, S) for a still image."""
    times: tuple[float, ...]
    """Seconds from the first frame."""
    duration: float
    """Seconds; nothing is said of it for a still."""

    @classmethod
    def of(cls, window: Window, image_size: int) -> Asked:
        """Decode, crop and preprocess. WindowError if it cannot be shown."""
        return cls(pixels(window, image_size), window.relative_times, window.duration)

    @property
    def still(self) -> bool:
        """Whether it is asked about without times."""
        return len(self.video.shape) == 3

    def check(self) -> None:
        """WindowError for no frames, times that fall, or pixels that are no numbers."""
        check_times(self.times, 1 if self.still else len(self.video), self.duration)
        if not torch.isfinite(self.video).all():
            raise WindowError("a window with pixels that are no finite numbers")


class Reader:
    """Asks a model about windows and reads its answers out."""

    def __init__(
        self,
        model: LlavaVideo,
        tokens: Tokens,
        vocabulary: Sequence[Exercise] = (SQUAT, OVERHEAD_PRESS),
        settings: ReadoutSettings | None = None,
        calibration: ProbabilityCalibration | None = None,
    ) -> None:
        self.model = model
        self.tokens = tokens
        self.vocabulary = tuple(vocabulary)
        self.settings = settings or ReadoutSettings()
        self.calibration = calibration or ProbabilityCalibration()
        """Of the weights; `assessment.merge` applies it to merged probabilities."""
        self.grammar = Grammar(tokens, self.vocabulary, self.settings.most_errors)

    @property
    def width(self) -> int:
        """Tokens of one pass."""
        return self.settings.width or (96 if self.model.device.type == "cuda" else 32)

    def prompt(self, asked: Asked) -> tuple[int, ...]:
        """Ids of the question about a window, -200 for its pictures."""
        question = dialogue.question(self.vocabulary)
        if asked.still:
            turn = dialogue.user_turn(question)
        else:
            turn = dialogue.user_turn(question, asked.times, asked.duration)
        return self.tokens.encode(dialogue.prompt(turn))

    def read(
        self, windows: Sequence[Asked], prior: Mapping[str, float] | None = None
    ) -> list[WindowReading | StreamaqaError]:
        """A reading for each window, or the error that this one window met: others are not touched by it.

        `prior`: the segmenter's log-probabilities of exercises. It decides whose intervals are looked for and
        is left out of the reading, so that merging windows counts it once.
        """
        results: list[WindowReading | StreamaqaError | None] = [None] * len(windows)
        fine = []
        for number, asked in enumerate(windows):
            try:
                asked.check()
                self._grammar_of(asked)
                fine.append(number)
            except WindowError as error:
                results[number] = error
        if fine:
            shown = [windows[number] for number in fine]
            for number, outcome in zip(fine, self.read_from(self.open(shown), shown, prior), strict=True):
                results[number] = outcome
        return [result for result in results if result is not None]

    def read_from(
        self, session: Session, windows: Sequence[Asked], prior: Mapping[str, float] | None = None
    ) -> list[WindowReading | StreamaqaError]:
        """As `read`, after `open`."""
        if self.settings.decode == "free":
            return self._read_free(session, windows)
        return self._read(session, [self._search(asked, prior) for asked in windows])

    def open(self, windows: Sequence[Asked]) -> Session:
        """Prefill."""
        return Session.open(
            self.model, [self.prompt(asked) for asked in windows], [asked.video for asked in windows]
        )

    def say(self, windows: Sequence[Asked], most: int = 160) -> list[str]:
        """Greedy free text for each window, `decode: free`."""
        said = generate(self.open(windows), self.tokens.end, most=most)
        return [self.tokens.decode(ids) for ids in said]

    def _grammar_of(self, asked: Asked) -> WindowGrammar:
        return self.grammar.window(None if asked.still else asked.duration)

    def _search(self, asked: Asked, prior: Mapping[str, float] | None) -> Search:
        settings = self.settings
        return Search(
            self._grammar_of(asked),
            prior=prior,
            tolerance=settings.tolerance,
            likely=settings.likely,
            width=self.width,
            reach=settings.reach,
            guess=settings.guess,
        )

    def _read_free(self, session: Session, windows: Sequence[Asked]) -> list[WindowReading | StreamaqaError]:
        """What greedy text says, with certainty; AnswerError for a text that cannot be read."""
        finite = torch.isfinite(session.first).all(dim=1).tolist()
        texts = [self.tokens.decode(ids) for ids in generate(session, self.tokens.end)]
        results: list[WindowReading | StreamaqaError] = []
        for asked, text, fine in zip(windows, texts, finite, strict=True):
            try:
                if not fine:
                    raise AnswerError(_NAN)
                answer = dialogue.parse(text, self.vocabulary)
                dialogue.check_times(answer, asked.duration)
                results.append(certain(answer, self.vocabulary, session.passes))
            except AnswerError as error:
                results.append(error)
        return results

    def _read(self, session: Session, searches: Sequence[Search]) -> list[WindowReading | StreamaqaError]:
        walks = [_Walk(search) for search in searches]
        for walk, logits in zip(walks, session.first, strict=True):
            walk.take([walk.search.root], self._log_softmax(logits[None]))
        while self.settings.passes is None or session.passes < self.settings.passes:
            batches = [walk.batch() for walk in walks]
            if not any(batches):
                break
            width = max(map(len, batches))
            logits = session.step(*_laid_out(walks, batches, width))
            for walk, batch, row in zip(walks, batches, logits, strict=True):
                if batch:
                    walk.take(batch, self._log_softmax(row[: len(batch)]), session.passes)
                walk.wrote(batch, width)
        return [walk.result() for walk in walks]

    def _log_softmax(self, logits: Tensor) -> Tensor:
        """Over the tokenizer's ids: an embedding may have rows behind them that were never trained."""
        return torch.log_softmax(logits[:, : len(self.tokens)].float(), dim=-1)


class _Walk:
    """One window's search, and where its nodes lie in the cache."""

    def __init__(self, search: Search) -> None:
        self.search = search
        self._passes = 1
        self._error: AnswerError | None = None
        self.written = 0
        """Slots that this row has taken, padding included."""

    def batch(self) -> list[Node]:
        """What this window wants fed next."""
        return [] if self._error else self.search.batch()

    def take(self, batch: Sequence[Node], logs: Tensor, passes: int = 1) -> None:
        """Hand (N, vocabulary) log-probabilities to the search; a NaN ends this window alone."""
        self._passes = passes
        if not bool(torch.isfinite(logs).all()):
            self._error = AnswerError(_NAN)
            return
        tokens = [[child.token for child in self.search.children(node)] for node in batch]
        rows = torch.tensor([row for row, some in enumerate(tokens) for _ in some], device=logs.device)
        columns = torch.tensor([token for some in tokens for token in some], device=logs.device)
        flat: NDArray[np.float64] = logs[rows, columns].double().cpu().numpy()
        stops = np.cumsum([len(some) for some in tokens]).tolist()
        self.search.receive(batch, [flat[a:b] for a, b in zip([0, *stops], stops, strict=False)])

    def wrote(self, batch: Sequence[Node], width: int) -> None:
        """Remember where the nodes of the last pass went."""
        for place, node in enumerate(batch):
            node.slot = self.written + place
        self.written += width

    def result(self) -> WindowReading | StreamaqaError:
        """The reading, or what went wrong."""
        return self._error or self.search.reading(self._passes)


def _laid_out(
    walks: Sequence[_Walk], batches: Sequence[Sequence[Node]], width: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Ids (B, Q), depths (B, Q) and what each token sees behind the prompt (B, Q, S)."""
    before = walks[0].written
    ids = np.zeros((len(walks), width), np.int64)
    depths = np.zeros((len(walks), width), np.int64)
    sees = np.zeros((len(walks), width, before + width), np.bool_)
    for row, batch in enumerate(batches):
        here: dict[Node | None, int] = {node: before + place for place, node in enumerate(batch)}
        for place, node in enumerate(batch):
            ids[row, place], depths[row, place] = node.token, node.at
            if node.parent in here:  # fed in this pass too, and laid out before
                sees[row, place] = sees[row, here[node.parent] - before]
            else:
                sees[row, place, [above.slot for above in node.above()]] = True
            sees[row, place, before + place] = True
    return torch.from_numpy(ids), torch.from_numpy(depths), torch.from_numpy(sees)
