"""What the lifter is told: which finding becomes a cue, when, and in which words."""

from streamaqa.feedback.coach import Advice, Coach, SetAdvice
from streamaqa.feedback.settings import FeedbackSettings
from streamaqa.feedback.setup import advise, observable, setup_text, shown_side_on, tell_shown

__all__ = [
    "Advice",
    "Coach",
    "FeedbackSettings",
    "SetAdvice",
    "advise",
    "observable",
    "setup_text",
    "shown_side_on",
    "tell_shown",
]
