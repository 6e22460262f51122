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
from streamaqa.llava.forks import WindowGrammar
from streamaqa.llava.frames import check_times, pixels
from streamaqa.llava.grammar import MOST_ERRORS, Grammar
from streamaqa.llava.graphs import DecodeGraphs
from streamaqa.llava.model import LlavaVideo, is_finite
from streamaqa.llava.passes import Session, generate
from streamaqa.llava.search import Search
from streamaqa.llava.stretches import Piece
from streamaqa.llava.tokens import Tokens
from streamaqa.settings import Settings
from streamaqa.windows import Window

_EARLIER = np.tri(256, dtype=np.bool_)
"""What tokens in a row see of each other; no run of the dialogue is as long."""
_NAN = "the model's logits for this window are no finite numbers (NaN)"


class ReadoutSettings(Settings):
    """How far answers are searched. The defaults keep a third of token-by-token generation's passes."""

    decode: Literal["readout", "free"] = "readout"
    """`free` generates text and parses it: for comparison, its probabilities are 0 or 1."""
    most_errors: int = Field(default=MOST_ERRORS, ge=1, le=3)
    width: int | None = Field(default=None, ge=1)
    """Tokens of one pass. None takes 96 on a GPU, where a pass of less than about 200 takes as long as one of
    one token, since all weights are read either way (H200: 790 TFLOP/s over 4.3 TB/s, two operations and two
    bytes a weight), and 16 on a CPU, where time goes with tokens: narrower ones need more passes than there
    are."""
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
    """The model runs at most this often for a window, prefill included: a sure model needs 2 for no error, 5
    or 6 for one and 9 to 11 for two. What is not known by then is said: `undecided`, `proven`. None has no
    limit."""
    decode_graphs: Literal["auto", "off"] = "auto"
    """Passes of fixed shapes as CUDA graphs, on a GPU only; where one cannot be captured they are left, and
    the log says why."""


@dataclass(frozen=True)
class Asked:
    """One window as the model sees it."""

    video: Tensor
    """(T, 3, S, S), or (3, S, S) for a still image."""
    times: tuple[float, ...]
    """Seconds from the first frame."""
    duration: float
    """Seconds; nothing is said of it for a still."""
    hint: Mapping[str, float] | None = None
    """The segmenter's log-probabilities of exercises, if they are known for this window."""

    @classmethod
    def of(cls, window: Window, image_size: int, hint: Mapping[str, float] | None = None) -> Asked:
        """Decode, crop and preprocess. WindowError if it cannot be shown."""
        return cls(pixels(window, image_size), window.relative_times, window.duration, hint)

    @property
    def still(self) -> bool:
        """Whether it is asked about without times."""
        return len(self.video.shape) == 3

    def check(self) -> None:
        """WindowError for no frames, times that fall, or pixels that are no numbers."""
        check_times(self.times, 1 if self.still else len(self.video), self.duration)
        if not is_finite(self.video):
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
        graphed = self.settings.decode_graphs == "auto" and model.device.type == "cuda"
        self.graphs = DecodeGraphs(model) if graphed else None
        """Passes as CUDA graphs, where they are used."""

    @property
    def width(self) -> int:
        """Tokens of one pass."""
        return self.settings.width or (96 if self.model.device.type == "cuda" else 16)

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

        `prior`: the segmenter's log-probabilities of exercises, for windows without a `hint` of their own. It
        decides whose intervals are looked for and is left out of the reading, so that merging windows counts
        it once.
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
            session = self.open(shown)
            try:
                for number, outcome in zip(fine, self.read_from(session, shown, prior), strict=True):
                    results[number] = outcome
            finally:
                session.close()
        return [result for result in results if result is not None]

    def read_from(
        self, session: Session, windows: Sequence[Asked], prior: Mapping[str, float] | None = None
    ) -> list[WindowReading | StreamaqaError]:
        """As `read`, after `open`."""
        if self.settings.decode == "free":
            return self._read_free(session, windows)
        return self._read(session, [self._search(asked, prior) for asked in windows])

    def open(self, windows: Sequence[Asked]) -> Session:
        """Prefill. Close what comes back when nothing more is asked of it."""
        prompts = [self.prompt(asked) for asked in windows]
        return Session.open(self.model, prompts, [asked.video for asked in windows], self.graphs)

    def say(self, windows: Sequence[Asked], most: int = 160) -> list[str]:
        """Greedy free text for each window, `decode: free`."""
        session = self.open(windows)
        try:
            said = generate(session, self.tokens.end, most=most)
        finally:
            session.close()
        return [self.tokens.decode(ids) for ids in said]

    def _grammar_of(self, asked: Asked) -> WindowGrammar:
        return WindowGrammar(self.grammar, None if asked.still else asked.duration)

    def _search(self, asked: Asked, prior: Mapping[str, float] | None) -> Search:
        settings = self.settings
        return Search(
            self._grammar_of(asked),
            prior=asked.hint or prior,
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
        batches = [walk.search.prompt() for walk in walks]
        self._hear(walks, batches, session.first[:, None], session.passes)
        while self.settings.passes is None or session.passes < self.settings.passes:
            batches = [walk.batch() for walk in walks]
            if not any(batches):
                break
            logits = session.step(*_laid_out(batches, session.said))
            self._hear(walks, batches, logits, session.passes)
        return [walk.result() for walk in walks]

    def _hear(
        self, walks: Sequence[_Walk], batches: Sequence[Sequence[Piece]], logits: Tensor, passes: int
    ) -> None:
        """Hand each search the log-probabilities of what may follow its tokens, out of (B, Q, vocabulary)."""
        ways = [[count for piece in batch for count in piece.ways] for batch in batches]
        columns = [token for batch in batches for piece in batch for token in piece.following]
        wide = logits.shape[1]
        rows = np.concatenate(
            [np.repeat(np.arange(row * wide, row * wide + len(some)), some) for row, some in enumerate(ways)]
        )
        # over the tokenizer's ids: an embedding may have rows behind them that were never trained
        flat = logits[:, :, : len(self.tokens)].flatten(0, 1).float()
        where = torch.from_numpy(np.stack([rows, columns])).to(flat.device)
        asked = flat[where[0], where[1]] - flat.logsumexp(dim=-1)[where[0]]
        found: NDArray[np.float64] = asked.double().cpu().numpy()
        at = 0
        for walk, batch, some in zip(walks, batches, ways, strict=True):
            if batch:
                stop = at + sum(some)
                walk.take(batch, some, found[at:stop], passes)
                at = stop


class _Walk:
    """One window's search, and what became of it."""

    def __init__(self, search: Search) -> None:
        self.search = search
        self._passes = 1
        self._error: AnswerError | None = None

    def batch(self) -> list[Piece]:
        """What this window wants fed next."""
        return [] if self._error else self.search.batch()

    def take(
        self, batch: Sequence[Piece], ways: Sequence[int], logs: NDArray[np.float64], passes: int
    ) -> None:
        """Hand log-probabilities to the search; a NaN ends this window alone."""
        self._passes = passes
        if np.isfinite(logs).all():
            self.search.receive(batch, ways, logs)
        else:
            self._error = AnswerError(_NAN)

    def result(self) -> WindowReading | StreamaqaError:
        """The reading, or what went wrong."""
        return self._error or self.search.reading(self._passes)


def _laid_out(batches: Sequence[Sequence[Piece]], before: int) -> tuple[Tensor, Tensor, Tensor]:
    """Ids (B, Q), depths (B, Q) and what each token sees behind the prompt (B, Q, S).

    `before` slots are taken; the next ones are these tokens', and every stretch is told which are its own.
    """
    wide = max(sum(piece.stop - piece.start for piece in batch) for batch in batches)
    ids = np.zeros((2, len(batches), wide), np.int64)
    sees = np.zeros((len(batches), wide, before + wide), np.bool_)
    for row, batch in enumerate(batches):
        at = 0
        said: list[int] = []
        depths: list[int] = []
        for piece in batch:
            stretch, long = piece.stretch, piece.stop - piece.start
            stop, mine = at + long, sees[row, at : at + long]
            seen = stretch.above.sight if stretch.sight is None and stretch.above else stretch.sight
            if seen is not None:
                mine[:, : len(seen)] = seen
            mine[:, before + at : before + stop] = _EARLIER[:long, :long]
            stretch.sight = mine[-1, : before + stop]
            said += piece.ids
            depths += range(stretch.at + piece.start, stretch.at + piece.stop)
            at = stop
        ids[:, row, :at] = said, depths
    tokens, places = torch.from_numpy(ids)
    return tokens, places, torch.from_numpy(sees)
