"""Whether a sentence of an answer says that nothing is wrong, that something is, or neither."""

from __future__ import annotations

import re

NOT = r"(?:\b(?:not|never|no|nor|neither|none|cannot|hardly|fails?)|n't)\b"
_FAULT = r"(?:errors?|mistakes?|faults?|issues?|problems?|flaws?|deviations?|wrong)"
_FREE_OF = r"(?:with ?out|free (?:of|from)|avoid(?:s|ed|ing)?)"
EXCEPT = re.compile(
    r"\b(?:except|but|apart from|aside from|other than|besides|however|although|though"
    r"|almost|nearly|mostly|partly|partially)\b",
    re.IGNORECASE,
)
_OTHERS = re.compile(r"\b(?:other|further|additional|more|otherwise|rest)\b", re.IGNORECASE)
_NO_ERROR = re.compile(
    rf"(?:\b(?:no|not|never|none|neither|cannot)|n't)\b(?: (?!{_FREE_OF})\w+){{0,6}}? {_FAULT}\b"
    rf"|(?<!not )(?<!n't )\b{_FREE_OF}\b(?: \w+){{0,5}}? {_FAULT}\b|\b(?:zero|0) (?:\w+ )?{_FAULT}\b"
    r"|\bnothing(?: \w+){0,2} wrong\b|^\W*(?:none|neither) of (?:them|these|those)\b"
    rf"|\b{_FAULT}\b[^?]*\?\W*(?:no|none|nothing)\b"
    r"|^\W*no,? (?:\w+ ){1,3}?(?:(?:is|are|does|do|did|has)(?: not|n't)|'s not)\W*$"
    r"|^\W*(?:no|none|nothing)\W*$|:\s*(?:(?:no|none|nothing|n/a)\W*|\[ ?\]|-)$",
    re.IGNORECASE,
)
# "his right knee" and "a clean and press" praise nothing, nor does "Well, ..." or "as well as".
_GOOD = re.compile(
    r"\b(?:correctly|properly|perfectly|cleanly|accurately|flawless(?:ly)?)\b"
    r"|(?<=[a-z] )(?<!as )\bwell\b(?! as\b)"
    rf"|\b{_FAULT}[ -]free\b|\ball good\b"
    r"|(?:\b(?:is|are|was|looks?|seems?)|'s) (?:\w+ )?(?:correct|good|proper|perfect|fine|clean|accurate)\b"
    r"|\b(?:is|are|was|looks?|it|them|performed|done|executed) (?:right|correct)(?! \w)"
    r"|\b(?:correct|good|proper|perfect|excellent|great|clean|right) (?:\w+ )?"
    r"(?:form|technique|posture|execution|rep|repetition|manner|way|exercise)\b"
    r"|^\W*(?:correct|good|perfect)\W*$",
    re.IGNORECASE,
)
# How it should be is not how it is: "to perform it properly, ...", "it should be done well".
_WISHED = re.compile(
    r"\b(?:should|would|could|must|needs?|try|ensure|make sure|to (?:do|make|perform|execute|get|keep))\b",
    re.IGNORECASE,
)
_BAD = re.compile(
    rf"\b{_FAULT}\b(?![ -]free)|\b(?:incorrect|improper|imperfect|inaccurate|poor|bad)(?:ly)?\b",
    re.IGNORECASE,
)


def sentences(text: str) -> list[str]:
    """Its sentences; a question keeps its mark, and the yes or no that answers it."""
    parts = re.split(
        r"(?<=[.!;])(?:['\")\]]*(?:\s+|$))|(?<=\?)['\")\]]*\s+(?!(?:yes|no|none|nothing)\b)",
        text,
        flags=re.IGNORECASE,
    )
    bare = (part.strip().rstrip(" .!;'\"") for part in parts)
    return [part for part in bare if re.search(r"\w", part)]


def claims_correct(sentence: str) -> bool:
    """Whether it says that nothing is wrong: that there is no error, or that it is done well."""
    if _qualified(sentence):
        return False
    praised = _GOOD.search(sentence) and not re.search(NOT, sentence, re.IGNORECASE)
    return bool(_NO_ERROR.search(sentence) or (praised and not _WISHED.search(sentence)))


def claims_wrong(sentence: str) -> bool:
    """Whether it says that something is wrong, whatever that may be."""
    return bool(_BAD.search(sentence)) and not _NO_ERROR.search(sentence) and not sentence.endswith("?")


def _qualified(sentence: str) -> bool:
    return bool(EXCEPT.search(sentence) or _OTHERS.search(sentence))
