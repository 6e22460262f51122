"""Runs serving's assessors over clips: pose track, segmenter, evidence, assessment, as in a stream."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Sequence

from finetune.evaluate.judges import Found, Verdict
from finetune.evaluate.material import Material
from finetune.evaluate.repetitions import repetitions
from streamaqa.assessment import Assessor, Calibration, KinematicAssessor, KinematicSettings
from streamaqa.exercises import EXERCISES, Exercise, exercise
from streamaqa.segmentation import SegmenterSettings
from streamaqa.types import Assessment, Evidence, Phase, Pose, Rep, Tempo
from streamaqa.windows import BufferSettings, FrameBuffer, spans

LEAD_S = 3.0
"""Seconds of poses before a repetition that belong to its evidence: longer than any baseline looks back."""
STILL_S = 0.5
"""A still is shown to pose rules as this much of standing still: longer than the 0.2 s a sign must hold."""
STILL_RATE = 30.0
TIMELESS = frozenset({"hips_high", "hips_high_beside"})
"""Signs that one pose shows. Others are counted from the rest of the repetition, be it only by lengths that
are read from where the lifter stands."""


class AssessorJudge:
    """Any `Assessor` as a judge: each repetition is assessed, and of several the strongest finding speaks."""

    told = False
    stills = False

    def __init__(
        self,
        assessor: Assessor,
        segmenter: SegmenterSettings | None = None,
        exercises: Sequence[Exercise] = EXERCISES,
        key: str = "",
    ) -> None:
        """`key` says what of the assessor its `info` does not: settings, calibration."""
        self._assessor, self._segmenter, self._exercises = assessor, segmenter, exercises
        info = assessor.info
        self.name = info.name
        self.key = f"{info.name} {info.version} {key}".strip()

    def judge(self, material: Material) -> Verdict:
        """See `Judge`."""
        seen, notes = self.evidence(material)
        return _together([asyncio.run(_ask(self._assessor, one)) for one in seen], notes)

    def evidence(self, material: Material) -> tuple[list[Evidence], tuple[str, ...]]:
        """What the assessor gets to see of each repetition, and what was out of the ordinary."""
        poses = material.poses()
        found = repetitions(poses, self._segmenter, self._exercises)
        plan, buffer = self._assessor.plan, None
        if plan is not None and found.reps:
            buffer = FrameBuffer(BufferSettings(seconds=material.duration + 1.0))
            for frame in material.frames():
                buffer.push(frame)
        evidence = []
        for rep in found.reps:
            near = [pose for pose in poses if rep.start - LEAD_S <= pose.time <= rep.end]
            windows = buffer.cut(plan, spans(plan, rep), near) if buffer and plan else ()
            evidence.append(Evidence(rep, near, windows))
        return evidence, found.notes


class KinematicJudge(AssessorJudge):
    """The kinematic assessor; also judges those stills in which a single pose shows the error."""

    stills = True

    def __init__(
        self,
        settings: KinematicSettings | None = None,
        calibration: Calibration | None = None,
        segmenter: SegmenterSettings | None = None,
        exercises: Sequence[Exercise] = EXERCISES,
    ) -> None:
        self.settings = settings or KinematicSettings()
        path = self.settings.calibration
        loaded = Calibration.load(path, exercises) if path else Calibration.of(exercises)
        self.calibration = calibration or loaded
        self.kinematic = KinematicAssessor(self.settings, exercises, self.calibration)
        parts = (self.settings, self.calibration, segmenter or SegmenterSettings())
        numbers = "".join(part.model_dump_json() for part in parts)
        super().__init__(
            self.kinematic, segmenter, exercises, hashlib.sha256(numbers.encode()).hexdigest()[:12]
        )

    def judge(self, material: Material) -> Verdict:
        """See `Judge`."""
        if not material.still:
            return super().judge(material)
        return self.judge_still(material)

    def judge_still(self, material: Material) -> Verdict:
        """A still, as a pose that is held; what only a movement shows is abstained from."""
        evidence, notes = self.evidence(material)
        errors: dict[str, float] = {}
        for one in evidence:
            for error in exercise(material.told, self._exercises).errors:
                shown = [r.probability for r in self.kinematic.explain(one, error) if r.sign in TIMELESS]
                if shown:
                    errors[error.name] = max(shown)
        return Verdict(exercise=material.told, errors=errors, notes=notes)

    def evidence(self, material: Material) -> tuple[list[Evidence], tuple[str, ...]]:
        """See `AssessorJudge`; of a still, the one pose held for a while."""
        if not material.still:
            return super().evidence(material)
        poses = [pose for pose in material.poses() if pose.found]
        if not poses:
            return [], ("nobody",)
        return [_held(poses[0], exercise(material.told, self._exercises))], ()


async def _ask(assessor: Assessor, evidence: Evidence) -> Assessment:
    return await assessor.assess(evidence)


def _held(pose: Pose, known: Exercise) -> Evidence:
    count = round(STILL_S * STILL_RATE) + 1
    poses = [Pose(place / STILL_RATE, pose.image, pose.world, pose.size) for place in range(count)]
    half = STILL_S / 2
    phases = Phase(known.first_phase, 0.0, half), Phase(known.second_phase, half, STILL_S)
    rep = Rep(1, 1, 1, known.name, 1.0, phases, Tempo(half, 0.0, half), 1.0, 1.0)
    return Evidence(rep, poses)


def _together(assessments: Sequence[Assessment], notes: tuple[str, ...]) -> Verdict:
    """What the assessments of a clip's repetitions say of the clip."""
    if not assessments:
        return Verdict(exercise=None, notes=notes)
    chosen = Counter(one.exercise for one in assessments).most_common(1)[0][0]
    findings = [found for one in assessments if one.exercise == chosen for found in one.findings]
    errors: dict[str, float] = {}
    for found in findings:
        errors[found.name] = max(errors.get(found.name, 0.0), found.probability)
    return Verdict(
        exercise=chosen,
        errors=errors,
        spans=tuple(
            Found(error=found.name, start=found.start, end=found.end, score=found.probability)
            for found in findings
        ),
        notes=notes,
    )
