"""Balanced counts are exact whatever comes in, copies are spread evenly, and the test split stays out."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune.augment import Kind, Recipe, augmentation_of
from finetune.balance import (
    Balancing,
    Class,
    NoneRole,
    Phase,
    Strategy,
    Within,
    after,
    assumptions,
    balance,
    classes_of,
    counts,
    identical,
    make,
)
from finetune.layout import Split
from finetune.records import Record, conversation, spans
from streamaqa.dialogue import Answer, question, render
from streamaqa.errors import UsageError
from streamaqa.exercises import exercise
from streamaqa.windows import PAPER_PLAN

SQUAT, OHP = "Squat", "OHP"
FITNESS_AQA = {
    Class(SQUAT, ()): 402,
    Class(SQUAT, ("knees_forward",)): 781,
    Class(SQUAT, ("knees_inward",)): 37,
    Class(SQUAT, ("knees_forward", "knees_inward")): 159,
    Class(OHP, ()): 880,
    Class(OHP, ("elbows",)): 392,
    Class(OHP, ("knees",)): 551,
    Class(OHP, ("elbows", "knees")): 98,
}
"""Its videos for training and validation, by combination of errors."""
CLASSES = list(FITNESS_AQA)


def samples(table: Mapping[Class, int]) -> dict[str, Class]:
    """As many ids of each class."""
    return {
        f"{one.group}/{'-'.join(one.errors)}/{n}": one for one, count in table.items() for n in range(count)
    }


def by_class(phase: Phase, classes: Mapping[str, Class]) -> dict[str, int]:
    return {str(one): round(count) for one, count in after(phase, classes).items() if count}


def balanced(how: Balancing, table: Mapping[Class, int] = FITNESS_AQA) -> list[dict[str, int]]:
    classes = samples(table)
    return [by_class(phase, classes) for phase in balance(classes, how)]


# --- the real data set's counts --------------------------------------------------------------------------

RAW = {str(one): count for one, count in FITNESS_AQA.items()}


def test_two_step_on_the_real_counts_cuts_every_class_to_37_and_flips_each() -> None:
    first, second = balanced(Balancing(Strategy.TWO_STEP))
    assert first == RAW
    assert second == {str(one): 2 * 37 for one in FITNESS_AQA}
    assert sum(second.values()) == 592


def test_two_step_within_each_exercise_cuts_the_press_to_98() -> None:
    _, second = balanced(Balancing(Strategy.TWO_STEP, within=Within.EXERCISE))
    assert second == {str(one): 2 * (37 if one.group == SQUAT else 98) for one in FITNESS_AQA}


def test_two_step_with_none_as_no_class() -> None:
    _, out = balanced(Balancing(Strategy.TWO_STEP, NoneRole.OUT))
    assert out == {str(one): 74 for one in FITNESS_AQA if one.errors}
    _, kept = balanced(Balancing(Strategy.TWO_STEP, NoneRole.AS_IS))
    assert kept == {str(one): 74 if one.errors else FITNESS_AQA[one] for one in FITNESS_AQA}


def test_dynamic_step_on_the_real_counts_fills_the_squat_to_781_and_the_press_to_880() -> None:
    (made,) = balanced(Balancing(Strategy.DYNAMIC_STEP))
    assert made == {str(one): 781 if one.group == SQUAT else 880 for one in FITNESS_AQA}
    assert sum(made.values()) == 4 * 781 + 4 * 880 == 6644


def test_dynamic_step_with_none_as_no_class_fills_the_press_to_551() -> None:
    (made,) = balanced(Balancing(Strategy.DYNAMIC_STEP, NoneRole.AS_IS))
    filled = {str(one): 781 if one.group == SQUAT else 551 for one in FITNESS_AQA if one.errors}
    assert made == filled | {f"{SQUAT}: none": 402, f"{OHP}: none": 880}
    (without,) = balanced(Balancing(Strategy.DYNAMIC_STEP, NoneRole.OUT))
    assert without == filled


def test_dynamic_step_over_all_exercises_fills_everything_to_880() -> None:
    (made,) = balanced(Balancing(Strategy.DYNAMIC_STEP, within=Within.ALL))
    assert set(made.values()) == {880}


def test_the_rarest_squats_744_copies_take_each_video_20_or_21_times_and_all_differ() -> None:
    classes = samples(FITNESS_AQA)
    (phase,) = balance(classes, Balancing(Strategy.DYNAMIC_STEP))
    rare = [p for p in phase.picks if p.copy and classes[p.id] == Class(SQUAT, ("knees_inward",))]
    uses = Counter(pick.id for pick in rare)
    assert len(rare) == 744
    assert set(uses.values()) == {20, 21}
    assert identical(phase.picks) == 0


def test_inverse_frequency_draws_the_real_classes_alike() -> None:
    classes = samples(FITNESS_AQA)
    (phase,) = balance(classes, Balancing(Strategy.INVERSE_FREQUENCY))
    drawn = after(phase, classes)
    for group, total in ((SQUAT, 1379), (OHP, 1921)):
        assert [count for one, count in drawn.items() if one.group == group] == pytest.approx([total / 4] * 4)
    (phase,) = balance(classes, Balancing(Strategy.INVERSE_FREQUENCY, within=Within.ALL))
    assert list(after(phase, classes).values()) == pytest.approx([3300 / 8] * 8)


# --- any counts ------------------------------------------------------------------------------------------

TABLES = st.dictionaries(st.sampled_from(CLASSES), st.integers(1, 60), min_size=1)
WAYS = st.builds(
    Balancing,
    strategy=st.sampled_from(Strategy),
    none=st.sampled_from(NoneRole),
    within=st.sampled_from([None, *Within]),
    recipe=st.sampled_from(Recipe),
    kinds=st.lists(st.sampled_from(Kind), min_size=1, unique=True).map(tuple),
    seed=st.integers(0, 1000),
)


def sizes(table: Mapping[Class, int], one: Class, how: Balancing) -> list[int]:
    """The counts that a class is held to, by the definition."""
    return [
        count
        for other, count in table.items()
        if (how.scope is Within.ALL or other.group == one.group)
        and (how.none is NoneRole.CLASS or other.errors)
    ]


@settings(max_examples=150, deadline=None)
@given(table=TABLES, how=WAYS)
def test_counts_are_exact_for_any_counts(table: dict[Class, int], how: Balancing) -> None:
    classes = samples(table)
    last = balance(classes, how)[-1]
    for one, count in table.items():
        got = sum(classes[pick.id] == one for pick in last.picks)
        if not one.errors and how.none is NoneRole.OUT:
            assert got == 0
        elif not one.errors and how.none is NoneRole.AS_IS:
            assert got == count
        elif how.strategy is Strategy.TWO_STEP:
            assert got == 2 * min(sizes(table, one, how))
        elif how.strategy is Strategy.DYNAMIC_STEP:
            assert got == max(sizes(table, one, how))
        else:
            assert got == count


@settings(max_examples=100, deadline=None)
@given(table=TABLES, how=WAYS)
def test_no_sample_is_used_again_before_all_of_its_class_were_used(
    table: dict[Class, int], how: Balancing
) -> None:
    classes = samples(table)
    for phase in balance(classes, how):
        copies = Counter(pick.id for pick in phase.picks if pick.copy)
        plain = Counter(pick.id for pick in phase.picks if not pick.copy)
        assert set(plain.values()) <= {1}
        assert set(copies) <= set(plain)
        uses = defaultdict(list)
        for name in plain:
            uses[classes[name]].append(copies[name])
        assert all(max(several) - min(several) <= 1 for several in uses.values())
        numbers = Counter((pick.id, pick.copy) for pick in phase.picks)
        assert set(numbers.values()) <= {1}


@settings(max_examples=60, deadline=None)
@given(table=TABLES, how=WAYS, chance=st.randoms())
def test_the_same_seed_gives_the_same_set_whatever_order_samples_come_in(
    table: dict[Class, int], how: Balancing, chance: random.Random
) -> None:
    classes = samples(table)
    mixed = list(classes.items())
    chance.shuffle(mixed)
    assert balance(dict(mixed), how) == balance(classes, how)


def test_another_seed_cuts_to_other_samples() -> None:
    classes = samples(FITNESS_AQA)
    kept = [{p.id for p in balance(classes, Balancing(Strategy.TWO_STEP, seed=s))[1].picks} for s in (0, 1)]
    assert len(kept[0] & kept[1]) < 150  # 37 of 8 classes: 296, of which the rarest class's are the same


@given(table=TABLES, how=WAYS)
@settings(max_examples=50, deadline=None)
def test_weights_have_mean_one_and_the_same_sum_in_each_class(
    table: dict[Class, int], how: Balancing
) -> None:
    how = Balancing(Strategy.INVERSE_FREQUENCY, how.none, how.within)
    classes = samples(table)
    (phase,) = balance(classes, how)
    assert phase.weights is not None
    if phase.picks:
        assert sum(phase.weights.values()) == pytest.approx(len(phase.picks))
    sums: dict[str, set[float]] = defaultdict(set)
    for one, drawn in after(phase, classes).items():
        if one.errors or how.none is NoneRole.CLASS:
            sums["all" if how.scope is Within.ALL else one.group].add(round(drawn, 6))
    assert all(len(values) == 1 for values in sums.values())


def test_kinds_that_do_not_vary_repeat_and_are_counted() -> None:
    table = {Class(SQUAT, ()): 10, Class(SQUAT, ("knees_inward",)): 2}
    (phase,) = balance(samples(table), Balancing(Strategy.DYNAMIC_STEP, kinds=(Kind.FLIP,)))
    assert identical(phase.picks) == 6
    (phase,) = balance(samples(table), Balancing(Strategy.DYNAMIC_STEP, kinds=(Kind.FLIP, Kind.ROTATION)))
    assert identical(phase.picks) == 0


@pytest.mark.parametrize("strategy", Strategy)
def test_what_was_assumed_is_told_for_each_way(strategy: Strategy) -> None:
    texts = {
        assumptions(Balancing(strategy, none, within)) for none in NoneRole for within in (None, *Within)
    }
    assert len(texts) == 6  # three roles, two scopes: the strategy's own scope is one of them
    for sentences in texts:
        assert all(sentence.endswith(".") for sentence in sentences)


# --- records ---------------------------------------------------------------------------------------------


def record(name: str, errors: Mapping[str, tuple[float, float]], split: Split = "train") -> Record:
    """A clip of three seconds."""
    when = {error: (interval,) for error, interval in errors.items()}
    kind = "overhead_press" if name.startswith("ohp") else "squat"
    return Record(
        id=name,
        video=f"{name}.mp4",
        conversations=conversation(question(), render(Answer(kind, spans(when, 3.0)))),
        source=name,
        split=split,
        exercise=kind,
        errors=when,
        judged=tuple(e.name for e in exercise(kind).errors if e.name != "shallow"),
        timed=True,
        unit="clip",
        span=(0.0, 3.0),
        frames=tuple(range(0, 90, 3)),
        times=tuple(round(n / 30, 6) for n in range(0, 90, 3)),
        duration=2.933333,
        plan=PAPER_PLAN,
    )


def still(name: str, kind: str, judged: str, *, shows: bool) -> Record:
    errors = {judged: ()} if shows else {}
    return Record(
        id=name,
        image=f"{name}.jpg",
        conversations=conversation(question(), render(Answer(kind, spans(errors, 0.0)))),
        source=name,
        split="train",
        exercise=kind,
        errors=errors,
        judged=(judged,),
        timed=False,
        unit="still",
        plan=PAPER_PLAN,
    )


FEW = [
    *(record(f"squat/{n}", {"knees_forward": (0.5, 1.5)}) for n in range(6)),
    *(record(f"squat/in{n}", {"knees_inward": (1.0, 1.8)}) for n in range(2)),
    *(record(f"ohp/{n}", {}) for n in range(4)),
    record("ohp/elbows", {"elbows": (0.0, 2.0)}),
]


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize("recipe", Recipe)
def test_records_come_out_as_the_plan_says(strategy: Strategy, recipe: Recipe) -> None:
    made = make(FEW, Balancing(strategy, recipe=recipe, seed=4))
    for phase in made.plan:
        records = made.phases[phase.name]
        assert len({one.id for one in records}) == len(records) == len(phase.picks)
        plain = {one.id for one in records if one.augment is None}
        assert plain == {pick.id for pick in phase.picks if not pick.copy}
        for one in records:
            if pick_kind := {f"{p.id}~{p.copy}": p.kind for p in phase.picks}.get(one.id):
                assert augmentation_of(one).kind == pick_kind
            assert one.spoken().errors == spans(one.errors, one.duration)
    again = make(list(reversed(FEW)), Balancing(strategy, recipe=recipe, seed=4))
    assert again.phases == made.phases


def test_no_record_of_the_test_split_ever_enters() -> None:
    for strategy in Strategy:
        with pytest.raises(UsageError, match="squat/t: is of the test split"):
            make([*FEW, record("squat/t", {}, split="test")], Balancing(strategy))


def test_validation_enters_only_where_it_was_joined_to_training() -> None:
    joined = make([*FEW, record("squat/v", {}, split="val")], Balancing(Strategy.TWO_STEP))
    assert any(one.id == "squat/v" for one in joined.phases["phase1"])


def test_samples_judged_for_other_errors_are_classes_apart() -> None:
    stills = [
        still("shallow/1", "squat", "shallow", shows=True),
        still("shallow/2", "squat", "shallow", shows=False),
        still("row/1", "barbell_row", "lumbar", shows=False),
        still("row/2", "barbell_row", "torso_angle", shows=False),
    ]
    found = {str(one): n for one, n in counts(classes_of([*FEW, *stills]).values()).items()}
    assert found == {
        "Squat: knees forward": 6,
        "Squat: knees inward": 2,
        "Squat (shallow depth): none": 1,
        "Squat (shallow depth): shallow": 1,
        "OHP: none": 4,
        "OHP: elbows": 1,
        "Barbell Row (lumbar): none": 1,
        "Barbell Row (torso angle): none": 1,
    }


def test_a_class_is_the_combination_and_not_the_order_of_its_errors() -> None:
    both = {"knees_inward": (0.5, 1.0), "knees_forward": (0.5, 1.5)}
    classes = classes_of([record("squat/1", both), record("squat/2", dict(reversed(both.items())))])
    assert set(classes.values()) == {Class(SQUAT, ("knees_forward", "knees_inward"))}


def test_the_counts_are_the_reference_pages(shared: Path) -> None:
    page = " ".join((shared / "reference" / "fitness-aqa.md").read_text(encoding="utf-8").split())
    for text in (
        "squat none 402; OHP none 880, knees only 551, elbows only 392, both 98",
        "squat knees forward only 781, knees inward only 37, both 159",
    ):
        assert text in page
    train_and_val = 1136 + 243 + 1582 + 339
    assert sum(FITNESS_AQA.values()) == train_and_val
