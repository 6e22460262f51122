"""Reads answers that say the same in other words, as models do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from streamaqa.dialogue.answers import Answer, ErrorSpan, timed
from streamaqa.errors import AnswerError
from streamaqa.exercises import Exercise

LONGEST = 4000
"""Characters. A dozen errors take 800; a model that repeats itself without end is not worth reading."""

_NOT = r"(?:\b(?:not|never|no|nor|neither|hardly|fails?)|n't)\b"
_FAULT = r"(?:errors?|mistakes?|faults?|issues?|problems?|flaws?|deviations?|wrong)"
_DENIED = re.compile(rf"(?:{_NOT}(?: \w+)?(?: an?)?|(?:rather than|instead of)(?: an?| the)?) $", re.I)
_EXCEPT = re.compile(
    r"\b(?:except|but|apart from|aside from|other than|besides|however|although|though)\b", re.I
)
_OTHERS = re.compile(r"\b(?:other|further|additional|more|otherwise|rest)\b", re.IGNORECASE)
_NO_ERROR = re.compile(
    rf"(?:\b(?:no|not|never|without|zero|free (?:of|from))\b|n't\b)(?: \w+){{0,5}}? {_FAULT}\b"
    rf"|\bnothing(?: \w+){{0,2}} wrong\b|\b{_FAULT}[ -]free\b|\bflawless(?:ly)?\b"
    r"|^\W*(?:no|none|nothing)\W*$|:\s*(?:no|none|nothing|n/a)\W*$",
    re.IGNORECASE,
)
_GOOD = re.compile(
    r"\b(?:correctly|properly|perfectly|(?<!as )well(?! as\b)|cleanly|accurately)\b"
    r"|\b(?:is|are|was|looks?) (?:\w+ )?(?:correct|good|proper|perfect|fine|clean|right|accurate)\b"
    r"|\b(?:correct|good|proper|perfect|excellent|great|clean) (?:\w+ )?"
    r"(?:form|technique|posture|execution|rep|repetition|manner|way|exercise)\b"
    r"|^\W*(?:correct|good|perfect)\W*$",
    re.IGNORECASE,
)
# "from frame 3 to frame 10" counts frames, not seconds, and is refused; "from frame 0.3s to 1.2s" does not.
_MARK = (
    r"(?:the )?(?:(?:frame )?time(?:s|stamps?)?|seconds?|frame(?= \d*\.\d| \d+ ?s(?:ec|\b))|t ?=)? ?(?:of )?"
)
_SECONDS = rf"{_MARK}(\d+(?:\.\d+)?|\.\d+)[ -]?(?:s|secs?|seconds?)?(?![\w.]*\w)(?: marks?)?"
_TO = r"(?:to|until|till|through|up to|-|,)"
_TIMES = re.compile(
    rf"(?:between|starts?(?: at)?|starting(?: at)?|begin(?:s|ning)?(?: at)?) {_SECONDS},? (?:and|-) "
    rf"(?:ends?|ending|stops?|stopping|lasts)?(?: at)? ?{_SECONDS}"
    rf"|(?:(?:from|between|at|during|starting (?:at|from)) ?)?{_SECONDS} ?{_TO} ?{_SECONDS}",
    re.IGNORECASE,
)
_FILLER = (
    "is|are|was|were|be|being|has|have|the|a|an|his|her|their|he|she|they|it|its|this|that|which|who|too|very|so|far"
    "|much|both|in|at|on|of|with|during|where|while|when|also|go|goes|going|move|moves|moving|come|comes|coming"
    "|travel|travels|travell?ing|cave|caves|caving|bend|bends|bending|bent|drift|drifts|drifting|push|pushes"
    "|pushing|flare|flares|flaring|round|rounded|rounding|occur|occurs|occurring|happens|happening|appears|visible"
    "|error|errors|mistake|mistakes|fault|faults|issue|problem|position|movement|motion|region|spine|back|exercise"
    "|squat|press|row|rep|repetition|time|times|frame|interval|throughout|entire|whole|video|clip"
)
_BETWEEN = re.compile(
    rf"[\s,;:&()\[\]'/-]+|\b(?:{_FILLER}|and|as well as|plus|then|again|followed by)\b", re.IGNORECASE
)


def read_freely(text: str, vocabulary: tuple[Exercise, ...]) -> Answer:
    """Read a paraphrase: an exercise, then either a list of errors or a claim that there are none.

    The list follows a colon or begins at the first error that is named. Inside it every word must be known,
    so that a denied, misspelt or foreign error is refused and never silently dropped.
    """
    if len(text) > LONGEST:
        raise AnswerError(f"too long for an answer, {len(text)} characters: {_quoted(text)}")
    said = _plain(text)
    exercise, rest = _find_exercise(said, vocabulary)
    listed = _find_list(exercise, rest)
    errors = _read_list(exercise, listed)
    if errors and not _contradicts(said.removesuffix(listed)):
        return Answer(exercise.name, errors)
    if not errors and any(_claims_correct(sentence) for sentence in _sentences(said)):
        return Answer(exercise.name)
    complaint = (
        "names errors and denies them" if errors else f"neither an error of {exercise.words} nor 'correct'"
    )
    raise AnswerError(f"{complaint}: {_quoted(text)}")


def _plain(text: str) -> str:
    """The text without mark-up: no special tokens, emphasis, bullets or curly punctuation."""
    text = re.sub(r"<\|[^|]*\|>|[*_`\"“”]", " ", text)
    text = text.replace("’", "'").replace("–", "-").replace("—", "-").replace("→", "-")
    text = re.sub(r"(?m)^\s*(?:[-•]|\(?\d{1,2}[.)](?!\d))\s+", "", text.strip())
    return re.sub(r"\s+", " ", re.sub(r"\s*\n\s*", " ; ", text))


def _sentences(text: str) -> list[str]:
    return [part for part in re.split(r"[.!?;]+(?=\s|$)", text) if part.strip()]


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 200 else text[:197] + "...")


@dataclass(frozen=True, slots=True)
class _Phrases:
    """Finds any of some phrases, the longest first, and tells whose it is."""

    pattern: re.Pattern[str]
    owners: tuple[str, ...]

    @classmethod
    def of(cls, owners: Iterable[tuple[str, str]], expression: Callable[[str], str]) -> _Phrases:
        """Of (phrase, owner) pairs; a phrase of two owners says nothing and is left out."""
        pairs = {(phrase.lower(), owner) for phrase, owner in owners}
        uses = Counter(phrase for phrase, _ in pairs)
        kept = sorted((pair for pair in pairs if uses[pair[0]] == 1), key=lambda pair: (-len(pair[0]), pair))
        either = "|".join(f"({expression(phrase)})" for phrase, _ in kept)
        return cls(re.compile(rf"\b(?:{either})\b", re.IGNORECASE), tuple(owner for _, owner in kept))

    def owner(self, match: re.Match[str]) -> str:
        """Whose phrase `match` found."""
        return self.owners[(match.lastindex or 0) - 1]


def _find_exercise(said: str, vocabulary: tuple[Exercise, ...]) -> tuple[Exercise, str]:
    """The one exercise that the first sentence to name any names, and the text after its name."""
    phrases = _exercise_phrases(vocabulary)
    found = [match for match in phrases.pattern.finditer(said) if not _DENIED.search(said[: match.start()])]
    if not found:
        raise AnswerError(f"names no exercise: {_quoted(said)}")
    stop = re.compile(r":|[.!?;](?=\s|$)|$").search(said, found[0].end())
    assert stop is not None
    sentence = [match for match in found if match.start() < stop.start()]
    names = {phrases.owner(match) for match in sentence}
    if len(names) > 1:
        raise AnswerError(f"names more than one exercise: {_quoted(said)}")
    return {known.name: known for known in vocabulary}[names.pop()], said[sentence[-1].end() :]


@lru_cache(maxsize=16)
def _exercise_phrases(vocabulary: tuple[Exercise, ...]) -> _Phrases:
    """What each exercise may be called: its words, what stands in brackets, or its last word alone."""

    def pairs() -> Iterator[tuple[str, str]]:
        for exercise in vocabulary:
            asked = exercise.question_words
            plain = {exercise.words, exercise.name.replace("_", " "), re.sub(r"\s*\(.*?\)", "", asked)}
            for phrase in {*plain, *re.findall(r"\((.*?)\)", asked), *(words.split()[-1] for words in plain)}:
                yield phrase, exercise.name

    return _Phrases.of(pairs(), lambda phrase: _spaced(phrase.split()) + r"(?:e?s|\w?ing|\w?ed)?")


@lru_cache(maxsize=64)
def _error_phrases(exercise: Exercise) -> _Phrases:
    """What each error may be called: its words in either order, the body part if only one error has it."""

    def pairs() -> Iterator[tuple[str, str]]:
        for error in exercise.errors:
            words = error.words.lower().split()
            for phrase in (words, words[::-1], error.name.split("_"), error.body_part.split()):
                yield " ".join(phrase), error.name

    return _Phrases.of(
        pairs(), lambda phrase: _spaced([re.escape(w.rstrip("s")) + "s?" for w in phrase.split()])
    )


def _spaced(words: Sequence[str]) -> str:
    return rf"[\s-]+(?:(?:{_FILLER})[\s-]+){{0,4}}?".join(words)


def _find_list(exercise: Exercise, rest: str) -> str:
    """The list of errors: from a colon that leads in, or else from the first error named."""
    first = _error_phrases(exercise).pattern.search(rest)
    colon = re.search(r":(?=\s|$)", rest)
    if colon and (
        not first or colon.start() < first.start() or not _is_filler(rest[first.end() : colon.start()])
    ):
        return rest[colon.end() :]
    return rest[first.start() :] if first else ""


def _is_filler(text: str) -> bool:
    return re.fullmatch(rf"(?:\W|\b(?:{_FILLER})\b)*", text, re.IGNORECASE) is not None


def _read_list(exercise: Exercise, listed: str) -> tuple[ErrorSpan, ...]:
    """The errors of a list, each with the times that follow it; times alone repeat the error before them."""
    spans: list[ErrorSpan] = []
    phrases = _error_phrases(exercise)
    for sentence in _sentences(listed):
        named, numbered = phrases.pattern.search(sentence), re.search(r"\d", sentence)
        if not (named or numbered) or (_claims_correct(sentence) and not (named and numbered)):
            continue
        at = 0
        while at < len(sentence):
            if times := _TIMES.match(sentence, at):
                _add_times(spans, times)
            elif error := phrases.pattern.match(sentence, at):
                spans.append(ErrorSpan(phrases.owner(error)))
            match = times or error or _BETWEEN.match(sentence, at)
            if match is None:
                raise AnswerError(f"cannot read {_quoted(sentence[at:])} as an error of {exercise.words}")
            at = match.end()
    return tuple(spans)


def _add_times(spans: list[ErrorSpan], times: re.Match[str]) -> None:
    start, end = (number for number in times.groups() if number is not None)
    if not spans:
        raise AnswerError(f"times before any error: {times.group()!r}")
    span = timed(spans[-1].name, start, end)
    if spans[-1].start is None:
        spans[-1] = span
    else:
        spans.append(span)


def _claims_correct(sentence: str) -> bool:
    """Whether a sentence says that nothing is wrong."""
    if _EXCEPT.search(sentence) or _OTHERS.search(sentence):
        return False
    return bool(
        _NO_ERROR.search(sentence) or (_GOOD.search(sentence) and not re.search(_NOT, sentence, re.I))
    )


def _contradicts(lead_in: str) -> bool:
    """Whether what introduces a list of errors denies them."""
    return not _EXCEPT.search(lead_in) and any(_claims_correct(sentence) for sentence in _sentences(lead_in))
