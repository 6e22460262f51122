"""What the model is asked: LLaVA-Video's prompt, with its time instruction, and the paper's question.

Word for word as LLaVA-NeXT trains and asks it (conversation `qwen_1_5`): a model fine-tuned on one wording
and asked in another answers worse.
"""

from __future__ import annotations

from collections.abc import Sequence

from streamaqa.exercises import OVERHEAD_PRESS, SQUAT, Exercise

IMAGE = "<image>"
"""Stands where the visual tokens go."""

SYSTEM = "You are a helpful assistant."
END = "<|im_end|>"


def time_instruction(times: Sequence[float], duration: float) -> str:
    """The sentence that tells the model when its frames were taken; no space before "Please", as trained.

    `times` are seconds from the window's first frame, `duration` the window's seconds.
    """
    located = ",".join(f"{time:.2f}s" for time in times)
    return (
        f"The video lasts for {duration:.2f} seconds, and {len(times)} frames are uniformly sampled from it. "
        f"These frames are located at {located}."
        "Please answer the following questions related to this video."
    )


def with_times(text: str, instruction: str) -> str:
    r"""Put the time instruction into a user turn by the rule of LLaVA-Video's training code.

    The image token is taken out and put first, so a text that began `<image>\n` gets an empty line between
    instruction and text, and one that began `<image>` does not.
    """
    return f"{IMAGE}\n{instruction}\n{text.replace(IMAGE, '')}"


def question(vocabulary: Sequence[Exercise] = (SQUAT, OVERHEAD_PRESS)) -> str:
    """The paper's question, naming the exercises of `vocabulary`; its own two unless told otherwise."""
    names = [f"a {exercise.question_words}" for exercise in vocabulary]
    listed = " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    return (
        f"The subject is performing {listed} exercise. Which one is he making? "
        "Is he making a mistake? If so, what mistake is he making?"
    )


def user_turn(question: str, times: Sequence[float] | None = None, duration: float | None = None) -> str:
    """What the user says of one window. A still image has no times and is asked without them."""
    if times is None or duration is None:
        return f"{IMAGE}\n{question}"
    return with_times(f"{IMAGE}{question}", time_instruction(times, duration))


def prompt(turn: str) -> str:
    """The whole ChatML text up to where the model begins to answer."""
    return f"<|im_start|>system\n{SYSTEM}{END}\n<|im_start|>user\n{turn}{END}\n<|im_start|>assistant\n"


def transcript(turn: str, answer: str) -> str:
    """The whole ChatML text of a training sample: the prompt, then the answer and its end."""
    return f"{prompt(turn)}{answer}{END}\n"
