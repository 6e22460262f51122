"""LLaVA-Video as an `Engine`. torch is imported here and nowhere else of the worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, cast

import torch
from torch import Tensor

from streamaqa.assessment.merge import ProbabilityCalibration, WindowReading
from streamaqa.assessment.wire import AskedWindow, Served
from streamaqa.errors import StreamaqaError, WeightsError
from streamaqa.exercises import EXERCISES, Exercise
from streamaqa.llava.adapters import AdapterSwitch
from streamaqa.llava.checkpoint import fetch
from streamaqa.llava.config import LlavaVideoConfig
from streamaqa.llava.contract import Contract
from streamaqa.llava.frames import preprocess
from streamaqa.llava.model import LlavaVideo
from streamaqa.llava.readout import Asked, Reader
from streamaqa.llava.tokens import Tokens, tiny_tokenizer
from streamaqa.windows import PAPER_PLAN, Box, crop, decode
from streamaqa.worker.engine import DeviceMemoryError
from streamaqa.worker.settings import WorkerSettings

REHEARSED = (32, 16, 8)
"""Frames of the windows that a client may send: the plan's, and fewer where the worker is busy."""


class LlavaEngine:
    """One model on one device."""

    def __init__(
        self,
        reader: Reader,
        contract: Contract,
        model: Served,
        adapters: Mapping[str, Served] | None = None,
        switch: AdapterSwitch | None = None,
    ) -> None:
        self.contract = contract
        self.model = model
        self.adapters = adapters or {}
        self.vocabulary = reader.vocabulary
        self._reader = reader
        self._switch = switch
        device = reader.model.device
        self._cuda = device.type == "cuda"
        self.device = torch.cuda.get_device_name(device) if self._cuda else device.type

    def part(self, frames: Sequence[bytes], box: Box | None) -> Tensor:
        """(T, 3, S, S) in the model's type: half the bytes to copy to a GPU."""
        images = [crop(decode(frame), box) for frame in frames]
        return preprocess(images, self._reader.model.config.image_size).to(self._reader.model.dtype)

    def window(self, asked: AskedWindow, parts: Sequence[Tensor]) -> Asked:
        """The window as the reader takes it, page-locked for a GPU: the copy there is then quick."""
        video = torch.cat(list(parts))
        if self._cuda:
            video = video.pin_memory()
        shown = video[0] if asked.still else video
        return Asked(shown, asked.times, asked.duration, asked.hint)

    def read(self, windows: Sequence[Asked], adapter: str | None) -> list[WindowReading | StreamaqaError]:
        """Ask the model, with an adapter or as it was loaded."""
        try:
            if self._switch is not None:
                self._switch.use(adapter)
            return self._reader.read(windows)
        except torch.OutOfMemoryError as error:
            raise DeviceMemoryError(f"{len(windows)} windows do not fit into {self.device}") from error

    def rehearsals(self, most: int) -> Sequence[tuple[int, int]]:
        """Single windows first, the plan's before shorter ones, then batches of the powers of two."""
        planned = self.contract.plan.frames
        frames = [planned, *(shorter for shorter in REHEARSED if shorter < planned)]
        largest = most if self._cuda else min(most, 2)  # on a CPU two tell whether batches pay at all
        counts = [1 << power for power in range(most.bit_length()) if 1 << power <= largest]
        return [(each, count) for count in counts for each in frames]


def load(settings: WorkerSettings) -> list[LlavaEngine]:
    """An engine for each device that the settings name. WeightsError says what is wrong with the weights."""
    return [_load(settings, device) for device in devices(settings.device)]


def devices(named: str | None) -> list[str]:
    """Every GPU, or the CPU without one, unless one is named. WeightsError for one that is not there."""
    found = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    if named is None:
        return found or ["cpu"]
    try:
        wanted = torch.device(named)
    except RuntimeError as error:
        raise WeightsError(f"device {named!r}: wanted cpu, cuda or cuda:N") from error
    if wanted.type == "cuda" and (wanted.index or 0) >= len(found):
        raise WeightsError(f"device {named!r}: there are {len(found)} GPUs that torch can use")
    return [f"cuda:{wanted.index or 0}" if wanted.type == "cuda" else named]


def _load(settings: WorkerSettings, device: str) -> LlavaEngine:
    random = _random_size(settings.weights)
    if random is not None:
        model, tokens, folder = random_model(random, device), tiny_tokenizer(), None
    else:
        folder = fetch(settings.weights)
        tokens = Tokens.load(folder)
        model = LlavaVideo.from_pretrained(folder, device=device, quantize=settings.quantize)
    contract, untrained = _contract(settings, folder)
    vocabulary = vocabulary_of(contract, settings.weights)
    served = _served(settings.weights if folder is None else folder.name, folder, untrained=untrained)
    switch = AdapterSwitch(model, settings.adapters, contract) if settings.adapters else None
    adapters = {name: _served(name, path, untrained=False) for name, path in settings.adapters.items()}
    return LlavaEngine(Reader(model, tokens, vocabulary), contract, served, adapters, switch)


def _random_size(weights: str) -> Literal["tiny", "0.5b", "7b"] | None:
    if weights == "tiny":
        return "tiny"
    kind, _, size = weights.partition(":")
    if kind != "random":
        return None
    if size not in ("tiny", "0.5b", "7b"):
        raise WeightsError(f"{weights}: of random weights there are tiny, 0.5b and 7b")
    return cast(Literal["tiny", "0.5b", "7b"], size)


def random_model(size: Literal["tiny", "0.5b", "7b"], device: str) -> LlavaVideo:
    """The architecture with random weights, built where it will run: bfloat16 on a GPU, else float32."""
    config = LlavaVideoConfig.tiny() if size == "tiny" else LlavaVideoConfig.published(size)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16 if device.startswith("cuda") else torch.float32)
    try:
        with torch.device(device), torch.random.fork_rng():
            torch.manual_seed(0)
            return LlavaVideo(config).eval()
    finally:
        torch.set_default_dtype(before)


def _contract(settings: WorkerSettings, folder: Path | None) -> tuple[Contract, bool]:
    """What the weights were trained under; for untrained ones, the settings' plan."""
    stored = [Contract.load(path) for path in (folder, *settings.adapters.values()) if path is not None]
    known = next((contract for contract in stored if contract is not None), None)
    if known is None:
        return Contract.of(settings.plan or PAPER_PLAN), True
    if settings.plan is not None:
        known.check(known.model_copy(update={"plan": settings.plan}), settings.weights)
    own = Contract.load(folder) if folder is not None else None
    if own is not None:
        known.check(own, settings.weights)
    return known, own is None


def vocabulary_of(contract: Contract, whose: str) -> tuple[Exercise, ...]:
    """The exercises that a contract names. WeightsError for words that this code does not know."""
    known = {exercise.words: exercise for exercise in EXERCISES}
    if unknown := [words for words in contract.vocabulary if words not in known]:
        raise WeightsError(f"{whose}: trained to name {', '.join(unknown)}, which this version does not know")
    chosen = tuple(known[words] for words in contract.vocabulary)
    contract.check(Contract.of(contract.plan, chosen), whose)
    return chosen


def _served(name: str, folder: Path | None, *, untrained: bool) -> Served:
    calibration = ProbabilityCalibration.load(folder) if folder else ProbabilityCalibration()
    return Served(
        name=name,
        version=_version(folder) if folder else "random",
        calibrated=calibration.fitted_on is not None,
        untrained=untrained,
        calibration=calibration,
    )


def _version(folder: Path) -> str:
    """Twelve digits that name the weights: of their files' sizes and heads, not of all the gigabytes."""
    import hashlib

    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        digest.update(f"{file.name} {file.stat().st_size}".encode())
        with file.open("rb") as opened:
            digest.update(opened.read(2**20))
    return digest.hexdigest()[:12]
