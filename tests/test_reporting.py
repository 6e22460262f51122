"""What `state` says of where the lifter stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from lifter import scene, track

from streamaqa.assessment import KinematicAssessor, Shown
from streamaqa.delivery.builders import Session
from streamaqa.delivery.messages import StateMessage
from streamaqa.exercises import EXERCISES
from streamaqa.reporting import Reporter
from streamaqa.segmentation import Segmenter
from streamaqa.types import Pose

SESSION = Session("s", "gym", "rack", datetime(2026, 11, 30, tzinfo=UTC))


def states(stream: list[Pose], hint: str | None = None) -> Iterator[StateMessage]:
    """The state at each pose of a stream."""
    segmenter = Segmenter(hint=hint)
    reporter = Reporter(segmenter, None, KinematicAssessor(), EXERCISES, "en")
    for number, pose in enumerate(stream, start=1):
        segmenter.push(pose)
        status = reporter.status(frozenset())
        yield reporter.message(
            SESSION, status, pose.time, stream[:number], coming=False, lag_ms=None, details=None
        )


@pytest.mark.parametrize(("judged", "told"), [(("torso_angle",), False), ((), True)])
def test_nobody_is_told_to_turn_for_what_can_be_judged_already(
    monkeypatch: pytest.MonkeyPatch, judged: tuple[str, ...], told: bool
) -> None:
    """The assessor decides what the view shows, not the segmenter, who looks at single poses."""
    monkeypatch.setattr(KinematicAssessor, "shown", lambda *_: {"barbell_row": Shown(judged, ())})
    *_, state = states(track(scene("barbell_row"))[:20], "barbell_row")
    assert ("turn_side_on" in state.advice) is told
    assert ("Turn side-on" in state.text) is told


def test_where_an_exercise_is_expected_only_its_errors_are_told_before_the_set() -> None:
    stream = track(scene("squat"))[:20]
    (*_, hinted), (*_, open_) = states(stream, "squat"), states(stream)
    assert list(hinted.shown) == ["squat"]
    assert "turn_side_on" in hinted.advice
    assert len(open_.shown) == len(EXERCISES)


def test_legs_out_of_the_picture_are_no_reason_to_turn() -> None:
    def cut(pose: Pose) -> Pose:
        image = pose.image.copy()
        image[25:, 1] = 1.05
        return replace(pose, image=image)

    stream = [cut(pose) for pose in track(scene("overhead_press"))[:40]]
    *_, state = states(stream, "overhead_press")
    assert "feet_not_visible" in state.advice
    assert "side view" not in state.text
    assert "Turn" not in state.text
