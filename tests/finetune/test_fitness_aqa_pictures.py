"""Archives of images are not trusted: nothing in them chooses where it goes or how much it takes."""

from __future__ import annotations

import stat
import struct
import warnings
import zipfile
import zlib
from pathlib import Path

import pytest
from mini_aqa import SHALLOW, picture, zipped

from finetune import layout
from finetune.convert import convert
from finetune.fitness_aqa import read_data_set
from finetune.fitness_aqa.pictures import MOST_BYTES, claimed_size, scan_picture
from streamaqa.errors import UsageError

ARCHIVE = layout.SHALLOW.archive


def good() -> dict[str, bytes]:
    """Members as they should be."""
    return {f"images/{name}.jpg": picture(60) for name in SHALLOW}


def png(width: int, height: int) -> bytes:
    """A PNG's beginning that claims a size."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    )


@pytest.mark.parametrize("name", ["../../evil.jpg", "/etc/evil.jpg", "C:/evil.jpg", "a\\..\\..\\evil.jpg"])
def test_an_archive_that_points_outside_is_refused(mini: Path, name: str) -> None:
    (mini / ARCHIVE).write_bytes(zipped(good() | {name: picture(1)}))
    with pytest.raises(UsageError, match="points outside"):
        read_data_set(mini)


def test_an_archive_with_links_is_refused(mini: Path) -> None:
    (mini / ARCHIVE).write_bytes(zipped(good()))
    link = zipfile.ZipInfo("images/3000_1_10.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(mini / ARCHIVE, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(UsageError, match="is a link"):
        read_data_set(mini)


def test_an_archive_made_to_fill_a_disk_is_refused(mini: Path) -> None:
    with zipfile.ZipFile(mini / ARCHIVE, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images/3000_1_10.jpg", bytes(8 * 2**20))
    with pytest.raises(UsageError, match="times its size"):
        read_data_set(mini)


def test_a_member_that_claims_too_much_is_refused(mini: Path) -> None:
    content = zipped(good())
    entry = content.index(b"PK\x01\x02")  # in the directory, the unpacked size stands 24 bytes in
    huge = struct.pack("<I", MOST_BYTES + 1)
    (mini / ARCHIVE).write_bytes(content[: entry + 24] + huge + content[entry + 28 :])
    with pytest.raises(UsageError, match="wanted 64 at most"):
        read_data_set(mini)


def test_an_archive_that_is_none_is_listed(mini: Path) -> None:
    (mini / ARCHIVE).write_bytes(b"PK no zip")
    with pytest.raises(UsageError, match="no zip archive"):
        read_data_set(mini)


def test_a_damaged_image_is_named_left_out_and_counted(mini: Path) -> None:
    names = sorted(SHALLOW)
    members = good()
    members[f"images/{names[0]}.jpg"] = b"no picture"
    members[f"images/{names[1]}.jpg"] = png(50_000, 50_000)
    members[f"images/{names[2]}.jpg"] = png(20, 20)
    content = zipped(members)
    at = content.index(members[f"images/{names[3]}.jpg"]) + 100
    (mini / ARCHIVE).write_bytes(content[:at] + b"\xff\x00\xff" + content[at + 3 :])
    data = read_data_set(mini, ["shallow"])
    assert [(p.kind, p.where.removeprefix("shallow/")) for p in data.problems] == [
        ("damaged image", name) for name in names
    ]
    no_picture, huge, empty, changed = (problem.what for problem in data.problems)
    assert no_picture == "no JPEG or PNG picture"
    assert huge == "claims 50000 x 50000 pixels"
    assert empty == "cannot be decoded"
    assert "CRC" in changed
    assert data.left_out == 4


def test_an_image_that_is_there_twice_is_not_chosen_by_chance(mini: Path) -> None:
    (mini / ARCHIVE).write_bytes(zipped(good() | {"more/3000_1_10.png": picture(1)}))
    (problem,) = read_data_set(mini, ["shallow"]).problems
    assert (problem.kind, problem.where) == ("image found twice", "shallow/3000_1_10")


def test_a_huge_picture_is_measured_without_a_warning_or_a_decoding() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert claimed_size(png(60_000, 60_000)) == (60_000, 60_000)
        assert scan_picture(png(60_000, 60_000)).damage == "claims 60000 x 60000 pixels"
    assert claimed_size(picture(3)) == (30, 40)
    assert claimed_size(b"") is None


def test_images_are_unpacked_to_the_names_of_our_own_layout(mini: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    convert(read_data_set(mini, ["shallow"]), out)
    unpacked = sorted(path.relative_to(out / "images").as_posix() for path in out.rglob("*.jpg"))
    assert unpacked == [f"{layout.SHALLOW.unpacked}/{name}.jpg" for name in sorted(SHALLOW)]
    with zipfile.ZipFile(mini / ARCHIVE) as archive:
        for name in SHALLOW:
            at = out / "images" / layout.SHALLOW.unpacked / f"{name}.jpg"
            assert at.read_bytes() == archive.read(f"images/{name}.jpg")
