"""Set-up advice: what about the camera's place keeps repetitions or errors from being seen.

Advice is given on what was so for a while, not for a frame, and is kept apart from faults.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from streamaqa.body import EDGE, SIDE_ON, Joint, yaw
from streamaqa.exercises import Exercise
from streamaqa.segmentation.settings import AdviceSettings
from streamaqa.types import Pose

_LOOK_S = 0.2
"""Seconds between the poses that are looked at: advice needs no more, and the segmenter should stay cheap."""


class Advisor:
    """Watches the poses; `codes` is what it would say now."""

    def __init__(self, settings: AdviceSettings) -> None:
        self._settings = settings
        self._looks: deque[tuple[float, frozenset[str], float]] = deque()

    def reset(self) -> None:
        """Forget the lifter."""
        self._looks.clear()

    def push(self, pose: Pose) -> None:
        """Take the next pose."""
        if self._looks and pose.time - self._looks[-1][0] < _LOOK_S:
            return
        turned = yaw(pose.world[None, :, :3]) if pose.found else float("nan")
        self._looks.append((pose.time, self._look(pose), turned))
        while pose.time - self._looks[0][0] > self._settings.window_s:
            self._looks.popleft()

    def codes(self, exercise: Exercise | None) -> tuple[str, ...]:
        """Advice for somebody who does `exercise`, or who has not begun."""
        if not self._looks:
            return ()
        counts = [code for _, codes, _ in self._looks for code in codes]
        lasting = {code for code in counts if counts.count(code) > len(self._looks) / 2}
        if "nobody_in_view" in lasting:
            return ("nobody_in_view",)
        if exercise is not None and self._hidden_by_view(exercise):
            lasting.add("turn_side_on")
        if "too_close" in lasting:
            lasting -= {"feet_not_visible", "hands_not_visible"}
        return tuple(sorted(lasting))

    def _look(self, pose: Pose) -> frozenset[str]:
        if not pose.found:
            return frozenset({"nobody_in_view"})
        unseen = {joint for joint in (Joint.WRIST, Joint.ANKLE) if not self._in_view(pose, joint)}
        codes = set()
        if Joint.ANKLE in unseen:
            codes.add("feet_not_visible")
        if Joint.WRIST in unseen:
            codes.add("hands_not_visible")
        head_out = bool(pose.image[0, 1] < EDGE)
        if head_out and Joint.ANKLE in unseen:
            codes.add("too_close")
        return frozenset(codes)

    def _in_view(self, pose: Pose, joint: Joint) -> bool:
        """Whether the better seen side's joint is within the picture and seen."""
        both = pose.image[joint : joint + 2]
        inside = ((both[:, :2] > EDGE) & (both[:, :2] < 1 - EDGE)).all(axis=1)
        return bool((inside & (both[:, 3] >= self._settings.visibility)).any())

    def _hidden_by_view(self, exercise: Exercise) -> bool:
        """Whether an error that a side view shows cannot be judged from here."""
        turns = [turned for _, _, turned in self._looks if np.isfinite(turned)]
        if not turns:
            return False
        radians = np.radians(turns)
        yaw = float(np.degrees(np.arctan2(np.sin(radians).mean(), np.cos(radians).mean())))
        return any(
            any(sign.shown_from(SIDE_ON) for sign in error.signs)
            and not any(sign.shown_from(yaw) for sign in error.signs)
            for error in exercise.errors
        )
