"""Reads answers that say the same in other words, as models do."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from streamaqa.dialogue.answers import Answer, ErrorSpan, timed
from streamaqa.dialogue.claims import EXCEPT, NOT, claims_correct, claims_wrong, sentences
from streamaqa.errors import AnswerError
from streamaqa.exercises import Exercise

LONGEST = 4000
"""Characters. A dozen errors take 800; a model that repeats itself without end is not worth reading."""

_DENIED = re.compile(
    rf"(?:{NOT}(?: \w+)?(?: an?)?|(?:rather than|instead of)(?: an?| the)?) $", re.IGNORECASE
)
_LEAD = 40
"""Characters before an exercise's name in which its denial may stand: "instead of the" and more."""

_ANOTHER = re.compile(r"\b(?:bench|chest|leg)[\s-]$", re.IGNORECASE)
"""Makes another exercise of one of ours: a bench press is no press overhead."""

_PERFORMS = re.compile(r"\b(?:performing|doing|executing) (?:an? |the )?$", re.IGNORECASE)

# "from frame 3 to frame 10" counts frames, not seconds, and is refused; "from frame 0.3s to 1.2s" does not.
_MARK = (
    r"(?:the )?(?:(?:frame )?time(?:s|stamps?)?|seconds?|frame(?= \d*\.\d| \d+ ?s(?:ec|\b))|t ?=)? ?(?:of )?"
)
_SECONDS = rf"{_MARK}(?<![\d.])(\d++(?:\.\d*+)?|\.\d++)[ -]?(?:s|secs?|seconds?)?(?![\w.]*\w)(?: marks?)?"
_STARTS = r"(?:between|start(?:s|ing)?|begin(?:s|ning)?)(?: time)?(?: at| from)?"
_ENDS = r"(?:(?:end(?:s|ing)?|stop(?:s|ping)?)(?: time)?(?: at)?:?|last(?:s|ing)? until)"
_TIMES = re.compile(
    rf"{_STARTS}:? {_SECONDS},? (?:(?:and|-) (?:{_ENDS} )?|{_ENDS} ){_SECONDS}"
    rf"|(?:(?:from|between|at|during|starting (?:at|from)) ?)?{_SECONDS}"
    rf"(?: ?(?:to|until|till|through|up to|-|,) ?|,? (?:and )?{_ENDS} ){_SECONDS}",
    re.IGNORECASE,
)
_FILLER = (
    "is|are|was|were|be|being|has|have|the|a|an|his|her|their|he|she|they|it|its|this|that|which|who|too|very|so|far"
    "|much|both|in|at|on|of|with|during|where|while|when|also|go|goes|going|move|moves|moving|come|comes|coming"
    "|travel|travels|travell?ing|cave|caves|caving|bend|bends|bending|bent|drift|drifts|drifting|push|pushes"
    "|pushing|flare|flares|flaring|round|rounded|rounding|occur|occurs|occurring|happens|happening|appears|visible"
    "|error|errors|mistake|mistakes|fault|faults|issue|problem|position|movement|motion|region|spine|back|exercise"
    "|squat|press|row|rep|repetition|time|times|frame|interval|throughout|entire|whole|video|clip"
    "|left|right|yes"
)
_ASIDE = re.compile(
    r"[\s,]+(?:because|since|due to|which|causing|leading to|resulting in|otherwise)\b"
    rf"(?!.*(?:\d|{NOT})).*$",
    re.IGNORECASE,
)
_WHOLE = re.compile(r"\b(?:perform|execut|errors?|mistakes?|faults?|none|neither)", re.IGNORECASE)
_BETWEEN = re.compile(
    rf"[\s,;:&+<>|(){{}}\[\]'/-]+|\b(?:{_FILLER}|and|as well as|plus|then|again|followed by)\b", re.IGNORECASE
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
    denied = _contradicts(said.removesuffix(listed)) or _takes_back(exercise, listed)
    if errors and not denied:
        return Answer(exercise.name, errors)
    told = sentences(said)
    if not errors and any(map(claims_correct, told)) and not any(map(claims_wrong, told)):
        return Answer(exercise.name)
    complaint = (
        "names errors and denies them" if errors else f"neither an error of {exercise.words} nor 'correct'"
    )
    raise AnswerError(f"{complaint}: {_quoted(text)}")


def _plain(text: str) -> str:
    """The text without mark-up: no special tokens, emphasis, bullets, numbering or curly punctuation."""
    if not text.isascii():
        signs = unicodedata.normalize("NFKC", text)
        text = "".join(sign for sign in signs if unicodedata.category(sign) != "Cf")
    text = re.sub(r"<\|[^|]*\|>|</?[a-zA-Z]+>|\[/?INST\]|[*_`\"“”«»]", " ", text)
    text = re.sub("[‘’]", "'", text)
    text = re.sub("-+>|[–—→~]", "-", text)
    # bullets, and numbers before items: 1. or (2) or b); "0 to 2. Knees inward" has none
    text = re.sub(
        r"(?m)^\s*[-•]\s+|(?:^|(?<=[;:,.s])\s)\s*(?:\(?\d{1,2}[.)]|\(?[a-h]\))(?=\s+[a-zA-Z])", " ", text
    )
    # "2 sec. to 3 sec." ends no sentence; "0,5s to 1,2s" is decimal, unlike "[1,2]"
    text = re.sub(r"(?<=\d)( ?secs?)\.(?= (?:to|until|and|-))", r"\1", text)
    text = re.sub(r"(\d),(\d+ ?s? (?:to|until|-) \d+),(?=\d)", r"\1.\2.", text)
    text = re.sub(r":(?=[^\W\d])", ": ", text)
    text = re.sub(r"\s+", " ", re.sub(r"\s*\n\s*", " ; ", text.strip()))
    # a model that stutters says a word twice
    return re.sub(r"\b([a-z]+)(?: \1\b)+", r"\1", text, flags=re.IGNORECASE)


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

    def follows(lead: re.Pattern[str], match: re.Match[str]) -> bool:
        return lead.search(said, max(0, match.start() - _LEAD), match.start()) is not None

    every = phrases.pattern.finditer(said)
    found = [match for match in every if not follows(_DENIED, match) and not follows(_ANOTHER, match)]
    if not found:
        raise AnswerError(f"names no exercise: {_quoted(said)}")
    stop = re.compile(r":|[.!?;](?=\s|$)|$").search(said, found[0].end())
    assert stop is not None
    sentence = [match for match in found if match.start() < stop.start()]
    again = [match for match in found if follows(_PERFORMS, match)]
    names = {phrases.owner(match) for match in (*sentence, *again)}
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
        begin = colon.end()
    elif first:
        begin = first.start()
    else:
        return ""
    # times before them are theirs, or those of an error that was not recognized: it must not be dropped
    joint = re.compile(rf"(?:{_BETWEEN.pattern})*", re.IGNORECASE)
    before = [times for times in _TIMES.finditer(rest, 0, begin) if joint.fullmatch(rest, times.end(), begin)]
    return rest[before[-1].start() if before else begin :]


def _is_filler(text: str) -> bool:
    return re.fullmatch(rf"(?:\W|\b(?:{_FILLER})\b)*", text, re.IGNORECASE) is not None


def _read_list(exercise: Exercise, listed: str) -> tuple[ErrorSpan, ...]:
    """The errors of a list, each with the times that stand behind it, or before it if the list begins so."""
    read: list[str | tuple[str, str]] = []
    phrases = _error_phrases(exercise)
    for sentence in sentences(listed):
        named, numbered = phrases.pattern.search(sentence), re.search(r"\d", sentence)
        if not (named or numbered) or (claims_correct(sentence) and not (named and numbered)):
            continue
        at, end = _behind_lead_in(exercise, sentence), _before_aside(exercise, sentence)
        while at < end:
            if times := _TIMES.match(sentence, at):
                start, stop = (number for number in times.groups() if number is not None)
                read.append((start, stop))
            elif error := phrases.pattern.match(sentence, at):
                read.append(phrases.owner(error))
            match = times or error or _BETWEEN.match(sentence, at)
            if match is None:
                raise AnswerError(f"cannot read {_quoted(sentence[at:])} as an error of {exercise.words}")
            at = match.end()
    return tuple(_timed_before(read) if read and isinstance(read[0], tuple) else _timed_behind(read))


def _timed_behind(read: Sequence[str | tuple[str, str]]) -> Iterator[ErrorSpan]:
    """Errors with the times behind them; further times repeat the error."""
    for place, item in enumerate(read):
        behind = read[place + 1] if place + 1 < len(read) else ""
        if isinstance(item, str):
            name = item
            if isinstance(behind, str):
                yield ErrorSpan(name)
        else:
            yield timed(name, *item)


def _timed_before(read: Sequence[str | tuple[str, str]]) -> Iterator[ErrorSpan]:
    """Errors with the times before them, as in "from 1s to 2s: knees forward"; each needs its own."""
    waiting: list[tuple[str, str]] = []
    for item in (*read, ""):
        if isinstance(item, tuple):
            waiting.append(item)
            continue
        if bool(item) != bool(waiting):
            raise AnswerError(f"cannot tell which error is when: {_quoted(' '.join(map(str, read)))}")
        yield from (timed(item, *times) for times in waiting)
        waiting = []


def _before_aside(exercise: Exercise, sentence: str) -> int:
    """Where a sentence's errors end: before a clause that only says why, and denies nothing."""
    aside = _ASIDE.search(sentence)
    if aside is None or _error_phrases(exercise).pattern.search(aside.group()):
        return len(sentence)
    return aside.start()


def _behind_lead_in(exercise: Exercise, sentence: str) -> int:
    """Where a sentence's errors begin: behind a lead-in of its own, which names none and ends in a colon."""
    lead_in, colon, _ = sentence.partition(": ")
    if not colon or re.search(r"\d", lead_in) or claims_correct(lead_in):
        return 0
    return 0 if _error_phrases(exercise).pattern.search(lead_in) else len(lead_in) + 1


def _contradicts(lead_in: str) -> bool:
    """Whether what introduces a list of errors denies them."""
    return not EXCEPT.search(lead_in) and any(claims_correct(sentence) for sentence in sentences(lead_in))


def _takes_back(exercise: Exercise, listed: str) -> bool:
    """Whether a sentence behind the errors says that there are none, or that the whole was done well."""
    named = _error_phrases(exercise).pattern
    return any(
        claims_correct(sentence) and _WHOLE.search(sentence) and not named.search(sentence)
        for sentence in sentences(listed)
    )
