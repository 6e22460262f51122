"""Is it the folder it should be? What was expected, what was found, and where the right one may be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from finetune.fitness_aqa.problems import Problem
from finetune.layout import PARTS, SPLITS, ImagePart, VideoPart
from streamaqa.errors import UsageError

GROUPS = {"row": ("lumbar", "torso")}
"""Names for several parts at once."""

MOST_LISTED = 20
"""Names of a folder that are told; more would hide what was expected."""

Part = VideoPart | ImagePart


def chosen_parts(only: Sequence[str] | None) -> tuple[Part, ...]:
    """The parts of those names; all without any. UsageError names the first that is unknown."""
    if not only:
        return PARTS
    known = {part.name for part in PARTS}
    names: set[str] = set()
    for name in only:
        if name not in known | GROUPS.keys():
            there = ", ".join((*(part.name for part in PARTS), *GROUPS))
            raise UsageError(f"--only: no part {name!r} of the data set; there are {there}")
        names |= {*GROUPS.get(name, (name,))}
    return tuple(part for part in PARTS if part.name in names)


def expected(part: Part) -> Iterator[str]:
    """What has to be there to read a part. Of ways to have the images, the archive's."""
    if isinstance(part, VideoPart):
        yield f"{part.videos}/"
        yield from part.labels.values()
    else:
        yield part.archive
        yield part.labels
    for split in SPLITS:
        yield part.split(split)


def is_there(root: Path, wanted: str, part: Part) -> bool:
    """Whether something that is expected is there."""
    if isinstance(part, ImagePart) and wanted == part.archive and (root / part.unpacked).is_dir():
        return True
    return (root / wanted).is_dir() if wanted.endswith("/") else (root / wanted).is_file()


def missing(root: Path, parts: Iterable[Part]) -> list[Problem]:
    """What is expected and not there."""
    return [
        Problem("other shape", wanted, _advice(root, wanted))
        for wanted in dict.fromkeys(_wanted(root, parts, there=False))
    ]


def _wanted(root: Path, parts: Iterable[Part], *, there: bool) -> Iterator[str]:
    for part in parts:
        yield from (wanted for wanted in expected(part) if is_there(root, wanted, part) is there)


def _advice(root: Path, wanted: str) -> str:
    packed = wanted.rstrip("/") + ".zip"
    if wanted.endswith("/") and (root / packed).is_file():
        return f"missing: unpack {packed}"
    return "missing"


def describe(root: Path, parts: Sequence[Part]) -> str:
    """What was expected and what was found, and a hint where there is one to give."""
    lines = [f"{root} does not have the shape of Fitness-AQA's folder.", "expected:"]
    width = max(len(wanted) for part in parts for wanted in expected(part))
    for wanted in dict.fromkeys(wanted for part in parts for wanted in expected(part)):
        part = next(part for part in parts if wanted in expected(part))
        state = "found" if is_there(root, wanted, part) else _advice(root, wanted)
        lines.append(f"  {wanted:<{width}}  {state}")
    lines.append(f"found in {root}: {_listed(root)}")
    whole = [part.name for part in parts if not missing(root, [part])]
    if elsewhere := _elsewhere(root, parts):
        lines.append(f"hint: {elsewhere} has that shape: give that folder")
    elif whole:
        lines.append(f"hint: to go on with what is whole: --only {','.join(whole)}")
    return "\n".join(lines)


def _listed(root: Path) -> str:
    names = sorted(f"{path.name}/" if path.is_dir() else path.name for path in root.iterdir())
    more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    return ", ".join(names[:MOST_LISTED]) + more if names else "nothing"


def _elsewhere(root: Path, parts: Sequence[Part]) -> Path | None:
    """A folder around or below `root` that has more of what is expected."""

    def score(folder: Path) -> int:
        return sum(1 for _ in _wanted(folder, parts, there=True))

    below = [path for path in sorted(root.iterdir()) if path.is_dir()][:MOST_LISTED]
    candidates = [
        *below,
        *(path for folder in below for path in _folders(folder)),
        *root.resolve().parents[:3],
    ]
    best = max(candidates, key=score, default=root)
    return best if score(best) > score(root) else None


def _folders(folder: Path) -> list[Path]:
    try:
        return [path for path in sorted(folder.iterdir()) if path.is_dir()][:MOST_LISTED]
    except OSError:
        return []
