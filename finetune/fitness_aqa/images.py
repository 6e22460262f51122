"""Reads the parts that consist of still images, each labelled 0 or 1 for one error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from finetune.clips import Clip
from finetune.fitness_aqa.files import Files, Labels, Splits, read_splits
from finetune.fitness_aqa.pictures import Picture, PictureReader, Pictures, scan_picture
from finetune.fitness_aqa.problems import Problem
from finetune.fitness_aqa.scan import Job, Scan, Scans
from finetune.fitness_aqa.videos import Found, Progress
from finetune.layout import SPLITS, ImagePart, Split
from streamaqa.errors import WindowError

ROW = "row"
"""Both parts of the barbell row share their images, so they are one part of clips."""


@dataclass(slots=True)
class _Labelled:
    """One part's labels."""

    part: ImagePart
    pictures: Pictures
    labels: Labels
    splits: Splits | None
    usable: dict[str, Split] = field(default_factory=dict)
    """Ids with which nothing is wrong."""


def read_images(files: Files, parts: Sequence[ImagePart], scans: Scans, progress: Progress) -> Found:
    """Read the clips of all image parts: an image that two parts label is one clip."""
    found = Found()
    archives: dict[str, Pictures] = {}
    labelled: list[_Labelled] = []
    for part in parts:
        if part.archive not in archives:
            archives[part.archive] = Pictures(files.root, part)
            found.problems += archives[part.archive].problems
        labelled.append(_read_part(files, part, archives[part.archive], found))
    scanned = _scan(files, labelled, scans, progress)
    for one in labelled:
        for name in [name for name in one.usable if scanned[one.pictures.of[name].file].damage]:
            damage = scanned[one.pictures.of[name].file].damage or ""
            found.problems.append(Problem("damaged image", f"{one.part.name}/{name}", damage))
            del one.usable[name]
            found.left_out += 1
    found.clips = list(_clips(labelled, scanned, found))
    for archive, pictures in archives.items():
        sharing = [one for one in labelled if one.part.archive == archive]
        named = set().union(*(one.labels for one in sharing))
        found.unlabelled += len(pictures.of.keys() - named)
    return found


def _read_part(files: Files, part: ImagePart, pictures: Pictures, found: Found) -> _Labelled:
    before = len(files.problems)
    labels = files.labels(part.labels, part.name)
    splits = read_splits(files, {split: part.split(split) for split in SPLITS}, part.name)
    bad = {problem.where for problem in files.problems[before:] if problem.kind == "labelled twice"}
    if splits:
        found.problems += splits.problems
        bad |= {problem.where for problem in splits.problems}
    one = _Labelled(part, pictures, labels or {}, splits)
    unreadable = any(problem.stops for problem in pictures.problems)
    for name in sorted({*(labels or ()), *(splits.ids if splits else ())}):
        where = f"{part.name}/{name}"
        wrong = list(_wrong(one, name, whole=labels is not None, archive=not unreadable))
        found.problems += [Problem(problem.kind, where, problem.what) for problem in wrong]
        split = splits.of.get(name) if splits else None
        if wrong or where in bad or split is None or name not in pictures.of:
            found.left_out += 1
        else:
            one.usable[name] = split
    return one


def _wrong(one: _Labelled, name: str, *, whole: bool, archive: bool) -> Iterable[Problem]:
    """All that is wrong with one id. A file that could not be read accuses no image."""
    part = one.part
    if archive and name not in one.pictures.of:
        yield Problem("missing image", "", f"is neither in {part.archive} nor in {part.unpacked}/")
    if name in one.pictures.twice:
        yield Problem("image found twice", "", f"{one.pictures.of[name].file} and {one.pictures.twice[name]}")
    if one.splits and name not in one.splits.ids:
        yield Problem("in no split", "", "is labelled, but in no split")
    if whole and name not in one.labels:
        yield Problem("not labelled", "", f"{part.labels} has nothing of it")
    elif whole and (isinstance(one.labels[name], bool) or one.labels[name] not in (0, 1)):
        yield Problem("not a label", "", f"{part.error} is {one.labels[name]!r}, wanted 0 or 1")


def _scan(files: Files, labelled: Sequence[_Labelled], scans: Scans, progress: Progress) -> dict[str, Scan]:
    pictures = {one.pictures.of[name].file: one.pictures.of[name] for one in labelled for name in one.usable}
    if not pictures:
        return {}
    with PictureReader(files.root) as reader:
        for archive in {picture.archive for picture in pictures.values() if picture.archive}:
            reader.open(archive)
        jobs = [_job(files, reader, picture) for picture in pictures.values()]
        return scans.scan(jobs, progress("images", len(jobs)))


def _job(files: Files, reader: PictureReader, picture: Picture) -> Job:
    def run() -> Scan:
        try:
            return scan_picture(reader.read(picture.file, picture.archive, picture.member))
        except WindowError as error:
            return Scan((), (0, 0), str(error))

    if picture.archive is not None:
        return Job(picture.file, f"{picture.archive} {picture.member} {picture.checksum}", run)
    about = (files.root / picture.file).stat()
    return Job(picture.file, f"{picture.file} {about.st_size} {about.st_mtime_ns}", run)


def _clips(labelled: Sequence[_Labelled], scanned: Mapping[str, Scan], found: Found) -> Iterator[Clip]:
    """One clip for each image, with what was labelled of it in its split.

    Each error has splits of its own, so an image can be in training for one and in test for another. It then
    belongs to the split that is held out most, with that one's labels only: what is tested on is never
    trained on, and every error's test split is the data set's.
    """
    together: dict[tuple[str, str], list[_Labelled]] = {}
    for one in labelled:
        for name in one.usable:
            together.setdefault((one.part.archive, name), []).append(one)
    for (_, name), ones in sorted(together.items()):
        split = max((one.usable[name] for one in ones), key=SPLITS.index)
        here = [one for one in ones if one.usable[name] == split]
        found.passed_over += len(ones) - len(here)
        part, picture = here[0].part, here[0].pictures.of[name]
        shared = ROW if part.exercise == "barbell_row" else part.name
        yield Clip(
            id=f"{shared}/{name}",
            part=shared,
            exercise=part.exercise,
            kind="image",
            file=picture.file,
            archive=picture.archive,
            member=picture.member,
            split=split,
            errors={one.part.error: () for one in here if one.labels[name] == 1},
            judged=tuple(one.part.error for one in here),
            size=scanned[picture.file].size,
        )
