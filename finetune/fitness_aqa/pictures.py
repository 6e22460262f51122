"""Still images: where each lies, in a folder or in a zip archive that is not to be trusted."""

from __future__ import annotations

import io
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from finetune.fitness_aqa.problems import Problem
from finetune.fitness_aqa.scan import Scan
from finetune.layout import PICTURE_SUFFIXES, ImagePart
from streamaqa.errors import UsageError, WindowError
from streamaqa.windows import decode

MOST_BYTES = 64 * 2**20
"""Of one picture. A 50-megapixel JPEG at best quality takes 30 MB."""
MOST_PIXELS = 100_000_000
"""Of one picture: 300 MB decoded. The data set's are frames of phone videos, 2 megapixels."""
MOST_RATIO = 200
"""Unpacked over packed: JPEG and PNG hardly shrink, an archive made to fill a disk shrinks a thousandfold."""
MOST_MEMBERS = 1_000_000

_DAMAGE = (OSError, ValueError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)
"""What `zipfile` raises for a member that cannot be unpacked: RuntimeError where it is encrypted,
NotImplementedError for a compression it lacks, the others for bytes that are damaged or missing."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Where the pixels of a still image are."""

    file: str
    """Relative to the data set's folder; for one in an archive, where unpacking would put it."""
    archive: str | None = None
    member: str | None = None
    checksum: int = 0
    """Of an archive's member: tells one that was replaced."""


class Pictures:
    """The pictures of a part by their id, which is the file's name without suffix."""

    def __init__(self, root: Path, part: ImagePart) -> None:
        self.of: dict[str, Picture] = {}
        self.twice: dict[str, str] = {}
        """Ids that two files have, with the second's name."""
        self.problems: list[Problem] = []
        self.present = True
        folder, archive = root / part.unpacked, root / part.archive
        if not folder.is_dir() and not archive.is_file():
            self.present = False
            return
        if folder.is_dir():
            self._put(_in_folder(root, folder))
        if archive.is_file():
            unpacked = set(self.of)
            packed = self._in_archive(archive, part)
            self._put(item for item in packed if item[0] not in unpacked)

    def _put(self, found: Iterator[tuple[str, Picture]]) -> None:
        for name, picture in found:
            if name in self.of:
                self.twice[name] = picture.member or picture.file
            else:
                self.of[name] = picture

    def _in_archive(self, path: Path, part: ImagePart) -> Iterator[tuple[str, Picture]]:
        try:
            with zipfile.ZipFile(path) as archive:
                members = archive.infolist()
        except _DAMAGE as error:
            self.problems.append(Problem("unreadable file", part.archive, f"no zip archive: {error}"))
            return
        if len(members) > MOST_MEMBERS:
            self.problems.append(Problem("unsafe archive", part.archive, f"holds {len(members):,} members"))
            return
        for member in members:
            if wrong := _unsafe(member):
                self.problems.append(Problem("unsafe archive", part.archive, f"{member.filename!r} {wrong}"))
            elif not member.is_dir() and (name := _picture_name(PurePosixPath(member.filename))):
                file = f"{part.unpacked}/{PurePosixPath(member.filename).name}"
                yield name, Picture(file, part.archive, member.filename, member.CRC)


def _in_folder(root: Path, folder: Path) -> Iterator[tuple[str, Picture]]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        for file in sorted(names):
            if name := _picture_name(PurePosixPath(file)):
                yield name, Picture((Path(place) / file).relative_to(root).as_posix())


def _picture_name(path: PurePosixPath) -> str | None:
    """The id; None for what is no picture, or only a Mac's note about one (`__MACOSX/._name.jpg`)."""
    if path.name.startswith(".") or path.suffix.lower() not in PICTURE_SUFFIXES:
        return None
    return path.stem


def _unsafe(member: zipfile.ZipInfo) -> str | None:
    """Why a member is not to be unpacked."""
    name = member.filename
    if name.startswith(("/", "\\")) or "\\" in name or ":" in name or ".." in PurePosixPath(name).parts:
        return "points outside the archive's folder"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a link"
    if member.file_size > MOST_BYTES:
        return f"unpacks to {member.file_size / 2**20:,.0f} MB, wanted {MOST_BYTES // 2**20} at most"
    if member.file_size > 2**20 and member.file_size > MOST_RATIO * member.compress_size:
        return f"unpacks to {member.file_size / max(member.compress_size, 1):,.0f} times its size"
    return None


class PictureReader:
    """Reads pictures' bytes; keeps the archives open. May be used by several threads. Close it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._archives: dict[str, zipfile.ZipFile] = {}

    def open(self, archive: str) -> None:
        """Open an archive; UsageError if it is none. To be called before threads read from it."""
        if archive not in self._archives:
            try:
                self._archives[archive] = zipfile.ZipFile(self._root / archive)
            except _DAMAGE as error:
                raise UsageError(f"{self._root / archive}: no zip archive: {error}") from None

    def read(self, file: str, archive: str | None, member: str | None) -> bytes:
        """The picture's file as bytes; WindowError says why it cannot be had."""
        try:
            if archive is None or member is None:
                with (self._root / file).open("rb") as opened:
                    content = opened.read(MOST_BYTES + 1)
            else:
                with self._archives[archive].open(member) as packed:
                    content = packed.read(MOST_BYTES + 1)  # headers may lie about the size
        except _DAMAGE as error:
            raise WindowError(f"cannot be read: {error}") from None
        if len(content) > MOST_BYTES:
            raise WindowError(f"larger than {MOST_BYTES // 2**20} MB")
        return content

    def close(self) -> None:
        """Close the archives."""
        for archive in self._archives.values():
            archive.close()

    def __enter__(self) -> PictureReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def scan_picture(content: bytes) -> Scan:
    """Look whether a picture can be decoded, its size first: a small file may claim a huge picture."""
    size = claimed_size(content)
    if size is None:
        return Scan((), (0, 0), "no JPEG or PNG picture")
    if size[0] * size[1] > MOST_PIXELS:
        return Scan((), (0, 0), f"claims {size[0]} x {size[1]} pixels")
    try:
        height, width = decode(content).shape[:2]
    except WindowError:
        return Scan((), (0, 0), "cannot be decoded")
    return Scan((0.0,), (width, height))


def claimed_size(content: bytes) -> tuple[int, int] | None:
    """Width and height as a JPEG's or PNG's header has them; None for anything else."""
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile

    # Not `Image.open`, which judges the size by a warning: warnings are no business of a thread.
    for kind in (JpegImageFile, PngImageFile):
        try:
            with kind(io.BytesIO(content)) as header:
                width, height = header.size
                return width, height
        except (SyntaxError, ValueError, OSError):  # SyntaxError is how Pillow says "not mine"
            continue
    return None
