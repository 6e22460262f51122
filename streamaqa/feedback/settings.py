"""Every parameter of the coach, with the evidence behind it. Numbers marked † are engineering drawn from
evidence, no trial's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field, field_validator, model_validator

from streamaqa.exercises import EXERCISES, Severity
from streamaqa.feedback.catalogue import Language
from streamaqa.feedback.words import MAX_BYTES, MAX_WORDS, fits
from streamaqa.settings import Settings

CUE_EXPIRES_S: Final = 10.0
"""A cue that arrives later than the next repetition misleads."""
NEWS_S: Final = 30.0
"""Displays show a repetition as news until the next one or two: grinding ones take 8 s."""


class FeedbackSettings(Settings):
    """When the coach speaks, and how."""

    lang: Language = "en"
    """Language of text and cues."""
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Probability from which an error is reported: more likely than not."""
    thresholds: Mapping[str, Annotated[float, Field(gt=0, le=1)]] = {}
    """The same for single errors by code, `{"squat.knees_inward": 0.4}`: `streamaqa-finetune evaluate` writes
    those with the best F1 on validation."""
    unsure: Annotated[float, Field(ge=0, le=0.5)] = 0.15
    """†How far from a threshold of 0.5 a probability has to be to be plain about it; of another threshold in
    proportion to the room on either side. Nearer, a fault is told as one that may be, and a repetition
    without any is not called clean: being confidently wrong is what users complain of most."""
    faulty_reps: Annotated[int, Field(ge=1)] = 2
    """†Repetitions out of the last `bandwidth_reps` that must show a fault before it is cued: bandwidth
    feedback beat feedback on every trial."""
    bandwidth_reps: Annotated[int, Field(ge=1)] = 3
    """†How many repetitions are looked back on, the present one included."""
    clean_reps: Annotated[int, Field(ge=1)] = 2
    """†Repetitions in a row without the fault that end its cue with one "fixed": a new fault each rep
    overloads, constant correction demoralises."""
    unjudged_reps: Annotated[int, Field(ge=1)] = 3
    """†Repetitions in a row in which the fault could not be judged, after which its cue makes way for others:
    a lifter who has turned away would hear nothing any more."""
    tries_per_wording: Annotated[int, Field(ge=1)] = 3
    """†Times in a row that a wording is said without effect before the next one: coaching practice."""
    severity: Mapping[str, Severity] = {}
    """Severities of one's own by code, `{"squat.shallow": "medium"}`: a severe fault (high) is cued at once,
    and the worst goes first."""
    cue_words: Annotated[int, Field(ge=1)] = MAX_WORDS
    """†Words of a cue at most: coaching practice. Every cue of the catalogue has four or fewer; of fewer than
    that, the name of the fault where no wording is short enough. "Fixed" and lost velocity stay whole."""
    details_after_s: Annotated[float, Field(ge=0)] = 6.0
    """†Seconds from the end of a repetition, if no other begins, until `state` tells the set so far: 5 to 8;
    delayed feedback is retained better than instantaneous (Swinnen 1990). The set's own message has to wait
    for `segmenter.set_pause_s`."""
    velocity_loss: Annotated[float, Field(gt=0, lt=1)] = 0.20
    """Share of the set's fastest repetition lost beyond which to warn; over 25 % adds nothing for growth
    (Refalo 2022)."""
    velocity_reps: Annotated[int, Field(ge=1)] = 2
    """†Repetitions in a row beyond `velocity_loss` before warning: a phone's velocity is noisy by .05 to
    .13 m/s."""
    cue_expires_s: Annotated[float, Field(gt=0)] = CUE_EXPIRES_S
    """†Seconds after which the broker drops a cue that it could not deliver."""
    news_s: Annotated[float, Field(gt=0)] = NEWS_S
    """†Seconds until a message's `expires_at`."""
    cues: Mapping[str, tuple[str, ...]] = {}
    """Cues of one's own by code, `{"squat.knees_inward": ["Knees out"]}`, tried in this order."""

    @field_validator("cues", "thresholds", "severity")
    @classmethod
    def _codes_known(cls, by_code: Mapping[str, object]) -> Mapping[str, object]:
        """As far as can be told without exercises of one's own, which `Coach` knows."""
        known = {exercise.name: {error.name for error in exercise.errors} for exercise in EXERCISES}
        for code in by_code:
            exercise, dot, error = code.partition(".")
            if not dot or (exercise in known and error not in known[exercise]):
                some = ", ".join(f"{exercise}.{name}" for name in sorted(known.get(exercise, ())))
                raise ValueError(
                    f"no error {code!r}; there are {some or 'exercise.error, each in snake case'}"
                )
        return by_code

    @model_validator(mode="after")
    def _hold_together(self) -> FeedbackSettings:
        if self.faulty_reps > self.bandwidth_reps:
            raise ValueError(
                f"faulty_reps ({self.faulty_reps}) of bandwidth_reps ({self.bandwidth_reps}) can never be"
            )
        for code, wordings in self.cues.items():
            for cue in wordings:
                if not fits(cue, self.cue_words):
                    most = f"1 to {self.cue_words} words and at most {MAX_BYTES} bytes"
                    raise ValueError(f"cues: {code}: a cue has {most}: {cue!r}")
        return self
