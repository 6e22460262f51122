"""Set-up advice: what about the camera's place keeps repetitions or errors from being seen.

Advice is given on what was so for a while, not for a frame, and is kept apart from faults.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from streamaqa.body import EDGE, NOSE, SIDE_ON, Joint, firm, seen, yaw
from streamaqa.exercises import Exercise
from streamaqa.segmentation.settings import AdviceSettings
from streamaqa.types import Pose

_LOOK_S = 0.4
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
        self._looks.append((pose.time, self._look(pose), _turned(pose)))
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
            lasting -= {"feet_not_visible", "hands_not_visible", "head_not_visible"}
        return tuple(sorted(lasting))

    def _look(self, pose: Pose) -> frozenset[str]:
        """What is wrong in one pose.

        A hand behind plates or the body is no matter of where the camera stands, so hands only have to be
        within the picture; feet are guessed near its lower edge, and have to be seen as well.
        """
        if not pose.found:
            return frozenset({"nobody_in_view"})
        xy = pose.image[:, :2]
        inside = np.asarray(((xy > EDGE) & (xy < 1 - EDGE)).all(axis=1))
        visible = inside & (pose.image[:, 3] >= self._settings.visibility)
        feet_out = not visible[Joint.ANKLE : Joint.ANKLE + 2].any()
        head_out = bool(pose.image[NOSE, 1] < EDGE)
        wrong = {
            "feet_not_visible": feet_out,
            "hands_not_visible": not inside[Joint.WRIST : Joint.WRIST + 2].any(),
            "head_not_visible": head_out,
            "too_close": head_out and feet_out,
        }
        return frozenset(code for code, so in wrong.items() if so)

    def _hidden_by_view(self, exercise: Exercise) -> bool:
        """Whether an error that a side view shows cannot be judged from here."""
        turns = [each for _, _, each in self._looks if np.isfinite(each)]
        if not turns:
            return False
        radians = np.radians(turns)
        turned = float(np.degrees(np.arctan2(np.sin(radians).mean(), np.cos(radians).mean())))
        return any(
            any(sign.shown_from(SIDE_ON) for sign in error.signs)
            and not any(sign.shown_from(turned) for sign in error.signs)
            for error in exercise.errors
        )


def _turned(pose: Pose) -> float:
    """Yaw in degrees as one pose has it; NaN if there is nobody."""
    if not pose.found:
        return float("nan")
    return yaw(pose.world[None, :, :3], firm(seen(pose.image)[None]))
