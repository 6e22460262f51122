"""What a device could read at most: operations of vision and prefill over its rate of a matrix product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from streamaqa import dialogue
from streamaqa.errors import UsageError


def capacities(size: Literal["tiny", "0.5b", "7b"], frames: Sequence[int]) -> tuple[dict[int, float], str]:
    """Windows a second by frames, and the device's name. UsageError without torch.

    On several GPUs, theirs together. 6.4 at 32 frames on an H200, whose matrix products reach 790 TFLOP/s.
    """
    try:
        import torch
    except ImportError as error:
        raise UsageError("bench fleet --size needs torch: pip install -e '.[worker]'") from error
    from streamaqa.llava.config import LlavaVideoConfig
    from streamaqa.llava.cost import Costs

    config = LlavaVideoConfig.tiny() if size == "tiny" else LlavaVideoConfig.published(size)
    costs = Costs(config)
    gpus = torch.cuda.device_count()
    rate = _rate(torch.device("cuda" if gpus else "cpu")) * max(gpus, 1)
    name = f"{gpus} x {torch.cuda.get_device_name()}" if gpus else "cpu"
    found = {}
    for count in frames:
        tokens = _prompt_tokens(count) + config.visual_tokens(count)
        found[count] = rate / (costs.vision(count).flop + costs.prefill(tokens).flop)
    if gpus:
        torch.cuda.empty_cache()  # the worker needs the room
    return found, name


def _prompt_tokens(frames: int) -> int:
    """Of the text about a window."""
    from streamaqa.exercises import OVERHEAD_PRESS, SQUAT
    from streamaqa.llava.tokens import tiny_tokenizer

    times = tuple(0.05 * number for number in range(frames))
    turn = dialogue.user_turn(dialogue.question((SQUAT, OVERHEAD_PRESS)), times, 0.05 * frames)
    return len(tiny_tokenizer().encode(dialogue.prompt(turn))) - 1


def _rate(device: object) -> float:
    """Operations a second of a large matrix product in the type that the worker computes in."""
    import time

    import torch

    place = torch.device(str(device))
    cuda = place.type == "cuda"
    side = 8192 if cuda else 1024
    square = torch.ones(side, side, device=place, dtype=torch.bfloat16 if cuda else torch.float32)
    least = float("inf")
    for _ in range(6):
        if cuda:
            torch.cuda.synchronize(place)
        start = time.perf_counter()
        square @ square
        if cuda:
            torch.cuda.synchronize(place)
        least = min(least, time.perf_counter() - start)
    return 2 * side**3 / least
