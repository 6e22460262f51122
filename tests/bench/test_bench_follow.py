"""How following is scored, on exact poses instead of the pose model's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streamaqa.bench.follow import FollowResult as Result
from streamaqa.bench.follow import Row, alone, compare, score, seen_share, table
from streamaqa.bench.follow_scenes import FPS, KINDS, Case, cases
from streamaqa.sources.synthetic import Companion, Distractor, Passer, Scene, Truth, make_set
from streamaqa.sources.synthetic.source import frame_times
from streamaqa.types import Pose


@pytest.fixture
def case() -> Case:
    """Two squats; somebody walks past in front, somebody else squats 1.2 m beside."""
    script = make_set("squat", np.random.default_rng(0), reps=2)
    beside = Companion((replace(script, station=(1.2, 0.0)),))
    past = Passer(start=2.0, duration=3.0, distance=1.2)
    return Case("two crossing", Scene((script,), passers=(beside, past)), (360, 480), 0)


def exact(case: Case, scene: Scene | None = None) -> list[Pose]:
    truth = Truth(scene or case.scene, case.size)
    return truth.poses(frame_times(truth.duration, FPS))


def test_the_lifters_own_poses_are_on_the_lifter_and_all_repetitions_right(case: Case) -> None:
    poses = exact(case)
    row = score(case, compare(case, poses), poses)
    assert (row.off, row.given_up, row.stolen) == (0, 0, 0)
    assert (row.reps.reps, row.reps.right, row.reps.extra) == (2, 2, 0)
    assert row.alone.right == 2


def test_another_lifters_poses_are_off_and_their_repetitions_somebody_elses(case: Case) -> None:
    beside = case.scene.passers[0]
    assert isinstance(beside, Companion)
    theirs = exact(case, replace(case.scene, segments=beside.segments, body=beside.body))
    row = score(case, compare(case, theirs), exact(case))
    assert row.off == row.frames
    assert row.stolen == 2


def test_who_is_hidden_is_not_given_up(case: Case) -> None:
    poses = exact(case)
    nobody = [Pose.nobody(pose.time, pose.size) for pose in poses]
    row = score(case, compare(case, nobody), poses)
    assert row.given_up == row.seen
    assert 0 < row.frames - row.seen < row.frames / 4, "hidden while the other walks past"
    assert row.off == 0


def test_only_who_is_nearer_hides_the_lifter(case: Case) -> None:
    times = np.arange(0.0, 6.0, 0.1)
    hidden = seen_share(Truth(case.scene, case.size), times) < 0.5
    assert hidden.any()
    assert (times[hidden] > 2.0).all()
    assert (times[hidden] < 5.0).all()
    behind = replace(case.scene, passers=(Passer(start=2.0, duration=3.0, distance=-1.2),))
    assert (seen_share(Truth(behind, case.size), times) == 1.0).all()


def test_a_companion_is_there_from_the_first_segment_to_the_last() -> None:
    script = make_set("squat", np.random.default_rng(0), reps=1)
    waits = Distractor("stand", 1.0, station=(0.0, 1.0))
    scene = Scene((script,), passers=(Companion((waits,), start=1.0),))
    covered = seen_share(Truth(scene, (360, 480)), np.array([0.9, 1.1, 1.9, 2.1])) < 1.0
    assert covered.tolist() == [False, True, True, False]


def test_scenes_are_drawn_by_seed_and_kind_with_nobody_else_in_the_scene_to_compare_with() -> None:
    some = list(cases(1, 5))
    assert [case.kind for case in some] == list(KINDS)
    assert some == list(cases(1, 5))
    assert some != list(cases(1, 6))
    assert all(case.scene.passers for case in some)
    assert not any(alone(case).scene.passers for case in some)


def test_rows_add_up_and_are_shown_with_their_sum(case: Case) -> None:
    poses = exact(case)
    total, row = Row("all"), score(case, compare(case, poses), poses)
    total.add(row)
    total.add(row)
    assert (total.frames, total.reps.right, total.alone.reps) == (2 * row.frames, 4, 4)
    assert table(Result(0, 2, (row,), total)).row_count == 2
