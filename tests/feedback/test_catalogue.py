"""What the coach says, in each language."""

from __future__ import annotations

import string
from pathlib import Path

import pytest

from streamaqa.exercises import EXERCISES
from streamaqa.feedback.catalogue import (
    ENGLISH_ALTERNATIVES,
    ENGLISH_LABELS,
    EXERCISE_NAMES,
    PHRASES,
    WORDINGS,
)
from streamaqa.feedback.words import Words, fits, shorten

CODES = {f"{exercise.name}.{error.name}" for exercise in EXERCISES for error in exercise.errors}


def test_the_page_for_subscribers_explains_each_cue() -> None:
    page = (Path(__file__).parents[2] / "docs" / "messages.md").read_text()
    for exercise in EXERCISES:
        for error in exercise.errors:
            row = f"| `{exercise.name}.{error.name}` | {error.severity} | {error.cue} | {error.sentence} |"
            assert row in page


@pytest.mark.parametrize("lang", ["de", "es"])
def test_each_error_of_the_vocabulary_is_translated(lang: str) -> None:
    assert set(WORDINGS[lang]) == CODES  # type: ignore[index]  # parametrize gives plain strings


def test_english_alternatives_belong_to_errors_of_the_vocabulary() -> None:
    assert set(ENGLISH_ALTERNATIVES) <= CODES


def test_each_language_has_every_phrase_and_every_exercises_name() -> None:
    assert set(WORDINGS) == set(PHRASES) == set(EXERCISE_NAMES) == {"en", "de", "es"}
    for lang, names in EXERCISE_NAMES.items():
        assert set(names) == {exercise.name for exercise in EXERCISES}
        assert set(PHRASES[lang]) == set(PHRASES["en"])
        assert all(phrase.strip() == phrase != "" for phrase in PHRASES[lang].values())
    assert set(ENGLISH_LABELS) <= CODES


@pytest.mark.parametrize("lang", ["de", "es"])
def test_nothing_was_left_in_english(lang: str) -> None:
    english, words = Words("en"), Words(lang)  # type: ignore[arg-type]  # parametrize gives plain strings
    phrases = PHRASES[lang]  # type: ignore[index]  # likewise
    assert [key for key in phrases if phrases[key] == PHRASES["en"][key]] == []
    for exercise in EXERCISES:
        for error in exercise.errors:
            code = f"{exercise.name}.{error.name}"
            assert words.sentence(code, error) != english.sentence(code, error)
            assert words.label(code, error) != english.label(code, error)
            assert set(words.cues(code, error)).isdisjoint(english.cues(code, error))


@pytest.mark.parametrize("lang", ["en", "de", "es"])
def test_sentences_are_sentences_and_labels_are_short(lang: str) -> None:
    words = Words(lang, {})  # type: ignore[arg-type]  # parametrize gives plain strings
    for exercise in EXERCISES:
        for error in exercise.errors:
            code = f"{exercise.name}.{error.name}"
            assert words.sentence(code, error)[0].isupper()
            assert words.sentence(code, error).endswith(".")
            assert 1 <= len(words.label(code, error).split()) <= 3


@pytest.mark.parametrize(("lang", "text"), [("en", "24%"), ("de", "24 %"), ("es", "24 %")])
def test_shares_are_written_as_the_language_writes_them(lang: str, text: str) -> None:
    assert text in Words(lang, {}).slowing(0.24)  # type: ignore[arg-type]  # parametrize gives plain strings


def test_each_cue_fits_a_watch_as_it_stands() -> None:
    cues = [cue for wordings in WORDINGS.values() for w in wordings.values() for cue in w.cues]
    cues += [cue for alternatives in ENGLISH_ALTERNATIVES.values() for cue in alternatives]
    cues += [error.cue for exercise in EXERCISES for error in exercise.errors]
    cues += [phrases["velocity"] for phrases in PHRASES.values()]
    assert [cue for cue in cues if not fits(cue)] == []


@pytest.mark.parametrize("lang", ["en", "de", "es"])
def test_what_was_fixed_is_named_in_full(lang: str) -> None:
    words = Words(lang, {})  # type: ignore[arg-type]  # parametrize gives plain strings
    for exercise in EXERCISES:
        for error in exercise.errors:
            code = f"{exercise.name}.{error.name}"
            assert words.fixed(code, error).endswith(words.label(code, error))


@pytest.mark.parametrize("lang", ["en", "de", "es"])
def test_each_error_has_three_wordings_to_rotate(lang: str) -> None:
    words = Words(lang, {})  # type: ignore[arg-type]  # parametrize gives plain strings
    for exercise in EXERCISES:
        for error in exercise.errors:
            code = f"{exercise.name}.{error.name}"
            assert len(set(words.cues(code, error))) == 3


def test_the_languages_say_the_same_phrases_with_the_same_gaps() -> None:
    def gaps(phrase: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(phrase) if name}

    english = {key: gaps(phrase) for key, phrase in PHRASES["en"].items()}
    for phrases in PHRASES.values():
        assert {key: gaps(phrase) for key, phrase in phrases.items()} == english


@pytest.mark.parametrize(
    ("cue", "short"),
    [
        ("Spread the floor", "Spread the floor"),
        ("one two three four five", "one two three four"),
        ("ü" * 40, "ü" * 32),
        ("a " + "ü" * 40, "a"),
        ("", ""),
    ],
)
def test_an_overlong_cue_loses_whole_words_first(cue: str, short: str) -> None:
    assert shorten(cue) == short
