"""What is going on now: what goes into a `state` message, and when one is due."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from streamaqa.assessment import KinematicAssessor, Shown
from streamaqa.delivery.builders import Session, state_message
from streamaqa.delivery.messages import StateMessage
from streamaqa.exercises import Exercise
from streamaqa.feedback import advise, shown_side_on, tell_shown
from streamaqa.feedback.catalogue import Language
from streamaqa.feedback.setup import TURN_SIDE_ON
from streamaqa.recording import Recorder
from streamaqa.segmentation import Segmenter
from streamaqa.sources.base import BLIND
from streamaqa.types import Pose, SegmenterStatus

STATE_CHANGED_S, STATE_STEADY_S = 0.2, 1.0
"""Seconds of stream time between `state` messages: at most five a second, and one when nothing changes."""
RECORDING_STOPPED = "recording_stopped"
"""Advice code of `state`: the disk is full or too slow, and what comes now is not stored."""
SHOWN_S, SHOWN_POSES = 2.0, 12
"""Seconds of poses that tell what can be judged from here, and of how many of them: as for the segmenter's
advice, and enough for a median."""


class Reporter:
    """Makes `state` messages. Knows no clock and sends nothing.

    Args:
        segmenter: says what goes on.
        recorder: says whether it still stores; None where nothing is recorded.
        by_pose: says what can be judged from here.
        exercises: of which that is told.
        lang: of the texts.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        recorder: Recorder | None,
        by_pose: KinematicAssessor,
        exercises: Sequence[Exercise],
        lang: Language,
    ) -> None:
        self._segmenter, self._recorder, self._by_pose = segmenter, recorder, by_pose
        self._exercises, self._lang = exercises, lang
        self._last_at = float("-inf")
        self._last: SegmenterStatus | None = None
        self._times: deque[float] = deque(maxlen=31)

    def status(self, notices: frozenset[str]) -> SegmenterStatus:
        """What the segmenter says, after what is wrong with the camera; of a blind one nothing else."""
        status = self._segmenter.status
        if self._recorder is not None and self._recorder.stopped is not None:
            status = replace(status, advice=(*status.advice, RECORDING_STOPPED))
        if not notices:
            return status
        if notices.isdisjoint(BLIND):
            return replace(status, advice=(*sorted(notices), *status.advice))
        return replace(status, advice=tuple(sorted(notices)), person=False, phase=None)

    def seen(self, at: float) -> None:
        """A pose came at that stream time, whatever was in it."""
        self._times.append(at)

    def due(self, at: float, status: SegmenterStatus) -> bool:
        """Whether to say it at that stream time; if so, it counts as said."""
        wait = STATE_STEADY_S if status == self._last else STATE_CHANGED_S
        if at - self._last_at < wait:
            return False
        self._last_at, self._last = at, status
        return True

    def message(
        self,
        session: Session,
        status: SegmenterStatus,
        at: float,
        poses: Sequence[Pose],
        *,
        coming: bool,
        lag_ms: float | None,
        details: str | None,
    ) -> StateMessage:
        """What to say.

        Args:
            session: names it.
            status: from `status`.
            at: stream time, seconds.
            poses: the newest last.
            coming: whether frames come; without them there is no rate.
            lag_ms: from a frame's arrival until now; None where nobody waits.
            details: the set so far, for a lifter who rests.
        """
        doing = next((known for known in self._exercises if known.name == status.exercise), None)
        doing = doing or self._segmenter.expected
        known = self._shown(at, doing, poses) if status.person else {}
        seen = {name: each.judged for name, each in known.items()}
        hidden = {name: each.hidden for name, each in known.items()}
        if doing is not None and (of_this := known.get(doing.name)) is not None:
            # the segmenter looks at single poses and may be wrong about the view
            aside, turned = shown_side_on(doing), {*of_this.judged, *of_this.hidden}
            if turned.issuperset(aside):
                status = replace(status, advice=tuple(c for c in status.advice if c != TURN_SIDE_ON))
        told = (
            advise(status.advice, self._lang, doing, seen),
            tell_shown(seen, self._exercises, self._lang, status.advice, hidden),
        )
        return state_message(
            session,
            status,
            at,
            fps=self._fps if coming else None,
            lag_ms=lag_ms,
            shown=seen,
            text=" ".join(filter(None, told)),
            details=details,
        )

    @property
    def _fps(self) -> float | None:
        """Poses a second of stream time."""
        if len(self._times) < 2:
            return None
        return (len(self._times) - 1) / (self._times[-1] - self._times[0])

    def _shown(self, at: float, doing: Exercise | None, poses: Sequence[Pose]) -> dict[str, Shown]:
        """What can be judged from here: of the exercise under way or expected, or of all."""
        newest = list(itertools.takewhile(lambda pose: at - pose.time <= SHOWN_S, reversed(poses)))
        some = newest[:: max(1, len(newest) // SHOWN_POSES)]
        return self._by_pose.shown(self._exercises if doing is None else (doing,), some)
