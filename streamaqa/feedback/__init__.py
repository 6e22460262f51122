"""What the lifter is told: which finding becomes a cue, when, and in which words."""

from streamaqa.feedback.coach import Advice, Coach, FeedbackSettings, SetAdvice
from streamaqa.feedback.setup import advise, observable, setup_text, turns

__all__ = ["Advice", "Coach", "FeedbackSettings", "SetAdvice", "advise", "observable", "setup_text", "turns"]
