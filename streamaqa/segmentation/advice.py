"""Set-up advice: what about the camera's place keeps repetitions or errors from being seen.

Advice is given on what was so for a while, not for a frame, stays until it was not so for longer, and is kept
apart from faults.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from streamaqa.body import EDGE, NOSE, SIDE_ON, Joint, firm, seen, yaw
from streamaqa.exercises import Exercise
from streamaqa.segmentation.settings import AdviceSettings
from streamaqa.types import Pose

_NOBODY, _TURN = "nobody_in_view", "turn_side_on"
_LOOKS = 2
"""Looks before anything is said."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What one pose shows."""

    time: float
    wrong: frozenset[str]
    turned: float
    """Yaw in degrees; NaN if there is nobody."""


class Advisor:
    """Watches the poses; `codes` is what it would say now."""

    def __init__(self, settings: AdviceSettings) -> None:
        self._settings = settings
        self._looks: deque[_Look] = deque()
        self._said: set[str] = set()

    def reset(self) -> None:
        """Forget the lifter."""
        self._looks.clear()
        self._said.clear()

    def push(self, pose: Pose, exercise: Exercise | None) -> None:
        """Take the next pose of somebody who does `exercise`, or who has not begun."""
        s = self._settings
        if self._looks and pose.time - self._looks[-1].time < s.look_s:
            return
        self._looks.append(_Look(pose.time, self._wrong(pose), _turned(pose)))
        while pose.time - self._looks[0].time > s.gone_s:
            self._looks.popleft()
        if len(self._looks) < _LOOKS:
            return
        newest = [look for look in self._looks if pose.time - look.time <= s.window_s]
        for code in {code for look in self._looks for code in look.wrong} | self._said - {_TURN}:
            if sum(code in look.wrong for look in newest) >= s.begins * len(newest):
                self._said.add(code)
            elif sum(code in look.wrong for look in self._looks) <= s.ends * len(self._looks):
                self._said.discard(code)
        self._turn(exercise)

    def codes(self, *, person: bool) -> tuple[str, ...]:
        """Advice for now; without a person in view there is none but to step into it."""
        if not person:
            never = bool(self._looks) and all(_NOBODY in look.wrong for look in self._looks)
            return (_NOBODY,) if never or _NOBODY in self._said else ()
        said = self._said - {_NOBODY}
        if "too_close" in said:
            said -= {"feet_not_visible", "hands_not_visible", "head_not_visible"}
        return tuple(sorted(said))

    def _wrong(self, pose: Pose) -> frozenset[str]:
        """What is wrong in one pose.

        A hand behind plates or the body is no matter of where the camera stands, so hands only have to be
        within the picture; feet are guessed near its lower edge, and have to be seen as well.
        """
        if not pose.found:
            return frozenset({_NOBODY})
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

    def _turn(self, exercise: Exercise | None) -> None:
        """Whether an error that a side view shows cannot be judged from here."""
        turns = [look.turned for look in self._looks if np.isfinite(look.turned)]
        if exercise is None or not turns:
            self._said.discard(_TURN)
            return
        radians, slack = np.radians(turns), self._settings.turned
        turned = float(np.degrees(np.arctan2(np.sin(radians).mean(), np.cos(radians).mean())))
        hidden = [_hides(exercise, turned + by) for by in (-slack, 0.0, slack)]
        if all(hidden):
            self._said.add(_TURN)
        elif not any(hidden):
            self._said.discard(_TURN)


def _hides(exercise: Exercise, turned: float) -> bool:
    """Whether a view, degrees, hides an error that a side view shows."""
    turned = (turned + 180.0) % 360.0 - 180.0
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
