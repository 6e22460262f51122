"""Evaluation: labels stay out of sight, fitting stays on validation, every video is scored whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from drawn_clips import Drawn, DrawnLibrary, draw

from finetune.clips import Clip
from finetune.evaluate import (
    AssessorJudge,
    Evaluation,
    Evaluator,
    Found,
    KinematicJudge,
    Material,
    Prior,
    Sample,
    Validation,
    Verdict,
    engine_yaml,
    figures,
    fit,
)
from finetune.evaluate.fitting import Fitted, best_threshold
from finetune.evaluate.repetitions import repetitions
from finetune.report import report
from streamaqa.assessment import KinematicAssessor, KinematicSettings
from streamaqa.config import load
from streamaqa.errors import SourceError, UsageError
from streamaqa.types import Evidence, Pose

COUNTS: Any = {"train": 8, "val": 24, "test": 16}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Drawn]:
    root = tmp_path_factory.mktemp("drawn")
    return root, draw(root, COUNTS)


@pytest.fixture(scope="module")
def evaluated(drawn: tuple[Path, Drawn], tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    root, data = drawn
    out = tmp_path_factory.mktemp("evaluated")
    return Evaluator(data.clips, DrawnLibrary(root, data), out).run(KinematicJudge())


class Oracle:
    """Says what a table holds, whatever it is shown."""

    told = False
    stills = False

    def __init__(self, answers: dict[str, Verdict], name: str = "oracle") -> None:
        self.answers, self.name = answers, name
        self.key = f"{name} {sorted(answers)}"
        self.asked: list[str] = []

    def judge(self, material: Material) -> Verdict:
        self.asked.append(material.id)
        return self.answers[material.id]


def truth_of(clip: Clip, probability: float = 0.9) -> Verdict:
    """The verdict that is right."""
    return Verdict(
        exercise=clip.exercise,
        errors={name: probability if name in clip.errors else 0.1 for name in clip.judged},
        spans=tuple(
            Found(error=name, start=start, end=end, score=probability)
            for name, spans in clip.errors.items()
            for start, end in spans
        ),
    )


# --- the whole ------------------------------------------------------------------------------------------


def test_the_kinematic_assessor_beats_its_floors_on_drawn_lifters(evaluated: Evaluation) -> None:
    found = evaluated.figures
    assert found.videos == COUNTS["test"]
    assert found.exercise_accuracy == 1.0
    of = {one.code: one for one in found.errors}
    for code in ("squat.knees_inward", "overhead_press.knees"):
        assert of[code].score.f1 > of[code].score.f1_always_positive + 0.1
        assert (of[code].score.auroc or 0.0) > 0.8
    assert found.intervals.mean[0.5] > evaluated.controls["blind window"].intervals.mean[0.5]


def test_controls_that_do_not_look_find_no_more_than_chance(evaluated: Evaluation) -> None:
    blind, erased = evaluated.controls["blind window"], evaluated.controls["person erased"]
    assert {one.score.auroc for one in blind.errors if one.score.auroc is not None} == {0.5}
    assert all(one.score.mcc == 0.0 for one in blind.errors)
    assert erased.notes == {"nobody": COUNTS["test"]}
    assert all(one.score.recall == 0.0 for one in erased.errors)
    constant = evaluated.controls["constant"]
    assert 0 < (constant.exercise_accuracy or 0) < 1
    assert evaluated.controls["duration only"].exercise_accuracy is None


def test_the_metrics_file_holds_every_figure(evaluated: Evaluation) -> None:
    values = json.loads(json.dumps(evaluated.as_json()))
    error = values["assessor"]["errors"]["squat.knees_inward"]
    for key in (
        "f1",
        "f1_interval",
        "f1_always_positive",
        "precision",
        "recall",
        "mcc",
        "auroc",
        "threshold",
    ):
        assert key in error
    assert set(values["controls"]) == {"constant", "blind window", "duration only", "person erased"}
    assert set(values["assessor"]["mAP"]) == {"0.3", "0.5", "0.7"}
    assert "misleads" not in values["assessor"]["paper"]["why"]
    assert "no confidence" in values["assessor"]["paper"]["why"]


def test_a_run_that_was_stopped_goes_on(drawn: tuple[Path, Drawn], tmp_path: Path) -> None:
    root, data = drawn
    answers = {clip.id: truth_of(clip) for clip in data.clips}
    first = Oracle(answers)
    whole = Evaluator(data.clips, DrawnLibrary(root, data), tmp_path).run(first, controls=False)
    kept = next(tmp_path.glob("oracle-test-*.jsonl"))
    lines = kept.read_bytes().splitlines(keepends=True)
    kept.write_bytes(b"".join(lines[:9]) + lines[9][:20])  # as a kill would leave it
    again = Oracle(answers)
    second = Evaluator(data.clips, DrawnLibrary(root, data), tmp_path).run(again, controls=False)
    assert len(again.asked) == COUNTS["test"] - 9
    assert second.figures == whole.figures
    third = Oracle(answers)
    Evaluator(data.clips, DrawnLibrary(root, data), tmp_path).run(third, controls=False)
    assert third.asked == []


def test_answers_of_another_judge_or_another_file_are_not_used_again(
    drawn: tuple[Path, Drawn], tmp_path: Path
) -> None:
    root, data = drawn
    answers = {clip.id: truth_of(clip) for clip in data.clips}
    Evaluator(data.clips, DrawnLibrary(root, data), tmp_path).run(Oracle(answers), controls=False)
    other = Oracle(answers)
    other.key = "oracle, retrained"
    Evaluator(data.clips, DrawnLibrary(root, data), tmp_path).run(other, controls=False)
    assert len(other.asked) == COUNTS["val"] + COUNTS["test"]
    replaced = Oracle(answers)
    (root / "test_0.mp4").write_bytes(b"another cut")
    try:
        Evaluator(data.clips, DrawnLibrary(root, data), tmp_path).run(replaced, controls=False)
    finally:
        (root / "test_0.mp4").write_bytes(b"")
    assert [name.split("/")[1] for name in replaced.asked] == ["test_0"]


def test_a_damaged_video_is_named_skipped_and_counted_or_stops(
    drawn: tuple[Path, Drawn], tmp_path: Path
) -> None:
    root, data = drawn

    class Broken(DrawnLibrary):
        def material(self, clip: Clip) -> Material:
            if clip.file == "test_3.mp4":
                raise SourceError("test_3.mp4: cut off")
            return super().material(clip)

    answers = {clip.id: truth_of(clip) for clip in data.clips}
    library = Broken(root, data)
    found = Evaluator(data.clips, library, tmp_path).run(Oracle(answers), controls=False).figures
    assert found.videos == COUNTS["test"] - 1
    assert list(found.damaged.values()) == ["test_3.mp4: cut off"]
    with pytest.raises(UsageError, match=r"test_3: test_3\.mp4: cut off"):
        Evaluator(data.clips, library, tmp_path, strict=True).run(Oracle(answers), controls=False)


# --- no leakage -----------------------------------------------------------------------------------------


def test_a_judge_gets_no_labels(drawn: tuple[Path, Drawn]) -> None:
    root, data = drawn
    clip = next(clip for clip in data.clips if clip.errors)
    material = DrawnLibrary(root, data).material(clip)
    assert not {"errors", "judged", "split", "clip"} & set(Material.__dataclass_fields__)
    assert not hasattr(material, "errors")


def test_test_labels_change_nothing_that_is_fitted(
    evaluated: Evaluation, drawn: tuple[Path, Drawn], tmp_path: Path
) -> None:
    root, data = drawn
    swapped = [
        clip
        if clip.split != "test"
        else clip.model_copy(update={"errors": {} if clip.errors else {clip.judged[1]: ((0.1, 0.9),)}})
        for clip in data.clips
    ]
    other = Evaluator(swapped, DrawnLibrary(root, data), tmp_path).run(KinematicJudge(), controls=False)
    assert other.engine_calibration == evaluated.engine_calibration
    assert other.fitted == evaluated.fitted
    assert other.figures.macro != evaluated.figures.macro


def test_nothing_can_be_fitted_on_the_test_split(drawn: tuple[Path, Drawn], tmp_path: Path) -> None:
    root, data = drawn
    clip = next(clip for clip in data.clips if clip.split == "test")
    with pytest.raises(ValueError, match="of the test split"):
        Validation((Sample(clip, truth_of(clip)),))
    with pytest.raises(UsageError, match="validation split is fitted on"):
        Evaluator(data.clips, DrawnLibrary(root, data), tmp_path, split="val")


# --- fitting --------------------------------------------------------------------------------------------


def test_the_best_threshold_is_found_and_never_names_a_miss() -> None:
    assert best_threshold([0.1, 0.2, 0.6, 0.8], [False, False, True, True]) == 0.5
    assert 0.2 < best_threshold([0.1, 0.2, 0.3, 0.4], [False, False, True, True]) < 0.3
    assert 0.0 < best_threshold([0.0, 0.3, 0.0], [True, True, True]) <= 0.3
    assert best_threshold([0.2, 0.9], [False, False]) == 0.5


def test_calibration_makes_probabilities_frequencies(drawn: tuple[Path, Drawn]) -> None:
    _, data = drawn
    rng = np.random.default_rng(0)
    clips = [clip for clip in data.clips if clip.split == "val"]

    def sample(clip: Clip) -> Sample:
        """Overconfident: says 0.99 or 0.01, and is right in three of four."""
        right = rng.random() < 0.75
        said = {n: 0.99 if (n in clip.errors) == right else 0.01 for n in clip.judged}
        return Sample(clip, Verdict(exercise=clip.exercise, errors=said))

    samples = tuple(sample(clip) for clip in clips for _ in range(5))
    fitted = fit(Validation(samples), "here")
    assert set(fitted.calibration.errors) == {"squat.knees_inward", "overhead_press.knees"}
    assert 0.6 < fitted.calibration("squat", "knees_inward", 0.99) < 0.9
    assert "too few" in fitted.notes["squat.knees_forward"]
    before = figures("raw", samples, Fitted())
    after = figures("fitted", [Sample(s.clip, fitted.apply(s.verdict)) for s in samples], fitted)
    for raw, scaled in zip(before.errors, after.errors, strict=True):
        if raw.code in fitted.calibration.errors:
            assert scaled.reliability.ece < raw.reliability.ece / 2
            assert scaled.score.auroc == raw.score.auroc


def test_what_is_fitted_is_what_the_engine_then_says(
    evaluated: Evaluation, drawn: tuple[Path, Drawn], tmp_path: Path
) -> None:
    _, data = drawn
    numbers = tmp_path / "kinematic.json"
    assert evaluated.engine_calibration is not None
    evaluated.engine_calibration.save(numbers)
    file = tmp_path / "engine.yaml"
    file.write_text(engine_yaml(evaluated, numbers))
    config = load(file, {})
    assert evaluated.fitted.thresholds
    assert dict(config.feedback.thresholds) == pytest.approx(dict(evaluated.fitted.thresholds), rel=1e-4)
    assessor = KinematicAssessor(config.assessor)
    assert assessor.info.calibrated
    assert assessor.info.version.endswith("fitted")
    for sample in evaluated.samples[:5]:
        (rep,) = repetitions(data.poses[sample.clip.id]).reps
        near = [pose for pose in data.poses[sample.clip.id] if rep.start - 3 <= pose.time <= rep.end]
        said = {f.name: f.probability for f in assessor.judge(Evidence(rep, near)).findings}
        assert said == pytest.approx(dict(sample.verdict.errors))


def test_fitting_moves_thresholds_to_the_labels(evaluated: Evaluation) -> None:
    fitted = evaluated.engine_calibration
    assert fitted is not None
    assert fitted.fitted_on is not None
    assert fitted.fitted_on.endswith("validation split, 24 clips")
    assert "too few" in evaluated.fitted.notes["squat.knees_forward.shank_overlean"]
    assert "too few" not in evaluated.fitted.notes.get("overhead_press.knees.knee_bend", "")


# --- scoring --------------------------------------------------------------------------------------------


def samples_of(data: Drawn) -> list[Sample]:
    return [Sample(clip, truth_of(clip)) for clip in data.clips if clip.split == "test"]


def test_a_perfect_judge_scores_1_everywhere(drawn: tuple[Path, Drawn]) -> None:
    found = figures("oracle", samples_of(drawn[1]), Fitted())
    assert found.macro is not None
    assert found.macro.f1 == found.macro.mcc == found.macro.auroc == 1.0
    assert found.intervals.mean == {0.3: 1.0, 0.5: 1.0, 0.7: 1.0}


def test_a_wrong_exercise_and_an_unreadable_answer_are_misses(drawn: tuple[Path, Drawn]) -> None:
    samples = samples_of(drawn[1])
    hit = [place for place, one in enumerate(samples) if "knees_inward" in one.clip.errors]
    wrong, unread = hit[:2]
    samples[wrong] = replace(
        samples[wrong], verdict=samples[wrong].verdict.model_copy(update={"exercise": "overhead_press"})
    )
    samples[unread] = replace(samples[unread], verdict=Verdict(exercise=None, notes=("unreadable",)))
    found = figures("oracle", samples, Fitted())
    of = {one.code: one for one in found.errors}["squat.knees_inward"]
    assert of.confusion[2] == 2
    assert of.score.recall == 1 - 2 / of.score.positives
    assert found.exercise_accuracy == 1 - 2 / len(samples)
    assert found.confusion["squat"]["overhead_press"] == found.confusion["squat"]["none"] == 1
    assert found.intervals.ap["squat.knees_inward"][0.5] == pytest.approx(1 - 2 / of.score.positives)


def test_an_error_that_was_abstained_from_counts_as_no_and_is_counted(drawn: tuple[Path, Drawn]) -> None:
    samples = samples_of(drawn[1])
    samples = [
        replace(s, verdict=s.verdict.model_copy(update={"errors": {}, "spans": ()}))
        if s.clip.exercise == "squat"
        else s
        for s in samples
    ]
    found = {one.code: one for one in figures("oracle", samples, Fitted()).errors}["squat.knees_inward"]
    assert found.abstained == found.score.videos
    assert found.score.recall == 0.0
    assert found.judged_auroc is None
    assert found.reliability.bins == ()


def test_stills_are_scored_beside_videos_and_have_no_intervals(drawn: tuple[Path, Drawn]) -> None:
    still = Clip(
        id="shallow/1", part="shallow", exercise="squat", kind="image", file="1.jpg", split="test",
        errors={"shallow": ()}, judged=("shallow",),
    )  # fmt: skip
    sample = Sample(still, Verdict(exercise="squat", errors={"shallow": 0.8}))
    found = figures("oracle", [*samples_of(drawn[1]), sample], Fitted())
    of = {one.code: one for one in found.errors}
    assert found.stills == 1
    assert of["squat.shallow"].score.f1 == 1.0
    assert not of["squat.shallow"].timed
    assert "squat.shallow" not in found.intervals.ap
    assert "squat.shallow" not in found.paper.ap


# --- judges ---------------------------------------------------------------------------------------------


def test_a_clip_without_a_repetition_is_judged_whole(drawn: tuple[Path, Drawn]) -> None:
    _, data = drawn
    clip = next(clip for clip in data.clips if clip.exercise == "squat")
    track = data.poses[clip.id]
    standing = [Pose(place / 30, track[0].image, track[0].world, track[0].size) for place in range(60)]
    found = repetitions(standing)
    assert found.notes == ("no_rep",)
    assert (found.reps[0].start, found.reps[0].end) == (0.0, standing[-1].time)
    middle = [pose for pose in track if 0.9 < pose.time < 2.0]  # the way down, and no way back
    (whole,) = repetitions(middle).reps
    assert whole.exercise == "squat"
    press = next(clip for clip in data.clips if clip.exercise == "overhead_press" and not clip.errors)
    way_up = [pose for pose in data.poses[press.id] if 0.5 < pose.time < 1.6]
    (whole,) = repetitions(way_up).reps
    assert whole.exercise == "overhead_press"  # though a row's signal travels further, for what a row needs


def test_a_clip_in_which_nobody_is_seen_is_a_miss(drawn: tuple[Path, Drawn]) -> None:
    root, data = drawn
    material = DrawnLibrary(root, data).without_person(data.clips[0])
    assert material is not None
    assert KinematicJudge().judge(material) == Verdict(exercise=None, notes=("nobody",))


@pytest.mark.parametrize("faulty_first", [True, False])
def test_of_several_repetitions_the_strongest_finding_speaks(
    drawn: tuple[Path, Drawn], faulty_first: bool
) -> None:
    root, data = drawn
    faulty = next(clip for clip in data.clips if "knees_inward" in clip.errors)
    clean = next(clip for clip in data.clips if clip.exercise == "squat" and not clip.errors)
    first, second = (faulty, clean) if faulty_first else (clean, faulty)
    offset = data.poses[first.id][-1].time + 1 / 30
    later = [Pose(p.time + offset, p.image, p.world, p.size) for p in data.poses[second.id]]
    both = Drawn([clean], {clean.id: [*data.poses[first.id], *later]})
    judge = KinematicJudge()
    alone = judge.judge(DrawnLibrary(root, data).material(faulty))
    together = judge.judge(DrawnLibrary(root, both).material(clean))
    assert together.notes == ("several_reps",)
    assert together.errors["knees_inward"] == pytest.approx(alone.errors["knees_inward"], abs=0.2)
    scores = [span.score for span in together.spans if span.error == "knees_inward"]
    assert len(scores) == 2
    assert max(scores) == together.errors["knees_inward"] > min(scores)


def test_any_assessor_of_serving_can_be_evaluated(drawn: tuple[Path, Drawn]) -> None:
    root, data = drawn
    library = DrawnLibrary(root, data)
    generic = AssessorJudge(KinematicAssessor(KinematicSettings()))
    for clip in data.clips[:3]:
        assert generic.judge(library.material(clip)) == KinematicJudge().judge(library.material(clip))


def test_floors_come_from_training_labels(drawn: tuple[Path, Drawn]) -> None:
    _, data = drawn
    train = [clip for clip in data.clips if clip.split == "train"]
    prior = Prior.of(train)
    squats = [clip for clip in train if clip.exercise == "squat"]
    assert prior.prevalence["squat"]["knees_inward"] == sum(bool(c.errors) for c in squats) / len(squats)
    assert 0 <= prior.windows["squat"]["knees_inward"][0] < prior.windows["squat"]["knees_inward"][1] <= 1
    assert "knees_forward" not in prior.windows["squat"]
    with pytest.raises(UsageError, match="no video to take floors from"):
        Prior.of([])


# --- report ---------------------------------------------------------------------------------------------


def test_the_report_holds_everything_in_one_page(
    evaluated: Evaluation, drawn: tuple[Path, Drawn], tmp_path: Path
) -> None:
    root, data = drawn
    page, text = report(evaluated, DrawnLibrary(root, data), tmp_path)
    written, markdown = page.read_text(), text.read_text()
    for title in ("Errors: named or not", "Errors: when", "Confusion", "Timelines", "Worst cases",
                  "Controls", "Published results", "The paper's own metric"):  # fmt: skip
        assert f"## {title}" in markdown
        assert title.replace("'", "&#x27;") in written
    assert 'src="data:image/png;base64,' in written
    assert "http" not in written.replace("http-equiv", "")
    linked = {line.split("](")[1].rstrip(")") for line in markdown.splitlines() if line.startswith("![")}
    assert linked
    assert all((tmp_path / name).stat().st_size > 1000 for name in linked)
    assert "always yes" in markdown
    assert "| LLaVA-Video, Dynamic-Step | 0.0000 | 0.8155 | 0.3959 | 0.7866 |" in markdown


def test_a_report_without_a_single_finding_can_be_written(drawn: tuple[Path, Drawn], tmp_path: Path) -> None:
    root, data = drawn
    clips = [clip.model_copy(update={"errors": {}}) for clip in data.clips]
    silent = Oracle({clip.id: Verdict(exercise=None) for clip in clips})
    evaluation = Evaluator(clips, DrawnLibrary(root, data), tmp_path).run(silent)
    page, _ = report(evaluation, DrawnLibrary(root, data), tmp_path)
    assert evaluation.figures.macro is None
    assert page.exists()


def test_the_yaml_for_the_engine_is_valid_without_any_threshold(evaluated: Evaluation) -> None:
    plain = replace(evaluated, fitted=Fitted())
    assert yaml.safe_load(engine_yaml(plain, Path("x.json"))) == {
        "assessor": {"kind": "kinematic", "calibration": "x.json"}
    }
    assert engine_yaml(plain, None).startswith("# Nothing could be fitted")
    assert yaml.safe_load(engine_yaml(plain, None)) is None
